/*
 * libqb's ring buffer between processes. Polling it has no semaphore; blocking, a message posts
 * one, and a producer that finds no room still has to try again.
 */
#include <errno.h>
#include <qb/qbrb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

struct channel {
	qb_ringbuffer_t *ring;
	bool blocking;
};

struct port {
	qb_ringbuffer_t *ring;
	int32_t timeout_ms;
};

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	const ssize_t rc = qb_rb_chunk_write(port->ring, message, bytes);

	if (rc == -EAGAIN)
		return 0;
	return rc < 0 ? (int)rc : 1;
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	const ssize_t rc = qb_rb_chunk_read(port->ring, buffer, bytes, port->timeout_ms);

	return rc == -ETIMEDOUT ? 0 : rc;
}

static const char *port_describe(int code)
{
	return strerror(-code);
}

#include "loops.h"
#include "loops_paced.h"

static void destroy_ring(struct channel *channel)
{
	if (channel == NULL)
		return;
	qb_rb_close(channel->ring);
	free(channel);
}

static int create_ring(const struct channel_plan *plan, struct channel **ret_channel)
{
	const uint32_t waits = plan->blocking ? 0 : QB_RB_FLAG_NO_SEMAPHORE;
	struct channel *const channel = malloc(sizeof(*channel));
	static unsigned made;
	char name[64];

	if (channel == NULL)
		return -ENOMEM;
	snprintf(name, sizeof(name), "gyre-bench-%ld-%u", (long)getpid(), made++);
	channel->blocking = plan->blocking;
	channel->ring = qb_rb_open(name, plan->capacity_bytes,
		QB_RB_FLAG_CREATE | QB_RB_FLAG_SHARED_PROCESS | waits, 0);
	if (channel->ring == NULL) {
		free(channel);
		return -errno;
	}
	*ret_channel = channel;
	return 0;
}

/* The parent's mapping serves: it was made shared. */
static struct port *open_ring(struct channel *channel, enum peer_side side)
{
	struct port *const port = malloc(sizeof(*port));

	(void)side;
	if (port == NULL)
		return NULL;
	port->ring = channel->ring;
	port->timeout_ms = channel->blocking ? -1 : 0;
	return port;
}

static void close_port(struct port *port)
{
	free(port);
}

const struct peer peer_qb = {
	.name = "qb",
	.caps = PEER_POLLS | PEER_BLOCKS,
	.bytes_max = SIZE_MAX,
	.create = create_ring,
	.destroy = destroy_ring,
	.open = open_ring,
	.close = close_port,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};
