/*
 * Many scenes as one test, and their results as a table.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <criterion/hooks.h>
#include "stepkill_ring.h"

enum {
	SLOT = 64, /* bytes, if the messages are not longer */
	CAPACITY = 4096,
	EVERY_TIMEOUT_S = 4 * 3600,
};

static bool kills_everywhere(void)
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

/* Criterion's cases run side by side: what one has to say goes out in one piece. */
struct table {
	char *text;
	size_t bytes;
	FILE *out;
	bool clean;
};

static void table_open(struct table *table, const char *where)
{
	table->clean = true;
	table->out = open_memstream(&table->text, &table->bytes);
	cr_assert(ne(ptr, table->out, NULL));
	fprintf(table->out, "\n%s:\n", where);
	stepkill_print_head(table->out);
}

static void table_close(struct table *table)
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

static void run_one(struct table *table, const struct scene *scene, const struct setting *setting)
{
	const struct gyre_ring_options options = {
		.capacity_bytes = CAPACITY,
		.slot_bytes = !setting->slots       ? 0
			      : scene->bytes > SLOT ? (uint32_t)scene->bytes
						    : SLOT,
		.wake = setting->wake,
	};
	struct stepkill_result result;

	run_scene(scene, &options, kills_everywhere(), &result);
	stepkill_print_row(table->out, &result);
	stepkill_print_failures(table->out, &result);
	table->clean &= stepkill_clean(&result);
}

void run_scenes(const struct scene *scenes, size_t count, enum gyre_role victim,
	const struct setting *setting)
{
	struct table table;

	table_open(&table, setting->name);
	for (size_t i = 0; i < count; i++) {
		struct scene scene = scenes[i];

		if ((scene.only_slots && !setting->slots) || (scene.only_records && setting->slots))
			continue;
		scene.victim = victim;
		scene.company = setting->company;
		scene.first = setting->first;
		run_one(&table, &scene, setting);
	}
	table_close(&table);
}
