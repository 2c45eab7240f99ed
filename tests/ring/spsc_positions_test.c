/*
 * Positions are counts that never go back, and run through all of 64 bits. Nobody lives to see
 * them wrap, unless they begin shortly before: here they do.
 */
#include "rings.h"

TestSuite(spsc_positions, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	CAPACITY = 4096,
	SLOT = 100,
	MESSAGES = 100000,
};

/* A fresh ring whose two sides have both come so far. */
static void start_at(const char *key, uint64_t position)
{
	struct gyre_view view = view_of(key);

	for (unsigned seat = 0; seat < 2; seat++)
		for (unsigned i = 0; i < 2; i++)
			atomic_store(&gyre_seat_at(&view, seat)->ledger[i].position, position);
	atomic_store(word_in(&view, GYRE_CONSUMER_PAGE_OFFSET), position);
	gyre_view_close(&view);
}

static struct pair pair_at(const struct variant *v, uint64_t position, uint32_t align)
{
	struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
	struct pair p;

	options.align_bytes = align;
	p = pair_with(v, &options);
	gyre_ring_detach(p.producer);
	gyre_ring_detach(p.consumer);
	start_at(p.key, position);
	p.producer = attach(p.key, GYRE_PRODUCER);
	p.consumer = attach(p.key, GYRE_CONSUMER);
	return p;
}

static const uint64_t edges[] = {
	(uint64_t)1 << 31, (uint64_t)1 << 32, (uint64_t)1 << 62, (uint64_t)1 << 63, 0 /* 2^64 */};

enum { EDGES = sizeof edges / sizeof *edges };

static size_t size_of(uint64_t number)
{
	uint64_t state = number;

	return next_random(&state) % (SLOT + 1);
}

Test(spsc_positions, a_hundred_thousand_messages_pass_every_edge)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (int i = 0; i < EDGES; i++) {
			const uint64_t before = v->slots ? MESSAGES / 2 : MESSAGES / 2 * 64;
			struct pair p = pair_at(v, edges[i] - before, 8);
			uint64_t sent = 0, received = 0, state = 11;

			while (received < MESSAGES) {
				for (uint64_t burst = next_random(&state) % 60; burst > 0;
					burst--) {
					if (send_number(p.producer, sent, size_of(sent), 0) != 0)
						break;
					sent++;
				}
				for (uint64_t burst = next_random(&state) % 60; burst > 0;
					burst--) {
					if (received == sent)
						break;
					cr_assert(eq(i64, receive_number(p.consumer, received, 0),
						(int64_t)size_of(received)));
					received++;
				}
				if (sent == received)
					cr_assert(eq(i64, receive_number(p.consumer, 0, 0),
						GYRE_EAGAIN));
			}
			pair_close(&p);
		}
	}
}

/* Full before, on, and behind the edge. */
Test(spsc_positions, a_ring_that_is_full_across_an_edge_keeps_its_messages)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (int i = 0; i < EDGES; i++) {
			for (uint64_t before = 8; before < 2 * CAPACITY; before += 8 * 37) {
				struct pair p =
					pair_at(v, edges[i] - (v->slots ? before / 64 : before), 8);
				uint64_t count = 0;
				struct seen seen;

				while (send_number(p.producer, count, size_of(count), 0) == 0)
					count++;
				while (send_number(p.producer, count, 0, 0) == 0)
					count++;
				seen = look(p.key);
				cr_assert(eq(u64, seen.info.messages, count));
				cr_assert(gt(u64, seen.info.used_bytes, CAPACITY / 2));
				cr_assert(le(u64, seen.info.used_bytes, seen.info.capacity_bytes));
				for (uint64_t number = 0; number < count; number++)
					cr_assert(
						ge(i64, receive_number(p.consumer, number, 0), 0));
				cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
				cr_assert(eq(u64, look(p.key).info.used_bytes, 0));
				pair_close(&p);
			}
		}
	}
}

Test(spsc_positions, successors_take_over_across_an_edge)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (int i = 0; i < EDGES; i++) {
			struct pair p = pair_at(v, edges[i] - (v->slots ? 40 : 2400), 8);

			for (uint64_t number = 0; number < 120; number++) {
				cr_assert(eq(int,
					send_number(p.producer, number, size_of(number), 0), 0));
				if (number % 3 == 0) {
					gyre_ring_detach(p.producer);
					p.producer = attach(p.key, GYRE_PRODUCER);
				}
				if (number < 5)
					continue;
				cr_assert(eq(i64, receive_number(p.consumer, number - 5, 0),
					(int64_t)size_of(number - 5)));
				if (number % 4 == 0) {
					gyre_ring_detach(p.consumer);
					p.consumer = attach(p.key, GYRE_CONSUMER);
				}
			}
			cr_assert(eq(u64, look(p.key).info.messages, 5));
			pair_close(&p);
		}
	}
}

Test(spsc_positions, timed_calls_pass_every_edge)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (int i = 0; i < EDGES; i++) {
			struct pair p = pair_at(v, edges[i] - (v->slots ? 1 : 64), 64);
			int found = GYRE_OK;

			/* Each call may have to wait: for a slice at most, as nobody else is here.
			 */
			for (uint64_t number = 0; number < 2000 && found == GYRE_OK; number++) {
				found = send_number(p.producer, number, 50, NS_PER_MS);
				if (number >= 20)
					cr_assert(eq(i64,
						receive_number(p.consumer, number - 20, NS_PER_MS),
						50));
			}
			cr_assert(eq(int, found, GYRE_OK));
			pair_close(&p);
		}
	}
}
