/* What a producer and a consumer of the soak do until they are killed. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "soak.h"

enum {
	TIMEOUT_NS = 20000000,
	ATTACH_TRIES = 20000, /* of 100 us: the kernel frees a dead one's lock in about 0.2 ms */
	EXIT_FAULT = 3,
};

/* The predecessor may still be dying. */
static int attach(struct soak_account *a, const struct soak_options *o, enum gyre_role role,
	struct gyre_ring **ret_ring)
{
	struct gyre_error error = {0};
	int outcome = GYRE_EBUSY;

	for (int i = 0; i < ATTACH_TRIES && a->faulty == 0; i++) {
		outcome = gyre_ring_attach(o->key, role, &o->ring, ret_ring, &error);
		if (outcome != GYRE_EBUSY && outcome != GYRE_ENORES && outcome != GYRE_ESUSPECT)
			break;
		usleep(100);
	}
	if (outcome != GYRE_OK)
		soak_fault(a, "attach: %s: %s", gyre_errname(outcome), error.what);
	return outcome;
}

static int64_t timeout_of(const struct soak_options *o, uint64_t *random)
{
	return o->blocking || soak_random(random) % 4 != 0 ? TIMEOUT_NS : 0;
}

static bool is_passing(int outcome)
{
	return outcome == GYRE_EAGAIN || outcome == GYRE_ETIMEDOUT || outcome == GYRE_ELEFT ||
	       outcome == GYRE_EDIED;
}

/* Draw the next numbers: from here on they are this process's, sent or not. */
static uint64_t draw(struct soak_account *a, unsigned self, unsigned count)
{
	return atomic_fetch_add(&a->next_number[self], count);
}

static void acknowledge(struct soak_account *a, unsigned self, uint64_t first, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		soak_mark(a, self, SOAK_ACKNOWLEDGED, first + i);
	atomic_fetch_add(&a->acknowledged, count);
}

static int send_batch(struct soak_account *a, const struct soak_options *o, struct gyre_ring *ring,
	unsigned self, uint64_t *random)
{
	static uint8_t payload[SOAK_BATCH_MAX][SOAK_MESSAGE_MAX];
	struct gyre_message messages[SOAK_BATCH_MAX] = {0};
	const unsigned count = 1 + (unsigned)(soak_random(random) % SOAK_BATCH_MAX);
	const uint64_t first = draw(a, self, count);
	int sent;

	for (unsigned i = 0; i < count; i++) {
		messages[i].data = payload[i];
		messages[i].bytes = soak_fill(payload[i], self, first + i, o->message_bytes_max);
		messages[i].tag = self;
	}
	sent = gyre_ring_send_batch(ring, messages, count, timeout_of(o, random));
	if (sent > 0)
		acknowledge(a, self, first, (unsigned)sent);
	return sent > 0 ? GYRE_OK : sent;
}

static int send_one(struct soak_account *a, const struct soak_options *o, struct gyre_ring *ring,
	unsigned self, uint64_t *random)
{
	uint8_t payload[SOAK_MESSAGE_MAX];
	const uint64_t number = draw(a, self, 1);
	const size_t bytes = soak_fill(payload, self, number, o->message_bytes_max);
	int outcome;

	if (soak_random(random) % 2 == 0) {
		outcome = gyre_ring_send(ring, payload, bytes, self, timeout_of(o, random));
	} else {
		void *room;

		outcome =
			gyre_ring_reserve(ring, o->message_bytes_max, timeout_of(o, random), &room);
		if (outcome == GYRE_OK && soak_random(random) % 16 == 0)
			return gyre_ring_discard(ring);
		if (outcome == GYRE_OK) {
			memcpy(room, payload, bytes);
			outcome = gyre_ring_commit(ring, bytes, self);
		}
	}
	if (outcome == GYRE_OK)
		acknowledge(a, self, number, 1);
	return outcome;
}

int soak_produce(struct soak_account *a, const struct soak_options *o, unsigned self, uint64_t seed)
{
	uint64_t random = seed;
	struct gyre_ring *ring;

	if (attach(a, o, GYRE_PRODUCER, &ring) != GYRE_OK)
		return EXIT_FAULT;
	while (a->stopping == 0 && a->faulty == 0 &&
		a->next_number[self] + SOAK_BATCH_MAX < a->numbers) {
		const int outcome = soak_random(&random) % 4 == 0
					    ? send_batch(a, o, ring, self, &random)
					    : send_one(a, o, ring, self, &random);

		if (outcome != GYRE_OK && !is_passing(outcome))
			soak_fault(a, "producer: %s", gyre_errname(outcome));
	}
	gyre_ring_detach(ring);
	return a->faulty != 0 ? EXIT_FAULT : 0;
}

/* The last number seen of each producer by this consumer: claim order is kept. */
static void check_order(
	struct soak_account *a, uint64_t last[SOAK_PRODUCERS_MAX], const struct soak_content *c)
{
	if (c->number + 1 <= last[c->producer])
		soak_fault(a, "order: producer %" PRIu32 " number %" PRIu64 " after %" PRIu64,
			c->producer, c->number, last[c->producer] - 1);
	last[c->producer] = c->number + 1;
}

static void account_for(struct soak_account *a, const struct soak_options *o,
	uint64_t last[SOAK_PRODUCERS_MAX], const struct gyre_message *m)
{
	struct soak_content c;

	if (!soak_check(m->data, m->bytes, &c) || c.producer >= o->producers ||
		c.number >= a->next_number[c.producer] || m->tag != c.producer) {
		soak_fault(a, "corrupt message of %zu bytes, tag %" PRIu32 " at %" PRIu64, m->bytes,
			m->tag, m->position);
		return;
	}
	if (soak_is_marked(a, c.producer, SOAK_RELEASED, c.number))
		soak_fault(a, "released and delivered again: producer %" PRIu32 " number %" PRIu64,
			c.producer, c.number);
	if (soak_mark(a, c.producer, SOAK_DELIVERED, c.number))
		atomic_fetch_add(&a->again, 1);
	atomic_fetch_add(&a->delivered, 1);
	if (m->flags == 0)
		check_order(a, last, &c);
	else
		atomic_fetch_add(&a->marked_again, 1);
}

static void mark_released(struct soak_account *a, const uint8_t *message)
{
	struct soak_content c;

	memcpy(&c, message, sizeof c);
	soak_mark(a, c.producer, SOAK_RELEASED, c.number);
	atomic_fetch_add(&a->released, 1);
}

static int consume_in_place(struct soak_account *a, const struct soak_options *o,
	struct gyre_ring *ring, uint64_t last[SOAK_PRODUCERS_MAX], uint64_t *random)
{
	uint8_t heads[SOAK_BATCH_MAX][sizeof(struct soak_content)];
	struct gyre_message held[SOAK_BATCH_MAX];
	const unsigned wanted = 1 + (unsigned)(soak_random(random) % SOAK_BATCH_MAX);
	const int found = gyre_ring_peek_batch(ring, timeout_of(o, random), held, wanted);

	for (int i = 0; i < found; i++) {
		account_for(a, o, last, &held[i]);
		if (a->faulty != 0)
			return GYRE_ECORRUPT;
		memcpy(heads[i], held[i].data, sizeof heads[i]);
	}
	for (int i = 0; i < found; i++) {
		const int outcome = gyre_ring_release(ring, &held[i]);

		if (outcome != GYRE_OK)
			return outcome;
		mark_released(a, heads[i]);
	}
	return found > 0 ? GYRE_OK : found;
}

static int consume_copy(struct soak_account *a, const struct soak_options *o,
	struct gyre_ring *ring, uint64_t last[SOAK_PRODUCERS_MAX], unsigned self, uint64_t *random)
{
	uint8_t buffer[SOAK_MESSAGE_MAX];
	struct gyre_message m;
	int64_t bytes;

	a->copying[self] = 1;
	bytes = gyre_ring_receive(ring, buffer, sizeof buffer, timeout_of(o, random), &m);
	if (bytes >= 0)
		account_for(a, o, last, &m);
	if (bytes >= 0 && a->faulty == 0)
		mark_released(a, buffer);
	a->copying[self] = 0;
	return bytes < 0 ? (int)bytes : GYRE_OK;
}

int soak_consume(struct soak_account *a, const struct soak_options *o, unsigned self, uint64_t seed)
{
	uint64_t last[SOAK_PRODUCERS_MAX] = {0};
	uint64_t random = seed;
	struct gyre_ring *ring;
	int outcome = GYRE_OK;

	if (attach(a, o, GYRE_CONSUMER, &ring) != GYRE_OK)
		return EXIT_FAULT;
	while (outcome != GYRE_ECLOSED && a->faulty == 0) {
		outcome = soak_random(&random) % 4 == 0
				  ? consume_copy(a, o, ring, last, self, &random)
				  : consume_in_place(a, o, ring, last, &random);
		if (outcome != GYRE_OK && outcome != GYRE_ECLOSED && !is_passing(outcome))
			soak_fault(a, "consumer: %s", gyre_errname(outcome));
	}
	gyre_ring_detach(ring);
	return a->faulty != 0 ? EXIT_FAULT : 0;
}
