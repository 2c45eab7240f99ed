/*
 * nanomsg: PUSH to PULL through its ipc transport. Only blocking, as ZeroMQ.
 */
#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/pipeline.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "peer.h"

struct channel {
	char address[64];
	int room;
};

struct port {
	int socket;
};

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	while (nn_send(port->socket, message, bytes, 0) < 0) {
		if (nn_errno() != EINTR)
			return -nn_errno();
	}
	return 1;
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	for (;;) {
		const int came = nn_recv(port->socket, buffer, bytes, 0);

		if (came >= 0)
			return came;
		if (nn_errno() != EINTR)
			return -nn_errno();
	}
}

static const char *port_describe(int code)
{
	return nn_strerror(-code);
}

#include "loops.h"
#include "loops_paced.h"

static const char *path_of(const struct channel *channel)
{
	return channel->address + sizeof("ipc://") - 1;
}

static void destroy_address(struct channel *channel)
{
	if (channel == NULL)
		return;
	unlink(path_of(channel));
	free(channel);
}

static int create_address(const struct channel_plan *plan, struct channel **ret_channel)
{
	struct channel *const channel = malloc(sizeof(*channel));
	static unsigned made;

	if (channel == NULL)
		return -ENOMEM;
	snprintf(channel->address, sizeof(channel->address), "ipc:///tmp/gyre-bench-%ld-%u",
		(long)getpid(), made++);
	channel->room = (int)(plan->capacity_bytes / 2); /* at either end */
	*ret_channel = channel;
	return 0;
}

static void close_port(struct port *port)
{
	if (port == NULL)
		return;
	if (port->socket >= 0)
		nn_close(port->socket);
	free(port);
}

static int connect_port(struct port *port, const struct channel *channel, enum peer_side side)
{
	const int any_size = -1;
	const int at_once_ms = 1;

	if (side == PEER_IN) {
		nn_setsockopt(
			port->socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, &any_size, sizeof(any_size));
		nn_setsockopt(port->socket, NN_SOL_SOCKET, NN_RCVBUF, &channel->room,
			sizeof(channel->room));
		return nn_bind(port->socket, channel->address);
	}
	nn_setsockopt(
		port->socket, NN_SOL_SOCKET, NN_SNDBUF, &channel->room, sizeof(channel->room));
	nn_setsockopt(
		port->socket, NN_SOL_SOCKET, NN_RECONNECT_IVL, &at_once_ms, sizeof(at_once_ms));
	return nn_connect(port->socket, channel->address);
}

static struct port *open_port(struct channel *channel, enum peer_side side)
{
	struct port *const port = calloc(1, sizeof(*port));

	if (port == NULL)
		return NULL;
	port->socket = nn_socket(AF_SP, side == PEER_OUT ? NN_PUSH : NN_PULL);
	if (port->socket < 0 || connect_port(port, channel, side) < 0) {
		close_port(port);
		return NULL;
	}
	return port;
}

const struct peer peer_nanomsg = {
	.name = "nanomsg",
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
