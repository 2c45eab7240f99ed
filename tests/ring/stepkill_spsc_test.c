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
	{.name = "send 8 B", .prepare = prepare_producer, .call = call_send, .bytes = 8, .before = 1},
	{.name = "send 64 B", .prepare = prepare_producer, .call = call_send, .bytes = 64, .before = 1},
	{.name = "send 200 B", .prepare = prepare_producer, .call = call_send, .bytes = 200,
		.before = 1},
	{.name = "send 8 B, behind others", .beginning = {.left = 3, .left_bytes = 24},
		.prepare = prepare_producer, .call = call_send, .bytes = 8},
	{.name = "send 64 B, past a pad", .beginning = {.before_end = 24},
		.prepare = prepare_producer, .call = call_send, .bytes = 64, .only_records = true},
	{.name = "send 64 B, into the slack", .beginning = {.before_end = 64},
		.prepare = prepare_producer, .call = call_send, .bytes = 64, .only_records = true},
	{.name = "send 64 B, into the last slot", .beginning = {.before_end = 1},
		.prepare = prepare_producer, .call = call_send, .bytes = 64, .only_slots = true},
	{.name = "send into the last room", .beginning = {.left = 62, .left_bytes = 56},
		.prepare = prepare_producer, .call = call_send, .bytes = 56},
	{.name = "send 5 of 200 B to a ledger", .prepare = prepare_producer, .call = call_send,
		.bytes = 200, .before = 5, .only_records = true},
	{.name = "send 17 to a ledger", .prepare = prepare_producer, .call = call_send, .bytes = 8,
		.before = 16, .only_slots = true},
	{.name = "send_batch of 3", .beginning = {.left = 2, .left_bytes = 8},
		.prepare = prepare_producer, .call = call_send_batch, .bytes = 24, .count = 3},
	{.name = "send_batch of 3, past a pad", .beginning = {.before_end = 24},
		.prepare = prepare_producer, .call = call_send_batch, .bytes = 64, .count = 3,
		.only_records = true},
	{.name = "send_batch up to the end", .beginning = {.before_end = 144},
		.prepare = prepare_producer, .call = call_send_batch, .bytes = 64, .count = 2,
		.batch = 3, .only_records = true},
	{.name = "send_batch over the wrap", .beginning = {.before_end = 2},
		.prepare = prepare_producer, .call = call_send_batch, .bytes = 64, .count = 3,
		.only_slots = true},
	{.name = "reserve 200 B", .prepare = prepare_producer, .call = call_reserve, .bytes = 200},
	{.name = "reserve 200 B, commit 64 B", .prepare = prepare_producer,
		.call = call_reserve_commit, .bytes = 64, .reserved_bytes = 200,
		.only_records = true},
	{.name = "reserve 64 B, commit 24 B", .prepare = prepare_producer,
		.call = call_reserve_commit, .bytes = 24, .reserved_bytes = 64, .only_slots = true},
	{.name = "reserve, commit past a pad", .beginning = {.before_end = 24},
		.prepare = prepare_producer, .call = call_reserve_commit, .bytes = 64,
		.reserved_bytes = 200, .only_records = true},
	{.name = "reserve, discard", .beginning = {.left = 1, .left_bytes = 8},
		.prepare = prepare_producer, .call = call_reserve_discard, .bytes = 64},
	{.name = "close", .beginning = {.left = 2, .left_bytes = 8}, .prepare = prepare_producer,
		.call = call_close, .bytes = 8},
	{.name = "close behind an unwritten ledger", .prepare = prepare_producer,
		.call = call_close, .bytes = 8, .before = 3},
	{.name = "close a full ring", .beginning = {.full = true, .left_bytes = 56},
		.prepare = prepare_producer, .call = call_close, .bytes = 8},
	{.name = "detach", .beginning = {.left = 1, .left_bytes = 8}, .prepare = prepare_producer,
		.call = call_detach, .bytes = 8, .before = 3, .comes_or_goes = true},
	{.name = "detach with a reservation", .prepare = prepare_reserved, .call = call_detach,
		.bytes = 24, .comes_or_goes = true},
};

enum { PRODUCERS = sizeof producers / sizeof *producers };

Test(stepkill_spsc, a_producer_of_records_dies_beside_a_consumer)
{
	run_scenes(producers, PRODUCERS, GYRE_PRODUCER, &settings[0]);
}

Test(stepkill_spsc, a_producer_of_records_dies_alone)
{
	run_scenes(producers, PRODUCERS, GYRE_PRODUCER, &settings[1]);
}

Test(stepkill_spsc, a_producer_of_slots_dies_beside_a_consumer)
{
	run_scenes(producers, PRODUCERS, GYRE_PRODUCER, &settings[2]);
}

Test(stepkill_spsc, a_producer_of_slots_dies_alone)
{
	run_scenes(producers, PRODUCERS, GYRE_PRODUCER, &settings[3]);
}

/* ---- Consumers ---- */

static const struct scene consumers[] = {
	{.name = "receive 8 B", .beginning = {.left = 2, .left_bytes = 8},
		.prepare = prepare_consumer, .call = call_receive, .bytes = 8, .before = 1},
	{.name = "receive 64 B", .beginning = {.left = 3, .left_bytes = 64},
		.prepare = prepare_consumer, .call = call_receive, .bytes = 64, .before = 1},
	{.name = "receive 200 B", .beginning = {.left = 3, .left_bytes = 200},
		.prepare = prepare_consumer, .call = call_receive, .bytes = 200, .before = 1},
	{.name = "receive past a pad", .beginning = {.before_end = 24, .left = 2, .left_bytes = 64},
		.prepare = prepare_consumer, .call = call_receive, .bytes = 64, .only_records = true},
	{.name = "receive behind a pad", .beginning = {.before_end = 96, .left = 3, .left_bytes = 64},
		.prepare = prepare_consumer, .call = call_receive, .bytes = 64, .before = 1,
		.only_records = true},
	{.name = "receive over the wrap", .beginning = {.before_end = 1, .left = 3, .left_bytes = 64},
		.prepare = prepare_consumer, .call = call_receive, .bytes = 64, .before = 1,
		.only_slots = true},
	{.name = "receive and show the head", .beginning = {.left = 6, .left_bytes = 200},
		.prepare = prepare_consumer, .call = call_receive, .bytes = 200, .before = 4,
		.only_records = true},
	{.name = "receive 16 and show the head", .beginning = {.left = 20, .left_bytes = 8},
		.prepare = prepare_consumer, .call = call_receive, .bytes = 8, .before = 15,
		.only_slots = true},
	{.name = "receive from a full ring", .beginning = {.full = true, .left_bytes = 56},
		.prepare = prepare_consumer, .call = call_receive, .bytes = 56},
	{.name = "receive of nothing", .beginning = {.left = 1, .left_bytes = 8},
		.prepare = prepare_consumer, .call = call_receive, .bytes = 8, .before = 1},
	{.name = "receive of the close", .beginning = {.closed = true}, .prepare = prepare_consumer,
		.call = call_receive, .bytes = 8},
	{.name = "receive of the last, then the close",
		.beginning = {.left = 1, .left_bytes = 8, .closed = true},
		.prepare = prepare_consumer, .call = call_receive, .bytes = 8, .before = 1},
	{.name = "receive_batch of 3", .beginning = {.left = 4, .left_bytes = 64},
		.prepare = prepare_consumer, .call = call_receive_batch, .bytes = 64, .count = 3},
	{.name = "receive_batch of 3, over a pad",
		.beginning = {.before_end = 96, .left = 4, .left_bytes = 64},
		.prepare = prepare_consumer, .call = call_receive_batch, .bytes = 64, .count = 3,
		.only_records = true},
	{.name = "receive_batch over the wrap",
		.beginning = {.before_end = 2, .left = 4, .left_bytes = 64},
		.prepare = prepare_consumer, .call = call_receive_batch, .bytes = 64, .count = 3,
		.only_slots = true},
	{.name = "receive_batch up to the close",
		.beginning = {.left = 2, .left_bytes = 24, .closed = true},
		.prepare = prepare_consumer, .call = call_receive_batch, .bytes = 24, .count = 2,
		.batch = 3},
	{.name = "peek", .beginning = {.left = 2, .left_bytes = 64}, .prepare = prepare_consumer,
		.call = call_peek, .bytes = 64},
	{.name = "peek behind a pad", .beginning = {.before_end = 24, .left = 1, .left_bytes = 64},
		.prepare = prepare_consumer, .call = call_peek, .bytes = 64, .only_records = true},
	{.name = "peek, release", .beginning = {.left = 2, .left_bytes = 64},
		.prepare = prepare_consumer, .call = call_peek_release, .bytes = 64},
	{.name = "peek_batch, release_batch of 3", .beginning = {.left = 4, .left_bytes = 24},
		.prepare = prepare_consumer, .call = call_peek_release_batch, .bytes = 24, .count = 3},
	{.name = "peek_batch, release_batch, a pad",
		.beginning = {.before_end = 96, .left = 4, .left_bytes = 64},
		.prepare = prepare_consumer, .call = call_peek_release_batch, .bytes = 64, .count = 3,
		.only_records = true},
	{.name = "release the last before the close",
		.beginning = {.left = 2, .left_bytes = 24, .closed = true},
		.prepare = prepare_consumer, .call = call_peek_release_batch, .bytes = 24, .count = 2,
		.batch = 3},
	{.name = "detach", .beginning = {.left = 3, .left_bytes = 24}, .prepare = prepare_consumer,
		.call = call_detach, .bytes = 24, .before = 1},
	{.name = "detach with messages held", .beginning = {.left = 3, .left_bytes = 24},
		.prepare = prepare_holding, .call = call_detach, .bytes = 24, .count = 2},
};

enum { CONSUMERS = sizeof consumers / sizeof *consumers };

Test(stepkill_spsc, a_consumer_of_records_dies_beside_a_producer)
{
	run_scenes(consumers, CONSUMERS, GYRE_CONSUMER, &settings[0]);
}

Test(stepkill_spsc, a_consumer_of_records_dies_alone)
{
	run_scenes(consumers, CONSUMERS, GYRE_CONSUMER, &settings[1]);
}

Test(stepkill_spsc, a_consumer_of_slots_dies_beside_a_producer)
{
	run_scenes(consumers, CONSUMERS, GYRE_CONSUMER, &settings[2]);
}

Test(stepkill_spsc, a_consumer_of_slots_dies_alone)
{
	run_scenes(consumers, CONSUMERS, GYRE_CONSUMER, &settings[3]);
}
