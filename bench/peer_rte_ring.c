/*
 * DPDK's rte_ring with one producer and one consumer: elements copied in and out, in bursts, and
 * in place by its zero-copy functions.
 */
#include "rte_channel.h"

#include <rte_ring_peek_zc.h>

#include "peer.h"

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	void *const from = (void *)message; /* only read: rte_ring has no const */

	return rte_ring_sp_enqueue_elem(port->ring, from, (unsigned)bytes) == 0;
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	const int rc = rte_ring_sc_dequeue_elem(port->ring, buffer, (unsigned)bytes);

	return rc == 0 ? (int64_t)bytes : 0;
}

static inline int port_send_batch(
	struct port *port, const void *messages, size_t bytes, unsigned count)
{
	return (int)rte_ring_sp_enqueue_burst_elem(
		port->ring, messages, (unsigned)bytes, count, NULL);
}

static inline int port_receive_batch(struct port *port, void *buffer, size_t bytes, unsigned count)
{
	return (int)rte_ring_sc_dequeue_burst_elem(
		port->ring, buffer, (unsigned)bytes, count, NULL);
}

static inline int port_reserve(struct port *port, size_t bytes, void **ret_message)
{
	struct rte_ring_zc_data place;
	const unsigned got =
		rte_ring_enqueue_zc_burst_elem_start(port->ring, (unsigned)bytes, 1, &place, NULL);

	*ret_message = place.ptr1;
	return (int)got;
}

static inline int port_commit(struct port *port, size_t bytes)
{
	(void)bytes;
	rte_ring_enqueue_zc_elem_finish(port->ring, 1);
	return 1;
}

static inline int64_t port_peek(struct port *port, const void **ret_message)
{
	struct rte_ring_zc_data place;
	const unsigned got =
		rte_ring_dequeue_zc_burst_elem_start(port->ring, port->bytes, 1, &place, NULL);

	*ret_message = place.ptr1;
	return got != 0 ? (int64_t)port->bytes : 0;
}

static inline int port_release(struct port *port)
{
	rte_ring_dequeue_zc_elem_finish(port->ring, 1);
	return 1;
}

static const char *port_describe(int code)
{
	return rte_channel_describe(code);
}

#include "loops.h"
#include "loops_batch.h"
#include "loops_in_place.h"
#include "loops_paced.h"

static int create_spsc(const struct channel_plan *plan, struct channel **ret_channel)
{
	return rte_channel_create(plan, RING_F_SP_ENQ | RING_F_SC_DEQ, ret_channel);
}

const struct peer peer_rte_ring = {
	.name = "rte_ring",
	.caps = PEER_POLLS,
	.bytes_max = 16UL * 1024 * 1024,
	.create = create_spsc,
	.destroy = rte_channel_destroy,
	.open = rte_channel_open,
	.close = rte_channel_close,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.batch = {batch_out, batch_in},
	.in_place = {place_out, place_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};
