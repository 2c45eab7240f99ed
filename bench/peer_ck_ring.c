/*
 * ConcurrencyKit's ck_ring with one producer and one consumer, laid into shared memory.
 *
 * Its typed interface, as it is meant to be used: the type's size is the message's, so entries
 * are copied by the ring, inline, with a size the compiler knows. Its size is a power of two of
 * entries, of which one stays free. It has no batches.
 */
#include <ck_ring.h>

#include "ck_channel.h"
#include "peer.h"

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

enum { UNKNOWN_SIZE = -2 };

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
	return code == UNKNOWN_SIZE ? "no entry type of this size" : ck_channel_describe(code);
}

#include "loops.h"
#include "loops_paced.h"

const struct peer peer_ck_ring = {
	.name = "ck_ring",
	.caps = PEER_POLLS | PEER_TYPED,
	.bytes_max = sizeof(struct entry6m),
	.create = ck_channel_create,
	.destroy = ck_channel_destroy,
	.open = ck_channel_open,
	.close = ck_channel_close,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};
