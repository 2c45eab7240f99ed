/*
 * boost::lockfree::spsc_queue in shared memory: typed, as it is meant to be used, of a length that
 * is chosen when it is made. The roles inherit the mapping, so what it allocates is for them where
 * it was for the parent.
 */
#include <boost/lockfree/spsc_queue.hpp>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <type_traits>

#include "peer.h"
#include "shared.h"

namespace
{
template <size_t bytes> struct entry {
	unsigned char message[bytes];
};

template <typename type> struct shared_allocator {
	using value_type = type;

	shared_allocator() = default;
	template <typename other> explicit shared_allocator(const shared_allocator<other> &)
	{
	}

	type *allocate(size_t count)
	{
		void *const memory = shared_alloc(count * sizeof(type));

		if (memory == nullptr)
			throw std::bad_alloc();
		return static_cast<type *>(memory);
	}

	void deallocate(type *memory, size_t count)
	{
		shared_free(memory, count * sizeof(type));
	}
};

template <size_t bytes> struct queue_of {
	using type = boost::lockfree::spsc_queue<entry<bytes>,
		boost::lockfree::allocator<shared_allocator<entry<bytes>>>>;
};

enum { UNKNOWN_SIZE = -1, NO_MEMORY = -2, QUEUE_BYTES = 4096 };

/* Calls back with the size as a constant. */
template <typename function> inline int with_size(size_t bytes, const function &f)
{
	switch (bytes) {
	case 8:
		return f(std::integral_constant<size_t, 8>());
	case 64:
		return f(std::integral_constant<size_t, 64>());
	case 1024:
		return f(std::integral_constant<size_t, 1024>());
	case 65536:
		return f(std::integral_constant<size_t, 65536>());
	case 1048576:
		return f(std::integral_constant<size_t, 1048576>());
	case 6291456:
		return f(std::integral_constant<size_t, 6291456>());
	default:
		return UNKNOWN_SIZE;
	}
}
} // namespace

/* Of C's kind, as in every adapter: others have classes of the same names. */
struct channel {
	void *queue;
	size_t bytes;
};

struct port {
	void *queue;
};

static inline int port_send_batch(
	struct port *port, const void *messages, size_t bytes, unsigned count)
{
	return with_size(bytes, [=](auto size) {
		auto *const queue = static_cast<typename queue_of<size>::type *>(port->queue);

		return static_cast<int>(
			queue->push(static_cast<const entry<size> *>(messages), count));
	});
}

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	return with_size(bytes, [=](auto size) {
		auto *const queue = static_cast<typename queue_of<size>::type *>(port->queue);

		return queue->push(*static_cast<const entry<size> *>(message)) ? 1 : 0;
	});
}

static inline int port_receive_batch(struct port *port, void *buffer, size_t bytes, unsigned count)
{
	return with_size(bytes, [=](auto size) {
		auto *const queue = static_cast<typename queue_of<size>::type *>(port->queue);

		return static_cast<int>(queue->pop(static_cast<entry<size> *>(buffer), count));
	});
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	const int rc = with_size(bytes, [=](auto size) {
		auto *const queue = static_cast<typename queue_of<size>::type *>(port->queue);

		return queue->pop(*static_cast<entry<size> *>(buffer)) ? 1 : 0;
	});

	return rc > 0 ? static_cast<int64_t>(bytes) : rc;
}

static const char *port_describe(int code)
{
	return code == UNKNOWN_SIZE ? "no entry type of this size" : "no memory";
}

#include "loops.h"
#include "loops_batch.h"
#include "loops_paced.h"

static void destroy_queue(struct channel *channel)
{
	if (channel == nullptr)
		return;
	if (channel->queue != nullptr)
		with_size(channel->bytes, [=](auto size) {
			using type = typename queue_of<size>::type;

			static_cast<type *>(channel->queue)->~type();
			return 0;
		});
	shared_free(channel->queue, QUEUE_BYTES);
	std::free(channel);
}

static int make_queue(struct channel *channel, size_t entries)
try {
	void *const memory = shared_alloc(QUEUE_BYTES);

	if (memory == nullptr)
		return NO_MEMORY;
	return with_size(channel->bytes, [=](auto size) {
		using type = typename queue_of<size>::type;

		static_assert(sizeof(type) <= QUEUE_BYTES);
		channel->queue = new (memory) type(entries);
		return 0;
	});
} catch (const std::bad_alloc &) {
	return NO_MEMORY;
}

static int create_queue(const struct channel_plan *plan, struct channel **ret_channel)
{
	auto *const channel = static_cast<struct channel *>(std::calloc(1, sizeof(struct channel)));
	int rc;

	if (channel == nullptr)
		return NO_MEMORY;
	channel->bytes = plan->bytes;
	rc = make_queue(channel, plan->capacity_bytes / plan->bytes);
	if (rc != 0) {
		destroy_queue(channel);
		return rc;
	}
	*ret_channel = channel;
	return 0;
}

static struct port *open_queue(struct channel *channel, enum peer_side)
{
	auto *const port = static_cast<struct port *>(std::malloc(sizeof(struct port)));

	if (port != nullptr)
		port->queue = channel->queue;
	return port;
}

static void close_port(struct port *port)
{
	std::free(port);
}

extern "C" const struct peer peer_boost_spsc = {
	.name = "boost_spsc",
	.caps = PEER_POLLS | PEER_TYPED,
	.bytes_max = 6291456,
	.create = create_queue,
	.destroy = destroy_queue,
	.open = open_queue,
	.close = close_port,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.batch = {batch_out, batch_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};
