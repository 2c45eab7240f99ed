/*
 * System V message queues.
 *
 * A message has to follow its type in memory, so every one is copied once more, as a program does
 * that did not build it there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include "peer.h"

enum { BYTES_MAX = 8192 }; /* the usual limit of one message */

struct channel {
	int queue;
};

struct port {
	int queue;
	struct {
		long type;
		unsigned char message[BYTES_MAX];
	} typed;
};

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	port->typed.type = 1;
	memcpy(port->typed.message, message, bytes);
	return msgsnd(port->queue, &port->typed, bytes, 0) != 0 ? -errno : 1;
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	const ssize_t came = msgrcv(port->queue, &port->typed, bytes, 0, 0);

	if (came < 0)
		return -errno;
	memcpy(buffer, port->typed.message, (size_t)came);
	return came;
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
	msgctl(channel->queue, IPC_RMID, NULL);
	free(channel);
}

static int create_queue(const struct channel_plan *plan, struct channel **ret_channel)
{
	struct channel *const channel = malloc(sizeof(*channel));
	struct msqid_ds now;

	if (channel == NULL)
		return -ENOMEM;
	channel->queue = msgget(IPC_PRIVATE, IPC_CREAT | IPC_EXCL | 0600);
	if (channel->queue < 0) {
		free(channel);
		return -errno;
	}
	if (msgctl(channel->queue, IPC_STAT, &now) == 0) {
		now.msg_qbytes = plan->capacity_bytes;
		(void)msgctl(channel->queue, IPC_SET, &now); /* refused without privilege */
	}
	*ret_channel = channel;
	return 0;
}

static struct port *open_queue(struct channel *channel, enum peer_side side)
{
	struct port *const port = calloc(1, sizeof(*port));

	(void)side;
	if (port != NULL)
		port->queue = channel->queue;
	return port;
}

static void close_port(struct port *port)
{
	free(port);
}

const struct peer peer_sysv_mq = {
	.name = "sysv_mq",
	.caps = PEER_BLOCKS,
	.bytes_max = BYTES_MAX,
	.create = create_queue,
	.destroy = destroy_queue,
	.open = open_queue,
	.close = close_port,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};
