/*
 * How a ring ends: closed; left by its last producer; its last producer died. Three answers, each
 * told once, after everything that was committed.
 */
#include <signal.h>
#include <string.h>
#include "mpmc_rings.h"

TestSuite(mpmc_ends, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	BYTES = 70, /* two cells */
	SHORT_NS = 3 * NS_PER_MS,
};

static void send_some(struct gyre_ring *ring, uint64_t first, uint64_t count)
{
	for (uint64_t number = first; number < first + count; number++)
		cr_assert(eq(int, send_number(ring, number, BYTES, 0), GYRE_OK));
}

static void receive_some(struct gyre_ring *ring, uint64_t first, uint64_t count)
{
	for (uint64_t number = first; number < first + count; number++)
		cr_assert(eq(i64, receive_number(ring, number, 0), BYTES));
}

/* ---- Close ---- */

Test(mpmc_ends, a_closed_ring_gives_all_it_has_and_then_says_so)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);

		send_some(p.producer, 0, 5);
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
		cr_assert(eq(u32, totals_of(p.key).info.closed, 1));
		receive_some(p.consumer, 0, 5);
		for (int i = 0; i < 3; i++) {
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
			cr_assert(
				eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER), GYRE_ECLOSED));
		}
		pair_close(&p);
	}
}

static void expect_closed_for(struct gyre_ring *producer)
{
	const struct gyre_message batch[2] = {{.data = "a", .bytes = 1}, {.data = "b", .bytes = 1}};
	void *data;

	for (int i = 0; i < 2; i++) {
		const int64_t timeout_ns = i == 0 ? 0 : GYRE_FOREVER;

		cr_assert(eq(int, send_number(producer, 0, BYTES, timeout_ns), GYRE_ECLOSED));
		cr_assert(eq(int, gyre_ring_reserve(producer, 1, timeout_ns, &data), GYRE_ECLOSED));
		cr_assert(eq(
			int, gyre_ring_send_batch(producer, batch, 2, timeout_ns), GYRE_ECLOSED));
		cr_assert(eq(int, gyre_ring_close(producer), GYRE_ECLOSED));
	}
}

Test(mpmc_ends, nothing_is_sent_after_the_close_by_anybody)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		struct gyre_ring *other = NULL;

		if (v->producers_max > 1)
			other = attach(p.key, GYRE_PRODUCER);
		send_some(p.producer, 0, 1);
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
		expect_closed_for(p.producer);
		if (other != NULL)
			expect_closed_for(other);
		gyre_ring_detach(p.producer);
		p.producer = attach(p.key, GYRE_PRODUCER); /* nor by a successor */
		expect_closed_for(p.producer);
		receive_some(p.consumer, 0, 1);
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
		cr_assert(eq(u64, totals_of(p.key).committed, 1));
		gyre_ring_detach(other);
		pair_close(&p);
	}
}

/* Whatever the ring is full of, and wherever its end is. */
Test(mpmc_ends, there_is_always_room_for_the_close)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		for (uint64_t at = 0; at < MPMC_CELLS; at += v->file ? 7 : 1) {
			struct pair p = mpmc_pair(v, MPMC_CELLS);
			uint64_t count = 0;

			for (uint64_t i = 0; i < at; i++) {
				cr_assert(eq(int, gyre_ring_send(p.producer, NULL, 0, 0, 0), 0));
				cr_assert(eq(
					i64, gyre_ring_receive(p.consumer, NULL, 0, 0, NULL), 0));
			}
			while (send_number(p.producer, count, BYTES, 0) == GYRE_OK)
				count++;
			while (send_number(p.producer, count, 1, 0) == GYRE_OK)
				count++;
			cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
			for (uint64_t number = 0; number < count; number++)
				cr_assert(ge(i64, receive_number(p.consumer, number, 0), 0));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
			pair_close(&p);
		}
	}
}

Test(mpmc_ends, a_reservation_made_before_the_close_may_be_committed_after_it)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		for (int commits = 0; commits < 2; commits++) {
			struct gyre_ring *other;
			struct pair p;
			void *data;

			if (v->producers_max == 1)
				continue;
			p = mpmc_pair(v, MPMC_CELLS);
			other = attach(p.key, GYRE_PRODUCER);
			cr_assert(eq(int, gyre_ring_reserve(other, BYTES, 0, &data), GYRE_OK));
			cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
			/* Not the end yet: something may come. */
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
			cr_assert(eq(i64, receive_number(p.consumer, 0, SHORT_NS), GYRE_ETIMEDOUT));
			fill_message(data, BYTES, 1);
			if (commits) {
				cr_assert(eq(int, gyre_ring_commit(other, BYTES, 1), GYRE_OK));
				receive_some(p.consumer, 1, 1);
			} else {
				cr_assert(eq(int, gyre_ring_discard(other), GYRE_OK));
			}
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
			gyre_ring_detach(other);
			pair_close(&p);
		}
	}
}

Test(mpmc_ends, the_end_is_told_to_one_who_holds_all_that_is_left)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		struct gyre_message held[5];

		send_some(p.producer, 0, 5);
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
		cr_assert(eq(int, gyre_ring_peek_batch(p.consumer, 0, held, 5), 5));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
		cr_assert(eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER), GYRE_ECLOSED));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held[2]), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 4), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
		pair_close(&p);
	}
}

Test(mpmc_ends, the_end_is_not_told_while_another_holds_a_message)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct gyre_message held;
		struct gyre_ring *other;
		struct pair p;

		if (v->consumers_max == 1)
			continue;
		p = mpmc_pair(v, MPMC_CELLS);
		other = attach(p.key, GYRE_CONSUMER);
		send_some(p.producer, 0, 3);
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
		cr_assert(eq(int, gyre_ring_peek(other, 0, &held), GYRE_OK));
		receive_some(p.consumer, 1, 2);
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		cr_assert(eq(i64, receive_number(p.consumer, 0, SHORT_NS), GYRE_ETIMEDOUT));
		cr_assert(eq(int, gyre_ring_release(other, &held), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
		cr_assert(eq(i64, receive_number(other, 0, 0), GYRE_ECLOSED));
		gyre_ring_detach(other);
		pair_close(&p);
	}
}

/* ---- Those who wait at the end ---- */

struct waiter {
	const char *key;
	int64_t outcome; /* expected */
	uint32_t tag;    /* if that is no error */
	_Atomic uint32_t attached;
};

static const char *wait_for_it(void *context)
{
	struct waiter *const w = context;
	struct gyre_ring *ring = NULL;
	struct gyre_message message;
	char buffer[BYTES];
	int64_t outcome;

	if (gyre_ring_attach(w->key, GYRE_CONSUMER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	raise_flag(&w->attached);
	outcome = gyre_ring_receive(ring, buffer, BYTES, GYRE_FOREVER, &message);
	if (outcome != w->outcome)
		return complain("%s (%d) instead of %s", gyre_errname((int)outcome), (int)outcome,
			gyre_errname((int)w->outcome));
	if (outcome >= 0 && (message.tag != w->tag || message.deliveries != 2))
		return "another message";
	gyre_ring_detach(ring);
	return NULL;
}

static struct child start_waiter(const char *key, int64_t outcome, uint32_t tag)
{
	struct waiter *const w = shared_memory(sizeof *w);
	struct child child;

	*w = (struct waiter){key, outcome, tag, 0};
	child = start_child(wait_for_it, w);
	cr_assert(await_flag(&w->attached), "%s", child.complaint);
	return child;
}

Test(mpmc_ends, all_who_wait_learn_of_the_close_and_of_the_last_departure)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		const unsigned waiters = v->consumers_max == 1 ? 1 : 3;

		for (int closes = 0; closes < 2; closes++) {
			struct pair p = mpmc_pair(v, MPMC_CELLS);
			struct child children[3];

			gyre_ring_detach(p.consumer);
			p.consumer = NULL;
			for (unsigned i = 0; i < waiters; i++)
				children[i] =
					start_waiter(p.key, closes ? GYRE_ECLOSED : GYRE_ELEFT, 0);
			cr_assert(until_all_slept(p.key, GYRE_CONSUMER, waiters));
			if (closes)
				cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
			gyre_ring_detach(p.producer);
			p.producer = NULL;
			for (unsigned i = 0; i < waiters; i++)
				expect_well(end_child(&children[i]));
			pair_close(&p);
		}
	}
}

static const char *hold_the_first(struct gyre_ring *ring, void *context)
{
	static struct gyre_message held;

	(void)context;
	return peek_number(ring, 1, 1, 0, &held) == GYRE_OK ? NULL : "not the first message";
}

Test(mpmc_ends, one_who_waits_at_the_end_gets_what_a_dying_one_held)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		struct child holder, waiter;
		struct pair p;

		if (v->consumers_max == 1)
			continue;
		p = mpmc_pair(v, MPMC_CELLS);
		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		send_some(p.producer, 1, 1);
		holder = live_until_killed(p.key, GYRE_CONSUMER, hold_the_first, NULL);
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
		waiter = start_waiter(p.key, BYTES, 1);
		cr_assert(until_all_slept(p.key, GYRE_CONSUMER, 1));
		kill_child(&holder);
		expect_well(end_child(&waiter));
		expect_accounts(&(struct totals[]){totals_of(p.key)}[0]);
		cr_assert(eq(u64, totals_of(p.key).released, 1));
		pair_close(&p);
	}
}

static const char *close_it(struct gyre_ring *ring, void *context)
{
	(void)context;
	send_number(ring, 1, BYTES, 0);
	return gyre_ring_close(ring) == GYRE_OK ? NULL : "cannot close";
}

Test(mpmc_ends, one_who_closed_and_then_died_has_closed)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);

		gyre_ring_detach(p.producer);
		p.producer = NULL;
		live_and_die(p.key, GYRE_PRODUCER, close_it, NULL);
		receive_some(p.consumer, 1, 1);
		cr_assert(eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER), GYRE_ECLOSED));
		cr_assert(eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER), GYRE_ECLOSED));
		pair_close(&p);
	}
}

/* The record is what counts; the word beside it may have been left unset by one who died. */
Test(mpmc_ends, the_close_is_known_where_its_hint_was_not_left)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		struct gyre_message held;
		struct gyre_view view = view_of(p.key);
		struct gyre_ring *other;

		if (v->consumers_max == 1) {
			gyre_view_close(&view);
			pair_close(&p);
			continue;
		}
		other = attach(p.key, GYRE_CONSUMER);
		send_some(p.producer, 1, 1);
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
		atomic_store(word_in(&view, 0x1008), 0);
		gyre_ring_detach(p.producer);
		p.producer = NULL;
		cr_assert(eq(int, gyre_ring_peek(other, 0, &held), GYRE_OK));
		/* Not that the last producer left. */
		cr_assert(eq(i64, receive_number(p.consumer, 0, SHORT_NS), GYRE_ETIMEDOUT));
		cr_assert(eq(int, gyre_ring_release(other, &held), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER), GYRE_ECLOSED));
		gyre_ring_detach(other);
		gyre_view_close(&view);
		pair_close(&p);
	}
}

/* ---- Left, died ---- */

static const char *send_one(struct gyre_ring *ring, void *context)
{
	return send_number(ring, *(uint64_t *)context, BYTES, 0) == GYRE_OK ? NULL : "cannot send";
}

Test(mpmc_ends, the_departure_of_the_last_producer_is_told_once_after_all_messages)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		const int64_t timeouts[] = {0, SHORT_NS, GYRE_FOREVER};
		struct pair p = mpmc_pair(v, MPMC_CELLS);

		for (unsigned round = 0; round < 3; round++) {
			struct gyre_ring *others[3] = {NULL};

			for (unsigned i = 0; i < 3 && v->producers_max > 1; i++)
				others[i] = attach(p.key, GYRE_PRODUCER);
			send_some(p.producer, round, 2);
			gyre_ring_detach(p.producer);
			if (others[0] != NULL) {
				receive_some(p.consumer, round, 2);
				cr_assert(eq(i64, receive_number(p.consumer, 0, SHORT_NS),
					GYRE_ETIMEDOUT));
				send_some(others[2], round, 2);
				for (unsigned i = 0; i < 3; i++)
					gyre_ring_detach(others[i]);
			}
			receive_some(p.consumer, round, 2);
			cr_assert(eq(
				i64, receive_number(p.consumer, 0, timeouts[round]), GYRE_ELEFT));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
			cr_assert(eq(i64, receive_number(p.consumer, 0, SHORT_NS), GYRE_ETIMEDOUT));
			p.producer = attach(p.key, GYRE_PRODUCER);
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		}
		pair_close(&p);
	}
}

Test(mpmc_ends, the_death_of_the_last_producer_is_told_once_after_all_messages)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		const unsigned producers = v->producers_max == 1 ? 1 : 3;
		struct pair p = mpmc_pair(v, MPMC_CELLS);

		gyre_ring_detach(p.producer);
		p.producer = NULL;
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ELEFT));
		for (unsigned round = 0; round < 2; round++) {
			struct child children[3];

			for (uint64_t i = 0; i < producers; i++)
				children[i] = live_until_killed(p.key, GYRE_PRODUCER, send_one, &i);
			receive_some(p.consumer, 0, producers);
			for (unsigned i = 0; i < producers; i++) {
				cr_assert(eq(i64, receive_number(p.consumer, 0, SHORT_NS),
					GYRE_ETIMEDOUT));
				kill_child(&children[i]);
			}
			cr_assert(eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER), GYRE_EDIED));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
			cr_assert(eq(i64, receive_number(p.consumer, 0, SHORT_NS), GYRE_ETIMEDOUT));
		}
		pair_close(&p);
	}
}

/* Who came last is not who went last. */
Test(mpmc_ends, how_the_one_went_that_went_last_is_what_is_told)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		for (int dies_last = 0; dies_last < 2; dies_last++) {
			struct child mortal;
			uint64_t number = 1;
			struct pair p;

			if (v->producers_max == 1)
				continue;
			p = mpmc_pair(v, MPMC_CELLS);
			gyre_ring_detach(p.producer);
			p.producer = NULL;
			if (!dies_last)
				p.producer = attach(p.key, GYRE_PRODUCER);
			mortal = live_until_killed(p.key, GYRE_PRODUCER, send_one, &number);
			if (dies_last) {
				p.producer = attach(p.key, GYRE_PRODUCER);
				gyre_ring_detach(p.producer);
				p.producer = NULL;
			}
			kill_child(&mortal);
			receive_some(p.consumer, 1, 1);
			if (!dies_last) { /* the death is found out by one who waits */
				cr_assert(eq(i64, receive_number(p.consumer, 0, SHORT_NS),
					GYRE_ETIMEDOUT));
				gyre_ring_detach(p.producer);
				p.producer = NULL;
			}
			cr_assert(eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER),
				dies_last ? GYRE_EDIED : GYRE_ELEFT));
			cr_assert(eq(i64, receive_number(p.consumer, 0, SHORT_NS), GYRE_ETIMEDOUT));
			pair_close(&p);
		}
	}
}
