/*
 * Positions and laps: counts that never go back, and words that tell a lap by a number that does.
 * Nobody lives to see them wrap, unless they begin shortly before: here they do, with words of old
 * laps in all cells. Where the library was built with few lap bits (GYRE_TEST_LAP_BITS), laps wrap
 * all the time as well.
 */
#include <string.h>
#include "mpmc_battle.h"

TestSuite(mpmc_laps, .timeout = 120, .init = rings_open, .fini = rings_close);

/* docs/layout.md, docs/mpmc.md */
enum {
	RECLAIMED = 0x1080,
	TAIL = 0x2000,
	HEAD = 0x3000,
	BOOKS = 0x80, /* in a seat: two copies of messages, bytes, discarded */
	BOOKS_OPERATION = 0xd0,
	WRITING = 1,
	READY = 2,
	READING = 4,
	DONE = 5,
};
#define LAPS (((uint64_t)1 << 34) - 1)

#ifdef GYRE_TEST_LAP_BITS
#define CYCLE (((uint64_t)1 << GYRE_TEST_LAP_BITS) - 1)
#define STAMPS ((uint64_t)1 << (GYRE_TEST_LAP_BITS - 2)) /* no word is older, in laps */
#else
#define CYCLE LAPS
#define STAMPS ((uint64_t)1 << 16)
#endif

enum {
	CELLS = 8,
	CELL_BYTES = 512,
};

static struct gyre_ring_options small_ring(const struct variant *v)
{
	struct gyre_ring_options options = options_of(v, CELLS * CELL_BYTES, 0);

	options.cell_bytes = CELL_BYTES;
	return options;
}

/* ---- Words ---- */

static uint64_t lap_of(uint64_t position)
{
	return position / CELLS % LAPS + 1;
}

/* The lap so many before that. */
static uint64_t lap_before(uint64_t lap, uint64_t laps)
{
	return (lap - 1 + LAPS - laps % LAPS) % LAPS + 1;
}

static uint64_t word_of(uint64_t lap, uint64_t span, uint64_t phase, uint64_t owner)
{
	return lap << 30 | span << 12 | phase << 9 | owner;
}

static _Atomic uint64_t *entry_at(const struct gyre_view *view, uint64_t position)
{
	return word_in(view, view->header.entries_offset + position % CELLS * 16);
}

/* A word as one leaves it that was done with, or an inner one, laps ago; or never was. */
static uint64_t old_word(uint64_t position, uint64_t laps, uint64_t *state)
{
	const uint64_t index = position % CELLS;
	const uint64_t span = 1 + next_random(state) % (CELLS / 2);

	if (next_random(state) % 8 == 0)
		return 0;
	return word_of(lap_before(lap_of(position), laps), index + span > CELLS ? 1 : span, DONE,
		next_random(state) % 3);
}

/* A fresh ring whose participants have all come so far, and gone. */
static void start_at(const char *key, uint64_t position)
{
	struct gyre_view view = view_of(key);
	uint64_t state = position;

	atomic_store(word_in(&view, RECLAIMED), position);
	atomic_store(word_in(&view, TAIL), position);
	atomic_store(word_in(&view, HEAD), position);
	for (uint64_t i = position; i < position + CELLS; i++)
		atomic_store(entry_at(&view, i),
			old_word(i, 1 + next_random(&state) % (STAMPS - 1), &state));
	gyre_view_close(&view);
}

static struct pair pair_at(const struct variant *v, uint64_t position)
{
	const struct gyre_ring_options options = small_ring(v);
	struct pair p = pair_with(v, &options);

	gyre_ring_detach(p.producer);
	gyre_ring_detach(p.consumer);
	start_at(p.key, position);
	p.producer = attach(p.key, GYRE_PRODUCER);
	p.consumer = attach(p.key, GYRE_CONSUMER);
	return p;
}

/* In laps: where they wrap, begin again at 1, are stamped; and where the position does. */
static const uint64_t edges[] = {1, STAMPS, 3 * STAMPS, CYCLE, CYCLE + 1, 5 * CYCLE,
#ifndef GYRE_TEST_LAP_BITS /* there, laps that are compared by few bits are not one row for ever   \
			    */
	(uint64_t)1 << 29, (uint64_t)1 << 60, ((uint64_t)1 << 61) - LAPS, (uint64_t)1 << 61
#endif
};

enum { EDGES = sizeof edges / sizeof *edges };

static size_t size_of(uint64_t number)
{
	uint64_t state = number;

	return next_random(&state) % (CELLS * CELL_BYTES / 2 + 1);
}

/* ---- Over every edge ---- */

static void cross(struct pair *p, uint64_t messages)
{
	uint64_t sent = 0, received = 0, state = 11;

	while (received < messages) {
		for (uint64_t burst = next_random(&state) % 6; burst > 0; burst--) {
			void *data;

			if (next_random(&state) % 4 == 0 &&
				gyre_ring_reserve(p->producer, 2000, 0, &data) == GYRE_OK)
				gyre_ring_discard(p->producer);
			if (send_number(p->producer, sent, size_of(sent), 0) == GYRE_OK)
				sent++;
		}
		for (uint64_t burst = next_random(&state) % 6; burst > 0; burst--) {
			if (received == sent)
				break;
			cr_assert(eq(i64, receive_number(p->consumer, received, 0),
				(int64_t)size_of(received)));
			received++;
		}
		if (sent == received)
			cr_assert(eq(i64, receive_number(p->consumer, 0, 0), GYRE_EAGAIN));
	}
}

Test(mpmc_laps, messages_pass_every_edge)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		for (int i = 0; i < EDGES; i++) {
			struct pair p = pair_at(v, edges[i] * CELLS - 50 * CELLS);

			cross(&p, 1000);
			expect_accounts(&(struct totals[]){totals_of(p.key)}[0]);
			pair_close(&p);
		}
	}
}

Test(mpmc_laps, a_ring_that_is_full_across_an_edge_keeps_its_messages)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		for (int i = 0; i < EDGES; i++) {
			for (uint64_t before = 0; before < 2 * CELLS; before++) {
				struct pair p = pair_at(v, edges[i] * CELLS - before);
				uint64_t count = 0;

				while (send_number(p.producer, count, size_of(count) / 4, 0) == 0)
					count++;
				cr_assert(ge(u64, count, CELLS / 2));
				cr_assert(eq(u64, totals_of(p.key).info.messages, count));
				for (uint64_t number = 0; number < count; number++)
					cr_assert(
						ge(i64, receive_number(p.consumer, number, 0), 0));
				cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
				cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
				cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
				pair_close(&p);
			}
		}
	}
}

/* Words of every age that there can be, where a message ends and the next one is looked for. */
Test(mpmc_laps, no_old_word_is_taken_for_a_message)
{
	const uint64_t position = (LAPS - 3) * CELLS;
	const uint64_t step = STAMPS > 1000 ? STAMPS / 1000 : 1;

	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		struct pair p = pair_at(v, position);
		struct gyre_view view = view_of(p.key);
		uint64_t at = position, number = 0;

		for (uint64_t laps = 1; laps < STAMPS; laps += step, number++) {
			for (uint64_t i = at; i < at + CELLS; i++)
				atomic_store(entry_at(&view, i),
					word_of(lap_before(lap_of(i), laps), 1, DONE, 0));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
			cr_assert(eq(int, send_number(p.producer, number, 10, 0), GYRE_OK));
			cr_assert(eq(i64, receive_number(p.consumer, number, 0), 10));
			at++;
			/* All is reclaimed, as only then there is nothing but old words. */
			atomic_store(word_in(&view, RECLAIMED), at);
		}
		gyre_view_close(&view);
		pair_close(&p);
	}
}

/* The only producer of a ring stamps what it commits, and may die before it does commit. */
Test(mpmc_laps, stamps_of_a_dead_producer_in_front_of_the_end_are_no_records)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		const uint64_t position = 2 * STAMPS * CELLS; /* a lap that is stamped */
		struct gyre_view view;
		struct pair p;

		if (v->producers_max > 1)
			continue;
		p = pair_at(v, position);
		gyre_ring_detach(p.producer);
		view = view_of(p.key);
		for (uint64_t i = position + 1; i < position + CELLS; i++)
			atomic_store(entry_at(&view, i), word_of(lap_of(i), 1, DONE, 0));
		gyre_view_close(&view);
		p.producer = attach(p.key, GYRE_PRODUCER);
		for (uint64_t number = 0; number < 5 * CELLS; number++) {
			cr_assert(eq(int, send_number(p.producer, number, 10, 0), GYRE_OK));
			cr_assert(eq(i64, receive_number(p.consumer, number, 0), 10));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		}
		pair_close(&p);
	}
}

/* ---- Deaths at every edge ---- */

static const char *hold_one(struct gyre_ring *ring, void *context)
{
	static struct gyre_message held;

	(void)context;
	return gyre_ring_peek(ring, 0, &held) == GYRE_OK ? NULL : "cannot peek";
}

static const char *reserve_one(struct gyre_ring *ring, void *context)
{
	void *data;

	(void)context;
	return gyre_ring_reserve(ring, 10, 0, &data) == GYRE_OK ? NULL : "cannot reserve";
}

/* As if the dead one had noted in its books a release, or a commit, and had died before the store
 * that makes it so. */
static void begin_operation(const char *key, enum gyre_role role, uint64_t position)
{
	struct gyre_view view = view_of(key);
	const uint64_t seat =
		role == GYRE_PRODUCER ? view.header.producers_offset : view.header.consumers_offset;
	const uint64_t copy = atomic_load(word_in(&view, seat + BOOKS_OPERATION)) & 1;
	const uint64_t other = copy ^ 1;

	for (unsigned i = 0; i < 3; i++)
		atomic_store(word_in(&view, seat + BOOKS + other * 24 + i * 8),
			atomic_load(word_in(&view, seat + BOOKS + copy * 24 + i * 8)) +
				(i == 0          ? 1
					: i == 1 ? 10
						 : 0));
	atomic_store(word_in(&view, seat + BOOKS_OPERATION), position << 2 | 2 | other);
	gyre_view_close(&view);
}

Test(mpmc_laps, a_release_that_was_begun_and_not_made_did_not_happen_at_any_edge)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		for (int i = 0; i < EDGES; i++) {
			for (uint64_t before = 1; before <= 3; before++) {
				const uint64_t position = edges[i] * CELLS - before;
				struct pair p = pair_at(v, position);
				struct totals totals;

				gyre_ring_detach(p.consumer);
				cr_assert(eq(int, send_number(p.producer, 1, 10, 0), GYRE_OK));
				live_and_die(p.key, GYRE_CONSUMER, hold_one, NULL);
				begin_operation(p.key, GYRE_CONSUMER, position);
				p.consumer = attach(p.key, GYRE_CONSUMER);
				totals = totals_of(p.key);
				cr_assert(eq(u64, totals.released, 0), "at %lx",
					(unsigned long)position);
				cr_assert(eq(u64, totals.redelivered, 1));
				expect_accounts(&totals);
				pair_close(&p);
			}
		}
	}
}

Test(mpmc_laps, a_commit_that_was_begun_and_not_made_did_not_happen_at_any_edge)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		for (int i = 0; i < EDGES; i++) {
			for (uint64_t before = 1; before <= 3; before++) {
				const uint64_t position = edges[i] * CELLS - before;
				struct pair p = pair_at(v, position);
				struct totals totals;

				gyre_ring_detach(p.producer);
				live_and_die(p.key, GYRE_PRODUCER, reserve_one, NULL);
				begin_operation(p.key, GYRE_PRODUCER, position);
				p.producer = attach(p.key, GYRE_PRODUCER);
				totals = totals_of(p.key);
				cr_assert(eq(u64, totals.committed, 0));
				cr_assert(eq(u64, totals.discarded, 1));
				expect_accounts(&totals);
				cr_assert(eq(int, send_number(p.producer, 1, 10, 0), GYRE_OK));
				cr_assert(eq(i64, receive_number(p.consumer, 1, 0), 10));
				pair_close(&p);
			}
		}
	}
}

/* ---- Round and round ---- */

enum { ROUNDS = 15000 };

struct stream {
	const char *key;
	_Atomic uint64_t received;
};

static const char *send_stream(void *context)
{
	struct stream *const stream = context;
	struct gyre_ring *ring = NULL;

	if (gyre_ring_attach(stream->key, GYRE_PRODUCER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	for (uint64_t number = 0; number < ROUNDS; number++) {
		const size_t bytes = number % 64 == 0 ? size_of(number) : number % 600;
		const int outcome = send_number(ring, number, bytes, GYRE_FOREVER);

		if (outcome != GYRE_OK)
			return complain("send: %s", gyre_errname(outcome));
	}
	gyre_ring_detach(ring);
	return NULL;
}

static const char *receive_stream(void *context)
{
	struct stream *const stream = context;
	struct gyre_ring *ring = NULL;
	struct gyre_message message;
	int outcome;

	if (gyre_ring_attach(stream->key, GYRE_CONSUMER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	for (;;) {
		outcome = gyre_ring_peek(ring, GYRE_FOREVER, &message);
		if (outcome == GYRE_ELEFT)
			continue;
		if (outcome != GYRE_OK)
			break;
		if (message.tag % 64 != 0 && message.bytes != message.tag % 600)
			return "a message of another size";
		if (!is_message_of(message.data, message.bytes, message.tag))
			return "a damaged message";
		if (message.deliveries != 1)
			return "a message twice";
		atomic_fetch_add(&stream->received, 1);
		if (gyre_ring_release(ring, &message) != GYRE_OK)
			return "cannot release";
	}
	gyre_ring_detach(ring);
	return outcome == GYRE_ECLOSED ? NULL : complain("peek: %s", gyre_errname(outcome));
}

#if defined GYRE_TEST_LAP_BITS && GYRE_TEST_LAP_BITS < 8
enum { MESSAGES = 700000, WRAPS = 2000 };
#else
enum { MESSAGES = 200000, WRAPS = 100 };
#endif

/* Two of each take turns, without a pause between them: through laps that wrap thousands of times,
 * all modes together, where they are few. */
Test(mpmc_laps, those_who_take_turns_go_round_many_times_and_lose_nothing)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		struct pair p = pair_at(v, 0), other = p;
		struct gyre_message message;
		uint64_t received = 0;

		if (v->producers_max > 1)
			other.producer = attach(p.key, GYRE_PRODUCER);
		if (v->consumers_max > 1)
			other.consumer = attach(p.key, GYRE_CONSUMER);
		for (uint64_t number = 0; number < MESSAGES; number++) {
			const struct pair *const turn = number % 3 == 0 ? &other : &p;

			cr_assert(eq(int, send_number(turn->producer, number, number * 7 % 1000, 0),
				GYRE_OK));
			if (number % 2 == 0)
				continue;
			for (; received <= number; received++) {
				cr_assert(eq(int,
					peek_number(turn->consumer, received, 1, 0, &message), 0));
				cr_assert(eq(
					int, gyre_ring_release(turn->consumer, &message), GYRE_OK));
			}
		}
		if (CYCLE < 256)
			cr_assert(gt(u64, message.position / CELLS / CYCLE, WRAPS));
		if (other.producer != p.producer)
			gyre_ring_detach(other.producer);
		if (other.consumer != p.consumer)
			gyre_ring_detach(other.consumer);
		pair_close(&p);
	}
}

Test(mpmc_laps, several_go_round_many_times_and_lose_nothing)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		const unsigned producers = v->producers_max == 1 ? 1 : 2;
		const unsigned consumers = v->consumers_max == 1 ? 1 : 2;
		const struct gyre_ring_options options = small_ring(v);
		struct stream *const stream = shared_memory(sizeof *stream);
		struct child sending[2], receiving[2];
		struct gyre_ring *closer;
		char key[KEY_BYTES];

		key_of(v, "round", key);
		make_ring(key, &options);
		stream->key = key;
		for (unsigned i = 0; i < consumers; i++)
			receiving[i] = start_child(receive_stream, stream);
		for (unsigned i = 0; i < producers; i++)
			sending[i] = start_child(send_stream, stream);
		for (unsigned i = 0; i < producers; i++)
			expect_well(end_child(&sending[i]));
		closer = attach(key, GYRE_PRODUCER);
		cr_assert(eq(int, gyre_ring_close(closer), GYRE_OK));
		gyre_ring_detach(closer);
		for (unsigned i = 0; i < consumers; i++)
			expect_well(end_child(&receiving[i]));
		cr_assert(eq(u64, stream->received, producers * (uint64_t)ROUNDS));
		gyre_ring_unlink(key, NULL);
	}
}

Test(mpmc_laps, deaths_on_the_way_round_are_accounted_for)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		const struct gyre_ring_options options = small_ring(v);
		char key[KEY_BYTES];

		key_of(v, "fight", key);
		make_ring(key, &options);
		fight(v, key, 300, 1000);
		gyre_ring_unlink(key, NULL);
	}
}
