/*
 * Below LATENCY_STEPS a class is one nanosecond; above, each power of two is divided into
 * LATENCY_STEPS classes.
 */
#include "latency.h"

static unsigned class_of(uint64_t ns)
{
	unsigned shift;

	if (ns < LATENCY_STEPS)
		return (unsigned)ns;
	shift = 63u - (unsigned)__builtin_clzll(ns) - 5u; /* 2^5 is LATENCY_STEPS */
	return (shift + 1) * LATENCY_STEPS + (unsigned)(ns >> shift) - LATENCY_STEPS;
}

/* The middle of a class. */
static uint64_t value_of(unsigned number)
{
	const unsigned shift = number < LATENCY_STEPS ? 0 : number / LATENCY_STEPS - 1;
	const uint64_t step =
		number < LATENCY_STEPS ? number : number % LATENCY_STEPS + LATENCY_STEPS;

	return (step << shift) + ((uint64_t)1 << shift) / 2;
}

void latency_add(struct latency *latency, uint64_t ns)
{
	latency->count++;
	latency->classes[class_of(ns)]++;
	if (ns > latency->max_ns)
		latency->max_ns = ns;
}

uint64_t latency_at(const struct latency *latency, double share)
{
	const double wanted = share * (double)latency->count;
	uint64_t seen = 0;
	unsigned number;

	for (number = 0; number < LATENCY_CLASSES - 1; number++) {
		seen += latency->classes[number];
		if (seen > 0 && (double)seen >= wanted)
			break;
	}
	return value_of(number) < latency->max_ns ? value_of(number) : latency->max_ns;
}
