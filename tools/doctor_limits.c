/* Limits of a process, as this session hands them down. */
#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>
#include "doctor.h"
#include "numbers.h"

enum {
	DESCRIPTORS_FEW = 256, /* each attached ring takes one */
	DESCRIPTORS_NONE = 16,
};

/* What getrlimit(2) answered; UINT64_MAX: no limit. */
static uint64_t limit_of(int outcome, const struct rlimit *limit)
{
	return outcome != 0 || limit->rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit->rlim_cur;
}

/* Inherited ones: they would be a ring program's, too. */
static uint64_t open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	uint64_t count = 0;

	if (directory == NULL)
		return 3;
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count > 3 ? count - 3 : 0; /* ".", "..", and the directory itself */
}

/* The whole machine's: how many files are open, of how many. */
static void check_system(struct doctor *d)
{
	uint64_t used, unused, max;
	FILE *file = fopen("/proc/sys/fs/file-nr", "re");
	int got;

	if (file == NULL)
		return;
	got = fscanf(file, "%" SCNu64 " %" SCNu64 " %" SCNu64, &used, &unused, &max);
	fclose(file);
	if (got != 3 || used < max - max / 10)
		return;
	finding(d, HEALTH_WARN, "open files",
		"%" PRIu64 " of the %" PRIu64 " this machine may have", used, max);
	cure(d, "sysctl fs.file-max=%" PRIu64, max * 2);
	figure(d, "used", used);
	figure(d, "max", max);
}

void doctor_descriptors(struct doctor *d)
{
	struct rlimit told;
	const uint64_t limit = limit_of(getrlimit(RLIMIT_NOFILE, &told), &told);
	const uint64_t used = open_descriptors();
	const uint64_t left = limit > used ? limit - used : 0;

	if (limit == UINT64_MAX)
		finding(d, HEALTH_OK, "descriptors", "without limit for a process");
	else if (left >= DESCRIPTORS_FEW)
		finding(d, HEALTH_OK, "descriptors", "%" PRIu64 " for a process; a ring takes one",
			limit);
	else
		finding(d, left < DESCRIPTORS_NONE ? HEALTH_PROBLEM : HEALTH_WARN, "descriptors",
			"%" PRIu64 " for a process, %" PRIu64 " of them taken; a ring takes one",
			limit, used);
	if (left < DESCRIPTORS_FEW)
		cure(d, "ulimit -n 4096, LimitNOFILE=, nofile in /etc/security/limits.conf");
	figure(d, "limit", limit);
	figure(d, "used", used);
	check_system(d);
}

/* CAP_IPC_LOCK, which makes the limit none. */
static bool may_lock_anything(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	uint64_t capabilities = 0;
	char line[256];

	if (file == NULL)
		return geteuid() == 0;
	while (fgets(line, sizeof line, file) != NULL) {
		if (sscanf(line, "CapEff: %" SCNx64, &capabilities) == 1)
			break;
	}
	fclose(file);
	return (capabilities >> 14 & 1) != 0;
}

/* mlockall(2), which real-time programs call, locks the rings too that are attached later. */
void doctor_locked(struct doctor *d)
{
	struct rlimit told;
	const uint64_t limit = limit_of(getrlimit(RLIMIT_MEMLOCK, &told), &told);
	const bool unlimited = limit == UINT64_MAX || may_lock_anything();
	char text[NUMBER_TEXT_BYTES];

	text_bytes(text, limit);
	if (unlimited) {
		finding(d, HEALTH_OK, "memlock", "real-time programs may lock all their memory");
	} else if (limit >= doctor_ring_bytes()) {
		finding(d, HEALTH_OK, "memlock", "a process may lock %s, rings included", text);
	} else {
		finding(d, HEALTH_WARN, "memlock",
			"a process may lock %s: after mlockall(2) no ring can be attached to",
			text);
		cure(d, "ulimit -l unlimited, LimitMEMLOCK=, memlock in /etc/security/limits.conf");
	}
	figure(d, "limit_bytes", unlimited ? UINT64_MAX : limit);
}
