/*
 * How much memory there is to have: the machine's, or what the memory cgroup (the container)
 * still allows, whichever is less.
 *
 * Why it is asked: pages of a tmpfs are memory, and a reservation that goes beyond what there is
 * does not fail, it wakes the OOM killer. The figures are estimates, so they only serve to refuse
 * what is hopeless. What cannot be read counts as unlimited.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fdmap.h"

enum {
	FILE_BYTES_MAX = 8192,
	PATH_BYTES_MAX = 1024,
};

/* Files of one version of the cgroup interface. */
struct cgroup_version {
	const char *mark; /* in /proc/self/cgroup, before the path */
	const char *root;
	const char *limit;
	const char *usage;
	const char *cache; /* in memory.stat: file pages, those of a tmpfs included */
	const char *shmem; /* those of a tmpfs */
};

static const struct cgroup_version versions[] = {
	{"\n0::/", "/sys/fs/cgroup", "memory.max", "memory.current", "\nfile ", "\nshmem "},
	{":memory:/", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
		"\ntotal_cache ", "\ntotal_shmem "},
};

/* Reads a small file as text; empty if it cannot be read. A line break is put before it, so that
 * a key can be looked for together with the one in front of it. */
static void read_text(const char *path, char text[FILE_BYTES_MAX])
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t bytes = 0;

	text[0] = '\n';
	if (fd >= 0) {
		bytes = read(fd, text + 1, FILE_BYTES_MAX - 2);
		close(fd);
	}
	text[bytes > 0 ? 1 + bytes : 0] = '\0';
}

/* The number after key, or otherwise if there is none ("max", for one, is none). */
static uint64_t number_after(const char *text, const char *key, uint64_t otherwise)
{
	const char *const at = strstr(text, key);
	char *end;
	uint64_t value;

	if (at == NULL)
		return otherwise;
	value = strtoull(at + strlen(key), &end, 10);
	return end == at + strlen(key) ? otherwise : value;
}

static uint64_t less(uint64_t from, uint64_t amount)
{
	return from > amount ? from - amount : 0;
}

static void look_at_cgroup(const struct cgroup_version *version, const char *path, uint64_t swap,
	struct gyre_memory *memory)
{
	char text[FILE_BYTES_MAX];
	char file[PATH_BYTES_MAX + 64];
	uint64_t limit, usage, cache, room;

	snprintf(file, sizeof file, "%s%s/%s", version->root, path, version->limit);
	read_text(file, text);
	limit = number_after(text, "\n", UINT64_MAX);
	snprintf(file, sizeof file, "%s%s/%s", version->root, path, version->usage);
	read_text(file, text);
	usage = number_after(text, "\n", UINT64_MAX);
	if (limit == UINT64_MAX || usage == UINT64_MAX)
		return;
	snprintf(file, sizeof file, "%s%s/memory.stat", version->root, path);
	read_text(file, text);
	cache = less(number_after(text, version->cache, 0), number_after(text, version->shmem, 0));
	room = less(limit, less(usage, cache)) + swap;
	if (room < memory->room)
		*memory = (struct gyre_memory){.room = room, .limit = limit, .of_cgroup = true};
}

/* A cgroup is bound by all those above it, too. In a container the path is that of the host and
 * the files of its own group are at the root: looking all the way up finds them. */
static void look_at_cgroups(const struct cgroup_version *version, const char *groups, uint64_t swap,
	struct gyre_memory *memory)
{
	const char *const at = strstr(groups, version->mark);
	char path[PATH_BYTES_MAX];
	char *slash = path;

	if (at == NULL)
		return;
	snprintf(path, sizeof path, "%s", at + strlen(version->mark) - 1);
	path[strcspn(path, "\n")] = '\0';
	while (slash != NULL) {
		look_at_cgroup(version, path, swap, memory);
		slash = strrchr(path, '/');
		if (slash != NULL)
			*slash = '\0';
	}
}

void gyre_memory_look(struct gyre_memory *ret_memory)
{
	char text[FILE_BYTES_MAX];
	uint64_t swap;

	*ret_memory = (struct gyre_memory){.room = UINT64_MAX, .limit = UINT64_MAX};
	read_text("/proc/meminfo", text);
	swap = number_after(text, "\nSwapFree:", 0) << 10;
	if (strstr(text, "\nMemAvailable:") != NULL) {
		ret_memory->room = (number_after(text, "\nMemAvailable:", 0) << 10) + swap;
		ret_memory->limit = number_after(text, "\nMemTotal:", 0) << 10;
	}
	read_text("/proc/self/cgroup", text);
	for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
		look_at_cgroups(&versions[i], text, swap, ret_memory);
	/* A sixteenth stays free: who gives the last page to a ring stops the machine. */
	if (ret_memory->limit != UINT64_MAX)
		ret_memory->room = less(ret_memory->room, ret_memory->limit / 16);
}
