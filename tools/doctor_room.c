/* Room for rings: /dev/shm, and the memory it is made of. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "doctor.h"
#include "gyre_system.h"
#include "numbers.h"

static const char DIRECTORY[] = "/dev/shm";
static const struct gyre_key anywhere = {.type = GYRE_KEY_POSIX, .native = "/gyre"};

#define CONTAINER_BYTES ((uint64_t)64 << 20) /* what Docker and Kubernetes give a container */

#define CURE_SIZE                                                                                  \
	"mount -o remount,size=1G /dev/shm; for a container --shm-size=1g (compose: shm_size; "    \
	"Kubernetes: an emptyDir of medium Memory there)"

/* true: the directory itself is no obstacle. */
static bool check_access(struct doctor *d)
{
	struct stat st;

	if (access(DIRECTORY, W_OK | X_OK) != 0) {
		if (errno == EROFS) {
			finding(d, HEALTH_PROBLEM, DIRECTORY,
				"mounted read-only: no ring can be made");
			cure(d, "mount -o remount,rw /dev/shm");
		} else {
			finding(d, HEALTH_PROBLEM, DIRECTORY, "uid %u may not write there: %s",
				(unsigned)geteuid(), strerror(errno));
			cure(d, "chmod 1777 /dev/shm");
		}
		return false;
	}
	if (stat(DIRECTORY, &st) == 0 && (st.st_mode & S_IWOTH) != 0 &&
		(st.st_mode & S_ISVTX) == 0) {
		finding(d, HEALTH_WARN, DIRECTORY,
			"its mode %04o lets every user remove every ring",
			(unsigned)st.st_mode & 07777);
		cure(d, "chmod 1777 /dev/shm");
	}
	return true;
}

static void room_figures(struct doctor *d, const struct gyre_system_room *room)
{
	figure(d, "total_bytes", room->total_bytes);
	figure(d, "free_bytes", room->free_bytes);
}

static bool check_files(struct doctor *d)
{
	struct statvfs fs;

	if (statvfs(DIRECTORY, &fs) != 0 || fs.f_files == 0 || fs.f_favail > 0)
		return true;
	finding(d, HEALTH_PROBLEM, DIRECTORY, "all the %llu files it may have are there",
		(unsigned long long)fs.f_files);
	cure(d, "remove some, or mount -o remount,nr_inodes=%llu /dev/shm",
		(unsigned long long)fs.f_files * 2);
	return false;
}

static void check_room(struct doctor *d, const struct gyre_system_room *room)
{
	char total[NUMBER_TEXT_BYTES], left[NUMBER_TEXT_BYTES];

	if (room->total_bytes == UINT64_MAX) {
		finding(d, HEALTH_OK, DIRECTORY, "tmpfs, without a limit of its own");
		room_figures(d, room);
		return;
	}
	text_bytes(total, room->total_bytes);
	text_bytes(left, room->free_bytes);
	if (room->free_bytes < doctor_ring_bytes()) {
		finding(d, HEALTH_PROBLEM, DIRECTORY,
			"tmpfs, %s, %s free: not even a ring of default size fits", total, left);
		cure(d, "remove what is stale (gyre clean; ls -l /dev/shm), or " CURE_SIZE);
	} else if (room->total_bytes <= CONTAINER_BYTES) {
		finding(d, HEALTH_WARN, DIRECTORY,
			"tmpfs, %s, %s free: as small as what a container is given", total, left);
		cure(d, "gyre plan says what your rings need; " CURE_SIZE);
	} else if (room->free_bytes < room->total_bytes / 16) {
		finding(d, HEALTH_WARN, DIRECTORY, "tmpfs, %s, only %s free", total, left);
		cure(d, "see what is there (gyre ls; ls -l /dev/shm), or " CURE_SIZE);
	} else {
		finding(d, HEALTH_OK, DIRECTORY, "tmpfs, %s, %s free", total, left);
	}
	room_figures(d, room);
}

void doctor_shm(struct doctor *d)
{
	struct gyre_system_room room;
	struct gyre_error error;

	if (gyre_system_room_of(&anywhere, &room, &error) != GYRE_OK) {
		finding(d, HEALTH_PROBLEM, DIRECTORY, "no POSIX shared memory: %s", error.what);
		cure(d, "mount -t tmpfs -o mode=1777 tmpfs /dev/shm, or use file: keys elsewhere");
		return;
	}
	if (check_access(d) && check_files(d))
		check_room(d, &room);
}

static void check_file_limit(struct doctor *d)
{
	char text[NUMBER_TEXT_BYTES];
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return;
	finding(d, limit.rlim_cur < doctor_ring_bytes() ? HEALTH_PROBLEM : HEALTH_WARN, "file size",
		"processes of this session may make files, and so rings, of %s at most",
		text_bytes(text, limit.rlim_cur));
	cure(d, "ulimit -f unlimited, LimitFSIZE=infinity");
	figure(d, "limit_bytes", limit.rlim_cur);
}

void doctor_memory(struct doctor *d)
{
	char all[NUMBER_TEXT_BYTES], left[NUMBER_TEXT_BYTES];
	struct gyre_system_room room;
	const char *whose;

	check_file_limit(d);
	if (gyre_system_room_of(&anywhere, &room, NULL) != GYRE_OK ||
		room.memory_bytes == UINT64_MAX)
		return;
	whose = room.memory_of_cgroup ? "of this container (cgroup)" : "of the machine";
	text_bytes(all, room.memory_bytes);
	text_bytes(left, room.memory_free_bytes);
	if (room.memory_free_bytes < doctor_ring_bytes()) {
		finding(d, HEALTH_PROBLEM, "memory", "of %s %s, %s may go to rings", all, whose,
			left);
		cure(d, room.memory_of_cgroup
				? "raise the limit: --memory=, MemoryMax=, resources.limits.memory"
				: "end other programs, add memory or swap, or use file: keys on a "
				  "disk");
	} else if (room.memory_of_cgroup && room.memory_bytes < room.total_bytes) {
		finding(d, HEALTH_WARN, "memory",
			"%s %s, %s for rings: less than /dev/shm has, and rings count as memory",
			all, whose, left);
		cure(d, "size rings by it (gyre plan), or raise the limit: --memory=, MemoryMax=, "
			"resources.limits.memory");
	} else {
		finding(d, HEALTH_OK, "memory", "%s %s, %s for rings", all, whose, left);
	}
	figure(d, "total_bytes", room.memory_bytes);
	figure(d, "free_bytes", room.memory_free_bytes);
	figure(d, "of_cgroup", room.memory_of_cgroup);
}
