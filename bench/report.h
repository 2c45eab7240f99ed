/*
 * From what a team measured to the figures of a benchmark.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdint.h>

#include "options.h"
#include "shim.h"
#include "team.h"

/* Times of single trips or deliveries, in memory shared with the roles. */
struct report_samples {
	uint64_t start; /* of a schedule, in ticks */
	uint64_t total; /* of all; where a run is more than what is timed */
	uint32_t longest;
	uint32_t ticks[];
};

/* Room for the samples of so many trips, and of how many trips one is kept. The memory is made
 * once; NULL when there is none. */
struct report_samples *report_samples_for(uint64_t trips, uint64_t *ret_every);

/* What a run was. */
struct report_run {
	const struct options *options;
	const struct team_result *result;
	double time_ns; /* of all messages together */
	unsigned outs;  /* so many roles, the first ones, sent; the others received */
	uint64_t messages;
};

/* What every benchmark says of a run: its seconds, CPU of both sides, the line beside it. */
void report_team(struct shim_state *state, const struct report_run *run);

/* Of a receiver of what is due now and then: how many came in a second, the share of a core it
 * used, and how often it slept. */
void report_sleeper(struct shim_state *state, const struct team_member *member, uint64_t messages);

/* Percentiles of the trips. Sorts the samples. */
void report_trips(struct shim_state *state, const struct options *options,
	struct report_samples *samples, uint64_t trips);

#endif
