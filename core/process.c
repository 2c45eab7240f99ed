/*
 * Process identity from procfs: proc_pid_stat(5) field 22 (start time), /proc/PID/ns/pid,
 * /proc/PID/maps. Only asked at attach and by someone who is stuck.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "backend.h"
#include "process.h"

static ssize_t read_small(const char *path, char *buffer, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = read(fd, buffer, size - 1);
	while (n < 0 && errno == EINTR);
	close(fd);
	if (n >= 0)
		buffer[n] = '\0';
	return n;
}

/* State letter and start time; false if there is no such process or no procfs. */
static bool read_stat(uint32_t pid, char *ret_state, uint64_t *ret_start_ticks)
{
	char path[32], text[1024], *field;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/stat", pid);
	if (read_small(path, text, sizeof text) <= 0)
		return false;
	field = strrchr(text, ')'); /* the name may hold anything, ')' too */
	if (field == NULL || field[1] == '\0')
		return false;
	field += 2;
	*ret_state = *field;
	for (int number = 3; number < 22; number++) {
		field = strchr(field, ' ');
		if (field == NULL)
			return false;
		field++;
	}
	*ret_start_ticks = strtoull(field, NULL, 10);
	return true;
}

static uint64_t namespace_of_self(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? (uint64_t)st.st_ino : 0;
}

struct gyre_process gyre_process_self(void)
{
	struct gyre_process self = {.pid = (uint32_t)getpid()};
	char state;

	if (!read_stat(self.pid, &state, &self.start_ticks))
		self.start_ticks = 0;
	self.pid_namespace = namespace_of_self();
	return self;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

void gyre_boot_id(uint8_t ret_id[16])
{
	char text[64];
	size_t nibbles = 0;

	memset(ret_id, 0, 16);
	if (read_small("/proc/sys/kernel/random/boot_id", text, sizeof text) < 36)
		return;
	for (const char *c = text; *c != '\0' && nibbles < 32; c++) {
		const int value = hex_value(*c);

		if (value < 0)
			continue;
		ret_id[nibbles / 2] = (uint8_t)(ret_id[nibbles / 2] << 4 | value);
		nibbles++;
	}
}

const char *gyre_program_name(void)
{
	const char *name = program_invocation_short_name;

	return name != NULL && *name != '\0' ? name : "?";
}

unsigned gyre_online_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* Whether /proc/PID/maps names the object. Unreadable: it may. */
static bool maps_object(uint32_t pid, const struct gyre_map *map)
{
	char path[32], line[4352];
	bool found = false;
	FILE *maps;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/maps", pid);
	maps = fopen(path, "re");
	if (maps == NULL)
		return errno != ENOENT && errno != ESRCH;
	while (!found && fgets(line, sizeof line, maps) != NULL) {
		unsigned major_number, minor_number;
		uint64_t inode;

		if (sscanf(line, "%*s %*s %*s %x:%x %" SCNu64, &major_number, &minor_number,
			    &inode) == 3)
			found = inode == map->inode &&
				makedev(major_number, minor_number) == (dev_t)map->device;
	}
	fclose(maps);
	return found;
}

enum gyre_witness gyre_process_witness(
	const struct gyre_process *process, const struct gyre_map *map)
{
	const uint64_t here = namespace_of_self();
	uint64_t start_ticks;
	char state;

	if (here == 0 || process->pid_namespace != here || process->start_ticks == 0)
		return GYRE_WITNESS_UNKNOWN;
	if (!read_stat(process->pid, &state, &start_ticks) || state == 'Z' || state == 'X' ||
		start_ticks != process->start_ticks)
		return GYRE_WITNESS_GONE;
	return maps_object(process->pid, map) ? GYRE_WITNESS_MAPPED : GYRE_WITNESS_UNMAPPED;
}
