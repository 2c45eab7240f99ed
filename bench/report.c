/*
 * From what a team measured to the figures of a benchmark. See report.h.
 */
#include "report.h"

#include "samples.h"
#include "shared.h"

enum { SAMPLES_MAX = 256 * 1024 };

struct report_samples *report_samples_for(uint64_t trips, uint64_t *ret_every)
{
	static struct report_samples *samples; /* until the end */

	if (samples == NULL)
		samples = shared_alloc(sizeof(*samples) + SAMPLES_MAX * sizeof(samples->ticks[0]));
	*ret_every = (trips + SAMPLES_MAX - 1) / SAMPLES_MAX;
	return samples;
}

void report_team(struct shim_state *state, const struct report_run *run)
{
	const double *const line_ns = run->result->line_ns;
	const double count = (double)run->messages;
	double cpu_ns[2] = {0, 0}; /* out, in */
	int64_t preempted = 0;

	for (unsigned i = 0; i < TEAM_MAX; i++) {
		cpu_ns[i < run->outs ? 0 : 1] += (double)run->result->members[i].cpu_ns;
		preempted += run->result->members[i].preempted;
	}
	shim_seconds(state, run->time_ns * 1e-9 * (double)shim_iterations(state) / count);
	shim_counter(state, "messages", count);
	shim_counter(state, "cpu_out_ns", cpu_ns[0] / count);
	shim_counter(state, "cpu_in_ns", cpu_ns[1] / count);
	shim_counter(state, "preempted", (double)preempted);
	if (line_ns[0] > 0 && line_ns[1] > 0) {
		const double lower = line_ns[0] < line_ns[1] ? line_ns[0] : line_ns[1];

		shim_counter(state, "line_ns", (line_ns[0] + line_ns[1]) / 2);
		shim_counter(state, "implausible", lower < run->options->line_floor_ns ? 1 : 0);
	}
}

void report_sleeper(struct shim_state *state, const struct team_member *member, uint64_t messages)
{
	const double wall_ns = (double)member->wall_ns;

	shim_counter(state, "messages_per_s", (double)messages * 1e9 / wall_ns);
	shim_counter(state, "cpu_in_percent", 100 * (double)member->cpu_ns / wall_ns);
	shim_counter(state, "sleeps_per_s", (double)member->slept * 1e9 / wall_ns);
}

void report_trips(struct shim_state *state, const struct options *options,
	struct report_samples *samples, uint64_t trips)
{
	static const struct {
		const char *name;
		double q;
	} wanted[] = {{"p50_ns", 0.5}, {"p99_ns", 0.99}, {"p999_ns", 0.999}};
	const uint64_t every = (trips + SAMPLES_MAX - 1) / SAMPLES_MAX;
	const uint64_t kept = (trips + every - 1) / every;

	samples_sort(samples->ticks, kept);
	for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		shim_counter(state, wanted[i].name,
			samples_quantile(samples->ticks, kept, wanted[i].q) *
				options->team.ns_per_tick);
	shim_counter(state, "max_ns", samples->longest * options->team.ns_per_tick);
}
