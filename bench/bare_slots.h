/*
 * A bare ring of slots of one size: what the hardware lets such a ring do. Nothing is checked,
 * nobody is woken, nobody may die.
 *
 *	| sequence | message | sequence | message | ...
 *
 * The sequence number, stored last, shows the message: no shared tail. It stands in front of the
 * message, mostly in the same line. The consumer gives slots back by the quarter ring, or when it
 * finds the ring empty, so that the producer's look at the head is rare.
 */
#ifndef BENCH_BARE_SLOTS_H
#define BENCH_BARE_SLOTS_H

#include <stdatomic.h>
#include <stdalign.h>
#include <stdlib.h>

#include "bare.h"
#include "peer.h"
#include "shared.h"

struct bare_shared {
	alignas(128) _Atomic uint64_t head;
	alignas(128) unsigned char slots[];
};

struct channel {
	struct bare_shared *shared;
	size_t shared_bytes;
	size_t bytes;
	uint64_t slots;
};

struct port {
	struct bare_shared *shared;
	unsigned char *slot; /* the next one */
	unsigned char *end;
	size_t bytes;
	uint64_t slots;
	uint64_t position;
	uint64_t head; /* as the producer saw it last, or as the consumer showed it last */
};

static inline size_t stride(size_t bytes)
{
	return sizeof(uint64_t) + bytes;
}

static inline _Atomic uint64_t *sequence_of(struct port *port)
{
	return (_Atomic uint64_t *)port->slot;
}

static inline void step(struct port *port, size_t bytes)
{
	port->position++;
	port->slot += stride(bytes);
	if (port->slot == port->end)
		port->slot = port->shared->slots;
}

static inline int slots_reserve(struct port *port, size_t bytes, void **ret_message)
{
	(void)bytes;
	if (port->position - port->head == port->slots) {
		/* [SPACE] acquire: pairs with the releases of the consumer, whose reads happen
		 * before the slot is written again. */
		port->head = atomic_load_explicit(&port->shared->head, memory_order_acquire);
		if (port->position - port->head == port->slots)
			return 0;
	}
	*ret_message = port->slot + sizeof(uint64_t);
	return 1;
}

static inline int slots_commit(struct port *port, size_t bytes)
{
	/* [DATA] release: pairs with the acquire in slots_look(). */
	atomic_store_explicit(sequence_of(port), port->position + 1, memory_order_release);
	step(port, bytes);
	return 1;
}

static inline int slots_send(struct port *port, const void *message, size_t bytes)
{
	void *slot;

	if (slots_reserve(port, bytes, &slot) == 0)
		return 0;
	bare_copy_in(slot, message, bytes);
	return slots_commit(port, bytes);
}

static inline void show_head(struct port *port)
{
	port->head = port->position;
	atomic_store_explicit(&port->shared->head, port->head, memory_order_release); /* [SPACE] */
}

static inline const void *slots_look(struct port *port)
{
	if (atomic_load_explicit(sequence_of(port), memory_order_acquire) == port->position + 1)
		return port->slot + sizeof(uint64_t); /* [DATA] */
	if (port->head != port->position)
		show_head(port);
	return NULL;
}

static inline void slots_done(struct port *port, size_t bytes)
{
	step(port, bytes);
	if (port->position - port->head >= port->slots / 4)
		show_head(port);
}

static inline int64_t slots_receive(struct port *port, void *buffer, size_t bytes)
{
	const void *const message = slots_look(port);

	if (message == NULL)
		return 0;
	bare_copy_out(buffer, message, bytes);
	slots_done(port, bytes);
	return (int64_t)bytes;
}

static inline int slots_send_batch(
	struct port *port, const void *messages, size_t bytes, unsigned count)
{
	const unsigned char *const from = messages;
	unsigned sent = 0;

	while (sent < count && slots_send(port, from + sent * bytes, bytes) != 0)
		sent++;
	return (int)sent;
}

static inline int slots_receive_batch(struct port *port, void *buffer, size_t bytes, unsigned count)
{
	unsigned char *const to = buffer;
	unsigned came = 0;

	while (came < count && slots_receive(port, to + came * bytes, bytes) != 0)
		came++;
	return (int)came;
}

static inline int64_t slots_peek(struct port *port, const void **ret_message)
{
	*ret_message = slots_look(port);
	return *ret_message != NULL ? (int64_t)port->bytes : 0;
}

static inline int slots_release(struct port *port)
{
	slots_done(port, port->bytes);
	return 1;
}

/* ---- Its life ---- */

static inline const char *slots_describe(int code)
{
	(void)code;
	return "no memory";
}

static inline void slots_destroy(struct channel *channel)
{
	if (channel == NULL)
		return;
	shared_free(channel->shared, channel->shared_bytes);
	free(channel);
}

static inline int slots_create(const struct channel_plan *plan, struct channel **ret_channel)
{
	struct channel *const channel = calloc(1, sizeof(*channel));

	if (channel == NULL)
		return -1;
	channel->bytes = plan->bytes;
	channel->slots = 4;
	while (channel->slots * plan->bytes < plan->capacity_bytes)
		channel->slots *= 2; /* as many as gyre makes of this capacity */
	channel->shared_bytes =
		sizeof(*channel->shared) + channel->slots * stride(plan->bytes) + BARE_SLACK;
	channel->shared = shared_alloc(channel->shared_bytes);
	if (channel->shared == NULL) {
		slots_destroy(channel);
		return -1;
	}
	*ret_channel = channel;
	return 0;
}

static inline struct port *slots_open(struct channel *channel, enum peer_side side)
{
	struct port *const port = calloc(1, sizeof(*port));

	(void)side;
	if (port == NULL)
		return NULL;
	shared_touch(channel->shared, channel->shared_bytes);
	port->shared = channel->shared;
	port->slot = channel->shared->slots;
	port->end = port->slot + channel->slots * stride(channel->bytes);
	port->bytes = channel->bytes;
	port->slots = channel->slots;
	return port;
}

static inline void slots_close(struct port *port)
{
	free(port);
}

#endif
