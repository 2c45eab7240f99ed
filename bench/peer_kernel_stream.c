/*
 * Byte streams of the kernel: a pipe, and a pair of connected Unix stream sockets.
 *
 * One write() and one read() a message; a batch is one write() of many. Both ends know the
 * message's size, so nothing needs framing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

struct channel {
	int out;
	int in;
};

struct port {
	int fd;
};

static inline int port_send_batch(
	struct port *port, const void *messages, size_t bytes, unsigned count)
{
	const unsigned char *from = messages;
	size_t left = bytes * count;

	while (left > 0) {
		const ssize_t done = write(port->fd, from, left);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		from += done;
		left -= (size_t)done;
	}
	return (int)count;
}

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	return port_send_batch(port, message, bytes, 1);
}

/* As many as came with one read(), the last one completed. */
static inline int port_receive_batch(struct port *port, void *buffer, size_t bytes, unsigned count)
{
	unsigned char *const to = buffer;
	size_t have = 0;

	do {
		const size_t want = have == 0 ? bytes * count : bytes - have % bytes;
		const ssize_t done = read(port->fd, to + have, want);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		if (done == 0)
			return -EPIPE;
		have += (size_t)done;
	} while (have % bytes != 0);
	return (int)(have / bytes);
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	const int rc = port_receive_batch(port, buffer, bytes, 1);

	return rc < 0 ? rc : (int64_t)bytes;
}

static const char *port_describe(int code)
{
	return strerror(-code);
}

#include "loops.h"
#include "loops_batch.h"
#include "loops_paced.h"

static void destroy_stream(struct channel *channel)
{
	if (channel == NULL)
		return;
	close(channel->out);
	close(channel->in);
	free(channel);
}

static int adopt(int out, int in, struct channel **ret_channel)
{
	struct channel *const channel = malloc(sizeof(*channel));

	if (channel == NULL) {
		close(out);
		close(in);
		return -ENOMEM;
	}
	channel->out = out;
	channel->in = in;
	*ret_channel = channel;
	return 0;
}

static int create_pipe(const struct channel_plan *plan, struct channel **ret_channel)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	/* The same room as everybody's, as far as the system's limit goes. */
	for (size_t room = plan->capacity_bytes; room >= 65536; room /= 2) {
		if (fcntl(ends[1], F_SETPIPE_SZ, (int)room) >= 0)
			break;
	}
	return adopt(ends[1], ends[0], ret_channel);
}

static int create_unix(const struct channel_plan *plan, struct channel **ret_channel)
{
	const int room = (int)plan->capacity_bytes;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	(void)setsockopt(
		ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)); /* cut to the limit */
	return adopt(ends[0], ends[1], ret_channel);
}

static struct port *open_stream(struct channel *channel, enum peer_side side)
{
	struct port *const port = malloc(sizeof(*port));

	if (port == NULL)
		return NULL;
	port->fd = side == PEER_OUT ? channel->out : channel->in;
	return port;
}

static void close_port(struct port *port)
{
	free(port); /* the descriptor is the channel's */
}

const struct peer peer_pipe = {
	.name = "pipe",
	.caps = PEER_BLOCKS,
	.bytes_max = SIZE_MAX,
	.create = create_pipe,
	.destroy = destroy_stream,
	.open = open_stream,
	.close = close_port,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.batch = {batch_out, batch_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};

const struct peer peer_unix = {
	.name = "unix",
	.caps = PEER_BLOCKS,
	.bytes_max = SIZE_MAX,
	.create = create_unix,
	.destroy = destroy_stream,
	.open = open_stream,
	.close = close_port,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.batch = {batch_out, batch_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};
