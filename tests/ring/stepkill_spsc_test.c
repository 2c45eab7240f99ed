/*
 * kill -9 at every machine instruction of every operation on the ring with one producer and one
 * consumer: whoever survives goes on, and everything that was acknowledged arrives.
 *
 * Points that nobody else can tell apart are killed at once; with GYRE_STEPKILL=every each
 * instruction is, which takes an hour. What survivors check: stepkill_check.c.
 */
#include "stepkill_ring.h"

enum {
	CAPACITY = 4096,
	TIMEOUT_S = 300, /* some seconds, on a machine that has nothing else to do */
};

TestSuite(stepkill_spsc, .init = scenes_open, .fini = rings_close, .timeout = TIMEOUT_S);

static const struct setting settings[] = {
	{"spsc records, membarrier, a peer is there", false, GYRE_WAKE_MEMBARRIER, COMPANY_THERE,
		GYRE_CONSUMER},
	{"spsc records, fence, nobody is there", false, GYRE_WAKE_FENCE, COMPANY_NONE,
		GYRE_PRODUCER},
	{"spsc slots, fence, a peer is there", true, GYRE_WAKE_FENCE, COMPANY_THERE, GYRE_CONSUMER},
	{"spsc slots, membarrier, nobody is there", true, GYRE_WAKE_MEMBARRIER, COMPANY_NONE,
		GYRE_PRODUCER},
};

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
	{"spsc records, membarrier, a peer waits", false, GYRE_WAKE_MEMBARRIER, COMPANY_BLOCKED,
		GYRE_CONSUMER},
	{"spsc records, fence, a peer waits", false, GYRE_WAKE_FENCE, COMPANY_BLOCKED,
		GYRE_CONSUMER},
	{"spsc slots, membarrier, a peer waits", true, GYRE_WAKE_MEMBARRIER, COMPANY_BLOCKED,
		GYRE_CONSUMER},
	{"spsc slots, fence, a peer waits", true, GYRE_WAKE_FENCE, COMPANY_BLOCKED, GYRE_CONSUMER},
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
