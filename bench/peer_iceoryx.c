/*
 * iceoryx: chunks of a pool in shared memory, handed from a publisher to a subscriber without
 * copying. Its daemon, RouDi, is started when it is needed first (roudi.h).
 *
 * Set to lose nothing: a full queue holds the publisher up, in a loop that yields. A blocking
 * subscriber waits by a wait set.
 */
#include <iceoryx_binding_c/enums.h>
#include <iceoryx_binding_c/log.h>
#include <iceoryx_binding_c/publisher.h>
#include <iceoryx_binding_c/runtime.h>
#include <iceoryx_binding_c/subscriber.h>
#include <iceoryx_binding_c/types.h>
#include <iceoryx_binding_c/wait_set.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"
#include "roudi.h"

enum {
	QUEUE_MAX = 256, /* what it was built for */
	NO_DAEMON = -1,
	NO_MEMORY = -2,
	NO_CHUNK = -3,
	NO_RECEIVE = -4,
};

struct channel {
	char instance[32];
	size_t bytes;
	uint64_t queue;
	bool blocking;
};

struct port {
	iox_pub_storage_t pub_storage;
	iox_sub_storage_t sub_storage;
	iox_ws_storage_t set_storage;
	iox_pub_t pub;
	iox_sub_t sub;
	iox_ws_t set; /* where it blocks */
	size_t bytes;
	bool connected;
	void *loaned;
	const void *taken;
};

static inline int port_reserve(struct port *port, size_t bytes, void **ret_message)
{
	enum iox_AllocationResult rc;

	/* What is published before somebody subscribed is lost. */
	if (!port->connected) {
		port->connected = iox_pub_has_subscribers(port->pub);
		return 0;
	}
	rc = iox_pub_loan_chunk(port->pub, &port->loaned, (uint32_t)bytes);
	if (rc != AllocationResult_SUCCESS)
		return NO_CHUNK;
	*ret_message = port->loaned;
	return 1;
}

static inline int port_commit(struct port *port, size_t bytes)
{
	(void)bytes;
	iox_pub_publish_chunk(port->pub, port->loaned);
	return 1;
}

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	void *chunk;
	const int rc = port_reserve(port, bytes, &chunk);

	if (rc <= 0)
		return rc;
	memcpy(chunk, message, bytes);
	return port_commit(port, bytes);
}

static void sleep_until_data(struct port *port)
{
	iox_notification_info_t info;
	uint64_t missed;

	iox_ws_wait(port->set, &info, 1, &missed);
}

static inline int64_t port_peek(struct port *port, const void **ret_message)
{
	enum iox_ChunkReceiveResult rc = iox_sub_take_chunk(port->sub, &port->taken);

	while (rc == ChunkReceiveResult_NO_CHUNK_AVAILABLE && port->set != NULL) {
		sleep_until_data(port);
		rc = iox_sub_take_chunk(port->sub, &port->taken);
	}
	if (rc == ChunkReceiveResult_NO_CHUNK_AVAILABLE)
		return 0;
	if (rc != ChunkReceiveResult_SUCCESS)
		return NO_RECEIVE;
	*ret_message = port->taken;
	return (int64_t)port->bytes; /* its C interface does not tell */
}

static inline int port_release(struct port *port)
{
	iox_sub_release_chunk(port->sub, port->taken);
	return 1;
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	const void *chunk;
	const int64_t rc = port_peek(port, &chunk);

	if (rc <= 0)
		return rc;
	memcpy(buffer, chunk, bytes);
	port_release(port);
	return rc;
}

static const char *port_describe(int code)
{
	switch (code) {
	case NO_DAEMON:
		return "iox-roudi does not start: not installed, or another one is running";
	case NO_MEMORY:
		return "no memory";
	case NO_CHUNK:
		return "no chunk to be had";
	default:
		return "no chunk could be taken";
	}
}

#include "loops.h"
#include "loops_in_place.h"
#include "loops_paced.h"

/* What a process is called that opens this side of a channel first. */
static void name_process(
	const struct channel *channel, enum peer_side side, char *text, size_t room)
{
	snprintf(
		text, room, "gyre-bench-%s-%s", channel->instance, side == PEER_OUT ? "out" : "in");
}

/* Roles end without the destructors that would remove these. */
static void unlink_process(const struct channel *channel, enum peer_side side)
{
	char name[64];
	char path[80];

	name_process(channel, side, name, sizeof(name));
	snprintf(path, sizeof(path), "/tmp/%s", name);
	unlink(path);
	snprintf(path, sizeof(path), "/tmp/%s.lock", name);
	unlink(path);
}

static void destroy_name(struct channel *channel)
{
	if (channel == NULL)
		return;
	unlink_process(channel, PEER_OUT);
	unlink_process(channel, PEER_IN);
	free(channel);
}

static int create_name(const struct channel_plan *plan, struct channel **ret_channel)
{
	const uint64_t fit = plan->capacity_bytes / plan->bytes;
	struct channel *channel;
	static unsigned made;

	if (!roudi_start())
		return NO_DAEMON;
	channel = calloc(1, sizeof(*channel));
	if (channel == NULL)
		return NO_MEMORY;
	snprintf(channel->instance, sizeof(channel->instance), "%ld-%u", (long)getpid(), made++);
	channel->bytes = plan->bytes;
	channel->queue = fit < QUEUE_MAX ? fit : QUEUE_MAX;
	channel->blocking = plan->blocking;
	*ret_channel = channel;
	return 0;
}

static void register_process(const struct channel *channel, enum peer_side side)
{
	static bool done;
	char name[64];

	if (done)
		return;
	name_process(channel, side, name, sizeof(name));
	iox_set_loglevel(Iceoryx_LogLevel_Error);
	iox_runtime_init(name);
	done = true;
}

static void open_publisher(struct port *port, const struct channel *channel)
{
	iox_pub_options_t options;

	iox_pub_options_init(&options);
	options.subscriberTooSlowPolicy = ConsumerTooSlowPolicy_WAIT_FOR_CONSUMER;
	port->pub = iox_pub_init(
		&port->pub_storage, "gyre-bench", channel->instance, "message", &options);
}

static void open_subscriber(struct port *port, const struct channel *channel)
{
	iox_sub_options_t options;

	iox_sub_options_init(&options);
	options.queueCapacity = channel->queue;
	options.queueFullPolicy = QueueFullPolicy_BLOCK_PRODUCER;
	port->sub = iox_sub_init(
		&port->sub_storage, "gyre-bench", channel->instance, "message", &options);
	if (!channel->blocking)
		return;
	port->set = iox_ws_init(&port->set_storage);
	iox_ws_attach_subscriber_state(port->set, port->sub, SubscriberState_HAS_DATA, 0, NULL);
}

static struct port *open_port(struct channel *channel, enum peer_side side)
{
	struct port *const port = calloc(1, sizeof(*port));

	if (port == NULL)
		return NULL;
	port->bytes = channel->bytes;
	register_process(channel, side);
	if (side == PEER_OUT)
		open_publisher(port, channel);
	else
		open_subscriber(port, channel);
	return port;
}

static void close_port(struct port *port)
{
	if (port == NULL)
		return;
	if (port->set != NULL)
		iox_ws_deinit(port->set);
	if (port->sub != NULL)
		iox_sub_deinit(port->sub);
	if (port->pub != NULL)
		iox_pub_deinit(port->pub);
	free(port);
}

const struct peer peer_iceoryx = {
	.name = "iceoryx",
	.caps = PEER_POLLS | PEER_BLOCKS | PEER_HAS_THREADS | PEER_ATTACHES,
	.bytes_max = 6UL * 1024 * 1024,
	.create = create_name,
	.destroy = destroy_name,
	.open = open_port,
	.close = close_port,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.in_place = {place_out, place_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};
