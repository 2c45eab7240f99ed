/*
 * jack_ringbuffer, laid into shared memory: a ring of bytes, so that a message may be cut in two
 * where the ring ends. Its size is a power of two, of which one byte stays free.
 */
#include <jack/ringbuffer.h>
#include <stdlib.h>

#include "peer.h"
#include "shared.h"

enum { BYTES_AT = 4096 };

struct channel {
	jack_ringbuffer_t *ring;
	size_t shared_bytes;
};

struct port {
	jack_ringbuffer_t *ring;
};

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	if (jack_ringbuffer_write_space(port->ring) < bytes)
		return 0;
	return jack_ringbuffer_write(port->ring, message, bytes) == bytes ? 1 : -1;
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	if (jack_ringbuffer_read_space(port->ring) < bytes)
		return 0;
	return (int64_t)jack_ringbuffer_read(port->ring, buffer, bytes);
}

static const char *port_describe(int code)
{
	return code == -1 ? "less was written than there was room for" : "no memory";
}

#include "loops.h"
#include "loops_paced.h"

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
	size_t size = 4096;

	if (channel == NULL)
		return -2;
	while (size < plan->capacity_bytes)
		size *= 2;
	channel->shared_bytes = BYTES_AT + size;
	channel->ring = shared_alloc(channel->shared_bytes);
	if (channel->ring == NULL) {
		destroy_ring(channel);
		return -2;
	}
	/* As jack_ringbuffer_create() does, but for where the memory comes from. */
	*channel->ring = (jack_ringbuffer_t){
		.buf = (char *)channel->ring + BYTES_AT,
		.size = size,
		.size_mask = size - 1,
	};
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
	return port;
}

static void close_port(struct port *port)
{
	free(port);
}

const struct peer peer_jack = {
	.name = "jack",
	.caps = PEER_POLLS,
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
