/*
 * A bare queue for many producers and consumers that has a ring for each producer: no two producers
 * ever meet. A consumer copies what is there, then moves the ring's head by a compare-and-swap;
 *when somebody else was quicker, its copy is worth nothing, and it tries again. Order is kept for
 *each producer only, and nobody waits for one that does not run.
 *
 *	| sequence | message | sequence | message | ...        each lane
 */
#include <stdatomic.h>
#include <stdalign.h>
#include <stdlib.h>

#include "bare.h"
#include "peer.h"
#include "shared.h"

enum { LANES = 4 }; /* as many producers as there may be */

struct lanes_shared {
	alignas(128) _Atomic uint32_t taken;
	struct {
		alignas(128) _Atomic uint64_t head;
	} lanes[LANES];
	alignas(128) unsigned char slots[];
};

struct channel {
	struct lanes_shared *shared;
	size_t shared_bytes;
	uint64_t slots; /* of each lane */
};

struct port {
	struct lanes_shared *shared;
	uint64_t slots;
	uint64_t position; /* a producer's */
	uint64_t head;     /* as it saw it last */
	uint32_t lane;     /* a producer's own; where a consumer looks next */
};

static inline size_t stride(size_t bytes)
{
	return sizeof(uint64_t) + ((bytes + 7) & ~(size_t)7);
}

static inline unsigned char *slot_at(
	const struct port *port, uint32_t lane, uint64_t position, size_t bytes)
{
	const uint64_t index = lane * port->slots + (position & (port->slots - 1));

	return port->shared->slots + index * stride(bytes);
}

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	unsigned char *const slot = slot_at(port, port->lane, port->position, bytes);

	if (port->position - port->head == port->slots) {
		/* [SPACE] acquire: pairs with the compare-and-swap in take(). */
		port->head = atomic_load_explicit(
			&port->shared->lanes[port->lane].head, memory_order_acquire);
		if (port->position - port->head == port->slots)
			return 0;
	}
	bare_copy_in(slot + sizeof(uint64_t), message, bytes);
	port->position++;
	/* [DATA] release: pairs with the acquire in ready(). */
	atomic_store_explicit((_Atomic uint64_t *)slot, port->position, memory_order_release);
	return 1;
}

static inline int port_send_batch(
	struct port *port, const void *messages, size_t bytes, unsigned count)
{
	const unsigned char *const from = messages;
	unsigned sent = 0;

	while (sent < count && port_send(port, from + sent * bytes, bytes) != 0)
		sent++;
	return (int)sent;
}

static inline bool ready(struct port *port, uint32_t lane, uint64_t position, size_t bytes)
{
	const unsigned char *const slot = slot_at(port, lane, position, bytes);

	return atomic_load_explicit((const _Atomic uint64_t *)slot, memory_order_acquire) ==
	       position + 1; /* [DATA] */
}

static inline unsigned take(
	struct port *port, uint32_t lane, unsigned char *to, size_t bytes, unsigned count)
{
	_Atomic uint64_t *const shown = &port->shared->lanes[lane].head;
	uint64_t head = atomic_load_explicit(shown, memory_order_acquire);
	unsigned came;

	do {
		for (came = 0; came < count && ready(port, lane, head + came, bytes); came++)
			bare_copy_out(to + came * bytes,
				slot_at(port, lane, head + came, bytes) + sizeof(uint64_t), bytes);
		if (came == 0)
			return 0;
		/* [SPACE] release: what was copied was copied before the room is given back. */
	} while (!atomic_compare_exchange_weak_explicit(
		shown, &head, head + came, memory_order_acq_rel, memory_order_acquire));
	return came;
}

/* From one lane, another one each time. */
static inline int port_receive_batch(struct port *port, void *buffer, size_t bytes, unsigned count)
{
	const uint32_t lanes =
		atomic_load_explicit(&port->shared->taken, memory_order_relaxed); /* only grows */

	for (uint32_t i = 0; i < lanes; i++) {
		unsigned came;

		port->lane = port->lane + 1 < lanes ? port->lane + 1 : 0;
		came = take(port, port->lane, buffer, bytes, count);
		if (came != 0)
			return (int)came;
	}
	return 0;
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	return port_receive_batch(port, buffer, bytes, 1) != 0 ? (int64_t)bytes : 0;
}

static const char *port_describe(int code)
{
	(void)code;
	return "no memory";
}

#include "loops_mpmc.h"
#include "loops_mpmc_batch.h"

static void destroy_lanes(struct channel *channel)
{
	if (channel == NULL)
		return;
	shared_free(channel->shared, channel->shared_bytes);
	free(channel);
}

static int create_lanes(const struct channel_plan *plan, struct channel **ret_channel)
{
	struct channel *const channel = calloc(1, sizeof(*channel));

	if (channel == NULL)
		return -1;
	channel->slots = 4;
	while (channel->slots * LANES * plan->bytes < plan->capacity_bytes)
		channel->slots *= 2;
	channel->shared_bytes = sizeof(*channel->shared) +
				channel->slots * LANES * stride(plan->bytes) + BARE_SLACK;
	channel->shared = shared_alloc(channel->shared_bytes);
	if (channel->shared == NULL) {
		destroy_lanes(channel);
		return -1;
	}
	*ret_channel = channel;
	return 0;
}

static struct port *open_lane(struct channel *channel, enum peer_side side)
{
	struct port *const port = calloc(1, sizeof(*port));

	if (port == NULL)
		return NULL;
	shared_touch(channel->shared, channel->shared_bytes);
	port->shared = channel->shared;
	port->slots = channel->slots;
	if (side == PEER_OUT)
		port->lane = atomic_fetch_add(&channel->shared->taken, 1);
	if (port->lane >= LANES) {
		free(port);
		return NULL;
	}
	return port;
}

static void close_port(struct port *port)
{
	free(port);
}

const struct peer peer_bare_lanes = {
	.name = "bare_lanes",
	.caps = PEER_POLLS,
	.bytes_max = SIZE_MAX,
	.create = create_lanes,
	.destroy = destroy_lanes,
	.open = open_lane,
	.close = close_port,
	.describe = port_describe,
	.mpmc = {mpmc_out, mpmc_in},
	.mpmc_batch = {mpmc_batch_out, mpmc_batch_in},
};
