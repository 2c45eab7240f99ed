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
	TIMEOUT_S = 300, /* some seconds, on a machine that has nothing else to do */
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

static const struct setting alone[] = {
	{"records, membarrier, the consumer goes on", false, GYRE_WAKE_MEMBARRIER, COMPANY_NONE,
		GYRE_CONSUMER},
	{"slots, fence, the producer goes on", true, GYRE_WAKE_FENCE, COMPANY_NONE, GYRE_PRODUCER},
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
		.before = 1},
	{.name = "send 64 B",
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 64,
		.before = 1},
	{.name = "send 200 B",
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 200,
		.before = 1},
	{.name = "send 8 B, behind others",
		.beginning = {.left = 3, .left_bytes = 24},
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 8},
	{.name = "send 64 B, past a pad",
		.beginning = {.before_end = 24},
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 64,
		.only_records = true},
	{.name = "send 64 B, into the slack",
		.beginning = {.before_end = 64},
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 64,
		.only_records = true},
	{.name = "send 64 B, into the last slot",
		.beginning = {.before_end = 1},
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 64,
		.only_slots = true},
	{.name = "send into the last room",
		.beginning = {.left = 62, .left_bytes = 56},
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 56},
	{.name = "send, and write the ledger",
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 200,
		.before = 4,
		.only_records = true},
	{.name = "send, and write the ledger",
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 8,
		.before = 16,
		.only_slots = true},
	{.name = "send_batch of 3",
		.beginning = {.left = 2, .left_bytes = 8},
		.prepare = prepare_producer,
		.call = call_send_batch,
		.bytes = 24,
		.count = 3},
	{.name = "send_batch of 3, past a pad",
		.beginning = {.before_end = 24},
		.prepare = prepare_producer,
		.call = call_send_batch,
		.bytes = 64,
		.count = 3,
		.only_records = true},
	{.name = "send_batch up to the end",
		.beginning = {.before_end = 160},
		.prepare = prepare_producer,
		.call = call_send_batch,
		.bytes = 64,
		.count = 2,
		.batch = 3,
		.only_records = true},
	{.name = "send_batch over the wrap",
		.beginning = {.before_end = 2},
		.prepare = prepare_producer,
		.call = call_send_batch,
		.bytes = 64,
		.count = 3,
		.only_slots = true},
	{.name = "reserve 200 B", .prepare = prepare_producer, .call = call_reserve, .bytes = 200},
	{.name = "reserve 200 B, commit 64 B",
		.prepare = prepare_producer,
		.call = call_reserve_commit,
		.bytes = 64,
		.reserved_bytes = 200,
		.only_records = true},
	{.name = "reserve 64 B, commit 24 B",
		.prepare = prepare_producer,
		.call = call_reserve_commit,
		.bytes = 24,
		.reserved_bytes = 64,
		.only_slots = true},
	{.name = "reserve, commit past a pad",
		.beginning = {.before_end = 24},
		.prepare = prepare_producer,
		.call = call_reserve_commit,
		.bytes = 64,
		.reserved_bytes = 200,
		.only_records = true},
	{.name = "reserve, discard",
		.beginning = {.left = 1, .left_bytes = 8},
		.prepare = prepare_producer,
		.call = call_reserve_discard,
		.bytes = 64},
	{.name = "close",
		.beginning = {.left = 2, .left_bytes = 8},
		.prepare = prepare_producer,
		.call = call_close,
		.bytes = 8},
	{.name = "close behind an unwritten ledger",
		.prepare = prepare_producer,
		.call = call_close,
		.bytes = 8,
		.before = 3},
	{.name = "close a full ring",
		.beginning = {.full = true, .left_bytes = 56},
		.prepare = prepare_producer,
		.call = call_close,
		.bytes = 8},
	{.name = "detach",
		.beginning = {.left = 1, .left_bytes = 8},
		.prepare = prepare_producer,
		.call = call_detach,
		.bytes = 8,
		.before = 3,
		.comes_or_goes = true},
	{.name = "detach with a reservation",
		.prepare = prepare_reserved,
		.call = call_detach,
		.bytes = 24,
		.comes_or_goes = true},
};

Test(stepkill_spsc, a_producer_of_records_dies_beside_a_consumer)
{
	run_scenes(producers, sizeof producers / sizeof *producers, GYRE_PRODUCER, &settings[0]);
}

Test(stepkill_spsc, a_producer_of_records_dies_alone)
{
	run_scenes(producers, sizeof producers / sizeof *producers, GYRE_PRODUCER, &settings[1]);
}

Test(stepkill_spsc, a_producer_of_slots_dies_beside_a_consumer)
{
	run_scenes(producers, sizeof producers / sizeof *producers, GYRE_PRODUCER, &settings[2]);
}

Test(stepkill_spsc, a_producer_of_slots_dies_alone)
{
	run_scenes(producers, sizeof producers / sizeof *producers, GYRE_PRODUCER, &settings[3]);
}

/* ---- Consumers ---- */

static const struct scene consumers[] = {
	{.name = "receive 8 B",
		.beginning = {.left = 2, .left_bytes = 8},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 8,
		.before = 1},
	{.name = "receive 64 B",
		.beginning = {.left = 3, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 64,
		.before = 1},
	{.name = "receive 200 B",
		.beginning = {.left = 3, .left_bytes = 200},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 200,
		.before = 1},
	{.name = "receive past a pad",
		.beginning = {.before_end = 24, .left = 2, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 64,
		.only_records = true},
	{.name = "receive behind a pad",
		.beginning = {.before_end = 96, .left = 3, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 64,
		.before = 1,
		.only_records = true},
	{.name = "receive over the wrap",
		.beginning = {.before_end = 1, .left = 3, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 64,
		.before = 1,
		.only_slots = true},
	{.name = "receive and show the head",
		.beginning = {.left = 6, .left_bytes = 200},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 200,
		.before = 4,
		.only_records = true},
	{.name = "receive and show the head",
		.beginning = {.left = 20, .left_bytes = 8},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 8,
		.before = 15,
		.only_slots = true},
	{.name = "receive from a full ring",
		.beginning = {.full = true, .left_bytes = 56},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 56},
	{.name = "receive of nothing",
		.beginning = {.left = 1, .left_bytes = 8},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 8,
		.before = 1},
	{.name = "receive of the close",
		.beginning = {.closed = true, .abandoned = true},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 8},
	{.name = "receive behind the last of all",
		.beginning = {.left = 1, .left_bytes = 8, .closed = true},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 8,
		.before = 1},
	{.name = "receive_batch of 3",
		.beginning = {.left = 4, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_receive_batch,
		.bytes = 64,
		.count = 3},
	{.name = "receive_batch of 3, over a pad",
		.beginning = {.before_end = 96, .left = 4, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_receive_batch,
		.bytes = 64,
		.count = 3,
		.only_records = true},
	{.name = "receive_batch over the wrap",
		.beginning = {.before_end = 2, .left = 4, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_receive_batch,
		.bytes = 64,
		.count = 3,
		.only_slots = true},
	{.name = "receive_batch up to the close",
		.beginning = {.left = 2, .left_bytes = 24, .closed = true},
		.prepare = prepare_consumer,
		.call = call_receive_batch,
		.bytes = 24,
		.count = 2,
		.batch = 3},
	{.name = "peek",
		.beginning = {.left = 2, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_peek,
		.bytes = 64},
	{.name = "peek behind a pad",
		.beginning = {.before_end = 24, .left = 1, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_peek,
		.bytes = 64,
		.only_records = true},
	{.name = "peek, release",
		.beginning = {.left = 2, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_peek_release,
		.bytes = 64},
	{.name = "peek_batch, release_batch of 3",
		.beginning = {.left = 4, .left_bytes = 24},
		.prepare = prepare_consumer,
		.call = call_peek_release_batch,
		.bytes = 24,
		.count = 3},
	{.name = "peek_batch, release_batch, a pad",
		.beginning = {.before_end = 96, .left = 4, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_peek_release_batch,
		.bytes = 64,
		.count = 3,
		.only_records = true},
	{.name = "release the last before the close",
		.beginning = {.left = 2, .left_bytes = 24, .closed = true},
		.prepare = prepare_consumer,
		.call = call_peek_release_batch,
		.bytes = 24,
		.count = 2,
		.batch = 3},
	{.name = "detach",
		.beginning = {.left = 3, .left_bytes = 24},
		.prepare = prepare_consumer,
		.call = call_detach,
		.bytes = 24,
		.before = 1},
	{.name = "detach with messages held",
		.beginning = {.left = 3, .left_bytes = 24},
		.prepare = prepare_holding,
		.call = call_detach,
		.bytes = 24,
		.count = 2},
};

Test(stepkill_spsc, a_consumer_of_records_dies_beside_a_producer)
{
	run_scenes(consumers, sizeof consumers / sizeof *consumers, GYRE_CONSUMER, &settings[0]);
}

Test(stepkill_spsc, a_consumer_of_records_dies_alone)
{
	run_scenes(consumers, sizeof consumers / sizeof *consumers, GYRE_CONSUMER, &settings[1]);
}

Test(stepkill_spsc, a_consumer_of_slots_dies_beside_a_producer)
{
	run_scenes(consumers, sizeof consumers / sizeof *consumers, GYRE_CONSUMER, &settings[2]);
}

Test(stepkill_spsc, a_consumer_of_slots_dies_alone)
{
	run_scenes(consumers, sizeof consumers / sizeof *consumers, GYRE_CONSUMER, &settings[3]);
}

/* ---- Sleepers, and those who wake them ---- */

static const struct setting blocked_settings[] = {
	{"records, membarrier, a peer waits", false, GYRE_WAKE_MEMBARRIER, COMPANY_BLOCKED,
		GYRE_CONSUMER},
	{"records, fence, a peer waits", false, GYRE_WAKE_FENCE, COMPANY_BLOCKED, GYRE_CONSUMER},
	{"slots, membarrier, a peer waits", true, GYRE_WAKE_MEMBARRIER, COMPANY_BLOCKED,
		GYRE_CONSUMER},
	{"slots, fence, a peer waits", true, GYRE_WAKE_FENCE, COMPANY_BLOCKED, GYRE_CONSUMER},
};

static const struct scene sleeping_producers[] = {
	{.name = "send to a full ring, asleep",
		.beginning = {.full = true, .left_bytes = 56},
		.prepare = prepare_producer,
		.call = call_send,
		.wake = wake_by_receiving,
		.bytes = 56,
		.timeout_ns = GYRE_FOREVER},
	{.name = "reserve in a full ring, asleep",
		.beginning = {.full = true, .left_bytes = 56},
		.prepare = prepare_producer,
		.call = call_reserve_commit,
		.wake = wake_by_receiving,
		.bytes = 56,
		.timeout_ns = 1000 * (int64_t)NS_PER_MS},
};

static const struct scene sleeping_consumers[] = {
	{.name = "receive, asleep",
		.prepare = prepare_consumer,
		.call = call_receive,
		.wake = wake_by_sending,
		.bytes = 64,
		.timeout_ns = GYRE_FOREVER},
	{.name = "peek, release, asleep",
		.prepare = prepare_consumer,
		.call = call_peek_release,
		.wake = wake_by_sending,
		.bytes = 64,
		.timeout_ns = 1000 * (int64_t)NS_PER_MS},
};

static const struct scene waking_producers[] = {
	{.name = "send to a sleeper", .prepare = prepare_producer, .call = call_send, .bytes = 8},
	{.name = "send_batch to a sleeper",
		.prepare = prepare_producer,
		.call = call_send_batch,
		.bytes = 24,
		.count = 3},
	{.name = "reserve, commit to a sleeper",
		.prepare = prepare_producer,
		.call = call_reserve_commit,
		.bytes = 24},
	{.name = "reserve before a sleeper",
		.prepare = prepare_producer,
		.call = call_reserve,
		.bytes = 24},
	{.name = "close before a sleeper",
		.prepare = prepare_producer,
		.call = call_close,
		.bytes = 8},
	{.name = "detach before a sleeper",
		.prepare = prepare_producer,
		.call = call_detach,
		.bytes = 8,
		.comes_or_goes = true},
};

/* Their first message makes room for the sleeper's, without a pad. */
static const struct scene waking_consumers[] = {
	{.name = "receive before a sleeper",
		.beginning = {.before_end = CAPACITY, .full = true, .left_bytes = 248},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 248,
		.only_records = true},
	{.name = "receive_batch, and wake a sleeper",
		.beginning = {.before_end = CAPACITY, .full = true, .left_bytes = 248},
		.prepare = prepare_consumer,
		.call = call_receive_batch,
		.bytes = 248,
		.count = 4,
		.only_records = true},
	{.name = "receive before a sleeper",
		.beginning = {.full = true, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 64,
		.only_slots = true},
	{.name = "release_batch, and wake a sleeper",
		.beginning = {.full = true, .left_bytes = 900},
		.prepare = prepare_consumer,
		.call = call_peek_release_batch,
		.bytes = 900,
		.count = 2,
		.only_slots = true},
	{.name = "detach before a sleeper",
		.beginning = {.full = true, .left_bytes = 56},
		.prepare = prepare_consumer,
		.call = call_detach,
		.bytes = 56},
};

Test(stepkill_spsc, sleepers_die_before_and_after_they_are_woken)
{
	for (size_t i = 1; i < 4; i += 2) {
		run_scenes(sleeping_producers,
			sizeof sleeping_producers / sizeof *sleeping_producers, GYRE_PRODUCER,
			&settings[i]);
		run_scenes(sleeping_consumers,
			sizeof sleeping_consumers / sizeof *sleeping_consumers, GYRE_CONSUMER,
			&settings[i]);
	}
}

Test(stepkill_spsc, a_producer_dies_before_a_consumer_that_sleeps)
{
	for (size_t i = 0; i < 4; i += 3)
		run_scenes(waking_producers, sizeof waking_producers / sizeof *waking_producers,
			GYRE_PRODUCER, &blocked_settings[i]);
}

Test(stepkill_spsc, a_consumer_dies_before_a_producer_that_sleeps)
{
	for (size_t i = 0; i < 4; i++)
		run_scenes(waking_consumers, sizeof waking_consumers / sizeof *waking_consumers,
			GYRE_CONSUMER, &blocked_settings[i]);
}

/* ---- Coming and going ---- */

static const struct scene arriving_producers[] = {
	{.name = "attach to a new ring",
		.beginning = {.unused = true},
		.call = call_attach_producer,
		.comes_or_goes = true},
	{.name = "attach",
		.beginning = {.left = 2, .left_bytes = 8},
		.call = call_attach_producer,
		.comes_or_goes = true},
	{.name = "attach after a death",
		.beginning = {.left = 3, .left_bytes = 24, .abandoned = true, .reserved = true},
		.call = call_attach_producer,
		.comes_or_goes = true},
};

static const struct scene arriving_consumers[] = {
	{.name = "attach to a new ring",
		.beginning = {.unused = true},
		.call = call_attach_consumer,
		.comes_or_goes = true},
	{.name = "attach",
		.beginning = {.left = 2, .left_bytes = 8},
		.call = call_attach_consumer,
		.comes_or_goes = true},
	{.name = "attach after a death",
		.beginning = {.left = 3, .left_bytes = 24, .abandoned = true, .reserved = true},
		.call = call_attach_consumer,
		.comes_or_goes = true},
	{.name = "attach_fd",
		.beginning = {.left = 2, .left_bytes = 8},
		.call = call_attach_fd,
		.points = STEPKILL_SYSCALLS,
		.comes_or_goes = true},
	{.name = "attach to a closed ring",
		.beginning = {.left = 2, .left_bytes = 8, .closed = true},
		.call = call_attach_consumer,
		.comes_or_goes = true},
};

Test(stepkill_spsc, a_producer_dies_as_it_comes)
{
	for (size_t i = 0; i < 4; i += 3)
		run_scenes(arriving_producers,
			sizeof arriving_producers / sizeof *arriving_producers, GYRE_PRODUCER,
			&settings[i]);
}

Test(stepkill_spsc, a_consumer_dies_as_it_comes)
{
	for (size_t i = 1; i < 3; i++)
		run_scenes(arriving_consumers,
			sizeof arriving_consumers / sizeof *arriving_consumers, GYRE_CONSUMER,
			&settings[i]);
}

/* ---- The name ---- */

static const struct scene names[] = {
	{.name = "create",
		.beginning = {.absent = true},
		.call = call_create,
		.points = STEPKILL_SYSCALLS,
		.comes_or_goes = true,
		.may_vanish = true},
	{.name = "create a file",
		.beginning = {.absent = true},
		.call = call_create,
		.points = STEPKILL_SYSCALLS,
		.comes_or_goes = true,
		.may_vanish = true,
		.file = true},
	{.name = "create a file by another name",
		.beginning = {.absent = true},
		.prepare = prepare_named,
		.call = call_create,
		.points = STEPKILL_SYSCALLS,
		.comes_or_goes = true,
		.may_vanish = true,
		.file = true},
	{.name = "create over a drained ring",
		.beginning = {.closed = true, .drained = true, .abandoned = true},
		.call = call_create,
		.points = STEPKILL_SYSCALLS,
		.comes_or_goes = true,
		.may_vanish = true},
	{.name = "open, and create",
		.beginning = {.absent = true},
		.call = call_open,
		.comes_or_goes = true,
		.may_vanish = true},
	{.name = "unlink",
		.beginning = {.left = 2, .left_bytes = 8},
		.call = call_unlink,
		.points = STEPKILL_SYSCALLS,
		.comes_or_goes = true,
		.may_vanish = true},
	{.name = "clean a drained ring",
		.beginning = {.closed = true, .drained = true, .abandoned = true},
		.call = call_clean,
		.points = STEPKILL_SYSCALLS,
		.comes_or_goes = true,
		.may_vanish = true,
		.stale = true},
	{.name = "clean a ring with messages",
		.beginning = {.left = 2, .left_bytes = 8},
		.call = call_clean,
		.points = STEPKILL_SYSCALLS,
		.comes_or_goes = true},
	{.name = "detach, the last from a drained ring",
		.beginning = {.left = 1, .left_bytes = 8, .closed = true},
		.prepare = prepare_ended,
		.call = call_detach,
		.bytes = 8,
		.before = 1,
		.comes_or_goes = true,
		.may_vanish = true,
		.stale = true},
	{.name = "inspect",
		.beginning = {.left = 2, .left_bytes = 8, .abandoned = true},
		.call = call_inspect,
		.points = STEPKILL_SYSCALLS,
		.comes_or_goes = true},
	{.name = "list",
		.beginning = {.left = 2, .left_bytes = 8, .abandoned = true},
		.call = call_list,
		.points = STEPKILL_SYSCALLS,
		.kills_max = 40,
		.comes_or_goes = true},
};

Test(stepkill_spsc, those_who_make_and_remove_rings_die)
{
	run_scenes(names, sizeof names / sizeof *names, GYRE_CONSUMER, &alone[0]);
}

/* ---- One after the other ---- */

/* What a producer left is repaired by a consumer that waits in vain, or by the next producer, and
 * those die at it. Nobody else is there. */
static const struct scene repairs[] = {
	{.name = "send past a pad, a waiting consumer",
		.beginning = {.before_end = 8},
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_send},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.bytes = 24,
		.timeout_ns = 1,
		.comes_or_goes = true},
	{.name = "send_batch, a waiting consumer",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_send_batch},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.bytes = 8,
		.count = 3,
		.timeout_ns = 1,
		.comes_or_goes = true},
	{.name = "reserve, commit, a waiting consumer",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_reserve_commit},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.bytes = 8,
		.timeout_ns = 1,
		.comes_or_goes = true},
	{.name = "receive, a waiting producer",
		.beginning = {.full = true, .left_bytes = 24},
		.victims = {{.name = "consumer",
				    .prepare = prepare_consumer,
				    .operation = call_receive},
			{.name = "producer", .prepare = prepare_producer, .operation = call_send}},
		.bytes = 24,
		.timeout_ns = 1,
		.comes_or_goes = true},
	{.name = "close, a waiting consumer",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_close},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.bytes = 8,
		.before = 1,
		.timeout_ns = 1,
		.comes_or_goes = true},
};

static const struct scene successions[] = {
	{.name = "send past a pad, the next producer",
		.beginning = {.before_end = 8},
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_send},
			{.name = "next", .operation = call_attach_producer}},
		.bytes = 24,
		.comes_or_goes = true,
		.only_records = true},
	{.name = "send_batch, the next producer",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_send_batch},
			{.name = "next", .operation = call_attach_producer}},
		.bytes = 8,
		.count = 3,
		.comes_or_goes = true,
		.only_slots = true},
	{.name = "reserve, the next producer",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_reserve},
			{.name = "next", .operation = call_attach_producer}},
		.bytes = 8,
		.comes_or_goes = true},
	{.name = "release_batch, the next consumer",
		.beginning = {.left = 4, .left_bytes = 24},
		.victims = {{.name = "consumer",
				    .prepare = prepare_consumer,
				    .operation = call_peek_release_batch},
			{.name = "next", .operation = call_attach_consumer}},
		.bytes = 24,
		.count = 3,
		.comes_or_goes = true},
};

static const struct scene wakes_of_the_dead[] = {
	{.name = "a consumer asleep, then send",
		.victims = {{.name = "consumer",
				    .prepare = prepare_consumer,
				    .operation = call_receive,
				    .may_sleep = true},
			{.name = "producer", .prepare = prepare_producer, .operation = call_send}},
		.bytes = 8,
		.timeout_ns = GYRE_FOREVER,
		.comes_or_goes = true},
	{.name = "a producer asleep, then receive",
		.beginning = {.full = true, .left_bytes = 24},
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_send,
				    .may_sleep = true},
			{.name = "consumer",
				.prepare = prepare_consumer,
				.operation = call_receive}},
		.bytes = 24,
		.before = 0,
		.timeout_ns = GYRE_FOREVER,
		.comes_or_goes = true},
};

/* Drawn at random; the seed is always the same. */
static const struct scene chains[] = {
	{.name = "five in turn",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_send_batch},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain},
			{.name = "producer",
				.prepare = prepare_producer,
				.operation = call_reserve_commit},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain},
			{.name = "producer",
				.prepare = prepare_producer,
				.operation = call_send_batch}},
		.kills_max = 100,
		.bytes = 24,
		.count = 3,
		.timeout_ns = 1,
		.comes_or_goes = true},
	{.name = "a producer, four repairers",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_reserve_commit},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.kills_max = 40,
		.bytes = 24,
		.timeout_ns = 1,
		.comes_or_goes = true,
		.only_records = true},
	{.name = "repairers and successors",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_send_batch},
			{.name = "next", .operation = call_attach_producer},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain},
			{.name = "next", .operation = call_attach_producer},
			{.name = "producer",
				.prepare = prepare_producer,
				.operation = call_send_batch}},
		.kills_max = 24,
		.bytes = 8,
		.count = 3,
		.timeout_ns = 1,
		.comes_or_goes = true,
		.only_slots = true},
};

Test(stepkill_spsc, a_consumer_dies_in_the_repair_of_a_producer_of_records)
{
	run_scenes(repairs, sizeof repairs / sizeof *repairs, GYRE_CONSUMER, &alone[0]);
}

Test(stepkill_spsc, a_consumer_dies_in_the_repair_of_a_producer_of_slots)
{
	run_scenes(repairs, sizeof repairs / sizeof *repairs, GYRE_CONSUMER, &alone[1]);
}

Test(stepkill_spsc, a_successor_dies_as_it_takes_over_records)
{
	run_scenes(successions, sizeof successions / sizeof *successions, GYRE_PRODUCER, &alone[0]);
}

Test(stepkill_spsc, a_successor_dies_as_it_takes_over_slots)
{
	run_scenes(successions, sizeof successions / sizeof *successions, GYRE_PRODUCER, &alone[1]);
}

Test(stepkill_spsc, who_wakes_the_dead_dies)
{
	for (size_t i = 0; i < 2; i++)
		run_scenes(wakes_of_the_dead, sizeof wakes_of_the_dead / sizeof *wakes_of_the_dead,
			GYRE_CONSUMER, &alone[i]);
}

Test(stepkill_spsc, five_die_one_after_the_other_over_records)
{
	run_scenes(chains, sizeof chains / sizeof *chains, GYRE_PRODUCER, &alone[0]);
}

Test(stepkill_spsc, five_die_one_after_the_other_over_slots)
{
	run_scenes(chains, sizeof chains / sizeof *chains, GYRE_PRODUCER, &alone[1]);
}
