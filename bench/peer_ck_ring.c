/*
 * ConcurrencyKit's ck_ring with one producer and one consumer, laid into shared memory.
 *
 * Its typed interface, as it is meant to be used: the type's size is the message's, so entries
 * are copied by the ring, inline, with a size the compiler knows. Its size is a power of two of
 * entries, of which one stays free. It has no batches.
 */
#include <ck_ring.h>
#include <stdlib.h>

#include "peer.h"
#include "shared.h"

struct entry8 {
	unsigned char message[8];
};
struct entry64 {
	unsigned char message[64];
};
struct entry1k {
	unsigned char message[1024];
};
struct entry64k {
	unsigned char message[65536];
};
struct entry1m {
	unsigned char message[1048576];
};
struct entry6m {
	unsigned char message[6291456];
};

CK_RING_PROTOTYPE(entry8, entry8)
CK_RING_PROTOTYPE(entry64, entry64)
CK_RING_PROTOTYPE(entry1k, entry1k)
CK_RING_PROTOTYPE(entry64k, entry64k)
CK_RING_PROTOTYPE(entry1m, entry1m)
CK_RING_PROTOTYPE(entry6m, entry6m)

enum { ENTRIES_AT = 4096 };

struct channel {
	struct ck_ring *ring;
	size_t shared_bytes;
};

struct port {
	struct ck_ring *ring;
	void *entries;
};

enum { UNKNOWN_SIZE = -1, NO_MEMORY = -2 };

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	struct ck_ring *const ring = port->ring;
	void *const from = (void *)message; /* only read: ck_ring has no const */

	switch (bytes) {
	case sizeof(struct entry8):
		return ck_ring_enqueue_spsc_entry8(ring, port->entries, from);
	case sizeof(struct entry64):
		return ck_ring_enqueue_spsc_entry64(ring, port->entries, from);
	case sizeof(struct entry1k):
		return ck_ring_enqueue_spsc_entry1k(ring, port->entries, from);
	case sizeof(struct entry64k):
		return ck_ring_enqueue_spsc_entry64k(ring, port->entries, from);
	case sizeof(struct entry1m):
		return ck_ring_enqueue_spsc_entry1m(ring, port->entries, from);
	case sizeof(struct entry6m):
		return ck_ring_enqueue_spsc_entry6m(ring, port->entries, from);
	default:
		return UNKNOWN_SIZE;
	}
}

static inline int port_take(struct port *port, void *buffer, size_t bytes)
{
	struct ck_ring *const ring = port->ring;

	switch (bytes) {
	case sizeof(struct entry8):
		return ck_ring_dequeue_spsc_entry8(ring, port->entries, buffer);
	case sizeof(struct entry64):
		return ck_ring_dequeue_spsc_entry64(ring, port->entries, buffer);
	case sizeof(struct entry1k):
		return ck_ring_dequeue_spsc_entry1k(ring, port->entries, buffer);
	case sizeof(struct entry64k):
		return ck_ring_dequeue_spsc_entry64k(ring, port->entries, buffer);
	case sizeof(struct entry1m):
		return ck_ring_dequeue_spsc_entry1m(ring, port->entries, buffer);
	case sizeof(struct entry6m):
		return ck_ring_dequeue_spsc_entry6m(ring, port->entries, buffer);
	default:
		return UNKNOWN_SIZE;
	}
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	const int rc = port_take(port, buffer, bytes);

	return rc > 0 ? (int64_t)bytes : rc;
}

static const char *port_describe(int code)
{
	return code == UNKNOWN_SIZE ? "no entry type of this size" : "no memory";
}

#include "loops.h"

static void destroy_ring(struct channel *channel)
{
	if (channel == NULL)
		return;
	shared_free(channel->ring, channel->shared_bytes);
	free(channel);
}

static int create_ring(const struct channel_plan *plan, struct channel **ret_channel)
{
	struct channel *const channel = calloc(1, sizeof(*channel));
	unsigned entries = 4;

	if (channel == NULL)
		return NO_MEMORY;
	while (entries * plan->bytes < plan->capacity_bytes)
		entries *= 2;
	channel->shared_bytes = ENTRIES_AT + entries * plan->bytes;
	channel->ring = shared_alloc(channel->shared_bytes);
	if (channel->ring == NULL) {
		destroy_ring(channel);
		return NO_MEMORY;
	}
	ck_ring_init(channel->ring, entries);
	*ret_channel = channel;
	return 0;
}

static struct port *open_ring(struct channel *channel, enum peer_side side)
{
	struct port *const port = malloc(sizeof(*port));

	(void)side;
	if (port == NULL)
		return NULL;
	shared_touch(channel->ring, channel->shared_bytes);
	port->ring = channel->ring;
	port->entries = (unsigned char *)channel->ring + ENTRIES_AT;
	return port;
}

static void close_port(struct port *port)
{
	free(port);
}

const struct peer peer_ck_ring = {
	.name = "ck_ring",
	.caps = PEER_POLLS,
	.bytes_max = sizeof(struct entry6m),
	.create = create_ring,
	.destroy = destroy_ring,
	.open = open_ring,
	.close = close_port,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.trip = {trip_ping, trip_pong},
};
