/* Tables by libsmartcols: aligned on a terminal, escaped and raw for scripts. */
#ifndef GYRE_TOOLS_TABLE_H
#define GYRE_TOOLS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct table;

struct table_column {
	const char *name; /* NULL ends an array of them */
	bool right;       /* numbers stand to the right */
	const char *help;
};

/* Which of the columns, in which order; from "KEY,STATE" in any case of letters. */
struct table_choice {
	unsigned char columns[32];
	unsigned count;
};

/* false, said on standard error: no such column. */
bool table_choose(
	const struct table_column *columns, const char *text, struct table_choice *ret_choice);

/* NULL, said on standard error: out of memory. */
struct table *table_new(const struct table_column *columns, const struct table_choice *choice,
	bool noheadings, bool raw);

/* A new row; cells are then put by the position of their column in the choice. */
void table_row(struct table *table);
void table_cell(struct table *table, unsigned position, const char *text);

/* Prints, if there are rows, and frees. Returns an exit status. */
int table_end(struct table *table);

#endif
