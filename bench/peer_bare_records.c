/*
 * The bare ring of records, compiled into the loop that uses it.
 */
#include "bare_records.h"
#include "peer.h"

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	return records_send(port, message, bytes);
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	return records_receive(port, buffer, bytes);
}

static inline int port_send_batch(
	struct port *port, const void *messages, size_t bytes, unsigned count)
{
	return records_send_batch(port, messages, bytes, count);
}

static inline int port_receive_batch(struct port *port, void *buffer, size_t bytes, unsigned count)
{
	return records_receive_batch(port, buffer, bytes, count);
}

static inline int port_reserve(struct port *port, size_t bytes, void **ret_message)
{
	return records_reserve(port, bytes, ret_message);
}

static inline int port_commit(struct port *port, size_t bytes)
{
	return records_commit(port, bytes);
}

static inline int64_t port_peek(struct port *port, const void **ret_message)
{
	return records_peek(port, ret_message);
}

static inline int port_release(struct port *port)
{
	return records_release(port);
}

static const char *port_describe(int code)
{
	return records_describe(code);
}

#include "loops.h"
#include "loops_batch.h"
#include "loops_in_place.h"
#include "loops_paced.h"

const struct peer peer_bare_records = {
	.name = "bare_records",
	.caps = PEER_POLLS,
	.bytes_max = SIZE_MAX,
	.create = records_create,
	.destroy = records_destroy,
	.open = records_open,
	.close = records_close,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.batch = {batch_out, batch_in},
	.in_place = {place_out, place_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};
