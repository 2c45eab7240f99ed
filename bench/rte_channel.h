/*
 * A DPDK rte_ring in plain shared memory.
 *
 * rte_ring_init() makes one of any memory, so nothing else of DPDK runs: no EAL, no huge pages, no
 * second process to be told. Elements are the messages themselves. Its size is a power of two of
 * entries, of which one stays free.
 */
#ifndef BENCH_RTE_CHANNEL_H
#define BENCH_RTE_CHANNEL_H

#include <rte_config.h> /* first: the others need it */

#include <errno.h>
#include <rte_ring.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "shared.h"

struct channel {
	struct rte_ring *ring;
	size_t shared_bytes;
	unsigned bytes;
};

struct port {
	struct rte_ring *ring;
	unsigned bytes;
};

static inline const char *rte_channel_describe(int code)
{
	return strerror(-code);
}

static inline void rte_channel_destroy(struct channel *channel)
{
	if (channel == NULL)
		return;
	shared_free(channel->ring, channel->shared_bytes);
	free(channel);
}

static inline int rte_channel_create(
	const struct channel_plan *plan, unsigned flags, struct channel **ret_channel)
{
	struct channel *const channel = calloc(1, sizeof(*channel));
	unsigned entries = 4;
	int rc;

	if (channel == NULL)
		return -ENOMEM;
	while (entries * plan->bytes < plan->capacity_bytes)
		entries *= 2;
	channel->bytes = (unsigned)plan->bytes;
	channel->shared_bytes = (size_t)rte_ring_get_memsize_elem(channel->bytes, entries);
	channel->ring = shared_alloc(channel->shared_bytes);
	rc = channel->ring == NULL ? -ENOMEM
				   : rte_ring_init(channel->ring, "bench", entries, flags);
	if (rc != 0) {
		rte_channel_destroy(channel);
		return rc;
	}
	*ret_channel = channel;
	return 0;
}

static inline struct port *rte_channel_open(struct channel *channel, enum peer_side side)
{
	struct port *const port = malloc(sizeof(*port));

	(void)side;
	if (port == NULL)
		return NULL;
	shared_touch(channel->ring, channel->shared_bytes);
	port->ring = channel->ring;
	port->bytes = channel->bytes;
	return port;
}

static inline void rte_channel_close(struct port *port)
{
	free(port);
}

#endif
