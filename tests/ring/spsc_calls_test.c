/*
 * The calls of both sides, in and out of order; the roles that may make them; and how long they
 * wait.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "rings.h"

TestSuite(spsc_calls, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	CAPACITY = 1 << 14,
	SLOT = 2000,
};

static struct pair any_pair(const struct variant *v)
{
	return pair_of(v, CAPACITY, SLOT);
}

/* ---- Reserve, commit, discard ---- */

Test(spsc_calls, a_shorter_commit_than_reserved_gives_the_rest_back)
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

Test(spsc_calls, shorter_commits_fill_the_ring_as_densely_as_sends)
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

Test(spsc_calls, a_longer_commit_than_reserved_is_refused_and_the_reservation_stays)
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

Test(spsc_calls, while_a_reservation_is_open_nothing_else_can_be_written)
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

Test(spsc_calls, a_discarded_message_never_was)
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

Test(spsc_calls, detaching_with_an_open_reservation_discards_it)
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

Test(spsc_calls, commit_and_discard_want_a_reservation)
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

Test(spsc_calls, several_messages_are_held_and_released_in_order)
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

Test(spsc_calls, only_the_oldest_message_held_can_be_released)
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

Test(spsc_calls, a_message_that_was_not_peeked_cannot_be_released)
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

Test(spsc_calls, receive_is_refused_while_messages_are_held)
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

Test(spsc_calls, a_buffer_too_small_leaves_the_message_and_tells_its_size)
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

Test(spsc_calls, receive_writes_exactly_the_message)
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

/* ---- Roles ---- */

Test(spsc_calls, a_handle_does_only_what_its_role_is)
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

Test(spsc_calls, a_taken_role_is_refused_and_its_holder_named)
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

Test(spsc_calls, a_role_that_does_not_exist_is_refused)
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

Test(spsc_calls, two_handles_in_one_process_are_two_participants)
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

Test(spsc_calls, try_says_again_and_timed_says_when_the_time_is_over)
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

Test(spsc_calls, a_timeout_may_be_as_long_as_it_can_be_written)
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

Test(spsc_calls, a_blocked_consumer_is_woken_by_a_message)
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

Test(spsc_calls, a_blocked_producer_is_woken_by_room)
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
