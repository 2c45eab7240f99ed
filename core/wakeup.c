#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "wakeup.h"

static long membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0);
}

bool gyre_membarrier_offered(void)
{
	const long commands = membarrier(MEMBARRIER_CMD_QUERY);

	return commands > 0 && (commands & MEMBARRIER_CMD_GLOBAL_EXPEDITED) != 0 &&
	       (commands & MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) != 0;
}

bool gyre_membarrier_register(void)
{
	return gyre_membarrier_offered() &&
	       membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) == 0;
}

static int futex_wake(_Atomic uint32_t *word, int count)
{
	/* Not FUTEX_PRIVATE: the sleepers are other processes. */
	return (int)syscall(SYS_futex, (uint32_t *)word, FUTEX_WAKE, count, NULL, NULL, 0);
}

void gyre_wake_one(struct gyre_wake_word *w)
{
	/* The epoch moves, so that one who announced and has not slept yet will not. */
	uint32_t seen = atomic_fetch_add_explicit(&w->word, 2, memory_order_seq_cst) + 2;

	if (futex_wake(&w->word, 1) > 0)
		return;
	/* Nobody slept. The flag may go only if nobody announced since: a sleeper changes the
	 * word, so this CAS fails then. [SLEEP] */
	atomic_compare_exchange_strong_explicit(&w->word, &seen, seen & ~GYRE_MAY_SLEEP,
		memory_order_seq_cst, memory_order_relaxed);
}

void gyre_wake_all(struct gyre_wake_word *w)
{
	atomic_fetch_add_explicit(&w->word, 2, memory_order_seq_cst);
	futex_wake(&w->word, INT_MAX);
}

uint32_t gyre_announce_sleep(struct gyre_wake_word *w, bool use_membarrier)
{
	uint32_t word = atomic_load_explicit(&w->word, memory_order_relaxed);
	uint32_t announced;

	do
		announced = (word | GYRE_MAY_SLEEP) + 2;
	while (!atomic_compare_exchange_weak_explicit(
		&w->word, &word, announced, memory_order_seq_cst, memory_order_relaxed));
	if (use_membarrier)
		membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
	else
		atomic_thread_fence(memory_order_seq_cst);
	return announced;
}

void gyre_sleep(struct gyre_wake_word *w, uint32_t announced, uint64_t nanoseconds)
{
	const struct timespec slice = {
		.tv_sec = (time_t)(nanoseconds / 1000000000u),
		.tv_nsec = (long)(nanoseconds % 1000000000u),
	};

	syscall(SYS_futex, (uint32_t *)&w->word, FUTEX_WAIT, announced, &slice, NULL, 0);
}
