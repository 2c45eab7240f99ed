/*
 * What the backends share whose objects are files:
 *
 *	core/place.c    where an object is
 *	core/fdmake.c   making one without a name, and linking it in one step
 *	core/fdmap.c    opening one that somebody else may have planted; mapping
 *	core/fdremove.c removing a name
 *	core/space.c    what a file system is, and how much room it has
 *	core/memory.c   how much memory there is
 *
 * Functions return GYRE_OK or a gyre code with reterr filled, unless they say otherwise.
 */
#ifndef GYRE_FDMAP_H
#define GYRE_FDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include "backend.h"

enum {
	GYRE_DIRECTORY_BYTES = 4096, /* PATH_MAX */
	GYRE_NAME_BYTES = 256,       /* NAME_MAX, and the NUL */
	GYRE_PERMISSION_BITS = 07777,
};

/* Where an object is, or would be. */
struct gyre_place {
	char directory[GYRE_DIRECTORY_BYTES];
	char name[GYRE_NAME_BYTES];
	char shown[128]; /* the whole path for messages; only its end if it is long */
	bool is_shm;     /* POSIX shared memory: nothing but a tmpfs will do */
};

int gyre_place_set(struct gyre_place *ret_place, const char *directory, size_t directory_bytes,
	const char *name, struct gyre_error *reterr);
int gyre_place_of(
	const struct gyre_key *key, struct gyre_place *ret_place, struct gyre_error *reterr);

/* Opens the directory (O_PATH) if its file system is fit for this place. */
int gyre_place_open(const struct gyre_place *place, int *ret_fd, struct gyre_error *reterr);

/* Says what errno means for this place; returns the code. doing: "open", "create". */
int gyre_place_fail(const struct gyre_place *place, const char *doing, struct gyre_error *reterr);

/* Entries of the table in backend.h. */
int gyre_fdmap_create(const struct gyre_key *key, size_t bytes, const struct gyre_permissions *perm,
	struct gyre_map *ret_map, struct gyre_error *reterr);
int gyre_fdmap_publish(const struct gyre_key *key, struct gyre_map *map, struct gyre_error *reterr);
int gyre_fdmap_attach(const struct gyre_key *key, enum gyre_access access,
	const struct gyre_permissions *perm, struct gyre_map *ret_map, struct gyre_error *reterr);
void gyre_fdmap_detach(struct gyre_map *map);
int gyre_fdmap_unlink(
	const struct gyre_key *key, const struct gyre_map *only, struct gyre_error *reterr);
int gyre_fdmap_is_abandoned(const struct gyre_key *key, struct gyre_error *reterr);
bool gyre_fdmap_is_named(const struct gyre_map *map);

/* Attach to an object that was inherited or received; fd stays the caller's. It may have lost
 * its name. GYRE_ENOTSUP without procfs. */
int gyre_fdmap_attach_fd(int fd, enum gyre_access access, const struct gyre_permissions *perm,
	struct gyre_map *ret_map, struct gyre_error *reterr);

/* True while map->fd is the object's, and not one that the application opened later. */
bool gyre_fdmap_owns_fd(const struct gyre_map *map);

/* Makes fd the map's, with what it is; from here on detach() closes it. Closes it on failure. */
int gyre_fdmap_adopt(const struct gyre_place *place, int fd, struct gyre_map *map,
	struct stat *ret_st, struct gyre_error *reterr);

/* Maps the first bytes of map->fd. */
int gyre_fdmap_map(const struct gyre_place *place, size_t bytes, struct gyre_map *map,
	struct gyre_error *reterr);

/* Moves a new descriptor out of 0 to 2 (a program that has closed those and prints would print
 * into the segment) and returns it. fd may be -1; errno is kept or set. */
int gyre_fd_above_stdio(int fd);

/* Allocates the file's first bytes, and grows it to as many. 0, or -1 with errno. */
int gyre_fd_reserve(int fd, uint64_t bytes);

/* Is this the private name of an object on its way? core/fdmake.c */
bool gyre_name_is_private(const char *name);

/* Does its content live in memory only? If not, the kernel writes pages out now and then. */
bool gyre_fdmap_is_ram(int fd);

/* The name of the network file system that has this statfs(2) f_type, or NULL. */
const char *gyre_space_remote(uint32_t type);

/* GYRE_ENOTSUP if the file system fd is on cannot hold this place's object. */
int gyre_space_admit(const struct gyre_place *place, int fd, struct gyre_error *reterr);

/* GYRE_ENORES if this process may not make a file of so many bytes. */
int gyre_space_limit(const struct gyre_place *place, uint64_t bytes, struct gyre_error *reterr);

/* GYRE_ENORES if so many bytes more have no chance there; changes nothing. */
int gyre_space_check(
	const struct gyre_place *place, int fd, uint64_t bytes, struct gyre_error *reterr);

/* Says what errno means for a failure to get so many bytes; returns the code. */
int gyre_space_fail(
	const struct gyre_place *place, int fd, uint64_t bytes, struct gyre_error *reterr);

struct gyre_memory {
	uint64_t room;  /* how much more this process may get; UINT64_MAX: unknown */
	uint64_t limit; /* of which that is the rest */
	bool of_cgroup; /* else of the machine */
};

void gyre_memory_look(struct gyre_memory *ret_memory);

#endif
