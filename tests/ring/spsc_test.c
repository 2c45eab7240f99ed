/*
 * What a ring of one producer and one consumer promises, in every variant: sizes, tags, the calls
 * in and out of order, roles, timeouts. Fullness, batches, ends, deaths and lies have files of
 * their own.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "rings.h"

TestSuite(spsc, .timeout = 60, .init = rings_open, .fini = rings_close);

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

/* ---- Reserve, commit, discard ---- */

Test(spsc, a_shorter_commit_than_reserved_gives_the_rest_back)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);

		for (uint64_t number = 0; number < 2000; number++) {
			const size_t bytes = number % 40;
			void *data;

			cr_assert(eq(int, gyre_ring_reserve(p.producer, SLOT, 0, &data), GYRE_OK));
			memset(data, 0xff, SLOT); /* may all be used, and leaves no trace */
			fill_message(data, bytes, number);
			cr_assert(eq(int, gyre_ring_commit(p.producer, bytes, (uint32_t)number),
				GYRE_OK));
			if (number % 2 == 1) {
				cr_assert(eq(i64, receive_number(p.consumer, number - 1, 0),
					(int64_t)((number - 1) % 40)));
				cr_assert(eq(i64, receive_number(p.consumer, number, 0),
					(int64_t)bytes));
				cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
			}
		}
		pair_close(&p);
	}
}

Test(spsc, shorter_commits_fill_the_ring_as_densely_as_sends)
{
	struct pair p = pair_of(variant_first(), 4096, 0);
	unsigned count = 0;
	void *data;

	/* 512 words of which one is kept; a reservation takes 8 of them, its message one. */
	while (gyre_ring_reserve(p.producer, 56, 0, &data) == GYRE_OK) {
		cr_assert(eq(int, gyre_ring_commit(p.producer, 0, 0), GYRE_OK));
		count++;
	}
	cr_assert(eq(uint, count, 512 - 8));
	pair_close(&p);
	while (variant_next() != NULL)
		;
}

Test(spsc, a_longer_commit_than_reserved_is_refused_and_the_reservation_stays)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		void *data;

		cr_assert(eq(int, gyre_ring_reserve(p.producer, 10, 0, &data), GYRE_OK));
		cr_assert(eq(int, gyre_ring_commit(p.producer, 11, 0), GYRE_EMSGSIZE));
		cr_assert(eq(int, gyre_ring_commit(p.producer, SIZE_MAX, 0), GYRE_EMSGSIZE));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		fill_message(data, 10, 5);
		cr_assert(eq(int, gyre_ring_commit(p.producer, 10, 5), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 5, 0), 10));
		pair_close(&p);
	}
}

Test(spsc, while_a_reservation_is_open_nothing_else_can_be_written)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		const struct gyre_message message = {.data = "x", .bytes = 1};
		void *data, *other = NULL;

		cr_assert(eq(int, gyre_ring_reserve(p.producer, 10, 0, &data), GYRE_OK));
		cr_assert(eq(int, gyre_ring_reserve(p.producer, 10, 0, &other), GYRE_EBUSY));
		cr_assert(eq(
			int, gyre_ring_reserve(p.producer, 0, GYRE_FOREVER, &other), GYRE_EBUSY));
		cr_assert(eq(ptr, other, NULL));
		cr_assert(eq(int, gyre_ring_send(p.producer, "x", 1, 0, GYRE_FOREVER), GYRE_EBUSY));
		cr_assert(eq(int, gyre_ring_send_batch(p.producer, &message, 1, GYRE_FOREVER),
			GYRE_EBUSY));
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_EBUSY));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		fill_message(data, 10, 3);
		cr_assert(eq(int, gyre_ring_commit(p.producer, 10, 3), GYRE_OK));
		cr_assert(eq(int, send_number(p.producer, 4, 4, 0), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 3, 0), 10));
		cr_assert(eq(i64, receive_number(p.consumer, 4, 0), 4));
		pair_close(&p);
	}
}

Test(spsc, a_discarded_message_never_was)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		struct seen seen;
		void *data;

		for (uint64_t number = 0; number < 1000; number++) {
			cr_assert(eq(int, gyre_ring_reserve(p.producer, SLOT, 0, &data), GYRE_OK));
			memset(data, 0xee, SLOT);
			cr_assert(eq(int, gyre_ring_discard(p.producer), GYRE_OK));
			cr_assert(eq(int, gyre_ring_discard(p.producer), GYRE_ESTATE));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
			cr_assert(eq(int, send_number(p.producer, number, 9, 0), GYRE_OK));
			cr_assert(eq(i64, receive_number(p.consumer, number, 0), 9));
		}
		seen = look(p.key);
		cr_assert(eq(u64, seen.producer.counters.aborted, 1000));
		cr_assert(eq(u64, seen.producer.counters.messages, 1000));
		cr_assert(eq(u64, seen.producer.counters.bytes, 9000));
		pair_close(&p);
	}
}

Test(spsc, detaching_with_an_open_reservation_discards_it)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		void *data;

		cr_assert(eq(int, gyre_ring_reserve(p.producer, 10, 0, &data), GYRE_OK));
		gyre_ring_detach(p.producer);
		p.producer = attach(p.key, GYRE_PRODUCER);
		cr_assert(eq(int, send_number(p.producer, 8, 8, 0), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 8, 0), 8));
		cr_assert(eq(u64, look(p.key).producer.counters.aborted, 1));
		pair_close(&p);
	}
}

Test(spsc, commit_and_discard_want_a_reservation)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		void *data;

		cr_assert(eq(int, gyre_ring_commit(p.producer, 0, 0), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_commit(p.producer, SIZE_MAX, 0), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_discard(p.producer), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_reserve(p.producer, 1, 0, &data), GYRE_OK));
		cr_assert(eq(int, gyre_ring_commit(p.producer, 1, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_commit(p.producer, 1, 0), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_discard(p.producer), GYRE_ESTATE));
		pair_close(&p);
	}
}

/* ---- Peek, release, receive ---- */

Test(spsc, several_messages_are_held_and_released_in_order)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		struct gyre_message held[4];

		for (uint64_t number = 0; number < 400; number += 4) {
			for (uint64_t i = 0; i < 4; i++)
				cr_assert(eq(int, send_number(p.producer, number + i, 100 + i, 0),
					GYRE_OK));
			for (uint64_t i = 0; i < 4; i++)
				cr_assert(
					eq(int, gyre_ring_peek(p.consumer, 0, &held[i]), GYRE_OK));
			for (uint64_t i = 0; i < 4; i++) {
				cr_assert(eq(sz, held[i].bytes, 100 + i));
				cr_assert(eq(u32, held[i].tag, (uint32_t)(number + i)));
				cr_assert(is_message_of(held[i].data, 100 + i, number + i));
				cr_assert(
					eq(int, gyre_ring_release(p.consumer, &held[i]), GYRE_OK));
			}
		}
		pair_close(&p);
	}
}

Test(spsc, only_the_oldest_message_held_can_be_released)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		struct gyre_message held[3], never = {.position = 1 << 20};

		for (uint64_t i = 0; i < 3; i++)
			cr_assert(eq(int, send_number(p.producer, i, 10, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_peek_batch(p.consumer, 0, held, 3), 3));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held[1]), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held[2]), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &never), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held[0]), GYRE_OK));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held[0]), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held[2]), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held[1]), GYRE_OK));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held[2]), GYRE_OK));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held[2]), GYRE_ESTATE));
		cr_assert(eq(u64, look(p.key).consumer.counters.messages, 3));
		pair_close(&p);
	}
}

Test(spsc, a_message_that_was_not_peeked_cannot_be_released)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		struct gyre_message held, forged = {.position = 0};

		cr_assert(eq(int, gyre_ring_release(p.consumer, &forged), GYRE_ESTATE));
		cr_assert(eq(int, send_number(p.producer, 0, 10, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &forged), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 1), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &held), GYRE_OK));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held), GYRE_OK));
		pair_close(&p);
	}
}

Test(spsc, receive_is_refused_while_messages_are_held)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		struct gyre_message held, more[2];
		char buffer[64];

		for (uint64_t i = 0; i < 3; i++)
			cr_assert(eq(int, send_number(p.producer, i, 10, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &held), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 1, 0), GYRE_ESTATE));
		cr_assert(eq(i64, receive_number(p.consumer, 1, GYRE_FOREVER), GYRE_ESTATE));
		cr_assert(eq(int,
			gyre_ring_receive_batch(p.consumer, buffer, sizeof buffer, 0, more, 2),
			GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 1, 0), 10));
		pair_close(&p);
	}
}

Test(spsc, a_buffer_too_small_leaves_the_message_and_tells_its_size)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		const size_t lengths[] = {1, 8, 64, 65, 700};

		for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
			struct gyre_message message = {0};
			char buffer[700];

			memset(buffer, 0x55, sizeof buffer);
			cr_assert(eq(int, send_number(p.producer, i, lengths[i], 0), GYRE_OK));
			cr_assert(eq(i64,
				gyre_ring_receive(p.consumer, buffer, lengths[i] - 1, 0, &message),
				GYRE_EMSGSIZE));
			cr_assert(eq(sz, message.bytes, lengths[i]));
			cr_assert(eq(u32, message.tag, (uint32_t)i));
			cr_assert(eq(i64, gyre_ring_receive(p.consumer, NULL, 0, 0, NULL),
				GYRE_EMSGSIZE));
			for (size_t k = 0; k < sizeof buffer; k++)
				cr_assert(eq(chr, buffer[k], 0x55));
			cr_assert(eq(i64,
				gyre_ring_receive(p.consumer, buffer, lengths[i], 0, &message),
				(int64_t)lengths[i]));
			cr_assert(is_message_of(buffer, lengths[i], i));
		}
		pair_close(&p);
	}
}

Test(spsc, receive_writes_exactly_the_message)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);

		for (size_t bytes = 0; bytes <= 200; bytes++) {
			unsigned char buffer[256];

			memset(buffer, 0x5a, sizeof buffer);
			cr_assert(eq(int, send_number(p.producer, bytes, bytes, 0), GYRE_OK));
			cr_assert(eq(i64,
				gyre_ring_receive(
					p.consumer, buffer + 3, sizeof buffer - 3, 0, NULL),
				(int64_t)bytes));
			cr_assert(is_message_of(buffer + 3, bytes, bytes));
			for (size_t i = 0; i < 3; i++)
				cr_assert(eq(u8, buffer[i], 0x5a));
			for (size_t i = bytes + 3; i < sizeof buffer; i++)
				cr_assert(eq(u8, buffer[i], 0x5a));
		}
		pair_close(&p);
	}
}

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

/* ---- Roles ---- */

Test(spsc, a_handle_does_only_what_its_role_is)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		struct gyre_message message = {.data = "x", .bytes = 1};
		char buffer[8];
		void *data;

		cr_assert(eq(int, send_number(p.producer, 6, 6, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_send(p.consumer, "x", 1, 0, 0), GYRE_EROLE));
		cr_assert(eq(int, gyre_ring_send_batch(p.consumer, &message, 1, 0), GYRE_EROLE));
		cr_assert(eq(int, gyre_ring_reserve(p.consumer, 1, 0, &data), GYRE_EROLE));
		cr_assert(eq(int, gyre_ring_commit(p.consumer, 1, 0), GYRE_EROLE));
		cr_assert(eq(int, gyre_ring_discard(p.consumer), GYRE_EROLE));
		cr_assert(eq(int, gyre_ring_close(p.consumer), GYRE_EROLE));
		cr_assert(eq(int, gyre_ring_peek(p.producer, 0, &message), GYRE_EROLE));
		cr_assert(eq(int, gyre_ring_peek_batch(p.producer, 0, &message, 1), GYRE_EROLE));
		cr_assert(eq(int, gyre_ring_release(p.producer, &message), GYRE_EROLE));
		cr_assert(eq(int, gyre_ring_release_batch(p.producer, 1), GYRE_EROLE));
		cr_assert(eq(i64, gyre_ring_receive(p.producer, buffer, 8, 0, NULL), GYRE_EROLE));
		cr_assert(eq(int, gyre_ring_receive_batch(p.producer, buffer, 8, 0, &message, 1),
			GYRE_EROLE));
		cr_assert(eq(i64, receive_number(p.consumer, 6, 0), 6));
		pair_close(&p);
	}
}

Test(spsc, a_taken_role_is_refused_and_its_holder_named)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		struct gyre_error error;
		char pid[32];

		snprintf(pid, sizeof pid, "pid %d", (int)getpid());
		for (enum gyre_role role = GYRE_PRODUCER; role <= GYRE_CONSUMER; role++) {
			memset(&error, 0, sizeof error);
			cr_assert(eq(int, try_attach(p.key, role, &error), GYRE_EBUSY));
			cr_assert(eq(int, error.code, GYRE_EBUSY));
			cr_assert(ne(ptr, strstr(error.what, pid), NULL), "%s", error.what);
		}
		gyre_ring_detach(p.producer);
		p.producer = NULL;
		cr_assert(eq(int, try_attach(p.key, GYRE_PRODUCER, NULL), GYRE_OK));
		cr_assert(eq(int, try_attach(p.key, GYRE_CONSUMER, NULL), GYRE_EBUSY));
		pair_close(&p);
	}
}

Test(spsc, a_role_that_does_not_exist_is_refused)
{
	struct pair p = any_pair(variant_first());
	struct gyre_ring *ring = NULL;

	cr_assert(eq(
		int, gyre_ring_attach(p.key, (enum gyre_role)0, NULL, &ring, NULL), GYRE_EINVAL));
	cr_assert(eq(
		int, gyre_ring_attach(p.key, (enum gyre_role)3, NULL, &ring, NULL), GYRE_EINVAL));
	cr_assert(eq(ptr, ring, NULL));
	pair_close(&p);
	while (variant_next() != NULL)
		;
}

Test(spsc, two_handles_in_one_process_are_two_participants)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		struct seen seen = look(p.key);

		cr_assert(eq(u32, seen.info.participants, 2));
		cr_assert(eq(u32, seen.producer.liveness, GYRE_LIFE_ALIVE));
		cr_assert(eq(u32, seen.consumer.liveness, GYRE_LIFE_ALIVE));
		cr_assert(eq(u32, seen.producer.pid, (uint32_t)getpid()));
		cr_assert(eq(u32, seen.consumer.pid, (uint32_t)getpid()));
		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		seen = look(p.key);
		cr_assert(eq(u32, seen.info.participants, 1));
		cr_assert(eq(u32, seen.producer.liveness, GYRE_LIFE_ALIVE));
		cr_assert(eq(u32, seen.consumer.liveness, GYRE_LIFE_LEFT));
		cr_assert(eq(int, send_number(p.producer, 1, 1, 0), GYRE_OK));
		pair_close(&p);
	}
}

/* ---- Time ---- */

static bool took_at_least(uint64_t since, uint64_t nanoseconds)
{
	return now_ns() - since >= nanoseconds;
}

Test(spsc, try_says_again_and_timed_says_when_the_time_is_over)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		struct gyre_message message;
		char buffer[64];
		uint64_t start;
		void *data;

		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &message), GYRE_EAGAIN));
		start = now_ns();
		cr_assert(eq(i64, receive_number(p.consumer, 0, 3 * NS_PER_MS), GYRE_ETIMEDOUT));
		cr_assert(took_at_least(start, 3 * NS_PER_MS));
		start = now_ns();
		cr_assert(eq(
			int, gyre_ring_peek(p.consumer, 3 * NS_PER_MS, &message), GYRE_ETIMEDOUT));
		cr_assert(took_at_least(start, 3 * NS_PER_MS));
		cr_assert(eq(int,
			gyre_ring_receive_batch(
				p.consumer, buffer, sizeof buffer, NS_PER_MS, &message, 1),
			GYRE_ETIMEDOUT));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 1), GYRE_ETIMEDOUT));

		for (uint64_t number = 0; send_number(p.producer, number, SLOT, 0) == GYRE_OK;)
			number++;
		cr_assert(eq(int, send_number(p.producer, 0, SLOT, 0), GYRE_EAGAIN));
		cr_assert(eq(int, gyre_ring_reserve(p.producer, SLOT, 0, &data), GYRE_EAGAIN));
		start = now_ns();
		cr_assert(eq(int, send_number(p.producer, 0, SLOT, 3 * NS_PER_MS), GYRE_ETIMEDOUT));
		cr_assert(took_at_least(start, 3 * NS_PER_MS));
		start = now_ns();
		cr_assert(eq(int, gyre_ring_reserve(p.producer, SLOT, 3 * NS_PER_MS, &data),
			GYRE_ETIMEDOUT));
		cr_assert(took_at_least(start, 3 * NS_PER_MS));
		cr_assert(eq(int, send_number(p.producer, 0, SLOT, 1), GYRE_ETIMEDOUT));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), SLOT));
		pair_close(&p);
	}
}

Test(spsc, a_timeout_may_be_as_long_as_it_can_be_written)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		const int64_t timeouts[] = {INT64_MAX, INT64_MAX - 1, INT64_MIN, -2, GYRE_FOREVER};

		for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
			cr_assert(eq(int, send_number(p.producer, i, 1, timeouts[i]), GYRE_OK));
			cr_assert(eq(i64, receive_number(p.consumer, i, timeouts[i]), 1));
		}
		pair_close(&p);
	}
}

struct blocked {
	const char *key;
	int64_t timeout_ns;
	struct gyre_ring_options options;
};

static const char *receive_one(void *context)
{
	const struct blocked *const blocked = context;
	struct gyre_ring *ring = NULL;
	struct gyre_error error = {0};
	int64_t outcome;

	if (gyre_ring_attach(blocked->key, GYRE_CONSUMER, &blocked->options, &ring, &error) != 0)
		return complain("%s", error.what);
	outcome = receive_number(ring, 42, blocked->timeout_ns);
	gyre_ring_detach(ring);
	return outcome == 420 ? NULL : complain("received %s", gyre_errname((int)outcome));
}

static const char *send_one(void *context)
{
	const struct blocked *const blocked = context;
	struct gyre_ring *ring = NULL;
	struct gyre_error error = {0};
	int outcome;

	if (gyre_ring_attach(blocked->key, GYRE_PRODUCER, &blocked->options, &ring, &error) != 0)
		return complain("%s", error.what);
	outcome = send_number(ring, 42, 420, blocked->timeout_ns);
	gyre_ring_detach(ring);
	return outcome == GYRE_OK ? NULL : complain("sent %s", gyre_errname(outcome));
}

Test(spsc, a_blocked_consumer_is_woken_by_a_message)
{
	static const int64_t timeouts[] = {GYRE_FOREVER, INT64_MAX, 60000000000};

	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (size_t i = 0; i < 2 * sizeof timeouts / sizeof *timeouts; i++) {
			struct pair p = any_pair(v);
			struct blocked blocked = {p.key, timeouts[i / 2], {0}};
			struct child child;

			blocked.options.flags = i % 2 == 0 ? 0 : GYRE_RING_NO_SPIN;
			gyre_ring_detach(p.consumer);
			p.consumer = NULL;
			child = start_child(receive_one, &blocked);
			cr_assert(until_asleep(p.key, GYRE_CONSUMER, 1));
			cr_assert(eq(int, send_number(p.producer, 42, 420, 0), GYRE_OK));
			expect_well(end_child(&child));
			pair_close(&p);
		}
	}
}

Test(spsc, a_blocked_producer_is_woken_by_room)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		struct blocked blocked = {p.key, GYRE_FOREVER, {0}};
		uint64_t count = 0;
		struct child child;

		while (send_number(p.producer, count, 420, 0) == GYRE_OK)
			count++;
		gyre_ring_detach(p.producer);
		p.producer = NULL;
		child = start_child(send_one, &blocked);
		cr_assert(until_asleep(p.key, GYRE_PRODUCER, 1));
		for (uint64_t number = 0; number < count; number++)
			cr_assert(eq(i64, receive_number(p.consumer, number, 0), 420));
		cr_assert(eq(i64, receive_number(p.consumer, 42, GYRE_FOREVER), 420));
		expect_well(end_child(&child));
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
