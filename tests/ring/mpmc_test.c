/*
 * What goes in comes out, in every mode of an mpmc ring: messages of any size, alignment and tag,
 * whole and in order; at every position, with and without filler at the end of the area. Holding,
 * batches, order among many, ends, deaths and lies have files of their own.
 */
#include <string.h>
#include "mpmc_rings.h"

TestSuite(mpmc, .timeout = 240, .init = rings_open, .fini = rings_close);

/* ---- Sizes ---- */

static void expect_passage(struct pair *p, uint64_t number, size_t bytes)
{
	cr_assert(eq(int, send_number(p->producer, number, bytes, 0), GYRE_OK), "%zu bytes", bytes);
	cr_assert(eq(i64, receive_number(p->consumer, number, 0), (int64_t)bytes));
}

Test(mpmc, messages_of_every_size_arrive_whole_and_in_order)
{
	static const uint32_t cells[] = {16, 64, 512};

	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
			struct gyre_ring_options options = options_of(v, 4096, 0);
			struct pair p;
			size_t max;

			options.cell_bytes = cells[i];
			p = pair_with(v, &options);
			max = gyre_ring_message_bytes_max(p.producer);
			cr_assert(eq(sz, max, 2048));
			cr_assert(eq(sz, gyre_ring_message_bytes_max(p.consumer), max));
			for (size_t bytes = 0; bytes <= max; bytes++)
				expect_passage(&p, bytes, bytes);
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
			pair_close(&p);
		}
	}
}

Test(mpmc, messages_that_are_too_long_are_refused_and_change_nothing)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		const size_t max = gyre_ring_message_bytes_max(p.producer);
		const size_t too_long[] = {max + 1, max + 64, 2 * max, 2 * max + 1, UINT32_MAX,
			(size_t)UINT32_MAX + 1, SIZE_MAX / 2, SIZE_MAX - 63, SIZE_MAX};
		char byte = 0;

		cr_assert(eq(int, send_number(p.producer, 1, 10, 0), GYRE_OK));
		for (size_t i = 0; i < sizeof too_long / sizeof *too_long; i++) {
			const struct gyre_message message = {.data = &byte, .bytes = too_long[i]};
			void *data = NULL;

			cr_assert(eq(int, gyre_ring_send(p.producer, &byte, too_long[i], 0, 0),
				GYRE_EMSGSIZE));
			cr_assert(eq(int,
				gyre_ring_send(p.producer, &byte, too_long[i], 0, GYRE_FOREVER),
				GYRE_EMSGSIZE));
			cr_assert(eq(int, gyre_ring_reserve(p.producer, too_long[i], 0, &data),
				GYRE_EMSGSIZE));
			cr_assert(eq(int, gyre_ring_send_batch(p.producer, &message, 1, 0),
				GYRE_EMSGSIZE));
		}
		cr_assert(eq(int, send_number(p.producer, 2, 20, 0), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 1, 0), 10));
		cr_assert(eq(i64, receive_number(p.consumer, 2, 0), 20));
		cr_assert(eq(u64, totals_of(p.key).committed, 2));
		pair_close(&p);
	}
}

Test(mpmc, an_empty_message_may_have_no_data)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		struct gyre_message message;

		cr_assert(eq(int, gyre_ring_send(p.producer, NULL, 0, 77, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_send(p.producer, NULL, 0, 78, 0), GYRE_OK));
		cr_assert(eq(i64, gyre_ring_receive(p.consumer, NULL, 0, 0, &message), 0));
		cr_assert(eq(u32, message.tag, 77));
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &message), GYRE_OK));
		cr_assert(eq(sz, message.bytes, 0));
		cr_assert(eq(u32, message.tag, 78));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &message), GYRE_OK));
		pair_close(&p);
	}
}

Test(mpmc, payloads_are_aligned_as_the_ring_was_made)
{
	static const uint32_t aligns[] = {0, 8, 16, 64, 512, 4096};

	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		for (size_t i = 0; i < sizeof aligns / sizeof *aligns; i++) {
			struct gyre_ring_options options = options_of(v, 1 << 16, 0);
			const uintptr_t align = aligns[i] == 0 ? 8 : aligns[i];
			uint64_t state = i;
			struct pair p;

			options.align_bytes = aligns[i];
			options.cell_bytes = 16;
			p = pair_with(v, &options);
			for (uint64_t number = 0; number < 200; number++) {
				const size_t bytes = next_random(&state) % 101;
				struct gyre_message message;
				void *data;

				cr_assert(eq(int, gyre_ring_reserve(p.producer, bytes, 0, &data),
					GYRE_OK));
				cr_assert(eq(u64, (uintptr_t)data % align, 0));
				fill_message(data, bytes, number);
				cr_assert(eq(int,
					gyre_ring_commit(p.producer, bytes, (uint32_t)number),
					GYRE_OK));
				cr_assert(eq(int, peek_number(p.consumer, number, 1, 0, &message),
					GYRE_OK));
				cr_assert(eq(u64, (uintptr_t)message.data % align, 0));
				cr_assert(
					eq(int, gyre_ring_release(p.consumer, &message), GYRE_OK));
			}
			pair_close(&p);
		}
	}
}

/* ---- Tags, positions ---- */

Test(mpmc, every_tag_arrives)
{
	static const uint32_t tags[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xdeadbeef};

	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);

		for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
			struct gyre_message message;
			void *data;

			cr_assert(
				eq(int, gyre_ring_send(p.producer, "ab", 2, tags[i], 0), GYRE_OK));
			cr_assert(eq(int, gyre_ring_reserve(p.producer, 2, 0, &data), GYRE_OK));
			cr_assert(eq(int, gyre_ring_commit(p.producer, 2, ~tags[i]), GYRE_OK));
			cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &message), GYRE_OK));
			cr_assert(eq(u32, message.tag, tags[i]));
			cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &message), GYRE_OK));
			cr_assert(eq(u32, message.tag, ~tags[i]));
			cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 2), GYRE_OK));
		}
		pair_close(&p);
	}
}

Test(mpmc, positions_grow_from_message_to_message_and_a_first_delivery_is_not_marked)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		uint64_t last = 0, state = 1;

		for (uint64_t number = 0; number < 5000; number++) {
			struct gyre_message message;

			cr_assert(eq(int,
				send_number(p.producer, number, next_random(&state) % 2000, 0),
				GYRE_OK));
			cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &message), GYRE_OK));
			cr_assert(number == 0 || message.position > last);
			cr_assert(eq(u32, message.flags, 0));
			cr_assert(eq(u32, message.index, 0));
			cr_assert(eq(u32, message.deliveries, 1));
			last = message.position;
			cr_assert(eq(int, gyre_ring_release(p.consumer, &message), GYRE_OK));
		}
		pair_close(&p);
	}
}

/* ---- Every position, every filler ---- */

/* Moves both sides on by a cell. */
static void move_on(struct pair *p)
{
	cr_assert(eq(int, gyre_ring_send(p->producer, NULL, 0, 0, 0), GYRE_OK));
	cr_assert(eq(i64, gyre_ring_receive(p->consumer, NULL, 0, 0, NULL), 0));
}

Test(mpmc, an_empty_ring_takes_every_message_at_every_position)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		for (uint64_t cells = 8; cells <= 32; cells *= 4) {
			struct gyre_ring_options options = options_of(v, 4096, 0);
			struct pair p;

			options.cell_bytes = (uint32_t)(4096 / cells);
			p = pair_with(v, &options);
			for (uint64_t span = 1; span <= cells / 2; span++) {
				for (uint64_t at = 0; at < 3 * cells; at++) {
					expect_passage(&p, at, span * options.cell_bytes - at % 2);
					move_on(&p);
				}
			}
			pair_close(&p);
		}
	}
}

/* Sends messages of so many bytes, first, first + 1, ... until there is no room; how many. */
static uint64_t fill(struct pair *p, uint64_t first, size_t bytes)
{
	uint64_t number = first;
	int outcome;

	while ((outcome = send_number(p->producer, number, bytes, 0)) == GYRE_OK)
		number++;
	cr_assert(eq(int, outcome, GYRE_EAGAIN));
	return number - first;
}

static void drain(struct pair *p, uint64_t first, uint64_t count, size_t bytes)
{
	for (uint64_t number = first; number < first + count; number++)
		cr_assert(eq(i64, receive_number(p->consumer, number, 0), (int64_t)bytes));
	cr_assert(eq(i64, receive_number(p->consumer, 0, 0), GYRE_EAGAIN));
}

Test(mpmc, a_full_ring_keeps_all_its_messages_at_every_position)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		uint64_t first = 0;

		for (uint64_t span = 1; span <= MPMC_CELLS / 2; span += 1 + span / 4) {
			for (uint64_t at = 0; at < MPMC_CELLS; at++) {
				const size_t bytes = span * MPMC_CELL_BYTES;
				const uint64_t count = fill(&p, first, bytes);
				const struct totals totals = totals_of(p.key);

				/* All but the cell that is kept, filler, and what is left over. */
				cr_assert(ge(u64, count, (MPMC_CELLS - 1 - (span - 1)) / span));
				cr_assert(eq(u64, totals.info.messages, count));
				cr_assert(le(u64, totals.info.used_bytes,
					(MPMC_CELLS - 1) * MPMC_CELL_BYTES));
				expect_accounts(&totals);
				drain(&p, first, count, bytes);
				first += count;
				move_on(&p);
			}
		}
		pair_close(&p);
	}
}

Test(mpmc, a_ring_of_one_cell_messages_takes_all_cells_but_one)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);

		for (uint64_t round = 0; round < 200; round++) {
			cr_assert(eq(u64, fill(&p, round, 1), MPMC_CELLS - 1));
			drain(&p, round, MPMC_CELLS - 1, 1);
		}
		pair_close(&p);
	}
}

/* ---- What is reserved and not used ---- */

Test(mpmc, a_shorter_commit_is_followed_by_the_next_message)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		for (uint64_t cells = MPMC_CELLS; cells <= 8 * MPMC_CELLS; cells *= 2) {
			struct pair p = mpmc_pair(v, cells);
			const size_t max = gyre_ring_message_bytes_max(p.producer);
			uint64_t state = cells;

			for (uint64_t number = 0; number < 600; number++) {
				const size_t bytes = next_random(&state) % 290;
				void *data;

				cr_assert(eq(int,
					gyre_ring_reserve(
						p.producer, max / (1 + number % 7), 0, &data),
					GYRE_OK));
				fill_message(data, bytes, number);
				cr_assert(eq(int,
					gyre_ring_commit(p.producer, bytes, (uint32_t)number),
					GYRE_OK));
				cr_assert(eq(i64, receive_number(p.consumer, number, 0),
					(int64_t)bytes));
				cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
			}
			pair_close(&p);
		}
	}
}

Test(mpmc, a_commit_takes_no_more_than_was_reserved)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		void *data;

		cr_assert(eq(int, gyre_ring_commit(p.producer, 0, 0), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_discard(p.producer), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_reserve(p.producer, 100, 0, &data), GYRE_OK));
		cr_assert(eq(int, gyre_ring_commit(p.producer, 101, 0), GYRE_EMSGSIZE));
		cr_assert(eq(int, gyre_ring_reserve(p.producer, 1, 0, &data), GYRE_EBUSY));
		cr_assert(eq(int, gyre_ring_send(p.producer, "x", 1, 0, 0), GYRE_EBUSY));
		cr_assert(eq(int, gyre_ring_send_batch(p.producer, &(struct gyre_message){0}, 1, 0),
			GYRE_EBUSY));
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_EBUSY));
		fill_message(data, 100, 5);
		cr_assert(eq(int, gyre_ring_commit(p.producer, 100, 5), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 5, 0), 100));
		pair_close(&p);
	}
}

/* Nobody is there to read: the room has to come back by itself. */
Test(mpmc, discarded_reservations_give_their_room_back_without_a_consumer)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		uint64_t state = 3;

		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		for (unsigned i = 0; i < 5000; i++) {
			void *data;

			cr_assert(eq(int,
				gyre_ring_reserve(p.producer, next_random(&state) % 2049, 0, &data),
				GYRE_OK));
			cr_assert(eq(int, gyre_ring_discard(p.producer), GYRE_OK));
		}
		cr_assert(eq(u64, totals_of(p.key).discarded, 5000));
		p.consumer = attach(p.key, GYRE_CONSUMER);
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		expect_passage(&p, 1, 2048);
		pair_close(&p);
	}
}

Test(mpmc, reservations_of_successive_producers_are_all_counted)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);

		for (uint64_t i = 1; i <= 20; i++) {
			void *data;

			cr_assert(eq(int, gyre_ring_reserve(p.producer, 100, 0, &data), GYRE_OK));
			if (i % 2 == 0) /* else by leaving */
				cr_assert(eq(int, gyre_ring_discard(p.producer), GYRE_OK));
			gyre_ring_detach(p.producer);
			cr_assert(eq(u64, totals_of(p.key).discarded, i));
			p.producer = attach(p.key, GYRE_PRODUCER);
		}
		pair_close(&p);
	}
}

/* ---- Everything at once ---- */

enum { TORTURE_MESSAGES = 50000 };

struct torture {
	struct pair pair;
	uint64_t state;
	uint64_t sent;
	uint64_t received;
};

/* Mostly small, now and then as large as may be. */
static size_t size_of(uint64_t number)
{
	uint64_t state = number;
	const uint64_t random = next_random(&state);

	return random % 4 != 0 ? (random >> 8) % 130 : (random >> 8) % 2049;
}

static int send_somehow(struct torture *t)
{
	struct gyre_ring *const ring = t->pair.producer;
	const size_t bytes = size_of(t->sent);
	int outcome;
	void *data;

	switch (next_random(&t->state) % 4) {
	case 0: /* reserve as much as there is to have, commit what is needed */
		outcome = gyre_ring_reserve(ring, 2048, 0, &data);
		if (outcome != GYRE_OK)
			break;
		fill_message(data, bytes, t->sent);
		return gyre_ring_commit(ring, bytes, (uint32_t)t->sent);
	case 1: /* change one's mind */
		outcome = gyre_ring_reserve(ring, bytes, 0, &data);
		if (outcome != GYRE_OK)
			break;
		memset(data, 0xaa, bytes);
		cr_assert(eq(int, gyre_ring_discard(ring), GYRE_OK));
		break;
	default:
		break;
	}
	return send_number(ring, t->sent, bytes, 0);
}

static void receive_somehow(struct torture *t)
{
	struct gyre_ring *const ring = t->pair.consumer;
	const unsigned count = 1 + (unsigned)(next_random(&t->state) % 16);
	struct gyre_message held[16];
	int found;

	if (next_random(&t->state) % 2 == 0) {
		cr_assert(eq(
			i64, receive_number(ring, t->received, 0), (int64_t)size_of(t->received)));
		t->received++;
		return;
	}
	found = gyre_ring_peek_batch(ring, 0, held, count);
	cr_assert(found >= 1 && found <= (int)count, "%d of %u", found, count);
	for (int i = 0; i < found; i++, t->received++) {
		const size_t bytes = size_of(t->received);

		cr_assert(eq(sz, held[i].bytes, bytes));
		cr_assert(eq(u32, held[i].tag, (uint32_t)t->received));
		cr_assert(is_message_of(held[i].data, bytes, t->received));
	}
	for (int i = found; i-- > 0;) /* the latest first */
		cr_assert(eq(int, gyre_ring_release(ring, &held[i]), GYRE_OK));
}

Test(mpmc, many_messages_of_random_sizes_arrive_whole_and_in_order)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct torture t = {.pair = mpmc_pair(v, MPMC_CELLS), .state = 7};
		struct totals totals;

		while (t.received < TORTURE_MESSAGES) {
			for (uint64_t burst = next_random(&t.state) % 20; burst > 0; burst--) {
				if (t.sent == TORTURE_MESSAGES || send_somehow(&t) != GYRE_OK)
					break;
				t.sent++;
			}
			for (uint64_t burst = next_random(&t.state) % 20; burst > 0; burst--)
				if (t.received < t.sent)
					receive_somehow(&t);
			if (t.received == t.sent)
				cr_assert(eq(
					i64, receive_number(t.pair.consumer, 0, 0), GYRE_EAGAIN));
		}
		totals = totals_of(t.pair.key);
		cr_assert(eq(u64, totals.committed, TORTURE_MESSAGES));
		cr_assert(eq(u64, totals.released, TORTURE_MESSAGES));
		cr_assert(eq(u64, totals.info.messages, 0));
		expect_accounts(&totals);
		pair_close(&t.pair);
	}
}
