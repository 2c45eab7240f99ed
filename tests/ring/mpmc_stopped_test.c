/*
 * Participants that live and do nothing: stopped, or slow. They are waited for, named, stepped over
 * where that was asked for, and never repaired.
 */
#include <signal.h>
#include <string.h>
#include "mpmc_rings.h"

TestSuite(mpmc_stopped, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	A_WHILE_NS = 30 * NS_PER_MS, /* many slices of one who is stuck */
	BYTES = 100,
};

/* A child that takes something in hand, and finishes it when it is told to. */
struct slow {
	const char *key;
	enum gyre_role role;
	_Atomic uint32_t has_it, finish, done;
};

static const char *write_slowly(struct slow *slow, struct gyre_ring *ring)
{
	void *data;

	if (gyre_ring_reserve(ring, BYTES, 0, &data) != GYRE_OK)
		return "cannot reserve";
	raise_flag(&slow->has_it);
	if (!await_flag(&slow->finish))
		return "not told to finish";
	fill_message(data, BYTES, 1);
	return gyre_ring_commit(ring, BYTES, 1) == GYRE_OK ? NULL : "cannot commit";
}

static const char *read_slowly(struct slow *slow, struct gyre_ring *ring)
{
	struct gyre_message message;

	if (peek_number(ring, 1, 1, 0, &message) != GYRE_OK)
		return "not the first message";
	raise_flag(&slow->has_it);
	if (!await_flag(&slow->finish))
		return "not told to finish";
	if (!is_message_of(message.data, message.bytes, 1))
		return "what was held has changed";
	return gyre_ring_release(ring, &message) == GYRE_OK ? NULL : "cannot release";
}

static const char *be_slow(void *context)
{
	struct slow *const slow = context;
	struct gyre_ring *ring = NULL;
	const char *complaint;

	if (gyre_ring_attach(slow->key, slow->role, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	complaint =
		slow->role == GYRE_PRODUCER ? write_slowly(slow, ring) : read_slowly(slow, ring);
	gyre_ring_detach(ring);
	raise_flag(&slow->done);
	return complaint;
}

static struct child start_slow(const char *key, enum gyre_role role, struct slow **ret_slow)
{
	struct slow *const slow = shared_memory(sizeof *slow);
	struct child child;

	*slow = (struct slow){.key = key, .role = role};
	child = start_child(be_slow, slow);
	cr_assert(await_flag(&slow->has_it), "%s", child.complaint);
	cr_assert(eq(int, kill(child.pid, SIGSTOP), 0));
	*ret_slow = slow;
	return child;
}

static void let_finish(struct child *child, struct slow *slow)
{
	raise_flag(&slow->finish);
	cr_assert(eq(int, kill(child->pid, SIGCONT), 0));
	cr_assert(await_flag(&slow->done));
	expect_well(end_child(child));
}

static void expect_waited_for(const struct gyre_ring *ring, const struct child *child)
{
	struct gyre_participant who;

	cr_assert(eq(int, gyre_ring_waited_for(ring, &who), 1));
	cr_assert(is_pid_of(&who, child), "pid %u instead of %d", who.pid, (int)child->pid);
	cr_assert(eq(u32, who.liveness, GYRE_LIFE_ALIVE));
}

static void expect_nobody(const struct gyre_ring *ring)
{
	struct gyre_participant who;

	cr_assert(eq(int, gyre_ring_waited_for(ring, &who), 0));
}

/* Modes with room for a second one of this role. */
static bool takes_two(const struct variant *v, enum gyre_role role)
{
	return (role == GYRE_PRODUCER ? v->producers_max : v->consumers_max) > 1;
}

Test(mpmc_stopped, a_stopped_producer_is_waited_for_and_can_be_named)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p;
		struct slow *slow;
		struct child child;

		if (!takes_two(v, GYRE_PRODUCER))
			continue;
		p = mpmc_pair(v, MPMC_CELLS);
		child = start_slow(p.key, GYRE_PRODUCER, &slow);
		cr_assert(eq(int, send_number(p.producer, 2, BYTES, 0), GYRE_OK));
		for (int i = 0; i < 3; i++) {
			cr_assert(eq(i64, receive_number(p.consumer, 1, i * A_WHILE_NS),
				i == 0 ? GYRE_EAGAIN : GYRE_ETIMEDOUT));
			expect_waited_for(p.consumer, &child);
		}
		cr_assert(eq(uint, totals_of(p.key).producers_alive, 2));
		let_finish(&child, slow);
		cr_assert(eq(i64, receive_number(p.consumer, 1, GYRE_FOREVER), BYTES));
		cr_assert(eq(i64, receive_number(p.consumer, 2, 0), BYTES));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		expect_nobody(p.consumer);
		cr_assert(eq(u64, totals_of(p.key).discarded, 0));
		pair_close(&p);
	}
}

Test(mpmc_stopped, a_stopped_consumer_holds_up_producers_alone_and_can_be_named)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		uint64_t count = 2;
		struct slow *slow;
		struct child child;
		struct pair p;

		if (!takes_two(v, GYRE_CONSUMER))
			continue;
		p = mpmc_pair(v, MPMC_CELLS);
		cr_assert(eq(int, send_number(p.producer, 1, BYTES, 0), GYRE_OK));
		child = start_slow(p.key, GYRE_CONSUMER, &slow);
		while (send_number(p.producer, count, BYTES, 0) == GYRE_OK)
			count++;
		for (uint64_t number = 2; number < count; number++)
			cr_assert(eq(i64, receive_number(p.consumer, number, 0), BYTES));
		for (int i = 0; i < 3; i++) {
			cr_assert(eq(int, send_number(p.producer, count, BYTES, i * A_WHILE_NS),
				i == 0 ? GYRE_EAGAIN : GYRE_ETIMEDOUT));
			expect_waited_for(p.producer, &child);
		}
		cr_assert(eq(i64, receive_number(p.consumer, 0, A_WHILE_NS), GYRE_ETIMEDOUT));
		cr_assert(eq(uint, totals_of(p.key).consumers_alive, 2));
		let_finish(&child, slow);
		cr_assert(eq(int, send_number(p.producer, count, BYTES, GYRE_FOREVER), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, count, 0), BYTES));
		cr_assert(eq(u64, totals_of(p.key).redelivered, 0));
		pair_close(&p);
	}
}

Test(mpmc_stopped, nobody_in_particular_is_waited_for_in_an_empty_ring_and_in_an_unread_one)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);

		expect_nobody(p.consumer);
		expect_nobody(p.producer);
		cr_assert(eq(i64, receive_number(p.consumer, 0, NS_PER_MS), GYRE_ETIMEDOUT));
		expect_nobody(p.consumer);
		while (send_number(p.producer, 0, BYTES, 0) == GYRE_OK)
			;
		cr_assert(eq(int, send_number(p.producer, 0, BYTES, NS_PER_MS), GYRE_ETIMEDOUT));
		expect_nobody(p.producer);
		pair_close(&p);
	}
}

Test(mpmc_stopped, in_an_spsc_ring_the_other_side_is_waited_for_while_there_is_one)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, 4096, BYTES);
		struct gyre_participant who;

		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		cr_assert(eq(int, gyre_ring_waited_for(p.consumer, &who), 1));
		cr_assert(eq(u32, who.role, GYRE_PRODUCER));
		while (send_number(p.producer, 0, BYTES, 0) == GYRE_OK)
			;
		cr_assert(eq(int, gyre_ring_waited_for(p.producer, &who), 1));
		cr_assert(eq(u32, who.role, GYRE_CONSUMER));
		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		cr_assert(eq(int, send_number(p.producer, 0, BYTES, 0), GYRE_EAGAIN));
		expect_nobody(p.producer);
		pair_close(&p);
	}
}

static const char *ask_in_a_child(void *context)
{
	struct gyre_participant who;

	return gyre_ring_waited_for(context, &who) == 0 ? NULL : "somebody";
}

Test(mpmc_stopped, a_forked_child_waits_for_nobody)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);

		expect_well(in_child(ask_in_a_child, p.consumer));
		pair_close(&p);
	}
}

/* ---- Stepping over ---- */

static struct gyre_ring *attach_stepping_over(const char *key)
{
	const struct gyre_ring_options options = {.flags = GYRE_RING_STEP_OVER};
	struct gyre_ring *ring = NULL;

	cr_assert(eq(int, gyre_ring_attach(key, GYRE_CONSUMER, &options, &ring, NULL), GYRE_OK));
	return ring;
}

static struct pair pair_stepping_over(const struct variant *v)
{
	struct pair p = mpmc_pair(v, MPMC_CELLS);

	gyre_ring_detach(p.consumer);
	p.consumer = attach_stepping_over(p.key);
	return p;
}

Test(mpmc_stopped, what_is_finished_is_read_past_what_is_not_where_that_was_asked_for)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct slow *slow;
		struct child child;
		struct pair p;

		if (!takes_two(v, GYRE_PRODUCER))
			continue;
		p = pair_stepping_over(v);
		cr_assert(eq(int, send_number(p.producer, 0, BYTES, 0), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), BYTES));
		child = start_slow(p.key, GYRE_PRODUCER, &slow);
		/* As many as there is room for behind it. */
		for (uint64_t number = 2; number < 30; number++)
			cr_assert(eq(int, send_number(p.producer, number, BYTES, 0), GYRE_OK));
		for (uint64_t number = 2; number < 30; number++)
			cr_assert(eq(i64, receive_number(p.consumer, number, 0), BYTES));
		cr_assert(eq(i64, receive_number(p.consumer, 0, A_WHILE_NS), GYRE_ETIMEDOUT));
		expect_waited_for(p.consumer, &child);
		let_finish(&child, slow);
		cr_assert(eq(i64, receive_number(p.consumer, 1, GYRE_FOREVER), BYTES));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		pair_close(&p);
	}
}

/* The hint of one who steps over must not mislead one who does not. */
Test(mpmc_stopped, one_who_does_not_step_over_reads_what_another_stepped_over)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct gyre_ring *strict;
		struct slow *slow;
		struct child child;
		struct pair p;

		if (!takes_two(v, GYRE_PRODUCER) || !takes_two(v, GYRE_CONSUMER))
			continue;
		p = pair_stepping_over(v);
		strict = attach(p.key, GYRE_CONSUMER);
		/* Both are done with the walk of a newcomer. */
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		cr_assert(eq(i64, receive_number(strict, 0, 0), GYRE_EAGAIN));
		child = start_slow(p.key, GYRE_PRODUCER, &slow);
		for (uint64_t number = 2; number < 10; number++)
			cr_assert(eq(int, send_number(p.producer, number, BYTES, 0), GYRE_OK));
		for (uint64_t number = 2; number < 9; number++)
			cr_assert(eq(i64, receive_number(p.consumer, number, 0), BYTES));
		cr_assert(eq(i64, receive_number(strict, 0, NS_PER_MS), GYRE_ETIMEDOUT));
		expect_waited_for(strict, &child);
		let_finish(&child, slow);
		cr_assert(eq(i64, receive_number(strict, 1, GYRE_FOREVER), BYTES));
		cr_assert(eq(i64, receive_number(strict, 9, 0), BYTES));
		gyre_ring_detach(strict);
		pair_close(&p);
	}
}

Test(mpmc_stopped, what_was_stepped_over_and_then_died_is_aborted)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct slow *slow;
		struct child child;
		struct pair p;

		if (!takes_two(v, GYRE_PRODUCER))
			continue;
		p = pair_stepping_over(v);
		child = start_slow(p.key, GYRE_PRODUCER, &slow);
		cr_assert(eq(int, send_number(p.producer, 2, BYTES, 0), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 2, 0), BYTES));
		kill_child(&child);
		cr_assert(eq(i64, receive_number(p.consumer, 0, A_WHILE_NS), GYRE_ETIMEDOUT));
		expect_nobody(p.consumer);
		cr_assert(eq(u64, totals_of(p.key).discarded, 1));
		cr_assert(eq(u64, totals_of(p.key).info.used_bytes, 0));
		pair_close(&p);
	}
}
