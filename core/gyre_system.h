/**
 * @file gyre_system.h
 * @brief What this system offers: which types of keys work here, and how much room there is.
 *
 * Common to all functions: they only look. Nothing is made that anybody else could see, and no
 * lock is taken. They may block for as long as the system takes to answer; any thread may call
 * them at any time; they are not async-signal-safe. Figures are of the moment of asking.
 * @since 0.1
 */
#ifndef GYRE_SYSTEM_H
#define GYRE_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>
#include "gyre_error.h"
#include "gyre_key.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Does the running system offer a type of key?
 *
 * As Qt 6.6 and later ask (isKeyTypeSupported() of QSharedMemory and QSystemSemaphore): a type
 * that this library was built for (gyre_key_type_exists()) is tried by a call that must fail, and
 * the answer is "no" only if that call does not exist (ENOSYS). So "yes" does not promise that
 * there is a /dev/shm, nor room in it. gyre differs where Qt errs: type 0 is not supported.
 * @param type enum gyre_key_type, or 1..255.
 * @param kind file: and memfd: have memory only.
 */
GYRE_API bool gyre_system_has_type(uint16_t type, enum gyre_key_kind kind);

/** @brief Room for memory, where a key would have it. */
struct gyre_system_room {
	uint64_t total_bytes;  /**< The file system's size; UINT64_MAX: it sets no limit. */
	uint64_t free_bytes;   /**< Of these, for this user; UINT64_MAX likewise. */
	uint64_t memory_bytes; /**< The machine's, or what this container (cgroup) may use of it;
				    UINT64_MAX: unknown. */
	uint64_t memory_free_bytes; /**< Of these, what gyre would take at most: it leaves a
					 sixteenth. UINT64_MAX: unknown. */
	uint32_t memory_of_cgroup;  /**< 1: memory_bytes is a cgroup's limit. */
	uint32_t is_ram; /**< 1: a tmpfs or another file system in memory, which both limits bound.
			      0: a disk, on which memory does not matter. */
};

/**
 * @brief How much room is there for segments of this key's kind, in this key's place?
 * @retval GYRE_OK
 * @retval GYRE_EKEY      The key's type has no place in a file system: only posix: and file: have.
 * @retval GYRE_ENOTSUP   No tmpfs at /dev/shm, or a network file system.
 * @retval GYRE_ENOTFOUND The directory of a file key does not exist.
 * @retval GYRE_EPERM, GYRE_ENORES, GYRE_ESYSTEM As their texts say.
 */
GYRE_API int gyre_system_room_of(
	const struct gyre_key *key, struct gyre_system_room *ret_room, struct gyre_error *reterr);

/**
 * @brief Would a segment of so many bytes find room there now?
 *
 * The look that gyre_segment_create() and gyre_ring_create() take before they reserve.
 * @retval GYRE_OK     It would; somebody else may still be quicker.
 * @retval GYRE_ENORES It would not: the text says how much there is and what to change.
 * @retval other       As gyre_system_room_of().
 */
GYRE_API int gyre_system_fits(
	const struct gyre_key *key, uint64_t bytes, struct gyre_error *reterr);

#ifdef __cplusplus
}
#endif
#endif
