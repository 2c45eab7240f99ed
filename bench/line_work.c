/*
 * The bare line ping-pong as benchmarks of their own. See line_work.h.
 */
#include "line_work.h"

#include "line.h"
#include "pace.h"
#include "report.h"
#include "shared.h"
#include "shim.h"

struct line_case {
	const char *name;
	bool each_way;
	const struct options *options;
	struct pace pace;
};

struct line_job {
	struct line_pair *lines;
	_Atomic uint64_t *back;
	uint32_t trips;
	uint64_t every;
	struct report_samples *samples;
};

enum { WARM_UP = 2000, AT_ONCE = 4096 };

/* By and by: the samples of many trips would not fit. */
static void ping(const struct line_job *job)
{
	struct report_samples *const out = job->samples;
	uint32_t samples[AT_ONCE];

	for (uint32_t done = 0; done < job->trips; done += AT_ONCE) {
		const uint32_t left = job->trips - done;
		const uint32_t now = left < AT_ONCE ? left : AT_ONCE;

		line_ping(job->lines, job->back, WARM_UP + done, now, samples);
		for (uint32_t i = 0; i < now; i++) {
			if (samples[i] > out->longest)
				out->longest = samples[i];
			if ((done + i) % job->every == 0)
				out->ticks[(done + i) / job->every] = samples[i];
		}
	}
}

static int role_ping(struct team *team, void *arg)
{
	const struct line_job *const job = arg;
	uint32_t samples[WARM_UP];

	line_ping(job->lines, job->back, 0, WARM_UP, samples);
	team_start(team);
	ping(job);
	team_stop(team);
	return 0;
}

static int role_pong(struct team *team, void *arg)
{
	const struct line_job *const job = arg;

	line_pong(job->lines, job->back, 0, WARM_UP);
	team_start(team);
	line_pong(job->lines, job->back, WARM_UP, job->trips);
	team_stop(team);
	return 0;
}

static void run(struct shim_state *state, void *arg)
{
	struct line_case *const line = arg;
	struct line_job job = {.trips = INT32_MAX};
	const struct team_plan plan = {
		.settings = &line->options->team,
		.count = 2,
		.roles = {role_ping, role_pong},
		.arg = &job,
	};
	struct team_result result;
	uint64_t wanted;

	line->pace.least = line->options->messages_least;
	line->pace.least_run_s = shim_run_seconds();
	wanted = pace_messages(&line->pace, (uint64_t)shim_iterations(state), 64);
	if (wanted < job.trips)
		job.trips = (uint32_t)wanted;
	job.lines = shared_alloc(sizeof(*job.lines));
	job.samples = report_samples_for(job.trips, &job.every);
	if (job.lines == NULL || job.samples == NULL) {
		shim_fail(state, "no memory");
		return;
	}
	job.back = line->each_way ? &job.lines->back : &job.lines->there;
	job.samples->longest = 0;
	if (team_run(&plan, &result) != 0) {
		shim_fail(state, result.fault);
	} else {
		const struct report_run its = {
			.options = line->options,
			.result = &result,
			.time_ns = (double)result.members[0].wall_ns,
			.outs = 1,
			.messages = job.trips,
		};

		pace_learn(&line->pace, job.trips, its.time_ns * 1e-9);
		report_team(state, &its);
		shim_items(state, shim_iterations(state));
		report_trips(state, line->options, job.samples, job.trips);
	}
	shared_free(job.lines, sizeof(*job.lines));
	team_heed_signals();
}

void line_work_register(const struct options *options)
{
	static struct line_case cases[] = {
		{.name = "rtt/64/one_line", .each_way = false},
		{.name = "rtt/64/line_each_way", .each_way = true},
	};

	if (options->team.cpus.count < 2)
		return;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cases[i].options = options;
		shim_register(cases[i].name, run, &cases[i]);
	}
}
