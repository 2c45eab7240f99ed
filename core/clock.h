/* CLOCK_MONOTONIC in nanoseconds, and deadlines made of it. */
#ifndef GYRE_CLOCK_H
#define GYRE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t gyre_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#define GYRE_NO_DEADLINE UINT64_MAX

/* When a timeout given now ends; negative means never. */
static inline uint64_t gyre_deadline(int64_t timeout_ns)
{
	const uint64_t now = gyre_now_ns();

	if (timeout_ns < 0 || (uint64_t)timeout_ns > GYRE_NO_DEADLINE - 1 - now)
		return GYRE_NO_DEADLINE;
	return now + (uint64_t)timeout_ns;
}

static inline void gyre_nap(long nanoseconds)
{
	const struct timespec span = {.tv_nsec = nanoseconds};

	nanosleep(&span, NULL);
}

#endif
