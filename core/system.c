/* Which types of keys the running system knows: asked by calls that must fail. */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include "gyre_system.h"

/* Each fails for its arguments where it exists, so nothing is ever made. */

static int try_posix(enum gyre_key_kind kind)
{
	if (kind == GYRE_KEY_SHM)
		return shm_open("", O_RDONLY, 0);
	return sem_open("/", 0) == SEM_FAILED ? -1 : 0;
}

static int try_systemv(enum gyre_key_kind kind)
{
	if (kind == GYRE_KEY_SHM)
		return shmget(IPC_PRIVATE, SIZE_MAX, 0);
	return semget(IPC_PRIVATE, -1, 0);
}

static int try_memfd(void)
{
	return memfd_create("", ~0u);
}

bool gyre_system_has_type(uint16_t type, enum gyre_key_kind kind)
{
	int answer;

	if (!gyre_key_type_exists(type, gyre_key_os_here()))
		return false;
	if (kind == GYRE_KEY_SEM && (type == GYRE_KEY_FILE || type == GYRE_KEY_MEMFD))
		return false;
	if (type == GYRE_KEY_FILE)
		return true;
	if (type == GYRE_KEY_MEMFD)
		answer = try_memfd();
	else
		answer = type == GYRE_KEY_POSIX ? try_posix(kind) : try_systemv(kind);
	return answer >= 0 || errno != ENOSYS;
}
