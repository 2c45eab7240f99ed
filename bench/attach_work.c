/*
 * How long it takes to make a channel and to find it. See attach_work.h.
 *
 * One role does it again and again, and undoes it outside of what is timed; the other is there for
 * the line beside it only.
 */
#include "attach_work.h"

#include <stdio.h>
#include <stdlib.h>

#include "peer.h"
#include "report.h"
#include "shim.h"
#include "team.h"
#include "ticks.h"

enum { BYTES = 64, MIB = 1024 * 1024, TIMES_MIN = 20, TIMES_MAX = 20000 };

static const struct size {
	const char *name;
	size_t bytes;
} capacities[] = {{"1M", MIB}, {"64M", 64UL * MIB}};

struct attach_case {
	const struct peer *peer;
	const struct options *options;
	const struct size *capacity;
	bool creates; /* else attaches */
};

struct job {
	const struct attach_case *its;
	struct channel *channel; /* to attach to */
	uint64_t times;
	uint64_t every;
	struct report_samples *samples;
};

static struct channel_plan plan_of(const struct attach_case *its)
{
	return (struct channel_plan){
		.bytes = BYTES,
		.capacity_bytes = its->capacity->bytes,
	};
}

/* ---- In a role ---- */

static void keep(const struct job *job, uint64_t which, uint64_t ticks)
{
	struct report_samples *const samples = job->samples;
	const uint32_t sample = ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;

	samples->total += ticks;
	if (sample > samples->longest)
		samples->longest = sample;
	if (which % job->every == 0)
		samples->ticks[which / job->every] = sample;
}

static int create_once(struct team *team, const struct job *job, uint64_t which)
{
	const struct peer *const peer = job->its->peer;
	const struct channel_plan plan = plan_of(job->its);
	struct channel *channel = NULL;
	const uint64_t before = ticks_now();
	const int rc = peer->create(&plan, &channel);

	keep(job, which, ticks_now() - before);
	if (rc != 0)
		return team_fail(team, "create: %s", peer->describe(rc));
	peer->destroy(channel);
	return 0;
}

static int attach_once(struct team *team, const struct job *job, uint64_t which)
{
	const struct peer *const peer = job->its->peer;
	const uint64_t before = ticks_now();
	struct port *const port = peer->open(job->channel, PEER_IN);

	keep(job, which, ticks_now() - before);
	if (port == NULL)
		return team_fail(team, "cannot open its end of the channel");
	peer->close(port);
	return 0;
}

static int role_attach(struct team *team, void *arg)
{
	const struct job *const job = arg;
	int (*const once)(struct team *, const struct job *, uint64_t) =
		job->its->creates ? create_once : attach_once;

	if (once(team, job, 0) != 0)
		return -1;
	job->samples->total = 0;
	job->samples->longest = 0;
	team_start(team);
	for (uint64_t i = 0; i < job->times; i++) {
		if (once(team, job, i) != 0)
			return -1;
	}
	team_stop(team);
	return 0;
}

static int role_beside(struct team *team, void *arg)
{
	(void)arg;
	team_start(team);
	team_stop(team);
	return 0;
}

/* ---- In the parent ---- */

static void run_job(struct shim_state *state, const struct attach_case *its, struct job *job)
{
	const struct team_plan plan = {
		.settings = &its->options->team,
		.count = 2,
		.roles = {role_attach, role_beside},
		.arg = job,
		.shares_cores = (its->peer->caps & PEER_HAS_THREADS) != 0,
	};
	struct team_result result;

	if (team_run(&plan, &result) != 0) {
		shim_fail(state, result.fault);
	} else {
		const struct report_run run = {
			.options = its->options,
			.result = &result,
			.time_ns = (double)job->samples->total * its->options->team.ns_per_tick,
			.outs = 1,
			.messages = job->times,
		};

		report_team(state, &run);
		report_trips(state, its->options, job->samples, job->times);
	}
}

static void run_case(struct shim_state *state, void *arg)
{
	const struct attach_case *const its = arg;
	const struct channel_plan plan = plan_of(its);
	const uint64_t asked = (uint64_t)shim_iterations(state);
	struct job job = {.its = its, .times = asked < TIMES_MIN ? TIMES_MIN : asked};
	int rc = 0;

	if (job.times > TIMES_MAX)
		job.times = TIMES_MAX;
	job.samples = report_samples_for(job.times, &job.every);
	if (!its->creates)
		rc = its->peer->create(&plan, &job.channel);
	if (job.samples == NULL)
		shim_fail(state, "no memory");
	else if (rc != 0)
		shim_fail(state, its->peer->describe(rc));
	else
		run_job(state, its, &job);
	its->peer->destroy(job.channel);
	team_heed_signals();
}

static void register_case(const struct attach_case *its)
{
	struct attach_case *const kept = malloc(sizeof(*kept)); /* until the end */
	char name[96];

	if (kept == NULL)
		return;
	*kept = *its;
	snprintf(name, sizeof(name), "%s/%d/%s/%s", its->creates ? "create" : "attach", BYTES,
		its->capacity->name, its->peer->name);
	shim_register(name, run_case, kept);
}

static void register_peers(const struct options *options, bool creates, const struct size *capacity)
{
	for (size_t p = 0; peers[p] != NULL; p++) {
		const struct attach_case its = {
			.peer = peers[p],
			.options = options,
			.capacity = capacity,
			.creates = creates,
		};

		if ((peers[p]->caps & (creates ? PEER_CREATES : PEER_ATTACHES)) != 0)
			register_case(&its);
	}
}

void attach_work_register(const struct options *options)
{
	for (size_t c = 0; c < sizeof(capacities) / sizeof(capacities[0]); c++) {
		register_peers(options, true, &capacities[c]);
		register_peers(options, false, &capacities[c]);
	}
}
