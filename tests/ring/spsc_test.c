/*
 * What goes in comes out, in every variant: messages of any size, alignment and tag, whole and in
 * order. The calls and their outcomes, fullness, batches, ends, deaths and lies have files of
 * their own.
 */
#include <string.h>
#include "rings.h"

TestSuite(spsc, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	CAPACITY = 1 << 14,
	SLOT = 2000,
};

static struct pair any_pair(const struct variant *v)
{
	return pair_of(v, CAPACITY, SLOT);
}

/* ---- Sizes ---- */

static const size_t sizes[] = {
	0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 66, 127, 1000, 1999, 2000};

Test(spsc, messages_of_any_size_arrive_whole_and_in_order)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		uint64_t number = 0;

		for (unsigned round = 0; round < 50; round++) {
			for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++, number++) {
				cr_assert(eq(int, send_number(p.producer, number, sizes[i], 0),
					GYRE_OK));
				cr_assert(eq(i64, receive_number(p.consumer, number, 0),
					(int64_t)sizes[i]));
			}
		}
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		pair_close(&p);
	}
}

Test(spsc, messages_up_to_the_largest_arrive_whole)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		const size_t max = gyre_ring_message_bytes_max(p.producer);

		cr_assert(eq(sz, max, v->slots ? SLOT : CAPACITY / 2));
		cr_assert(eq(sz, gyre_ring_message_bytes_max(p.consumer), max));
		for (uint64_t number = 0; number < 100; number++) {
			const size_t bytes = max - number % 20;

			cr_assert(eq(int, send_number(p.producer, number, bytes, 0), GYRE_OK));
			cr_assert(eq(i64, receive_number(p.consumer, number, 0), (int64_t)bytes));
		}
		pair_close(&p);
	}
}

Test(spsc, messages_that_are_too_long_are_refused_and_change_nothing)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		const size_t max = gyre_ring_message_bytes_max(p.producer);
		const size_t too_long[] = {max + 1, max + 8, CAPACITY, 2 * CAPACITY, 1u << 28,
			UINT32_MAX - 7, UINT32_MAX, (size_t)UINT32_MAX + 1, SIZE_MAX / 2,
			SIZE_MAX - 15, SIZE_MAX - 8, SIZE_MAX - 7, SIZE_MAX - 6, SIZE_MAX};
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
		cr_assert(eq(u64, look(p.key).producer.counters.messages, 2));
		pair_close(&p);
	}
}

Test(spsc, an_empty_message_may_have_no_data)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
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

Test(spsc, capacity_for_names_the_least_capacity_that_takes_a_message)
{
	static const size_t asked[] = {
		0, 1, 2047, 2048, 2049, 4096, 4097, 65536, 65537, (1u << 28) - 1};

	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		const uint64_t capacity = gyre_ring_capacity_for(asked[i]);

		cr_assert(ge(u64, capacity, 4096));
		cr_assert(ge(u64, capacity / 2, asked[i]));
		cr_assert(capacity == 4096 || capacity / 4 < asked[i]);
	}
	cr_assert(eq(u64, gyre_ring_capacity_for((size_t)1 << 28), 0));
	cr_assert(eq(u64, gyre_ring_capacity_for(SIZE_MAX / 2), 0));
	cr_assert(eq(u64, gyre_ring_capacity_for(SIZE_MAX / 2 + 2), 0));
	cr_assert(eq(u64, gyre_ring_capacity_for(SIZE_MAX), 0));
}

Test(spsc, a_ring_of_the_capacity_for_a_message_takes_it)
{
	static const size_t asked[] = {2048, 2049, 8192, 65536};

	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		struct pair p = pair_of(variant_first(), gyre_ring_capacity_for(asked[i]), 0);

		cr_assert(eq(int, send_number(p.producer, i, asked[i], 0), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, i, 0), (int64_t)asked[i]));
		cr_assert(eq(int, send_number(p.producer, i, asked[i], 0), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, i, 0), (int64_t)asked[i]));
		pair_close(&p);
	}
	while (variant_next() != NULL)
		;
}

/* ---- Alignment ---- */

Test(spsc, payloads_are_aligned_as_the_ring_was_made)
{
	static const uint32_t aligns[] = {0, 8, 16, 64, 512, 4096};

	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (size_t i = 0; i < sizeof aligns / sizeof *aligns; i++) {
			struct gyre_ring_options options = options_of(v, 1 << 16, 100);
			const uintptr_t align = aligns[i] == 0 ? 8 : aligns[i];
			uint64_t state = i;
			struct pair p;

			options.align_bytes = aligns[i];
			p = pair_with(v, &options);
			for (uint64_t number = 0; number < 300; number++) {
				const size_t bytes = next_random(&state) % 101;
				struct gyre_message message;
				void *data;

				cr_assert(eq(int, gyre_ring_reserve(p.producer, bytes, 0, &data),
					GYRE_OK));
				cr_assert(eq(u64, (uintptr_t)data % align, 0));
				fill_message(data, bytes, number);
				cr_assert(eq(int, gyre_ring_commit(p.producer, bytes, 1), GYRE_OK));
				cr_assert(
					eq(int, gyre_ring_peek(p.consumer, 0, &message), GYRE_OK));
				cr_assert(eq(u64, (uintptr_t)message.data % align, 0));
				cr_assert(is_message_of(message.data, bytes, number));
				cr_assert(
					eq(int, gyre_ring_release(p.consumer, &message), GYRE_OK));
			}
			pair_close(&p);
		}
	}
}

/* ---- Tags, positions ---- */

Test(spsc, every_tag_arrives)
{
	static const uint32_t tags[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xdeadbeef};

	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);

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

Test(spsc, positions_grow_from_message_to_message)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		uint64_t last = 0, state = 1;

		for (uint64_t number = 0; number < 5000; number++) {
			struct gyre_message message;

			cr_assert(eq(int,
				send_number(p.producer, number, next_random(&state) % SLOT, 0),
				GYRE_OK));
			cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &message), GYRE_OK));
			cr_assert(number == 0 || message.position > last);
			last = message.position;
			cr_assert(eq(int, gyre_ring_release(p.consumer, &message), GYRE_OK));
		}
		pair_close(&p);
	}
}

/* ---- Everything at once ---- */

enum { TORTURE_MESSAGES = 100000 };

struct torture {
	struct pair pair;
	uint64_t state;
	uint64_t sent;
	uint64_t received;
	size_t max;
};

/* Mostly small, now and then as large as may be. */
static size_t size_of(uint64_t number, size_t max)
{
	uint64_t state = number;
	const uint64_t random = next_random(&state);

	if (random % 4 != 0)
		return (random >> 8) % 130;
	return (random >> 8) % (max + 1);
}

static int send_somehow(struct torture *t)
{
	struct gyre_ring *const ring = t->pair.producer;
	const size_t bytes = size_of(t->sent, t->max);
	int outcome;
	void *data;

	switch (next_random(&t->state) % 4) {
	case 0: /* reserve as much as there is to have, commit what is needed */
		outcome = gyre_ring_reserve(ring, t->max, 0, &data);
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
	struct gyre_message held[16];
	const unsigned count = 1 + (unsigned)(next_random(&t->state) % 16);
	int found;

	if (next_random(&t->state) % 2 == 0) {
		cr_assert(eq(i64, receive_number(ring, t->received, 0),
			(int64_t)size_of(t->received, t->max)));
		t->received++;
		return;
	}
	found = gyre_ring_peek_batch(ring, 0, held, count);
	cr_assert(found >= 1 && found <= (int)count, "%d of %u", found, count);
	for (int i = 0; i < found; i++, t->received++) {
		const size_t bytes = size_of(t->received, t->max);

		cr_assert(eq(sz, held[i].bytes, bytes));
		cr_assert(eq(u32, held[i].tag, (uint32_t)t->received));
		cr_assert(is_message_of(held[i].data, bytes, t->received));
		cr_assert(eq(int, gyre_ring_release(ring, &held[i]), GYRE_OK));
	}
}

Test(spsc, a_hundred_thousand_messages_of_random_sizes_arrive_whole_and_in_order)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct torture t = {.pair = pair_of(v, 4096, 500), .state = 7};
		struct seen seen;

		t.max = v->slots ? 500 : 2048;
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
		seen = look(t.pair.key);
		cr_assert(eq(u64, seen.producer.counters.messages, TORTURE_MESSAGES));
		cr_assert(eq(u64, seen.consumer.counters.messages, TORTURE_MESSAGES));
		cr_assert(eq(u64, seen.producer.counters.bytes, seen.consumer.counters.bytes));
		cr_assert(eq(u64, seen.info.messages, 0));
		pair_close(&t.pair);
	}
}
