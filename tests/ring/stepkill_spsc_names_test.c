/*
 * Deaths of those who come, and of those who make, remove and look at the ring with one producer
 * and one consumer: the name leads to a whole ring or to none, and the next one finds it usable.
 */
#include "stepkill_ring.h"

enum { TIMEOUT_S = 300 }; /* some seconds, on a machine that has nothing else to do */

TestSuite(stepkill_spsc_names, .init = scenes_open, .fini = rings_close, .timeout = TIMEOUT_S);

static const struct setting settings[] = {
	{"spsc records, membarrier, a peer is there", false, GYRE_WAKE_MEMBARRIER, COMPANY_THERE,
		GYRE_CONSUMER},
	{"spsc slots, fence, nobody is there", true, GYRE_WAKE_FENCE, COMPANY_NONE, GYRE_PRODUCER},
};

static const struct setting alone = {"spsc records, membarrier, nobody is there", false,
	GYRE_WAKE_MEMBARRIER, COMPANY_NONE, GYRE_CONSUMER};

/* ---- Coming ---- */

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

Test(stepkill_spsc_names, a_producer_dies_as_it_comes)
{
	for (size_t i = 0; i < 2; i++)
		run_scenes(arriving_producers,
			sizeof arriving_producers / sizeof *arriving_producers, GYRE_PRODUCER,
			&settings[i]);
}

Test(stepkill_spsc_names, a_consumer_dies_as_it_comes)
{
	for (size_t i = 0; i < 2; i++)
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

Test(stepkill_spsc_names, those_who_make_and_remove_rings_die)
{
	run_scenes(names, sizeof names / sizeof *names, GYRE_CONSUMER, &alone);
}
