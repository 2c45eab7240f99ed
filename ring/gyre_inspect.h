/**
 * @file gyre_inspect.h
 * @brief Look at rings without touching them: for tools, monitoring and tests.
 *
 * Looking maps read-only and takes no lock that anyone waits for, so it can never disturb; only
 * gyre_clean() and gyre_repair() change anything. Figures of a ring in use are a snapshot whose
 * parts are not of one instant.
 * @since 0.1
 */
#ifndef GYRE_INSPECT_H
#define GYRE_INSPECT_H

#include <stdint.h>
#include "gyre_error.h"
#include "gyre_key.h"
#include "gyre_ring.h"

#ifdef __cplusplus
extern "C" {
#endif

/** @brief What a ring is, as far as clean-up goes. */
enum gyre_ring_state {
	GYRE_STATE_LIVE = 1,       /**< Somebody is attached. */
	GYRE_STATE_IDLE = 2,       /**< Nobody is attached; messages wait, or it was never used. */
	GYRE_STATE_CLOSED = 3,     /**< Closed by its producer, messages wait. */
	GYRE_STATE_DRAINED = 4,    /**< Closed and empty, nobody attached: stale. */
	GYRE_STATE_OTHER_BOOT = 5, /**< Made before the last reboot: stale. */
	GYRE_STATE_HALF_MADE = 6,  /**< Its creator died before it was complete: stale. */
	GYRE_STATE_ORPHANED = 7,   /**< Attached to, but its name is gone. */
	GYRE_STATE_BROKEN = 8,     /**< Looks like a ring of ours and is not usable. */
};

/** @brief Whether a participant lives. */
enum gyre_liveness {
	GYRE_LIFE_NONE = 0,    /**< The slot was never used. */
	GYRE_LIFE_ALIVE = 1,   /**< Holds its kernel lock. */
	GYRE_LIFE_LEFT = 2,    /**< Detached. */
	GYRE_LIFE_DEAD = 3,    /**< Died; repaired, or will be by the next who needs it. */
	GYRE_LIFE_SUSPECT = 4, /**< Lives and maps the ring, but lost its lock (closefrom?). */
};

/** @brief Counts since the ring was made, over all holders of a slot. */
struct gyre_counters {
	uint64_t messages; /**< committed (producers) or released (consumers) */
	uint64_t bytes;    /**< of their payload */
	uint64_t stalls;   /**< times the ring was found full (producers) or empty (consumers) by a
				call that then waited or gave up */
	uint64_t sleeps;   /**< times it slept in the kernel */
	uint64_t wakeups;  /**< system calls made to wake others */
	uint64_t aborted;  /**< reservations discarded, or lost with their owner */
	/* mpmc: what became of the messages that holders of this slot died with. */
	uint64_t redelivered;   /**< records given back, to be handed out once more */
	uint64_t dropped;       /**< messages given up: by policy, or handed out too often */
	uint64_t dropped_bytes; /**< of their payload */
};

/** @brief Sums of all participants there ever were. Once the dead are repaired, committed is
 *         released, dropped and what is in the ring together. */
struct gyre_totals {
	uint64_t committed; /**< messages */
	uint64_t released;
	uint64_t aborted;     /**< reservations */
	uint64_t redelivered; /**< mpmc: records given back */
	uint64_t dropped;     /**< mpmc: messages given up */
};

/** @brief One seat. */
struct gyre_participant {
	uint32_t slot;
	uint32_t role;          /**< enum gyre_role */
	uint32_t liveness;      /**< enum gyre_liveness */
	uint32_t pid;           /**< in its own pid namespace */
	uint64_t start_ticks;   /**< of the process, clock ticks since boot: proc(5), field 22 */
	uint64_t pid_namespace; /**< inode number, 0 if unknown */
	uint64_t attached_ns;   /**< CLOCK_MONOTONIC */
	uint32_t generation;    /**< how many held this seat so far */
	char name[32]; /**< UTF-8; '?' stands for what is none, and for control characters */
	struct gyre_counters counters;
	/* mpmc: what it has in hand, written and not committed, or taken and not released. */
	uint32_t holds;           /**< records: a message each, or a batch */
	uint64_t oldest_position; /**< of them; only if it holds any */
	uint64_t blocks_since_ns; /**< one of them is in somebody's way, who first noticed that
				       then; CLOCK_MONOTONIC. 0: nobody did */
};

/** @brief A ring. */
struct gyre_ring_info {
	char key[512];    /**< string form; cut if longer, never within a character */
	char backend[16]; /**< "posix", "file" */
	uint32_t kind;    /**< enum gyre_ring_kind */
	uint32_t state;   /**< enum gyre_ring_state */
	uint32_t layout_version;
	uint32_t slot_bytes; /**< 0: variable size */
	uint32_t align_bytes;
	uint32_t wake;           /**< enum gyre_wake */
	uint32_t flags;          /**< enum gyre_ring_flags */
	uint32_t closed;         /**< 1 once closed */
	uint32_t cell_bytes;     /**< mpmc */
	uint32_t deliveries_max; /**< mpmc: then a message is dropped; 1: never twice */
	uint32_t producers_max;  /**< at a time */
	uint32_t consumers_max;
	uint64_t capacity_bytes;
	uint64_t segment_bytes; /**< memory reserved in all */
	uint64_t used_bytes;    /**< of the capacity, by messages not yet released */
	uint64_t messages;      /**< committed and not yet released; mpmc: a batch counts as a
				     whole until the last of its messages is released */
	uint64_t message_bytes_max;
	uint64_t created_ns; /**< CLOCK_MONOTONIC */
	uint32_t creator_pid;
	uint32_t owner_uid;
	uint32_t mode;
	uint32_t participants; /**< alive now */
	struct gyre_totals totals;
	uint64_t generation; /**< a random number drawn when it was made */
	char boot_id[40];
	char problem[256]; /**< state BROKEN and the stale ones: why, and what to do */
};

/**
 * @brief Decode a ring's header.
 * @param permissions NULL: whatever the system lets this user read; else as in attach.
 * @param[out] ret_participants Optional, room for *count; *count becomes how many seats were
 *             ever used (which may be more than the room given).
 * @retval GYRE_EFORMAT It is not a gyre segment.
 * @retval other As gyre_segment_attach(). A ring that is ours and broken is a success with
 *         GYRE_STATE_BROKEN.
 */
GYRE_API int gyre_inspect(const char *key, const struct gyre_permissions *permissions,
	struct gyre_ring_info *ret_info, struct gyre_participant *ret_participants, unsigned *count,
	struct gyre_error *reterr);

/** @brief The same for a ring that this handle is attached to, also when its name is gone. */
GYRE_API int gyre_ring_inspect(const struct gyre_ring *ring, struct gyre_ring_info *ret_info,
	struct gyre_participant *ret_participants, unsigned *count, struct gyre_error *reterr);

/**
 * @brief Say what a ring would be, without making one: the smallest that always holds so many
 *        messages.
 *
 * "Always" means wherever in the ring the first of them comes to stand, none being released.
 * @param options  Kind, slot, alignment and so on; NULL for the defaults. capacity_bytes, if it is
 *                 not 0, is the least.
 * @param message_bytes Of each message.
 * @param messages 0: what the options alone make, which messages of that size need not even fit.
 * @param[out] ret_info Kind and geometry as the ring would have them; segment_bytes, the memory it
 *                 takes; messages, how many it holds (at least as many as asked). The rest is 0.
 * @retval GYRE_OK
 * @retval GYRE_EMSGSIZE No such ring takes a message of that size.
 * @retval GYRE_ESIZE    No such ring holds that many, or the capacity is impossible.
 * @retval GYRE_ENOTSUP, GYRE_EINVAL As gyre_ring_create().
 *
 * - Blocking: never. Threads: any. Whether there is room for it: gyre_system_fits().
 */
GYRE_API int gyre_ring_plan(const struct gyre_ring_options *options, size_t message_bytes,
	uint64_t messages, struct gyre_ring_info *ret_info, struct gyre_error *reterr);

/**
 * @brief Whom this handle waited for, when its last call said GYRE_EAGAIN or GYRE_ETIMEDOUT.
 *
 * In an mpmc ring it is the one whose message is unfinished: a producer that still writes the next
 * one, or, for a producer without room, a consumer that holds the oldest; stopped, perhaps, or
 * slow. In an spsc ring it is the other side.
 * @param[out] ret_who Its pid, name, and whether it lives.
 * @retval 1 Filled.
 * @retval 0 Nobody in particular: there is nothing to read, or nobody reads. Or the handle was
 *           inherited over fork().
 *
 * - Blocking: never; a few system calls, as in gyre_ring_inspect().
 */
GYRE_API int gyre_ring_waited_for(const struct gyre_ring *ring, struct gyre_participant *ret_who);

/** @brief Called for each ring found; non-zero ends the listing. */
typedef int gyre_list_callback(void *context, const struct gyre_ring_info *info);

/**
 * @brief Find every gyre ring on this machine that this user may see.
 * @param[out] ret_hidden Objects that permission hides, of which some may be rings.
 */
GYRE_API int gyre_list(gyre_list_callback *callback, void *context, unsigned *ret_hidden,
	struct gyre_error *reterr);

/** @brief What gyre_clean() may remove. */
enum gyre_clean_flags {
	GYRE_CLEAN_DRY_RUN = 1 << 0, /**< Only say what would be done. */
	GYRE_CLEAN_FORCE = 1 << 1,   /**< Also rings that nobody is attached to but that hold
					  messages, and broken ones. Never one that is in use. */
};

/**
 * @brief Remove a ring if it is stale: half-made, of another boot, or closed and drained.
 *
 * Takes the same kernel lock as attach, so it cannot take a ring from under a newcomer.
 * @retval 1 Removed (with GYRE_CLEAN_DRY_RUN: would be). @retval 0 Left alone: not stale.
 */
GYRE_API int gyre_clean(const char *key, unsigned flags, struct gyre_error *reterr);

/**
 * @brief Repair every dead participant of a ring now, without taking part in it.
 *
 * Nobody has to call it: whoever is held up by a dead one repairs it. It settles the books of a
 * ring that nobody uses, and gives back what the dead had in hand. The living are left alone,
 * stopped ones too: gyre_inspect() says who of them is in the way.
 * - Blocking: never. Participants that wait are woken.
 * - Crash: the next one to repair does the same again.
 * @return How many were repaired, or as gyre_inspect() where that is negative.
 */
GYRE_API int gyre_repair(const char *key, struct gyre_error *reterr);

#ifdef __cplusplus
}
#endif
#endif
