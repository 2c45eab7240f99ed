/*
 * Deaths: what a dead one was writing is gone and counted, what it was reading comes again, marked,
 * or is dropped and counted, and nobody is kept from anything.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "mpmc_rings.h"

TestSuite(mpmc_death, .timeout = 60, .init = rings_open, .fini = rings_close);

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
	CHILDREN = 6,
	DEATHS = 800,
	LIMIT_NS = 1000000000, /* times four: deaths on a machine that is busy elsewhere */
	SOAK_BYTES = 600,
	BATCH = 12,
};

static size_t size_of(uint32_t tag)
{
	uint64_t state = tag;
	const uint64_t random = next_random(&state);

	return (random >> 8) % (random % 8 == 0 ? SOAK_BYTES : 40);
}

struct soldier {
	const char *key;
	enum gyre_role role;
	uint64_t seed;
};

static unsigned char payload[BATCH][SOAK_BYTES];

static int produce(struct gyre_ring *ring, uint64_t *state)
{
	struct gyre_message batch[BATCH];
	const uint32_t tag = (uint32_t)next_random(state);
	void *data;
	int outcome;

	switch (next_random(state) % 3) {
	case 0:
		outcome = gyre_ring_reserve(ring, SOAK_BYTES, NS_PER_MS, &data);
		if (outcome != GYRE_OK)
			return outcome;
		fill_message(data, size_of(tag), tag);
		return tag % 4 == 0 ? gyre_ring_discard(ring)
				    : gyre_ring_commit(ring, size_of(tag), tag);
	case 1:
		for (uint32_t i = 0; i < BATCH; i++) {
			fill_message(payload[i], size_of(tag + i), tag + i);
			batch[i] = (struct gyre_message){
				.data = payload[i], .bytes = size_of(tag + i), .tag = tag + i};
		}
		return gyre_ring_send_batch(ring, batch, 1 + tag % BATCH, NS_PER_MS);
	default:
		return send_number(ring, tag, size_of(tag), NS_PER_MS);
	}
}

static bool is_right(const struct gyre_message *m)
{
	return m->bytes == size_of(m->tag) && is_message_of(m->data, m->bytes, m->tag) &&
	       m->deliveries >= 1 && m->deliveries <= 3;
}

/* NULL, or a complaint. */
static const char *consume(struct gyre_ring *ring, uint64_t *state)
{
	static unsigned char buffer[SOAK_BYTES];
	struct gyre_message held[BATCH];
	int found;

	if (next_random(state) % 2 == 0) {
		const int64_t bytes =
			gyre_ring_receive(ring, buffer, sizeof buffer, NS_PER_MS, held);

		return bytes < 0 || is_right(held) ? NULL : "a damaged message";
	}
	found = gyre_ring_peek_batch(
		ring, NS_PER_MS, held, 1 + (unsigned)(next_random(state) % BATCH));
	for (int i = 0; i < found; i++)
		if (!is_right(&held[i]))
			return "a damaged message";
	while (found-- > 0)
		if (gyre_ring_release(ring, &held[found]) != GYRE_OK)
			return "cannot release";
	return NULL;
}

static const char *serve(void *context)
{
	const struct soldier *const soldier = context;
	struct gyre_ring *ring = NULL;
	uint64_t state = soldier->seed;
	struct gyre_error error = {0};
	const char *complaint = NULL;

	if (gyre_ring_attach(soldier->key, soldier->role, NULL, &ring, &error) != GYRE_OK)
		return complain("cannot attach: %s", error.what);
	while (complaint == NULL) {
		if (soldier->role == GYRE_CONSUMER) {
			complaint = consume(ring, &state);
		} else {
			const int outcome = produce(ring, &state);

			if (outcome < 0 && outcome != GYRE_ETIMEDOUT)
				complaint = complain("produce: %s", gyre_errname(outcome));
		}
	}
	return complaint;
}

static struct child enlist(const char *key, unsigned number, uint64_t seed)
{
	struct soldier soldier = {key, number % 2 == 0 ? GYRE_PRODUCER : GYRE_CONSUMER, seed};

	return start_child(serve, &soldier);
}

/* In modes of one there is one of a role, else three. */
static bool is_wanted(const struct variant *v, unsigned number)
{
	return number < 2 || (number % 2 == 0 ? v->producers_max : v->consumers_max) > 1;
}

static void fall(struct child *child)
{
	kill_child(child);
	cr_assert(eq(str, child->complaint, ""));
	child->pid = 0;
}

/* Whoever sits down repairs what was left there. */
static void repair_all(const struct variant *v, const char *key)
{
	struct gyre_ring *rings[12] = {NULL};
	unsigned count = 0;

	for (uint32_t i = 0; i < v->producers_max; i++)
		rings[count++] = attach(key, GYRE_PRODUCER);
	for (uint32_t i = 0; i < v->consumers_max; i++)
		rings[count++] = attach(key, GYRE_CONSUMER);
	while (count > 0)
		gyre_ring_detach(rings[--count]);
}

static void drain(const char *key)
{
	struct gyre_ring *const ring = attach(key, GYRE_CONSUMER);
	uint64_t state = 1;

	while (totals_of(key).info.messages > 0)
		cr_assert(eq(ptr, (void *)consume(ring, &state), NULL));
	gyre_ring_detach(ring);
}

static void expect_all_room(const char *key)
{
	struct gyre_ring *const ring = attach(key, GYRE_PRODUCER);
	unsigned count = 0;

	while (gyre_ring_send(ring, NULL, 0, 0, 0) == GYRE_OK)
		count++;
	cr_assert(eq(uint, count, MPMC_CELLS - 1));
	gyre_ring_detach(ring);
}

static void kill_many(const struct variant *v)
{
	const struct gyre_ring_options options = cells_of(v, MPMC_CELLS);
	struct child children[CHILDREN] = {{0}};
	uint64_t state = v->producers_max + 10 * v->consumers_max, deaths = 0;
	const uint64_t limit = now_ns() + 4 * (uint64_t)LIMIT_NS;
	char key[KEY_BYTES];
	struct totals totals;

	key_of(v, "deaths", key);
	make_ring(key, &options);
	while (deaths < DEATHS && now_ns() < limit) {
		const unsigned number = (unsigned)(next_random(&state) % CHILDREN);
		const struct timespec nap = {
			.tv_nsec = (long)(next_random(&state) % (2 * NS_PER_MS))};

		if (!is_wanted(v, number))
			continue;
		if (children[number].pid != 0) {
			nanosleep(&nap, NULL); /* it dies at a random moment */
			fall(&children[number]);
			deaths++;
		}
		children[number] = enlist(key, number, next_random(&state));
	}
	for (unsigned number = 0; number < CHILDREN; number++)
		if (children[number].pid != 0)
			fall(&children[number]);
	repair_all(v, key);
	totals = totals_of(key);
	expect_accounts(&totals);
	cr_assert(gt(u64, totals.released, 0));
	cr_assert(gt(u64, totals.redelivered + totals.dropped, 0));
	drain(key);
	expect_accounts_of(key);
	expect_all_room(key);
	expect_accounts_of(key);
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
