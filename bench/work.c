/*
 * The work that peers are put to. See work.h.
 *
 * Each repetition makes its channels, forks the two roles, lets the messages of a lap of the
 * ring pass to warm up, and then measures: a stream in the receiving role, from an empty ring to
 * the last message checked; trips in the role that waits for the answer.
 */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>

#include "buffers.h"
#include "pace.h"
#include "peer.h"
#include "report.h"
#include "shim.h"
#include "team.h"

enum work_kind {
	WORK_ONE,
	WORK_BATCH,
	WORK_IN_PLACE,
	WORK_TRIP,
};

enum { SIZES_MAX = 6, KIB = 1024, MIB = 1024 * 1024 };

struct work {
	const char *name;
	enum work_kind kind;
	bool blocking; /* else polling, by peers that can */
	bool fresh;
	bool first_line;
	size_t sizes[SIZES_MAX];
};

static const struct work works[] = {
	{.name = "throughput", .sizes = {8, 64, KIB, 64 * KIB, MIB, 6UL * MIB}},
	{.name = "throughput_fresh", .fresh = true, .sizes = {8, 64, KIB}},
	{.name = "throughput_batch", .kind = WORK_BATCH, .sizes = {8, 64, KIB}},
	{.name = "throughput_blocking", .blocking = true, .sizes = {64}},
	{.name = "in_place", .kind = WORK_IN_PLACE, .sizes = {64, KIB, 64 * KIB, MIB, 6UL * MIB}},
	{.name = "first_line",
		.kind = WORK_IN_PLACE,
		.first_line = true,
		.sizes = {64 * KIB, MIB, 6UL * MIB}},
	{.name = "rtt", .kind = WORK_TRIP, .sizes = {64}},
	{.name = "rtt_blocking", .kind = WORK_TRIP, .blocking = true, .sizes = {64}},
};

struct work_case {
	const struct work *work;
	const struct peer *peer;
	const struct options *options;
	size_t bytes;
	struct pace pace;
	bool hung; /* once is enough: it costs the whole time limit */
};

/* What the roles inherit. */
struct job {
	const struct work_case *its;
	struct channel *there;
	struct channel *back;
	uint64_t warm_up;
	uint64_t count;
	uint64_t every;
	struct report_samples *samples;
};

static bool blocks(const struct work_case *its)
{
	return its->work->blocking || (its->peer->caps & PEER_POLLS) == 0;
}

static unsigned timed_role(const struct work_case *its)
{
	return its->work->kind == WORK_TRIP ? 0 : 1;
}

static const struct peer_loops *loops_of(const struct work *work, const struct peer *peer)
{
	switch (work->kind) {
	case WORK_BATCH:
		return &peer->batch;
	case WORK_IN_PLACE:
		return &peer->in_place;
	case WORK_TRIP:
		return &peer->trip;
	default:
		return &peer->one;
	}
}

/* ---- In a role ---- */

/* Opens the ends, lets the loop run twice, of which the second time counts. */
static int perform(struct team *team, const struct job *job, peer_loop *loop, bool first)
{
	const struct peer *const peer = job->its->peer;
	const struct work *const work = job->its->work;
	struct run run = {.team = team, .fresh = work->fresh, .first_line = work->first_line};

	if (!run_fill_buffers(&run, job->its->bytes, work->kind == WORK_BATCH))
		return team_fail(team, "no memory");
	if (first || job->back != NULL)
		run.out = peer->open(first ? job->there : job->back, PEER_OUT);
	if (!first || job->back != NULL)
		run.in = peer->open(first ? job->back : job->there, PEER_IN);
	if ((run.out == NULL && (first || job->back != NULL)) ||
		(run.in == NULL && (!first || job->back != NULL)))
		return team_fail(team, "cannot open its end of the channel");

	run.count = job->warm_up;
	if (loop(&run) != 0)
		return -1;
	run.first = job->warm_up;
	run.count = job->count;
	run.longest = 0;
	run.samples = first && job->samples != NULL ? job->samples->ticks : NULL;
	run.samples_every = job->every;

	team_start(team);
	if (loop(&run) != 0)
		return -1;
	team_stop(team);

	if (run.samples != NULL)
		job->samples->longest = run.longest;
	peer->close(run.out);
	peer->close(run.in);
	return 0;
}

static int role_out(struct team *team, void *arg)
{
	const struct job *const job = arg;

	return perform(team, job, loops_of(job->its->work, job->its->peer)->out, true);
}

static int role_in(struct team *team, void *arg)
{
	const struct job *const job = arg;

	return perform(team, job, loops_of(job->its->work, job->its->peer)->in, false);
}

/* ---- In the parent ---- */

static int make_channels(struct job *job, size_t capacity)
{
	const struct work_case *const its = job->its;
	const struct channel_plan plan = {
		.bytes = its->bytes,
		.capacity_bytes = capacity,
		.blocking = blocks(its),
	};
	int rc = its->peer->create(&plan, &job->there);

	if (rc == 0 && its->work->kind == WORK_TRIP)
		rc = its->peer->create(&plan, &job->back);
	return rc;
}

static void report(
	struct shim_state *state, const struct job *job, const struct team_result *result)
{
	const struct work_case *const its = job->its;
	const struct report_run run = {
		.options = its->options,
		.result = result,
		.wall_ns = result->members[timed_role(its)].wall_ns,
		.outs = 1,
		.messages = job->count,
	};

	report_team(state, &run);
	if (its->work->kind == WORK_TRIP)
		report_trips(state, its->options, job->samples, job->count);
	else if (!its->work->first_line)
		shim_bytes(state, shim_iterations(state) * (int64_t)its->bytes);
}

static void run_case(struct shim_state *state, void *arg)
{
	struct work_case *const its = arg;
	const size_t capacity = options_capacity(its->options, its->bytes);
	const uint64_t lap = capacity / its->bytes + 1;
	struct job job = {.its = its};
	const struct team_plan plan = {
		.settings = &its->options->team,
		.count = 2,
		.roles = {role_out, role_in},
		.arg = &job,
		.ordinary = (its->peer->caps & PEER_HAS_THREADS) != 0,
	};
	struct team_result result;
	int rc;

	if (its->hung) {
		shim_fail(state, "hung in an earlier repetition");
		return;
	}
	its->pace.least_run_s = shim_run_seconds();
	job.count = pace_messages(&its->pace, (uint64_t)shim_iterations(state), its->bytes);
	job.warm_up = job.count < lap ? job.count : lap;
	if (its->work->kind == WORK_TRIP)
		job.samples = report_samples_for(job.count, &job.every);
	rc = make_channels(&job, capacity);
	if (its->work->kind == WORK_TRIP && job.samples == NULL) {
		shim_fail(state, "no memory");
	} else if (rc != 0) {
		shim_fail(state, its->peer->describe(rc));
	} else if (team_run(&plan, &result) != 0) {
		its->hung = result.hung;
		shim_fail(state, result.fault);
	} else {
		pace_learn(&its->pace, job.count,
			(double)result.members[timed_role(its)].wall_ns * 1e-9);
		report(state, &job, &result);
	}
	its->peer->destroy(job.there);
	its->peer->destroy(job.back);
	team_heed_signals();
}

static bool can(const struct work_case *its)
{
	const unsigned caps = its->peer->caps;

	if (loops_of(its->work, its->peer)->out == NULL || its->bytes > its->peer->bytes_max)
		return false;
	if (its->options->team.cpus.count < 2 && !blocks(its))
		return false; /* every poll would wait for the other's time slice to end */
	if (its->work->blocking)
		return (caps & PEER_BLOCKS) != 0;
	return its->work->kind != WORK_TRIP || (caps & PEER_POLLS) != 0;
}

static void register_case(const struct work_case *its)
{
	struct work_case *const kept = malloc(sizeof(*kept)); /* until the end */
	char name[96];

	if (kept == NULL)
		return;
	*kept = *its;
	snprintf(name, sizeof(name), "%s/%zu/%s", its->work->name, its->bytes, its->peer->name);
	shim_register(name, run_case, kept);
}

void work_register(const struct options *options)
{
	for (size_t w = 0; w < sizeof(works) / sizeof(works[0]); w++) {
		for (size_t s = 0; s < SIZES_MAX && works[w].sizes[s] != 0; s++) {
			for (size_t p = 0; peers[p] != NULL; p++) {
				const struct work_case its = {
					.work = &works[w],
					.peer = peers[p],
					.options = options,
					.bytes = works[w].sizes[s],
				};

				if (can(&its))
					register_case(&its);
			}
		}
	}
}
