/* Batches: one publication, one release, whatever their size. */
#include <stdatomic.h>
#include <string.h>
#include "rings.h"

TestSuite(spsc_batch, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	CAPACITY = 4096,
	SLOT = 64,
	BATCH_MAX = 1024,
	BATCHES = 2000,
};

static struct gyre_message batch[BATCH_MAX];
static unsigned char payload[BATCH_MAX][SLOT];

/* Fills batch with messages first, first + 1, ... of random sizes. */
static void prepare(uint64_t first, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t state = first + i;
		const size_t bytes = next_random(&state) % (SLOT + 1);

		fill_message(payload[i], bytes, first + i);
		batch[i] = (struct gyre_message){
			.data = payload[i], .bytes = bytes, .tag = (uint32_t)(first + i)};
	}
}

static void expect_message(const struct gyre_message *message, uint64_t number)
{
	uint64_t state = number;

	cr_assert(eq(sz, message->bytes, next_random(&state) % (SLOT + 1)));
	cr_assert(eq(u32, message->tag, (uint32_t)number));
	cr_assert(eq(u32, message->flags, 0));
	cr_assert(is_message_of(message->data, message->bytes, number));
}

Test(spsc_batch, a_batch_of_nothing_is_nothing)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct gyre_message message;
		char buffer[SLOT];

		cr_assert(eq(int, gyre_ring_send_batch(p.producer, NULL, 0, GYRE_FOREVER), 0));
		cr_assert(eq(int, send_number(p.producer, 1, 10, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_peek_batch(p.consumer, GYRE_FOREVER, NULL, 0), 0));
		cr_assert(eq(int,
			gyre_ring_receive_batch(p.consumer, buffer, SLOT, GYRE_FOREVER, NULL, 0),
			0));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &message), GYRE_OK));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 0), GYRE_OK));
		cr_assert(eq(u64, look(p.key).consumer.counters.messages, 0));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 1), GYRE_OK));
		cr_assert(eq(u64, look(p.key).consumer.counters.messages, 1));
		pair_close(&p);
	}
}

Test(spsc_batch, batches_of_every_size_arrive_whole_and_in_order)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		uint64_t sent = 0, received = 0, state = 5;

		while (received < 50000) {
			const unsigned count = 1 + (unsigned)(next_random(&state) % 100);
			static struct gyre_message got[BATCH_MAX];
			int outcome, found;

			prepare(sent, count);
			outcome = gyre_ring_send_batch(p.producer, batch, count, 0);
			cr_assert(
				outcome >= 1 && outcome <= (int)count, "%d of %u", outcome, count);
			sent += (uint64_t)outcome;
			found = gyre_ring_peek_batch(
				p.consumer, 0, got, 1 + (unsigned)(next_random(&state) % 100));
			cr_assert(ge(int, found, 1));
			for (int i = 0; i < found; i++)
				expect_message(&got[i], received + (uint64_t)i);
			cr_assert(eq(int, gyre_ring_release_batch(p.consumer, (unsigned)found),
				GYRE_OK));
			received += (uint64_t)found;
			while (sent - received > 20)
				cr_assert(ge(i64, receive_number(p.consumer, received++, 0), 0));
		}
		pair_close(&p);
	}
}

Test(spsc_batch, what_does_not_fit_is_left_to_the_next_call)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		uint64_t number = 0;

		for (int round = 0; round < 200; round++) {
			uint64_t sent = 0;
			int outcome;

			prepare(number, BATCH_MAX);
			while ((outcome = gyre_ring_send_batch(p.producer, batch + sent,
					BATCH_MAX - (unsigned)sent, 0)) > 0)
				sent += (uint64_t)outcome;
			cr_assert(eq(int, outcome, GYRE_EAGAIN));
			cr_assert(eq(int,
				gyre_ring_send_batch(p.producer, batch + sent, 1, NS_PER_MS),
				GYRE_ETIMEDOUT));
			for (uint64_t i = 0; i < sent; i++)
				cr_assert(ge(i64, receive_number(p.consumer, number + i, 0), 0));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
			number += sent;
		}
		pair_close(&p);
	}
}

/* A call may stop at the end of the data area; the next one goes on at the start. */
Test(spsc_batch, no_batch_is_refused_while_there_is_room)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		uint64_t number = 0;

		for (int round = 0; round < 1000; round++) {
			unsigned sent = 0;

			prepare(number, 25); /* well below the ring, wherever it begins */
			for (int calls = 0; sent < 25; calls++) {
				const int outcome = gyre_ring_send_batch(
					p.producer, batch + sent, 25 - sent, 0);

				cr_assert(ge(int, outcome, 1));
				cr_assert(lt(int, calls, 3));
				sent += (unsigned)outcome;
			}
			for (int i = 0; i < 25; i++)
				cr_assert(ge(i64, receive_number(p.consumer, number++, 0), 0));
		}
		pair_close(&p);
	}
}

/* How many messages of each batch were sent: written by the producer, after the call. */
struct batches {
	const char *key;
	_Atomic uint32_t sent[BATCHES];
};

static const char *send_batches(void *context)
{
	struct batches *const batches = context;
	struct gyre_ring *ring = NULL;

	if (gyre_ring_attach(batches->key, GYRE_PRODUCER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	for (unsigned i = 0; i < BATCHES; i++) {
		const unsigned count = 1 + i % 20;
		int outcome;

		prepare(0, count);
		for (unsigned k = 0; k < count; k++)
			batch[k].tag = i;
		outcome = gyre_ring_send_batch(ring, batch, count, GYRE_FOREVER);
		if (outcome < 1)
			return complain("batch %u: %s", i, gyre_errname(outcome));
		atomic_store(&batches->sent[i], (uint32_t)outcome);
	}
	gyre_ring_detach(ring);
	return NULL;
}

struct wait_for_sent {
	const struct batches *batches;
	unsigned batch;
};

static bool is_sent(void *context)
{
	const struct wait_for_sent *const w = context;

	return atomic_load(&w->batches->sent[w->batch]) != 0;
}

Test(spsc_batch, all_of_a_batch_is_visible_at_once)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct batches *const batches = shared_memory(sizeof *batches);
		struct gyre_message message;
		struct child child;
		int found;

		gyre_ring_detach(p.producer);
		p.producer = NULL;
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ELEFT));
		batches->key = p.key;
		child = start_child(send_batches, batches);
		found = gyre_ring_peek(p.consumer, GYRE_FOREVER, &message);
		for (unsigned i = 0; i < BATCHES; i++) {
			struct wait_for_sent w = {batches, i};
			uint32_t at_once = 0, sent;

			/* Once its first message is there, all of them are. */
			while (found == GYRE_OK && message.tag == i) {
				at_once++;
				cr_assert(
					eq(int, gyre_ring_release(p.consumer, &message), GYRE_OK));
				found = gyre_ring_peek(p.consumer, 0, &message);
			}
			cr_assert(eventually(is_sent, &w));
			sent = atomic_load(&batches->sent[i]);
			cr_assert(eq(u32, at_once, sent), "batch %u", i);
			if (found == GYRE_EAGAIN && i + 1 < BATCHES)
				found = gyre_ring_peek(p.consumer, GYRE_FOREVER, &message);
		}
		expect_well(end_child(&child));
		pair_close(&p);
	}
}

Test(spsc_batch, a_message_that_is_too_long_ends_the_batch_before_it)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);

		prepare(0, 5);
		batch[3].bytes = SIZE_MAX;
		cr_assert(eq(int, gyre_ring_send_batch(p.producer, batch, 5, 0), 3));
		cr_assert(
			eq(int, gyre_ring_send_batch(p.producer, batch + 3, 2, 0), GYRE_EMSGSIZE));
		cr_assert(eq(int, gyre_ring_send_batch(p.producer, batch + 4, 1, 0), 1));
		for (uint64_t number = 0; number < 5; number++)
			if (number != 3)
				cr_assert(ge(i64, receive_number(p.consumer, number, 0), 0));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		pair_close(&p);
	}
}

Test(spsc_batch, a_batch_waits_only_for_its_first_message)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct gyre_message got[8];
		char buffer[8 * SLOT];

		prepare(0, 6);
		cr_assert(eq(int, gyre_ring_send_batch(p.producer, batch, 3, GYRE_FOREVER), 3));
		cr_assert(eq(int, gyre_ring_peek_batch(p.consumer, GYRE_FOREVER, got, 8), 3));
		for (uint64_t i = 0; i < 3; i++)
			expect_message(&got[i], i);
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 3), GYRE_OK));
		cr_assert(eq(int, gyre_ring_send_batch(p.producer, batch + 3, 3, GYRE_FOREVER), 3));
		cr_assert(eq(int,
			gyre_ring_receive_batch(
				p.consumer, buffer, sizeof buffer, GYRE_FOREVER, got, 8),
			3));
		for (uint64_t i = 0; i < 3; i++)
			expect_message(&got[i], 3 + i);
		pair_close(&p);
	}
}

/* ---- receive_batch ---- */

Test(spsc_batch, received_messages_stand_one_after_the_other_in_the_buffer)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		_Alignas(8) unsigned char buffer[20 * SLOT];
		uint64_t number = 0;

		for (int round = 0; round < 500; round++) {
			struct gyre_message got[20];
			size_t used = 0;
			int sent = 0;

			prepare(number, 20);
			while (sent < 20)
				sent += gyre_ring_send_batch(
					p.producer, batch + sent, 20 - (unsigned)sent, 0);
			cr_assert(eq(int,
				gyre_ring_receive_batch(
					p.consumer, buffer, sizeof buffer, 0, got, 20),
				20));
			for (int i = 0; i < 20; i++) {
				cr_assert(eq(ptr, (void *)got[i].data, buffer + used));
				expect_message(&got[i], number++);
				used += (got[i].bytes + 7) / 8 * 8;
			}
		}
		cr_assert(eq(u64, look(p.key).consumer.counters.messages, number));
		pair_close(&p);
	}
}

Test(spsc_batch, what_the_buffer_does_not_hold_stays_in_the_ring)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		unsigned char buffer[64];
		struct gyre_message got[8];

		memset(buffer, 0x77, sizeof buffer);
		for (uint64_t number = 0; number < 4; number++)
			cr_assert(eq(int, send_number(p.producer, number, 20, 0), GYRE_OK));
		/* 20 bytes take 24 of the buffer, so the third needs 68. */
		cr_assert(eq(int, gyre_ring_receive_batch(p.consumer, buffer, 19, 0, got, 8),
			GYRE_EMSGSIZE));
		cr_assert(eq(sz, got[0].bytes, 20));
		cr_assert(eq(int, gyre_ring_receive_batch(p.consumer, buffer, 44, 0, got, 8), 2));
		cr_assert(is_message_of(got[0].data, 20, 0));
		cr_assert(is_message_of(got[1].data, 20, 1));
		for (size_t i = 44; i < sizeof buffer; i++)
			cr_assert(eq(u8, buffer[i], 0x77));
		cr_assert(eq(int, gyre_ring_receive_batch(p.consumer, buffer, 43, 0, got, 8), 1));
		cr_assert(is_message_of(got[0].data, 20, 2));
		cr_assert(eq(i64, receive_number(p.consumer, 3, 0), 20));
		pair_close(&p);
	}
}

Test(spsc_batch, empty_messages_need_no_buffer)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct gyre_message got[8];

		for (int i = 0; i < 5; i++)
			cr_assert(eq(int, gyre_ring_send(p.producer, NULL, 0, 9, 0), GYRE_OK));
		cr_assert(eq(int, send_number(p.producer, 5, 1, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_receive_batch(p.consumer, NULL, 0, 0, got, 8), 5));
		cr_assert(eq(i64, receive_number(p.consumer, 5, 0), 1));
		pair_close(&p);
	}
}

/* ---- Releasing ---- */

Test(spsc_batch, more_than_is_held_cannot_be_released)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct gyre_message got[5];

		for (uint64_t number = 0; number < 10; number++)
			cr_assert(eq(int, send_number(p.producer, number, 30, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_peek_batch(p.consumer, 0, got, 5), 5));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 6), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, UINT32_MAX), GYRE_ESTATE));
		cr_assert(eq(u64, look(p.key).consumer.counters.messages, 0));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 3), GYRE_OK));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 3), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &got[3]), GYRE_OK));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 1), GYRE_OK));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 1), GYRE_ESTATE));
		for (uint64_t number = 5; number < 10; number++)
			cr_assert(eq(i64, receive_number(p.consumer, number, 0), 30));
		cr_assert(eq(u64, look(p.key).consumer.counters.messages, 10));
		cr_assert(eq(u64, look(p.key).consumer.counters.bytes, 300));
		pair_close(&p);
	}
}

Test(spsc_batch, what_was_not_released_comes_again_to_the_next_consumer)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct gyre_message got[10];
		uint64_t first = 0;

		for (uint64_t number = 0; number < 40; number++)
			cr_assert(eq(int, send_number(p.producer, number, 30, 0), GYRE_OK));
		for (unsigned round = 0; round < 8; round++) {
			cr_assert(eq(int, gyre_ring_peek_batch(p.consumer, 0, got, 10), 10));
			for (uint64_t i = 0; i < 10; i++)
				cr_assert(is_message_of(got[i].data, 30, first + i));
			cr_assert(eq(int, gyre_ring_release_batch(p.consumer, round % 4), GYRE_OK));
			first += round % 4;
			gyre_ring_detach(p.consumer);
			p.consumer = attach(p.key, GYRE_CONSUMER);
		}
		cr_assert(eq(u64, look(p.key).info.messages, 40 - first));
		pair_close(&p);
	}
}

/* ---- Batches and ends ---- */

Test(spsc_batch, a_batch_ends_before_the_close_and_the_next_call_tells_it)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct gyre_message got[8];
		char buffer[8 * SLOT];

		for (uint64_t number = 0; number < 6; number++)
			cr_assert(eq(int, send_number(p.producer, number, 30, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
		cr_assert(eq(int, gyre_ring_peek_batch(p.consumer, 0, got, 3), 3));
		cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 3), GYRE_OK));
		cr_assert(eq(int,
			gyre_ring_receive_batch(p.consumer, buffer, sizeof buffer, 0, got, 8), 3));
		cr_assert(eq(int,
			gyre_ring_receive_batch(p.consumer, buffer, sizeof buffer, 0, got, 8),
			GYRE_ECLOSED));
		cr_assert(eq(
			int, gyre_ring_peek_batch(p.consumer, GYRE_FOREVER, got, 8), GYRE_ECLOSED));
		pair_close(&p);
	}
}

Test(spsc_batch, a_departure_is_told_after_the_batch_that_emptied_the_ring)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (int in_place = 0; in_place < 2; in_place++) {
			struct pair p = pair_of(v, CAPACITY, SLOT);
			struct gyre_message got[8];
			char buffer[8 * SLOT];

			for (uint64_t number = 0; number < 3; number++)
				cr_assert(eq(int, send_number(p.producer, number, 30, 0), GYRE_OK));
			gyre_ring_detach(p.producer);
			p.producer = NULL;
			if (in_place != 0) {
				cr_assert(eq(int, gyre_ring_peek_batch(p.consumer, 0, got, 8), 3));
				cr_assert(eq(int, gyre_ring_release_batch(p.consumer, 3), 0));
			} else {
				cr_assert(eq(int,
					gyre_ring_receive_batch(
						p.consumer, buffer, sizeof buffer, 0, got, 8),
					3));
			}
			cr_assert(eq(u64, look(p.key).consumer.counters.stalls, 0));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ELEFT));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
			pair_close(&p);
		}
	}
}
