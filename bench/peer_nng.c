/*
 * NNG: PUSH to PULL through its ipc transport. Only blocking, as ZeroMQ.
 */
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "peer.h"

enum { BUFFERED_MAX = 8192 }; /* messages; more it does not take */

struct channel {
	char address[64];
	int messages;
};

struct port {
	nng_socket socket;
};

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	const int rc = nng_send(port->socket, (void *)message, bytes, 0); /* only read */

	return rc == 0 ? 1 : -rc;
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	size_t length = bytes;
	const int rc = nng_recv(port->socket, buffer, &length, 0);

	return rc == 0 ? (int64_t)length : -rc;
}

static const char *port_describe(int code)
{
	return nng_strerror(-code);
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
	const size_t messages = plan->capacity_bytes / plan->bytes;
	struct channel *const channel = malloc(sizeof(*channel));
	static unsigned made;

	if (channel == NULL)
		return -NNG_ENOMEM;
	snprintf(channel->address, sizeof(channel->address), "ipc:///tmp/gyre-bench-%ld-%u",
		(long)getpid(), made++);
	channel->messages = messages < BUFFERED_MAX ? (int)messages : BUFFERED_MAX;
	*ret_channel = channel;
	return 0;
}

static void close_port(struct port *port)
{
	if (port == NULL)
		return;
	nng_close(port->socket);
	free(port);
}

static int connect_port(struct port *port, const struct channel *channel, enum peer_side side)
{
	if (side == PEER_IN) {
		nng_socket_set_size(port->socket, NNG_OPT_RECVMAXSZ, 0); /* any size */
		return nng_listen(port->socket, channel->address, NULL, 0);
	}
	nng_socket_set_int(port->socket, NNG_OPT_SENDBUF, channel->messages);
	nng_socket_set_ms(port->socket, NNG_OPT_RECONNMINT, 1);
	return nng_dial(port->socket, channel->address, NULL, NNG_FLAG_NONBLOCK);
}

static struct port *open_port(struct channel *channel, enum peer_side side)
{
	struct port *const port = calloc(1, sizeof(*port));
	int rc;

	if (port == NULL)
		return NULL;
	rc = side == PEER_OUT ? nng_push0_open(&port->socket) : nng_pull0_open(&port->socket);
	if (rc != 0) {
		free(port);
		return NULL;
	}
	if (connect_port(port, channel, side) != 0) {
		close_port(port);
		return NULL;
	}
	return port;
}

const struct peer peer_nng = {
	.name = "nng",
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
