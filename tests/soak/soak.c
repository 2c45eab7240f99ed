/* The driver. Usage and defaults: main() and usage(). */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "soak.h"

enum {
	CHILDREN_MAX = SOAK_PRODUCERS_MAX + SOAK_CONSUMERS_MAX,
	STOP_MAX_MS = 30,
	DRAIN_LIMIT_S = 60,
};

struct child {
	pid_t pid; /* 0: not running */
	enum gyre_role role;
	unsigned self;
	uint64_t continue_at; /* stopped until then; 0: running */
	bool ended;           /* by itself, for good */
};

struct run {
	const struct soak_options *options;
	struct soak_account *account;
	struct child children[CHILDREN_MAX];
	unsigned child_count;
	uint64_t random;
	uint64_t kills, stops;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void spawn(struct run *run, struct child *child)
{
	const uint64_t seed = soak_random(&run->random);

	fflush(NULL);
	child->continue_at = 0;
	child->pid = fork();
	if (child->pid != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	_exit(child->role == GYRE_PRODUCER
			? soak_produce(run->account, run->options, child->self, seed)
			: soak_consume(run->account, run->options, child->self, seed));
}

/* 1: it ended by itself. */
static bool reap(struct run *run, struct child *child, int options)
{
	int status;

	if (child->pid == 0 || waitpid(child->pid, &status, options) != child->pid)
		return false;
	child->pid = 0;
	if (WIFEXITED(status)) {
		child->ended = true;
		return true;
	}
	if (WTERMSIG(status) != SIGKILL)
		soak_fault(run->account, "a %s crashed: signal %d",
			child->role == GYRE_PRODUCER ? "producer" : "consumer", WTERMSIG(status));
	return false;
}

/* What it was about to do when it died, it may have done. */
static void note_doubt(struct soak_account *a, const struct child *child)
{
	if (child->role == GYRE_PRODUCER)
		a->sends_in_doubt += atomic_exchange(&a->producing[child->self].sending, 0);
	else
		a->releases_in_doubt += atomic_exchange(&a->consuming[child->self].releasing, 0);
}

static void kill_one(struct run *run, struct child *child)
{
	if (child->pid == 0 || kill(child->pid, SIGKILL) != 0)
		return;
	reap(run, child, 0);
	if (child->ended)
		return;
	run->kills++;
	note_doubt(run->account, child);
	spawn(run, child);
}

static void stop_one(struct run *run, struct child *child)
{
	if (child->pid == 0 || child->continue_at != 0)
		return;
	kill(child->pid, SIGSTOP);
	child->continue_at = now_ns() + soak_random(&run->random) % (STOP_MAX_MS * 1000000u);
	run->stops++;
}

static void continue_due(struct run *run, uint64_t now)
{
	for (unsigned i = 0; i < run->child_count; i++) {
		struct child *child = &run->children[i];

		if (child->continue_at == 0 || child->continue_at > now)
			continue;
		child->continue_at = 0;
		if (child->pid != 0)
			kill(child->pid, SIGCONT);
	}
}

/* Kill and stop at random until the time, or the number of kills, is reached. */
static void torment(struct run *run)
{
	const uint64_t end = now_ns() + (uint64_t)(run->options->seconds * 1e9);
	const uint64_t kills_max = run->options->kills;

	while (now_ns() < end && run->account->faulty == 0 &&
		(kills_max == 0 || run->kills < kills_max)) {
		struct child *victim = &run->children[soak_random(&run->random) % run->child_count];

		if (soak_random(&run->random) % 10 == 0)
			stop_one(run, victim);
		else
			kill_one(run, victim);
		continue_due(run, now_ns());
		usleep((useconds_t)(soak_random(&run->random) %
				    (2 * run->options->kill_interval_us + 1)));
	}
	continue_due(run, UINT64_MAX);
}

/* Wait for one role to end by itself. */
static void await(struct run *run, enum gyre_role role)
{
	const uint64_t limit = now_ns() + (uint64_t)DRAIN_LIMIT_S * 1000000000u;

	for (unsigned i = 0; i < run->child_count; i++) {
		struct child *child = &run->children[i];

		while (child->role == role && child->pid != 0 && !reap(run, child, WNOHANG)) {
			if (now_ns() > limit)
				soak_fault(run->account, "a %s hangs after the last kill",
					role == GYRE_PRODUCER ? "producer" : "consumer");
			if (run->account->faulty != 0)
				kill(child->pid, SIGKILL);
			usleep(1000);
		}
	}
}

/* Producers first; then a last one closes the ring, and the consumers drain it. */
static void finish(struct run *run)
{
	struct gyre_error error = {0};
	struct gyre_ring *ring;
	int outcome = GYRE_EBUSY;

	run->account->stopping = 1;
	await(run, GYRE_PRODUCER);
	for (int i = 0; i < 1000 && outcome == GYRE_EBUSY; i++) {
		outcome = gyre_ring_attach(
			run->options->key, GYRE_PRODUCER, &run->options->ring, &ring, &error);
		usleep(1000);
	}
	if (outcome == GYRE_OK) {
		outcome = gyre_ring_close(ring);
		gyre_ring_detach(ring);
	}
	if (outcome != GYRE_OK)
		soak_fault(run->account, "close: %s %s", gyre_errname(outcome), error.what);
	await(run, GYRE_CONSUMER);
}

/* Nobody may be held up by the last of the dead, but their books are to be settled. */
static void look(struct run *run, struct gyre_ring_info *ret_info)
{
	struct gyre_error error = {0};

	memset(ret_info, 0, sizeof *ret_info);
	if (gyre_repair(run->options->key, &error) < 0 ||
		gyre_inspect(run->options->key, NULL, ret_info, NULL, NULL, &error) != GYRE_OK)
		soak_fault(run->account, "inspect: %s", error.what);
}

static bool soak(const struct soak_options *options)
{
	struct run run = {.options = options, .random = options->seed};
	struct gyre_ring_info info;
	struct gyre_error error;
	bool good;

	run.account = soak_account_new(options);
	if (run.account == NULL)
		return false;
	if (gyre_ring_create(options->key, &options->ring, &error) < 0) {
		fprintf(stderr, "soak: %s\n", error.what);
		return false;
	}
	for (unsigned i = 0; i < options->producers + options->consumers; i++) {
		struct child *child = &run.children[run.child_count++];

		child->role = i < options->producers ? GYRE_PRODUCER : GYRE_CONSUMER;
		child->self = i < options->producers ? i : i - options->producers;
		spawn(&run, child);
	}
	torment(&run);
	finish(&run);
	look(&run, &info);
	printf("# %" PRIu64 " kills, %" PRIu64 " stops, seed %" PRIu64 "\n", run.kills, run.stops,
		options->seed);
	good = soak_verdict(run.account, options, &info);
	gyre_ring_unlink(options->key, NULL);
	return good;
}

static void usage(FILE *to)
{
	fprintf(to, "usage: soak [options]\n"
		    "  --seconds S     how long to kill (20)\n"
		    "  --kills N       end earlier after so many\n"
		    "  --ring KIND     spsc or mpmc (spsc)\n"
		    "  --producers N   mpmc (3)\n"
		    "  --consumers N   mpmc (3)\n"
		    "  --cell N        mpmc: bytes of a cell\n"
		    "  --deliveries N  mpmc: 1 drops what died with a consumer\n"
		    "  --largest N     message, in bytes (2048)\n"
		    "  --slots N       fixed slots of N bytes (else any size)\n"
		    "  --capacity N    of the ring (65536)\n"
		    "  --fence         wake mode fence\n"
		    "  --blocking      only timed calls, no tries\n"
		    "  --interval US   mean time between two kills (1000)\n"
		    "  --seed N        of all random choices (the time)\n");
}

static const struct option table[] = {
	{"seconds", required_argument, NULL, 's'},
	{"kills", required_argument, NULL, 'k'},
	{"ring", required_argument, NULL, 'R'},
	{"producers", required_argument, NULL, 'P'},
	{"consumers", required_argument, NULL, 'C'},
	{"cell", required_argument, NULL, 'e'},
	{"deliveries", required_argument, NULL, 'd'},
	{"largest", required_argument, NULL, 'm'},
	{"slots", required_argument, NULL, 'l'},
	{"capacity", required_argument, NULL, 'c'},
	{"fence", no_argument, NULL, 'f'},
	{"blocking", no_argument, NULL, 'b'},
	{"interval", required_argument, NULL, 'i'},
	{"seed", required_argument, NULL, 'r'},
	{NULL, 0, NULL, 0},
};

static unsigned number(const char *text)
{
	return (unsigned)strtoul(text, NULL, 0);
}

static bool parse_kind(const char *text, struct soak_options *o)
{
	if (strcmp(text, "mpmc") == 0) {
		o->ring.kind = GYRE_RING_MPMC;
		o->producers = o->consumers = 3;
		return true;
	}
	return strcmp(text, "spsc") == 0;
}

/* About the ring. False: it is another one, or wrong. */
static bool parse_shape(int c, struct soak_options *o)
{
	switch (c) {
	case 'R':
		return parse_kind(optarg, o);
	case 'P':
		o->producers = number(optarg);
		return true;
	case 'C':
		o->consumers = number(optarg);
		return true;
	case 'e':
		o->ring.cell_bytes = number(optarg);
		return true;
	case 'd':
		o->ring.deliveries_max = number(optarg);
		return true;
	case 'm':
		o->message_bytes_max = number(optarg);
		return true;
	case 'l':
		o->ring.slot_bytes = number(optarg);
		o->message_bytes_max = o->ring.slot_bytes;
		return true;
	case 'c':
		o->ring.capacity_bytes = strtoull(optarg, NULL, 0);
		return true;
	case 'f':
		o->ring.wake = GYRE_WAKE_FENCE;
		return true;
	default:
		return false;
	}
}

static bool parse(int argc, char **argv, struct soak_options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 's':
			o->seconds = atof(optarg);
			break;
		case 'k':
			o->kills = strtoull(optarg, NULL, 0);
			break;
		case 'b':
			o->blocking = true;
			break;
		case 'i':
			o->kill_interval_us = number(optarg);
			break;
		case 'r':
			o->seed = strtoull(optarg, NULL, 0);
			break;
		default:
			if (!parse_shape(c, o))
				return false;
		}
	}
	return o->message_bytes_max >= 16 && o->message_bytes_max <= SOAK_MESSAGE_MAX &&
	       o->producers >= 1 && o->producers <= SOAK_PRODUCERS_MAX && o->consumers >= 1 &&
	       o->consumers <= SOAK_CONSUMERS_MAX;
}

int main(int argc, char **argv)
{
	char key[64];
	struct soak_options options = {
		.key = key,
		.ring = {.capacity_bytes = 65536, .flags = GYRE_RING_KEEP},
		.producers = 1,
		.consumers = 1,
		.seconds = 20,
		.numbers = (uint64_t)1 << 28,
		.message_bytes_max = SOAK_MESSAGE_MAX,
		.kill_interval_us = 1000,
		.seed = now_ns(),
	};
	bool good;

	if (!parse(argc, argv, &options)) {
		usage(stderr);
		return 2;
	}
	snprintf(key, sizeof key, "gyretest-%d-soak", (int)getpid());
	printf("1..1\n");
	good = soak(&options);
	printf("%s 1 - random kills and stops, every message accounted for\n",
		good ? "ok" : "not ok");
	return good ? 0 : 1;
}
