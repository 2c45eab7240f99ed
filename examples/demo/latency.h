/* How long messages were under way: a histogram whose classes are 3 % wide. */
#ifndef DEMO_LATENCY_H
#define DEMO_LATENCY_H

#include <stdint.h>

enum { LATENCY_STEPS = 32, LATENCY_CLASSES = 60 * LATENCY_STEPS };

/* Zeroed it is empty. */
struct latency {
	uint64_t count, max_ns;
	uint64_t classes[LATENCY_CLASSES];
};

void latency_add(struct latency *latency, uint64_t ns);
uint64_t latency_at(const struct latency *latency, double share); /* 0.99: the 99th percentile */

#endif
