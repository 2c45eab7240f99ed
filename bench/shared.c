/*
 * Memory that a process shares with the children it forks. See shared.h.
 */
#include "shared.h"

#include <sys/mman.h>

enum { PAGE = 4096 };

void *shared_alloc(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void shared_free(void *memory, size_t bytes)
{
	if (memory != NULL)
		munmap(memory, bytes);
}

void shared_touch(const void *memory, size_t bytes)
{
	const volatile unsigned char *const at = memory;

	for (size_t i = 0; i < bytes; i += PAGE)
		(void)at[i];
}
