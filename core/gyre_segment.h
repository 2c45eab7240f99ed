/**
 * @file gyre_segment.h
 * @brief Named shared memory: create, attach, detach, unlink.
 *
 * A segment is so many bytes of memory that every process which knows its key may map. Bytes
 * read as zero at first. create and unlink act on the name, attach and detach on this process;
 * the memory lives as long as its name or any mapping of it.
 *
 * Common to all functions: they may block for as long as the system takes to open, reserve or
 * map memory; they may allocate; they are not async-signal-safe; different segments may be used
 * by different threads at once, one struct gyre_segment by one thread at a time.
 *
 * A crash of any process at any moment leaves a name absent or complete, never half-made: the
 * object is built without a name and then linked in one step (open(2) O_TMPFILE, linkat(2)).
 * Where a file system has no nameless files, or procfs is missing, it is built under a private
 * name, ".gyre-new-" and 16 hex digits, and renamed in one step; only then can a death leave
 * something, namely that name, which the next creator in that directory removes.
 * @since 0.1
 */
#ifndef GYRE_SEGMENT_H
#define GYRE_SEGMENT_H

#include <stddef.h>
#include <stdint.h>
#include "gyre_error.h"
#include "gyre_key.h"

#ifdef __cplusplus
extern "C" {
#endif

struct gyre_segment; /**< Opaque: one mapping of one segment in this process. */

/** @brief How a segment is mapped. */
enum gyre_access {
	GYRE_READ_ONLY = 0,  /**< A store through the mapping raises SIGSEGV. */
	GYRE_READ_WRITE = 1, /**< Needs write permission on the object. */
};

/**
 * @brief Whom to trust, and with which permissions to create. Zeroed means: this user only.
 *
 * A name proves nothing: anyone may plant an object under any free name of /dev/shm. So attach
 * accepts an object of this user (its effective uid; root is no exception) that is open to group
 * and world no further than mode says, and any object of an owner named here, who is trusted to
 * choose whom to let in. All others are refused with GYRE_EUNSAFE.
 */
struct gyre_permissions {
	uint32_t mode; /**< Permission bits to create with, exactly, whatever the umask; also the
			    bits that attach accepts. 0 means 0600. Execute bits are refused. */
	uint32_t trusted_uid; /**< attach accepts this owner too, if trust_uid is not 0. */
	uint32_t trust_uid;   /**< Not 0: trusted_uid counts. */
	uint32_t reserved;    /**< Must be 0. */
};

/**
 * @brief Make a segment and map it read-write.
 *
 * Its space is reserved before success is reported (fallocate(2)), so a later store cannot
 * raise SIGBUS for want of memory.
 * @param key         A valid key whose type has a backend here.
 * @param bytes       Size, 1 to SSIZE_MAX. It is kept to the byte.
 * @param permissions NULL for the default.
 * @param[out] ret_segment The mapping; to be given to gyre_segment_detach().
 * @param[out] reterr      Optional.
 * @retval GYRE_OK     Done; the name is there.
 * @retval GYRE_EEXIST The name is taken (also if another creator won); nothing was changed.
 * @retval GYRE_ESIZE  The size is 0 or impossible.
 * @retval GYRE_ENORES No room: the text says how much was asked, how much there is and what to
 *                     change. Also out of descriptors or address space.
 * @retval GYRE_ENOTFOUND The directory of a file key does not exist.
 * @retval GYRE_ENOTSUP No tmpfs at /dev/shm, a network file system, or one that cannot publish
 *                      an object in one step.
 * @retval GYRE_EPERM, GYRE_EKEY, GYRE_EINVAL, GYRE_ESYSTEM As their texts say.
 */
GYRE_API int gyre_segment_create(const struct gyre_key *key, size_t bytes,
	const struct gyre_permissions *permissions, struct gyre_segment **ret_segment,
	struct gyre_error *reterr);

/**
 * @brief Map an existing segment, all of it.
 * @param access      Read-only needs only read permission.
 * @param permissions NULL: only an object of this user that is open to nobody else is accepted.
 * @retval GYRE_OK       Mapped; gyre_segment_bytes() is what the system reports.
 * @retval GYRE_ENOTFOUND No such name.
 * @retval GYRE_EUNSAFE  A symbolic link, a FIFO, a second hard link, a foreign owner, a mode
 *                       nobody named: refused at once, without blocking.
 * @retval GYRE_EPERM    The system denies access.
 * @retval GYRE_ESIZE    The object is empty.
 * @retval GYRE_ENORES   The object has holes (its maker did not reserve its space) and there is
 *                       no room to fill them: touching one would raise SIGBUS.
 */
GYRE_API int gyre_segment_attach(const struct gyre_key *key, enum gyre_access access,
	const struct gyre_permissions *permissions, struct gyre_segment **ret_segment,
	struct gyre_error *reterr);

/** @brief Unmap. Pointers into the segment die; the name stays. NULL is a no-op. */
GYRE_API void gyre_segment_detach(struct gyre_segment *segment);

/**
 * @brief Remove the name, whatever it leads to but a directory. Who has it mapped keeps the memory.
 * @retval GYRE_ENOTFOUND No such name.
 * @retval GYRE_EPERM     The system denies it: in /dev/shm only the owner and root may.
 */
GYRE_API int gyre_segment_unlink(const struct gyre_key *key, struct gyre_error *reterr);

/** @brief First byte; page-aligned, the address differs between processes. Never NULL. */
GYRE_API void *gyre_segment_data(const struct gyre_segment *segment);

/** @brief Size in bytes as the system reported it at attach. */
GYRE_API size_t gyre_segment_bytes(const struct gyre_segment *segment);

/** @brief The key it was made or found by; lives as long as the segment. */
GYRE_API const struct gyre_key *gyre_segment_key(const struct gyre_segment *segment);

#ifdef __cplusplus
}
#endif
#endif
