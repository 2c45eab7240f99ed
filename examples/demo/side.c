#include <stdio.h>
#include <xxhash.h>
#include <gyre_inspect.h>
#include "side.h"

uint64_t checksum_of(const void *data, size_t bytes)
{
	return XXH3_64bits(data, bytes);
}

uint64_t checksum_add(uint64_t so_far, uint64_t next)
{
	return XXH3_64bits_withSeed(&next, sizeof next, so_far);
}

static void say_problem(struct tally *tally, const char *what, int code)
{
	snprintf(tally->problem, sizeof tally->problem, "%s: %s", what, gyre_strerror(code));
}

static struct gyre_ring *sit_down(const char *key, enum gyre_role role, struct tally *tally)
{
	struct gyre_error error;
	struct gyre_ring *ring;

	if (gyre_ring_attach(key, role, NULL, &ring, &error) == GYRE_OK)
		return ring;
	snprintf(tally->problem, sizeof tally->problem, "%s", error.what);
	return NULL;
}

static void count(struct tally *tally, size_t bytes, uint64_t checksum)
{
	/* One writer: the conductor only reads, and no order is needed between the counts. */
	const uint64_t so_far = atomic_load_explicit(&tally->messages, memory_order_relaxed);

	atomic_store_explicit(&tally->messages, so_far + 1, memory_order_relaxed);
	tally->bytes += bytes;
	tally->checksum = checksum_add(tally->checksum, checksum);
}

/* ---- Sending ---- */

void *sender_room(struct sender *sender, size_t bytes_max)
{
	void *room;
	const int result =
		gyre_ring_reserve(sender->ring, sender->offset + bytes_max, PATIENCE_NS, &room);

	if (result != GYRE_OK) {
		say_problem(sender->tally, "reserving room", result);
		return NULL;
	}
	sender->message = room;
	return sender->message + sender->offset;
}

bool sender_commit(struct sender *sender, size_t bytes, uint32_t tag)
{
	struct envelope *envelope = (struct envelope *)(void *)sender->message;
	int result;

	envelope->number = sender->tally->messages;
	envelope->checksum = checksum_of(sender->message + sender->offset, bytes);
	count(sender->tally, bytes, envelope->checksum);
	envelope->sent_ns = clock_ns(CLOCK_MONOTONIC);
	result = gyre_ring_commit(sender->ring, sender->offset + bytes, tag);
	if (result != GYRE_OK)
		say_problem(sender->tally, "committing", result);
	return result == GYRE_OK;
}

/* How many messages all producers so far have committed: the ring itself keeps count. */
static bool committed_so_far(const struct gyre_ring *ring, struct tally *tally, uint64_t *ret_count)
{
	struct gyre_participant seats[4];
	struct gyre_ring_info info;
	struct gyre_error error;
	unsigned seats_used = 4;

	if (gyre_ring_inspect(ring, &info, seats, &seats_used, &error) != GYRE_OK) {
		snprintf(tally->problem, sizeof tally->problem, "%s", error.what);
		return false;
	}
	*ret_count = 0;
	for (unsigned i = 0; i < seats_used && i < 4; i++)
		if (seats[i].role == GYRE_PRODUCER)
			*ret_count += seats[i].counters.messages;
	return true;
}

int produce(const char *key, const struct stream *stream, struct tally *tally)
{
	struct sender sender = {.tally = tally, .offset = stream->offset};
	uint64_t first = 0;
	bool good;

	sender.ring = sit_down(key, GYRE_PRODUCER, tally);
	if (sender.ring == NULL || !committed_so_far(sender.ring, tally, &first))
		return 1;
	tally->messages = first;
	tally->begin_ns = clock_ns(CLOCK_MONOTONIC);
	tally->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	good = stream->produce(&sender, stream->source, first);
	tally->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - tally->cpu_ns;
	tally->end_ns = clock_ns(CLOCK_MONOTONIC);
	if (good)
		gyre_ring_close(sender.ring);
	gyre_ring_detach(sender.ring);
	return good ? 0 : 1;
}

/* ---- Receiving ---- */

/* Everything is looked at where it lies. */
static void check(struct tally *tally, const struct gyre_message *message, size_t offset)
{
	const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	const struct envelope *envelope = message->data;
	const unsigned char *carried = (const unsigned char *)message->data + offset;
	uint64_t checksum;

	if (message->bytes < offset) {
		tally->damaged++;
		return;
	}
	checksum = checksum_of(carried, message->bytes - offset);
	latency_add(&tally->latency, now_ns - envelope->sent_ns);
	tally->gaps += envelope->number != tally->messages;
	tally->damaged += envelope->checksum != checksum;
	count(tally, message->bytes - offset, checksum);
}

static int receive(struct gyre_ring *ring, size_t offset, struct tally *tally)
{
	struct gyre_message message;
	int result;

	for (;;) {
		result = gyre_ring_peek(ring, PATIENCE_NS, &message);
		if (result == GYRE_EDIED) {
			tally->deaths++; /* a successor will come */
			continue;
		}
		if (result != GYRE_OK)
			return result;
		check(tally, &message, offset);
		result = gyre_ring_release(ring, &message);
		if (result != GYRE_OK)
			return result;
	}
}

int consume(const char *key, const struct stream *stream, struct tally *tally)
{
	struct gyre_ring *ring = sit_down(key, GYRE_CONSUMER, tally);
	int result;

	if (ring == NULL)
		return 1;
	tally->begin_ns = clock_ns(CLOCK_MONOTONIC);
	tally->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	result = receive(ring, stream->offset, tally);
	tally->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - tally->cpu_ns;
	tally->end_ns = clock_ns(CLOCK_MONOTONIC);
	gyre_ring_detach(ring);
	if (result == GYRE_ECLOSED)
		return 0;
	say_problem(tally, "receiving", result);
	return 1;
}
