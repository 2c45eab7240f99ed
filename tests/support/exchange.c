#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "exchange.h"
#include "messages.h"

enum {
	BATCH = 8,
	WRONG = -1000, /* beside the ring's outcomes */
};

static size_t size_of(uint64_t number)
{
	uint64_t state = number;
	const uint64_t random = next_random(&state);

	return random % 4 == 0 ? (random >> 8) % (EXCHANGE_BYTES_MAX + 1) : (random >> 8) % 20;
}

/* One thread's side. */
struct side {
	pthread_t thread;
	struct gyre_ring *ring;
	int64_t timeout_ns;
	uint64_t number;
	uint64_t state;
	int64_t outcome; /* the last one */
	unsigned char buffer[BATCH][EXCHANGE_BYTES_MAX];
};

static int64_t send_next(struct side *s)
{
	struct gyre_message batch[BATCH];
	void *data;

	switch (next_random(&s->state) % 3) {
	case 0:
		if (gyre_ring_reserve(s->ring, EXCHANGE_BYTES_MAX, s->timeout_ns, &data) != GYRE_OK)
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
			EXCHANGE_MESSAGES - s->number < BATCH
				? (unsigned)(EXCHANGE_MESSAGES - s->number)
				: BATCH,
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

	while (s->number < EXCHANGE_MESSAGES) {
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
			       : WRONG;
	}
	found = gyre_ring_peek_batch(s->ring, s->timeout_ns, got, BATCH);
	for (int i = 0; i < found; i++) {
		const uint64_t number = s->number + (uint64_t)i;

		if (got[i].bytes != size_of(number) || got[i].tag != (uint32_t)number ||
			!is_message_of(got[i].data, got[i].bytes, number))
			return WRONG;
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

const char *exchange(struct gyre_ring *producer, int64_t producer_timeout_ns,
	struct gyre_ring *consumer, int64_t consumer_timeout_ns)
{
	static struct side sides[2];
	static char complaint[200];

	memset(sides, 0, sizeof sides);
	sides[0].ring = producer;
	sides[0].timeout_ns = producer_timeout_ns;
	sides[1].ring = consumer;
	sides[1].timeout_ns = consumer_timeout_ns;
	if (pthread_create(&sides[0].thread, NULL, produce, &sides[0]) != 0)
		return "a thread could not be started";
	consume(&sides[1]);
	if (sides[1].outcome != GYRE_ECLOSED) /* the other one may wait for ever */
		pthread_cancel(sides[0].thread);
	pthread_join(sides[0].thread, NULL);
	if (sides[0].outcome == GYRE_OK && sides[0].number == EXCHANGE_MESSAGES &&
		sides[1].outcome == GYRE_ECLOSED && sides[1].number == EXCHANGE_MESSAGES)
		return NULL;
	snprintf(complaint, sizeof complaint,
		"%llu messages sent, the last one: %s; %llu taken, the last one: %s",
		(unsigned long long)sides[0].number, gyre_errname((int)sides[0].outcome),
		(unsigned long long)sides[1].number, gyre_errname((int)sides[1].outcome));
	return complaint;
}
