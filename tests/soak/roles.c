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

/* Of those about to be sent the first `sent` were. */
static void acknowledge(struct soak_account *a, unsigned self, uint64_t first, unsigned sent)
{
	for (unsigned i = 0; i < sent; i++)
		soak_mark(a, self, SOAK_ACKNOWLEDGED, first + i);
	atomic_fetch_add(&a->acknowledged, sent);
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
		messages[i].tag = soak_tag(self, first + i);
		messages[i].bytes = soak_fill(payload[i], messages[i].tag, o->message_bytes_max);
	}
	a->producing[self].sending = count;
	sent = gyre_ring_send_batch(ring, messages, count, timeout_of(o, random));
	if (sent > 0)
		acknowledge(a, self, first, (unsigned)sent);
	a->producing[self].sending = 0;
	return sent > 0 ? GYRE_OK : sent;
}

static int commit_one(const struct soak_options *o, struct gyre_ring *ring, uint32_t tag,
	int64_t timeout_ns, bool discard)
{
	void *room;
	const int outcome = gyre_ring_reserve(ring, o->message_bytes_max, timeout_ns, &room);

	if (outcome != GYRE_OK)
		return outcome;
	if (discard)
		return gyre_ring_discard(ring) == GYRE_OK ? GYRE_EAGAIN : GYRE_ESTATE;
	return gyre_ring_commit(ring, soak_fill(room, tag, o->message_bytes_max), tag);
}

static int send_one(struct soak_account *a, const struct soak_options *o, struct gyre_ring *ring,
	unsigned self, uint64_t *random)
{
	uint8_t payload[SOAK_MESSAGE_MAX];
	const uint64_t number = draw(a, self, 1);
	const uint32_t tag = soak_tag(self, number);
	const int64_t timeout_ns = timeout_of(o, random);
	int outcome;

	a->producing[self].sending = 1;
	if (soak_random(random) % 2 == 0)
		outcome = gyre_ring_send(ring, payload,
			soak_fill(payload, tag, o->message_bytes_max), tag, timeout_ns);
	else
		outcome = commit_one(o, ring, tag, timeout_ns, soak_random(random) % 16 == 0);
	if (outcome == GYRE_OK)
		acknowledge(a, self, number, 1);
	a->producing[self].sending = 0;
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
static void check_order(struct soak_account *a, uint64_t last[SOAK_PRODUCERS_MAX], uint32_t tag)
{
	const unsigned producer = soak_producer(tag);

	if (soak_number(tag) + 1 <= last[producer])
		soak_fault(a, "order: producer %u number %" PRIu64 " after %" PRIu64, producer,
			soak_number(tag), last[producer] - 1);
	last[producer] = soak_number(tag) + 1;
}

/* Of spsc, what was not released comes to the successor as it is. */
static bool may_come_twice(const struct soak_options *o, const struct gyre_message *m)
{
	return o->ring.kind != GYRE_RING_MPMC || (m->flags & GYRE_MESSAGE_AGAIN) != 0;
}

static void account_for(struct soak_account *a, const struct soak_options *o,
	uint64_t last[SOAK_PRODUCERS_MAX], const struct gyre_message *m)
{
	const unsigned producer = soak_producer(m->tag);
	const uint64_t number = soak_number(m->tag);

	if (producer >= o->producers || number >= a->next_number[producer] ||
		!soak_check(m, o->message_bytes_max)) {
		soak_fault(a, "corrupt message of %zu bytes, tag %" PRIx32 " at %" PRIu64, m->bytes,
			m->tag, m->position);
		return;
	}
	if (soak_is_marked(a, producer, SOAK_RELEASED, number))
		soak_fault(a, "released and delivered again: producer %u number %" PRIu64, producer,
			number);
	if (soak_mark(a, producer, SOAK_DELIVERED, number)) {
		atomic_fetch_add(&a->again, 1);
		if (!may_come_twice(o, m))
			soak_fault(a, "delivered twice, unmarked: producer %u number %" PRIu64,
				producer, number);
	}
	atomic_fetch_add(&a->delivered, 1);
	if (m->flags == 0)
		check_order(a, last, m->tag);
	else
		atomic_fetch_add(&a->marked_again, 1);
}

static void mark_released(struct soak_account *a, uint32_t tag)
{
	soak_mark(a, soak_producer(tag), SOAK_RELEASED, soak_number(tag));
	atomic_fetch_add(&a->released, 1);
}

/* In any order, where the ring allows that. */
static void shuffle(
	const struct soak_options *o, struct gyre_message *held, int count, uint64_t *random)
{
	for (int i = count - 1; i > 0 && o->ring.kind == GYRE_RING_MPMC; i--) {
		const int k = (int)(soak_random(random) % (uint64_t)(i + 1));
		const struct gyre_message other = held[k];

		held[k] = held[i];
		held[i] = other;
	}
}

static int consume_in_place(struct soak_account *a, const struct soak_options *o,
	struct gyre_ring *ring, uint64_t last[SOAK_PRODUCERS_MAX], unsigned self, uint64_t *random)
{
	struct gyre_message held[SOAK_BATCH_MAX];
	const unsigned wanted = 1 + (unsigned)(soak_random(random) % SOAK_BATCH_MAX);
	const int found = gyre_ring_peek_batch(ring, timeout_of(o, random), held, wanted);

	for (int i = 0; i < found; i++) {
		account_for(a, o, last, &held[i]);
		if (a->faulty != 0)
			return GYRE_ECORRUPT;
	}
	shuffle(o, held, found, random);
	for (int i = 0; i < found; i++) {
		int outcome;

		a->consuming[self].releasing = 1;
		outcome = gyre_ring_release(ring, &held[i]);
		if (outcome != GYRE_OK)
			return outcome;
		mark_released(a, held[i].tag);
		a->consuming[self].releasing = 0;
	}
	return found > 0 ? GYRE_OK : found;
}

static int consume_copies(struct soak_account *a, const struct soak_options *o,
	struct gyre_ring *ring, uint64_t last[SOAK_PRODUCERS_MAX], unsigned self, uint64_t *random)
{
	static uint8_t buffer[SOAK_BATCH_MAX * SOAK_MESSAGE_MAX];
	struct gyre_message messages[SOAK_BATCH_MAX];
	const unsigned wanted = 1 + (unsigned)(soak_random(random) % SOAK_BATCH_MAX);
	int found;

	a->consuming[self].releasing = wanted;
	found = gyre_ring_receive_batch(
		ring, buffer, sizeof buffer, timeout_of(o, random), messages, wanted);
	for (int i = 0; i < found && a->faulty == 0; i++) {
		account_for(a, o, last, &messages[i]);
		mark_released(a, messages[i].tag);
	}
	a->consuming[self].releasing = 0;
	return found > 0 ? GYRE_OK : found;
}

static int consume_copy(struct soak_account *a, const struct soak_options *o,
	struct gyre_ring *ring, uint64_t last[SOAK_PRODUCERS_MAX], unsigned self, uint64_t *random)
{
	uint8_t buffer[SOAK_MESSAGE_MAX];
	struct gyre_message m;
	int64_t bytes;

	a->consuming[self].releasing = 1;
	bytes = gyre_ring_receive(ring, buffer, sizeof buffer, timeout_of(o, random), &m);
	if (bytes >= 0) {
		account_for(a, o, last, &m);
		mark_released(a, m.tag);
	}
	a->consuming[self].releasing = 0;
	return bytes < 0 ? (int)bytes : GYRE_OK;
}

static int consume(struct soak_account *a, const struct soak_options *o, struct gyre_ring *ring,
	uint64_t last[SOAK_PRODUCERS_MAX], unsigned self, uint64_t *random)
{
	switch (soak_random(random) % 8) {
	case 0:
		return consume_copy(a, o, ring, last, self, random);
	case 1:
		return consume_copies(a, o, ring, last, self, random);
	default:
		return consume_in_place(a, o, ring, last, self, random);
	}
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
		outcome = consume(a, o, ring, last, self, &random);
		if (outcome != GYRE_OK && outcome != GYRE_ECLOSED && !is_passing(outcome))
			soak_fault(a, "consumer: %s", gyre_errname(outcome));
	}
	gyre_ring_detach(ring);
	return a->faulty != 0 ? EXIT_FAULT : 0;
}
