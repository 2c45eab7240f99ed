/*
 * A bare ring of records of any size: what the hardware lets such a ring do. Nothing is checked,
 * nobody is woken, nobody may die.
 *
 *	| length | message | length | message ... | padding | 0 |
 *
 * The header of a record, stored last, shows it: no shared tail. 0 means not there yet, so the
 * next header is zeroed before this one is stored, and room for one header always stays free.
 * What does not fit in front of the end is begun anew at the start, behind a padding. The
 * consumer gives room back by the quarter ring, or when it finds the ring empty.
 */
#ifndef BENCH_BARE_RECORDS_H
#define BENCH_BARE_RECORDS_H

#include <stdatomic.h>
#include <stdalign.h>
#include <stdlib.h>

#include "bare.h"
#include "peer.h"
#include "shared.h"

struct bare_shared {
	alignas(128) _Atomic uint64_t head;
	alignas(128) unsigned char data[];
};

struct channel {
	struct bare_shared *shared;
	size_t shared_bytes;
	uint64_t capacity;
};

struct port {
	struct bare_shared *shared;
	uint64_t capacity;
	uint64_t position; /* bytes, free-running */
	uint64_t head;     /* as the producer saw it last, or as the consumer showed it last */
};

static const uint64_t there = UINT64_C(1) << 63;
static const uint64_t padding = UINT64_C(1) << 62;

enum { HEADER = 8 };

static inline unsigned char *at(const struct port *port, uint64_t position)
{
	return port->shared->data + (position & (port->capacity - 1));
}

static inline _Atomic uint64_t *header_at(const struct port *port, uint64_t position)
{
	return (_Atomic uint64_t *)at(port, position);
}

static inline uint64_t to_end(const struct port *port)
{
	return port->capacity - (port->position & (port->capacity - 1));
}

/* The size of a record is known to the program, not to the compiler. */
static inline size_t opaque(size_t bytes)
{
	__asm__("" : "+r"(bytes));
	return bytes;
}

static inline bool has_room(struct port *port, uint64_t bytes)
{
	if (port->position + bytes - port->head <= port->capacity)
		return true;
	/* [SPACE] acquire: pairs with the releases of the consumer, whose reads happen before the
	 * room is written again. */
	port->head = atomic_load_explicit(&port->shared->head, memory_order_acquire);
	return port->position + bytes - port->head <= port->capacity;
}

/* Shows length bytes behind the header at the position, and moves on. */
static inline void put_header(struct port *port, uint64_t length, uint64_t kind)
{
	const uint64_t next = port->position + HEADER + length;

	atomic_store_explicit(header_at(port, next), 0, memory_order_relaxed);
	/* [DATA] release: pairs with the acquire in records_look(). Whoever sees this header sees
	 * the message, and the zero behind it. */
	atomic_store_explicit(
		header_at(port, port->position), there | kind | length, memory_order_release);
	port->position = next;
}

static inline int records_reserve(struct port *port, size_t bytes, void **ret_message)
{
	const uint64_t record = HEADER + bytes;
	const uint64_t left = to_end(port);

	if (left >= record) {
		if (!has_room(port, record + HEADER))
			return 0;
	} else {
		if (!has_room(port, left + record + HEADER))
			return 0;
		put_header(port, left - HEADER, padding);
	}
	*ret_message = at(port, port->position) + HEADER;
	return 1;
}

static inline int records_commit(struct port *port, size_t bytes)
{
	put_header(port, bytes, 0);
	return 1;
}

static inline int records_send(struct port *port, const void *message, size_t bytes)
{
	const size_t length = opaque(bytes);
	void *to;

	if (records_reserve(port, length, &to) == 0)
		return 0;
	bare_copy_in(to, message, length);
	return records_commit(port, length);
}

static inline void show_head(struct port *port)
{
	port->head = port->position;
	atomic_store_explicit(&port->shared->head, port->head, memory_order_release); /* [SPACE] */
}

/* The header of the next message; 0 when there is none. */
static inline uint64_t records_look(struct port *port)
{
	for (;;) {
		const uint64_t header = atomic_load_explicit(
			header_at(port, port->position), memory_order_acquire); /* [DATA] */

		if (header == 0) {
			if (port->head != port->position)
				show_head(port);
			return 0;
		}
		if ((header & padding) == 0)
			return header;
		port->position += to_end(port);
	}
}

static inline void records_done(struct port *port, size_t bytes)
{
	port->position += HEADER + bytes;
	if (port->position - port->head >= port->capacity / 4)
		show_head(port);
}

static inline int64_t records_receive(struct port *port, void *buffer, size_t bytes)
{
	const uint64_t header = records_look(port);
	const size_t length = (size_t)(header & ~there);

	if (header == 0)
		return 0;
	if (length <= bytes)
		bare_copy_out(buffer, at(port, port->position) + HEADER, length);
	records_done(port, length);
	return (int64_t)length;
}

static inline int64_t records_peek(struct port *port, const void **ret_message)
{
	const uint64_t header = records_look(port);

	*ret_message = at(port, port->position) + HEADER;
	return (int64_t)(header & ~there);
}

static inline int records_release(struct port *port)
{
	const uint64_t header =
		atomic_load_explicit(header_at(port, port->position), memory_order_relaxed);

	records_done(port, (size_t)(header & ~there)); /* own word until it is released */
	return 1;
}

/* All become visible with the first one's header, which is stored last. */
static inline int records_send_batch(
	struct port *port, const void *messages, size_t bytes, unsigned count)
{
	const unsigned char *const from = messages;
	const size_t length = opaque(bytes);
	const uint64_t record = HEADER + length;
	const uint64_t first = port->position;
	uint64_t fit = to_end(port) / record;

	if (fit == 0 || !has_room(port, record + HEADER))
		return records_send(port, messages, bytes);
	while (count > 1 && !has_room(port, count * record + HEADER))
		count /= 2;
	fit = fit < count ? fit : count;
	bare_copy_in(at(port, first) + HEADER, from, length);
	port->position += record;
	atomic_store_explicit(header_at(port, port->position), 0, memory_order_relaxed);
	for (uint64_t i = 1; i < fit; i++) {
		bare_copy_in(at(port, port->position) + HEADER, from + i * length, length);
		put_header(port, length, 0);
	}
	atomic_store_explicit(
		header_at(port, first), there | length, memory_order_release); /* [DATA] */
	return (int)fit;
}

static inline int records_receive_batch(
	struct port *port, void *buffer, size_t bytes, unsigned count)
{
	unsigned char *const to = buffer;
	unsigned came = 0;

	while (came < count && records_receive(port, to + came * bytes, bytes) != 0)
		came++;
	return (int)came;
}

/* ---- Its life ---- */

static inline const char *records_describe(int code)
{
	(void)code;
	return "no memory";
}

static inline void records_destroy(struct channel *channel)
{
	if (channel == NULL)
		return;
	shared_free(channel->shared, channel->shared_bytes);
	free(channel);
}

static inline int records_create(const struct channel_plan *plan, struct channel **ret_channel)
{
	struct channel *const channel = calloc(1, sizeof(*channel));

	if (channel == NULL)
		return -1;
	channel->capacity = plan->capacity_bytes;
	channel->shared_bytes = sizeof(*channel->shared) + plan->capacity_bytes + BARE_SLACK;
	channel->shared = shared_alloc(channel->shared_bytes);
	if (channel->shared == NULL) {
		records_destroy(channel);
		return -1;
	}
	*ret_channel = channel;
	return 0;
}

static inline struct port *records_open(struct channel *channel, enum peer_side side)
{
	struct port *const port = calloc(1, sizeof(*port));

	(void)side;
	if (port == NULL)
		return NULL;
	shared_touch(channel->shared, channel->shared_bytes);
	port->shared = channel->shared;
	port->capacity = channel->capacity;
	return port;
}

static inline void records_close(struct port *port)
{
	free(port);
}

#endif
