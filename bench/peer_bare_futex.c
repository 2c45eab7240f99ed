/*
 * What sleeping costs: a ring of slots whose tail is the word that the consumer sleeps on. It
 * sleeps at once when there is nothing, and every message is followed by a futex() that wakes.
 */
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdalign.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bare.h"
#include "peer.h"
#include "shared.h"

struct futex_shared {
	alignas(128) _Atomic uint32_t tail;
	alignas(128) _Atomic uint32_t head;
	alignas(128) unsigned char slots[];
};

struct channel {
	struct futex_shared *shared;
	size_t shared_bytes;
	uint32_t slots;
};

struct port {
	struct futex_shared *shared;
	uint32_t slots;
	uint32_t position;
};

static long futex(_Atomic uint32_t *word, int operation, uint32_t value)
{
	return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	struct futex_shared *const shared = port->shared;

	/* [SPACE] acquire: pairs with the release in port_receive(). */
	if (port->position - atomic_load_explicit(&shared->head, memory_order_acquire) ==
		port->slots)
		return 0;
	bare_copy_words(shared->slots + port->position % port->slots * bytes, message, bytes);
	port->position++;
	/* [DATA] release: pairs with the acquire in port_receive(). */
	atomic_store_explicit(&shared->tail, port->position, memory_order_release);
	futex(&shared->tail, FUTEX_WAKE, 1);
	return 1;
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	struct futex_shared *const shared = port->shared;

	while (atomic_load_explicit(&shared->tail, memory_order_acquire) ==
		port->position) /* [DATA] */
		futex(&shared->tail, FUTEX_WAIT, port->position);
	bare_copy_words(buffer, shared->slots + port->position % port->slots * bytes, bytes);
	port->position++;
	atomic_store_explicit(&shared->head, port->position, memory_order_release); /* [SPACE] */
	return (int64_t)bytes;
}

static const char *port_describe(int code)
{
	(void)code;
	return "no memory";
}

#include "loops.h"
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
	channel->slots = 4; /* a power of two: positions run over */
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
	port->slots = channel->slots;
	return port;
}

static void close_port(struct port *port)
{
	free(port);
}

const struct peer peer_bare_futex = {
	.name = "bare_futex",
	.caps = PEER_BLOCKS,
	.bytes_max = 8192,
	.create = create_ring,
	.destroy = destroy_ring,
	.open = open_ring,
	.close = close_port,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};
