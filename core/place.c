/*
 * Where an object is: the directory and the name in it. Every step is taken relative to the
 * opened directory, and whatever fails on the way is told in the user's terms here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "fdmap.h"

/* The path for people. Of a long one the end says most. */
static void show(struct gyre_place *place)
{
	char path[GYRE_DIRECTORY_BYTES + GYRE_NAME_BYTES];
	const char *const slash = strcmp(place->directory, "/") == 0 ? "" : "/";
	const int length =
		snprintf(path, sizeof path, "%s%s%s", place->directory, slash, place->name);
	const int room = (int)sizeof place->shown - 1;

	if (length <= room)
		snprintf(place->shown, sizeof place->shown, "%.*s", room, path);
	else
		snprintf(place->shown, sizeof place->shown, "...%.*s", room - 3,
			path + length - (room - 3));
}

int gyre_place_set(struct gyre_place *ret_place, const char *directory, size_t directory_bytes,
	const char *name, struct gyre_error *reterr)
{
	const size_t name_bytes = strlen(name);

	if (name_bytes == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return gyre_fail(reterr, GYRE_EKEY,
			"\"%.200s\" names a directory or nothing: a key ends in a name, as in "
			"posix:/cam0 or file:/run/cam0",
			name);
	if (strchr(name, '/') != NULL)
		return gyre_fail(reterr, GYRE_EKEY,
			"/%.200s: names of POSIX shared memory have no slash inside", name);
	if (name_bytes >= GYRE_NAME_BYTES || directory_bytes >= GYRE_DIRECTORY_BYTES)
		return gyre_fail(reterr, GYRE_EKEY,
			"%.100s...: a name of %zu bytes is too long, %d are possible", name,
			name_bytes, GYRE_NAME_BYTES - 1);
	memset(ret_place, 0, sizeof *ret_place);
	memcpy(ret_place->directory, directory, directory_bytes);
	memcpy(ret_place->name, name, name_bytes);
	show(ret_place);
	return GYRE_OK;
}

int gyre_place_of(
	const struct gyre_key *key, struct gyre_place *ret_place, struct gyre_error *reterr)
{
	const struct gyre_backend *const backend = gyre_backend_of(key, reterr);

	if (backend == NULL || backend->place == NULL)
		return gyre_fail(
			reterr, GYRE_EKEY, "keys of type %u do not name a file", key->type);
	return backend->place(key, ret_place, reterr);
}

static int fail_directory(const struct gyre_place *place, struct gyre_error *reterr)
{
	if (errno != ENOENT && errno != ENOTDIR)
		return gyre_place_fail(place, "reach", reterr);
	if (place->is_shm)
		return gyre_fail_os(reterr, GYRE_ENOTSUP,
			"%s: there is no %s here, so no POSIX shared memory: mount a tmpfs there, "
			"or use a file: key",
			place->shown, place->directory);
	return gyre_fail_os(
		reterr, GYRE_ENOTFOUND, "%s: its directory does not exist", place->shown);
}

int gyre_place_open(const struct gyre_place *place, int *ret_fd, struct gyre_error *reterr)
{
	const int fd = open(place->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return fail_directory(place, reterr);
	err = gyre_space_admit(place, fd, reterr);
	if (err != GYRE_OK)
		close(fd);
	else
		*ret_fd = fd;
	return err;
}

static int fail_descriptors(const struct gyre_place *place, struct gyre_error *reterr)
{
	struct rlimit limit = {.rlim_cur = 0};

	if (errno == ENFILE)
		return gyre_fail_os(reterr, GYRE_ENORES,
			"%s: the system has as many files open as it may: see sysctl fs.file-max",
			place->shown);
	getrlimit(RLIMIT_NOFILE, &limit);
	errno = EMFILE;
	return gyre_fail_os(reterr, GYRE_ENORES,
		"%s: this process has all %llu descriptors it may have: close some, or raise the "
		"limit (ulimit -n, LimitNOFILE=)",
		place->shown, (unsigned long long)limit.rlim_cur);
}

int gyre_place_fail(const struct gyre_place *place, const char *doing, struct gyre_error *reterr)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return gyre_fail_os(reterr, GYRE_ENOTFOUND, "%s: no such name", place->shown);
	case EACCES:
	case EPERM:
	case EROFS:
		return gyre_fail_os(reterr, GYRE_EPERM, "%s: uid %u may not %s it: %s",
			place->shown, (unsigned)geteuid(), doing, strerror(errno));
	case ELOOP:
		return gyre_fail_os(reterr, GYRE_EUNSAFE,
			"%s: leads through a symbolic link: refused", place->shown);
	case ENAMETOOLONG:
		return gyre_fail_os(reterr, GYRE_EKEY, "%s: the path is too long", place->shown);
	case EMFILE:
	case ENFILE:
		return fail_descriptors(place, reterr);
	case ENOMEM:
		return gyre_fail_os(reterr, GYRE_ENORES, "%s: out of memory", place->shown);
	default:
		return gyre_fail_os(reterr, GYRE_ESYSTEM, "%s: this process could not %s it: %s",
			place->shown, doing, strerror(errno));
	}
}
