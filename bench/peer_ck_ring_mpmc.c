/*
 * ConcurrencyKit's ck_ring with many producers and consumers, typed, laid into shared memory.
 *
 * Producers make their entries visible in the order in which they claimed them: one that is
 * preempted in between stops all behind it.
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

CK_RING_PROTOTYPE(entry8, entry8)
CK_RING_PROTOTYPE(entry64, entry64)

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	void *const from = (void *)message; /* only read: ck_ring has no const */

	if (bytes == sizeof(struct entry8))
		return ck_ring_enqueue_mpmc_entry8(port->ring, port->entries, from);
	return ck_ring_enqueue_mpmc_entry64(port->ring, port->entries, from);
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	const bool came = bytes == sizeof(struct entry8)
				  ? ck_ring_dequeue_mpmc_entry8(port->ring, port->entries, buffer)
				  : ck_ring_dequeue_mpmc_entry64(port->ring, port->entries, buffer);

	return came ? (int64_t)bytes : 0;
}

static const char *port_describe(int code)
{
	return ck_channel_describe(code);
}

#include "loops_mpmc.h"

const struct peer peer_ck_ring_mpmc = {
	.name = "ck_ring_mpmc",
	.caps = PEER_POLLS | PEER_TYPED,
	.bytes_max = sizeof(struct entry64),
	.create = ck_channel_create,
	.destroy = ck_channel_destroy,
	.open = ck_channel_open,
	.close = ck_channel_close,
	.describe = port_describe,
	.mpmc = {mpmc_out, mpmc_in},
};
