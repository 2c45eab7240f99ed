/*
 * POSIX shared memory: files of a tmpfs at /dev/shm, where the C libraries of Linux keep what
 * shm_open(3) makes. They are opened here and not by shm_open, which would block on a planted
 * FIFO, cannot make an object without a name, and leaves its mode to the umask.
 *
 * Names are read as glibc does: any number of leading slashes counts for one, more are not
 * allowed inside. Semaphores (sem_open(3)) live in the same directory under "sem.".
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "backend.h"
#include "fdmap.h"

static const char DIRECTORY[] = "/dev/shm";
static const char SEMAPHORE_PREFIX[] = "sem.";

static bool is_semaphore(const char *name)
{
	return strncmp(name, SEMAPHORE_PREFIX, sizeof SEMAPHORE_PREFIX - 1) == 0;
}

static int place(
	const struct gyre_key *key, struct gyre_place *ret_place, struct gyre_error *reterr)
{
	const char *name = key->native;
	int err;

	while (*name == '/')
		name++;
	err = gyre_place_set(ret_place, DIRECTORY, sizeof DIRECTORY - 1, name, reterr);
	if (err != GYRE_OK)
		return err;
	if (is_semaphore(name))
		return gyre_fail(reterr, GYRE_EKEY,
			"%s: names that begin with \"%s\" belong to semaphores (sem_open)",
			ret_place->shown, SEMAPHORE_PREFIX);
	ret_place->is_shm = true;
	return GYRE_OK;
}

/* 1: could be a segment. 0: is none. -1: permission hides what it is. */
static int look_at(int directory, const char *name)
{
	struct stat st;

	if (is_semaphore(name) || fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0; /* a name that has gone meanwhile, too */
	if (!S_ISREG(st.st_mode))
		return 0;
	return faccessat(directory, name, R_OK, AT_EACCESS) == 0 ? 1 : -1;
}

static int list(gyre_list_fn *found, void *context, unsigned *ret_hidden, struct gyre_error *reterr)
{
	DIR *const directory = opendir(DIRECTORY);
	const struct dirent *entry;
	unsigned hidden = 0;
	bool stop = false;

	if (directory == NULL)
		return gyre_fail_os(reterr, errno == EACCES ? GYRE_EPERM : GYRE_ESYSTEM,
			"%s: cannot be listed: %s", DIRECTORY, strerror(errno));
	while (!stop && (entry = readdir(directory)) != NULL) {
		struct gyre_key key = {.type = GYRE_KEY_POSIX};
		const int seen = look_at(dirfd(directory), entry->d_name);

		if (seen < 0)
			hidden++;
		if (seen <= 0)
			continue;
		snprintf(key.native, sizeof key.native, "/%s", entry->d_name);
		stop = found(context, &key) != 0;
	}
	closedir(directory);
	*ret_hidden = hidden;
	return GYRE_OK;
}

const struct gyre_backend gyre_backend_posix = {
	.scheme = "posix",
	.caps = GYRE_CAP_NAMED | GYRE_CAP_FD,
	.create = gyre_fdmap_create,
	.publish = gyre_fdmap_publish,
	.attach = gyre_fdmap_attach,
	.detach = gyre_fdmap_detach,
	.unlink = gyre_fdmap_unlink,
	.is_abandoned = gyre_fdmap_is_abandoned,
	.is_named = gyre_fdmap_is_named,
	.list = list,
	.place = place,
};
