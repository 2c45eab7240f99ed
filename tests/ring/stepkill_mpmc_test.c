/*
 * kill -9 at every machine instruction of every operation on the ring with many producers and many
 * consumers: whoever survives goes on, everything that was acknowledged arrives, what comes twice
 * is marked, and the books balance.
 *
 * Points that nobody else can tell apart are killed at once; with GYRE_STEPKILL=every each
 * instruction is, which takes hours. What survivors check: stepkill_mpmc_check.c.
 */
#include "stepkill_mpmc.h"

#define COUNT(scenes) (sizeof(scenes) / sizeof *(scenes))

enum { TIMEOUT_S = 300 }; /* some seconds, on a machine that has nothing else to do */

TestSuite(stepkill_mpmc, .init = scenes_open, .fini = rings_close, .timeout = TIMEOUT_S);

/* The modes with one producer, or one consumer, are other code. */
static const struct setting beside_peers = {.name = "mpmc, membarrier, peers are there",
	.producers = SEATS,
	.consumers = SEATS,
	.wake = GYRE_WAKE_MEMBARRIER,
	.deliveries = 3,
	.company = COMPANY_THERE,
	.first = GYRE_CONSUMER};
static const struct setting alone = {.name = "mpmc, fence, nobody is there",
	.producers = SEATS,
	.consumers = SEATS,
	.wake = GYRE_WAKE_FENCE,
	.deliveries = 3,
	.company = COMPANY_NONE,
	.first = GYRE_PRODUCER};
static const struct setting one_producer = {
	.name = "mpmc, one producer, fence, consumers are there",
	.producers = 1,
	.consumers = SEATS,
	.wake = GYRE_WAKE_FENCE,
	.deliveries = 3,
	.company = COMPANY_THERE,
	.first = GYRE_CONSUMER};
static const struct setting one_consumer = {
	.name = "mpmc, one consumer, membarrier, producers are there",
	.producers = SEATS,
	.consumers = 1,
	.wake = GYRE_WAKE_MEMBARRIER,
	.deliveries = 3,
	.company = COMPANY_THERE,
	.first = GYRE_PRODUCER};
static const struct setting one_each = {
	.name = "mpmc, one producer, one consumer, membarrier, nobody is there",
	.producers = 1,
	.consumers = 1,
	.wake = GYRE_WAKE_MEMBARRIER,
	.deliveries = 3,
	.company = COMPANY_NONE,
	.first = GYRE_PRODUCER};
static const struct setting dropping = {.name = "mpmc, what died with a consumer is dropped",
	.producers = SEATS,
	.consumers = SEATS,
	.wake = GYRE_WAKE_MEMBARRIER,
	.deliveries = 1,
	.company = COMPANY_THERE,
	.first = GYRE_CONSUMER};
static const struct setting peer_waits = {.name = "mpmc, membarrier, a peer waits",
	.producers = SEATS,
	.consumers = SEATS,
	.wake = GYRE_WAKE_MEMBARRIER,
	.deliveries = 3,
	.company = COMPANY_BLOCKED,
	.first = GYRE_CONSUMER};
static const struct setting only_peer_waits = {
	.name = "mpmc, one producer, one consumer, fence, the peer waits",
	.producers = 1,
	.consumers = 1,
	.wake = GYRE_WAKE_FENCE,
	.deliveries = 3,
	.company = COMPANY_BLOCKED,
	.first = GYRE_CONSUMER};

/* ---- Producers ---- */

static const struct scene producers[] = {
	{.name = "send 8 B", .prepare = prepare_producer, .call = call_send, .bytes = 8},
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
	{.name = "send 200 B, past filler",
		.beginning = {.before_end = 2},
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 200},
	{.name = "send 200 B, up to the wrap",
		.beginning = {.before_end = 4},
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 200},
	{.name = "send 200 B, in a lap that stamps",
		.beginning = {.unused = true},
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 200},
	{.name = "send, filler in a lap that stamps",
		.beginning = {.first_lap = true, .before_end = 3},
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 200},
	{.name = "send 200 B, and reclaim",
		.beginning = {.spent = true},
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 200},
	{.name = "send to a full ring",
		.beginning = {.full = true},
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 8,
		.may_find_no_room = true},
	{.name = "send_batch of 3",
		.beginning = {.left = 2, .left_bytes = 8},
		.prepare = prepare_producer,
		.call = call_send_batch,
		.bytes = 24,
		.count = 3},
	{.name = "send_batch of 4, past filler",
		.beginning = {.before_end = 2},
		.prepare = prepare_producer,
		.call = call_send_batch,
		.bytes = 64,
		.count = 4},
	{.name = "send_batch of 3, and reclaim",
		.beginning = {.spent = true},
		.prepare = prepare_producer,
		.call = call_send_batch,
		.bytes = 24,
		.count = 3},
	{.name = "reserve 200 B", .prepare = prepare_producer, .call = call_reserve, .bytes = 200},
	{.name = "reserve 200 B past filler",
		.beginning = {.first_lap = true, .before_end = 2},
		.prepare = prepare_producer,
		.call = call_reserve,
		.bytes = 200},
	{.name = "reserve 64 B, commit",
		.prepare = prepare_producer,
		.call = call_reserve_commit,
		.bytes = 64},
	{.name = "reserve 400 B, commit 24 B",
		.prepare = prepare_producer,
		.call = call_reserve_commit,
		.bytes = 24,
		.reserved_bytes = 400},
	{.name = "reserve, commit less, past filler",
		.beginning = {.before_end = 3},
		.prepare = prepare_producer,
		.call = call_reserve_commit,
		.bytes = 24,
		.reserved_bytes = 400},
	{.name = "reserve, discard",
		.beginning = {.left = 1, .left_bytes = 8},
		.prepare = prepare_producer,
		.call = call_reserve_discard,
		.bytes = 200},
	{.name = "reserve, discard in the first lap",
		.beginning = {.unused = true},
		.prepare = prepare_producer,
		.call = call_reserve_discard,
		.bytes = 200},
	{.name = "close",
		.beginning = {.left = 2, .left_bytes = 8},
		.prepare = prepare_producer,
		.call = call_close,
		.bytes = 8},
	{.name = "close a full ring",
		.beginning = {.full = true},
		.prepare = prepare_producer,
		.call = call_close,
		.bytes = 8},
	{.name = "detach",
		.beginning = {.left = 1, .left_bytes = 8},
		.prepare = prepare_producer,
		.call = call_detach,
		.bytes = 8,
		.before = 3},
	{.name = "detach with a reservation",
		.prepare = prepare_reserved,
		.call = call_detach,
		.bytes = 24},
	{.name = "attach to a new ring",
		.beginning = {.unused = true},
		.call = call_attach_producer},
	{.name = "attach", .beginning = {.left = 2, .left_bytes = 8}, .call = call_attach_producer},
};

Test(stepkill_mpmc, a_producer_dies_beside_peers)
{
	run_scenes(producers, COUNT(producers), GYRE_PRODUCER, &beside_peers);
}

Test(stepkill_mpmc, a_producer_dies_alone)
{
	run_scenes(producers, COUNT(producers), GYRE_PRODUCER, &alone);
}

Test(stepkill_mpmc, the_only_producer_dies_beside_consumers)
{
	run_scenes(producers, COUNT(producers), GYRE_PRODUCER, &one_producer);
}

Test(stepkill_mpmc, a_producer_dies_beside_the_only_consumer)
{
	run_scenes(producers, COUNT(producers), GYRE_PRODUCER, &one_consumer);
}

Test(stepkill_mpmc, the_only_producer_dies_alone)
{
	run_scenes(producers, COUNT(producers), GYRE_PRODUCER, &one_each);
}

/* ---- Consumers ---- */

static const struct scene consumers[] = {
	{.name = "receive 8 B",
		.beginning = {.left = 2, .left_bytes = 8},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 8},
	{.name = "receive 200 B",
		.beginning = {.left = 3, .left_bytes = 200},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 200,
		.before = 1},
	{.name = "receive past filler",
		.beginning = {.before_end = 2, .left = 2, .left_bytes = 200},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 200},
	{.name = "receive in the first lap, past filler",
		.beginning = {.first_lap = true, .before_end = 3, .left = 1, .left_bytes = 200},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 200},
	{.name = "receive from a full ring",
		.beginning = {.full = true},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 64},
	{.name = "receive of nothing",
		.beginning = {.left = 1, .left_bytes = 8},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 8,
		.before = 1,
		.may_find_nothing = true},
	{.name = "receive what comes again",
		.beginning = {.left = 2, .left_bytes = 64, .again = 1, .times = 1},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 64},
	{.name = "receive what comes for the last time",
		.beginning = {.left = 3, .left_bytes = 64, .again = 2, .times = 2},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 64},
	{.name = "receive the first of a batch",
		.beginning = {.left = 3, .left_bytes = 24, .batch = true},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 24},
	{.name = "receive the last of a batch",
		.beginning = {.left = 3, .left_bytes = 24, .batch = true},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 24,
		.before = 2},
	{.name = "receive_batch of 3",
		.beginning = {.left = 4, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_receive_batch,
		.bytes = 64,
		.count = 3},
	{.name = "receive_batch of a batch",
		.beginning = {.left = 4, .left_bytes = 24, .batch = true},
		.prepare = prepare_consumer,
		.call = call_receive_batch,
		.bytes = 24,
		.count = 4},
	{.name = "receive_batch of what comes again",
		.beginning = {.left = 3, .left_bytes = 24, .batch = true, .again = 3, .times = 1},
		.prepare = prepare_consumer,
		.call = call_receive_batch,
		.bytes = 24,
		.count = 3},
	{.name = "peek",
		.beginning = {.left = 2, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_peek,
		.bytes = 64},
	{.name = "peek what comes again",
		.beginning = {.left = 2, .left_bytes = 64, .again = 2, .times = 1},
		.prepare = prepare_consumer,
		.call = call_peek,
		.bytes = 64,
		.count = 2},
	{.name = "peek, release",
		.beginning = {.left = 2, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_peek_release,
		.bytes = 64},
	{.name = "peek 3, release from the last on",
		.beginning = {.left = 4, .left_bytes = 24},
		.prepare = prepare_consumer,
		.call = call_peek_release,
		.bytes = 24,
		.count = 3},
	{.name = "peek 4 of a batch, release backwards",
		.beginning = {.left = 4, .left_bytes = 24, .batch = true},
		.prepare = prepare_consumer,
		.call = call_peek_release,
		.bytes = 24,
		.count = 4},
	{.name = "a batch again, released backwards",
		.beginning = {.left = 3, .left_bytes = 24, .batch = true, .again = 3, .times = 2},
		.prepare = prepare_consumer,
		.call = call_peek_release,
		.bytes = 24,
		.count = 3},
	{.name = "peek_batch, release_batch past filler",
		.beginning = {.before_end = 6, .left = 3, .left_bytes = 200},
		.prepare = prepare_consumer,
		.call = call_peek_release_batch,
		.bytes = 200,
		.count = 3},
	{.name = "release_batch of a batch",
		.beginning = {.left = 4, .left_bytes = 24, .batch = true},
		.prepare = prepare_consumer,
		.call = call_peek_release_batch,
		.bytes = 24,
		.count = 4},
	{.name = "receive of the close",
		.beginning = {.closed = true, .abandoned = true},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 8,
		.may_find_nothing = true},
	{.name = "receive behind the last of all",
		.beginning = {.left = 1, .left_bytes = 8, .closed = true},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 8,
		.before = 1,
		.may_find_nothing = true},
	{.name = "release the last before the close",
		.beginning = {.left = 2, .left_bytes = 24, .closed = true},
		.prepare = prepare_consumer,
		.call = call_peek_release,
		.bytes = 24,
		.count = 2},
	{.name = "detach",
		.beginning = {.left = 3, .left_bytes = 24},
		.prepare = prepare_consumer,
		.call = call_detach,
		.bytes = 24,
		.before = 1},
	{.name = "detach with messages in hand",
		.beginning = {.left = 3, .left_bytes = 24},
		.prepare = prepare_holding,
		.call = call_detach,
		.bytes = 24,
		.count = 2},
	{.name = "detach with a part of a batch",
		.beginning = {.left = 4, .left_bytes = 24, .batch = true},
		.prepare = prepare_holding,
		.call = call_detach,
		.bytes = 24,
		.count = 4,
		.released = 2},
	{.name = "detach with them for the last time",
		.beginning = {.left = 3, .left_bytes = 24, .again = 2, .times = 2},
		.prepare = prepare_holding,
		.call = call_detach,
		.bytes = 24,
		.count = 2},
	{.name = "attach to a new ring",
		.beginning = {.unused = true},
		.call = call_attach_consumer},
	{.name = "attach", .beginning = {.left = 2, .left_bytes = 8}, .call = call_attach_consumer},
};

Test(stepkill_mpmc, a_consumer_dies_beside_peers)
{
	run_scenes(consumers, COUNT(consumers), GYRE_CONSUMER, &beside_peers);
}

Test(stepkill_mpmc, a_consumer_dies_alone)
{
	run_scenes(consumers, COUNT(consumers), GYRE_CONSUMER, &alone);
}

Test(stepkill_mpmc, a_consumer_dies_beside_the_only_producer)
{
	run_scenes(consumers, COUNT(consumers), GYRE_CONSUMER, &one_producer);
}

Test(stepkill_mpmc, the_only_consumer_dies_beside_producers)
{
	run_scenes(consumers, COUNT(consumers), GYRE_CONSUMER, &one_consumer);
}

Test(stepkill_mpmc, the_only_consumer_dies_alone)
{
	run_scenes(consumers, COUNT(consumers), GYRE_CONSUMER, &one_each);
}

static const struct scene droppers[] = {
	{.name = "receive",
		.beginning = {.left = 2, .left_bytes = 64},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 64},
	{.name = "receive_batch of a batch",
		.beginning = {.left = 4, .left_bytes = 24, .batch = true},
		.prepare = prepare_consumer,
		.call = call_receive_batch,
		.bytes = 24,
		.count = 4},
	{.name = "peek 3, release from the last on",
		.beginning = {.left = 4, .left_bytes = 24},
		.prepare = prepare_consumer,
		.call = call_peek_release,
		.bytes = 24,
		.count = 3},
	{.name = "peek 4 of a batch, release backwards",
		.beginning = {.left = 4, .left_bytes = 24, .batch = true},
		.prepare = prepare_consumer,
		.call = call_peek_release,
		.bytes = 24,
		.count = 4},
	{.name = "detach with messages in hand",
		.beginning = {.left = 3, .left_bytes = 24},
		.prepare = prepare_holding,
		.call = call_detach,
		.bytes = 24,
		.count = 2},
	{.name = "detach with a part of a batch",
		.beginning = {.left = 4, .left_bytes = 24, .batch = true},
		.prepare = prepare_holding,
		.call = call_detach,
		.bytes = 24,
		.count = 4,
		.released = 2},
};

Test(stepkill_mpmc, a_consumer_dies_with_what_is_not_to_come_again)
{
	run_scenes(droppers, COUNT(droppers), GYRE_CONSUMER, &dropping);
}

/* ---- Those who take no part, and those who come to what the dead left ---- */

static const struct scene onlookers[] = {
	{.name = "repair of two dead ones",
		.beginning = {.left = 3,
			.left_bytes = 24,
			.abandoned = true,
			.reserved = true,
			.holding = true},
		.call = call_repair},
	{.name = "inspect what two dead ones left",
		.beginning = {.left = 3,
			.left_bytes = 24,
			.abandoned = true,
			.reserved = true,
			.holding = true},
		.call = call_inspect,
		.points = STEPKILL_SYSCALLS},
	{.name = "attach a producer after two deaths",
		.beginning = {.left = 3,
			.left_bytes = 24,
			.abandoned = true,
			.reserved = true,
			.holding = true},
		.call = call_attach_producer},
	{.name = "attach a consumer after two deaths",
		.beginning = {.left = 3,
			.left_bytes = 24,
			.abandoned = true,
			.reserved = true,
			.holding = true},
		.call = call_attach_consumer},
};

Test(stepkill_mpmc, who_comes_to_what_the_dead_left_dies)
{
	run_scenes(onlookers, COUNT(onlookers), GYRE_CONSUMER, &alone);
	run_scenes(onlookers, COUNT(onlookers), GYRE_CONSUMER, &one_each);
}

/* ---- Sleepers, and those who wake them ---- */

static const struct scene sleeping_producers[] = {
	{.name = "send to a full ring, asleep",
		.beginning = {.full = true},
		.prepare = prepare_producer,
		.call = call_send,
		.wake = wake_by_receiving,
		.bytes = 64,
		.timeout_ns = GYRE_FOREVER},
	{.name = "reserve in a full ring, asleep",
		.beginning = {.full = true},
		.prepare = prepare_producer,
		.call = call_reserve_commit,
		.wake = wake_by_receiving,
		.bytes = 64,
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
	{.name = "send past filler, to a sleeper",
		.beginning = {.before_end = 2},
		.prepare = prepare_producer,
		.call = call_send,
		.bytes = 200},
	{.name = "send_batch to a sleeper",
		.prepare = prepare_producer,
		.call = call_send_batch,
		.bytes = 24,
		.count = 3},
	{.name = "reserve, commit to a sleeper",
		.prepare = prepare_producer,
		.call = call_reserve_commit,
		.bytes = 24},
	{.name = "discard before a sleeper",
		.prepare = prepare_producer,
		.call = call_reserve_discard,
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
		.bytes = 8},
};

/* The first message makes room for the sleeper's. */
static const struct scene waking_consumers[] = {
	{.name = "receive before a sleeper",
		.beginning = {.full = true},
		.prepare = prepare_consumer,
		.call = call_receive,
		.bytes = 64},
	{.name = "peek before a sleeper",
		.beginning = {.full = true},
		.prepare = prepare_consumer,
		.call = call_peek,
		.bytes = 64,
		.count = 2},
	{.name = "receive_batch, and wake a sleeper",
		.beginning = {.full = true},
		.prepare = prepare_consumer,
		.call = call_receive_batch,
		.bytes = 64,
		.count = 4,
		.before = 16},
	{.name = "detach before a sleeper",
		.beginning = {.full = true},
		.prepare = prepare_holding,
		.call = call_detach,
		.bytes = 64,
		.count = 3},
};

Test(stepkill_mpmc, sleepers_die_before_and_after_they_are_woken)
{
	run_scenes(sleeping_producers, COUNT(sleeping_producers), GYRE_PRODUCER, &alone);
	run_scenes(sleeping_consumers, COUNT(sleeping_consumers), GYRE_CONSUMER, &alone);
	run_scenes(sleeping_producers, COUNT(sleeping_producers), GYRE_PRODUCER, &one_each);
	run_scenes(sleeping_consumers, COUNT(sleeping_consumers), GYRE_CONSUMER, &one_each);
}

Test(stepkill_mpmc, a_producer_dies_before_a_consumer_that_sleeps)
{
	run_scenes(waking_producers, COUNT(waking_producers), GYRE_PRODUCER, &peer_waits);
	run_scenes(waking_producers, COUNT(waking_producers), GYRE_PRODUCER, &only_peer_waits);
}

Test(stepkill_mpmc, a_consumer_dies_before_a_producer_that_sleeps)
{
	run_scenes(waking_consumers, COUNT(waking_consumers), GYRE_CONSUMER, &peer_waits);
	run_scenes(waking_consumers, COUNT(waking_consumers), GYRE_CONSUMER, &only_peer_waits);
}
