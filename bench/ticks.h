/*
 * The cheapest clock that both cores agree on, for times of single messages.
 *
 * clock_gettime() costs as much as a tenth of a round trip; the processor's own counter half of
 * that. It is read after everything before it was done (rdtscp), or the end of a wait would be
 * stamped before it came.
 */
#ifndef BENCH_TICKS_H
#define BENCH_TICKS_H

#include <stdint.h>
#include <time.h>

#ifdef __x86_64__
#include <x86intrin.h>
#endif

static inline uint64_t clock_ns(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t ticks_now(void)
{
#if defined(__x86_64__)
	unsigned int core;

	return __rdtscp(&core);
#elif defined(__aarch64__)
	uint64_t t;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(t)::"memory");
	return t;
#else
	return clock_ns(CLOCK_MONOTONIC);
#endif
}

/* Takes 20 ms; to be called once. */
static inline double ticks_measure_ns(void)
{
	const struct timespec nap = {0, 20 * 1000 * 1000};
	const uint64_t ticks = ticks_now();
	const uint64_t ns = clock_ns(CLOCK_MONOTONIC);

	nanosleep(&nap, NULL);
	return (double)(clock_ns(CLOCK_MONOTONIC) - ns) / (double)(ticks_now() - ticks);
}

#endif
