/*
 * A ck_ring laid into shared memory: its cursors, and its entries one page behind.
 */
#ifndef BENCH_CK_CHANNEL_H
#define BENCH_CK_CHANNEL_H

#include <ck_ring.h>
#include <stdlib.h>

#include "peer.h"
#include "shared.h"

enum { CK_ENTRIES_AT = 4096 };

struct channel {
	struct ck_ring *ring;
	size_t shared_bytes;
};

struct port {
	struct ck_ring *ring;
	void *entries;
};

static inline const char *ck_channel_describe(int code)
{
	(void)code;
	return "no memory";
}

static inline void ck_channel_destroy(struct channel *channel)
{
	if (channel == NULL)
		return;
	shared_free(channel->ring, channel->shared_bytes);
	free(channel);
}

static inline int ck_channel_create(const struct channel_plan *plan, struct channel **ret_channel)
{
	struct channel *const channel = calloc(1, sizeof(*channel));
	unsigned entries = 4;

	if (channel == NULL)
		return -1;
	while (entries * plan->bytes < plan->capacity_bytes)
		entries *= 2;
	channel->shared_bytes = CK_ENTRIES_AT + entries * plan->bytes;
	channel->ring = shared_alloc(channel->shared_bytes);
	if (channel->ring == NULL) {
		ck_channel_destroy(channel);
		return -1;
	}
	ck_ring_init(channel->ring, entries);
	*ret_channel = channel;
	return 0;
}

static inline struct port *ck_channel_open(struct channel *channel, enum peer_side side)
{
	struct port *const port = malloc(sizeof(*port));

	(void)side;
	if (port == NULL)
		return NULL;
	shared_touch(channel->ring, channel->shared_bytes);
	port->ring = channel->ring;
	port->entries = (unsigned char *)channel->ring + CK_ENTRIES_AT;
	return port;
}

static inline void ck_channel_close(struct port *port)
{
	free(port);
}

#endif
