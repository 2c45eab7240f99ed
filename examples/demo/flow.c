#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <gyre_inspect.h>
#include "flow.h"

enum { LOOK_NS = 1000000, STATUS_LINE_NS = 250000000 };

#define LIMIT_NS 60000000000ull /* for anything at all */

static volatile sig_atomic_t caught;

static void catch (int number)
{
	caught = number;
}

void flow_catch_signals(void)
{
	const struct sigaction action = {.sa_handler = catch};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

int flow_signal(void)
{
	return caught;
}

/* ---- Workers ---- */

static bool share_tally(struct worker *worker)
{
	worker->tally = mmap(NULL, sizeof *worker->tally, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (worker->tally != MAP_FAILED)
		return true;
	worker->tally = NULL;
	perror("memory for a tally");
	return false;
}

static bool start(struct worker *worker, const struct flow *flow,
	int (*work)(const char *key, const struct stream *stream, struct tally *tally))
{
	const pid_t conductor = getpid();

	if (worker->tally == NULL && !share_tally(worker))
		return false;
	memset(worker->tally, 0, sizeof *worker->tally);
	worker->status = -1;
	worker->pid = fork();
	if (worker->pid < 0) {
		worker->pid = 0;
		perror("fork");
		return false;
	}
	if (worker->pid > 0)
		return true;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody goes on without the conductor */
	if (getppid() != conductor)
		_exit(1);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	_exit(work(flow->key, flow->stream, worker->tally));
}

/* Has it ended? Asked without waiting. */
static bool has_ended(struct worker *worker)
{
	if (worker->pid != 0 && waitpid(worker->pid, &worker->status, WNOHANG) == worker->pid)
		worker->pid = 0;
	return worker->pid == 0;
}

static bool ended_well(const struct worker *worker)
{
	return WIFEXITED(worker->status) && WEXITSTATUS(worker->status) == 0;
}

static void end(struct worker *worker)
{
	if (worker->pid == 0)
		return;
	kill(worker->pid, SIGKILL);
	while (waitpid(worker->pid, &worker->status, 0) < 0 && errno == EINTR)
		continue;
	worker->pid = 0;
}

static bool complain(const struct worker *worker, const char *who)
{
	if (worker->tally->problem[0] != '\0')
		fprintf(stderr, "the %s failed: %s\n", who, worker->tally->problem);
	else if (WIFSIGNALED(worker->status))
		fprintf(stderr, "the %s was ended by signal %d (%s)\n", who,
			WTERMSIG(worker->status), strsignal(WTERMSIG(worker->status)));
	else
		fprintf(stderr, "the %s ended too early\n", who);
	return false;
}

/* ---- Waiting ---- */

static void show_progress(const struct flow *flow, uint64_t begin_ns)
{
	static uint64_t shown_ns;
	const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	if (isatty(STDERR_FILENO) != 1 || now_ns - shown_ns < STATUS_LINE_NS)
		return;
	shown_ns = now_ns;
	fprintf(stderr, "\r\033[K   %4.1f s   %llu messages", (double)(now_ns - begin_ns) / 1e9,
		(unsigned long long)flow->consumer.tally->messages);
}

static void erase_progress(void)
{
	if (isatty(STDERR_FILENO) == 1)
		fprintf(stderr, "\r\033[K");
}

/* Until is() says so; false if a signal came, a process ended badly, or nothing happened. */
static bool wait_until(
	struct flow *flow, bool (*is)(struct flow *flow, uint64_t goal), uint64_t goal)
{
	const struct timespec look = {.tv_nsec = LOOK_NS};
	const uint64_t begin_ns = clock_ns(CLOCK_MONOTONIC);
	bool reached = false, in_time = true, fit = true;

	while (!reached && in_time && fit && caught == 0) {
		nanosleep(&look, NULL);
		show_progress(flow, begin_ns);
		fit = !(has_ended(&flow->consumer) && !ended_well(&flow->consumer)) &&
		      !(has_ended(&flow->producer) && flow->producer.status != -1 &&
			      !ended_well(&flow->producer));
		reached = is(flow, goal);
		in_time = clock_ns(CLOCK_MONOTONIC) - begin_ns < LIMIT_NS;
	}
	erase_progress();
	if (reached || caught != 0)
		return caught == 0;
	if (flow->consumer.pid == 0 && !ended_well(&flow->consumer))
		return complain(&flow->consumer, "consumer");
	if (flow->producer.pid == 0 && !ended_well(&flow->producer))
		return complain(&flow->producer, "producer");
	fprintf(stderr, "nothing happened for a minute\n");
	return false;
}

static bool has_received(struct flow *flow, uint64_t goal)
{
	return flow->consumer.tally->messages >= goal || flow->consumer.pid == 0;
}

static bool has_heard_of_deaths(struct flow *flow, uint64_t goal)
{
	return flow->consumer.tally->deaths >= goal;
}

static bool both_ended(struct flow *flow, uint64_t goal)
{
	(void)goal;
	return flow->producer.pid == 0 && flow->consumer.pid == 0;
}

bool flow_wait_for_messages(struct flow *flow, uint64_t count)
{
	return wait_until(flow, has_received, count);
}

bool flow_wait_for_death_notice(struct flow *flow)
{
	flow->producer.status = -1; /* how it ended is known */
	return wait_until(flow, has_heard_of_deaths, 1);
}

bool flow_wait(struct flow *flow)
{
	return wait_until(flow, both_ended, 0) && ended_well(&flow->producer) &&
	       ended_well(&flow->consumer);
}

bool flow_kill_producer(struct flow *flow)
{
	if (has_ended(&flow->producer)) {
		fprintf(stderr, "the producer was done before it could be killed\n");
		return false;
	}
	end(&flow->producer);
	if (WIFSIGNALED(flow->producer.status) && WTERMSIG(flow->producer.status) == SIGKILL)
		return true;
	fprintf(stderr, "the producer was done before it could be killed\n");
	return false;
}

/* ---- The ring ---- */

bool flow_open(struct flow *flow, const struct stream *stream)
{
	struct gyre_ring_options options = stream->ring;
	struct gyre_error error;

	*flow = (struct flow){.stream = stream};
	snprintf(flow->key, sizeof flow->key, "demo-%d-%s", (int)getpid(), stream->name);
	options.flags |= GYRE_RING_KEEP; /* its counters are read when all have left */
	if (gyre_ring_create(flow->key, &options, &error) < 0) {
		fprintf(stderr, "%s\n", error.what);
		flow->key[0] = '\0';
		return false;
	}
	return true;
}

bool flow_start_producer(struct flow *flow)
{
	return start(&flow->producer, flow, produce);
}

bool flow_start_consumer(struct flow *flow)
{
	return start(&flow->consumer, flow, consume);
}

bool flow_account(const struct flow *flow, struct account *ret_account)
{
	struct gyre_participant seats[4];
	struct gyre_ring_info info;
	struct gyre_error error;
	unsigned count = 4;

	if (gyre_inspect(flow->key, NULL, &info, seats, &count, &error) != GYRE_OK) {
		fprintf(stderr, "%s\n", error.what);
		return false;
	}
	*ret_account = (struct account){.waiting = info.messages};
	for (unsigned i = 0; i < count && i < 4; i++) {
		if (seats[i].role == GYRE_PRODUCER)
			ret_account->committed += seats[i].counters.messages;
		else
			ret_account->released += seats[i].counters.messages;
		ret_account->aborted += seats[i].counters.aborted;
	}
	return true;
}

void flow_close(struct flow *flow)
{
	end(&flow->producer);
	end(&flow->consumer);
	if (flow->producer.tally != NULL)
		munmap(flow->producer.tally, sizeof *flow->producer.tally);
	if (flow->consumer.tally != NULL)
		munmap(flow->consumer.tally, sizeof *flow->consumer.tally);
	if (flow->key[0] != '\0')
		gyre_ring_unlink(flow->key, NULL);
	*flow = (struct flow){0};
}
