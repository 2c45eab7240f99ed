#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "facts.h"

struct table *facts_new(void)
{
	static const struct table_column columns[] = {
		{"WHAT", false, NULL}, {"VALUE", false, NULL}, {NULL, false, NULL}};
	static const struct table_choice both = {{0, 1}, 2};

	return table_new(columns, &both, true, false);
}

void fact(struct table *facts, const char *what, const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	table_row(facts);
	table_cell(facts, 0, what);
	table_cell(facts, 1, text != NULL ? text : "(out of memory)");
	free(text);
}
