/*
 * Which cores the roles of a benchmark are pinned to.
 */
#ifndef BENCH_CPUS_H
#define BENCH_CPUS_H

#include <stdbool.h>

enum { CPUS_MAX = 8 };

struct cpus {
	int at[CPUS_MAX];
	unsigned count;
};

/* Of those this process may use: one a physical core first, then their hyperthread siblings. */
void cpus_pick(struct cpus *ret_cpus);

/* "0,2": these, in this order. */
bool cpus_parse(const char *text, struct cpus *ret_cpus);

/* Role number who stays on one of them from now on; with a single one nobody is pinned. */
void cpus_pin(const struct cpus *cpus, unsigned who);

#endif
