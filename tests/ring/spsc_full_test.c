/*
 * The edges of the ring: full to the last byte, the end of the data area, what does not fit in
 * front of it, and room that is there although nobody said so.
 */
#include <string.h>
#include "rings.h"

TestSuite(spsc_full, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	SMALL = 4096, /* the least capacity */
	WORD = 8,
};

static struct pair pair_aligned(
	const struct variant *v, uint64_t capacity, uint32_t slot_bytes, uint32_t align)
{
	struct gyre_ring_options options = options_of(v, capacity, slot_bytes);

	options.align_bytes = align;
	return pair_with(v, &options);
}

/* Moves both sides on by so many of the smallest messages. */
static void move_by(struct pair *p, uint64_t messages)
{
	for (uint64_t i = 0; i < messages; i++) {
		cr_assert(eq(int, gyre_ring_send(p->producer, NULL, 0, 0, 0), GYRE_OK));
		cr_assert(eq(i64, gyre_ring_receive(p->consumer, NULL, 0, 0, NULL), 0));
	}
}

/* Random sizes while they fit, then ever smaller ones: afterwards not even an empty one fits. */
static uint64_t fill(struct pair *p, uint64_t first, size_t max, size_t *sizes)
{
	uint64_t number = first, state = first * 31 + max;
	size_t limit = max;

	for (;;) {
		const size_t bytes = limit == 0 ? 0 : next_random(&state) % (limit + 1);

		if (send_number(p->producer, number, bytes, 0) == GYRE_OK)
			sizes[number++ - first] = bytes;
		else if (bytes == 0)
			return number - first;
		else
			limit = bytes - 1;
	}
}

static void drain(struct pair *p, uint64_t first, uint64_t count, const size_t *sizes)
{
	for (uint64_t i = 0; i < count; i++)
		cr_assert(eq(i64, receive_number(p->consumer, first + i, 0), (int64_t)sizes[i]),
			"message %u of %u", (unsigned)i, (unsigned)count);
	cr_assert(eq(i64, receive_number(p->consumer, 0, 0), GYRE_EAGAIN));
}

static size_t sizes[1 << 16];

Test(spsc_full, a_ring_full_to_the_last_byte_keeps_its_oldest_message)
{
	static const uint32_t aligns[] = {8, 16, 64, 512, 4096};

	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (size_t i = 0; i < sizeof aligns / sizeof *aligns; i++) {
			const uint64_t capacity = aligns[i] == 4096 ? 8 * 4096 : SMALL;
			struct pair p = pair_aligned(v, capacity, 30, aligns[i]);
			uint64_t number = 0;

			for (uint64_t start = 0; start < 60; start++) {
				const size_t max = v->slots ? 30 : start % 2 ? 40 : capacity / 4;
				const uint64_t count = fill(&p, number, max, sizes);
				const struct seen seen = look(p.key);

				cr_assert(eq(u64, seen.info.messages, count));
				if (!v->slots) /* all but the one word that is kept */
					cr_assert(eq(u64, seen.info.used_bytes,
						seen.info.capacity_bytes - aligns[i]));
				drain(&p, number, count, sizes);
				number += count;
				move_by(&p, start % 5);
			}
			pair_close(&p);
		}
	}
}

Test(spsc_full, rings_of_every_capacity_can_be_filled_and_drained)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (uint64_t capacity = SMALL; capacity <= 1 << 20; capacity *= 2) {
			struct pair p = pair_of(v, capacity, 56);
			uint64_t number = 0;

			for (int round = 0; round < 4; round++) {
				const uint64_t count = fill(&p, number, 56, sizes);

				cr_assert(le(u64, count, sizeof sizes / sizeof *sizes));
				drain(&p, number, count, sizes);
				number += count;
				move_by(&p, 3);
			}
			pair_close(&p);
		}
	}
}

Test(spsc_full, a_capacity_is_rounded_up_never_down)
{
	static const uint64_t asked[] = {4096, 4097, 5000, 100000, 1 << 20};

	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
			struct pair p = pair_of(v, asked[i], 56);
			const struct seen seen = look(p.key);

			cr_assert(ge(u64, seen.info.capacity_bytes, asked[i]));
			cr_assert(lt(u64, seen.info.capacity_bytes, 2 * asked[i]), "%u became %u",
				(unsigned)asked[i], (unsigned)seen.info.capacity_bytes);
			pair_close(&p);
		}
	}
}

Test(spsc_full, slots_much_smaller_than_their_alignment_do_not_multiply_the_capacity)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_aligned(v, 1 << 16, 1, 1024);

		cr_assert(le(u64, look(p.key).info.capacity_bytes, 1 << 17));
		pair_close(&p);
	}
}

/* ---- Half the ring ---- */

Test(spsc_full, an_empty_ring_takes_a_message_of_half_its_capacity_at_every_position)
{
	static const uint32_t aligns[] = {8, 64, 512};

	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (size_t i = 0; i < sizeof aligns / sizeof *aligns; i++) {
			struct pair p = pair_aligned(v, SMALL, 1000, aligns[i]);
			const size_t max = gyre_ring_message_bytes_max(p.producer);

			for (uint64_t number = 0; number < 1200; number++) {
				const size_t bytes = max - number / 3 % 40;

				cr_assert(eq(
					int, send_number(p.producer, number, bytes, 0), GYRE_OK));
				cr_assert(eq(i64, receive_number(p.consumer, number, 0),
					(int64_t)bytes));
				move_by(&p, number % 3);
			}
			pair_close(&p);
		}
	}
}

static const char *take_half_messages(void *key)
{
	struct gyre_ring *ring = NULL;

	if (gyre_ring_attach(key, GYRE_CONSUMER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	for (uint64_t number = 0; number < 500; number++) {
		const int64_t outcome = receive_number(ring, number, GYRE_FOREVER);

		if (outcome < 0)
			return complain(
				"message %u: %s", (unsigned)number, gyre_errname((int)outcome));
	}
	gyre_ring_detach(ring);
	return NULL;
}

Test(spsc_full, a_blocking_send_of_half_the_ring_never_waits_for_ever)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, SMALL, 1000);
		const size_t max = gyre_ring_message_bytes_max(p.producer);
		struct child child;

		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		child = start_child(take_half_messages, p.key);
		for (uint64_t number = 0; number < 500; number++)
			cr_assert(eq(int,
				send_number(p.producer, number, max - number % 64, GYRE_FOREVER),
				GYRE_OK));
		expect_well(end_child(&child));
		pair_close(&p);
	}
}

/* ---- The end of the data area (records) ---- */

static const struct variant *next_of_records(const struct variant *v)
{
	while (v != NULL && v->slots)
		v = variant_next();
	return v;
}

static const struct variant *first_records(void)
{
	return next_of_records(variant_first());
}

static const struct variant *more_records(void)
{
	return next_of_records(variant_next());
}

static uint64_t send_and_take(struct pair *p, uint64_t number, size_t bytes)
{
	struct gyre_message message;

	cr_assert(eq(int, send_number(p->producer, number, bytes, 0), GYRE_OK));
	cr_assert(eq(int, gyre_ring_peek(p->consumer, 0, &message), GYRE_OK));
	cr_assert(eq(sz, message.bytes, bytes));
	cr_assert(is_message_of(message.data, bytes, number));
	cr_assert(eq(int, gyre_ring_release(p->consumer, &message), GYRE_OK));
	return message.position;
}

Test(spsc_full, records_that_end_exactly_at_the_end_need_no_pad)
{
	for (const struct variant *v = first_records(); v != NULL; v = more_records()) {
		struct pair p = pair_of(v, SMALL, 0);

		for (uint64_t number = 0; number < 1000; number++)
			cr_assert(eq(u64, send_and_take(&p, number, 64 - WORD), 64 * number));
		pair_close(&p);
	}
}

Test(spsc_full, records_may_reach_into_the_slack_behind_the_end)
{
	for (const struct variant *v = first_records(); v != NULL; v = more_records()) {
		struct pair p = pair_of(v, SMALL, 0);
		uint64_t position = 0;

		for (uint64_t number = 0; number < 500; number++) {
			const uint64_t over = number % 2 * WORD + WORD;
			const uint64_t rest = SMALL - position % SMALL;

			cr_assert(eq(u64, send_and_take(&p, number, rest / 2), position));
			position += (rest / 2 + 2 * WORD - 1) / WORD * WORD;
			cr_assert(eq(u64,
				send_and_take(&p, number, SMALL - position % SMALL + over - WORD),
				position));
			position += SMALL - position % SMALL + over;
		}
		pair_close(&p);
	}
}

Test(spsc_full, a_pad_may_be_just_a_word)
{
	for (const struct variant *v = first_records(); v != NULL; v = more_records()) {
		struct pair p = pair_of(v, SMALL, 0);

		/* Two records up to a word before the end; then one that needs two words. */
		for (uint64_t lap = 0; lap < 50; lap++) {
			cr_assert(eq(u64, send_and_take(&p, 1, SMALL / 2 - WORD), lap * SMALL));
			cr_assert(eq(u64, send_and_take(&p, 2, SMALL / 2 - 2 * WORD),
				lap * SMALL + SMALL / 2));
			if (lap % 2 == 0) /* an empty one goes where the pad would */
				cr_assert(eq(
					u64, send_and_take(&p, 3, 0), lap * SMALL + SMALL - WORD));
		}
		pair_close(&p);
	}
}

/* Only empty messages, until the next one would stand at offset. */
static void move_to(struct pair *p, uint64_t *position, uint64_t offset)
{
	while (*position % SMALL != offset) {
		cr_assert(eq(u64, send_and_take(p, 0, 0), *position));
		*position += WORD;
	}
}

Test(spsc_full, every_size_wraps_rightly_at_every_offset)
{
	for (const struct variant *v = first_records(); v != NULL; v = more_records()) {
		struct pair p = pair_of(v, SMALL, 0);
		uint64_t position = 0, number = 0;

		for (uint64_t offset = 0; offset < SMALL; offset += WORD) {
			for (size_t bytes = offset / WORD % 8; bytes <= 1000; bytes += 97) {
				const uint64_t rest = SMALL - offset;
				const uint64_t span = (bytes + 2 * WORD - 1) / WORD * WORD;
				uint64_t at;

				move_to(&p, &position, offset);
				at = send_and_take(&p, number++, bytes);
				/* A record may reach two alignments beyond the end. */
				cr_assert(eq(u64, at,
						  span <= rest + 2 * WORD ? position
									  : position + rest),
					"%zu bytes at offset %u", bytes, (unsigned)offset);
				position = at + span;
			}
		}
		pair_close(&p);
	}
}

Test(spsc_full, what_does_not_fit_before_the_end_leaves_smaller_messages_their_order)
{
	for (const struct variant *v = first_records(); v != NULL; v = more_records()) {
		struct pair p = pair_of(v, SMALL, 0);

		for (uint64_t round = 0; round < 300; round++) {
			uint64_t number = 0;

			cr_assert(eq(int, send_number(p.producer, number++, 1500, 0), GYRE_OK));
			while (send_number(p.producer, number, 2000, 0) == GYRE_OK)
				number++;
			while (send_number(p.producer, number, round % 90, 0) == GYRE_OK)
				number++;
			while (send_number(p.producer, number, 0, 0) == GYRE_OK)
				number++;
			for (uint64_t i = 0; i < number; i++)
				cr_assert(ge(i64, receive_number(p.consumer, i, 0), 0));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		}
		pair_close(&p);
	}
}

/* ---- Messages held across the end ---- */

Test(spsc_full, messages_held_across_the_end_are_released_one_by_one)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, SMALL, 300);
		struct gyre_message held[64];
		uint64_t state = 3, number = 0;

		for (int round = 0; round < 2000; round++) {
			const unsigned count = 1 + (unsigned)(next_random(&state) % 10);
			unsigned sent = 0, found = 0;

			while (sent < count && send_number(p.producer, number + sent,
						       next_random(&state) % 300, 0) == GYRE_OK)
				sent++;
			while (gyre_ring_peek(p.consumer, 0, &held[found]) == GYRE_OK)
				found++;
			cr_assert(eq(uint, found, sent));
			for (unsigned i = 0; i < found; i++) {
				cr_assert(is_message_of(held[i].data, held[i].bytes, number + i));
				cr_assert(
					eq(int, gyre_ring_release(p.consumer, &held[i]), GYRE_OK));
			}
			number += sent;
		}
		pair_close(&p);
	}
}

/* Leaves a message, and behind it the pad of one that did not fit. */
static void leave_pad_behind(struct pair *p)
{
	cr_assert(eq(int, send_number(p->producer, 0, 2040, 0), GYRE_OK));
	cr_assert(eq(i64, receive_number(p->consumer, 0, 0), 2040));
	cr_assert(eq(int, send_number(p->producer, 1, 1000, 0), GYRE_OK));
	cr_assert(eq(int, send_number(p->producer, 2, 2048, 0), GYRE_EAGAIN));
}

Test(spsc_full, a_pad_behind_the_last_message_held_is_released_with_it)
{
	for (const struct variant *v = first_records(); v != NULL; v = more_records()) {
		struct pair p = pair_of(v, SMALL, 0);
		struct gyre_message held, none;

		leave_pad_behind(&p);
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &held), GYRE_OK));
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &none), GYRE_EAGAIN));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 1), GYRE_ESTATE));
		cr_assert(eq(u64, look(p.key).info.used_bytes, 0));
		cr_assert(eq(int, send_number(p.producer, 2, 2048, 0), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 2, 0), 2048));
		pair_close(&p);
	}
}

Test(spsc_full, the_end_behind_a_pad_behind_a_message_held_is_reached)
{
	for (const struct variant *v = first_records(); v != NULL; v = more_records()) {
		struct pair p = pair_of(v, SMALL, 0);
		struct gyre_message held, none;

		leave_pad_behind(&p);
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &held), GYRE_OK));
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &none), GYRE_ECLOSED));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
		gyre_ring_detach(p.producer);
		gyre_ring_detach(p.consumer);
		cr_assert(not(is_there(p.key)), "closed, drained and left: it should be gone");
	}
}

Test(spsc_full, a_full_ring_can_be_held_whole)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, SMALL, 100);
		static struct gyre_message held[1 << 10];
		uint64_t number = 0;

		for (int round = 0; round < 30; round++) {
			const uint64_t count = fill(&p, number, 100, sizes);
			const unsigned room = sizeof held / sizeof *held;
			struct gyre_message none;

			cr_assert(eq(
				int, gyre_ring_peek_batch(p.consumer, 0, held, room), (int)count));
			cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &none), GYRE_EAGAIN));
			for (uint64_t i = 0; i < count; i++)
				cr_assert(is_message_of(held[i].data, held[i].bytes, number + i));
			cr_assert(eq(int, gyre_ring_release_batch(p.consumer, (unsigned)count),
				GYRE_OK));
			number += count;
		}
		pair_close(&p);
	}
}

/* ---- False fullness ---- */

Test(spsc_full, room_for_one_message_is_found_though_the_head_was_not_shown)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, SMALL, 56);
		uint64_t sent = 0, received = 0;

		while (send_number(p.producer, sent, 56, 0) == GYRE_OK)
			sent++;
		/* The consumer takes one at a time and goes elsewhere. */
		for (int round = 0; round < 5000; round++) {
			cr_assert(eq(int, send_number(p.producer, sent, 56, 0), GYRE_EAGAIN));
			cr_assert(eq(i64, receive_number(p.consumer, received++, 0), 56));
			cr_assert(eq(int, send_number(p.producer, sent++, 56, 0), GYRE_OK));
		}
		while (received < sent)
			cr_assert(eq(i64, receive_number(p.consumer, received++, 0), 56));
		pair_close(&p);
	}
}

Test(spsc_full, room_released_from_messages_held_is_found)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, SMALL, 56);
		struct gyre_message held[3];
		uint64_t sent = 0;

		while (send_number(p.producer, sent, 56, 0) == GYRE_OK)
			sent++;
		for (int round = 0; round < 1000; round++) {
			cr_assert(eq(int, gyre_ring_peek_batch(p.consumer, 0, held, 3), 3));
			cr_assert(eq(int, send_number(p.producer, sent, 56, 0), GYRE_EAGAIN));
			cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 3), GYRE_OK));
			for (int i = 0; i < 3; i++)
				cr_assert(eq(int, send_number(p.producer, sent++, 56, 0), GYRE_OK));
			cr_assert(eq(int, send_number(p.producer, sent, 56, 0), GYRE_EAGAIN));
		}
		pair_close(&p);
	}
}

Test(spsc_full, a_successor_consumer_gives_back_what_its_predecessor_released)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, SMALL, 56);
		uint64_t sent = 0, received = 0;

		while (send_number(p.producer, sent, 56, 0) == GYRE_OK)
			sent++;
		for (int round = 0; round < 200; round++) {
			cr_assert(eq(i64, receive_number(p.consumer, received++, 0), 56));
			gyre_ring_detach(p.consumer);
			cr_assert(eq(int, send_number(p.producer, sent++, 56, 0), GYRE_OK));
			p.consumer = attach(p.key, GYRE_CONSUMER);
		}
		while (received < sent)
			cr_assert(eq(i64, receive_number(p.consumer, received++, 0), 56));
		pair_close(&p);
	}
}
