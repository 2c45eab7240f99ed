/*
 * A bare ring of slots with a shared tail and a shared head, each side with a copy of the other's:
 * how most such rings are made. Beside bare_slots it shows what the number in the slot is for.
 */
#include <stdatomic.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "shared.h"

struct index_shared {
	alignas(128) _Atomic uint64_t tail;
	alignas(128) _Atomic uint64_t head;
	alignas(128) unsigned char slots[];
};

struct channel {
	struct index_shared *shared;
	size_t shared_bytes;
	size_t bytes;
	uint64_t slots;
};

struct port {
	struct index_shared *shared;
	size_t bytes;
	uint64_t slots;
	uint64_t position; /* our own index */
	uint64_t other;    /* the other's, as it was seen last */
};

static inline unsigned char *slot_at(const struct port *port, uint64_t position, size_t bytes)
{
	return port->shared->slots + (position & (port->slots - 1)) * bytes;
}

/* How many slots are free, up to count. */
static inline unsigned free_slots(struct port *port, unsigned count)
{
	uint64_t left = port->other + port->slots - port->position;

	if (left < count) {
		/* [SPACE] acquire: pairs with the release in give_back(). */
		port->other = atomic_load_explicit(&port->shared->head, memory_order_acquire);
		left = port->other + port->slots - port->position;
	}
	return left < count ? (unsigned)left : count;
}

/* How many messages are there, up to count. */
static inline unsigned filled_slots(struct port *port, unsigned count)
{
	uint64_t there = port->other - port->position;

	if (there < count) {
		/* [DATA] acquire: pairs with the release in show(). */
		port->other = atomic_load_explicit(&port->shared->tail, memory_order_acquire);
		there = port->other - port->position;
	}
	return there < count ? (unsigned)there : count;
}

static inline void show(struct port *port, unsigned count)
{
	port->position += count;
	atomic_store_explicit(
		&port->shared->tail, port->position, memory_order_release); /* [DATA] */
}

static inline void give_back(struct port *port, unsigned count)
{
	port->position += count;
	atomic_store_explicit(
		&port->shared->head, port->position, memory_order_release); /* [SPACE] */
}

static inline int port_send_batch(
	struct port *port, const void *messages, size_t bytes, unsigned count)
{
	const unsigned char *const from = messages;
	const unsigned mine = free_slots(port, count);

	for (unsigned i = 0; i < mine; i++)
		memcpy(slot_at(port, port->position + i, bytes), from + i * bytes, bytes);
	if (mine != 0)
		show(port, mine);
	return (int)mine;
}

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	return port_send_batch(port, message, bytes, 1);
}

static inline int port_receive_batch(struct port *port, void *buffer, size_t bytes, unsigned count)
{
	unsigned char *const to = buffer;
	const unsigned mine = filled_slots(port, count);

	for (unsigned i = 0; i < mine; i++)
		memcpy(to + i * bytes, slot_at(port, port->position + i, bytes), bytes);
	if (mine != 0)
		give_back(port, mine);
	return (int)mine;
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	return port_receive_batch(port, buffer, bytes, 1) != 0 ? (int64_t)bytes : 0;
}

static inline int port_reserve(struct port *port, size_t bytes, void **ret_message)
{
	*ret_message = slot_at(port, port->position, bytes);
	return (int)free_slots(port, 1);
}

static inline int port_commit(struct port *port, size_t bytes)
{
	(void)bytes;
	show(port, 1);
	return 1;
}

static inline int64_t port_peek(struct port *port, const void **ret_message)
{
	*ret_message = slot_at(port, port->position, port->bytes);
	return filled_slots(port, 1) != 0 ? (int64_t)port->bytes : 0;
}

static inline int port_release(struct port *port)
{
	give_back(port, 1);
	return 1;
}

static const char *port_describe(int code)
{
	(void)code;
	return "no memory";
}

#include "loops.h"
#include "loops_batch.h"
#include "loops_in_place.h"
#include "loops_paced.h"

static void destroy_ring(struct channel *channel)
{
	if (channel == NULL)
		return;
	shared_free(channel->shared, channel->shared_bytes);
	free(channel);
}

static int create_ring(const struct channel_plan *plan, struct channel **ret_channel)
{
	struct channel *const channel = calloc(1, sizeof(*channel));

	if (channel == NULL)
		return -1;
	channel->bytes = plan->bytes;
	channel->slots = 4;
	while (channel->slots * plan->bytes < plan->capacity_bytes)
		channel->slots *= 2;
	channel->shared_bytes = sizeof(*channel->shared) + channel->slots * plan->bytes;
	channel->shared = shared_alloc(channel->shared_bytes);
	if (channel->shared == NULL) {
		destroy_ring(channel);
		return -1;
	}
	*ret_channel = channel;
	return 0;
}

static struct port *open_ring(struct channel *channel, enum peer_side side)
{
	struct port *const port = calloc(1, sizeof(*port));

	(void)side;
	if (port == NULL)
		return NULL;
	shared_touch(channel->shared, channel->shared_bytes);
	port->shared = channel->shared;
	port->bytes = channel->bytes;
	port->slots = channel->slots;
	return port;
}

static void close_port(struct port *port)
{
	free(port);
}

const struct peer peer_bare_index = {
	.name = "bare_index",
	.caps = PEER_POLLS,
	.bytes_max = SIZE_MAX,
	.create = create_ring,
	.destroy = destroy_ring,
	.open = open_ring,
	.close = close_port,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.batch = {batch_out, batch_in},
	.in_place = {place_out, place_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};
