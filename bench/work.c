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
	WORK_PACED,
};

enum { SIZES_MAX = 8, VARIANTS_MAX = 8, KIB = 1024, MIB = 1024 * 1024 };

/* A work may be done in several ways; zero is what others do. */
struct variant {
	const char *name;
	size_t capacity_bytes;
	double interval_ns; /* paced */
	uint64_t messages;  /* paced: at least, unless fewer are asked for */
};

struct work {
	const char *name;
	enum work_kind kind;
	bool blocking; /* else polling, by peers that can */
	bool fresh;
	bool first_line;
	unsigned without; /* peers that have any of these caps are spared */
	size_t sizes[SIZES_MAX];
	struct variant variants[VARIANTS_MAX]; /* none: one, without a name */
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
	{.name = "latency",
		.kind = WORK_PACED,
		.sizes = {64},
		.variants = {{.name = "100k", .interval_ns = 10000, .messages = 1000},
			{.name = "1M", .interval_ns = 1000, .messages = 1000}}},
	{.name = "wakeup",
		.kind = WORK_PACED,
		.blocking = true,
		.sizes = {64},
		.variants = {{.name = "1k", .interval_ns = 1e6, .messages = 500}}},
	{.name = "idle",
		.kind = WORK_PACED,
		.blocking = true,
		.sizes = {64},
		.variants = {{.name = "1s", .interval_ns = 1e9, .messages = 1}}},
	{.name = "growth_ring",
		.without = PEER_HAS_THREADS,
		.sizes = {64},
		.variants = {{.name = "16K", .capacity_bytes = 16 * KIB},
			{.name = "64K", .capacity_bytes = 64 * KIB},
			{.name = "256K", .capacity_bytes = 256 * KIB},
			{.name = "1M", .capacity_bytes = MIB},
			{.name = "4M", .capacity_bytes = 4 * MIB},
			{.name = "16M", .capacity_bytes = 16 * MIB}}},
	{.name = "growth_bytes",
		.without = PEER_HAS_THREADS | PEER_TYPED,
		.sizes = {16, 32, 128, 256, 4 * KIB, 16 * KIB, 256 * KIB}},
};

struct work_case {
	const struct work *work;
	const struct variant *variant;
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

static bool is_sampled(const struct work_case *its)
{
	return its->work->kind == WORK_TRIP || its->work->kind == WORK_PACED;
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
	case WORK_PACED:
		return &peer->paced;
	default:
		return &peer->one;
	}
}

/* ---- In a role ---- */

static bool open_ends(const struct job *job, struct run *run, bool first)
{
	const struct peer *const peer = job->its->peer;

	if (first || job->back != NULL)
		run->out = peer->open(first ? job->there : job->back, PEER_OUT);
	if (!first || job->back != NULL)
		run->in = peer->open(first ? job->back : job->there, PEER_IN);
	return (run->out != NULL || (!first && job->back == NULL)) &&
	       (run->in != NULL || (first && job->back == NULL));
}

/* Lets a loop run twice, of which the second time counts. What is paced is not so at first. */
static int perform(const struct job *job, struct run *run, bool first)
{
	const struct work_case *const its = job->its;
	const struct peer_loops *const loops = loops_of(its->work, its->peer);
	const struct peer_loops *const before =
		its->work->kind == WORK_PACED ? &its->peer->one : loops;

	run->count = job->warm_up;
	if ((first ? before->out : before->in)(run) != 0)
		return -1;
	run->first = job->warm_up;
	run->count = job->count;
	run->longest = 0;
	run->total = 0;
	if (is_sampled(its) && first == (timed_role(its) == 0))
		run->samples = job->samples->ticks;

	team_start(run->team);
	if ((first ? loops->out : loops->in)(run) != 0)
		return -1;
	team_stop(run->team);

	if (run->samples != NULL) {
		job->samples->longest = run->longest;
		job->samples->total = run->total;
	}
	return 0;
}

static int role(struct team *team, const struct job *job, bool first)
{
	const struct work_case *const its = job->its;
	const double ns_per_tick = its->options->team.ns_per_tick;
	struct run run = {
		.team = team,
		.fresh = its->work->fresh,
		.first_line = its->work->first_line,
		.samples_every = job->every,
		.interval_ticks = its->variant->interval_ns / ns_per_tick,
		.ns_per_tick = ns_per_tick,
		.start = is_sampled(its) ? &job->samples->start : NULL,
	};

	if (!run_fill_buffers(&run, its->bytes, its->work->kind == WORK_BATCH))
		return team_fail(team, "no memory");
	if (!open_ends(job, &run, first))
		return team_fail(team, "cannot open its end of the channel");
	if (perform(job, &run, first) != 0)
		return -1;
	its->peer->close(run.out);
	its->peer->close(run.in);
	return 0;
}

static int role_out(struct team *team, void *arg)
{
	return role(team, arg, true);
}

static int role_in(struct team *team, void *arg)
{
	return role(team, arg, false);
}

/* ---- In the parent ---- */

static size_t capacity_of(const struct work_case *its)
{
	return its->variant->capacity_bytes != 0 ? its->variant->capacity_bytes
						 : options_capacity(its->options, its->bytes);
}

/* How many messages, and how many before. */
static void plan_messages(struct job *job, struct work_case *its, uint64_t asked)
{
	const uint64_t lap = capacity_of(its) / its->bytes + 1;

	its->pace.least = its->options->messages_least;
	its->pace.least_run_s = shim_run_seconds();
	job->count = pace_messages(&its->pace, asked, its->bytes);
	job->warm_up = job->count < lap ? job->count : lap;
	if (its->work->kind == WORK_PACED) {
		const double fit = shim_run_seconds() * 1e9 / its->variant->interval_ns;

		job->count = its->variant->messages;
		if (job->count > its->options->messages_least)
			job->count = its->options->messages_least;
		if ((double)job->count < fit)
			job->count = (uint64_t)fit;
	}
}

static int make_channels(struct job *job)
{
	const struct work_case *const its = job->its;
	const struct channel_plan plan = {
		.bytes = its->bytes,
		.capacity_bytes = capacity_of(its),
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
	const bool paced = its->work->kind == WORK_PACED;
	const double ns_per_tick = its->options->team.ns_per_tick;
	const struct report_run run = {
		.options = its->options,
		.result = result,
		.time_ns = paced ? (double)job->samples->total * ns_per_tick
				 : (double)result->members[timed_role(its)].wall_ns,
		.outs = 1,
		.messages = job->count,
	};

	report_team(state, &run);
	if (is_sampled(its))
		report_trips(state, its->options, job->samples, job->count);
	if (paced) {
		report_sleeper(state, &result->members[1], job->count);
		return;
	}
	shim_items(state, shim_iterations(state));
	if (!is_sampled(its) && !its->work->first_line)
		shim_bytes(state, shim_iterations(state) * (int64_t)its->bytes);
}

static void run_job(struct shim_state *state, struct work_case *its, struct job *job)
{
	const struct team_plan plan = {
		.settings = &its->options->team,
		.count = 2,
		.roles = {role_out, role_in},
		.arg = job,
		.shares_cores = (its->peer->caps & PEER_HAS_THREADS) != 0,
	};
	struct team_result result;

	if (team_run(&plan, &result) != 0) {
		its->hung = result.hung;
		shim_fail(state, result.fault);
	} else {
		pace_learn(&its->pace, job->count,
			(double)result.members[timed_role(its)].wall_ns * 1e-9);
		report(state, job, &result);
	}
}

static void run_case(struct shim_state *state, void *arg)
{
	struct work_case *const its = arg;
	struct job job = {.its = its};
	int rc;

	if (its->hung) {
		shim_fail(state, "hung in an earlier repetition");
		return;
	}
	plan_messages(&job, its, (uint64_t)shim_iterations(state));
	if (is_sampled(its))
		job.samples = report_samples_for(job.count, &job.every);
	rc = make_channels(&job);
	if (is_sampled(its) && job.samples == NULL)
		shim_fail(state, "no memory");
	else if (rc != 0)
		shim_fail(state, its->peer->describe(rc));
	else
		run_job(state, its, &job);
	its->peer->destroy(job.there);
	its->peer->destroy(job.back);
	team_heed_signals();
}

/* ---- What there is ---- */

static bool can(const struct work_case *its)
{
	const unsigned caps = its->peer->caps;

	if (loops_of(its->work, its->peer)->out == NULL || its->bytes > its->peer->bytes_max ||
		(caps & its->work->without) != 0)
		return false;
	if (its->options->team.cpus.count < 2 && !blocks(its))
		return false; /* every poll would wait for the other's time slice to end */
	if (its->work->blocking)
		return (caps & PEER_BLOCKS) != 0;
	return its->work->kind != WORK_TRIP || (caps & PEER_POLLS) != 0;
}

static void register_case(const struct work_case *its)
{
	const char *const variant = its->variant->name;
	struct work_case *const kept = malloc(sizeof(*kept)); /* until the end */
	char name[96];

	if (kept == NULL)
		return;
	*kept = *its;
	snprintf(name, sizeof(name), "%s/%zu/%s%s%s", its->work->name, its->bytes,
		variant != NULL ? variant : "", variant != NULL ? "/" : "", its->peer->name);
	if (its->work->kind == WORK_PACED)
		shim_register_once(name, run_case, kept);
	else
		shim_register(name, run_case, kept);
}

static void register_variant(const struct options *options, const struct work *work,
	const struct variant *variant, size_t bytes)
{
	for (size_t p = 0; peers[p] != NULL; p++) {
		const struct work_case its = {
			.work = work,
			.variant = variant,
			.peer = peers[p],
			.options = options,
			.bytes = bytes,
		};

		if (can(&its))
			register_case(&its);
	}
}

void work_register(const struct options *options)
{
	for (size_t w = 0; w < sizeof(works) / sizeof(works[0]); w++) {
		const struct work *const work = &works[w];

		for (size_t s = 0; s < SIZES_MAX && work->sizes[s] != 0; s++) {
			size_t v = 0;

			do
				register_variant(options, work, &work->variants[v], work->sizes[s]);
			while (++v < VARIANTS_MAX && work->variants[v].name != NULL);
		}
	}
}
