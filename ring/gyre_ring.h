/**
 * @file gyre_ring.h
 * @brief Messages between processes through a ring in shared memory.
 *
 * A key names a ring ("cam0", "posix:/cam0", "file:/run/user/1000/cam0"). One side attaches as
 * producer, the other as consumer: one of each in an spsc ring, any number of both in an mpmc ring,
 * where each message goes to one consumer. Messages are bytes of any size up to half the ring, each
 * with a 32-bit tag of the user's. The ring and what was committed to it outlive every process
 * that used it, until it was closed and emptied or somebody unlinks it.
 *
 * Common to every function that takes a struct gyre_ring:
 * - Threads: a handle belongs to one thread at a time; threads that share a ring attach handles
 *   of their own. Handles in any number of threads and processes may be used concurrently.
 * - Signals: the calls that move messages (reserve ... receive) are async-signal-safe, but a
 *   handler must not use a handle whose call it interrupted.
 * - fork: a child's inherited handles answer GYRE_ESTALE, and the ring's memory is not there: the
 *   child attaches for itself.
 * - Blocking: timeout_ns is 0 (try: never blocks, makes no system call unless a peer sleeps; one
 *   that has caught up in a stream of more than four messages a microsecond looks away for 4 us),
 *   a number of nanoseconds (CLOCK_MONOTONIC), or GYRE_FOREVER. A blocked call uses no CPU
 *   after a short spin; signals do not end it.
 * - Ordering: all that a producer wrote before commit (or send) happens before what the consumer
 *   reads after peek (or receive) of that message; all that the consumer read happens before
 *   the producer may reuse the room after release.
 * - Order: that of sending. mpmc: each consumer gets what it gets of one producer in that order,
 *   but for what comes again, and what was stepped over (GYRE_RING_STEP_OVER).
 * - Crash: kill -9 at any instruction blocks nobody. A message that was never committed is as if
 *   it had never been; a committed one is delivered whole. A successor attaches to the same key
 *   and goes on where the dead one stopped. mpmc: what a dead consumer held goes to another one,
 *   marked GYRE_MESSAGE_AGAIN; handed out deliveries_max times in all, it is dropped, and counted.
 * - Hostile peers: whatever stands in the segment, a call reads and writes only inside the
 *   mapping, ends, and at worst says GYRE_ECORRUPT.
 * @since 0.1
 */
#ifndef GYRE_RING_H
#define GYRE_RING_H

#include <stddef.h>
#include <stdint.h>
#include "gyre_error.h"
#include "gyre_segment.h"

#ifdef __cplusplus
extern "C" {
#endif

struct gyre_ring; /**< Opaque: one participant of one ring. Never placed in the segment. */

/** @brief Block without limit. */
#define GYRE_FOREVER ((int64_t)-1)

/** @brief Which ring. */
enum gyre_ring_kind {
	GYRE_RING_DEFAULT = 0, /**< spsc. */
	GYRE_RING_SPSC = 1,    /**< One producer, one consumer at a time. */
	GYRE_RING_MPMC = 2,    /**< Any number of both; each message goes to one consumer. */
};

/** @brief What a handle does. */
enum gyre_role {
	GYRE_PRODUCER = 1,
	GYRE_CONSUMER = 2,
};

/** @brief How a publisher's store is ordered before its look for sleepers. */
enum gyre_wake {
	GYRE_WAKE_DEFAULT = 0,    /**< MEMBARRIER where the kernel offers it, else FENCE. */
	GYRE_WAKE_FENCE = 1,      /**< A full fence with every publication (about 8 ns). */
	GYRE_WAKE_MEMBARRIER = 2, /**< The sleeper pays (membarrier(2) GLOBAL_EXPEDITED); it
				       interrupts registered processes, which hard real-time
				       programs may not want. */
};

/** @brief Flags of struct gyre_ring_options. */
enum gyre_ring_flags {
	GYRE_RING_KEEP = 1 << 0,    /**< create: the last to leave a ring that is closed and drained
					 does not unlink it. */
	GYRE_RING_NO_SPIN = 1 << 1, /**< attach: blocking calls sleep at once. */
	GYRE_RING_STEP_OVER = 1 << 2, /**< attach, mpmc consumers: a message that is still being
				      written does not hold up the finished ones behind it. */
};

/**
 * @brief How a ring is made and attached. Zeroed means: all defaults.
 *
 * Creation reads the upper part; attach reads the lower part and takes the rest from the ring.
 */
struct gyre_ring_options {
	/* Creation. */
	uint32_t kind;           /**< enum gyre_ring_kind. */
	uint32_t slot_bytes;     /**< 0: messages of any size. Else slots of this many bytes, each
				      one message: about twice as fast for small ones. */
	uint64_t capacity_bytes; /**< Room for messages and their 8-byte headers, rounded up to a
				      power of two; 0 means 1 MiB. At least 4096. */
	uint32_t align_bytes;    /**< Alignment of every message's first byte: 8 (or 0) to 4096, a
				      power of two. 64 for frames. */
	uint32_t wake;           /**< enum gyre_wake. */
	uint32_t cell_bytes;     /**< mpmc: what room is counted in, a power of two from 16; a
				      message takes whole cells. 0 means 64, or more where the capacity
				      asks for it. As large as the ordinary message is best. */
	uint32_t deliveries_max; /**< mpmc: how often a message is handed out that each time was in
				      the hands of a consumer that died; then it is dropped, and
				      counted. 0 means 3. 1: never twice. */
	uint32_t producers_max;  /**< mpmc: how many may be attached at a time; 0 means 64. 1 is
				      quicker: no locked instruction. Both together at most 510. */
	uint32_t consumers_max;  /**< mpmc: the same for consumers. */
	/* Both. */
	uint32_t flags;                      /**< enum gyre_ring_flags; others: GYRE_EINVAL. */
	struct gyre_permissions permissions; /**< Whom to trust; zeroed: this user only. */
	/* Attachment. */
	const char *name;     /**< Shown by the tools, up to 31 bytes; NULL: the program's name. */
	uint64_t reserved[6]; /**< Must be 0. */
};

/** @brief Flags of what is received. */
enum gyre_message_flags {
	GYRE_MESSAGE_AGAIN = 1 << 0, /**< It was handed out before, to a consumer that died or left
				      without releasing it: its work may have been done. */
};

/** @brief One message: given to send_batch, returned by peek and receive. */
struct gyre_message {
	const void *data;
	size_t bytes;
	uint32_t tag;        /**< The user's: a type, a stream, anything. */
	uint32_t flags;      /**< 0; enum gyre_message_flags in what is received. */
	uint64_t position;   /**< Where it stands: a free-running count that never goes back. */
	uint32_t index;      /**< mpmc: which one of those that were sent as one batch. */
	uint32_t deliveries; /**< How often it was handed out: 1, or more for one that comes again.
			      */
};

/** @brief How many messages of an mpmc ring a batch publishes by one store. */
#define GYRE_BATCH_MAX 64u

/* ---- The name ---- */

/**
 * @brief Make a ring, or take over the one that is there.
 *
 * A ring of equal kind and geometry is left as it is, messages included. One that is stale
 * (closed and drained, or of another boot) is made anew.
 * @param key     The user's form: see gyre_key_parse().
 * @param options NULL for the defaults.
 * @retval 0 Made. @retval 1 It was there.
 * @retval GYRE_EMISMATCH It is there with another kind or geometry: the text names both.
 * @retval other As gyre_segment_create().
 */
GYRE_API int gyre_ring_create(
	const char *key, const struct gyre_ring_options *options, struct gyre_error *reterr);

/**
 * @brief Remove the name. Attached participants go on; newcomers do not find them.
 * @retval GYRE_ENOTFOUND No such name. @retval GYRE_EFORMAT It is no ring: not removed.
 */
GYRE_API int gyre_ring_unlink(const char *key, struct gyre_error *reterr);

/* ---- This process ---- */

/**
 * @brief Become a participant of an existing ring.
 *
 * Whatever the last holder of the seat left behind by its death is repaired first.
 * @param role     enum gyre_role.
 * @param options  NULL for the defaults.
 * @param[out] ret_ring To be given to gyre_ring_detach().
 * @retval GYRE_ENOTFOUND No such ring.
 * @retval GYRE_EBUSY     The role is held by a live process: the text names it.
 * @retval GYRE_ENORES    mpmc: all seats of the role are, which the text says.
 * @retval GYRE_ESUSPECT  Its holder lost its lock (closefrom?) but lives and maps the ring.
 * @retval GYRE_EINVAL    The role is none, or options say what this library does not know.
 * @retval GYRE_EFORMAT, GYRE_EVERSION, GYRE_ECORRUPT, GYRE_ESTALE What stands there is not
 *                        something this library can use; the text says what and the cure.
 * @retval other          As gyre_segment_attach().
 */
GYRE_API int gyre_ring_attach(const char *key, enum gyre_role role,
	const struct gyre_ring_options *options, struct gyre_ring **ret_ring,
	struct gyre_error *reterr);

/**
 * @brief Create if there is none, then attach.
 *
 * Where a usable ring is there, its own geometry counts and the options' is not compared.
 */
GYRE_API int gyre_ring_open(const char *key, enum gyre_role role,
	const struct gyre_ring_options *options, struct gyre_ring **ret_ring,
	struct gyre_error *reterr);

/**
 * @brief Attach to the ring behind a descriptor that was inherited or received.
 *
 * The descriptor is re-opened through procfs, since a received one shares its locks with the
 * sender; it stays the caller's.
 * @retval GYRE_ENOTSUP procfs is not mounted: without it liveness could not be told.
 */
GYRE_API int gyre_ring_attach_fd(int fd, enum gyre_role role,
	const struct gyre_ring_options *options, struct gyre_ring **ret_ring,
	struct gyre_error *reterr);

/**
 * @brief Leave. An open reservation is discarded, held messages go to the successor; mpmc: to
 *        anybody, as if this consumer had died (GYRE_MESSAGE_AGAIN).
 *
 * The last to leave a ring that is closed and drained unlinks it (but see GYRE_RING_KEEP).
 * NULL is a no-op. In a forked child it only frees what the child inherited.
 */
GYRE_API void gyre_ring_detach(struct gyre_ring *ring);

/** @brief The largest message that this ring takes, in bytes. */
GYRE_API size_t gyre_ring_message_bytes_max(const struct gyre_ring *ring);

/** @brief The least capacity_bytes of a ring of any-size messages that takes one of so many bytes;
 *         0 if no ring does. */
GYRE_API uint64_t gyre_ring_capacity_for(size_t message_bytes);

/** @brief The ring's key in canonical form; lives as long as the handle. */
GYRE_API const char *gyre_ring_key(const struct gyre_ring *ring);

/** @brief The segment's descriptor, to be handed to gyre_ring_attach_fd() elsewhere; stays the
 *         handle's. -1 where the backend has none. */
GYRE_API int gyre_ring_fd(const struct gyre_ring *ring);

/* ---- Producing ---- */

/**
 * @brief Get room for one message, contiguous, to be written in place.
 *
 * @param bytes_max What commit may use at most.
 * @param[out] ret_data Writable, aligned as the ring was made; yours until commit or discard.
 * @retval GYRE_OK       Reserved.
 * @retval GYRE_EAGAIN   No room now (timeout_ns 0). @retval GYRE_ETIMEDOUT Nor in that time.
 * @retval GYRE_EMSGSIZE More than gyre_ring_message_bytes_max().
 * @retval GYRE_EBUSY    This handle has a reservation open.
 * @retval GYRE_ECLOSED  The ring was closed.
 * @retval GYRE_ECORRUPT, GYRE_EROLE, GYRE_ESTALE See above.
 */
GYRE_API int gyre_ring_reserve(
	struct gyre_ring *ring, size_t bytes_max, int64_t timeout_ns, void **ret_data);

/**
 * @brief Publish the reserved message. Never blocks.
 * @param bytes_used Its length, at most what was reserved; the rest of the room comes back.
 * @retval GYRE_ESTATE Nothing is reserved. @retval GYRE_EMSGSIZE More than was reserved (the
 *                     reservation stays open).
 */
GYRE_API int gyre_ring_commit(struct gyre_ring *ring, size_t bytes_used, uint32_t tag);

/** @brief Give a reservation back. Never blocks. @retval GYRE_ESTATE Nothing is reserved. */
GYRE_API int gyre_ring_discard(struct gyre_ring *ring);

/**
 * @brief Copy one message into the ring: reserve, memcpy, commit. Outcomes as theirs.
 * @param data May be NULL when bytes is 0.
 */
GYRE_API int gyre_ring_send(
	struct gyre_ring *ring, const void *data, size_t bytes, uint32_t tag, int64_t timeout_ns);

/**
 * @brief Copy several messages and publish them by one store: all become visible at once.
 *
 * Blocks only until the first one fits; then as many as fit are sent. mpmc: each GYRE_BATCH_MAX of
 * them become visible at once, and go to one consumer.
 * @return How many of them, from the first, were sent (at least 1), or as gyre_ring_send(). A
 *         message that can never fit gives GYRE_EMSGSIZE when it is the first.
 */
GYRE_API int gyre_ring_send_batch(struct gyre_ring *ring, const struct gyre_message *messages,
	unsigned count, int64_t timeout_ns);

/**
 * @brief Say that nothing will follow: a record in the ring, after all that was committed.
 *
 * There is always room for it: it never blocks. Consumers get everything before it, then
 * GYRE_ECLOSED.
 * @retval GYRE_EBUSY A reservation is open: commit or discard it first.
 * @retval GYRE_ECLOSED It is closed already.
 */
GYRE_API int gyre_ring_close(struct gyre_ring *ring);

/* ---- Consuming ---- */

/**
 * @brief Look at the next message in place.
 *
 * Each call moves on to the next message; several may be held. They are released in order; in an
 * mpmc ring in any order.
 * @param[out] ret_message Valid until its release.
 * @retval GYRE_OK        Yours until gyre_ring_release().
 * @retval GYRE_EAGAIN    Nothing there now (timeout_ns 0). @retval GYRE_ETIMEDOUT Nor in time.
 * @retval GYRE_ECLOSED   The end: everything was received (or is held by this handle). mpmc: while
 *                        another consumer holds a message it is not the end, since that may come
 *                        again.
 * @retval GYRE_ELEFT     Nothing there, and the last producer detached without closing the ring.
 *                        Said once for each departure: call again to wait for a successor. mpmc:
 *                        when none is left, to each consumer.
 * @retval GYRE_EDIED     The same for a producer that died.
 * @retval GYRE_ECORRUPT, GYRE_EROLE, GYRE_ESTALE See above.
 */
GYRE_API int gyre_ring_peek(
	struct gyre_ring *ring, int64_t timeout_ns, struct gyre_message *ret_message);

/**
 * @brief Give the room of a message back. Never blocks.
 * @param message As peek filled it; only its position (mpmc: and index) counts.
 * @retval GYRE_ESTATE It is not the oldest one held; mpmc: it is not held.
 */
GYRE_API int gyre_ring_release(struct gyre_ring *ring, const struct gyre_message *message);

/**
 * @brief Copy the next message out: peek, memcpy, release.
 * @param[out] buffer      Receives it. @param buffer_bytes Its size.
 * @param[out] ret_message Optional: tag, flags, position; data is the buffer.
 * @return The message's length in bytes, or as gyre_ring_peek().
 * @retval GYRE_EMSGSIZE The buffer is too small; the message stays, in this consumer's hands
 *                       (ret_message->bytes, where given, says how much it takes).
 * @retval GYRE_ESTATE   spsc: messages are held by peek: release them first.
 */
GYRE_API int64_t gyre_ring_receive(struct gyre_ring *ring, void *buffer, size_t buffer_bytes,
	int64_t timeout_ns, struct gyre_message *ret_message);

/**
 * @brief Look at up to count messages in place. Blocks only for the first.
 * @return How many (at least 1), or as gyre_ring_peek().
 */
GYRE_API int gyre_ring_peek_batch(struct gyre_ring *ring, int64_t timeout_ns,
	struct gyre_message *ret_messages, unsigned count);

/** @brief Release the count oldest messages held, by one store (mpmc: one a record).
 *  @retval GYRE_ESTATE Fewer are held. */
GYRE_API int gyre_ring_release_batch(struct gyre_ring *ring, unsigned count);

/**
 * @brief Copy up to count messages into one buffer, one after the other, each 8-aligned.
 * @param[out] ret_messages data points into buffer.
 * @return How many (at least 1), or as gyre_ring_receive().
 */
GYRE_API int gyre_ring_receive_batch(struct gyre_ring *ring, void *buffer, size_t buffer_bytes,
	int64_t timeout_ns, struct gyre_message *ret_messages, unsigned count);

#ifdef __cplusplus
}
#endif

#include "gyre_ring_inline.h"

#endif
