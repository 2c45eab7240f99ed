/*
 * How many messages a run should have.
 *
 * google-benchmark raises the number until a run takes long enough, and repeats it with that. One
 * preemption while it does so, and it settles for a few messages. So a run has at least a
 * number of them, or a MiB; and once a number is repeated, as many as fill the time at the fastest
 * pace that was seen. What is told to google-benchmark is scaled to the number it asked for.
 */
#ifndef BENCH_PACE_H
#define BENCH_PACE_H

#include <stddef.h>
#include <stdint.h>

struct pace {
	uint64_t least;     /* messages, unless they are large */
	uint64_t asked;     /* in the last run */
	double fastest_s;   /* for a message; 0: not yet known */
	double least_run_s; /* so long should a run take */
};

static inline uint64_t pace_messages(struct pace *pace, uint64_t asked, size_t bytes)
{
	const uint64_t fit = 1 + (1024 * 1024) / bytes;
	const uint64_t least = fit < pace->least ? fit : pace->least;
	uint64_t messages = asked > least ? asked : least;

	if (pace->asked == asked && pace->fastest_s > 0) {
		const uint64_t fill = (uint64_t)(pace->least_run_s / pace->fastest_s);

		messages = messages > fill ? messages : fill;
	}
	pace->asked = asked;
	return messages;
}

static inline void pace_learn(struct pace *pace, uint64_t messages, double seconds)
{
	const double each_s = seconds / (double)messages;

	if (pace->fastest_s <= 0 || each_s < pace->fastest_s)
		pace->fastest_s = each_s;
}

#endif
