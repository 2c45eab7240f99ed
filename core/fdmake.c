/*
 * Making an object that is a file: without a name first (open(2) with O_TMPFILE), its space
 * reserved, and then linked in one step (linkat(2)), which also decides between two creators.
 * Whoever dies on the way leaves nothing.
 *
 * Where a file system has no nameless files, or procfs is not there to link one through, the
 * object gets a private name ".gyre-new-<16 hex digits>" in the same directory and renameat2(2)
 * with RENAME_NOREPLACE is the one step. link() and unlink() would be two: a death between them
 * leaves a complete object with two names, which attach refuses. Its maker holds flock(2) on it
 * meanwhile; so a private name whose lock is free is a dead maker's. The next creator in that
 * directory who needs a private name removes those, and so can whoever lists it.
 */
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "fdmap.h"

static const char PRIVATE_PREFIX[] = ".gyre-new-";

enum {
	PRIVATE_TRIES = 16,
	ZEROS_BYTES = 64 << 10,
	FD_PATH_BYTES = 32, /* "/proc/self/fd/" and a number */
};

bool gyre_name_is_private(const char *name)
{
	return strncmp(name, PRIVATE_PREFIX, sizeof PRIVATE_PREFIX - 1) == 0;
}

bool gyre_is_leftover(const struct gyre_key *key)
{
	struct gyre_place place;

	return gyre_place_of(key, &place, NULL) == GYRE_OK && gyre_name_is_private(place.name);
}

static void fd_path(char path[FD_PATH_BYTES], int fd)
{
	snprintf(path, FD_PATH_BYTES, "/proc/self/fd/%d", fd);
}

/* --- private names --- */

/* Private names are random and not used again: what is opened here is what is unlinked. */
static void remove_if_dead(int directory, const char *name)
{
	const int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(directory, name, 0);
	close(fd);
}

static void sweep(int directory)
{
	const int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *const stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (stream == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(stream)) != NULL)
		if (gyre_name_is_private(entry->d_name))
			remove_if_dead(directory, entry->d_name);
	closedir(stream);
}

static uint64_t random_number(void)
{
	struct timespec now;
	uint64_t number;

	if (getrandom(&number, sizeof number, GRND_NONBLOCK) == (ssize_t)sizeof number)
		return number;
	clock_gettime(CLOCK_MONOTONIC, &now); /* O_EXCL decides anyway */
	return (uint64_t)getpid() << 32 ^ (uint64_t)now.tv_nsec;
}

/* True if fd is locked by us and still has its name: a sweeper may have been faster. */
static bool hold(int fd)
{
	struct stat st;

	return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1;
}

/* Returns a descriptor, or -1 with errno. */
static int open_private(int directory, const struct gyre_place *place, char **ret_path)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	char name[sizeof PRIVATE_PREFIX + 16];
	int fd;

	for (int i = 0; i < PRIVATE_TRIES; i++) {
		snprintf(name, sizeof name, "%s%016" PRIx64, PRIVATE_PREFIX, random_number());
		fd = openat(directory, name, flags, 0600);
		if (fd < 0 && errno != EEXIST)
			return -1;
		if (fd < 0)
			continue;
		if (!hold(fd)) {
			close(fd);
			continue;
		}
		if (asprintf(ret_path, "%s/%s", place->directory, name) >= 0)
			return fd;
		*ret_path = NULL;
		unlinkat(directory, name, 0);
		close(fd);
		errno = ENOMEM;
		return -1;
	}
	errno = EBUSY;
	return -1;
}

/* --- making --- */

struct making {
	struct gyre_place place;
	int directory;
	size_t bytes;
	uint32_t mode;
};

static int fail_open_new(const struct making *m, struct gyre_error *reterr)
{
	switch (errno) {
	case EACCES:
	case EPERM:
	case EROFS:
		return gyre_fail_os(reterr, GYRE_EPERM,
			"%s: uid %u may not make names in its directory: %s", m->place.shown,
			(unsigned)geteuid(), strerror(errno));
	case ENOSPC:
	case EDQUOT:
		return gyre_space_fail(&m->place, m->directory, m->bytes, reterr);
	default:
		return gyre_place_fail(&m->place, "create", reterr);
	}
}

/* A file without a name; or, where that does not work, one with a private name. -1 with errno. */
static int open_new(const struct making *m, char **ret_private)
{
	char path[FD_PATH_BYTES];
	int fd = openat(m->directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && errno != EOPNOTSUPP && errno != EISDIR) /* EISDIR: before Linux 3.11 */
		return -1;
	if (fd >= 0) {
		fd_path(path, fd);
		if (faccessat(AT_FDCWD, path, F_OK, 0) == 0)
			return fd;
		close(fd); /* no procfs: it could not be linked later */
	}
	sweep(m->directory);
	return open_private(m->directory, &m->place, ret_private);
}

static int set_mode(const struct making *m, struct gyre_map *map, struct gyre_error *reterr)
{
	struct stat st;

	/* On the descriptor, and not by the umask, which is the whole process's. */
	if (fchmod(map->fd, m->mode) == 0 && fstat(map->fd, &st) == 0 &&
		(st.st_mode & GYRE_PERMISSION_BITS) == m->mode) {
		map->mode = m->mode;
		return GYRE_OK;
	}
	return gyre_fail_os(reterr, GYRE_ENOTSUP,
		"%s: its file system does not keep mode %04o, so others could not be shut out: "
		"use a posix: key or another path",
		m->place.shown, m->mode);
}

static int write_zeros(int fd, uint64_t bytes)
{
	static const char zeros[ZEROS_BYTES];
	uint64_t done = 0;

	while (done < bytes) {
		const uint64_t left = bytes - done;
		const ssize_t written = pwrite(
			fd, zeros, left < sizeof zeros ? (size_t)left : sizeof zeros, (off_t)done);

		if (written < 0 && errno != EINTR)
			return -1;
		if (written > 0)
			done += (uint64_t)written;
	}
	return 0;
}

static int reserve(const struct making *m, const struct gyre_map *map, struct gyre_error *reterr)
{
	struct stat st;
	int failed = gyre_fd_reserve(map->fd, m->bytes);

	/* Not posix_fallocate(3): it does the same behind our back, and worse. */
	if (failed != 0 && errno == EOPNOTSUPP)
		failed = write_zeros(map->fd, m->bytes);
	if (failed != 0) {
		const int saved = errno;

		if (ftruncate(map->fd, 0) != 0) /* so that the figures do not count it in */
			return gyre_place_fail(&m->place, "shrink", reterr);
		errno = saved;
		return gyre_space_fail(&m->place, map->fd, m->bytes, reterr);
	}
	if (fstat(map->fd, &st) != 0 || (uint64_t)st.st_size != m->bytes)
		return gyre_fail(reterr, GYRE_ESIZE,
			"%s: its file system does not keep a size of %zu bytes (huge pages?)",
			m->place.shown, m->bytes);
	return GYRE_OK;
}

static int make(const struct making *m, struct gyre_map *map, struct gyre_error *reterr)
{
	struct stat st;
	int err, fd;

	if (fstatat(m->directory, m->place.name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return gyre_fail(reterr, GYRE_EEXIST, "%s: exists already, made by uid %u",
			m->place.shown, st.st_uid); /* before space is taken for nothing */
	err = gyre_space_limit(&m->place, m->bytes, reterr);
	if (err == GYRE_OK)
		err = gyre_space_check(&m->place, m->directory, m->bytes, reterr);
	if (err != GYRE_OK)
		return err;
	fd = gyre_fd_above_stdio(open_new(m, &map->unpublished));
	if (fd < 0)
		return fail_open_new(m, reterr);
	err = gyre_fdmap_adopt(&m->place, fd, map, &st, reterr);
	if (err == GYRE_OK)
		err = set_mode(m, map, reterr);
	if (err == GYRE_OK)
		err = reserve(m, map, reterr);
	if (err == GYRE_OK)
		err = gyre_fdmap_map(&m->place, m->bytes, map, reterr);
	return err;
}

int gyre_fdmap_create(const struct gyre_key *key, size_t bytes, const struct gyre_permissions *perm,
	struct gyre_map *ret_map, struct gyre_error *reterr)
{
	struct gyre_map map = {.fd = -1, .writable = true};
	struct making m = {.bytes = bytes, .mode = gyre_mode_wanted(perm)};
	int err;

	err = gyre_check_create(bytes, perm, reterr);
	if (err == GYRE_OK)
		err = gyre_place_of(key, &m.place, reterr);
	if (err != GYRE_OK)
		return err;
	if (gyre_name_is_private(m.place.name))
		return gyre_fail(reterr, GYRE_EKEY,
			"%s: names that begin with \"%s\" are gyre's own, for objects on their way",
			m.place.shown, PRIVATE_PREFIX);
	err = gyre_place_open(&m.place, &m.directory, reterr);
	if (err != GYRE_OK)
		return err;
	map.backend = gyre_backend_of(key, NULL);
	err = make(&m, &map, reterr);
	close(m.directory);
	if (err == GYRE_OK)
		*ret_map = map;
	else
		gyre_fdmap_detach(&map);
	return err;
}

/* --- publishing --- */

static int link_name(int directory, const char *name, const struct gyre_map *map)
{
	char path[FD_PATH_BYTES];

	if (map->unpublished != NULL)
		return renameat2(AT_FDCWD, map->unpublished, directory, name, RENAME_NOREPLACE);
	fd_path(path, map->fd);
	return linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW);
}

static int fail_publish(const struct gyre_place *place, const struct gyre_map *map, int directory,
	struct gyre_error *reterr)
{
	switch (errno) {
	case EEXIST:
		return gyre_fail_os(reterr, GYRE_EEXIST,
			"%s: exists already: another process made it in the meantime",
			place->shown);
	case EINVAL:
	case ENOSYS:
		return gyre_fail_os(reterr, GYRE_ENOTSUP,
			"%s: its file system can make neither a file without a name nor a new "
			"name in one step: use a posix: key or another path",
			place->shown);
	case ENOSPC:
	case EDQUOT:
		return gyre_space_fail(place, directory, map->bytes, reterr);
	default:
		return gyre_place_fail(place, "name", reterr);
	}
}

int gyre_fdmap_publish(const struct gyre_key *key, struct gyre_map *map, struct gyre_error *reterr)
{
	struct gyre_place place;
	int directory, err;

	err = gyre_place_of(key, &place, reterr);
	if (err != GYRE_OK)
		return err;
	if (!gyre_fdmap_owns_fd(map)) /* another file would get the name */
		return gyre_fail(reterr, GYRE_ESYSTEM,
			"%s: its descriptor was closed by the application while it was being made",
			place.shown);
	err = gyre_place_open(&place, &directory, reterr);
	if (err != GYRE_OK)
		return err;
	if (link_name(directory, place.name, map) != 0) {
		err = fail_publish(&place, map, directory, reterr);
	} else if (map->unpublished != NULL) {
		free(map->unpublished);
		map->unpublished = NULL;
		flock(map->fd, LOCK_UN);
	}
	close(directory);
	return err;
}
