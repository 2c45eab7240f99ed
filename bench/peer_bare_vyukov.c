/*
 * The bare ring for many producers and consumers, compiled into the loop that uses it: the size of
 * its messages is a constant.
 */
#include "bare_vyukov.h"
#include "peer.h"

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	return vyukov_send(port, message, bytes);
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	return vyukov_receive(port, buffer, bytes);
}

static inline int port_send_batch(
	struct port *port, const void *messages, size_t bytes, unsigned count)
{
	return vyukov_send_batch(port, messages, bytes, count);
}

static inline int port_receive_batch(struct port *port, void *buffer, size_t bytes, unsigned count)
{
	return vyukov_receive_batch(port, buffer, bytes, count);
}

static const char *port_describe(int code)
{
	return vyukov_describe(code);
}

#include "loops.h"
#include "loops_mpmc.h"
#include "loops_mpmc_batch.h"
#include "loops_paced.h"

const struct peer peer_bare_vyukov = {
	.name = "bare_vyukov",
	.caps = PEER_POLLS,
	.bytes_max = UINT32_MAX,
	.create = vyukov_create,
	.destroy = vyukov_destroy,
	.open = vyukov_open,
	.close = vyukov_close,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
	.mpmc = {mpmc_out, mpmc_in},
	.mpmc_batch = {mpmc_batch_out, mpmc_batch_in},
};
