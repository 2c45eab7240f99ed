/*
 * What the roles on one ring see of each other, and what their parent reads at the end.
 */
#ifndef BENCH_CROWD_SHARED_H
#define BENCH_CROWD_SHARED_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "team.h"

/* Each line is written by one role. */
struct crowd_shared {
	alignas(128) _Atomic uint64_t end_ns; /* when the first consumer knew that all had come */
	struct {
		alignas(128) _Atomic uint64_t received;
		uint64_t hashes;
		uint64_t start_ns;
	} of[TEAM_MAX]; /* by role */
};

#endif
