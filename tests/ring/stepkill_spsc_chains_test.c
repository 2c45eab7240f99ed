/*
 * One death after the other on the ring with one producer and one consumer: what a producer left is
 * repaired by a consumer that waits in vain, or by the next producer, and those die at it.
 */
#include "stepkill_ring.h"

enum { TIMEOUT_S = 300 }; /* some seconds, on a machine that has nothing else to do */

TestSuite(stepkill_spsc_chains, .init = scenes_open, .fini = rings_close, .timeout = TIMEOUT_S);

static const struct setting alone[] = {
	{"spsc records, membarrier, the consumer goes on", false, GYRE_WAKE_MEMBARRIER,
		COMPANY_NONE, GYRE_CONSUMER},
	{"spsc slots, fence, the producer goes on", true, GYRE_WAKE_FENCE, COMPANY_NONE,
		GYRE_PRODUCER},
};

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

Test(stepkill_spsc_chains, a_consumer_dies_in_the_repair_of_a_producer_of_records)
{
	run_scenes(repairs, sizeof repairs / sizeof *repairs, GYRE_CONSUMER, &alone[0]);
}

Test(stepkill_spsc_chains, a_consumer_dies_in_the_repair_of_a_producer_of_slots)
{
	run_scenes(repairs, sizeof repairs / sizeof *repairs, GYRE_CONSUMER, &alone[1]);
}

Test(stepkill_spsc_chains, a_successor_dies_as_it_takes_over_records)
{
	run_scenes(successions, sizeof successions / sizeof *successions, GYRE_PRODUCER, &alone[0]);
}

Test(stepkill_spsc_chains, a_successor_dies_as_it_takes_over_slots)
{
	run_scenes(successions, sizeof successions / sizeof *successions, GYRE_PRODUCER, &alone[1]);
}

Test(stepkill_spsc_chains, who_wakes_the_dead_dies)
{
	for (size_t i = 0; i < 2; i++)
		run_scenes(wakes_of_the_dead, sizeof wakes_of_the_dead / sizeof *wakes_of_the_dead,
			GYRE_CONSUMER, &alone[i]);
}

Test(stepkill_spsc_chains, five_die_one_after_the_other_over_records)
{
	run_scenes(chains, sizeof chains / sizeof *chains, GYRE_PRODUCER, &alone[0]);
}

Test(stepkill_spsc_chains, five_die_one_after_the_other_over_slots)
{
	run_scenes(chains, sizeof chains / sizeof *chains, GYRE_PRODUCER, &alone[1]);
}
