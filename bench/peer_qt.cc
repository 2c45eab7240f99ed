/*
 * Qt's QSharedMemory, as Qt programs use it: a queue of slots in it, under its lock. Blocking, two
 * QSystemSemaphores count what is free and what is there.
 */
#define QT_NO_KEYWORDS /* one of them is slots */
#include <QSharedMemory>
#include <QString>
#include <QSystemSemaphore>

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "peer.h"

namespace
{
/* In the shared memory, zeroed when it is made; everything in it is read and written under the
 * lock. */
struct queue {
	uint64_t head;
	uint64_t tail; /* the slots follow */
};

enum { FAILED = -1 };
char why[200]; /* in words, once something failed */

int fail(const QString &text)
{
	std::snprintf(why, sizeof(why), "%s", qPrintable(text));
	return FAILED;
}

/* One process's hold of a queue and its counts. */
struct hold {
	hold(const QString &key, const struct channel_plan &plan, QSystemSemaphore::AccessMode mode)
	    : memory(key), slots(plan.capacity_bytes / plan.bytes), bytes(plan.bytes)
	{
		if (!plan.blocking)
			return;
		free.emplace(key + "-free", static_cast<int>(slots), mode);
		used.emplace(key + "-used", 0, mode);
	}

	struct queue *queue()
	{
		return static_cast<struct queue *>(memory.data());
	}

	unsigned char *slot(uint64_t position)
	{
		return reinterpret_cast<unsigned char *>(queue() + 1) + position % slots * bytes;
	}

	QSharedMemory memory;
	std::optional<QSystemSemaphore> free; /* where it blocks */
	std::optional<QSystemSemaphore> used;
	uint64_t slots;
	size_t bytes;
};
} // namespace

/* Of C's kind, as in every adapter: others have classes of the same names. */
struct channel {
	hold *its;
	char key[64];
	struct channel_plan plan;
};

struct port {
	hold *its;
};

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	hold &its = *port->its;
	bool room;

	if (its.free && !its.free->acquire())
		return fail(its.free->errorString());
	if (!its.memory.lock())
		return fail(its.memory.errorString());
	room = its.queue()->tail - its.queue()->head < its.slots;
	if (room) {
		std::memcpy(its.slot(its.queue()->tail), message, bytes);
		its.queue()->tail++;
	}
	if (!its.memory.unlock())
		return fail(its.memory.errorString());
	if (its.used && !its.used->release())
		return fail(its.used->errorString());
	return room ? 1 : 0;
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	hold &its = *port->its;
	bool there;

	if (its.used && !its.used->acquire())
		return fail(its.used->errorString());
	if (!its.memory.lock())
		return fail(its.memory.errorString());
	there = its.queue()->head != its.queue()->tail;
	if (there) {
		std::memcpy(buffer, its.slot(its.queue()->head), bytes);
		its.queue()->head++;
	}
	if (!its.memory.unlock())
		return fail(its.memory.errorString());
	if (its.free && !its.free->release())
		return fail(its.free->errorString());
	return there ? static_cast<int64_t>(bytes) : 0;
}

static const char *port_describe(int)
{
	return why;
}

#include "loops.h"
#include "loops_mpmc.h"
#include "loops_paced.h"

static void destroy_memory(struct channel *channel)
{
	if (channel == nullptr)
		return;
	delete channel->its;
	std::free(channel);
}

static int create_memory(const struct channel_plan *plan, struct channel **ret_channel)
{
	auto *const channel = static_cast<struct channel *>(std::calloc(1, sizeof(struct channel)));
	static unsigned made;

	if (channel == nullptr)
		return fail("no memory");
	std::snprintf(channel->key, sizeof(channel->key), "gyre-bench-%ld-%u",
		static_cast<long>(getpid()), made++);
	channel->plan = *plan;
	channel->its = new hold(channel->key, *plan, QSystemSemaphore::Create);
	const size_t size = sizeof(struct queue) + channel->its->slots * plan->bytes;

	if (!channel->its->memory.create(static_cast<qsizetype>(size))) {
		const int rc = fail(channel->its->memory.errorString());

		destroy_memory(channel);
		return rc;
	}
	*ret_channel = channel;
	return 0;
}

static void close_port(struct port *port)
{
	if (port == nullptr)
		return;
	delete port->its;
	std::free(port);
}

static struct port *open_memory(struct channel *channel, enum peer_side)
{
	auto *const port = static_cast<struct port *>(std::calloc(1, sizeof(struct port)));

	if (port == nullptr)
		return nullptr;
	port->its = new hold(channel->key, channel->plan, QSystemSemaphore::Open);
	if (!port->its->memory.attach()) {
		close_port(port);
		return nullptr;
	}
	return port;
}

extern "C" const struct peer peer_qt_shm = {
	.name = "qt_shm",
	.caps = PEER_POLLS | PEER_BLOCKS | PEER_CREATES | PEER_ATTACHES,
	.bytes_max = SIZE_MAX,
	.create = create_memory,
	.destroy = destroy_memory,
	.open = open_memory,
	.close = close_port,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
	.mpmc = {mpmc_out, mpmc_in},
};
