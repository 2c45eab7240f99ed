/*
 * Sleeping and waking between processes: an eventcount on a futex word (futex(2)).
 *
 * Only hints pass here, never state: a wake too many costs a look, and a wake that was swallowed
 * by a process that died costs one slice. Protocol, model and what was turned down: docs/wakeup.md.
 */
#ifndef GYRE_WAKEUP_H
#define GYRE_WAKEUP_H

#include <stdbool.h>
#include <stdint.h>
#include "layout.h"

/* Bit 0 of the word: somebody may sleep. */
#define GYRE_MAY_SLEEP 1u

/* Whether a publisher has to make the system call. Relaxed: the caller has ordered its
 * publication before this load, by a fence or by the sleeper's membarrier. [SLEEP] */
static inline bool gyre_somebody_sleeps(const struct gyre_wake_word *w)
{
	return (atomic_load_explicit(&w->word, memory_order_relaxed) & GYRE_MAY_SLEEP) != 0;
}

/* Wake one sleeper (or all). One system call. */
void gyre_wake_one(struct gyre_wake_word *w);
void gyre_wake_all(struct gyre_wake_word *w);

/* Announce a sleep: returns the value to sleep on. Look at the ring once more after it. */
uint32_t gyre_announce_sleep(struct gyre_wake_word *w, bool membarrier);

/* Sleep until woken, the word has changed, a signal came, or the time is over. */
void gyre_sleep(struct gyre_wake_word *w, uint32_t announced, uint64_t nanoseconds);

/* Register this process as a publisher whom a sleeper's membarrier reaches; false: the kernel
 * does not offer it (or seccomp forbids it). */
bool gyre_membarrier_register(void);

/* Whether membarrier can be used at all here. */
bool gyre_membarrier_offered(void);

#endif
