/*
 * boost::interprocess::message_queue: a heap of messages by priority, behind a mutex and two
 * conditions in shared memory. The polling forms try, the blocking ones wait.
 */
#include <boost/interprocess/ipc/message_queue.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "peer.h"

using boost::interprocess::message_queue;

/* Of C's kind, as in every adapter: others have classes of the same names. */
struct channel {
	char name[64];
	bool blocking;
};

struct port {
	message_queue *queue;
	bool blocking;
};

/* Boost throws. */
static inline int port_send(struct port *port, const void *message, size_t bytes)
try {
	if (!port->blocking)
		return port->queue->try_send(message, bytes, 0) ? 1 : 0;
	port->queue->send(message, bytes, 0);
	return 1;
} catch (const boost::interprocess::interprocess_exception &error) {
	return -static_cast<int>(error.get_error_code());
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
try {
	message_queue::size_type length = 0;
	unsigned priority;

	if (port->blocking)
		port->queue->receive(buffer, bytes, length, priority);
	else if (!port->queue->try_receive(buffer, bytes, length, priority))
		return 0;
	return static_cast<int64_t>(length);
} catch (const boost::interprocess::interprocess_exception &error) {
	return -static_cast<int>(error.get_error_code());
}

static const char *port_describe(int code)
{
	static char text[64];

	std::snprintf(text, sizeof(text), "boost::interprocess error %d", -code);
	return text;
}

#include "loops.h"
#include "loops_mpmc.h"
#include "loops_paced.h"

static void destroy_queue(struct channel *channel)
{
	if (channel == nullptr)
		return;
	message_queue::remove(channel->name);
	std::free(channel);
}

static int make_queue(const struct channel *channel, const struct channel_plan *plan)
try {
	const message_queue made(boost::interprocess::create_only, channel->name,
		plan->capacity_bytes / plan->bytes, plan->bytes);

	return 0;
} catch (const boost::interprocess::interprocess_exception &error) {
	return -static_cast<int>(error.get_error_code());
}

static int create_queue(const struct channel_plan *plan, struct channel **ret_channel)
{
	auto *const channel = static_cast<struct channel *>(std::calloc(1, sizeof(struct channel)));
	static unsigned made;
	int rc;

	if (channel == nullptr)
		return -boost::interprocess::out_of_resource_error;
	std::snprintf(channel->name, sizeof(channel->name), "gyre-bench-%ld-%u",
		static_cast<long>(getpid()), made++);
	channel->blocking = plan->blocking;
	rc = make_queue(channel, plan);
	if (rc != 0) {
		destroy_queue(channel);
		return rc;
	}
	*ret_channel = channel;
	return 0;
}

static void close_port(struct port *port)
{
	if (port == nullptr)
		return;
	delete port->queue;
	std::free(port);
}

static struct port *open_queue(struct channel *channel, enum peer_side)
{
	auto *const port = static_cast<struct port *>(std::calloc(1, sizeof(struct port)));

	if (port == nullptr)
		return nullptr;
	port->blocking = channel->blocking;
	try {
		port->queue = new message_queue(boost::interprocess::open_only, channel->name);
	} catch (...) {
		close_port(port);
		return nullptr;
	}
	return port;
}

extern "C" const struct peer peer_boost_mq = {
	.name = "boost_mq",
	.caps = PEER_POLLS | PEER_BLOCKS | PEER_CREATES | PEER_ATTACHES,
	.bytes_max = SIZE_MAX,
	.create = create_queue,
	.destroy = destroy_queue,
	.open = open_queue,
	.close = close_port,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
	.mpmc = {mpmc_out, mpmc_in},
};
