/*
 * The kill harness, tried on operations so simple that every answer is known beforehand.
 *
 * The shared memory is an array of words; most victims store 1 to them in order, so the number of
 * stored words is the state a death left. What survivors saw is noted on a board that is shared
 * too but not watched by the harness.
 */
#include "stepkill.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Criterion's assertions store an int in a field of one bit. */
#pragma GCC diagnostic ignored "-Wconversion"

enum {
	WORDS = 7,
	BIG_BYTES = 1 << 20,
	LOG_MAX = 1024,
};

struct shared {
	volatile uint32_t words[16];
	volatile uint32_t others[16];
	volatile uint32_t lock;
};

struct board {
	unsigned seen[WORDS + 1]; /* survivors that found so many words stored */
	unsigned pairs[WORDS + 1][WORDS + 1];
	unsigned out_of_order;  /* survivors that found a word stored before an earlier one */
	unsigned prepared_late; /* callbacks that found words stored when they should not */
	unsigned finished;
	unsigned in_syscall;
	unsigned runs;
	unsigned log[LOG_MAX];
	unsigned log_count;
};

struct world {
	struct shared *shared;
	struct board *board;
	unsigned char *big;
	int pipe[2];
	char path[32];
};

static struct world the_world;

static void *share(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert(p != MAP_FAILED);
	return p;
}

static void make_world(void)
{
	const char *why = stepkill_unavailable();

	if (why != NULL)
		cr_skip_test("%s", why);
	the_world.shared = share(sizeof(struct shared));
	the_world.board = share(sizeof(struct board));
	the_world.pipe[0] = -1;
	the_world.pipe[1] = -1;
}

TestSuite(stepkill, .init = make_world, .timeout = 60);

/* --- the parts scenarios are made of -------------------------------------------------------- */

static bool setup_zero(void *world)
{
	struct world *w = world;

	memset(w->shared, 0, sizeof(*w->shared));
	return true;
}

static size_t ranges_shared(void *world, struct stepkill_range *ret_ranges)
{
	const struct world *w = world;

	ret_ranges[0] = (struct stepkill_range){.base = w->shared, .bytes = sizeof(*w->shared)};
	return 1;
}

static void store_words(void *world)
{
	struct shared *s = ((struct world *)world)->shared;

	s->words[0] = 1;
	s->words[1] = 1;
	s->words[2] = 1;
	s->words[3] = 1;
	s->words[4] = 1;
	s->words[5] = 1;
	s->words[6] = 1;
}

static void store_three_words(void *world)
{
	struct shared *s = ((struct world *)world)->shared;

	s->words[0] = 1;
	s->words[1] = 1;
	s->words[2] = 1;
}

static void store_three_others(void *world)
{
	struct shared *s = ((struct world *)world)->shared;

	s->others[0] = 1;
	s->others[1] = 1;
	s->others[2] = 1;
}

static unsigned stored(const volatile uint32_t *words)
{
	unsigned n = 0;

	while (n < WORDS && words[n] != 0)
		n++;
	return n;
}

static void note_state(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report)
{
	struct world *w = world;
	struct board *b = w->board;
	const unsigned n = stored(w->shared->words);

	(void)report;
	for (unsigned i = n; i < WORDS; i++)
		b->out_of_order += w->shared->words[i] != 0;
	b->seen[n]++;
	b->pairs[n][stored(w->shared->others)]++;
	b->finished += deaths[count - 1].finished;
	b->in_syscall += deaths[count - 1].in_syscall;
	if (b->log_count < LOG_MAX)
		b->log[b->log_count++] = n;
}

static void do_nothing(void *world)
{
	(void)world;
}

static struct stepkill_scenario scenario_of(const struct stepkill_victim *victims, unsigned count)
{
	return (struct stepkill_scenario){
		.name = "test",
		.world = &the_world,
		.setup = setup_zero,
		.ranges = ranges_shared,
		.victims = victims,
		.victim_count = count,
		.survivor_check = note_state,
	};
}

static struct stepkill_result run_as(
	const struct stepkill_scenario *scenario, const struct stepkill_options *options, int want)
{
	struct stepkill_result result;
	const int outcome = stepkill_run(scenario, options, &result);

	cr_assert(eq(int, outcome, want), "%s", result.error);
	return result;
}

static struct stepkill_result run_one(void (*operation)(void *), enum stepkill_points points)
{
	const struct stepkill_victim victim = {.name = "victim", .operation = operation};
	const struct stepkill_scenario scenario = scenario_of(&victim, 1);
	const struct stepkill_options options = {.points = points};

	return run_as(&scenario, &options, STEPKILL_DONE);
}

/* --- points --------------------------------------------------------------------------------- */

Test(stepkill, kills_once_in_each_shared_state_and_once_after_the_return)
{
	const struct stepkill_result r = run_one(store_words, STEPKILL_MERGED);
	const struct board *b = the_world.board;

	cr_assert(eq(u64, r.changes, WORDS));
	cr_assert(eq(u64, r.syscalls, 0));
	cr_assert(eq(u64, r.kills.total, WORDS + 2));
	cr_assert(eq(u64, r.weighted.total, r.instructions + 1));
	for (unsigned n = 0; n < WORDS; n++)
		cr_assert(eq(uint, b->seen[n], 1), "state %u", n);
	cr_assert(eq(uint, b->seen[WORDS], 2));
	cr_assert(eq(uint, b->finished, 1));
	cr_assert(eq(uint, b->out_of_order, 0));
	cr_assert(eq(u64, r.divergences, 0));
	cr_assert(stepkill_clean(&r));
}

Test(stepkill, every_kills_after_each_instruction)
{
	const struct stepkill_result r = run_one(store_words, STEPKILL_EVERY);
	unsigned sum = 0;

	cr_assert(eq(u64, r.kills.total, r.instructions + 1));
	for (unsigned n = 0; n <= WORDS; n++) {
		cr_assert(ge(uint, the_world.board->seen[n], 1), "state %u", n);
		sum += the_world.board->seen[n];
	}
	cr_assert(eq(u64, sum, r.kills.total));
}

static void lose_in_states_3_and_5(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report)
{
	const unsigned n = stored(((struct world *)world)->shared->words);

	(void)deaths;
	(void)count;
	if (n == 3 || n == 5)
		stepkill_fault(report, STEPKILL_LOST, "state %u", n);
	if (n == 5)
		stepkill_fault(report, STEPKILL_CORRUPT, "not kept: it is the second text");
	if (n == 6)
		stepkill_fault(report, STEPKILL_DUPLICATE, "state %u", n);
}

Test(stepkill, merged_kills_weigh_what_they_stand_for)
{
	const struct stepkill_victim victim = {.name = "victim", .operation = store_words};
	struct stepkill_scenario scenario = scenario_of(&victim, 1);
	struct stepkill_options options = {.points = STEPKILL_EVERY};
	struct stepkill_result every, edges, merged;

	scenario.survivor_check = lose_in_states_3_and_5;
	every = run_as(&scenario, &options, STEPKILL_DONE);
	options.points = STEPKILL_EDGES;
	edges = run_as(&scenario, &options, STEPKILL_DONE);
	options.points = STEPKILL_MERGED;
	merged = run_as(&scenario, &options, STEPKILL_DONE);

	cr_assert(eq(u64, merged.kills.lost, 2));
	cr_assert(eq(u64, merged.kills.corrupt, 1));
	cr_assert(eq(u64, merged.kills.duplicate, 1));
	cr_assert(eq(u64, merged.kills.ok, WORDS + 2 - 3));
	cr_assert(eq(u64, merged.weighted.lost, every.kills.lost));
	cr_assert(eq(u64, edges.weighted.lost, every.kills.lost));
	cr_assert(eq(u64, merged.weighted.ok, every.kills.ok));
	cr_assert(eq(u64, edges.weighted.total, every.kills.total));
	cr_assert(ge(u64, edges.kills.total, merged.kills.total));
	cr_assert(eq(uint, merged.failure_count, 3));
	cr_assert(eq(str, merged.failures[1].text, "state 5"));
	cr_assert(not(stepkill_clean(&merged)));
}

static void store_string(void *world)
{
	static const unsigned char source[16] = "0123456789abcdef";
	const void *from = source;
	volatile void *to = ((struct world *)world)->shared->words;
	size_t n = sizeof(source);

	__asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(n) : : "memory");
}

static void note_bytes(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report)
{
	const struct world *w = world;
	unsigned char bytes[16];
	unsigned n = 0;

	(void)deaths;
	(void)count;
	(void)report;
	memcpy(bytes, (const void *)w->shared, sizeof(bytes));
	while (n < sizeof(bytes) && bytes[n] != 0)
		n++;
	w->board->log[w->board->log_count++] = n;
}

Test(stepkill, steps_each_round_of_a_string_instruction)
{
	const struct stepkill_victim victim = {.name = "victim", .operation = store_string};
	struct stepkill_scenario scenario = scenario_of(&victim, 1);
	struct stepkill_result r;

	scenario.survivor_check = note_bytes;
	r = run_as(&scenario, NULL, STEPKILL_DONE);
	cr_assert(eq(u64, r.changes, 16));
	cr_assert(eq(u64, r.kills.total, 16 + 2));
	cr_assert(eq(u64, r.divergences, 0));
	for (unsigned n = 0; n <= 16; n++)
		cr_assert(eq(uint, the_world.board->log[n], n));
}

static size_t ranges_two(void *world, struct stepkill_range *ret_ranges)
{
	const struct world *w = world;

	ret_ranges[0] = (struct stepkill_range){.base = w->big, .bytes = BIG_BYTES};
	ret_ranges[1] = (struct stepkill_range){.base = w->shared, .bytes = sizeof(*w->shared)};
	return 2;
}

static void store_far_apart(void *world)
{
	struct world *w = world;
	volatile unsigned char *big = w->big;

	big[0] = 1;
	big[BIG_BYTES / 2] = 1;
	big[BIG_BYTES - 1] = 1;
	w->shared->words[0] = 1;
	w->shared->words[0] = 1; /* changes nothing */
}

static bool setup_big(void *world)
{
	struct world *w = world;

	w->big[0] = 0;
	w->big[BIG_BYTES / 2] = 0;
	w->big[BIG_BYTES - 1] = 0;
	return setup_zero(world);
}

Test(stepkill, sees_changes_anywhere_in_large_and_several_ranges)
{
	const struct stepkill_victim victim = {.name = "victim", .operation = store_far_apart};
	struct stepkill_scenario scenario = scenario_of(&victim, 1);
	struct stepkill_result r;

	the_world.big = share(BIG_BYTES);
	scenario.setup = setup_big;
	scenario.ranges = ranges_two;
	r = run_as(&scenario, NULL, STEPKILL_DONE);
	cr_assert(eq(u64, r.changes, 4));
	cr_assert(eq(u64, r.kills.total, 4 + 2));
}

Test(stepkill, a_sample_has_the_first_and_the_last_point_and_no_point_twice)
{
	const struct stepkill_victim victim = {.name = "victim", .operation = store_words};
	const struct stepkill_scenario scenario = scenario_of(&victim, 1);
	const struct stepkill_options options = {.kills_max = 5, .seed = 42};
	const struct stepkill_result r = run_as(&scenario, &options, STEPKILL_DONE);

	cr_assert(eq(u64, r.points, WORDS + 2));
	cr_assert(eq(u64, r.kills.total, 5));
	cr_assert(eq(uint, the_world.board->seen[0], 1));
	cr_assert(eq(uint, the_world.board->finished, 1));
	for (unsigned n = 0; n < WORDS; n++)
		cr_assert(le(uint, the_world.board->seen[n], 1));
}

/* --- system calls --------------------------------------------------------------------------- */

static bool setup_pipe(void *world)
{
	struct world *w = world;

	return pipe2(w->pipe, O_CLOEXEC | O_NONBLOCK) == 0 && setup_zero(world);
}

static void teardown_pipe(void *world)
{
	struct world *w = world;

	(void)close(w->pipe[0]);
	(void)close(w->pipe[1]);
}

static void write_three_times(void *world)
{
	const struct world *w = world;

	for (int i = 0; i < 3; i++) {
		if (write(w->pipe[1], "x", 1) != 1)
			_exit(1);
	}
}

/* Bytes in the pipe are the state here. */
static void note_pipe(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report)
{
	struct world *w = world;
	char bytes[8];
	const ssize_t got = read(w->pipe[0], bytes, sizeof(bytes));
	const unsigned n = got > 0 ? (unsigned)got : 0;

	(void)count;
	if (n != deaths[0].syscalls)
		stepkill_fault(report, STEPKILL_CORRUPT, "%u bytes after %u system calls", n,
			(unsigned)deaths[0].syscalls);
	w->board->seen[n]++;
	w->board->finished += deaths[0].finished;
	w->board->in_syscall += deaths[0].in_syscall;
}

static struct stepkill_result run_pipe(enum stepkill_points points)
{
	const struct stepkill_victim victim = {.name = "victim", .operation = write_three_times};
	struct stepkill_scenario scenario = scenario_of(&victim, 1);
	const struct stepkill_options options = {.points = points};

	scenario.setup = setup_pipe;
	scenario.teardown = teardown_pipe;
	scenario.survivor_check = note_pipe;
	return run_as(&scenario, &options, STEPKILL_DONE);
}

Test(stepkill, system_calls_separate_points_as_changes_do)
{
	const struct stepkill_result r = run_pipe(STEPKILL_MERGED);

	cr_assert(eq(u64, r.syscalls, 3));
	cr_assert(eq(u64, r.changes, 0));
	cr_assert(eq(u64, r.kills.total, 3 + 2));
	for (unsigned n = 0; n < 3; n++)
		cr_assert(eq(uint, the_world.board->seen[n], 1));
	cr_assert(eq(uint, the_world.board->seen[3], 2));
	cr_assert(stepkill_clean(&r));
}

Test(stepkill, every_counts_system_calls_as_one_instruction)
{
	const struct stepkill_result r = run_pipe(STEPKILL_EVERY);

	cr_assert(eq(u64, r.kills.total, r.instructions + 1));
	cr_assert(eq(u64, r.divergences, 0));
	cr_assert(stepkill_clean(&r));
}

Test(stepkill, can_kill_at_system_call_boundaries_only)
{
	const struct stepkill_result r = run_pipe(STEPKILL_SYSCALLS);

	cr_assert(eq(u64, r.syscalls, 3));
	cr_assert(eq(u64, r.kills.total, 1 + 2 * 3 + 1)); /* begin, around each, end */
	cr_assert(eq(uint, the_world.board->in_syscall, 3));
	for (unsigned n = 0; n < 3; n++)
		cr_assert(eq(uint, the_world.board->seen[n], 2), "%u calls", n);
	cr_assert(eq(uint, the_world.board->seen[3], 2));
	cr_assert(stepkill_clean(&r));
}

static bool lock_file(const char *path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	const int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static void lock_and_store(void *world)
{
	struct world *w = world;

	if (!lock_file(w->path))
		_exit(1);
	w->shared->words[0] = 1;
}

static void check_unlocked(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report)
{
	struct world *w = world;

	note_state(world, deaths, count, report);
	if (!lock_file(w->path))
		stepkill_fault(report, STEPKILL_BLOCKED, "the dead victim's lock is held");
}

Test(stepkill, the_kernel_drops_a_victims_locks_before_the_survivor_looks)
{
	const struct stepkill_victim victim = {.name = "victim", .operation = lock_and_store};
	struct stepkill_scenario scenario = scenario_of(&victim, 1);
	struct stepkill_result r;
	int fd;

	(void)strcpy(the_world.path, "/tmp/stepkill.XXXXXX");
	fd = mkstemp(the_world.path);
	cr_assert(ge(int, fd, 0));
	scenario.survivor_check = check_unlocked;
	r = run_as(&scenario, NULL, STEPKILL_DONE);
	(void)close(fd);
	(void)unlink(the_world.path);
	cr_assert(eq(u64, r.syscalls, 2));
	cr_assert(eq(u64, r.changes, 1));
	cr_assert(stepkill_clean(&r));
}

static void wait_for_lock_word(void *world)
{
	struct shared *s = ((struct world *)world)->shared;

	s->words[0] = 1;
	while (s->lock == 0)
		(void)syscall(SYS_futex, &s->lock, FUTEX_WAIT, 0, NULL, NULL, 0);
	s->words[1] = 1;
}

static void wake_lock_word(void *world)
{
	struct shared *s = ((struct world *)world)->shared;

	s->lock = 1;
	(void)syscall(SYS_futex, &s->lock, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static struct stepkill_result run_sleeper(void (*wake)(void *), enum stepkill_points points)
{
	const struct stepkill_victim victim = {
		.name = "sleeper",
		.operation = wait_for_lock_word,
		.wake = wake,
		.may_sleep = true,
	};
	const struct stepkill_scenario scenario = scenario_of(&victim, 1);
	const struct stepkill_options options = {.points = points};

	return run_as(&scenario, &options, STEPKILL_DONE);
}

Test(stepkill, kills_a_sleeper_in_its_sleep)
{
	const struct stepkill_result r = run_sleeper(NULL, STEPKILL_MERGED);

	cr_assert(eq(u64, r.kills.total, 3)); /* begin, behind the store, asleep */
	cr_assert(eq(uint, the_world.board->seen[0], 1));
	cr_assert(eq(uint, the_world.board->seen[1], 2));
	cr_assert(eq(uint, the_world.board->in_syscall, 1));
	cr_assert(eq(uint, the_world.board->finished, 0));
}

Test(stepkill, kills_a_woken_sleeper_on_its_way_out_too)
{
	const struct stepkill_result r = run_sleeper(wake_lock_word, STEPKILL_MERGED);

	/* begin, behind the store, asleep, woken, behind the second store, returned */
	cr_assert(eq(u64, r.kills.total, 6));
	cr_assert(eq(uint, the_world.board->seen[0], 1));
	cr_assert(eq(uint, the_world.board->seen[1], 3));
	cr_assert(eq(uint, the_world.board->seen[2], 2));
	cr_assert(eq(uint, the_world.board->in_syscall, 1));
	cr_assert(eq(uint, the_world.board->finished, 1));
}

Test(stepkill, knows_sleep_at_system_call_boundaries_too)
{
	const struct stepkill_result r = run_sleeper(wake_lock_word, STEPKILL_SYSCALLS);

	/* begin, before, asleep, behind, returned */
	cr_assert(eq(u64, r.kills.total, 5));
	cr_assert(eq(uint, the_world.board->in_syscall, 2));
	cr_assert(eq(u64, r.divergences, 0));
}

static void on_signal(int signal)
{
	(void)signal;
	the_world.shared->words[1] = 1;
}

static void raise_between_stores(void *world)
{
	struct shared *s = ((struct world *)world)->shared;

	s->words[0] = 1;
	(void)raise(SIGUSR1);
	s->words[2] = 1;
}

static void catch_signals(void *world)
{
	struct sigaction action = {.sa_handler = on_signal};

	(void)world;
	(void)sigaction(SIGUSR1, &action, NULL);
}

Test(stepkill, steps_through_signal_handlers)
{
	const struct stepkill_victim victim = {
		.name = "victim",
		.prepare = catch_signals,
		.operation = raise_between_stores,
	};
	const struct stepkill_scenario scenario = scenario_of(&victim, 1);
	const struct stepkill_result r = run_as(&scenario, NULL, STEPKILL_DONE);

	cr_assert(eq(u64, r.changes, 3));
	for (unsigned n = 0; n <= 3; n++)
		cr_assert(ge(uint, the_world.board->seen[n], 1), "state %u", n);
	cr_assert(eq(uint, the_world.board->out_of_order, 0));
	cr_assert(eq(u64, r.strayed, 0));
}

/* --- survivors ------------------------------------------------------------------------------ */

static void lock_store_unlock(void *world)
{
	struct shared *s = ((struct world *)world)->shared;

	s->lock = 1;
	s->words[0] = 1;
	s->lock = 0;
}

static void spin_while_locked(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report)
{
	const struct shared *s = ((struct world *)world)->shared;

	note_state(world, deaths, count, report);
	while (s->lock != 0)
		;
}

static void sleep_while_locked(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report)
{
	const struct shared *s = ((struct world *)world)->shared;

	note_state(world, deaths, count, report);
	stepkill_fault(report, STEPKILL_LOST, "said before it hung");
	while (s->lock != 0)
		(void)pause();
}

static double seconds_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

Test(stepkill, a_spinning_survivor_is_blocked_and_hangs_nobody)
{
	const struct stepkill_victim victim = {.name = "victim", .operation = lock_store_unlock};
	struct stepkill_scenario scenario = scenario_of(&victim, 1);
	const struct stepkill_options options = {.check_limit_ms = 500};
	const double begin = seconds_now();
	struct stepkill_result r;

	scenario.survivor_check = spin_while_locked;
	r = run_as(&scenario, &options, STEPKILL_DONE);
	cr_assert(eq(u64, r.kills.total, 5));
	cr_assert(eq(u64, r.kills.blocked, 2)); /* locked, and locked with the word */
	cr_assert(eq(u64, r.kills.ok, 3));
	cr_assert(ge(dbl, seconds_now() - begin, 2 * 0.5));
	cr_assert(lt(dbl, seconds_now() - begin, 10));
}

Test(stepkill, what_a_sleeping_survivor_said_before_is_kept)
{
	const struct stepkill_victim victim = {.name = "victim", .operation = lock_store_unlock};
	struct stepkill_scenario scenario = scenario_of(&victim, 1);
	const struct stepkill_options options = {.check_limit_ms = 500};
	struct stepkill_result r;

	scenario.survivor_check = sleep_while_locked;
	r = run_as(&scenario, &options, STEPKILL_DONE);
	cr_assert(eq(u64, r.kills.blocked, 2));
	cr_assert(eq(u64, r.kills.lost, 5));
	cr_assert(eq(str, r.failures[1].text, "said before it hung"));
}

static void crash_or_exit(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report)
{
	const unsigned n = stored(((struct world *)world)->shared->words);

	(void)deaths;
	(void)count;
	(void)report;
	if (n == 2)
		(void)raise(SIGKILL);
	if (n == 4)
		_exit(9);
}

Test(stepkill, a_survivor_that_crashes_or_exits_is_a_fault)
{
	const struct stepkill_victim victim = {.name = "victim", .operation = store_words};
	struct stepkill_scenario scenario = scenario_of(&victim, 1);
	struct stepkill_result r;

	scenario.survivor_check = crash_or_exit;
	r = run_as(&scenario, NULL, STEPKILL_DONE);
	cr_assert(eq(u64, r.kills.other, 2));
	cr_assert(eq(u64, r.kills.blocked, 0));
	cr_assert(not(eq(ptr, strstr(r.failures[0].text, "signal 9"), NULL)));
	cr_assert(not(eq(ptr, strstr(r.failures[1].text, "status 9"), NULL)));
}

static void fault_always(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report)
{
	(void)world;
	(void)deaths;
	(void)count;
	stepkill_fault(report, STEPKILL_OTHER, "always");
}

Test(stepkill, gives_up_after_faulty_max_failures)
{
	const struct stepkill_victim victim = {.name = "victim", .operation = store_words};
	struct stepkill_scenario scenario = scenario_of(&victim, 1);
	const struct stepkill_options options = {.faulty_max = 3};
	struct stepkill_result r;

	scenario.survivor_check = fault_always;
	r = run_as(&scenario, &options, STEPKILL_DONE);
	cr_assert(eq(u64, r.kills.total, 3));
	cr_assert(r.cut);
}

static void prepare_in_untouched_world(void *world)
{
	struct world *w = world;

	w->board->runs++;
	w->board->prepared_late += stored(w->shared->words) != 0;
}

Test(stepkill, a_prepared_survivor_was_there_before_the_victim)
{
	const struct stepkill_victim victim = {.name = "victim", .operation = store_words};
	struct stepkill_scenario scenario = scenario_of(&victim, 1);
	struct stepkill_result r;

	scenario.survivor_prepare = prepare_in_untouched_world;
	r = run_as(&scenario, NULL, STEPKILL_DONE);
	cr_assert(eq(u64, the_world.board->runs, r.kills.total + 1)); /* and discovery */
	cr_assert(eq(uint, the_world.board->prepared_late, 0));
	cr_assert(eq(uint, the_world.board->seen[3], 1));
	cr_assert(stepkill_clean(&r));
}

/* --- chains --------------------------------------------------------------------------------- */

static const struct stepkill_victim pair[] = {
	{.name = "first", .operation = store_three_words},
	{.name = "second", .operation = store_three_others},
};

Test(stepkill, two_victims_die_in_all_combinations)
{
	const struct stepkill_scenario scenario = scenario_of(pair, 2);
	const struct stepkill_result r = run_as(&scenario, NULL, STEPKILL_DONE);
	const struct board *b = the_world.board;

	cr_assert(eq(u64, r.points, 5));
	cr_assert(eq(u64, r.kills.total, 5 * 5));
	for (unsigned i = 0; i <= 3; i++) {
		for (unsigned j = 0; j <= 3; j++)
			cr_assert(eq(uint, b->pairs[i][j], (i == 3 ? 2u : 1u) * (j == 3 ? 2u : 1u)),
				"%u words, %u others", i, j);
	}
	cr_assert(stepkill_clean(&r));
}

Test(stepkill, an_early_victim_prepares_before_the_first_death)
{
	struct stepkill_victim victims[] = {pair[0], pair[1]};
	const struct stepkill_scenario scenario = scenario_of(victims, 2);
	struct stepkill_result r;

	victims[1].prepare = prepare_in_untouched_world;
	victims[1].early = true;
	r = run_as(&scenario, NULL, STEPKILL_DONE);
	cr_assert(eq(u64, r.kills.total, 5 * 5));
	cr_assert(gt(uint, the_world.board->runs, 25));
	cr_assert(eq(uint, the_world.board->prepared_late, 0));
	cr_assert(eq(uint, the_world.board->pairs[2][1], 1));
}

/* Stores the first word that is not stored yet: each in a chain goes on where the last stopped. */
static void store_next_two(void *world)
{
	struct shared *s = ((struct world *)world)->shared;

	for (unsigned i = 0, n = 0; i < WORDS && n < 2; i++) {
		if (s->words[i] == 0) {
			s->words[i] = 1;
			n++;
		}
	}
}

Test(stepkill, chains_of_five_are_drawn_by_the_seed)
{
	struct stepkill_victim victims[5] = {0};
	const struct stepkill_scenario scenario = scenario_of(victims, 5);
	struct stepkill_options options = {.kills_max = 80, .seed = 7};
	struct stepkill_result r, again, other;
	unsigned states = 0;

	for (unsigned k = 0; k < 5; k++)
		victims[k] = (struct stepkill_victim){.name = "next", .operation = store_next_two};
	r = run_as(&scenario, &options, STEPKILL_DONE);
	again = run_as(&scenario, &options, STEPKILL_DONE);
	options.seed = 8;
	other = run_as(&scenario, &options, STEPKILL_DONE);

	cr_assert(eq(u64, r.kills.total, 80));
	cr_assert(stepkill_clean(&r));
	cr_assert(eq(u64, r.digest, again.digest));
	cr_assert(ne(u64, r.digest, other.digest));
	cr_assert(eq(uint, the_world.board->log_count, 3 * 80));
	for (unsigned i = 0; i < 80; i++)
		cr_assert(eq(uint, the_world.board->log[i], the_world.board->log[80 + i]));
	for (unsigned n = 0; n <= WORDS; n++)
		states += the_world.board->seen[n] != 0;
	cr_assert(ge(uint, states, 3));
}

static void spin_on_half_stored(void *world)
{
	struct shared *s = ((struct world *)world)->shared;

	while (s->words[0] != 0 && s->words[2] == 0)
		;
	s->others[0] = 1;
}

static void crash_on_half_stored(void *world)
{
	struct shared *s = ((struct world *)world)->shared;

	if (s->words[0] != 0 && s->words[2] == 0)
		(void)raise(SIGUSR2);
	s->others[0] = 1;
}

static struct stepkill_result run_second(void (*operation)(void *))
{
	struct stepkill_victim victims[] = {pair[0], pair[1]};
	const struct stepkill_scenario scenario = scenario_of(victims, 2);
	const struct stepkill_options options = {.steps_max = 20000};

	victims[1].operation = operation;
	return run_as(&scenario, &options, STEPKILL_DONE);
}

Test(stepkill, a_second_victim_that_blocks_counts_as_blocked)
{
	const struct stepkill_result r = run_second(spin_on_half_stored);

	cr_assert(eq(u64, r.kills.blocked, 2)); /* one and two words */
	cr_assert(eq(uint, r.failures[0].death_count, 1));
	cr_assert(eq(u64, r.kills.total, 3 * 3 + 2));
}

Test(stepkill, a_second_victim_that_crashes_counts_as_other)
{
	const struct stepkill_result r = run_second(crash_on_half_stored);

	cr_assert(eq(u64, r.kills.other, 2));
	cr_assert(eq(u64, r.kills.blocked, 0));
}

/* --- what does not work --------------------------------------------------------------------- */

static void take_longer_each_time(void *world)
{
	struct world *w = world;

	for (volatile unsigned rounds = ++w->board->runs; rounds > 0; rounds--)
		;
	store_words(world);
}

Test(stepkill, other_ways_to_the_same_point_do_not_matter)
{
	const struct stepkill_result r = run_one(take_longer_each_time, STEPKILL_MERGED);

	cr_assert(eq(u64, r.kills.total, WORDS + 2));
	cr_assert(eq(u64, r.divergences, 0));
	for (unsigned n = 0; n < WORDS; n++)
		cr_assert(eq(uint, the_world.board->seen[n], 1), "state %u", n);
}

static void store_here_or_there(struct shared *s, bool here)
{
	if (here) {
		s->words[0] = 1;
		s->words[1] = 1;
	} else {
		s->words[2] = 1;
		s->words[3] = 1;
	}
}

static void store_in_turn(void *world)
{
	struct world *w = world;

	store_here_or_there(w->shared, w->board->runs++ % 2 == 0);
}

Test(stepkill, a_victim_that_strays_is_tried_again)
{
	const struct stepkill_result r = run_one(store_in_turn, STEPKILL_MERGED);

	cr_assert(eq(u64, r.kills.total, 4));
	cr_assert(gt(u64, r.divergences, 0));
	cr_assert(eq(u64, r.strayed, 0));
	cr_assert(eq(uint, the_world.board->seen[1], 1));
}

static void store_once_here(void *world)
{
	struct world *w = world;

	store_here_or_there(w->shared, w->board->runs++ == 0);
}

Test(stepkill, a_victim_that_always_strays_is_killed_all_the_same_and_counted)
{
	const struct stepkill_result r = run_one(store_once_here, STEPKILL_MERGED);

	cr_assert(eq(u64, r.kills.total, 4));
	/* Behind the first word, and behind the second if nothing both ways share follows it. */
	cr_assert(ge(u64, r.strayed, 1));
	cr_assert(le(u64, r.strayed, 2));
	cr_assert(eq(u64, r.divergences, 4 * r.strayed));
	cr_assert(eq(uint, the_world.board->finished, 1 + (unsigned)r.strayed)); /* ran on */
}

static void die_of_a_signal(void *world)
{
	(void)world;
	(void)raise(SIGUSR2);
}

static void leave(void *world)
{
	(void)world;
	_exit(3);
}

static void loop(void *world)
{
	volatile bool on = true;

	(void)world;
	while (on)
		;
}

static void sleep_for_ever(void *world)
{
	(void)world;
	(void)pause();
}

static void expect_broken(void (*operation)(void *), const char *text)
{
	const struct stepkill_victim victim = {.name = "victim", .operation = operation};
	const struct stepkill_scenario scenario = scenario_of(&victim, 1);
	const struct stepkill_options options = {.steps_max = 20000, .victim_limit_ms = 500};
	const struct stepkill_result r = run_as(&scenario, &options, STEPKILL_BROKEN);

	cr_assert(not(eq(ptr, strstr(r.error, text), NULL)), "\"%s\"", r.error);
	cr_assert(not(stepkill_clean(&r)));
}

Test(stepkill, an_operation_that_fails_without_any_death_is_a_broken_scenario)
{
	expect_broken(die_of_a_signal, "signal 12");
	expect_broken(leave, "status 3");
	expect_broken(loop, "no end of its operation");
	expect_broken(sleep_for_ever, "no end of its operation");
}

static bool setup_fails(void *world)
{
	(void)world;
	return false;
}

Test(stepkill, failing_setup_and_preparation_are_a_broken_scenario)
{
	struct stepkill_victim victim = {.name = "victim", .operation = do_nothing};
	struct stepkill_scenario scenario = scenario_of(&victim, 1);
	const struct stepkill_options options = {.check_limit_ms = 500, .victim_limit_ms = 500};
	struct stepkill_result r;

	scenario.setup = setup_fails;
	r = run_as(&scenario, &options, STEPKILL_BROKEN);
	cr_assert(eq(str, r.error, "setup failed"));

	scenario.setup = setup_zero;
	victim.prepare = sleep_for_ever;
	r = run_as(&scenario, &options, STEPKILL_BROKEN);
	cr_assert(not(eq(ptr, strstr(r.error, "no end of its preparation"), NULL)));

	victim.prepare = NULL;
	scenario.survivor_prepare = sleep_for_ever;
	r = run_as(&scenario, &options, STEPKILL_BROKEN);
	cr_assert(not(eq(ptr, strstr(r.error, "not prepared"), NULL)));
}

Test(stepkill, an_empty_operation_has_a_begin_and_an_end)
{
	const struct stepkill_result r = run_one(do_nothing, STEPKILL_MERGED);

	cr_assert(eq(u64, r.kills.total, 2));
	cr_assert(eq(uint, the_world.board->finished, 1));
}
