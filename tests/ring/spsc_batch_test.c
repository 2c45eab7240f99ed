/* Batches: one publication, one release, whatever their size. */
#include <string.h>
#include "rings.h"

TestSuite(spsc_batch, .timeout = 60, .init = rings_open, .fini = rings_close);

enum {
	CAPACITY = 4096,
	SLOT = 64,
	BATCH_MAX = 1024,
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
			cr_assert(outcome >= 1 && outcome <= (int)count, "%d of %u", outcome,
				count);
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

static const char *send_batches(void *key)
{
	struct gyre_ring *ring = NULL;
	uint64_t number = 0;

	if (gyre_ring_attach(key, GYRE_PRODUCER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	for (uint64_t i = 0; i < 20000; i++) {
		unsigned count = 1 + (unsigned)(i % 20);
		int outcome;

		prepare(number, count);
		outcome = gyre_ring_send_batch(ring, batch, count, GYRE_FOREVER);
		if (outcome < 1)
			return complain("batch %u: %s", (unsigned)i, gyre_errname(outcome));
		/* A second, empty message says how many there were. */
		if (gyre_ring_send(ring, NULL, 0, (uint32_t)outcome, GYRE_FOREVER) != GYRE_OK)
			return "the end of a batch was refused";
		number += (uint64_t)outcome;
	}
	gyre_ring_detach(ring);
	return NULL;
}

Test(spsc_batch, all_of_a_batch_is_visible_at_once)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		uint64_t number = 0;
		struct child child;

		gyre_ring_detach(p.producer);
		p.producer = NULL;
		child = start_child(send_batches, p.key);
		for (uint64_t i = 0; i < 20000; i++) {
			struct gyre_message message;
			uint32_t at_once = 1;

			cr_assert(ge(i64, receive_number(p.consumer, number++, GYRE_FOREVER), 0));
			/* Whatever is not there now comes after the end of the batch. */
			while (gyre_ring_peek(p.consumer, 0, &message) == GYRE_OK) {
				const bool is_end =
					message.bytes == 0 && message.tag <= 20 && number > 40;

				if (is_end && message.tag == at_once)
					break;
				cr_assert(eq(u32, message.tag, (uint32_t)number));
				cr_assert(is_message_of(message.data, message.bytes, number++));
				cr_assert(eq(int, gyre_ring_release(p.consumer, &message), GYRE_OK));
				at_once++;
				message.bytes = 1;
			}
			if (gyre_ring_release_batch(p.consumer, 1) == GYRE_OK)
				continue;
			cr_assert(eq(int, gyre_ring_peek(p.consumer, GYRE_FOREVER, &message), 0));
			cr_assert(eq(sz, message.bytes, 0));
			cr_assert(eq(u32, message.tag, at_once), "batch %u: %u came at once",
				(unsigned)i, at_once);
			cr_assert(eq(int, gyre_ring_release(p.consumer, &message), GYRE_OK));
		}
		expect_well(end_child(&child));
		pair_close(&p);
	}
}
