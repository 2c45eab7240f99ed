/*
 * gyre through its public interface, as the harness calls it.
 *
 * The polling forms call with a timeout of 0, the blocking ones without limit.
 */
#ifndef BENCH_GYRE_CHANNEL_H
#define BENCH_GYRE_CHANNEL_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gyre_ring.h"
#include "message.h"
#include "peer.h"

struct channel {
	char key[64];
	int64_t timeout_ns;
};

struct port {
	struct gyre_ring *ring;
	int64_t timeout_ns;
	struct gyre_message held; /* by peek */
	struct gyre_message batch[MESSAGE_BATCH];
};

/* Nothing to receive, no room: ordinary outcomes, to be asked for again. */
static inline int again_or_error(int code)
{
	return code == GYRE_EAGAIN ? 0 : code;
}

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	const int rc = gyre_ring_send(port->ring, message, bytes, 0, port->timeout_ns);

	return rc == GYRE_OK ? 1 : again_or_error(rc);
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	const int64_t rc = gyre_ring_receive(port->ring, buffer, bytes, port->timeout_ns, NULL);

	return rc >= 0 ? rc : again_or_error((int)rc);
}

static inline int port_send_batch(
	struct port *port, const void *messages, size_t bytes, unsigned count)
{
	const unsigned char *const from = messages;

	for (unsigned i = 0; i < count; i++) {
		port->batch[i].data = from + i * bytes;
		port->batch[i].bytes = bytes;
	}
	return again_or_error(
		gyre_ring_send_batch(port->ring, port->batch, count, port->timeout_ns));
}

static inline int port_receive_batch(struct port *port, void *buffer, size_t bytes, unsigned count)
{
	const int rc = gyre_ring_receive_batch(
		port->ring, buffer, bytes * count, port->timeout_ns, port->batch, count);

	for (int i = 0; i < rc; i++) {
		if (port->batch[i].bytes != bytes)
			return GYRE_ECORRUPT;
	}
	return again_or_error(rc);
}

static inline int port_reserve(struct port *port, size_t bytes, void **ret_message)
{
	const int rc = gyre_ring_reserve(port->ring, bytes, port->timeout_ns, ret_message);

	return rc == GYRE_OK ? 1 : again_or_error(rc);
}

static inline int port_commit(struct port *port, size_t bytes)
{
	const int rc = gyre_ring_commit(port->ring, bytes, 0);

	return rc == GYRE_OK ? 1 : rc;
}

static inline int64_t port_peek(struct port *port, const void **ret_message)
{
	const int rc = gyre_ring_peek(port->ring, port->timeout_ns, &port->held);

	*ret_message = port->held.data;
	return rc == GYRE_OK ? (int64_t)port->held.bytes : again_or_error(rc);
}

static inline int port_release(struct port *port)
{
	const int rc = gyre_ring_release(port->ring, &port->held);

	return rc == GYRE_OK ? 1 : rc;
}

static inline const char *port_describe(int code)
{
	return gyre_strerror(code);
}

/* ---- Its life ---- */

static inline int gyre_channel_create(const struct channel_plan *plan,
	struct gyre_ring_options options, struct channel **ret_channel)
{
	struct channel *const channel = calloc(1, sizeof(*channel));
	static unsigned made;
	struct gyre_error error;
	int rc;

	if (channel == NULL)
		return GYRE_ENORES;
	snprintf(channel->key, sizeof(channel->key), "gyre-bench-%ld-%u", (long)getpid(), made++);
	options.capacity_bytes = plan->capacity_bytes;
	channel->timeout_ns = plan->blocking ? GYRE_FOREVER : 0;
	rc = gyre_ring_create(channel->key, &options, &error);
	if (rc < 0) {
		fprintf(stderr, "%s\n", error.what);
		free(channel);
		return rc;
	}
	*ret_channel = channel;
	return 0;
}

static inline void gyre_channel_destroy(struct channel *channel)
{
	if (channel == NULL)
		return;
	gyre_ring_unlink(channel->key, NULL);
	free(channel);
}

static inline struct port *gyre_channel_open(struct channel *channel, enum peer_side side)
{
	const enum gyre_role role = side == PEER_OUT ? GYRE_PRODUCER : GYRE_CONSUMER;
	struct port *const port = calloc(1, sizeof(*port));
	struct gyre_error error;

	if (port == NULL)
		return NULL;
	port->timeout_ns = channel->timeout_ns;
	if (gyre_ring_attach(channel->key, role, NULL, &port->ring, &error) < 0) {
		fprintf(stderr, "%s\n", error.what);
		free(port);
		return NULL;
	}
	return port;
}

static inline void gyre_channel_close(struct port *port)
{
	if (port == NULL)
		return;
	gyre_ring_detach(port->ring);
	free(port);
}

#endif
