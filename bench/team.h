/*
 * Roles in processes of their own.
 *
 * The parent forks one child a role and sleeps until they have ended; it never polls, which
 * would preempt a pinned role. Children are pinned, start together, time themselves, and die of
 * an alarm when they hang. A short bare line ping-pong between the first two stands directly
 * before and directly after what is measured: virtual cores move, and in seconds when both sit
 * on one physical core every figure is several times too good.
 *
 *	role 0   open, warm up | line |  barrier  | work | barrier | line | close
 *	role 1   open, warm up | line |  barrier  | work | barrier | line | close
 *	                              team_start()        team_stop()
 */
#ifndef BENCH_TEAM_H
#define BENCH_TEAM_H

#include <stdbool.h>
#include <stdint.h>

#include "cpus.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TEAM_MAX = 8, TEAM_FAULT_BYTES = 200 };

enum team_priority {
	TEAM_ORDINARY,
	TEAM_NICE, /* nice -20 */
	TEAM_FIFO, /* SCHED_FIFO: nothing else runs on these cores meanwhile */
};

struct team_settings {
	struct cpus cpus;
	enum team_priority priority; /* as far as it is permitted */
	unsigned limit_s;
	double ns_per_tick;
};

struct team; /* one role's view */

/* Calls team_start() and team_stop() once each. Returns 0, or what team_fail() returned. */
typedef int team_role(struct team *team, void *arg);

struct team_plan {
	const struct team_settings *settings;
	unsigned count;
	team_role *roles[TEAM_MAX];
	void *arg;         /* as it is at the fork: children change their copy only */
	bool shares_cores; /* with each other, or with threads of their own: nice at most, since
			    * one that is never preempted starves them */
};

struct team_member {
	uint64_t wall_ns;  /* CLOCK_MONOTONIC from start to stop */
	uint64_t cpu_ns;   /* of the whole process meanwhile */
	int64_t preempted; /* involuntary switches meanwhile */
	int64_t slept;     /* and voluntary ones */
	char fault[TEAM_FAULT_BYTES];
};

struct team_result {
	struct team_member members[TEAM_MAX];
	double line_ns[2]; /* median trip before and after; 0 where it could not be run */
	char fault[TEAM_FAULT_BYTES + 32];
	bool hung;
};

/* Roles inherit it: one that had to ask for itself would first have to get the core from those that
 * did so before. */
void team_ask_for_priority(const struct team_settings *settings);

/* From now on an interrupted team is ended in good order, for its channels to be removed; then
 * team_heed_signals() ends this process as the signal would have. */
void team_catch_signals(void);
void team_heed_signals(void);

/* Calls this once before the process ends, by itself or as team_heed_signals() ends it. */
void team_at_end(void (*end)(void));

/* Returns 0 when every role returned 0; else ret_result->fault says which one did not, and why. */
int team_run(const struct team_plan *plan, struct team_result *ret_result);

/* In a role. */
unsigned team_role_number(const struct team *team);
void team_start(struct team *team);
void team_stop(struct team *team);

/* Leaves the reason where the parent finds it; returns -1. */
__attribute__((format(printf, 2, 3))) int team_fail(struct team *team, const char *format, ...);

#ifdef __cplusplus
}
#endif
#endif
