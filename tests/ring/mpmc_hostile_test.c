/*
 * Peers of an mpmc ring that lie: words that are impossible are told and not followed; words that
 * change at any time crash nobody.
 */
#include <string.h>
#include "mpmc_hostile.h"
#include "neighbours.h"

TestSuite(mpmc_hostile, .timeout = 120, .init = rings_open, .fini = rings_close);

enum {
	WRITING = 1,
	READY = 2,
	READING = 4,
	DONE = 5,
	CLOSED = 6,
};

static uint64_t word_of(uint64_t lap, uint64_t span, uint64_t phase, uint64_t owner)
{
	return lap << 30 | span << 12 | phase << 9 | owner;
}

/* The lies are the same whatever the backend and the wake mode. */
static const struct variant *next_mode(const struct variant *v)
{
	while (v != NULL && (v->file || v->wake != GYRE_WAKE_FENCE))
		v = mpmc_next();
	return v;
}

static const struct variant *first_mode(void)
{
	return next_mode(mpmc_first());
}

static const struct variant *other_mode(void)
{
	return next_mode(mpmc_next());
}

static struct pair hostile_pair(const struct variant *v)
{
	const struct gyre_ring_options options = hostile_options(v);
	struct pair p = pair_with(v, &options);

	guard(p.key);
	return p;
}

static uint64_t entry(uint64_t position)
{
	return HOSTILE_ENTRIES + position % HOSTILE_CELLS * 16;
}

/* ---- Any word, any value ---- */

static const uint64_t lies[] = {0, 1, 2, 3, 4, 7, 8, 9, 64, 511, 512, 4095, 4096, 1 << 20,
	0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
	0xfffffffffffffff8, 0xffffffffffffffff};

Test(mpmc_hostile, any_word_may_have_any_value)
{
	static const struct {
		size_t offset, bytes;
	} liars[] = {{HOSTILE_SHARED, 0x288}, {HOSTILE_TAIL, 8}, {HOSTILE_HEAD, 8},
		{HOSTILE_PRODUCERS + 0x80, 0x58}, {HOSTILE_CONSUMERS + 0x80, 0x58},
		{HOSTILE_ENTRIES, HOSTILE_CELLS * 32}};
	static struct image healthy, image;

	for (const struct variant *v = first_mode(); v != NULL; v = other_mode()) {
		make_image(v, &healthy);
		for (size_t i = 0; i < sizeof liars / sizeof *liars; i++) {
			for (size_t at = 0; at < liars[i].bytes; at += 8) {
				const uint64_t lie =
					lies[(at / 8 + i) % (sizeof lies / sizeof *lies)];
				uint64_t was;

				if (at % 128 >= 16 && liars[i].offset == HOSTILE_SHARED)
					continue;
				image = healthy;
				memcpy(&was, image.bytes + liars[i].offset + at, 8);
				was = at % 16 == 0 ? lie : was + lie;
				memcpy(image.bytes + liars[i].offset + at, &was, 8);
				use_image(v, &image, 300, at);
			}
		}
	}
}

/* ---- Words ---- */

/* The word of the next message. */
static void expect_corrupt_word(const struct variant *v, uint64_t span, uint64_t phase)
{
	struct pair p = hostile_pair(v);
	struct gyre_view view = view_of(p.key);
	struct gyre_message message;
	static char buffer[HOSTILE_CELLS * HOSTILE_CELL_BYTES];

	for (uint64_t number = 0; number < 3; number++)
		cr_assert(eq(int, send_number(p.producer, number, 10, 0), GYRE_OK));
	cr_assert(eq(i64, receive_number(p.consumer, 0, 0), 10));
	atomic_store(word_in(&view, entry(1)), word_of(1, span, phase, 1));
	for (int i = 0; i < 3; i++) {
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &message), GYRE_ECORRUPT),
			"span %lu, phase %lu", (unsigned long)span, (unsigned long)phase);
		cr_assert(eq(i64,
			gyre_ring_receive(p.consumer, buffer, sizeof buffer, GYRE_FOREVER, NULL),
			GYRE_ECORRUPT));
	}
	cr_assert(eq(u64, totals_of(p.key).released, 1));
	gyre_view_close(&view);
	pair_close(&p);
}

Test(mpmc_hostile, an_impossible_word_is_told_and_not_followed)
{
	for (const struct variant *v = first_mode(); v != NULL; v = other_mode()) {
		expect_corrupt_word(v, 1, 0);
		expect_corrupt_word(v, 1, 7);
		for (uint64_t phase = WRITING; phase <= DONE; phase++) {
			expect_corrupt_word(v, 0, phase);
			expect_corrupt_word(v, HOSTILE_CELLS, phase); /* across the end */
			expect_corrupt_word(v, HOSTILE_CELLS + 1, phase);
			expect_corrupt_word(v, (1 << 18) - 1, phase);
		}
	}
}

Test(mpmc_hostile, a_message_longer_than_its_cells_is_not_read)
{
	for (const struct variant *v = first_mode(); v != NULL; v = other_mode()) {
		static const uint64_t lengths[] = {513, 4096, 0xfffffff};

		for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
			struct pair p = hostile_pair(v);
			struct gyre_view view = view_of(p.key);

			cr_assert(eq(int, send_number(p.producer, 0, 10, 0), GYRE_OK));
			atomic_store(word_in(&view, entry(0) + 8), lengths[i]);
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECORRUPT));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECORRUPT));
			gyre_view_close(&view);
			pair_close(&p);
		}
	}
}

/* Every cell says that it is done with, in every lap that is asked about: nobody walks for ever. */
Test(mpmc_hostile, walks_end_where_no_word_ends_them)
{
	for (const struct variant *v = first_mode(); v != NULL; v = other_mode()) {
		for (uint64_t phase = WRITING; phase <= CLOSED; phase++) {
			struct pair p = hostile_pair(v);
			struct gyre_view view = view_of(p.key);
			uint64_t state = phase;

			for (uint64_t round = 0; round < 20; round++) {
				for (uint64_t i = 0; i < HOSTILE_CELLS; i++)
					atomic_store(word_in(&view, entry(i)),
						word_of(1 + (round + i) % 3, 1, phase, round % 5));
				for (int calls = 0; calls < 50; calls++) {
					produce_something(p.producer, &state);
					consume_something(p.consumer, &state);
				}
			}
			gyre_view_close(&view);
			pair_close(&p);
		}
	}
}

/* Owned by nobody who could be asked. */
Test(mpmc_hostile, a_message_of_an_owner_that_does_not_exist_is_only_waited_for)
{
	static const uint64_t owners[] = {0, 4, 5, 100, 510, 511};

	for (const struct variant *v = first_mode(); v != NULL; v = other_mode()) {
		for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
			struct pair p = hostile_pair(v);
			struct gyre_view view = view_of(p.key);
			struct gyre_participant who;

			cr_assert(eq(int, send_number(p.producer, 0, 10, 0), GYRE_OK));
			atomic_store(word_in(&view, entry(0)), word_of(1, 1, WRITING, owners[i]));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
			cr_assert(eq(
				i64, receive_number(p.consumer, 0, 3 * NS_PER_MS), GYRE_ETIMEDOUT));
			if (owners[i] == 0 || owners[i] > 4)
				cr_assert(eq(int, gyre_ring_waited_for(p.consumer, &who), 0));
			gyre_view_close(&view);
			pair_close(&p);
		}
	}
}

Test(mpmc_hostile, words_that_change_while_held_cost_at_most_the_messages)
{
	for (const struct variant *v = first_mode(); v != NULL; v = other_mode()) {
		for (uint64_t phase = 0; phase < 8; phase++) {
			for (uint64_t which = 0; which < 3; which++) {
				struct pair p = hostile_pair(v);
				struct gyre_view view = view_of(p.key);
				struct gyre_message held[3];
				uint64_t state = phase;

				for (uint64_t number = 0; number < 4; number++)
					cr_assert(eq(int, send_number(p.producer, number, 10, 0),
						GYRE_OK));
				cr_assert(eq(int, gyre_ring_peek_batch(p.consumer, 0, held, 3), 3));
				atomic_store(word_in(&view, entry(which)),
					word_of(1 + phase % 2, 1 + which, phase, phase));
				for (int k = 0; k < 3; k++)
					expect_possible(gyre_ring_release(p.consumer, &held[k]));
				for (int k = 0; k < 5; k++)
					expect_possible(gyre_ring_release_batch(p.consumer, 1));
				for (int k = 0; k < 100; k++) {
					produce_something(p.producer, &state);
					consume_something(p.consumer, &state);
				}
				gyre_view_close(&view);
				pair_close(&p);
			}
		}
	}
}

/* ---- Everything, all the time ---- */

struct scribbler {
	const char *key;
	_Atomic uint32_t started;
};

static const char *scribble(void *context)
{
	struct scribbler *const scribbler = context;
	struct gyre_view view = view_of(scribbler->key);
	uint64_t state = 3;

	raise_flag(&scribbler->started);
	while (atomic_load(&scribbler->started) != 0) {
		const uint64_t random = next_random(&state);
		const uint64_t place = next_random(&state);
		const uint64_t offset = random % 8 == 0   ? place % view.map.bytes
					: random % 8 == 1 ? HOSTILE_SHARED + place % 0x280
					: random % 8 == 2 ? HOSTILE_TAIL + (place & 0x1000)
					: random % 8 == 3 ? HOSTILE_DATA + place % 4096
							  : HOSTILE_ENTRIES + place % 256;
		_Atomic uint64_t *const word = word_in(&view, offset / 8 * 8);

		switch (next_random(&state) % 4) {
		case 0:
			atomic_store(word, lies[random / 8 % (sizeof lies / sizeof *lies)]);
			break;
		case 1:
			atomic_fetch_xor(word, (uint64_t)1 << random / 8 % 64);
			break;
		default:
			atomic_store(word, word_of(1 + random / 8 % 4, random / 32 % 9,
						   random / 512 % 8, random / 4096 % 6));
			break;
		}
	}
	return NULL;
}

Test(mpmc_hostile, a_peer_that_writes_everywhere_all_the_time_crashes_nobody)
{
	for (const struct variant *v = first_mode(); v != NULL; v = other_mode()) {
		for (uint64_t round = 0; round < 10; round++) {
			struct scribbler *const scribbler = shared_memory(sizeof *scribbler);
			struct pair p = hostile_pair(v);
			struct child child;
			uint64_t state = round;

			scribbler->key = p.key;
			child = start_child(scribble, scribbler);
			cr_assert(await_flag(&scribbler->started), "%s", child.complaint);
			for (unsigned i = 0; i < 3000; i++) {
				struct gyre_ring_info info;

				produce_something(p.producer, &state);
				consume_something(p.consumer, &state);
				if (i % 500 == 0)
					gyre_inspect(p.key, NULL, &info, NULL, NULL, NULL);
			}
			kill_child(&child);
			pair_close(&p);
		}
	}
}
