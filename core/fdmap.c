/*
 * Objects that are files: opening, judging and mapping one.
 *
 * Under any name somebody else may have put anything. So the kind of what is there is looked at
 * before it is opened (to open a device may do something); it is opened such that no link is
 * followed and nothing blocks; and judged is what was opened: its kind, its number of names, its
 * owner and mode (core/trust.c), its size.
 *
 * A file with holes is given its room at attach: touching a hole of a full tmpfs raises SIGBUS,
 * be it a read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include "fdmap.h"

enum {
	BLOCK_BYTES = 512, /* of st_blocks, whatever st_blksize: stat(2) */
	RESERVE_BYTES_MAX = 256 << 20,
	RESERVE_BYTES_MIN = 64 << 10,
};

int gyre_fd_above_stdio(int fd)
{
	int moved;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (moved < 0) {
		const int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	close(fd);
	return moved;
}

/* In parts, as a signal makes a call fail and undo all it did: one that comes every millisecond
 * would never let a big one end. */
int gyre_fd_reserve(int fd, uint64_t bytes)
{
	uint64_t part_max = RESERVE_BYTES_MAX;
	uint64_t done = 0;

	while (done < bytes) {
		const uint64_t part = bytes - done < part_max ? bytes - done : part_max;

		if (fallocate(fd, 0, (off_t)done, (off_t)part) == 0)
			done += part;
		else if (errno != EINTR)
			return -1;
		else if (part_max > RESERVE_BYTES_MIN)
			part_max /= 2;
	}
	return 0;
}

static int fail_map(const struct gyre_place *place, size_t bytes, struct gyre_error *reterr)
{
	struct rlimit limit = {.rlim_cur = RLIM_INFINITY};

	switch (errno) {
	case ENOMEM:
		getrlimit(RLIMIT_AS, &limit);
		return gyre_fail_os(reterr, GYRE_ENORES,
			"%s: %zu bytes do not fit this process's address space (limit %llu KiB: "
			"ulimit -v, RLIMIT_AS), or it has too many mappings (sysctl "
			"vm.max_map_count)",
			place->shown, bytes, (unsigned long long)limit.rlim_cur / 1024);
	case EAGAIN:
		getrlimit(RLIMIT_MEMLOCK, &limit);
		return gyre_fail_os(reterr, GYRE_ENORES,
			"%s: %zu bytes are more than this process may lock in memory (limit %llu "
			"KiB: ulimit -l, RLIMIT_MEMLOCK)",
			place->shown, bytes, (unsigned long long)limit.rlim_cur / 1024);
	case ENODEV:
	case EACCES:
		return gyre_fail_os(reterr, GYRE_ENOTSUP,
			"%s: its file system does not let files be mapped: use a posix: key or "
			"another path",
			place->shown);
	default:
		return gyre_fail_os(reterr, GYRE_ESYSTEM, "%s: %zu bytes could not be mapped: %s",
			place->shown, bytes, strerror(errno));
	}
}

int gyre_fdmap_map(const struct gyre_place *place, size_t bytes, struct gyre_map *map,
	struct gyre_error *reterr)
{
	const int protection = map->writable ? PROT_READ | PROT_WRITE : PROT_READ;
	void *const base = mmap(NULL, bytes, protection, MAP_SHARED, map->fd, 0);

	if (base == MAP_FAILED)
		return fail_map(place, bytes, reterr);
	map->base = base;
	map->bytes = bytes;
	return GYRE_OK;
}

int gyre_fdmap_adopt(const struct gyre_place *place, int fd, struct gyre_map *map,
	struct stat *ret_st, struct gyre_error *reterr)
{
	if (fstat(fd, ret_st) != 0) {
		const int err = gyre_place_fail(place, "look at", reterr);

		close(fd);
		return err;
	}
	map->fd = fd;
	map->device = ret_st->st_dev;
	map->inode = ret_st->st_ino;
	map->owner_uid = ret_st->st_uid;
	map->mode = ret_st->st_mode & GYRE_PERMISSION_BITS;
	return GYRE_OK;
}

static const char *kind_text(mode_t mode)
{
	if (S_ISLNK(mode))
		return "symbolic link";
	if (S_ISDIR(mode))
		return "directory";
	if (S_ISFIFO(mode))
		return "FIFO";
	if (S_ISSOCK(mode))
		return "socket";
	return "device";
}

static int judge_kind(
	const struct gyre_place *place, const struct stat *st, struct gyre_error *reterr)
{
	if (S_ISREG(st->st_mode))
		return GYRE_OK;
	return gyre_fail(reterr, GYRE_EUNSAFE,
		"%s: a %s of uid %u stands under this name, not shared memory: refused; remove "
		"it, or use another name",
		place->shown, kind_text(st->st_mode), st->st_uid);
}

/* All that was said in the head of this file, of what was opened. */
static int judge(const struct gyre_place *place, const struct stat *st,
	const struct gyre_permissions *perm, struct gyre_error *reterr)
{
	int err = judge_kind(place, st, reterr);

	if (err != GYRE_OK)
		return err;
	if (st->st_nlink > 1)
		return gyre_fail(reterr, GYRE_EUNSAFE,
			"%s: is a hard link: the same file has %ju names: refused; remove the one "
			"that is not meant",
			place->shown, (uintmax_t)st->st_nlink);
	err = gyre_judge_owner(
		place->shown, st->st_uid, st->st_mode & GYRE_PERMISSION_BITS, perm, reterr);
	if (err != GYRE_OK)
		return err;
	if (st->st_size == 0)
		return gyre_fail(reterr, GYRE_ESIZE,
			"%s: is empty; its maker either died or is about to give it a size: try "
			"again, else remove it",
			place->shown);
	if ((uint64_t)st->st_size > PTRDIFF_MAX)
		return gyre_fail(reterr, GYRE_ESIZE,
			"%s: has %jd bytes, more than this process can address", place->shown,
			(intmax_t)st->st_size);
	return GYRE_OK;
}

/* What exactly was denied: who owns it, what its mode is and what would be needed. */
static int fail_open(const struct gyre_place *place, const struct stat *st, enum gyre_access access,
	struct gyre_error *reterr)
{
	if (errno == ENXIO || errno == EISDIR)
		return gyre_fail_os(reterr, GYRE_EUNSAFE,
			"%s: became something else while it was opened: refused", place->shown);
	if (errno != EACCES && errno != EPERM)
		return gyre_place_fail(place, "open", reterr);
	return gyre_fail_os(reterr, GYRE_EPERM,
		"%s: permission denied: it belongs to uid %u with mode %04o, and uid %u wants to "
		"%s it; its owner may chmod it or make it with a wider mode",
		place->shown, st->st_uid, st->st_mode & GYRE_PERMISSION_BITS, (unsigned)geteuid(),
		access == GYRE_READ_WRITE ? "read and write" : "read");
}

static int open_object(const struct gyre_place *place, enum gyre_access access, int *ret_fd,
	struct gyre_error *reterr)
{
	const int flags = (access == GYRE_READ_WRITE ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC |
			  O_NONBLOCK | O_NOCTTY;
	struct stat st;
	int directory, err, fd;

	err = gyre_place_open(place, &directory, reterr);
	if (err != GYRE_OK)
		return err;
	if (fstatat(directory, place->name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		err = gyre_place_fail(place, "look at", reterr);
		goto out;
	}
	err = judge_kind(place, &st, reterr);
	if (err != GYRE_OK)
		goto out;
	fd = gyre_fd_above_stdio(openat(directory, place->name, flags));
	if (fd < 0)
		err = fail_open(place, &st, access, reterr);
	else
		*ret_fd = fd;
out:
	close(directory);
	return err;
}

static int fail_fill(
	const struct gyre_place *place, int fd, uint64_t missing, struct gyre_error *reterr)
{
	if (errno == EINVAL)
		return gyre_fail_os(reterr, GYRE_ENOTSUP,
			"%s: has holes, which this kernel cannot fill safely (before Linux 5.14): "
			"make it with its space reserved",
			place->shown);
	if (errno == EFAULT) /* where a touch would have raised SIGBUS */
		errno = ENOSPC;
	return gyre_space_fail(place, fd, missing, reterr);
}

/* Gives holes their room. By fallocate(2) if we may: it undoes what it did if there is too little,
 * where touching pages leaves a full file system behind. On a disk st_blocks counts the file
 * system's own blocks in and may hide a small hole, so it is asked anyway. */
static int fill_holes(const struct gyre_place *place, const struct stat *st,
	const struct gyre_map *map, struct gyre_error *reterr)
{
	const int populate = map->writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
	const uint64_t there = (uint64_t)st->st_blocks * BLOCK_BYTES;
	const uint64_t missing = there < map->bytes ? map->bytes - there : 0;
	const bool is_ram = gyre_fdmap_is_ram(map->fd);
	int err;

	if (is_ram ? missing == 0 : !map->writable)
		return GYRE_OK; /* to read a hole of a disk's file takes no room */
	err = gyre_space_check(place, map->fd, missing, reterr);
	if (err != GYRE_OK)
		return err;
	if (map->writable && gyre_fd_reserve(map->fd, map->bytes) == 0)
		return GYRE_OK;
	if (map->writable && errno != EOPNOTSUPP)
		return gyre_space_fail(place, map->fd, missing, reterr);
	if (missing == 0 || madvise(map->base, map->bytes, populate) == 0)
		return GYRE_OK;
	return fail_fill(place, map->fd, missing, reterr);
}

/* Looking must take no memory: what has holes in memory is not one of gyre's objects, whose space
 * is reserved, and giving it room would be somebody else's gift to fill the machine with. */
static int refuse_holes(const struct gyre_place *place, const struct stat *st,
	const struct gyre_map *map, struct gyre_error *reterr)
{
	if ((uint64_t)st->st_blocks * BLOCK_BYTES >= map->bytes || !gyre_fdmap_is_ram(map->fd))
		return GYRE_OK;
	return gyre_fail(reterr, GYRE_EFORMAT,
		"%s: has holes, so gyre did not make it: not looked at", place->shown);
}

/* What is left to do with an object that was opened as map->fd; on failure it is closed. */
static int finish(const struct gyre_place *place, const struct stat *st,
	const struct gyre_permissions *perm, struct gyre_map *map, struct gyre_error *reterr)
{
	int err = judge(place, st, perm, reterr);

	if (err == GYRE_OK)
		err = gyre_space_admit(place, map->fd, reterr);
	if (err == GYRE_OK)
		err = gyre_fdmap_map(place, (size_t)st->st_size, map, reterr);
	if (err == GYRE_OK)
		err = perm == &gyre_permissions_any ? refuse_holes(place, st, map, reterr)
						    : fill_holes(place, st, map, reterr);
	if (err != GYRE_OK)
		gyre_fdmap_detach(map);
	return err;
}

int gyre_fdmap_attach(const struct gyre_key *key, enum gyre_access access,
	const struct gyre_permissions *perm, struct gyre_map *ret_map, struct gyre_error *reterr)
{
	struct gyre_map map = {.fd = -1, .writable = access == GYRE_READ_WRITE};
	struct gyre_place place;
	struct stat st;
	int fd = -1;
	int err;

	err = gyre_check_permissions(perm, reterr);
	if (err == GYRE_OK)
		err = gyre_place_of(key, &place, reterr);
	if (err == GYRE_OK)
		err = open_object(&place, access, &fd, reterr);
	if (err == GYRE_OK)
		err = gyre_fdmap_adopt(&place, fd, &map, &st, reterr);
	if (err != GYRE_OK)
		return err;
	map.backend = gyre_backend_of(key, NULL);
	if (st.st_nlink == 0) {
		gyre_fdmap_detach(&map);
		return gyre_fail(reterr, GYRE_ENOTFOUND, "%s: was removed just now", place.shown);
	}
	err = finish(&place, &st, perm, &map, reterr);
	if (err == GYRE_OK)
		*ret_map = map;
	return err;
}

/* Which backend an object without a key belongs to. */
static const struct gyre_backend *backend_of_object(const struct stat *st)
{
	struct stat shm;

	if (stat("/dev/shm", &shm) == 0 && shm.st_dev == st->st_dev)
		return &gyre_backend_posix;
	return &gyre_backend_file;
}

/* A second open of the same object through procfs: the one that was handed over shares its locks
 * with whoever else has it. -1 with errno. */
static int reopen(int fd, enum gyre_access access)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return gyre_fd_above_stdio(open(path, (access == GYRE_READ_WRITE ? O_RDWR : O_RDONLY) |
						      O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

static int fail_reopen(const struct gyre_place *place, const struct stat *st,
	enum gyre_access access, struct gyre_error *reterr)
{
	if (errno == ENOENT)
		return gyre_fail_os(reterr, GYRE_ENOTSUP,
			"%s: cannot be opened again, which its locks need, as procfs is missing: "
			"mount it (mount -t proc proc /proc), or attach by key",
			place->shown);
	return fail_open(place, st, access, reterr);
}

int gyre_fdmap_attach_fd(int fd, enum gyre_access access, const struct gyre_permissions *perm,
	struct gyre_map *ret_map, struct gyre_error *reterr)
{
	struct gyre_map map = {.fd = -1, .writable = access == GYRE_READ_WRITE};
	struct gyre_place place = {0};
	struct stat st;
	int err, again;

	snprintf(place.shown, sizeof place.shown, "descriptor %d", fd);
	err = gyre_check_permissions(perm, reterr);
	if (err != GYRE_OK)
		return err;
	if (fstat(fd, &st) != 0)
		return gyre_fail_os(reterr, GYRE_EINVAL, "%s: is not open", place.shown);
	err = judge_kind(&place, &st, reterr);
	if (err != GYRE_OK)
		return err;
	again = reopen(fd, access);
	if (again < 0)
		return fail_reopen(&place, &st, access, reterr);
	err = gyre_fdmap_adopt(&place, again, &map, &st, reterr);
	if (err != GYRE_OK)
		return err;
	map.backend = backend_of_object(&st);
	err = finish(&place, &st, perm, &map, reterr);
	if (err == GYRE_OK)
		*ret_map = map;
	return err;
}

static bool stat_own(const struct gyre_map *map, struct stat *ret_st)
{
	return map->fd >= 0 && fstat(map->fd, ret_st) == 0 && ret_st->st_dev == map->device &&
	       ret_st->st_ino == map->inode;
}

bool gyre_fdmap_owns_fd(const struct gyre_map *map)
{
	struct stat st;

	return stat_own(map, &st);
}

bool gyre_fdmap_is_named(const struct gyre_map *map)
{
	struct stat st;

	/* Without its descriptor nobody can tell: then no alarm. */
	return !stat_own(map, &st) || st.st_nlink > 0;
}

void gyre_fdmap_detach(struct gyre_map *map)
{
	if (map == NULL)
		return;
	if (map->base != NULL)
		munmap(map->base, map->bytes);
	if (map->unpublished != NULL && gyre_fdmap_owns_fd(map))
		unlink(map->unpublished); /* nobody else takes it: we hold its lock */
	if (gyre_fdmap_owns_fd(map))
		close(map->fd);
	free(map->unpublished);
	*map = (struct gyre_map){.backend = map->backend, .fd = -1};
}
