/*
 * The bare ring of slots, compiled into the loop that uses it: the size of its messages is
 * a constant.
 */
#include "bare_slots.h"
#include "peer.h"

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	return slots_send(port, message, bytes);
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	return slots_receive(port, buffer, bytes);
}

static inline int port_send_batch(
	struct port *port, const void *messages, size_t bytes, unsigned count)
{
	return slots_send_batch(port, messages, bytes, count);
}

static inline int port_receive_batch(struct port *port, void *buffer, size_t bytes, unsigned count)
{
	return slots_receive_batch(port, buffer, bytes, count);
}

static inline int port_reserve(struct port *port, size_t bytes, void **ret_message)
{
	return slots_reserve(port, bytes, ret_message);
}

static inline int port_commit(struct port *port, size_t bytes)
{
	return slots_commit(port, bytes);
}

static inline int64_t port_peek(struct port *port, const void **ret_message)
{
	return slots_peek(port, ret_message);
}

static inline int port_release(struct port *port)
{
	return slots_release(port);
}

static const char *port_describe(int code)
{
	return slots_describe(code);
}

#include "loops.h"
#include "loops_batch.h"
#include "loops_in_place.h"
#include "loops_paced.h"

const struct peer peer_bare_slots = {
	.name = "bare_slots",
	.caps = PEER_POLLS,
	.bytes_max = SIZE_MAX,
	.create = slots_create,
	.destroy = slots_destroy,
	.open = slots_open,
	.close = slots_close,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.batch = {batch_out, batch_in},
	.in_place = {place_out, place_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};
