/*
 * How long gyre takes to go on after a kill -9. See recovery_work.h.
 *
 *	told       a blocked consumer is told that the producer it waits for died
 *	successor  a producer attaches in the place of one that died with a reservation open
 *	behind     mpmc: a blocked consumer gets the message behind that of a producer that died
 *	           with its reservation open
 *	held       mpmc: a blocked consumer gets the message that another one held as it died
 *
 * One role is the survivor. The other one forks a victim in every round, waits until it is in the
 * state to die in and the survivor is about to block, and kills it. The time is from just before
 * the kill; that of the successor is its call's.
 */
#include "recovery_work.h"

#include <errno.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gyre_ring.h"
#include "poll.h"
#include "report.h"
#include "shared.h"
#include "shim.h"
#include "team.h"
#include "ticks.h"

enum { BYTES = 64, ROUNDS = 10, SETTLE_NS = 2 * 1000 * 1000 };

enum scene { TOLD, SUCCESSOR, BEHIND, HELD };

struct recovery_case {
	const char *name;
	enum scene scene;
	struct gyre_ring_options ring;
	const struct options *options;
};

static struct recovery_case cases[] = {
	{"told/gyre_slots", TOLD, {.kind = GYRE_RING_SPSC, .slot_bytes = BYTES}, NULL},
	{"told/gyre_records", TOLD, {.kind = GYRE_RING_SPSC}, NULL},
	{"told/gyre_mpmc", TOLD, {.kind = GYRE_RING_MPMC}, NULL},
	{"successor/gyre_slots", SUCCESSOR, {.kind = GYRE_RING_SPSC, .slot_bytes = BYTES}, NULL},
	{"successor/gyre_records", SUCCESSOR, {.kind = GYRE_RING_SPSC}, NULL},
	{"successor/gyre_mpmc", SUCCESSOR, {.kind = GYRE_RING_MPMC}, NULL},
	{"behind/gyre_mpmc", BEHIND, {.kind = GYRE_RING_MPMC}, NULL},
	{"held/gyre_mpmc", HELD, {.kind = GYRE_RING_MPMC}, NULL},
};

/* How far the two roles are: the number of the round, from 1. */
struct progress {
	alignas(128) _Atomic uint32_t prepared; /* the survivor: the victim may come */
	alignas(128) _Atomic uint32_t ready;    /* the killer: the victim can be killed */
	alignas(128) _Atomic uint32_t blocking; /* the survivor: about to block */
	alignas(128) _Atomic uint32_t gone;     /* the killer: the victim is */
	_Atomic uint64_t killed_at;             /* in ticks */
};

struct job {
	const struct recovery_case *its;
	struct progress *progress;
	struct report_samples *samples;
	char key[64];
};

static void say(_Atomic uint32_t *word, uint32_t round)
{
	/* [ROUND] release: pairs with the acquire in await(). */
	atomic_store_explicit(word, round, memory_order_release);
}

static void await(_Atomic uint32_t *word, uint32_t round)
{
	while (atomic_load_explicit(word, memory_order_acquire) < round) /* [ROUND] */
		poll_wait();
}

static struct gyre_ring *attach(struct team *team, const struct job *job, enum gyre_role role)
{
	struct gyre_ring *ring = NULL;
	struct gyre_error error;

	if (gyre_ring_attach(job->key, role, NULL, &ring, &error) != GYRE_OK)
		team_fail(team, "attach: %.150s", error.what);
	return ring;
}

/* ---- The victim ---- */

/* Into the state that it will die in. */
static int take_position(struct team *team, const struct job *job)
{
	const enum gyre_role role = job->its->scene == HELD ? GYRE_CONSUMER : GYRE_PRODUCER;
	struct gyre_ring *const ring = attach(team, job, role);
	struct gyre_message message;
	void *room;
	int rc = GYRE_OK;

	if (ring == NULL)
		return -1;
	if (job->its->scene == HELD)
		rc = gyre_ring_peek(ring, GYRE_FOREVER, &message);
	else if (job->its->scene != TOLD)
		rc = gyre_ring_reserve(ring, BYTES, GYRE_FOREVER, &room);
	return rc == GYRE_OK ? 0 : team_fail(team, "victim: %s", gyre_strerror(rc));
}

_Noreturn static void be_victim(struct team *team, const struct job *job, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (take_position(team, job) != 0 || write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* ---- The killer ---- */

/* Returns the victim's pid once it can be killed, or what team_fail() returned. */
static pid_t fork_victim(struct team *team, const struct job *job)
{
	int ends[2];
	char byte;
	pid_t pid;

	if (pipe(ends) != 0)
		return team_fail(team, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		be_victim(team, job, ends[1]);
	close(ends[1]);
	if (pid < 0)
		team_fail(team, "fork: %s", strerror(errno));
	else if (read(ends[0], &byte, 1) != 1)
		pid = -1; /* it has said why */
	close(ends[0]);
	return pid;
}

static int kill_one(struct team *team, const struct job *job, uint32_t round)
{
	const struct timespec settle = {0, SETTLE_NS};
	struct progress *const progress = job->progress;
	pid_t pid;

	await(&progress->prepared, round);
	pid = fork_victim(team, job);
	if (pid < 0)
		return -1;
	say(&progress->ready, round);
	await(&progress->blocking, round);
	nanosleep(&settle, NULL); /* it should be asleep by then; nothing hangs on it */
	atomic_store(&progress->killed_at, ticks_now());
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	say(&progress->gone, round);
	return 0;
}

static int role_killer(struct team *team, void *arg)
{
	const struct job *const job = arg;

	team_start(team);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		if (kill_one(team, job, round) != 0)
			return -1;
	}
	team_stop(team);
	return 0;
}

/* ---- The survivor ---- */

struct survivor {
	struct gyre_ring *producer; /* where one has to send */
	struct gyre_ring *consumer;
};

static int send_number(struct team *team, struct gyre_ring *ring, uint64_t number)
{
	unsigned char message[BYTES] = {0};
	int rc;

	memcpy(message, &number, sizeof(number));
	rc = gyre_ring_send(ring, message, sizeof(message), 0, GYRE_FOREVER);
	return rc == GYRE_OK ? 0 : team_fail(team, "send: %s", gyre_strerror(rc));
}

/* Waits for what is due to come; ret_ticks is how long after the kill it came. */
static int receive_after_kill(struct team *team, const struct job *job,
	const struct survivor *survivor, uint32_t round, uint64_t *ret_ticks)
{
	unsigned char message[BYTES];
	uint64_t number;
	int64_t rc;

	say(&job->progress->blocking, round);
	rc = gyre_ring_receive(survivor->consumer, message, sizeof(message), GYRE_FOREVER, NULL);
	*ret_ticks = ticks_now() - atomic_load(&job->progress->killed_at);
	await(&job->progress->gone, round);
	if (job->its->scene == TOLD)
		return rc == GYRE_EDIED ? 0
					: team_fail(team, "told %s instead of the death",
						  gyre_strerror((int)rc));
	memcpy(&number, message, sizeof(number));
	if (rc != BYTES || number != round)
		return team_fail(team, "receive: %s", gyre_strerror(rc < 0 ? (int)rc : 0));
	return 0;
}

static int succeed(struct team *team, const struct job *job, uint32_t round, uint64_t *ret_ticks)
{
	struct gyre_ring *ring;
	uint64_t before;

	say(&job->progress->blocking, round);
	await(&job->progress->gone, round);
	before = ticks_now();
	ring = attach(team, job, GYRE_PRODUCER);
	*ret_ticks = ticks_now() - before;
	if (ring == NULL)
		return -1;
	gyre_ring_detach(ring);
	return 0;
}

static int survive_one(struct team *team, const struct job *job, const struct survivor *survivor,
	uint32_t round, uint64_t *ret_ticks)
{
	const enum scene scene = job->its->scene;

	if (scene == HELD && send_number(team, survivor->producer, round) != 0)
		return -1;
	say(&job->progress->prepared, round);
	await(&job->progress->ready, round);
	if (scene == BEHIND && send_number(team, survivor->producer, round) != 0)
		return -1;
	if (scene == SUCCESSOR)
		return succeed(team, job, round, ret_ticks);
	return receive_after_kill(team, job, survivor, round, ret_ticks);
}

static int survive(struct team *team, const struct job *job, const struct survivor *survivor)
{
	struct report_samples *const samples = job->samples;

	samples->total = 0;
	samples->longest = 0;
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		uint64_t ticks;

		if (survive_one(team, job, survivor, round, &ticks) != 0)
			return -1;
		samples->total += ticks;
		samples->ticks[round - 1] = ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
		if (samples->ticks[round - 1] > samples->longest)
			samples->longest = samples->ticks[round - 1];
	}
	return 0;
}

static int role_survivor(struct team *team, void *arg)
{
	const struct job *const job = arg;
	const enum scene scene = job->its->scene;
	struct survivor survivor = {0};

	survivor.consumer = attach(team, job, GYRE_CONSUMER);
	if (survivor.consumer == NULL)
		return -1;
	if (scene == BEHIND || scene == HELD) {
		survivor.producer = attach(team, job, GYRE_PRODUCER);
		if (survivor.producer == NULL)
			return -1;
	}
	team_start(team);
	if (survive(team, job, &survivor) != 0)
		return -1;
	team_stop(team);
	gyre_ring_detach(survivor.producer);
	gyre_ring_detach(survivor.consumer);
	return 0;
}

/* ---- In the parent ---- */

static void run_job(struct shim_state *state, const struct job *job)
{
	const struct options *const options = job->its->options;
	const struct team_plan plan = {
		.settings = &options->team,
		.count = 2,
		.roles = {role_survivor, role_killer},
		.arg = (void *)job,
		.shares_cores = true, /* the victim has to get its turn on the killer's core */
	};
	struct team_result result;

	if (team_run(&plan, &result) != 0) {
		shim_fail(state, result.fault);
	} else {
		const struct report_run run = {
			.options = options,
			.result = &result,
			.time_ns = (double)job->samples->total * options->team.ns_per_tick,
			.outs = 1,
			.messages = ROUNDS,
		};

		report_team(state, &run);
		report_trips(state, options, job->samples, ROUNDS);
	}
}

static void run_case(struct shim_state *state, void *arg)
{
	struct job job = {.its = arg};
	struct gyre_error error;
	uint64_t every;
	static unsigned made;

	snprintf(job.key, sizeof(job.key), "gyre-bench-kill-%ld-%u", (long)getpid(), made++);
	job.progress = shared_alloc(sizeof(*job.progress));
	job.samples = report_samples_for(ROUNDS, &every);
	if (job.progress == NULL || job.samples == NULL) {
		shim_fail(state, "no memory");
	} else if (gyre_ring_create(job.key, &job.its->ring, &error) < 0) {
		shim_fail(state, error.what);
	} else {
		run_job(state, &job);
		gyre_ring_unlink(job.key, NULL);
	}
	shared_free(job.progress, sizeof(*job.progress));
	team_heed_signals();
}

void recovery_work_register(const struct options *options)
{
	if (options->team.cpus.count < 2)
		return;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[96];

		cases[i].options = options;
		snprintf(name, sizeof(name), "recovery/%d/%s", BYTES, cases[i].name);
		shim_register_once(name, run_case, &cases[i]);
	}
}
