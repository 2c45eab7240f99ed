/*
 * One death after the other on the ring with many producers and many consumers: what one left is
 * repaired by whoever is stuck behind it, or sits down on its seat, and those die at it.
 */
#include "stepkill_mpmc.h"

#define COUNT(scenes) (sizeof(scenes) / sizeof *(scenes))

enum { TIMEOUT_S = 300 }; /* some seconds, on a machine that has nothing else to do */

TestSuite(stepkill_mpmc_chains, .init = scenes_open, .fini = rings_close, .timeout = TIMEOUT_S);

static const struct setting many = {.name = "mpmc, nobody else is there",
	.producers = SEATS,
	.consumers = SEATS,
	.wake = GYRE_WAKE_MEMBARRIER,
	.deliveries = 3,
	.company = COMPANY_NONE,
	.first = GYRE_CONSUMER};
static const struct setting one_each = {
	.name = "mpmc, one producer, one consumer, nobody else is there",
	.producers = 1,
	.consumers = 1,
	.wake = GYRE_WAKE_FENCE,
	.deliveries = 3,
	.company = COMPANY_NONE,
	.first = GYRE_PRODUCER,
	.kills_max = 20};

static const struct scene behind_producers[] = {
	{.name = "reserve, commit, a waiting consumer",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_reserve_commit},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.bytes = 24,
		.timeout_ns = 1,
		.may_find_nothing = true},
	{.name = "send past filler, a waiting consumer",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_send},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.beginning = {.before_end = 2},
		.kills_max = 80,
		.bytes = 200,
		.timeout_ns = 1,
		.may_find_nothing = true},
	{.name = "send_batch, a waiting consumer",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_send_batch},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.kills_max = 64,
		.bytes = 24,
		.count = 3,
		.timeout_ns = 1,
		.may_find_nothing = true},
	{.name = "close, a waiting consumer",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_close},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.bytes = 8,
		.before = 1,
		.timeout_ns = 1,
		.may_find_nothing = true},
};

Test(stepkill_mpmc_chains, a_consumer_dies_in_the_repair_of_a_producer)
{
	run_scenes(behind_producers, COUNT(behind_producers), GYRE_CONSUMER, &many);
}

Test(stepkill_mpmc_chains, a_consumer_dies_in_the_repair_of_the_only_producer)
{
	run_scenes(behind_producers, COUNT(behind_producers), GYRE_CONSUMER, &one_each);
}

static const struct scene behind_consumers[] = {
	{.name = "peek 2, release, a waiting consumer",
		.victims = {{.name = "consumer",
				    .prepare = prepare_consumer,
				    .operation = call_peek_release},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.beginning = {.left = 3, .left_bytes = 24},
		.bytes = 24,
		.count = 2,
		.timeout_ns = 1,
		.may_find_nothing = true},
	{.name = "a batch in hand, a waiting consumer",
		.victims = {{.name = "consumer",
				    .prepare = prepare_consumer,
				    .operation = call_peek_release},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.beginning = {.left = 3, .left_bytes = 24, .batch = true},
		.bytes = 24,
		.count = 3,
		.timeout_ns = 1,
		.may_find_nothing = true},
	{.name = "what comes for the last time",
		.victims = {{.name = "consumer",
				    .prepare = prepare_consumer,
				    .operation = call_peek_release},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.beginning = {.left = 2, .left_bytes = 24, .again = 2, .times = 2},
		.bytes = 24,
		.count = 2,
		.timeout_ns = 1,
		.may_find_nothing = true},
	{.name = "detach with 2 in hand, a waiting one",
		.victims = {{.name = "consumer",
				    .prepare = prepare_holding,
				    .operation = call_detach},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.beginning = {.left = 3, .left_bytes = 24},
		.kills_max = 64,
		.bytes = 24,
		.count = 2,
		.timeout_ns = 1,
		.may_find_nothing = true},
	{.name = "peek 2, release, gyre_repair()",
		.beginning = {.left = 3, .left_bytes = 24},
		.victims = {{.name = "consumer",
				    .prepare = prepare_consumer,
				    .operation = call_peek_release},
			{.name = "repairer", .operation = call_repair}},
		.kills_max = 80,
		.bytes = 24,
		.count = 2},
	{.name = "peek 2 of a full ring, a producer",
		.victims = {{.name = "consumer",
				    .prepare = prepare_consumer,
				    .operation = call_peek_release},
			{.name = "producer", .prepare = prepare_producer, .operation = call_send}},
		.beginning = {.full = true},
		.kills_max = 80,
		.bytes = 64,
		.count = 2,
		.timeout_ns = 1,
		.may_find_no_room = true},
};

Test(stepkill_mpmc_chains, a_peer_dies_in_the_repair_of_a_consumer)
{
	run_scenes(behind_consumers, COUNT(behind_consumers), GYRE_CONSUMER, &many);
}

Test(stepkill_mpmc_chains, a_peer_dies_in_the_repair_of_the_only_consumer)
{
	run_scenes(behind_consumers, COUNT(behind_consumers), GYRE_CONSUMER, &one_each);
}

static const struct scene successions[] = {
	{.name = "reserve, commit, the next producer",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_reserve_commit},
			{.name = "next", .operation = call_attach_producer}},
		.kills_max = 64,
		.bytes = 24},
	{.name = "send_batch, the next producer",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_send_batch},
			{.name = "next", .operation = call_attach_producer}},
		.kills_max = 64,
		.bytes = 24,
		.count = 3},
	{.name = "peek 2, release, the next consumer",
		.victims = {{.name = "consumer",
				    .prepare = prepare_consumer,
				    .operation = call_peek_release},
			{.name = "next", .operation = call_attach_consumer}},
		.beginning = {.left = 3, .left_bytes = 24},
		.kills_max = 64,
		.bytes = 24,
		.count = 2},
	{.name = "receive_batch, the next consumer",
		.victims = {{.name = "consumer",
				    .prepare = prepare_consumer,
				    .operation = call_receive_batch},
			{.name = "next", .operation = call_attach_consumer}},
		.beginning = {.left = 3, .left_bytes = 24, .batch = true},
		.kills_max = 32,
		.bytes = 24,
		.count = 3},
};

Test(stepkill_mpmc_chains, a_successor_dies_as_it_takes_over)
{
	run_scenes(successions, COUNT(successions), GYRE_PRODUCER, &many);
}

Test(stepkill_mpmc_chains, the_only_successor_dies_as_it_takes_over)
{
	run_scenes(successions, COUNT(successions), GYRE_PRODUCER, &one_each);
}

static const struct scene over_writers[] = {
	{.name = "reserve, commit, stepped over",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_reserve_commit},
			{.name = "producer", .prepare = prepare_producer, .operation = call_send}},
		.bytes = 24,
		.step_over = true,
		.only_many = true},
	{.name = "stepped over by one that dies, too",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_reserve_commit},
			{.name = "producer", .prepare = prepare_producer, .operation = call_send},
			{.name = "consumer",
				.prepare = prepare_consumer,
				.operation = call_peek_release}},
		.bytes = 24,
		.step_over = true,
		.only_many = true,
		.kills_max = 80,
		.timeout_ns = 1,
		.may_find_nothing = true},
};

Test(stepkill_mpmc_chains, what_was_stepped_over_comes_or_is_aborted)
{
	run_scenes(over_writers, COUNT(over_writers), GYRE_CONSUMER, &many);
}

/* Drawn at random; the seed is always the same. */
static const struct scene chains[] = {
	{.name = "a producer, four repairers",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_reserve_commit},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.kills_max = 32,
		.bytes = 24,
		.timeout_ns = 1,
		.may_find_nothing = true},
	{.name = "a consumer, four repairers",
		.victims = {{.name = "consumer",
				    .prepare = prepare_consumer,
				    .operation = call_peek_release},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.kills_max = 32,
		.beginning = {.left = 4, .left_bytes = 24},
		.bytes = 24,
		.count = 3,
		.timeout_ns = 1,
		.may_find_nothing = true},
	{.name = "a batch in five hands",
		.victims = {{.name = "consumer",
				    .prepare = prepare_consumer,
				    .operation = call_peek_release},
			{.name = "consumer",
				.prepare = prepare_consumer,
				.operation = call_peek_release},
			{.name = "consumer",
				.prepare = prepare_consumer,
				.operation = call_peek_release},
			{.name = "consumer",
				.prepare = prepare_consumer,
				.operation = call_peek_release},
			{.name = "consumer",
				.prepare = prepare_consumer,
				.operation = call_peek_release}},
		.kills_max = 24,
		.beginning = {.left = 3, .left_bytes = 24, .batch = true},
		.bytes = 24,
		.count = 3,
		.timeout_ns = 1,
		.may_find_nothing = true},
	{.name = "a consumer, gyre_repair() four times",
		.beginning = {.left = 4, .left_bytes = 24},
		.victims = {{.name = "consumer",
				    .prepare = prepare_consumer,
				    .operation = call_peek_release},
			{.name = "repairer", .operation = call_repair},
			{.name = "repairer", .operation = call_repair},
			{.name = "repairer", .operation = call_repair},
			{.name = "repairer", .operation = call_repair}},
		.kills_max = 32,
		.bytes = 24,
		.count = 3},
	{.name = "five in turn",
		.victims = {{.name = "producer",
				    .prepare = prepare_producer,
				    .operation = call_send_batch},
			{.name = "consumer",
				.prepare = prepare_consumer,
				.operation = call_peek_release},
			{.name = "producer",
				.prepare = prepare_producer,
				.operation = call_reserve_commit},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain},
			{.name = "producer", .prepare = prepare_producer, .operation = call_send}},
		.kills_max = 32,
		.bytes = 24,
		.count = 3,
		.timeout_ns = 1,
		.may_find_nothing = true},
	{.name = "holders and successors",
		.victims = {{.name = "consumer",
				    .prepare = prepare_consumer,
				    .operation = call_peek_release},
			{.name = "next", .operation = call_attach_consumer},
			{.name = "producer",
				.prepare = prepare_producer,
				.operation = call_reserve_commit},
			{.name = "next", .operation = call_attach_producer},
			{.name = "consumer", .prepare = prepare_consumer, .operation = call_drain}},
		.kills_max = 32,
		.beginning = {.left = 3, .left_bytes = 24},
		.bytes = 24,
		.count = 2,
		.timeout_ns = 1,
		.may_find_nothing = true},
};

Test(stepkill_mpmc_chains, five_die_one_after_the_other)
{
	run_scenes(chains, COUNT(chains), GYRE_CONSUMER, &many);
}

Test(stepkill_mpmc_chains, five_of_the_only_ones_die_one_after_the_other)
{
	run_scenes(chains, COUNT(chains), GYRE_CONSUMER, &one_each);
}
