/*
 * Roles in processes of their own. See team.h.
 */
#include "team.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "line.h"
#include "poll.h"
#include "samples.h"
#include "shared.h"
#include "ticks.h"

enum { LINE_TRIPS = 2048 };

struct team_shared {
	struct line_pair lines;
	alignas(128) _Atomic uint32_t arrived; /* at barriers, all of them together */
	struct team_result result;
};

struct team {
	struct team_shared *shared;
	const struct team_plan *plan;
	unsigned me;
	uint32_t barriers;
	unsigned bounces;
	struct team_member begun; /* clocks at the start */
};

static volatile sig_atomic_t caught; /* the signal, or 0 */

static void catch (int signal)
{
	caught = signal;
}

void team_catch_signals(void)
{
	const struct sigaction action = {.sa_handler = catch}; /* waitpid() shall end: no restart */

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void default_signals(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

static void (*at_end)(void);

void team_at_end(void (*end)(void))
{
	at_end = end;
	atexit(end);
}

void team_heed_signals(void)
{
	if (caught == 0)
		return;
	if (at_end != NULL)
		at_end();
	default_signals();
	raise(caught);
}

static void barrier(struct team *team)
{
	/* Threads of its own may share the core of a role that waits here. */
	const bool alone =
		team->plan->settings->cpus.count >= team->plan->count && !team->plan->shares_cores;
	const uint32_t all = ++team->barriers * team->plan->count;

	/* [BARRIER] release and acquire: what each did before happens before what any does
	 * after. */
	atomic_fetch_add_explicit(&team->shared->arrived, 1, memory_order_acq_rel);
	while (atomic_load_explicit(&team->shared->arrived, memory_order_acquire) < all) {
		if (alone)
			poll_wait();
		else
			sched_yield();
	}
}

static void bounce(struct team *team)
{
	struct line_pair *const lines = &team->shared->lines;
	const uint64_t first = (uint64_t)team->bounces * LINE_TRIPS;
	static uint32_t samples[LINE_TRIPS];

	if (team->plan->settings->cpus.count < 2)
		return; /* every trip would be a switch */
	if (team->me == 0) {
		line_ping(lines, &lines->there, first, LINE_TRIPS, samples);
		samples_sort(samples, LINE_TRIPS);
		team->shared->result.line_ns[team->bounces] =
			samples_quantile(samples, LINE_TRIPS, 0.5) *
			team->plan->settings->ns_per_tick;
	} else if (team->me == 1) {
		line_pong(lines, &lines->there, first, LINE_TRIPS);
	}
	team->bounces++;
}

static void read_clocks(struct team_member *ret_member)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	ret_member->preempted = usage.ru_nivcsw;
	ret_member->slept = usage.ru_nvcsw;
	ret_member->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID); /* rusage, but to the ns */
	ret_member->wall_ns = clock_ns(CLOCK_MONOTONIC);
}

unsigned team_role_number(const struct team *team)
{
	return team->me;
}

void team_start(struct team *team)
{
	barrier(team);
	bounce(team);
	barrier(team);
	read_clocks(&team->begun);
}

void team_stop(struct team *team)
{
	struct team_member *const mine = &team->shared->result.members[team->me];
	const uint64_t now = clock_ns(CLOCK_MONOTONIC);

	read_clocks(mine);
	mine->wall_ns = now - team->begun.wall_ns;
	mine->cpu_ns -= team->begun.cpu_ns;
	mine->preempted -= team->begun.preempted;
	mine->slept -= team->begun.slept;
	barrier(team);
	bounce(team);
}

int team_fail(struct team *team, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(team->shared->result.members[team->me].fault, TEAM_FAULT_BYTES, format, args);
	va_end(args);
	return -1;
}

/* What is not permitted is done without. */
void team_ask_for_priority(const struct team_settings *settings)
{
	if (settings->priority != TEAM_ORDINARY)
		(void)setpriority(PRIO_PROCESS, 0, -20);
}

static void ask_for_fifo(const struct team_plan *plan)
{
	const struct sched_param lowest = {.sched_priority = 1};

	if (plan->settings->priority == TEAM_FIFO && !plan->shares_cores)
		(void)sched_setscheduler(0, SCHED_FIFO, &lowest);
}

_Noreturn static void be(struct team *team, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	default_signals();
	alarm(team->plan->settings->limit_s); /* hanging in a loop or in a call, it ends */
	cpus_pin(&team->plan->settings->cpus, team->me);
	ask_for_fifo(team->plan);
	if (team->plan->roles[team->me](team, team->plan->arg) != 0)
		_exit(1);
	if (team->plan->shares_cores)
		exit(0); /* with what a library has left to do: to sign off from a daemon */
	_exit(0);
}

static void describe(
	const struct team_plan *plan, unsigned who, int status, struct team_result *result)
{
	char *const text = result->fault;
	const size_t room = sizeof(result->fault);

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
		result->hung = true;
		snprintf(text, room, "role %u: no end within %u s: hung, or a message was lost",
			who, plan->settings->limit_s);
	} else if (WIFSIGNALED(status)) {
		snprintf(text, room, "role %u: killed by signal %d", who, WTERMSIG(status));
	} else {
		result->members[who].fault[TEAM_FAULT_BYTES - 1] = '\0';
		snprintf(text, room, "role %u: %s", who,
			result->members[who].fault[0] != '\0' ? result->members[who].fault
							      : "failed");
	}
}

/* The first one to fail takes the others along: they would wait for it. */
static int reap(
	const struct team_plan *plan, const pid_t *pids, int failed, struct team_result *result)
{

	for (;;) {
		int status;
		const pid_t pid = waitpid(-pids[0], &status, 0);
		unsigned who = 0;

		if (pid < 0 && errno == EINTR) {
			if (caught != 0 && failed == 0) {
				failed = -1;
				snprintf(result->fault, sizeof(result->fault), "interrupted");
				kill(-pids[0], SIGKILL);
			}
			continue;
		}
		if (pid < 0)
			return failed;
		if (failed != 0 || status == 0)
			continue;
		while (who + 1 < plan->count && pids[who] != pid)
			who++;
		failed = -1;
		describe(plan, who, status, result);
		kill(-pids[0], SIGKILL);
	}
}

int team_run(const struct team_plan *plan, struct team_result *ret_result)
{
	struct team_shared *const shared = shared_alloc(sizeof(*shared));
	const pid_t parent = getpid();
	pid_t pids[TEAM_MAX] = {0};
	int rc = 0;

	memset(ret_result, 0, sizeof(*ret_result));
	if (shared == NULL) {
		snprintf(ret_result->fault, sizeof(ret_result->fault), "no memory");
		return -1;
	}
	fflush(NULL); /* what a role finds in the buffers it would write again */
	for (unsigned i = 0; i < plan->count && rc == 0; i++) {
		struct team team = {.shared = shared, .plan = plan, .me = i};

		pids[i] = fork();
		if (pids[i] == 0)
			be(&team, parent);
		if (pids[i] < 0)
			rc = -1;
		else
			setpgid(pids[i], pids[0]); /* a group, to wait for and to kill as one */
	}
	if (rc != 0) {
		snprintf(shared->result.fault, sizeof(shared->result.fault), "fork: %s",
			strerror(errno));
		if (pids[0] > 0)
			kill(-pids[0], SIGKILL);
	}
	if (pids[0] > 0)
		rc = reap(plan, pids, rc, &shared->result);
	*ret_result = shared->result;
	shared_free(shared, sizeof(*shared));
	return rc;
}
