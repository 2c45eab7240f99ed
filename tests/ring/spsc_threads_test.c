/*
 * Two threads, each with a handle of its own: the two sides really at the same time, and where
 * ThreadSanitizer sees both.
 */
#include <pthread.h>
#include <string.h>
#include "rings.h"

TestSuite(spsc_threads, .timeout = 120, .init = rings_open, .fini = rings_close);

enum {
	CAPACITY = 4096,
	SLOT = 256,
	MESSAGES = 30000,
	BATCH = 8,
};

static size_t size_of(uint64_t number)
{
	uint64_t state = number;
	const uint64_t random = next_random(&state);

	return random % 4 == 0 ? (random >> 8) % (SLOT + 1) : (random >> 8) % 20;
}

/* One thread's side; neither thread uses the other's buffers, nor asserts. */
struct side {
	pthread_t thread;
	struct gyre_ring *ring;
	int64_t timeout_ns;
	uint64_t number;
	uint64_t state;
	int64_t outcome; /* the last one */
	unsigned char buffer[BATCH][SLOT];
};

static int64_t send_next(struct side *s)
{
	struct gyre_message batch[BATCH];
	void *data;

	switch (next_random(&s->state) % 3) {
	case 0:
		if (gyre_ring_reserve(s->ring, SLOT, s->timeout_ns, &data) != GYRE_OK)
			break;
		fill_message(data, size_of(s->number), s->number);
		if (gyre_ring_commit(s->ring, size_of(s->number), (uint32_t)s->number) != 0)
			return GYRE_ESTATE;
		return 1;
	case 1:
		for (uint64_t i = 0; i < BATCH; i++) {
			const size_t bytes = size_of(s->number + i);

			fill_message(s->buffer[i], bytes, s->number + i);
			batch[i] = (struct gyre_message){.data = s->buffer[i],
				.bytes = bytes,
				.tag = (uint32_t)(s->number + i)};
		}
		return gyre_ring_send_batch(s->ring, batch,
			MESSAGES - s->number < BATCH ? (unsigned)(MESSAGES - s->number) : BATCH,
			s->timeout_ns);
	default:
		break;
	}
	fill_message(s->buffer[0], size_of(s->number), s->number);
	s->outcome = gyre_ring_send(
		s->ring, s->buffer[0], size_of(s->number), (uint32_t)s->number, s->timeout_ns);
	return s->outcome == GYRE_OK ? 1 : s->outcome;
}

static bool is_passing(int64_t outcome)
{
	return outcome == GYRE_EAGAIN || outcome == GYRE_ETIMEDOUT;
}

static void *produce(void *context)
{
	struct side *const s = context;

	while (s->number < MESSAGES) {
		s->outcome = send_next(s);
		if (s->outcome >= 0)
			s->number += (uint64_t)s->outcome;
		else if (!is_passing(s->outcome))
			return NULL;
	}
	s->outcome = gyre_ring_close(s->ring);
	return NULL;
}

static int64_t take_next(struct side *s)
{
	struct gyre_message got[BATCH];
	int found;

	if (next_random(&s->state) % 2 == 0) {
		const int64_t bytes = gyre_ring_receive(
			s->ring, s->buffer, sizeof s->buffer, s->timeout_ns, &got[0]);

		if (bytes < 0)
			return bytes;
		return (size_t)bytes == size_of(s->number) &&
				       is_message_of(s->buffer, size_of(s->number), s->number)
			       ? 1
			       : WRONG_MESSAGE;
	}
	found = gyre_ring_peek_batch(s->ring, s->timeout_ns, got, BATCH);
	for (int i = 0; i < found; i++) {
		const uint64_t number = s->number + (uint64_t)i;

		if (got[i].bytes != size_of(number) || got[i].tag != (uint32_t)number ||
			!is_message_of(got[i].data, got[i].bytes, number))
			return WRONG_MESSAGE;
	}
	if (found > 0 && gyre_ring_release_batch(s->ring, (unsigned)found) != GYRE_OK)
		return GYRE_ESTATE;
	return found;
}

static void *consume(void *context)
{
	struct side *const s = context;

	for (;;) {
		s->outcome = take_next(s);
		if (s->outcome >= 0)
			s->number += (uint64_t)s->outcome;
		else if (!is_passing(s->outcome))
			return NULL;
	}
}

static void exchange(const struct variant *v, int64_t producer_timeout, int64_t consumer_timeout)
{
	static struct side sides[2];
	struct pair p = pair_of(v, CAPACITY, SLOT);

	memset(sides, 0, sizeof sides);
	sides[0] = (struct side){.ring = p.producer, .timeout_ns = producer_timeout};
	sides[1] = (struct side){.ring = p.consumer, .timeout_ns = consumer_timeout};
	cr_assert(eq(int, pthread_create(&sides[0].thread, NULL, produce, &sides[0]), 0));
	cr_assert(eq(int, pthread_create(&sides[1].thread, NULL, consume, &sides[1]), 0));
	for (int i = 0; i < 2; i++)
		cr_assert(eq(int, pthread_join(sides[i].thread, NULL), 0));
	cr_assert(eq(i64, sides[0].outcome, GYRE_OK));
	cr_assert(eq(i64, sides[1].outcome, GYRE_ECLOSED));
	cr_assert(eq(u64, sides[0].number, MESSAGES));
	cr_assert(eq(u64, sides[1].number, MESSAGES));
	pair_close(&p);
}

Test(spsc_threads, two_threads_that_block_exchange_all_messages)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next())
		exchange(v, GYRE_FOREVER, GYRE_FOREVER);
}

Test(spsc_threads, two_threads_that_wait_for_a_moment_exchange_all_messages)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next())
		exchange(v, 20000, 20000);
}

Test(spsc_threads, a_thread_that_blocks_and_one_that_polls_exchange_all_messages)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		exchange(v, 0, GYRE_FOREVER);
		exchange(v, GYRE_FOREVER, 0);
	}
}

/* ---- Threads that come and go ---- */

struct lodger {
	const char *key;
	enum gyre_role role;
	unsigned sat;
	int outcome;
};

static void *come_and_go(void *context)
{
	struct lodger *const lodger = context;

	for (int i = 0; i < 300; i++) {
		struct gyre_ring *ring = NULL;

		lodger->outcome = gyre_ring_attach(lodger->key, lodger->role, NULL, &ring, NULL);
		if (lodger->outcome == GYRE_OK)
			lodger->sat++;
		else if (lodger->outcome != GYRE_EBUSY)
			return NULL;
		if (ring != NULL && lodger->role == GYRE_PRODUCER)
			gyre_ring_send(ring, "x", 1, 0, 0);
		else if (ring != NULL)
			gyre_ring_receive(ring, &(char){0}, 1, 0, NULL);
		gyre_ring_detach(ring);
	}
	lodger->outcome = GYRE_OK;
	return NULL;
}

Test(spsc_threads, handles_are_attached_and_detached_by_many_threads_at_once)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
		pthread_t threads[4];
		struct lodger lodgers[4];
		char key[KEY_BYTES];
		struct seen seen;

		key_of(v, "house", key);
		make_ring(key, &options);
		for (int i = 0; i < 4; i++) {
			lodgers[i] = (struct lodger){
				key, i % 2 == 0 ? GYRE_PRODUCER : GYRE_CONSUMER, 0, 0};
			cr_assert(eq(int,
				pthread_create(&threads[i], NULL, come_and_go, &lodgers[i]), 0));
		}
		for (int i = 0; i < 4; i++)
			cr_assert(eq(int, pthread_join(threads[i], NULL), 0));
		for (int i = 0; i < 4; i++)
			cr_assert(eq(int, lodgers[i].outcome, GYRE_OK));
		seen = look(key);
		cr_assert(eq(u32, seen.info.participants, 0));
		cr_assert(eq(u32, seen.producer.generation, lodgers[0].sat + lodgers[2].sat));
		cr_assert(eq(u32, seen.consumer.generation, lodgers[1].sat + lodgers[3].sat));
		gyre_ring_unlink(key, NULL);
	}
}
