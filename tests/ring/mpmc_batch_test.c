/*
 * Batches: up to GYRE_BATCH_MAX messages are one record, become visible at once, are taken by one
 * consumer together, and are released each by itself.
 */
#include <string.h>
#include "mpmc_rings.h"

TestSuite(mpmc_batch, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	BATCH_MAX = 1000,
	BYTES_MAX = 40,
	CELLS = 1024, /* of MPMC_CELL_BYTES: room for the largest batch */
};

static struct gyre_message batch[BATCH_MAX], held[BATCH_MAX];
static unsigned char payload[BATCH_MAX][BYTES_MAX];

static size_t size_of(uint64_t number)
{
	uint64_t state = number;

	return next_random(&state) % (BYTES_MAX + 1);
}

/* Fills batch with messages first, first + 1, ... of random sizes. */
static void prepare(uint64_t first, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const size_t bytes = size_of(first + i);

		fill_message(payload[i], bytes, first + i);
		batch[i] = (struct gyre_message){
			.data = payload[i], .bytes = bytes, .tag = (uint32_t)(first + i)};
	}
}

static void send_all(struct gyre_ring *ring, uint64_t first, unsigned count)
{
	prepare(first, count);
	cr_assert(eq(int, gyre_ring_send_batch(ring, batch, count, 0), (int)count));
}

static void expect_message(const struct gyre_message *message, uint64_t number, uint32_t deliveries)
{
	cr_assert(eq(sz, message->bytes, size_of(number)));
	cr_assert(eq(u32, message->tag, (uint32_t)number));
	cr_assert(eq(u32, message->deliveries, deliveries));
	cr_assert(eq(u32, message->flags, deliveries > 1 ? GYRE_MESSAGE_AGAIN : 0));
	cr_assert(is_message_of(message->data, message->bytes, number));
}

static void expect_empty(struct gyre_ring *ring)
{
	struct gyre_message message;

	cr_assert(eq(int, gyre_ring_peek(ring, 0, &message), GYRE_EAGAIN));
}

static const unsigned sizes[] = {1, 2, 3, 63, 64, 65, 128, 129, 1000};

enum { SIZES = sizeof sizes / sizeof *sizes };

/* ---- In and out ---- */

Test(mpmc_batch, a_batch_of_nothing_is_nothing)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, CELLS);
		char buffer[8];

		cr_assert(eq(int, gyre_ring_send_batch(p.producer, NULL, 0, GYRE_FOREVER), 0));
		cr_assert(eq(int, gyre_ring_peek_batch(p.consumer, GYRE_FOREVER, NULL, 0), 0));
		cr_assert(eq(int,
			gyre_ring_receive_batch(p.consumer, buffer, 8, GYRE_FOREVER, NULL, 0), 0));
		expect_empty(p.consumer);
		pair_close(&p);
	}
}

Test(mpmc_batch, batches_of_every_size_arrive_whole_and_in_order)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, CELLS);
		uint64_t first = 0;

		for (unsigned round = 0; round < 4 * SIZES; round++) {
			const unsigned count = sizes[round % SIZES];

			send_all(p.producer, first, count);
			cr_assert(eq(u64, totals_of(p.key).info.messages, count));
			for (unsigned i = 0; i < count; i++) {
				cr_assert(
					eq(int, gyre_ring_peek(p.consumer, 0, &held[i]), GYRE_OK));
				expect_message(&held[i], first + i, 1);
				cr_assert(eq(u32, held[i].index, count < 2 ? 0 : i % 64));
			}
			expect_empty(p.consumer);
			cr_assert(eq(int, gyre_ring_release_batch(p.consumer, count), GYRE_OK));
			first += count;
		}
		cr_assert(eq(u64, totals_of(p.key).released, first));
		expect_accounts(&(struct totals[]){totals_of(p.key)}[0]);
		pair_close(&p);
	}
}

Test(mpmc_batch, batches_are_received_and_peeked_in_pieces_of_any_size)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, CELLS);
		static char buffer[100 * (BYTES_MAX + 8)];
		uint64_t sent = 0, received = 0, state = 5;

		while (received < 20000) {
			const unsigned pieces = 1 + (unsigned)(next_random(&state) % 100);
			int found;

			if (sent < received + 100) {
				const unsigned count = sizes[next_random(&state) % SIZES];

				send_all(p.producer, sent, count);
				sent += count;
			}
			if (next_random(&state) % 2 == 0) {
				found = gyre_ring_peek_batch(p.consumer, 0, held, pieces);
				cr_assert(found > 0 && found <= (int)pieces, "%d", found);
				cr_assert(eq(int,
					gyre_ring_release_batch(p.consumer, (unsigned)found),
					GYRE_OK));
			} else {
				found = gyre_ring_receive_batch(
					p.consumer, buffer, sizeof buffer, 0, held, pieces);
				cr_assert(found > 0 && found <= (int)pieces, "%d", found);
			}
			for (int i = 0; i < found; i++)
				expect_message(&held[i], received++, 1);
		}
		pair_close(&p);
	}
}

Test(mpmc_batch, messages_of_a_batch_are_aligned_as_the_ring_was_made)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		for (uint32_t align = 8; align <= 512; align *= 4) {
			struct gyre_ring_options options = options_of(v, 1 << 18, 0);
			struct pair p;

			options.align_bytes = align;
			p = pair_with(v, &options);
			send_all(p.producer, align, 65);
			for (unsigned i = 0; i < 65; i++) {
				cr_assert(
					eq(int, gyre_ring_peek(p.consumer, 0, &held[i]), GYRE_OK));
				expect_message(&held[i], align + i, 1);
				cr_assert(eq(u64, (uintptr_t)held[i].data % align, 0));
			}
			pair_close(&p);
		}
	}
}

/* ---- Room ---- */

/* From any filling, with any amount left: as many as fit, and never none while one does. */
Test(mpmc_batch, as_many_as_fit_are_sent_and_none_is_refused_while_one_fits)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		uint64_t number = 0;

		for (int round = 0; round < 100; round++) {
			uint64_t sent = 0;
			int outcome;

			prepare(number, BATCH_MAX);
			while ((outcome = gyre_ring_send_batch(p.producer, batch + sent,
					BATCH_MAX - (unsigned)sent, 0)) > 0)
				sent += (uint64_t)outcome;
			cr_assert(eq(int, outcome, GYRE_EAGAIN));
			/* Each takes a cell, if not less. */
			cr_assert(ge(u64, totals_of(p.key).info.used_bytes,
				(MPMC_CELLS - 3) * MPMC_CELL_BYTES));
			cr_assert(eq(int, gyre_ring_send(p.producer, "x", 1, 0, 0), GYRE_EAGAIN));
			cr_assert(eq(int,
				gyre_ring_send_batch(p.producer, batch + sent, 2, NS_PER_MS),
				GYRE_ETIMEDOUT));
			for (uint64_t i = 0; i < sent; i++)
				cr_assert(ge(i64, receive_number(p.consumer, number + i, 0), 0));
			expect_empty(p.consumer);
			number += sent + 1;
			cr_assert(eq(int, gyre_ring_send(p.producer, NULL, 0, 0, 0), GYRE_OK));
			cr_assert(eq(i64, gyre_ring_receive(p.consumer, NULL, 0, 0, NULL), 0));
		}
		pair_close(&p);
	}
}

Test(mpmc_batch, a_batch_waits_only_for_its_first_message)
{
	static const int64_t timeouts[] = {0, 50 * NS_PER_MS, GYRE_FOREVER};

	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
			struct pair p = mpmc_pair(v, MPMC_CELLS);
			struct gyre_message message;

			while (gyre_ring_send(p.producer, "x", 1, 0, 0) == GYRE_OK)
				;
			cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &message), GYRE_OK));
			cr_assert(eq(int, gyre_ring_release(p.consumer, &message), GYRE_OK));
			prepare(7, 64); /* there is room for one cell */
			cr_assert(ge(
				int, gyre_ring_send_batch(p.producer, batch, 64, timeouts[i]), 1));
			pair_close(&p);
		}
	}
}

Test(mpmc_batch, a_message_that_is_too_long_ends_the_batch_before_it)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, CELLS);

		prepare(0, 5);
		batch[3].bytes = SIZE_MAX;
		cr_assert(eq(int, gyre_ring_send_batch(p.producer, batch, 5, 0), 3));
		cr_assert(
			eq(int, gyre_ring_send_batch(p.producer, batch + 3, 2, 0), GYRE_EMSGSIZE));
		cr_assert(eq(int, gyre_ring_send_batch(p.producer, batch + 4, 1, 0), 1));
		for (uint64_t number = 0; number < 5; number++)
			if (number != 3)
				cr_assert(ge(i64, receive_number(p.consumer, number, 0), 0));
		expect_empty(p.consumer);
		pair_close(&p);
	}
}

Test(mpmc_batch, the_largest_messages_may_be_sent_as_a_batch)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		static unsigned char large[2][MPMC_CELLS * MPMC_CELL_BYTES / 2];
		const size_t bytes = gyre_ring_message_bytes_max(p.producer);

		for (size_t cut = 0; cut < 20; cut++) {
			for (unsigned i = 0; i < 2; i++) {
				fill_message(large[i], bytes - cut, i);
				batch[i] = (struct gyre_message){
					.data = large[i], .bytes = bytes - cut, .tag = i};
			}
			for (int sent = 0; sent < 2; sent++) {
				cr_assert(eq(int,
					gyre_ring_send_batch(
						p.producer, batch + sent, 2u - (unsigned)sent, 0),
					1));
				cr_assert(eq(i64, receive_number(p.consumer, (uint64_t)sent, 0),
					(int64_t)(bytes - cut)));
			}
		}
		pair_close(&p);
	}
}

/* ---- One consumer takes it whole; each message is released by itself ---- */

Test(mpmc_batch, a_batch_is_taken_by_one_consumer)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct gyre_ring *other;
		struct pair p;

		if (v->consumers_max == 1)
			continue;
		p = mpmc_pair(v, CELLS);
		other = attach(p.key, GYRE_CONSUMER);
		send_all(p.producer, 0, 64);
		send_all(p.producer, 64, 2);
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &held[0]), GYRE_OK));
		for (unsigned i = 64; i < 66; i++) {
			cr_assert(eq(int, gyre_ring_peek(other, 0, &held[i]), GYRE_OK));
			expect_message(&held[i], i, 1);
		}
		expect_empty(other);
		for (unsigned i = 1; i < 64; i++)
			cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &held[i]), GYRE_OK));
		expect_empty(p.consumer);
		cr_assert(eq(int, gyre_ring_release(other, &held[64]), GYRE_OK));
		cr_assert(eq(int, gyre_ring_release(other, &held[3]), GYRE_ESTATE));
		gyre_ring_detach(other);
		pair_close(&p);
	}
}

Test(mpmc_batch, messages_of_a_batch_are_released_in_any_order_and_once)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, CELLS);

		for (unsigned round = 0; round < 3 * 64; round++) {
			const unsigned count = 2 + round % 63;

			send_all(p.producer, round, count);
			cr_assert(eq(
				int, gyre_ring_peek_batch(p.consumer, 0, held, count), (int)count));
			for (unsigned i = 0; i < count; i++) {
				const unsigned which =
					round % 2 == 0 ? count - 1 - i : (i + round) % count;

				cr_assert(eq(
					int, gyre_ring_release(p.consumer, &held[which]), GYRE_OK));
				cr_assert(eq(int, gyre_ring_release(p.consumer, &held[which]),
					GYRE_ESTATE));
			}
			cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 1), GYRE_ESTATE));
			cr_assert(eq(u64, totals_of(p.key).info.messages, 0));
		}
		pair_close(&p);
	}
}

Test(mpmc_batch, a_message_that_was_not_handed_out_yet_cannot_be_released)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, CELLS);
		struct gyre_message wrong;

		send_all(p.producer, 0, 5);
		cr_assert(eq(int, gyre_ring_peek_batch(p.consumer, 0, held, 2), 2));
		wrong = held[1];
		for (wrong.index = 2; wrong.index < 70; wrong.index++)
			cr_assert(eq(int, gyre_ring_release(p.consumer, &wrong), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 3), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 2), GYRE_OK));
		for (unsigned i = 2; i < 5; i++) {
			cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &held[i]), GYRE_OK));
			expect_message(&held[i], i, 1);
		}
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 3), GYRE_OK));
		cr_assert(eq(u64, totals_of(p.key).released, 5));
		pair_close(&p);
	}
}

/* ---- Deaths ---- */

struct half_read {
	unsigned count;    /* messages in the batch */
	unsigned peeked;   /* of them */
	uint64_t released; /* a bit each */
};

static const char *read_half(struct gyre_ring *ring, void *context)
{
	const struct half_read *const half = context;

	if (gyre_ring_peek_batch(ring, 0, held, half->peeked) != (int)half->peeked)
		return "cannot peek";
	for (unsigned i = 0; i < half->peeked; i++)
		if ((half->released >> i & 1) != 0 && gyre_ring_release(ring, &held[i]) != GYRE_OK)
			return "cannot release";
	return NULL;
}

static void expect_only_the_rest(struct pair *p, const struct half_read *half)
{
	unsigned rest = 0;
	struct totals totals;

	for (unsigned i = 0; i < half->count; i++) {
		if ((half->released >> i & 1) != 0)
			continue;
		cr_assert(eq(int, gyre_ring_peek(p->consumer, 0, &held[i]), GYRE_OK));
		expect_message(&held[i], i, 2);
		cr_assert(eq(u32, held[i].index, i));
		rest++;
	}
	expect_empty(p->consumer);
	totals = totals_of(p->key);
	cr_assert(eq(u64, totals.redelivered, 1));
	cr_assert(eq(u64, totals.released, 0)); /* a batch is accounted for as a whole */
	expect_accounts(&totals);
	cr_assert(eq(int, gyre_ring_release_batch(p->consumer, rest), GYRE_OK));
	totals = totals_of(p->key);
	cr_assert(eq(u64, totals.released, half->count));
	expect_accounts(&totals);
}

Test(mpmc_batch, only_what_a_dead_consumer_had_not_released_comes_again)
{
	static const struct half_read halves[] = {{5, 5, 0x0b}, {5, 2, 0x03}, {5, 3, 0x04},
		{64, 64, 0x7fffffffffffffff}, {64, 64, 0xfffffffffffffffe}, {64, 30, 0x2aaaaaaa},
		{2, 1, 0}, {2, 2, 1}, {2, 2, 2}};

	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
			struct half_read half = halves[i];
			struct pair p = mpmc_pair(v, CELLS);

			gyre_ring_detach(p.consumer);
			send_all(p.producer, 0, half.count);
			live_and_die(p.key, GYRE_CONSUMER, read_half, &half);
			p.consumer = attach(p.key, GYRE_CONSUMER);
			/* Whoever attaches takes the dead one's seat, and repairs that. */
			expect_only_the_rest(&p, &half);
			pair_close(&p);
		}
	}
}

Test(mpmc_batch, a_batch_that_is_dropped_counts_what_had_been_released_of_it)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		struct gyre_ring_options options = cells_of(v, CELLS);
		struct half_read half = {10, 7, 0x2d};
		struct totals totals;
		struct pair p;

		options.deliveries_max = 1;
		p = pair_with(v, &options);
		gyre_ring_detach(p.consumer);
		send_all(p.producer, 0, half.count);
		live_and_die(p.key, GYRE_CONSUMER, read_half, &half);
		p.consumer = attach(p.key, GYRE_CONSUMER);
		expect_empty(p.consumer);
		totals = totals_of(p.key);
		cr_assert(eq(u64, totals.released, 4));
		cr_assert(eq(u64, totals.dropped, 6));
		expect_accounts(&totals);
		pair_close(&p);
	}
}
