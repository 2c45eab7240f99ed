/*
 * A pair of connected Unix sockets that keep messages apart: one send() and one recv() a message,
 * one sendmmsg() and one recvmmsg() a batch.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message.h"
#include "peer.h"

struct channel {
	int out;
	int in;
};

struct port {
	int fd;
	struct iovec places[MESSAGE_BATCH];
	struct mmsghdr headers[MESSAGE_BATCH];
};

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	return send(port->fd, message, bytes, MSG_NOSIGNAL) < 0 ? -errno : 1;
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	const ssize_t came = recv(port->fd, buffer, bytes, 0);

	if (came == 0)
		return -EPIPE;
	return came < 0 ? -errno : came;
}

static void place(struct port *port, unsigned char *messages, size_t bytes, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		port->places[i] = (struct iovec){messages + i * bytes, bytes};
		port->headers[i] = (struct mmsghdr){
			.msg_hdr = {.msg_iov = &port->places[i], .msg_iovlen = 1},
		};
	}
}

static inline int port_send_batch(
	struct port *port, const void *messages, size_t bytes, unsigned count)
{
	int sent;

	place(port, (unsigned char *)messages, bytes, count); /* only read */
	sent = sendmmsg(port->fd, port->headers, count, MSG_NOSIGNAL);
	return sent < 0 ? -errno : sent;
}

/* Waits for the first only. */
static inline int port_receive_batch(struct port *port, void *buffer, size_t bytes, unsigned count)
{
	int came;

	place(port, buffer, bytes, count);
	came = recvmmsg(port->fd, port->headers, count, MSG_WAITFORONE, NULL);
	for (int i = 0; i < came; i++) {
		if (port->headers[i].msg_len != bytes)
			return -EPIPE;
	}
	return came < 0 ? -errno : came;
}

static const char *port_describe(int code)
{
	return strerror(-code);
}

#include "loops.h"
#include "loops_batch.h"
#include "loops_paced.h"

static void destroy_sockets(struct channel *channel)
{
	if (channel == NULL)
		return;
	close(channel->out);
	close(channel->in);
	free(channel);
}

static int create_sockets(const struct channel_plan *plan, struct channel **ret_channel)
{
	struct channel *const channel = malloc(sizeof(*channel));
	const int room = (int)plan->capacity_bytes;
	int ends[2];

	if (channel == NULL)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		free(channel);
		return -errno;
	}
	channel->out = ends[0];
	channel->in = ends[1];
	/* The privileged form is not cut to the system's limit. */
	if (setsockopt(channel->out, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) != 0)
		(void)setsockopt(channel->out, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	*ret_channel = channel;
	return 0;
}

static struct port *open_socket(struct channel *channel, enum peer_side side)
{
	struct port *const port = calloc(1, sizeof(*port));

	if (port == NULL)
		return NULL;
	port->fd = side == PEER_OUT ? channel->out : channel->in;
	return port;
}

static void close_port(struct port *port)
{
	free(port); /* the descriptor is the channel's */
}

const struct peer peer_seqpacket = {
	.name = "seqpacket",
	.caps = PEER_BLOCKS,
	.bytes_max = 64UL * 1024, /* an ordinary user's buffer takes no larger message */
	.create = create_sockets,
	.destroy = destroy_sockets,
	.open = open_socket,
	.close = close_port,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.batch = {batch_out, batch_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};
