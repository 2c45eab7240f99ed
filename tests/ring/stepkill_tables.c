/*
 * Many scenes as one test, and their results as a table.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <criterion/hooks.h>
#include "../support/rings.h"
#include "stepkill_tables.h"

enum { EVERY_TIMEOUT_S = 4 * 3600 };

bool kills_everywhere(void)
{
	const char *const how = getenv("GYRE_STEPKILL");

	return how != NULL && strcmp(how, "every") == 0;
}

/* Where the runner's standard error led before Criterion took it. */
static const char OUT[] = "GYRE_STEPKILL_OUT";

/* The runner's environment is its tests'. */
static __attribute__((constructor)) void prepare_environment(void)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(),
		fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
	setenv(OUT, path, 0);
	/* Each round of a string instruction is a step: handles shall be cleared by wide stores. */
	setenv("GLIBC_TUNABLES", "glibc.cpu.x86_rep_stosb_threshold=1000000000", 0);
}

ReportHook(PRE_ALL)(struct criterion_test_set *set)
{
	if (!kills_everywhere())
		return;
	/* That takes its time. */
	FOREACH_SET(struct criterion_suite_set * suite, set->suites)
	{
		suite->suite.data->timeout = EVERY_TIMEOUT_S;
	}
}

void scenes_open(void)
{
	const char *const why = stepkill_unavailable();

	if (why != NULL)
		cr_skip_test("%s", why);
	rings_open();
}

void table_open(struct table *table, const char *where)
{
	table->clean = true;
	table->out = open_memstream(&table->text, &table->bytes);
	cr_assert(ne(ptr, table->out, NULL));
	fprintf(table->out, "\n%s:\n", where);
	stepkill_print_head(table->out);
}

void table_add(struct table *table, const struct stepkill_result *result)
{
	stepkill_print_row(table->out, result);
	stepkill_print_failures(table->out, result);
	table->clean &= stepkill_clean(result);
}

void table_close(struct table *table)
{
	const char *const path = getenv(OUT);
	FILE *const out = path != NULL ? fopen(path, "a") : NULL;

	fclose(table->out);
	fwrite(table->text, 1, table->bytes, out != NULL ? out : stderr);
	if (out != NULL)
		fclose(out);
	free(table->text);
	cr_assert(table->clean, "see the table");
}
