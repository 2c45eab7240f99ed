/*
 * ZeroMQ: PUSH to PULL through its ipc transport, a Unix socket with a thread at either end.
 *
 * Only blocking: a role that polls takes the core from the thread that is to bring the message.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

#include "peer.h"

struct channel {
	char address[64];
	int messages; /* that fit in the room of a channel: a half of it at either end */
};

struct port {
	void *context;
	void *socket;
};

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	while (zmq_send(port->socket, message, bytes, 0) < 0) {
		if (zmq_errno() != EINTR)
			return -zmq_errno();
	}
	return 1;
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	for (;;) {
		const int came = zmq_recv(port->socket, buffer, bytes, 0);

		if (came >= 0)
			return came;
		if (zmq_errno() != EINTR)
			return -zmq_errno();
	}
}

static const char *port_describe(int code)
{
	return zmq_strerror(-code);
}

#include "loops.h"
#include "loops_paced.h"

static void destroy_address(struct channel *channel)
{
	free(channel); /* an abstract socket leaves no file */
}

static int create_address(const struct channel_plan *plan, struct channel **ret_channel)
{
	struct channel *const channel = malloc(sizeof(*channel));
	static unsigned made;

	if (channel == NULL)
		return -ENOMEM;
	snprintf(channel->address, sizeof(channel->address), "ipc://@gyre-bench-%ld-%u",
		(long)getpid(), made++);
	channel->messages = (int)(plan->capacity_bytes / plan->bytes / 2);
	*ret_channel = channel;
	return 0;
}

static void close_port(struct port *port)
{
	if (port == NULL)
		return;
	if (port->socket != NULL)
		zmq_close(port->socket);
	if (port->context != NULL)
		zmq_ctx_term(port->context);
	free(port);
}

static int connect_port(struct port *port, const struct channel *channel, enum peer_side side)
{
	const int at_once_ms = 1;

	if (side == PEER_IN) {
		zmq_setsockopt(
			port->socket, ZMQ_RCVHWM, &channel->messages, sizeof(channel->messages));
		return zmq_bind(port->socket, channel->address);
	}
	zmq_setsockopt(port->socket, ZMQ_SNDHWM, &channel->messages, sizeof(channel->messages));
	zmq_setsockopt(port->socket, ZMQ_RECONNECT_IVL, &at_once_ms, sizeof(at_once_ms));
	return zmq_connect(port->socket, channel->address);
}

static struct port *open_port(struct channel *channel, enum peer_side side)
{
	struct port *const port = calloc(1, sizeof(*port));

	if (port == NULL)
		return NULL;
	port->context = zmq_ctx_new();
	if (port->context != NULL)
		port->socket = zmq_socket(port->context, side == PEER_OUT ? ZMQ_PUSH : ZMQ_PULL);
	if (port->socket == NULL || connect_port(port, channel, side) != 0) {
		close_port(port);
		return NULL;
	}
	return port;
}

const struct peer peer_zeromq = {
	.name = "zeromq",
	.caps = PEER_BLOCKS | PEER_HAS_THREADS,
	.bytes_max = SIZE_MAX,
	.create = create_address,
	.destroy = destroy_address,
	.open = open_port,
	.close = close_port,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};
