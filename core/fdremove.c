/*
 * Removing a name, and no other object's.
 *
 * To look where a name leads and to unlink it are two steps. Between them another remover could
 * take the same name away and a creator put a new object there, which the second step would hit.
 * So whoever removes a name holds flock(2) on the object it leads to, and looks again once he has
 * it: while he holds it nobody else (of gyre) removes that name, so it goes on leading there.
 *
 * The lock is held for two system calls. A creator that needs a private name (core/fdmake.c)
 * holds it as long as he works, so what is locked under such a name is not a leftover.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include "fdmap.h"

enum {
	LOCK_TRIES = 100,
	LOCK_PAUSE_NS = 1000000,
	NAME_TRIES = 16, /* a name that leads elsewhere each time we look */
	TRY_AGAIN = 1,
};

static bool lock_object(int fd)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return false;
		nanosleep(&pause, NULL);
	}
	return false;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int fail_unlink(
	const struct gyre_place *place, const struct stat *st, struct gyre_error *reterr)
{
	if (errno != EACCES && errno != EPERM)
		return gyre_place_fail(place, "remove", reterr);
	return gyre_fail_os(reterr, GYRE_EPERM,
		"%s: permission denied: it belongs to uid %u and this process is uid %u; its "
		"owner, or root, can remove it",
		place->shown, st->st_uid, (unsigned)geteuid());
}

/* Under the lock, if there could be one. */
static int unlink_if_same(int directory, const struct gyre_place *place, const struct stat *seen,
	struct gyre_error *reterr)
{
	struct stat now;

	if (fstatat(directory, place->name, &now, AT_SYMLINK_NOFOLLOW) != 0)
		return gyre_place_fail(place, "look at", reterr);
	if (!is_same(&now, seen))
		return TRY_AGAIN;
	if (unlinkat(directory, place->name, 0) != 0)
		return fail_unlink(place, &now, reterr);
	return GYRE_OK;
}

/* A descriptor of what was seen, to lock it by; -1 if it is not a file we can open. */
static int open_seen(int directory, const struct gyre_place *place, const struct stat *seen)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	struct stat st;
	int fd;

	if (!S_ISREG(seen->st_mode))
		return -1;
	fd = openat(directory, place->name, flags);
	if (fd >= 0 && (fstat(fd, &st) != 0 || !is_same(&st, seen))) {
		close(fd);
		return -1;
	}
	return fd;
}

static int remove_once(int directory, const struct gyre_place *place, const struct gyre_map *only,
	struct gyre_error *reterr)
{
	const bool must_lock = only != NULL || gyre_name_is_private(place->name);
	struct stat seen;
	bool locked;
	int err, fd;

	if (fstatat(directory, place->name, &seen, AT_SYMLINK_NOFOLLOW) != 0)
		return gyre_place_fail(place, "look at", reterr);
	if (S_ISDIR(seen.st_mode))
		return gyre_fail(reterr, GYRE_EUNSAFE,
			"%s: is a directory, not shared memory: refused", place->shown);
	if (only != NULL && (seen.st_dev != only->device || seen.st_ino != only->inode))
		return gyre_fail(reterr, GYRE_ENOTFOUND,
			"%s: leads to another object by now, which was left alone", place->shown);
	fd = open_seen(directory, place, &seen);
	locked = fd >= 0 && lock_object(fd);
	if (must_lock && !locked && S_ISREG(seen.st_mode))
		err = gyre_fail(reterr, GYRE_ELOCK,
			"%s: another process is making or removing it at the moment", place->shown);
	else
		err = unlink_if_same(directory, place, &seen, reterr);
	if (fd >= 0)
		close(fd); /* and with it the lock */
	return err;
}

static int remove_name(int directory, const struct gyre_place *place, const struct gyre_map *only,
	struct gyre_error *reterr)
{
	int err = TRY_AGAIN;

	for (int i = 0; i < NAME_TRIES && err == TRY_AGAIN; i++)
		err = remove_once(directory, place, only, reterr);
	if (err == TRY_AGAIN)
		return gyre_fail(reterr, GYRE_ELOCK,
			"%s: others make and remove it faster than it can be looked at",
			place->shown);
	return err;
}

int gyre_fdmap_unlink(
	const struct gyre_key *key, const struct gyre_map *only, struct gyre_error *reterr)
{
	struct gyre_place place;
	int directory, err;

	err = gyre_place_of(key, &place, reterr);
	if (err == GYRE_OK)
		err = gyre_place_open(&place, &directory, reterr);
	if (err != GYRE_OK)
		return err;
	err = remove_name(directory, &place, only, reterr);
	close(directory);
	return err;
}

int gyre_fdmap_is_abandoned(const struct gyre_key *key, struct gyre_error *reterr)
{
	struct gyre_place place;
	struct stat seen;
	int directory, fd, err;

	err = gyre_place_of(key, &place, reterr);
	if (err == GYRE_OK)
		err = gyre_place_open(&place, &directory, reterr);
	if (err != GYRE_OK)
		return err;
	if (fstatat(directory, place.name, &seen, AT_SYMLINK_NOFOLLOW) != 0) {
		err = gyre_place_fail(&place, "look at", reterr);
		close(directory);
		return err;
	}
	fd = open_seen(directory, &place, &seen);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
		err = gyre_fail(
			reterr, GYRE_ELOCK, "%s: its creator is still at work", place.shown);
	if (fd >= 0)
		close(fd);
	close(directory);
	return err;
}
