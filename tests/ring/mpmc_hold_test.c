/*
 * Messages in hand: several at once, released in any order, given back by who leaves; and what is
 * refused.
 */
#include <string.h>
#include "mpmc_rings.h"

TestSuite(mpmc_hold, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	HELD = 20,
	BYTES = 70, /* two cells */
};

static void send_some(struct pair *p, uint64_t first, uint64_t count)
{
	for (uint64_t number = first; number < first + count; number++)
		cr_assert(eq(int, send_number(p->producer, number, BYTES, 0), GYRE_OK));
}

static void peek_some(
	struct gyre_ring *ring, uint64_t first, unsigned count, struct gyre_message *held)
{
	for (unsigned i = 0; i < count; i++)
		cr_assert(eq(int, peek_number(ring, first + i, 1, 0, &held[i]), GYRE_OK));
}

static void expect_empty(struct gyre_ring *ring)
{
	cr_assert(eq(i64, receive_number(ring, 0, 0), GYRE_EAGAIN));
}

/* ---- Any order ---- */

static void shuffle(unsigned *order, unsigned count, uint64_t *state)
{
	for (unsigned i = 0; i < count; i++)
		order[i] = i;
	for (unsigned i = count; i > 1; i--) {
		const unsigned k = (unsigned)(next_random(state) % i), last = order[i - 1];

		order[i - 1] = order[k];
		order[k] = last;
	}
}

Test(mpmc_hold, several_are_held_at_once_and_released_in_any_order)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		struct gyre_message held[HELD];
		unsigned order[HELD];
		uint64_t state = 2;

		for (uint64_t round = 0; round < 200; round++) {
			send_some(&p, round, HELD);
			peek_some(p.consumer, round, HELD, held);
			expect_empty(p.consumer);
			shuffle(order, HELD, &state);
			for (unsigned i = 0; i < HELD; i++) {
				const struct gyre_message *const m = &held[order[i]];

				cr_assert(is_message_of(m->data, BYTES, round + order[i]));
				cr_assert(eq(int, gyre_ring_release(p.consumer, m), GYRE_OK));
				cr_assert(eq(int, gyre_ring_release(p.consumer, m), GYRE_ESTATE));
			}
			expect_empty(p.consumer);
		}
		cr_assert(eq(u64, totals_of(p.key).released, 200 * HELD));
		pair_close(&p);
	}
}

/* The room of the oldest one is what a full ring needs. */
Test(mpmc_hold, room_comes_back_with_the_oldest_and_what_follows_it)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		struct gyre_message held[MPMC_CELLS];
		unsigned count = 0;

		while (send_number(p.producer, count, 1, 0) == GYRE_OK)
			count++;
		peek_some(p.consumer, 0, count, held);
		for (unsigned i = 1; i < count; i++)
			cr_assert(eq(int, gyre_ring_release(p.consumer, &held[i]), GYRE_OK));
		cr_assert(eq(int, send_number(p.producer, count, 1, 0), GYRE_EAGAIN));
		cr_assert(is_message_of(held[0].data, 1, 0));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held[0]), GYRE_OK));
		for (unsigned i = 0; i < count; i++)
			cr_assert(eq(int, send_number(p.producer, i, 1, 0), GYRE_OK));
		pair_close(&p);
	}
}

Test(mpmc_hold, what_one_consumer_holds_does_not_keep_another_from_what_follows)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct gyre_message held[HELD], others[HELD];
		struct gyre_ring *other;
		struct pair p;

		if (v->consumers_max == 1)
			continue;
		p = mpmc_pair(v, MPMC_CELLS);
		other = attach(p.key, GYRE_CONSUMER);
		send_some(&p, 0, HELD);
		for (unsigned i = 0; i < HELD; i += 2) {
			peek_some(p.consumer, i, 1, &held[i]);
			peek_some(other, i + 1, 1, &others[i]);
		}
		expect_empty(p.consumer);
		expect_empty(other);
		for (unsigned i = 0; i < HELD; i += 2) {
			/* Neither may release what is in the other's hands. */
			cr_assert(eq(int, gyre_ring_release(other, &held[i]), GYRE_ESTATE));
			cr_assert(eq(int, gyre_ring_release(p.consumer, &others[i]), GYRE_ESTATE));
			cr_assert(eq(int, gyre_ring_release(p.consumer, &held[i]), GYRE_OK));
			cr_assert(eq(int, gyre_ring_release(other, &others[i]), GYRE_OK));
		}
		cr_assert(eq(u64, totals_of(p.key).released, HELD));
		gyre_ring_detach(other);
		pair_close(&p);
	}
}

/* ---- What is refused ---- */

Test(mpmc_hold, what_is_not_held_cannot_be_released)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		struct gyre_message held, wrong;

		cr_assert(eq(int, gyre_ring_release(p.consumer, &(struct gyre_message){0}),
			GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 1), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 0), GYRE_OK));
		send_some(&p, 0, 3);
		cr_assert(eq(int, peek_number(p.consumer, 0, 1, 0, &held), GYRE_OK));
		for (uint64_t off = 1; off < 5; off++) { /* an inner cell, the next ones */
			wrong = held;
			wrong.position += off;
			cr_assert(eq(int, gyre_ring_release(p.consumer, &wrong), GYRE_ESTATE));
		}
		wrong = held;
		wrong.position += MPMC_CELLS; /* its place, a lap later; an other lap's */
		cr_assert(eq(int, gyre_ring_release(p.consumer, &wrong), GYRE_ESTATE));
		wrong.position += (uint64_t)1 << 40;
		cr_assert(eq(int, gyre_ring_release(p.consumer, &wrong), GYRE_ESTATE));
		for (uint32_t index = 1; index != 0; index = index == 100 ? 0 : index + 1) {
			wrong = held;
			wrong.index = index;
			cr_assert(eq(int, gyre_ring_release(p.consumer, &wrong), GYRE_ESTATE));
		}
		wrong.index = UINT32_MAX;
		cr_assert(eq(int, gyre_ring_release(p.consumer, &wrong), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 2), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held), GYRE_OK));
		cr_assert(eq(u64, totals_of(p.key).released, 1));
		cr_assert(eq(i64, receive_number(p.consumer, 1, 0), BYTES));
		pair_close(&p);
	}
}

Test(mpmc_hold, a_message_of_an_earlier_lap_is_not_what_stands_in_its_place_now)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		struct gyre_message first, now;

		send_some(&p, 0, 1);
		peek_some(p.consumer, 0, 1, &first);
		cr_assert(eq(int, gyre_ring_release(p.consumer, &first), GYRE_OK));
		do {
			send_some(&p, 1, 1);
			peek_some(p.consumer, 1, 1, &now);
			if (now.position % MPMC_CELLS == first.position)
				cr_assert(eq(
					int, gyre_ring_release(p.consumer, &first), GYRE_ESTATE));
			cr_assert(eq(int, gyre_ring_release(p.consumer, &now), GYRE_OK));
		} while (now.position < 3 * MPMC_CELLS);
		pair_close(&p);
	}
}

/* ---- The oldest first ---- */

Test(mpmc_hold, a_number_of_them_is_released_oldest_first)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		struct gyre_message held[HELD];

		for (uint64_t round = 0; round < 50; round++) {
			send_some(&p, 0, HELD);
			peek_some(p.consumer, 0, HELD, held);
			cr_assert(eq(int, gyre_ring_release(p.consumer, &held[1]), GYRE_OK));
			cr_assert(eq(int, gyre_ring_release(p.consumer, &held[4]), GYRE_OK));
			cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 4), GYRE_OK));
			for (unsigned i = 0; i < 7; i++) /* 0 to 5 are done with */
				cr_assert(eq(int, gyre_ring_release(p.consumer, &held[i]),
					i == 6 ? GYRE_OK : GYRE_ESTATE));
			cr_assert(eq(
				int, gyre_ring_release_batch(p.consumer, HELD - 6), GYRE_ESTATE));
			cr_assert(eq(int, gyre_ring_release_batch(p.consumer, HELD - 7), GYRE_OK));
			cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 1), GYRE_ESTATE));
		}
		cr_assert(eq(u64, totals_of(p.key).released, 50 * HELD));
		pair_close(&p);
	}
}

/* A message that lies before others in hand, and comes into hand after them. */
Test(mpmc_hold, the_oldest_may_have_come_last)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct gyre_message early, late, again;
		struct gyre_ring *other;
		struct pair p;
		char small[1];

		if (v->consumers_max == 1)
			continue;
		p = mpmc_pair(v, MPMC_CELLS);
		other = attach(p.key, GYRE_CONSUMER);
		send_some(&p, 0, 2);
		peek_some(other, 0, 1, &early);
		peek_some(p.consumer, 1, 1, &late);
		gyre_ring_detach(other); /* gives the first one back */
		/* In hand, but not handed out. */
		cr_assert(eq(i64, gyre_ring_receive(p.consumer, small, 1, 0, NULL), GYRE_EMSGSIZE));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 1), GYRE_OK));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &late), GYRE_ESTATE));
		cr_assert(eq(int, peek_number(p.consumer, 0, 2, 0, &again), GYRE_OK));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 1), GYRE_OK));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 1), GYRE_ESTATE));
		cr_assert(eq(u64, totals_of(p.key).released, 2));
		pair_close(&p);
	}
}

/* ---- Leaving with something in hand ---- */

Test(mpmc_hold, what_one_held_who_left_comes_again_and_is_marked)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		struct gyre_message held[HELD];
		struct totals totals;

		send_some(&p, 0, HELD);
		peek_some(p.consumer, 0, 6, held);
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held[1]), GYRE_OK));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held[4]), GYRE_OK));
		gyre_ring_detach(p.consumer);
		totals = totals_of(p.key);
		cr_assert(eq(u64, totals.redelivered, 4));
		cr_assert(eq(u64, totals.info.messages, HELD - 2));
		expect_accounts(&totals);
		p.consumer = attach(p.key, GYRE_CONSUMER);
		for (uint64_t number = 0; number < HELD; number++)
			if (number != 1 && number != 4)
				cr_assert(eq(int,
					peek_number(p.consumer, number, number < 6 ? 2 : 1, 0,
						&held[number]),
					GYRE_OK));
		expect_empty(p.consumer);
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, HELD - 2), GYRE_OK));
		totals = totals_of(p.key);
		cr_assert(eq(u64, totals.released, HELD));
		expect_accounts(&totals);
		pair_close(&p);
	}
}

Test(mpmc_hold, what_was_given_back_is_read_by_those_who_are_there)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct gyre_message held[HELD];
		struct gyre_ring *other;
		struct pair p;

		if (v->consumers_max == 1)
			continue;
		p = mpmc_pair(v, MPMC_CELLS);
		other = attach(p.key, GYRE_CONSUMER);
		for (unsigned round = 0; round < 10; round++) {
			send_some(&p, 0, HELD);
			peek_some(other, 0, HELD - 1, held);
			cr_assert(eq(i64, receive_number(p.consumer, HELD - 1, 0), BYTES));
			expect_empty(p.consumer);
			gyre_ring_detach(other);
			for (unsigned i = 0; i < HELD - 1; i++) {
				cr_assert(eq(
					int, peek_number(p.consumer, i, 2, 0, &held[i]), GYRE_OK));
				cr_assert(
					eq(int, gyre_ring_release(p.consumer, &held[i]), GYRE_OK));
			}
			expect_empty(p.consumer);
			other = attach(p.key, GYRE_CONSUMER);
		}
		gyre_ring_detach(other);
		pair_close(&p);
	}
}

/* ---- Receive ---- */

Test(mpmc_hold, a_buffer_that_is_too_small_keeps_the_message)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		struct gyre_message message;
		char buffer[BYTES - 1];

		send_some(&p, 0, 2);
		for (int i = 0; i < 3; i++) {
			memset(buffer, 0x55, sizeof buffer);
			message = (struct gyre_message){0};
			cr_assert(eq(i64,
				gyre_ring_receive(p.consumer, buffer, BYTES - 1, i - 1, &message),
				GYRE_EMSGSIZE));
			cr_assert(eq(sz, message.bytes, BYTES));
			cr_assert(eq(i64, gyre_ring_receive(p.consumer, NULL, 0, 0, NULL),
				GYRE_EMSGSIZE));
			cr_assert(eq(int,
				gyre_ring_receive_batch(p.consumer, buffer, 3, 0, &message, 1),
				GYRE_EMSGSIZE));
			for (size_t k = 0; k < sizeof buffer; k++)
				cr_assert(eq(chr, buffer[k], 0x55));
		}
		cr_assert(eq(u64, totals_of(p.key).info.messages, 2));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), BYTES));
		cr_assert(eq(i64, receive_number(p.consumer, 1, 0), BYTES));
		pair_close(&p);
	}
}

Test(mpmc_hold, messages_are_received_while_others_are_held)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		struct gyre_message held[2];

		send_some(&p, 0, 4);
		peek_some(p.consumer, 0, 1, &held[0]);
		cr_assert(eq(i64, receive_number(p.consumer, 1, 0), BYTES));
		peek_some(p.consumer, 2, 1, &held[1]);
		cr_assert(eq(i64, receive_number(p.consumer, 3, 0), BYTES));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 2), GYRE_OK));
		cr_assert(eq(u64, totals_of(p.key).released, 4));
		pair_close(&p);
	}
}
