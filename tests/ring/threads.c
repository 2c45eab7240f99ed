/*
 * Both ends of a ring as two threads on one mapping: what ThreadSanitizer can see (it is blind
 * across processes and across two mappings of the same memory). Plain TAP, since Criterion does not
 * start under it.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "gyre_ring.h"

enum {
	MESSAGES = 60000,
	BYTES_MAX = 200,
	BATCH_MAX = 6,
	TIMEOUT_NS = 2000000000,
};

struct variant {
	const char *name;
	struct gyre_ring_options options;
};

static const struct variant variants[] = {
	{"records, membarrier", {.capacity_bytes = 4096, .wake = GYRE_WAKE_MEMBARRIER}},
	{"records, fence", {.capacity_bytes = 4096, .wake = GYRE_WAKE_FENCE}},
	{"records, sleeping at once",
		{.capacity_bytes = 4096, .wake = GYRE_WAKE_FENCE, .flags = GYRE_RING_NO_SPIN}},
	{"slots, membarrier",
		{.capacity_bytes = 8192, .slot_bytes = BYTES_MAX, .wake = GYRE_WAKE_MEMBARRIER}},
	{"slots, fence",
		{.capacity_bytes = 8192, .slot_bytes = BYTES_MAX, .wake = GYRE_WAKE_FENCE}},
};

struct run {
	const struct variant *variant;
	char key[64];
	char failure[128];
};

static size_t bytes_of(uint64_t number)
{
	return sizeof number + (size_t)(number * 0x9e3779b97f4a7c15u >> 32) % (BYTES_MAX - 8);
}

static void fill(uint8_t *to, uint64_t number)
{
	memset(to, (int)(number & 0xff), bytes_of(number));
	memcpy(to, &number, sizeof number);
}

static bool check(const struct gyre_message *m, uint64_t number)
{
	const uint8_t *payload = m->data;
	uint64_t found;

	if (m->bytes != bytes_of(number) || m->tag != (uint32_t)number)
		return false;
	memcpy(&found, payload, sizeof found);
	for (size_t i = sizeof found; i < m->bytes; i++)
		if (payload[i] != (uint8_t)number)
			return false;
	return found == number;
}

static int send_some(struct gyre_ring *ring, uint64_t number)
{
	uint8_t payload[BATCH_MAX][BYTES_MAX];
	struct gyre_message messages[BATCH_MAX] = {0};
	void *room;
	int outcome;

	switch (number % 3) {
	case 0:
		fill(payload[0], number);
		outcome = gyre_ring_send(
			ring, payload[0], bytes_of(number), (uint32_t)number, TIMEOUT_NS);
		return outcome == GYRE_OK ? 1 : outcome;
	case 1:
		outcome = gyre_ring_reserve(ring, BYTES_MAX, TIMEOUT_NS, &room);
		if (outcome != GYRE_OK)
			return outcome;
		fill(room, number);
		outcome = gyre_ring_commit(ring, bytes_of(number), (uint32_t)number);
		return outcome == GYRE_OK ? 1 : outcome;
	default:
		for (unsigned i = 0; i < BATCH_MAX; i++) {
			fill(payload[i], number + i);
			messages[i].data = payload[i];
			messages[i].bytes = bytes_of(number + i);
			messages[i].tag = (uint32_t)(number + i);
		}
		return gyre_ring_send_batch(ring, messages, BATCH_MAX, TIMEOUT_NS);
	}
}

static void *produce(void *argument)
{
	struct run *run = argument;
	struct gyre_error error = {0};
	struct gyre_ring *ring;
	uint64_t number = 0;
	int sent = gyre_ring_attach(run->key, GYRE_PRODUCER, &run->variant->options, &ring, &error);

	if (sent != GYRE_OK)
		return NULL; /* the consumer times out and says so */
	while (number < MESSAGES && (sent = send_some(ring, number)) > 0)
		number += (uint64_t)sent;
	if (sent > 0)
		gyre_ring_close(ring);
	gyre_ring_detach(ring);
	return NULL;
}

static int receive_some(struct gyre_ring *ring, uint64_t *number)
{
	uint8_t buffer[BATCH_MAX * 256];
	struct gyre_message messages[BATCH_MAX];
	const bool in_place = *number % 2 == 0;
	int found;

	if (*number % 3 == 0) {
		const int64_t bytes =
			gyre_ring_receive(ring, buffer, sizeof buffer, TIMEOUT_NS, messages);

		if (bytes < 0)
			return (int)bytes;
		return check(messages, (*number)++) ? 1 : GYRE_ECORRUPT;
	}
	found = in_place ? gyre_ring_peek_batch(ring, TIMEOUT_NS, messages, BATCH_MAX)
			 : gyre_ring_receive_batch(
				   ring, buffer, sizeof buffer, TIMEOUT_NS, messages, BATCH_MAX);
	for (int i = 0; i < found; i++)
		if (!check(&messages[i], (*number)++))
			return GYRE_ECORRUPT;
	if (in_place && found > 0)
		gyre_ring_release_batch(ring, (unsigned)found);
	return found;
}

static bool run_variant(struct run *run)
{
	struct gyre_error error = {0};
	struct gyre_ring *ring;
	pthread_t producer;
	uint64_t number = 0;
	int found;

	if (gyre_ring_open(run->key, GYRE_CONSUMER, &run->variant->options, &ring, &error) < 0) {
		snprintf(run->failure, sizeof run->failure, "%.120s", error.what);
		return false;
	}
	pthread_create(&producer, NULL, produce, run);
	do
		found = receive_some(ring, &number);
	while (found > 0);
	pthread_join(producer, NULL);
	snprintf(run->failure, sizeof run->failure, "%s after %" PRIu64 " messages",
		gyre_errname(found), number);
	gyre_ring_detach(ring);
	gyre_ring_unlink(run->key, NULL);
	return found == GYRE_ECLOSED && number >= MESSAGES;
}

int main(void)
{
	const unsigned count = sizeof variants / sizeof *variants;
	int failed = 0;

	alarm(100);
	printf("1..%u\n", count);
	for (unsigned i = 0; i < count; i++) {
		struct run run = {.variant = &variants[i]};
		bool good;

		snprintf(run.key, sizeof run.key, "gyretest-%d-threads-%u", (int)getpid(), i);
		good = run_variant(&run);
		printf("%s %u - two threads move messages: %s\n", good ? "ok" : "not ok", i + 1,
			run.variant->name);
		if (!good)
			printf("# %s\n", run.failure);
		failed += !good;
	}
	return failed == 0 ? 0 : 1;
}
