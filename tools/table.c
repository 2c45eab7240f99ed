/* A thin coat over libsmartcols, which escapes what is not printable. */
#include <libsmartcols.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "say.h"
#include "table.h"

struct table {
	struct libscols_table *scols;
	struct libscols_line *row;
	bool failed;
};

static int column_by_name(const struct table_column *columns, const char *name, size_t length)
{
	int i;

	for (i = 0; columns[i].name != NULL; i++) {
		if (strlen(columns[i].name) == length &&
			strncasecmp(columns[i].name, name, length) == 0)
			return i;
	}
	return -1;
}

bool table_choose(
	const struct table_column *columns, const char *text, struct table_choice *ret_choice)
{
	struct table_choice choice = {.count = 0};
	size_t length;
	int column;

	for (;; text += length + 1) {
		length = strcspn(text, ",");
		column = column_by_name(columns, text, length);
		if (column < 0 || choice.count == sizeof choice.columns) {
			say("no column '%.*s': --help lists them", (int)length, text);
			return false;
		}
		choice.columns[choice.count++] = (unsigned char)column;
		if (text[length] == '\0')
			break;
	}
	*ret_choice = choice;
	return true;
}

struct table *table_new(const struct table_column *columns, const struct table_choice *choice,
	bool noheadings, bool raw)
{
	struct table *table = calloc(1, sizeof *table);
	const struct table_column *column;
	unsigned i;

	if (table != NULL)
		table->scols = scols_new_table();
	if (table == NULL || table->scols == NULL) {
		free(table);
		say("out of memory");
		return NULL;
	}
	scols_table_enable_noheadings(table->scols, noheadings);
	scols_table_enable_raw(table->scols, raw);
	for (i = 0; i < choice->count; i++) {
		column = &columns[choice->columns[i]];
		if (scols_table_new_column(table->scols, column->name, 0,
			    column->right ? SCOLS_FL_RIGHT : 0) == NULL)
			table->failed = true;
	}
	return table;
}

void table_row(struct table *table)
{
	table->row = scols_table_new_line(table->scols, NULL);
	if (table->row == NULL)
		table->failed = true;
}

void table_cell(struct table *table, unsigned position, const char *text)
{
	if (table->row != NULL && scols_line_set_data(table->row, position, text) != 0)
		table->failed = true;
}

int table_end(struct table *table)
{
	const bool empty = table->row == NULL; /* of headings alone nobody has a use */
	const bool failed = table->failed || (!empty && scols_print_table(table->scols) != 0);

	scols_unref_table(table->scols);
	free(table);
	if (failed)
		say("the table could not be printed: out of memory");
	return failed ? STATUS_ERROR : STATUS_OK;
}
