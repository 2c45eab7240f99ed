/*
 * A bare ring for many producers and many consumers, as Dmitry Vyukov described it: what such a
 * ring may cost when nothing is checked, nobody is woken, and nobody may die.
 *
 *	| sequence | length, tag | message | sequence | ...        slots rounded up to 16 bytes
 *
 * A slot's sequence number says whose turn it is: the producer's of position p when it is p, the
 * consumer's when it is p + 1, and with p + slots it is the producer's of the next lap. Who finds
 * his turn claims the position by a compare-and-swap of his side's cursor, copies, and stores the
 * number that is next. A batch claims as many positions as are free, or full, in a row.
 */
#ifndef BENCH_BARE_VYUKOV_H
#define BENCH_BARE_VYUKOV_H

#include <stdatomic.h>
#include <stdalign.h>
#include <stdlib.h>

#include "bare.h"
#include "peer.h"
#include "shared.h"

struct bare_slot {
	_Atomic uint64_t sequence;
	uint32_t length;
	uint32_t tag;
	unsigned char message[];
};

struct bare_shared {
	alignas(128) _Atomic uint64_t tail;
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
	uint64_t slots;
};

static inline size_t vyukov_stride(size_t bytes)
{
	return (sizeof(struct bare_slot) + bytes + 15) & ~(size_t)15;
}

static inline struct bare_slot *slot_at(const struct port *port, uint64_t position, size_t bytes)
{
	unsigned char *const slots = port->shared->slots;

	return (struct bare_slot *)(slots + (position & (port->slots - 1)) * vyukov_stride(bytes));
}

/* Up to count positions in a row from where the cursor stands, in whose slots the sequence number
 * is the position plus turn. Returns how many, 0 when there is none. */
static inline unsigned vyukov_claim(struct port *port, _Atomic uint64_t *cursor, uint64_t turn,
	size_t bytes, unsigned count, uint64_t *ret_position)
{
	uint64_t position = atomic_load_explicit(cursor, memory_order_relaxed);

	for (;;) {
		unsigned here = 0;
		int64_t ahead = 0;

		while (here < count) {
			/* [TURN] acquire: pairs with the releases in vyukov_pass(). What the other
			 * side did to the slot happens before what is done to it now. */
			const uint64_t sequence = atomic_load_explicit(
				&slot_at(port, position + here, bytes)->sequence,
				memory_order_acquire);

			ahead = (int64_t)(sequence - (position + here + turn));
			if (ahead != 0)
				break;
			here++;
		}
		if (here == 0 && ahead < 0)
			return 0; /* not yet given back, or not yet written */
		if (here == 0) {
			position = atomic_load_explicit(cursor, memory_order_relaxed);
			continue; /* somebody else had it */
		}
		/* Relaxed: the slots order everything. */
		if (atomic_compare_exchange_weak_explicit(cursor, &position, position + here,
			    memory_order_relaxed, memory_order_relaxed)) {
			*ret_position = position;
			return here;
		}
	}
}

static inline void vyukov_pass(struct bare_slot *slot, uint64_t sequence)
{
	atomic_store_explicit(&slot->sequence, sequence, memory_order_release); /* [TURN] */
}

static inline int vyukov_send_batch(
	struct port *port, const void *messages, size_t bytes, unsigned count)
{
	const unsigned char *const from = messages;
	uint64_t position;
	const unsigned mine = vyukov_claim(port, &port->shared->tail, 0, bytes, count, &position);

	for (unsigned i = 0; i < mine; i++) {
		struct bare_slot *const slot = slot_at(port, position + i, bytes);

		bare_copy_in(slot->message, from + i * bytes, bytes);
		slot->length = (uint32_t)bytes;
		slot->tag = 0;
		vyukov_pass(slot, position + i + 1);
	}
	return (int)mine;
}

static inline int vyukov_send(struct port *port, const void *message, size_t bytes)
{
	return vyukov_send_batch(port, message, bytes, 1);
}

static inline int vyukov_receive_batch(
	struct port *port, void *buffer, size_t bytes, unsigned count)
{
	unsigned char *const to = buffer;
	uint64_t position;
	const unsigned mine = vyukov_claim(port, &port->shared->head, 1, bytes, count, &position);

	for (unsigned i = 0; i < mine; i++) {
		struct bare_slot *const slot = slot_at(port, position + i, bytes);

		bare_copy_out(to + i * bytes, slot->message, slot->length);
		vyukov_pass(slot, position + i + port->slots);
	}
	return (int)mine;
}

static inline int64_t vyukov_receive(struct port *port, void *buffer, size_t bytes)
{
	return vyukov_receive_batch(port, buffer, bytes, 1) != 0 ? (int64_t)bytes : 0;
}

/* ---- Its life ---- */

static inline const char *vyukov_describe(int code)
{
	(void)code;
	return "no memory";
}

static inline void vyukov_destroy(struct channel *channel)
{
	if (channel == NULL)
		return;
	shared_free(channel->shared, channel->shared_bytes);
	free(channel);
}

static inline struct port *vyukov_open(struct channel *channel, enum peer_side side)
{
	struct port *const port = calloc(1, sizeof(*port));

	(void)side;
	if (port == NULL)
		return NULL;
	shared_touch(channel->shared, channel->shared_bytes);
	port->shared = channel->shared;
	port->slots = channel->slots;
	return port;
}

static inline void vyukov_close(struct port *port)
{
	free(port);
}

static inline int vyukov_create(const struct channel_plan *plan, struct channel **ret_channel)
{
	struct channel *const channel = calloc(1, sizeof(*channel));
	struct port all;

	if (channel == NULL)
		return -1;
	channel->slots = 4;
	while (channel->slots * plan->bytes < plan->capacity_bytes)
		channel->slots *= 2;
	channel->shared_bytes =
		sizeof(*channel->shared) + channel->slots * vyukov_stride(plan->bytes) + BARE_SLACK;
	channel->shared = shared_alloc(channel->shared_bytes);
	if (channel->shared == NULL) {
		vyukov_destroy(channel);
		return -1;
	}
	all = (struct port){.shared = channel->shared, .slots = channel->slots};
	for (uint64_t i = 0; i < channel->slots; i++)
		atomic_init(&slot_at(&all, i, plan->bytes)->sequence, i);
	*ret_channel = channel;
	return 0;
}

#endif
