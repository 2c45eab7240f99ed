/*
 * DPDK's rte_ring with many producers and consumers, in the forms that are its own choice when
 * they run on cores of their own (rte_ring_mpmc: each waits until all before it are done), and
 * when they may be preempted (rte_ring_hts: one at a time on either side).
 */
#include "rte_channel.h"

#include "peer.h"

/* Which of the two is known when the ring was made; a program would say it by the name of the
 * function it calls, and the loop has no other branch that goes either way. */
static inline unsigned put(struct port *port, const void *messages, unsigned bytes, unsigned count)
{
	struct rte_ring *const ring = port->ring;

	if (ring->prod.sync_type == RTE_RING_SYNC_MT_HTS)
		return rte_ring_mp_hts_enqueue_burst_elem(ring, messages, bytes, count, NULL);
	return rte_ring_mp_enqueue_burst_elem(ring, messages, bytes, count, NULL);
}

static inline unsigned take(struct port *port, void *buffer, unsigned bytes, unsigned count)
{
	struct rte_ring *const ring = port->ring;

	if (ring->cons.sync_type == RTE_RING_SYNC_MT_HTS)
		return rte_ring_mc_hts_dequeue_burst_elem(ring, buffer, bytes, count, NULL);
	return rte_ring_mc_dequeue_burst_elem(ring, buffer, bytes, count, NULL);
}

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	return (int)put(port, message, (unsigned)bytes, 1);
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	return take(port, buffer, (unsigned)bytes, 1) != 0 ? (int64_t)bytes : 0;
}

static inline int port_send_batch(
	struct port *port, const void *messages, size_t bytes, unsigned count)
{
	return (int)put(port, messages, (unsigned)bytes, count);
}

static inline int port_receive_batch(struct port *port, void *buffer, size_t bytes, unsigned count)
{
	return (int)take(port, buffer, (unsigned)bytes, count);
}

static const char *port_describe(int code)
{
	return rte_channel_describe(code);
}

#include "loops_mpmc.h"
#include "loops_mpmc_batch.h"

static int create_mpmc(const struct channel_plan *plan, struct channel **ret_channel)
{
	return rte_channel_create(plan, 0, ret_channel);
}

static int create_hts(const struct channel_plan *plan, struct channel **ret_channel)
{
	return rte_channel_create(plan, RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ, ret_channel);
}

const struct peer peer_rte_ring_mpmc = {
	.name = "rte_ring_mpmc",
	.caps = PEER_POLLS,
	.bytes_max = 16UL * 1024 * 1024,
	.create = create_mpmc,
	.destroy = rte_channel_destroy,
	.open = rte_channel_open,
	.close = rte_channel_close,
	.describe = port_describe,
	.mpmc = {mpmc_out, mpmc_in},
	.mpmc_batch = {mpmc_batch_out, mpmc_batch_in},
};

const struct peer peer_rte_ring_hts = {
	.name = "rte_ring_hts",
	.caps = PEER_POLLS,
	.bytes_max = 16UL * 1024 * 1024,
	.create = create_hts,
	.destroy = rte_channel_destroy,
	.open = rte_channel_open,
	.close = rte_channel_close,
	.describe = port_describe,
	.mpmc = {mpmc_out, mpmc_in},
	.mpmc_batch = {mpmc_batch_out, mpmc_batch_in},
};
