/*
 * kill -9 at every machine instruction of every public operation on the ring with one producer
 * and one consumer: whoever survives goes on, and everything that was acknowledged arrives.
 *
 * Points that nobody else can tell apart are killed at once; with GYRE_STEPKILL=every each
 * instruction is (half an hour). What survivors check: stepkill_ring.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <criterion/hooks.h>
#include "stepkill_ring.h"

enum {
	CAPACITY = 4096,
	SLOT = 64,
	SLOTS = 64,
	TIMEOUT_S = 120,
};

static bool kills_everywhere(void)
{
	const char *const how = getenv("GYRE_STEPKILL");

	return how != NULL && strcmp(how, "every") == 0;
}

/* Where the runner's standard error led before Criterion took it, for its tests. */
static const char OUT[] = "GYRE_STEPKILL_OUT";

static __attribute__((constructor)) void keep_stderr(void)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(),
		fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
	setenv(OUT, path, 0);
}

ReportHook(PRE_ALL)(struct criterion_test_set *set)
{
	if (!kills_everywhere())
		return;
	/* That takes its time. */
	FOREACH_SET(struct criterion_suite_set * suite, set->suites)
	{
		suite->suite.data->timeout = 3600;
	}
}

static void begin(void)
{
	const char *const why = stepkill_unavailable();

	if (why != NULL)
		cr_skip_test("%s", why);
	rings_open();
}

TestSuite(stepkill_spsc, .init = begin, .fini = rings_close, .timeout = TIMEOUT_S);

/* ---- In which rings, and before whom ---- */

struct setting {
	const char *name;
	bool slots;
	uint32_t wake;
	enum company company;
	enum gyre_role first;
};

static const struct setting settings[] = {
	{"records, membarrier, a peer is there", false, GYRE_WAKE_MEMBARRIER, COMPANY_THERE,
		GYRE_CONSUMER},
	{"records, fence, nobody is there", false, GYRE_WAKE_FENCE, COMPANY_NONE, GYRE_PRODUCER},
	{"slots, fence, a peer is there", true, GYRE_WAKE_FENCE, COMPANY_THERE, GYRE_CONSUMER},
	{"slots, membarrier, nobody is there", true, GYRE_WAKE_MEMBARRIER, COMPANY_NONE,
		GYRE_PRODUCER},
};

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
	fprintf(table->out, "\nspsc, %s:\n", where);
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

static void run_scenes(const struct scene *scenes, size_t count, enum gyre_role victim,
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

/* ---- Producers ---- */

static const struct scene producers[] = {
	{.name = "send 8 B",
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 8,
		.count = 1,
		.before = 1},
};

Test(stepkill_spsc, a_producer_dies_beside_a_consumer_of_records)
{
	run_scenes(producers, sizeof producers / sizeof *producers, GYRE_PRODUCER, &settings[0]);
}
