/*
 * POSIX message queues.
 *
 * The limits of an ordinary user are narrow (10 messages of 8 KiB); a privileged one gets more,
 * and then the queue is made as deep as it may be.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "peer.h"

struct channel {
	mqd_t queue;
};

struct port {
	mqd_t queue;
};

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	while (mq_send(port->queue, message, bytes, 0) != 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 1;
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	for (;;) {
		const ssize_t came = mq_receive(port->queue, buffer, bytes, NULL);

		if (came >= 0)
			return came;
		if (errno != EINTR)
			return -errno;
	}
}

static const char *port_describe(int code)
{
	return strerror(-code);
}

#include "loops.h"
#include "loops_paced.h"

static void destroy_queue(struct channel *channel)
{
	if (channel == NULL)
		return;
	mq_close(channel->queue);
	free(channel);
}

static int create_queue(const struct channel_plan *plan, struct channel **ret_channel)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct channel *const channel = malloc(sizeof(*channel));
	struct mq_attr attr = {.mq_msgsize = (long)plan->bytes};
	static unsigned made;
	char name[64];

	if (channel == NULL)
		return -ENOMEM;
	snprintf(name, sizeof(name), "/bench-%ld-%u", (long)getpid(), made++);
	(void)setrlimit(RLIMIT_MSGQUEUE, &unlimited); /* refused without privilege */
	for (attr.mq_maxmsg = 32768; attr.mq_maxmsg >= 8; attr.mq_maxmsg /= 2) {
		if ((size_t)attr.mq_maxmsg * plan->bytes > plan->capacity_bytes)
			continue;
		channel->queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600, &attr);
		if (channel->queue >= 0) {
			mq_unlink(name);
			*ret_channel = channel;
			return 0;
		}
	}
	free(channel);
	return errno != 0 ? -errno : -EINVAL;
}

static struct port *open_queue(struct channel *channel, enum peer_side side)
{
	struct port *const port = malloc(sizeof(*port));

	(void)side;
	if (port != NULL)
		port->queue = channel->queue;
	return port;
}

static void close_port(struct port *port)
{
	free(port);
}

const struct peer peer_mq = {
	.name = "mq",
	.caps = PEER_BLOCKS,
	.bytes_max = 8192,
	.create = create_queue,
	.destroy = destroy_queue,
	.open = open_queue,
	.close = close_port,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};
