/*
 * File systems: which ones can hold shared memory, how much room they have, and the sentence for
 * the user when they have too little. Running out of room is what users of shared memory meet
 * first (64 MiB of /dev/shm in a container), so the sentence has the numbers and the cure.
 */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "fdmap.h"

enum {
	KIB = 1 << 10,
	MIB = 1 << 20,
	SIZE_TEXT_BYTES = 32,
	ASKED_TEXT_BYTES = 72,
	MEMORY_CHECK_BYTES_MIN = MIB, /* asking costs as much as reserving so little */
};

/* Files there are not shared memory between machines, may change on the server, and are cut off
 * when the network is; a FUSE server is a process that may stop. */
static const struct {
	uint32_t type;
	const char *name;
} remote_types[] = {
	{NFS_SUPER_MAGIC, "NFS"},
	{SMB_SUPER_MAGIC, "SMB"},
	{CIFS_SUPER_MAGIC, "CIFS"},
	{SMB2_SUPER_MAGIC, "SMB"},
	{V9FS_MAGIC, "9p"},
	{FUSE_SUPER_MAGIC, "FUSE"},
	{CEPH_SUPER_MAGIC, "Ceph"},
	{CODA_SUPER_MAGIC, "Coda"},
	{AFS_SUPER_MAGIC, "AFS"},
	{AFS_FS_MAGIC, "AFS"},
	{NCP_SUPER_MAGIC, "NCP"},
	{OCFS2_SUPER_MAGIC, "OCFS2"},
	{0x01161970, "GFS2"},
	{0x0bd00bd0, "Lustre"},
	{0x47504653, "GPFS"},
	{0x19830326, "BeeGFS"},
	{0x20030528, "OrangeFS"},
	{0xaad7aaea, "PanFS"},
	{0x786f4256, "VirtualBox shared folder"},
	{0xbacbacbc, "VMware shared folder"},
	{0x7c7c6673, "Parallels shared folder"},
};

const char *gyre_space_remote(uint32_t type)
{
	for (size_t i = 0; i < sizeof remote_types / sizeof *remote_types; i++)
		if (remote_types[i].type == type)
			return remote_types[i].name;
	return NULL;
}

/* f_type's own type differs between systems, and some values do not fit its sign. */
static uint32_t type_of(const struct statfs *fs)
{
	return (uint32_t)fs->f_type;
}

static bool is_ram(const struct statfs *fs)
{
	return type_of(fs) == TMPFS_MAGIC || type_of(fs) == RAMFS_MAGIC ||
	       type_of(fs) == HUGETLBFS_MAGIC;
}

bool gyre_fdmap_is_ram(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && is_ram(&fs);
}

int gyre_space_admit(const struct gyre_place *place, int fd, struct gyre_error *reterr)
{
	struct statfs fs;
	const char *remote;

	if (fstatfs(fd, &fs) != 0)
		return gyre_fail_os(reterr, GYRE_ESYSTEM, "%s: its file system cannot be asked: %s",
			place->shown, strerror(errno));
	if (place->is_shm && !is_ram(&fs))
		return gyre_fail(reterr, GYRE_ENOTSUP,
			"%s: %s is no tmpfs here (its type is 0x%x), so there is no POSIX shared "
			"memory: mount one (mount -t tmpfs tmpfs %s), or use a file: key",
			place->shown, place->directory, type_of(&fs), place->directory);
	remote = gyre_space_remote(type_of(&fs));
	if (remote != NULL)
		return gyre_fail(reterr, GYRE_ENOTSUP,
			"%s: is on a network file system (%s), through which memory cannot be "
			"shared: use a posix: key, or a file on a tmpfs or a local disk",
			place->shown, remote);
	return GYRE_OK;
}

/* "64 MiB", "12.3 MiB", "100 KiB", "100 bytes". */
static const char *size_text(char text[SIZE_TEXT_BYTES], unsigned long long bytes)
{
	if (bytes >= MIB && bytes % MIB == 0)
		snprintf(text, SIZE_TEXT_BYTES, "%llu MiB", bytes / MIB);
	else if (bytes >= MIB)
		snprintf(text, SIZE_TEXT_BYTES, "%llu.%llu MiB", bytes / MIB,
			bytes % MIB * 10 / MIB);
	else if (bytes >= KIB && bytes % KIB == 0)
		snprintf(text, SIZE_TEXT_BYTES, "%llu KiB", bytes / KIB);
	else
		snprintf(text, SIZE_TEXT_BYTES, "%llu bytes", bytes);
	return text;
}

/* With the exact figure, as it was asked for. */
static const char *asked_text(char text[ASKED_TEXT_BYTES], unsigned long long bytes)
{
	char size[SIZE_TEXT_BYTES];

	snprintf(text, ASKED_TEXT_BYTES, "%s (%llu bytes)", size_text(size, bytes), bytes);
	return text;
}

/* What a file system should have had in all, in whole MiB: for the command that makes it so. */
static unsigned long long mib_needed(const struct statvfs *fs, uint64_t bytes)
{
	const uint64_t used = (uint64_t)(fs->f_blocks - fs->f_bfree) * fs->f_frsize;

	return (used + bytes) / MIB + 1;
}

static int fail_full(const struct gyre_place *place, const struct statvfs *fs, bool of_ram,
	uint64_t bytes, struct gyre_error *reterr)
{
	const unsigned long long needed = mib_needed(fs, bytes);
	char asked[ASKED_TEXT_BYTES], there[SIZE_TEXT_BYTES], total[SIZE_TEXT_BYTES];

	asked_text(asked, bytes);
	size_text(there, (uint64_t)fs->f_bavail * fs->f_frsize);
	size_text(total, (uint64_t)fs->f_blocks * fs->f_frsize);
	errno = ENOSPC;
	if (place->is_shm)
		return gyre_fail_os(reterr, GYRE_ENORES,
			"%s: %s asked, %s free of %s in /dev/shm; ask for less, remove what is "
			"stale, or enlarge it: mount -o remount,size=%lluM /dev/shm, for a "
			"container --shm-size=%llum (Kubernetes: an emptyDir of medium Memory "
			"there); or use a file: key elsewhere",
			place->shown, asked, there, total, needed, needed);
	if (of_ram)
		return gyre_fail_os(reterr, GYRE_ENORES,
			"%s: %s asked, %s free of %s on its tmpfs; ask for less, free some, "
			"enlarge it (mount -o remount,size=%lluM), or use another path",
			place->shown, asked, there, total, needed);
	return gyre_fail_os(reterr, GYRE_ENORES,
		"%s: %s asked, %s free of %s on its file system; ask for less, free some, or use "
		"another path",
		place->shown, asked, there, total);
}

static int fail_memory(const struct gyre_place *place, const struct gyre_memory *memory,
	uint64_t bytes, struct gyre_error *reterr)
{
	char asked[ASKED_TEXT_BYTES], there[SIZE_TEXT_BYTES], limit[SIZE_TEXT_BYTES];

	asked_text(asked, bytes);
	size_text(there, memory->room);
	size_text(limit, memory->limit);
	errno = ENOMEM;
	if (memory->of_cgroup)
		return gyre_fail_os(reterr, GYRE_ENORES,
			"%s: %s asked, %s left of the %s of memory that this container (cgroup) "
			"may use; ask for less, raise the limit (--memory=, MemoryMax=, "
			"resources.limits.memory), or use a file: key on a disk",
			place->shown, asked, there, limit);
	return gyre_fail_os(reterr, GYRE_ENORES,
		"%s: %s asked, %s left of the machine's memory of %s; ask for less, end other "
		"programs, or use a file: key on a disk",
		place->shown, asked, there, limit);
}

static int fail_limit(const struct gyre_place *place, uint64_t bytes, struct gyre_error *reterr)
{
	char asked[ASKED_TEXT_BYTES], there[SIZE_TEXT_BYTES];
	struct rlimit limit = {.rlim_cur = RLIM_INFINITY};

	getrlimit(RLIMIT_FSIZE, &limit);
	asked_text(asked, bytes);
	errno = EFBIG;
	if (bytes <= limit.rlim_cur)
		return gyre_fail_os(reterr, GYRE_ESIZE,
			"%s: %s asked, more than a file can have on its file system", place->shown,
			asked);
	return gyre_fail_os(reterr, GYRE_ENORES,
		"%s: %s asked, and this process may make files of %s at most; ask for less, or "
		"raise the limit (ulimit -f, RLIMIT_FSIZE, LimitFSIZE=)",
		place->shown, asked, size_text(there, limit.rlim_cur));
}

/* Asked beforehand: the kernel would not only refuse, but also send SIGXFSZ, which kills. */
int gyre_space_limit(const struct gyre_place *place, uint64_t bytes, struct gyre_error *reterr)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && bytes > limit.rlim_cur)
		return fail_limit(place, bytes, reterr);
	return GYRE_OK;
}

/* On a disk even what is kept for root counts as free: what it can free more, nobody knows. */
static uint64_t free_bytes(const struct statvfs *fs, bool of_ram)
{
	return (uint64_t)(of_ram ? fs->f_bavail : fs->f_bfree) * fs->f_frsize;
}

int gyre_space_check(
	const struct gyre_place *place, int fd, uint64_t bytes, struct gyre_error *reterr)
{
	const bool of_ram = gyre_fdmap_is_ram(fd);
	struct gyre_memory memory;
	struct statvfs fs;

	/* No blocks at all: a tmpfs without a limit. */
	if (fstatvfs(fd, &fs) == 0 && fs.f_blocks > 0 && bytes > free_bytes(&fs, of_ram))
		return fail_full(place, &fs, of_ram, bytes, reterr);
	if (!of_ram || bytes < MEMORY_CHECK_BYTES_MIN)
		return GYRE_OK;
	gyre_memory_look(&memory);
	if (bytes > memory.room)
		return fail_memory(place, &memory, bytes, reterr);
	return GYRE_OK;
}

/* No room, whatever the figures said before. */
static int fail_room(
	const struct gyre_place *place, int fd, uint64_t bytes, struct gyre_error *reterr)
{
	struct gyre_memory memory;
	struct statvfs fs;
	const bool of_ram = gyre_fdmap_is_ram(fd);
	const bool known = fstatvfs(fd, &fs) == 0;

	if (known && fs.f_files > 0 && fs.f_favail == 0)
		return gyre_fail_os(reterr, GYRE_ENORES,
			"%s: no room for another file: all %llu of its file system are taken; "
			"remove some (a tmpfs: mount -o remount,nr_inodes=%llu)",
			place->shown, (unsigned long long)fs.f_files,
			(unsigned long long)fs.f_files * 2);
	if (known && !(of_ram && bytes <= free_bytes(&fs, of_ram)))
		return fail_full(place, &fs, of_ram, bytes, reterr);
	gyre_memory_look(&memory); /* a tmpfs that is not full: memory must not be overcommitted */
	return fail_memory(place, &memory, bytes, reterr);
}

int gyre_space_fail(
	const struct gyre_place *place, int fd, uint64_t bytes, struct gyre_error *reterr)
{
	char asked[ASKED_TEXT_BYTES];
	struct gyre_memory memory;

	switch (errno) {
	case ENOSPC:
		return fail_room(place, fd, bytes, reterr);
	case ENOMEM:
		gyre_memory_look(&memory);
		return fail_memory(place, &memory, bytes, reterr);
	case EFBIG:
		return fail_limit(place, bytes, reterr);
	case EDQUOT:
		return gyre_fail_os(reterr, GYRE_ENORES,
			"%s: %s asked, more than the quota of uid %u leaves; ask for less, or see "
			"quota(1)",
			place->shown, asked_text(asked, bytes), (unsigned)geteuid());
	default:
		return gyre_fail_os(reterr, GYRE_ESYSTEM, "%s: %s could not be reserved: %s",
			place->shown, asked_text(asked, bytes), strerror(errno));
	}
}
