/*
 * Several producers and several consumers on one ring. See mpmc_work.h.
 *
 * As in work.c a lap of the ring passes before the measurement, and at its end the ring is empty.
 * The time is that from the first role to leave the starting barrier to the first consumer to
 * know that everything has come: roles that share a core may be late at either.
 */
#include "mpmc_work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffers.h"
#include "crowd.h"
#include "crowd_shared.h"
#include "pace.h"
#include "peer.h"
#include "report.h"
#include "shared.h"
#include "shim.h"
#include "team.h"
#include "ticks.h"

struct shape {
	unsigned producers;
	unsigned consumers;
};

enum { SIZES_MAX = 2, SHAPES_MAX = 4 };

static const struct mpmc_work {
	const char *name;
	bool batch;
	size_t sizes[SIZES_MAX];
	struct shape shapes[SHAPES_MAX];
} works[] = {
	{"mpmc", false, {8, 64}, {{1, 1}, {2, 1}, {1, 2}, {2, 2}}},
	{"mpmc_batch", true, {8, 64}, {{1, 1}, {2, 1}, {1, 2}, {2, 2}}},
	{"growth_mpmc", false, {64}, {{4, 1}, {1, 4}, {4, 4}}},
};

struct mpmc_case {
	const struct mpmc_work *work;
	const struct peer *peer;
	const struct options *options;
	struct shape shape;
	size_t bytes;
	struct pace pace;
	bool hung; /* once is enough: it costs the whole time limit */
};

/* What the roles inherit. */
struct job {
	const struct mpmc_case *its;
	struct channel *channel;
	struct crowd_shared *shared;
	uint64_t warm_up; /* of each producer */
	uint64_t count;   /* of each producer */
};

static unsigned roles_of(const struct mpmc_case *its)
{
	return its->shape.producers + its->shape.consumers;
}

static const struct peer_loops *loops_of(const struct mpmc_case *its)
{
	return its->work->batch ? &its->peer->mpmc_batch : &its->peer->mpmc;
}

static bool oversubscribed(const struct mpmc_case *its)
{
	return roles_of(its) > its->options->team.cpus.count;
}

/* ---- In a role ---- */

static int perform(const struct job *job, struct run *run, peer_loop *loop)
{
	struct crowd_shared *const shared = job->shared;
	struct crowd *const crowd = run->crowd;
	const bool consumes = run->in != NULL;

	run->count = job->warm_up;
	if (loop(run) != 0)
		return -1;
	run->first = job->warm_up;
	run->count = job->count;
	if (consumes)
		atomic_store(&shared->end_ns, 0); /* each before the barrier: it was the lap's */

	team_start(run->team);
	shared->of[crowd->role].start_ns = clock_ns(CLOCK_MONOTONIC);
	if (loop(run) != 0)
		return -1;
	team_stop(run->team);

	shared->of[crowd->role].hashes = crowd->hashes;
	return 0;
}

static int role(struct team *team, void *arg)
{
	const struct job *const job = arg;
	const struct mpmc_case *const its = job->its;
	const struct peer *const peer = its->peer;
	const unsigned me = team_role_number(team);
	const bool produces = me < its->shape.producers;
	struct crowd crowd = {
		.shared = job->shared,
		.role = me,
		.producers = its->shape.producers,
		.roles = roles_of(its),
		.oversubscribed = oversubscribed(its),
	};
	struct run run = {.team = team, .crowd = &crowd};
	struct port *const port = peer->open(job->channel, produces ? PEER_OUT : PEER_IN);

	if (port == NULL)
		return team_fail(team, "cannot open its end of the channel");
	if (!run_fill_buffers(&run, its->bytes, its->work->batch))
		return team_fail(team, "no memory");
	if (produces)
		run.out = port;
	else
		run.in = port;
	if (perform(job, &run, produces ? loops_of(its)->out : loops_of(its)->in) != 0)
		return -1;
	peer->close(port);
	return 0;
}

/* ---- In the parent ---- */

static bool each_came_once(const struct job *job, char *text, size_t room)
{
	const struct shape *const shape = &job->its->shape;
	const uint64_t each = job->warm_up + job->count;
	uint64_t received = 0;
	uint64_t hashes = 0;

	for (unsigned i = shape->producers; i < shape->producers + shape->consumers; i++) {
		received += job->shared->of[i].received;
		hashes += job->shared->of[i].hashes;
	}
	for (unsigned p = 0; p < shape->producers; p++) {
		for (uint64_t n = 0; n < each; n++)
			hashes -= crowd_hash(crowd_sequence(p, n));
	}
	snprintf(text, room,
		"%" PRIu64 " messages came instead of %" PRIu64 ": some were lost or came twice",
		received, shape->producers * each);
	return hashes == 0 && received == shape->producers * each;
}

static double wall_ns(const struct job *job)
{
	uint64_t start_ns = UINT64_MAX;

	for (unsigned i = 0; i < roles_of(job->its); i++) {
		if (job->shared->of[i].start_ns < start_ns)
			start_ns = job->shared->of[i].start_ns;
	}
	return (double)(job->shared->end_ns - start_ns);
}

static void report(struct shim_state *state, const struct job *job,
	const struct team_result *result, struct pace *pace)
{
	const struct mpmc_case *const its = job->its;
	const struct report_run run = {
		.options = its->options,
		.result = result,
		.time_ns = wall_ns(job),
		.outs = its->shape.producers,
		.messages = its->shape.producers * job->count,
	};
	char text[128];

	if (!each_came_once(job, text, sizeof(text))) {
		shim_fail(state, text);
		return;
	}
	pace_learn(pace, run.messages, run.time_ns * 1e-9);
	report_team(state, &run);
	shim_items(state, shim_iterations(state));
	shim_bytes(state, shim_iterations(state) * (int64_t)its->bytes);
}

static void run_job(struct shim_state *state, struct mpmc_case *its, struct job *job)
{
	const struct team_plan plan = {
		.settings = &its->options->team,
		.count = roles_of(its),
		.roles = {role, role, role, role, role, role, role, role},
		.arg = job,
		.shares_cores = oversubscribed(its) || (its->peer->caps & PEER_HAS_THREADS) != 0,
	};
	struct team_result result;

	if (team_run(&plan, &result) != 0) {
		its->hung = result.hung;
		shim_fail(state, result.fault);
	} else {
		report(state, job, &result, &its->pace);
	}
}

static void run_case(struct shim_state *state, void *arg)
{
	struct mpmc_case *const its = arg;
	const size_t capacity = options_capacity(its->options, its->bytes);
	const struct channel_plan plan = {.bytes = its->bytes, .capacity_bytes = capacity};
	const uint64_t lap = capacity / its->bytes / its->shape.producers + 1;
	struct job job = {.its = its};
	int rc;

	if (its->hung) {
		shim_fail(state, "hung in an earlier repetition");
		return;
	}
	its->pace.least = its->options->messages_least;
	its->pace.least_run_s = shim_run_seconds();
	job.count = pace_messages(&its->pace, (uint64_t)shim_iterations(state), its->bytes);
	job.count = job.count / its->shape.producers + 1;
	job.warm_up = job.count < lap ? job.count : lap;
	job.shared = shared_alloc(sizeof(*job.shared));
	rc = its->peer->create(&plan, &job.channel);
	if (job.shared == NULL)
		shim_fail(state, "no memory");
	else if (rc != 0)
		shim_fail(state, its->peer->describe(rc));
	else
		run_job(state, its, &job);
	its->peer->destroy(job.channel);
	shared_free(job.shared, sizeof(*job.shared));
	team_heed_signals();
}

static bool can(const struct mpmc_case *its)
{
	return loops_of(its)->out != NULL && its->bytes <= its->peer->bytes_max &&
	       its->options->team.cpus.count >= 2;
}

static void register_case(const struct mpmc_case *its)
{
	struct mpmc_case *const kept = malloc(sizeof(*kept)); /* until the end */
	char name[96];

	if (kept == NULL)
		return;
	*kept = *its;
	snprintf(name, sizeof(name), "%s/%zu/%uP%uC/%s", its->work->name, its->bytes,
		its->shape.producers, its->shape.consumers, its->peer->name);
	shim_register(name, run_case, kept);
}

static void register_shape(const struct options *options, const struct mpmc_work *work,
	size_t bytes, const struct shape *shape)
{
	for (size_t p = 0; peers[p] != NULL; p++) {
		const struct mpmc_case its = {
			.work = work,
			.peer = peers[p],
			.options = options,
			.shape = *shape,
			.bytes = bytes,
		};

		if (can(&its))
			register_case(&its);
	}
}

void mpmc_work_register(const struct options *options)
{
	for (size_t w = 0; w < sizeof(works) / sizeof(works[0]); w++) {
		const struct mpmc_work *const work = &works[w];

		for (size_t b = 0; b < SIZES_MAX && work->sizes[b] != 0; b++) {
			for (size_t s = 0; s < SHAPES_MAX && work->shapes[s].producers != 0; s++)
				register_shape(options, work, work->sizes[b], &work->shapes[s]);
		}
	}
}
