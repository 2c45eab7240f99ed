/* The public look at what core/space.c and core/memory.c know. */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "fdmap.h"
#include "gyre_system.h"

/* Opens the directory where an object of this key would be. */
static int open_place(const struct gyre_key *key, struct gyre_place *ret_place, int *ret_fd,
	struct gyre_error *reterr)
{
	const int err = gyre_place_of(key, ret_place, reterr);

	return err == GYRE_OK ? gyre_place_open(ret_place, ret_fd, reterr) : err;
}

static int look(const struct gyre_place *place, int fd, struct gyre_system_room *ret_room,
	struct gyre_error *reterr)
{
	struct gyre_memory memory;
	struct statvfs fs;

	if (fstatvfs(fd, &fs) != 0)
		return gyre_fail_os(reterr, GYRE_ESYSTEM, "%s: its file system cannot be asked: %s",
			place->shown, strerror(errno));
	gyre_memory_look(&memory);
	*ret_room = (struct gyre_system_room){
		/* No blocks at all: a tmpfs without a limit. */
		.total_bytes = fs.f_blocks > 0 ? (uint64_t)fs.f_blocks * fs.f_frsize : UINT64_MAX,
		.free_bytes = fs.f_blocks > 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : UINT64_MAX,
		.memory_bytes = memory.limit,
		.memory_free_bytes = memory.room,
		.memory_of_cgroup = memory.of_cgroup,
		.is_ram = gyre_fdmap_is_ram(fd),
	};
	return GYRE_OK;
}

int gyre_system_room_of(
	const struct gyre_key *key, struct gyre_system_room *ret_room, struct gyre_error *reterr)
{
	struct gyre_place place;
	int fd;
	int err = open_place(key, &place, &fd, reterr);

	if (err != GYRE_OK)
		return err;
	err = look(&place, fd, ret_room, reterr);
	close(fd);
	return err;
}

int gyre_system_fits(const struct gyre_key *key, uint64_t bytes, struct gyre_error *reterr)
{
	struct gyre_place place;
	int fd;
	int err = open_place(key, &place, &fd, reterr);

	if (err != GYRE_OK)
		return err;
	err = gyre_space_limit(&place, bytes, reterr);
	if (err == GYRE_OK)
		err = gyre_space_check(&place, fd, bytes, reterr);
	close(fd);
	return err;
}
