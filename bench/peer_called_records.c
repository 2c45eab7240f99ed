/*
 * The bare ring of records, behind calls through a table, sizes known only at run time: what a
 * library can be at best. Between this and the inlined one lies the price of calling, between this
 * and gyre the price of safety.
 */
#include "bare_records.h"
#include "calls.h"
#include "peer.h"

static const struct calls table = {
	.send = records_send,
	.receive = records_receive,
	.send_batch = records_send_batch,
	.receive_batch = records_receive_batch,
	.reserve = records_reserve,
	.commit = records_commit,
	.peek = records_peek,
	.release = records_release,
};

static const struct calls *volatile calls = &table; /* so that nothing is inlined */

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	return calls->send(port, message, bytes);
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	return calls->receive(port, buffer, bytes);
}

static inline int port_send_batch(
	struct port *port, const void *messages, size_t bytes, unsigned count)
{
	return calls->send_batch(port, messages, bytes, count);
}

static inline int port_receive_batch(struct port *port, void *buffer, size_t bytes, unsigned count)
{
	return calls->receive_batch(port, buffer, bytes, count);
}

static inline int port_reserve(struct port *port, size_t bytes, void **ret_message)
{
	return calls->reserve(port, bytes, ret_message);
}

static inline int port_commit(struct port *port, size_t bytes)
{
	return calls->commit(port, bytes);
}

static inline int64_t port_peek(struct port *port, const void **ret_message)
{
	return calls->peek(port, ret_message);
}

static inline int port_release(struct port *port)
{
	return calls->release(port);
}

static const char *port_describe(int code)
{
	return records_describe(code);
}

#include "loops.h"
#include "loops_batch.h"
#include "loops_in_place.h"
#include "loops_paced.h"

const struct peer peer_called_records = {
	.name = "called_records",
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
