/*
 * Everything gyre asks of an operating system to share memory: one table and one file a
 * backend. What posix and file have in common (an object with a path) is in core/fdmap.c.
 *
 * An object is made in two steps so that its name appears only when it is complete: create()
 * gives mapped, zeroed, fully reserved memory that has no name yet, the caller writes what must
 * be there from the first moment, publish() gives it the name or says GYRE_EEXIST. A death
 * before publish() leaves nothing.
 *
 * map->fd is always a private open file description of this process (never one received or
 * inherited): core/liveness.c takes its byte locks through it. flock(2) on it, which is another
 * lock and does not meet those, is core/fdmap.c's own: whoever removes a name holds it.
 */
#ifndef GYRE_BACKEND_H
#define GYRE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "gyre_segment.h"

enum gyre_backend_caps {
	GYRE_CAP_NAMED = 1 << 0,   /* others find it by its key */
	GYRE_CAP_FD = 1 << 1,      /* has a descriptor: byte locks, procfs re-open */
	GYRE_CAP_PASS_FD = 1 << 2, /* is meant to be handed over by descriptor */
};

/* One mapping. Plain data: whoever holds it gives it back to the backend's detach(). */
struct gyre_map {
	const struct gyre_backend *backend;
	void *base;
	size_t bytes; /* what the system reports, never what a creator claimed */
	int fd;       /* private open file description, close-on-exec; -1 where there is none */
	bool writable;
	uint64_t device; /* identity of the object: st_dev, st_ino (System V: 0, shmid) */
	uint64_t inode;
	uint32_t owner_uid;
	uint32_t mode;
	char *unpublished; /* the private name it has until publish(); NULL where it has none */
};

struct gyre_place; /* core/fdmap.h */

/* One object that may be a gyre segment. Returns non-zero to stop. */
typedef int gyre_list_fn(void *context, const struct gyre_key *key);

struct gyre_backend {
	const char *scheme; /* "posix", "file", "sysv", "memfd", "windows" */
	unsigned caps;

	int (*create)(const struct gyre_key *key, size_t bytes, const struct gyre_permissions *perm,
		struct gyre_map *ret_map, struct gyre_error *reterr);
	int (*publish)(const struct gyre_key *key, struct gyre_map *map, struct gyre_error *reterr);
	int (*attach)(const struct gyre_key *key, enum gyre_access access,
		const struct gyre_permissions *perm, struct gyre_map *ret_map,
		struct gyre_error *reterr);
	/* Cannot fail. Closes map->fd only if it still is the object's (an application may have
	 * closed all descriptors and opened others under the same numbers). */
	void (*detach)(struct gyre_map *map);
	/* Removes the name; with only != NULL just if it still leads to that very object, else
	 * GYRE_ENOTFOUND. Removers of one object take turns, so none of them can hit an object that
	 * was made under the same name meanwhile; GYRE_ELOCK when another one is at it for long,
	 * or when the object is the private one of a creator still at work. */
	int (*unlink)(
		const struct gyre_key *key, const struct gyre_map *only, struct gyre_error *reterr);
	/* GYRE_OK if a private name is there that no creator works on; nothing is removed. */
	int (*is_abandoned)(const struct gyre_key *key, struct gyre_error *reterr);
	/* True while the mapped object still has a name (false: somebody unlinked it). */
	bool (*is_named)(const struct gyre_map *map);
	/* Calls found() for every object of this backend that could be a segment; counts in
	 * *ret_hidden what permissions hide. Objects are not opened. NULL: cannot be listed. */
	int (*list)(gyre_list_fn *found, void *context, unsigned *ret_hidden,
		struct gyre_error *reterr);
	/* Objects that are files, see core/fdmap.h: where this key's is. NULL for others. */
	int (*place)(const struct gyre_key *key, struct gyre_place *ret_place,
		struct gyre_error *reterr);
};

extern const struct gyre_backend gyre_backend_posix;
extern const struct gyre_backend gyre_backend_file;

/* The backend of a key, or NULL with GYRE_ENOTSUP / GYRE_EKEY explained in reterr. */
const struct gyre_backend *gyre_backend_of(const struct gyre_key *key, struct gyre_error *reterr);

/* Its address as permissions: whatever the system lets this process open. For looking only, and
 * for removing, where the system decides. */
extern const struct gyre_permissions gyre_permissions_any;

/* All backends, NULL-terminated. */
extern const struct gyre_backend *const gyre_backends[];

/* True for the private name of an object that was being made where O_TMPFILE is missing. Its
 * creator lives if unlink() says GYRE_ELOCK; if not, unlink() removes what a death left. */
bool gyre_is_leftover(const struct gyre_key *key);

/* core/trust.c: what every backend demands of a request, and of an object it finds. */
int gyre_check_create(size_t bytes, const struct gyre_permissions *perm, struct gyre_error *reterr);
int gyre_check_permissions(const struct gyre_permissions *perm, struct gyre_error *reterr);
uint32_t gyre_mode_wanted(const struct gyre_permissions *perm);
int gyre_judge_owner(const char *shown, uint32_t owner_uid, uint32_t mode,
	const struct gyre_permissions *perm, struct gyre_error *reterr);

/* Text that goes to terminals and into documents, and may be anybody's: what is no UTF-8, be it cut
 * off, and control characters, C1 included, become '?'. */
void gyre_make_harmless(char *text);

/* Fill *reterr (if not NULL) printf-style and return code. The one way errors are made.
 * fail_os() takes errno as it is on entry. */
int gyre_fail(struct gyre_error *reterr, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int gyre_fail_os(struct gyre_error *reterr, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
