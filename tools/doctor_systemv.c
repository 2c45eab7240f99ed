/* System V: limits of the whole machine (or of this IPC namespace), and how much of them is used.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>
#include "doctor.h"
#include "gyre_system.h"
#include "numbers.h"

static const char WHAT[] = "System V";

enum { SET_OF_SEATS = 512 }; /* semaphores that a set needs for a seat each, at most */

#define SEGMENT_BYTES ((uint64_t)64 << 20) /* what a segment should be allowed */

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};

struct limits {
	struct shminfo shm;
	struct shm_info shm_used;
	struct seminfo sem;
	struct seminfo sem_used;
	uint64_t page;
};

static bool ask(struct limits *l)
{
	const long page = sysconf(_SC_PAGESIZE);

	l->page = page > 0 ? (uint64_t)page : 4096;
	return shmctl(0, IPC_INFO, (struct shmid_ds *)(void *)&l->shm) >= 0 &&
	       shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&l->shm_used) >= 0 &&
	       semctl(0, 0, IPC_INFO, (union semun){.info = &l->sem}) >= 0 &&
	       semctl(0, 0, SEM_INFO, (union semun){.info = &l->sem_used}) >= 0;
}

/* Nine tenths are taken. */
static bool is_nearly(uint64_t used, uint64_t max)
{
	return used >= max - max / 10;
}

/* Each says what will bite, and the cure; false: nothing. */

static bool check_sizes(struct doctor *d, const struct limits *l)
{
	char size[NUMBER_TEXT_BYTES];

	if (l->shm.shmmax < SEGMENT_BYTES) {
		finding(d, HEALTH_WARN, WHAT, "a segment may have %s (shmmax)",
			text_bytes(size, l->shm.shmmax));
		cure(d, "sysctl kernel.shmmax=%" PRIu64, SEGMENT_BYTES * 16);
		return true;
	}
	if (is_nearly(l->shm_used.shm_tot, l->shm.shmall)) {
		finding(d, HEALTH_WARN, WHAT,
			"%lu of the %lu pages of all segments are taken (shmall)",
			l->shm_used.shm_tot, l->shm.shmall);
		cure(d, "remove segments nobody uses (ipcs -m, ipcrm), or sysctl kernel.shmall=%lu",
			l->shm.shmall * 2);
		return true;
	}
	return false;
}

static bool check_numbers(struct doctor *d, const struct limits *l)
{
	const bool few_sets = is_nearly((uint64_t)l->sem_used.semusz, (uint64_t)l->sem.semmni);
	const bool few_semaphores =
		is_nearly((uint64_t)l->sem_used.semaem, (uint64_t)l->sem.semmns);

	if (is_nearly((uint64_t)l->shm_used.used_ids, l->shm.shmmni)) {
		finding(d, HEALTH_WARN, WHAT, "%d of %lu segments are taken (shmmni)",
			l->shm_used.used_ids, l->shm.shmmni);
		cure(d, "remove those nobody uses (ipcs -m, ipcrm), or sysctl kernel.shmmni=%lu",
			l->shm.shmmni * 2);
		return true;
	}
	if (few_sets || few_semaphores) {
		finding(d, HEALTH_WARN, WHAT,
			"%d of %d semaphore sets, %d of %d semaphores are taken (semmni, semmns)",
			l->sem_used.semusz, l->sem.semmni, l->sem_used.semaem, l->sem.semmns);
		cure(d, "remove those nobody uses (ipcs -s, ipcrm), or sysctl kernel.sem=\"%d %u %d %u\"",
			l->sem.semmsl, (unsigned)l->sem.semmns << few_semaphores, l->sem.semopm,
			(unsigned)l->sem.semmni << few_sets);
		return true;
	}
	if (l->sem.semmsl < SET_OF_SEATS) {
		finding(d, HEALTH_WARN, WHAT, "a semaphore set may have %d semaphores (semmsl)",
			l->sem.semmsl);
		cure(d, "sysctl kernel.sem=\"32000 %d %d %d\"", l->sem.semmns, l->sem.semopm,
			l->sem.semmni);
		return true;
	}
	return false;
}

static bool is_forced_to_vanish(void)
{
	FILE *file = fopen("/proc/sys/kernel/shm_rmid_forced", "re");
	int forced = 0;

	if (file == NULL)
		return false;
	if (fscanf(file, "%d", &forced) != 1)
		forced = 0;
	fclose(file);
	return forced != 0;
}

static bool check_life(struct doctor *d)
{
	if (!is_forced_to_vanish())
		return false;
	finding(d, HEALTH_WARN, WHAT,
		"segments vanish with the last process that uses them (shm_rmid_forced)");
	cure(d, "sysctl kernel.shm_rmid_forced=0, or posix: keys");
	return true;
}

static void figures(struct doctor *d, const struct limits *l)
{
	figure(d, "shmmax", l->shm.shmmax);
	figure(d, "shmall", l->shm.shmall);
	figure(d, "shmmni", l->shm.shmmni);
	figure(d, "segments", (uint64_t)l->shm_used.used_ids);
	figure(d, "segment_bytes", l->shm_used.shm_tot * l->page);
	figure(d, "semmsl", (uint64_t)l->sem.semmsl);
	figure(d, "semmns", (uint64_t)l->sem.semmns);
	figure(d, "semmni", (uint64_t)l->sem.semmni);
	figure(d, "semaphore_sets", (uint64_t)l->sem_used.semusz);
}

void doctor_systemv(struct doctor *d)
{
	struct limits l;

	if (!gyre_system_has_type(GYRE_KEY_SYSTEMV, GYRE_KEY_SHM) ||
		!gyre_system_has_type(GYRE_KEY_SYSTEMV, GYRE_KEY_SEM) || !ask(&l)) {
		finding(d, HEALTH_WARN, WHAT, "this kernel does without: no systemv: keys");
		cure(d, "use posix: keys");
		return;
	}
	if (!check_sizes(d, &l) && !check_numbers(d, &l) && !check_life(d))
		finding(d, HEALTH_OK, WHAT, "%d of %lu segments, %d of %d semaphore sets are taken",
			l.shm_used.used_ids, l.shm.shmmni, l.sem_used.semusz, l.sem.semmni);
	figures(d, &l);
}
