/*
 * Deaths: what a dead one was writing is gone and counted, what it was reading comes again, marked,
 * or is dropped and counted, and nobody is kept from anything.
 */
#include <string.h>
#include "mpmc_battle.h"

TestSuite(mpmc_death, .timeout = 240, .init = rings_open, .fini = rings_close);

enum { BYTES = 70 /* two cells */ };

static void expect_accounts_of(const char *key)
{
	const struct totals totals = totals_of(key);

	expect_accounts(&totals);
}

/* ---- Writing ---- */

static const char *reserve_one(struct gyre_ring *ring, void *context)
{
	void *data;

	(void)context;
	if (gyre_ring_reserve(ring, BYTES, 0, &data) != GYRE_OK)
		return "cannot reserve";
	memset(data, 0xdd, BYTES);
	return NULL;
}

Test(mpmc_death, what_is_behind_a_half_written_message_arrives)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);

		for (uint64_t round = 1; round <= 5; round++) {
			if (v->producers_max == 1) {
				gyre_ring_detach(p.producer);
				live_and_die(p.key, GYRE_PRODUCER, reserve_one, NULL);
				p.producer = attach(p.key, GYRE_PRODUCER);
			} else {
				live_and_die(p.key, GYRE_PRODUCER, reserve_one, NULL);
			}
			cr_assert(eq(int, send_number(p.producer, round, BYTES, 0), GYRE_OK));
			cr_assert(eq(i64, receive_number(p.consumer, round, GYRE_FOREVER), BYTES));
			cr_assert(eq(u64, totals_of(p.key).discarded, round));
		}
		expect_accounts_of(p.key);
		pair_close(&p);
	}
}

Test(mpmc_death, half_written_messages_of_many_give_their_room_back)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);

		gyre_ring_detach(p.producer);
		p.producer = NULL;
		for (uint64_t i = 0; i < MPMC_CELLS / 2 + 5; i++)
			live_and_die(p.key, GYRE_PRODUCER, reserve_one, NULL);
		p.producer = attach(p.key, GYRE_PRODUCER);
		for (uint64_t number = 0; number < MPMC_CELLS / 2 - 1; number++)
			cr_assert(eq(int, send_number(p.producer, number, BYTES, GYRE_FOREVER), 0));
		cr_assert(eq(u64, totals_of(p.key).discarded, MPMC_CELLS / 2 + 5));
		pair_close(&p);
	}
}

/* ---- Reading ---- */

struct reading {
	uint64_t first;
	uint32_t deliveries;
	unsigned count;
};

static const char *read_some(struct gyre_ring *ring, void *context)
{
	static struct gyre_message held[MPMC_CELLS];
	const struct reading *const reading = context;

	for (unsigned i = 0; i < reading->count; i++)
		if (peek_number(ring, reading->first + i, reading->deliveries, 0, &held[i]) != 0)
			return complain("message %u is not delivery %u", i, reading->deliveries);
	return NULL;
}

static void send_some(struct gyre_ring *ring, uint64_t first, uint64_t count)
{
	for (uint64_t number = first; number < first + count; number++)
		cr_assert(eq(int, send_number(ring, number, BYTES, 0), GYRE_OK));
}

/* Reads with a child that dies; the parent's consumer is not there meanwhile if only one may be. */
static void read_and_die(struct pair *p, struct reading reading)
{
	if (p->variant->consumers_max == 1) {
		gyre_ring_detach(p->consumer);
		p->consumer = NULL;
	}
	live_and_die(p->key, GYRE_CONSUMER, read_some, &reading);
	if (p->consumer == NULL)
		p->consumer = attach(p->key, GYRE_CONSUMER);
}

Test(mpmc_death, what_a_dead_one_held_comes_again_in_order_and_is_marked)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		struct gyre_message held[10];

		send_some(p.producer, 0, 10);
		read_and_die(&p, (struct reading){0, 1, 6});
		/* Whoever waits finds out, with messages in front of it or not. */
		if (v->consumers_max > 1)
			for (unsigned i = 6; i < 10; i++)
				cr_assert(eq(i64, receive_number(p.consumer, i, 0), BYTES));
		for (unsigned i = 0; i < 6; i++)
			cr_assert(eq(int, peek_number(p.consumer, i, 2, GYRE_FOREVER, &held[i]),
				GYRE_OK));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 6), GYRE_OK));
		if (v->consumers_max == 1)
			for (unsigned i = 6; i < 10; i++)
				cr_assert(eq(i64, receive_number(p.consumer, i, 0), BYTES));
		cr_assert(eq(u64, totals_of(p.key).redelivered, 6));
		cr_assert(eq(u64, totals_of(p.key).released, 10));
		expect_accounts_of(p.key);
		pair_close(&p);
	}
}

/* A message that kills whoever reads it must not kill all. */
Test(mpmc_death, a_message_is_handed_out_so_often_and_then_dropped_and_counted)
{
	static const uint32_t limits[] = {0, 1, 2, 5};

	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
			const uint32_t limit = limits[i] == 0 ? 3 : limits[i];
			struct gyre_ring_options options = cells_of(v, MPMC_CELLS);
			struct totals totals;
			struct pair p;

			options.deliveries_max = limits[i];
			p = pair_with(v, &options);
			gyre_ring_detach(p.consumer);
			send_some(p.producer, 0, 3);
			for (uint32_t delivery = 1; delivery <= limit; delivery++)
				live_and_die(p.key, GYRE_CONSUMER, read_some,
					&(struct reading){0, delivery, 1});
			p.consumer = attach(p.key, GYRE_CONSUMER);
			totals = totals_of(p.key);
			cr_assert(eq(u64, totals.redelivered, limit - 1));
			cr_assert(eq(u64, totals.dropped, 1));
			cr_assert(eq(u64, totals.dropped_bytes, BYTES));
			cr_assert(eq(u64, totals.info.messages, 2));
			expect_accounts(&totals);
			cr_assert(eq(i64, receive_number(p.consumer, 1, 0), BYTES));
			cr_assert(eq(i64, receive_number(p.consumer, 2, 0), BYTES));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
			expect_accounts_of(p.key);
			pair_close(&p);
		}
	}
}

/* A message that was handed out again and not seen by its reader's user was not delivered. */
Test(mpmc_death, one_who_leaves_gives_back_as_one_who_dies)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		struct gyre_message held;

		send_some(p.producer, 0, 1);
		for (uint32_t delivery = 1; delivery <= 3; delivery++) {
			cr_assert(eq(int, peek_number(p.consumer, 0, delivery, 0, &held), GYRE_OK));
			gyre_ring_detach(p.consumer);
			p.consumer = attach(p.key, GYRE_CONSUMER);
		}
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &held), GYRE_EAGAIN));
		cr_assert(eq(u64, totals_of(p.key).dropped, 1));
		expect_accounts_of(p.key);
		pair_close(&p);
	}
}

Test(mpmc_death, a_producer_without_room_goes_on_when_the_holder_of_the_oldest_has_died)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		struct reading reading = {0, 1, 3};
		struct gyre_ring_options options = cells_of(v, MPMC_CELLS);
		uint64_t count = 0;
		struct child holder;
		struct pair p;

		options.deliveries_max = 1; /* so that room is what comes of it */
		p = pair_with(v, &options);
		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		while (send_number(p.producer, count, BYTES, 0) == GYRE_OK)
			count++;
		holder = live_until_killed(p.key, GYRE_CONSUMER, read_some, &reading);
		cr_assert(
			eq(int, send_number(p.producer, count, BYTES, NS_PER_MS), GYRE_ETIMEDOUT));
		kill_child(&holder);
		for (int i = 0; i < 3; i++)
			cr_assert(eq(int, send_number(p.producer, count++, BYTES, GYRE_FOREVER),
				GYRE_OK));
		cr_assert(eq(u64, totals_of(p.key).dropped, 3));
		expect_accounts_of(p.key);
		pair_close(&p);
	}
}

/* Without a call that waits: the kernel is asked now and then all the same. */
Test(mpmc_death, those_who_only_try_are_not_kept_up_either)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		struct pair p;
		int64_t outcome;
		unsigned tries = 0;

		if (v->producers_max == 1)
			continue;
		p = mpmc_pair(v, MPMC_CELLS);
		live_and_die(p.key, GYRE_PRODUCER, reserve_one, NULL);
		send_some(p.producer, 1, 1);
		while ((outcome = receive_number(p.consumer, 1, 0)) == GYRE_EAGAIN)
			cr_assert(lt(uint, ++tries, 100000));
		cr_assert(eq(i64, outcome, BYTES));
		pair_close(&p);
	}
}

/* ---- Thousands of deaths ---- */

enum {
	DEATHS = 800,
	LIMIT_MS = 3000, /* fewer where the machine is busy elsewhere */
};

static void kill_many(const struct variant *v)
{
	const struct gyre_ring_options options = cells_of(v, MPMC_CELLS);
	char key[KEY_BYTES];

	key_of(v, "deaths", key);
	make_ring(key, &options);
	fight(v, key, DEATHS, LIMIT_MS);
	gyre_ring_unlink(key, NULL);
}

/* One test for each mode: they run side by side. */
static const struct variant *mode(bool one_producer, bool one_consumer)
{
	static struct variant found;

	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next())
		if ((v->producers_max == 1) == one_producer &&
			(v->consumers_max == 1) == one_consumer)
			found = *v;
	return &found;
}

Test(mpmc_death, after_many_deaths_all_is_accounted_for_with_several_of_both)
{
	kill_many(mode(false, false));
}

Test(mpmc_death, after_many_deaths_all_is_accounted_for_with_one_producer)
{
	kill_many(mode(true, false));
}

Test(mpmc_death, after_many_deaths_all_is_accounted_for_with_one_consumer)
{
	kill_many(mode(false, true));
}

Test(mpmc_death, after_many_deaths_all_is_accounted_for_with_one_of_each)
{
	kill_many(mode(true, true));
}
