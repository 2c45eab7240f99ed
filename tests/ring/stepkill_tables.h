/* Many scenes as one test, and their results as a table on the runner's standard error. */
#ifndef GYRE_TESTS_STEPKILL_TABLES_H
#define GYRE_TESTS_STEPKILL_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "stepkill.h"

/* Criterion's cases run side by side: what one has to say goes out in one piece. */
struct table {
	char *text;
	size_t bytes;
	FILE *out;
	bool clean;
};

/* For .init; .fini is rings_close(). Skips where nothing can be stepped. */
void scenes_open(void);

/* GYRE_STEPKILL=every: kill after every instruction. */
bool kills_everywhere(void);

void table_open(struct table *table, const char *where);
void table_add(struct table *table, const struct stepkill_result *result);
void table_close(struct table *table); /* prints it; fails if there is a fault in it */

#endif
