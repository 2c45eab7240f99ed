/*
 * stepkill: find the points of an operation, and kill at each of them.
 *
 * A *path* is what one look at a victim's operation found: where it stood after each instruction
 * (rips), and which instructions were events, that is changed the shared memory or entered the
 * kernel. The *points* to kill at are chosen from it.
 *
 * To come to a point again a fresh victim runs at full speed to the last system call before it
 * (its segment), then to a breakpoint at or shortly before the point, and is stepped from there:
 *
 *	begin ---------> syscall 0 ---------> syscall 1 ---------> anchor --+--+--X
 *	     full speed           full speed           full speed           steps
 *
 * The anchor is "the n-th time in this segment that it is about to execute this address". So an
 * attach of 60,000 instructions costs a few dozen stops a kill, and most differences between two
 * runs (a pid with a digit more, a longer path through malloc) do not matter. A victim that misses
 * its anchor or leaves the path behind it is given up and the run repeated; the last try is killed
 * wherever it is, which is no less a death, and counted as strayed.
 *
 * Victims are bound to one processor together with the harness: a step is two switches between
 * them, and crossing processors would only make those dearer.
 */
#include "stepkill.h"

#if STEPKILL_HERE

#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "survivor.h"
#include "tracee.h"

enum {
	COMPARE_BYTES = 4096, /* compared and copied at a time */
	DEFAULT_CHAINS = 500,
	LAST_DRAWS = 4, /* of the last victim's points in a drawn chain */
	HIT_COST = 3,   /* of one hit of a breakpoint, in steps */
};

/* What a step did. */
enum mark {
	MARK_CHANGED = 1, /* the shared memory is another */
	MARK_SYSCALL = 2,
	MARK_SLEPT = 4, /* and was woken */
};

enum place {
	AT_INSTRUCTION,
	AT_SYSCALL, /* in front of it, already in the kernel */
	AT_SLEEP,   /* inside */
	AT_END,     /* the operation has returned */
};

struct point {
	enum place place;
	uint64_t syscalls; /* completed */
	uint64_t index;    /* steps since the begin */
	uint64_t weight;   /* points it stands for */
};

struct path {
	uint64_t *rips;     /* steps + 1 */
	uint8_t *marks;     /* of the step that led there; 0 for the first */
	uint32_t *visits;   /* how many times in its segment it has stood there; 0: no anchor */
	uint64_t *segments; /* syscalls + 1: index behind each system call */
	size_t steps;
	size_t syscalls;
	size_t room; /* entries of rips, marks and segments */
	uint64_t changes;
	bool finished; /* the operation returned */
	bool asleep;   /* or ended asleep in the system call that follows the last step */

	struct point *points;
	size_t point_count;
	size_t point_room;
};

/* One victim's part of a chain: the point, and the path it was chosen from. */
struct plan {
	const struct path *path;
	const struct point *point;
};

struct run {
	const struct stepkill_scenario *scenario;
	struct stepkill_options options;
	struct stepkill_result *result;
	bool broken;

	struct survivor survivor;
	struct tracee tracees[STEPKILL_CHAIN_MAX];
	struct plan plan[STEPKILL_CHAIN_MAX];
	struct stepkill_death deaths[STEPKILL_CHAIN_MAX];
	unsigned dead; /* victims in this world so far */
	bool weigh;    /* points stand for their groups */

	struct stepkill_range ranges[STEPKILL_RANGES_MAX];
	size_t range_count;
	uint8_t *snapshot; /* of all ranges, one behind the other */
	size_t snapshot_bytes;

	uint64_t random;
};

/* How far a victim came. */
enum outcome {
	OUTCOME_OK,
	OUTCOME_STRAYED, /* elsewhere than the path says */
	OUTCOME_FAULTY,  /* it blocked or died by itself; noted in the survivor's report */
};

static void broken(struct run *run, const char *what)
{
	run->broken = true;
	(void)snprintf(run->result->error, sizeof(run->result->error), "%s", what);
}

/* --- the world ------------------------------------------------------------------------------ */

static void bind_to_one_processor(void)
{
	const int processor = sched_getcpu();
	cpu_set_t one;

	if (processor < 0)
		return;
	CPU_ZERO(&one);
	CPU_SET((unsigned)processor, &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
}

static void unbind(const struct run *run)
{
	(void)sched_setaffinity(0, sizeof(run->survivor.home), &run->survivor.home);
}

static struct tracee *tracee_of(struct run *run, unsigned k)
{
	struct tracee *t = &run->tracees[k];

	t->victim = &run->scenario->victims[k];
	t->world = run->scenario->world;
	t->limit_ms = run->options.victim_limit_ms;
	t->asleep_ms = run->options.asleep_ms;
	t->halt_asleep = false;
	return t;
}

/* Victim k blocked or crashed. If none was killed before it the scenario is broken, else this is
 * what the harness is looking for. */
static enum outcome faulty(struct run *run, unsigned k)
{
	const struct tracee *t = &run->tracees[k];
	char text[STEPKILL_TEXT_BYTES];

	if (t->stop == TRACEE_DIED)
		tracee_epitaph(t, text, sizeof(text));
	else
		(void)snprintf(text, sizeof(text), "victim %s comes to no end of its %s",
			t->victim->name, t->began ? "operation" : "preparation");

	if (run->dead == 0)
		broken(run, text);
	else
		stepkill_fault(run->survivor.report,
			t->stop == TRACEE_DIED ? STEPKILL_OTHER : STEPKILL_BLOCKED, "%s", text);
	return OUTCOME_FAULTY;
}

static enum outcome start_victim(struct run *run, unsigned k)
{
	return tracee_start(tracee_of(run, k)) == TRACEE_STOPPED ? OUTCOME_OK : faulty(run, k);
}

/* False: broken. world_end() is due in either case. */
static bool world_begin(struct run *run)
{
	const struct stepkill_scenario *scenario = run->scenario;

	unbind(run); /* a chance to leave a processor that has become busy */
	bind_to_one_processor();
	memset(run->deaths, 0, sizeof(run->deaths));
	run->dead = 0;
	if (!scenario->setup(scenario->world)) {
		broken(run, "setup failed");
		return false;
	}
	if (!survivor_begin(&run->survivor)) {
		broken(run, run->survivor.report->text);
		return false;
	}
	for (unsigned k = 0; k < scenario->victim_count; k++) {
		if (scenario->victims[k].early && start_victim(run, k) != OUTCOME_OK)
			return false;
	}
	return true;
}

static void world_end(struct run *run)
{
	const struct stepkill_scenario *scenario = run->scenario;

	for (unsigned k = 0; k < scenario->victim_count; k++)
		tracee_kill(&run->tracees[k]);
	survivor_end(&run->survivor);
	if (scenario->teardown != NULL)
		scenario->teardown(scenario->world);
}

/* --- the shared memory ---------------------------------------------------------------------- */

static bool snapshot_take(struct run *run)
{
	size_t bytes = 0;
	uint8_t *copy;

	run->range_count = run->scenario->ranges(run->scenario->world, run->ranges);
	for (size_t i = 0; i < run->range_count; i++)
		bytes += run->ranges[i].bytes;
	if (bytes > run->snapshot_bytes) {
		copy = realloc(run->snapshot, bytes);
		if (copy == NULL)
			return false;
		run->snapshot = copy;
		run->snapshot_bytes = bytes;
	}
	copy = run->snapshot;
	for (size_t i = 0; i < run->range_count; i++) {
		memcpy(copy, run->ranges[i].base, run->ranges[i].bytes);
		copy += run->ranges[i].bytes;
	}
	return true;
}

/* Did the shared memory change since the last call? All victims stand still. */
static bool snapshot_changed(struct run *run)
{
	uint8_t *copy = run->snapshot;
	bool changed = false;

	for (size_t i = 0; i < run->range_count; i++) {
		const uint8_t *base = run->ranges[i].base;
		const size_t bytes = run->ranges[i].bytes;

		for (size_t at = 0; at < bytes; at += COMPARE_BYTES) {
			const size_t n = bytes - at < COMPARE_BYTES ? bytes - at : COMPARE_BYTES;

			if (memcmp(copy + at, base + at, n) == 0)
				continue;
			memcpy(copy + at, base + at, n);
			changed = true;
		}
		copy += bytes;
	}
	return changed;
}

/* --- paths and points ----------------------------------------------------------------------- */

static void path_free(struct path *path)
{
	free(path->rips);
	free(path->marks);
	free(path->visits);
	free(path->segments);
	free(path->points);
	memset(path, 0, sizeof(*path));
}

static void *must_grow(void *array, size_t count, size_t bytes_each)
{
	void *grown = reallocarray(array, count, bytes_each);

	if (grown == NULL) {
		(void)fputs("stepkill: out of memory\n", stderr);
		exit(EXIT_FAILURE); /* a test tool, not the library */
	}
	return grown;
}

/* Entry `at` of these arrays exists afterwards. */
static void path_room(struct path *path, size_t at)
{
	if (at < path->room)
		return;
	path->room = path->room == 0 ? 1024 : 2 * path->room;
	path->rips = must_grow(path->rips, path->room, sizeof(*path->rips));
	path->marks = must_grow(path->marks, path->room, sizeof(*path->marks));
	path->segments = must_grow(path->segments, path->room, sizeof(*path->segments));
}

static void path_begin(struct path *path, uint64_t rip)
{
	memset(path, 0, sizeof(*path));
	path_room(path, 0);
	path->rips[0] = rip;
	path->marks[0] = 0;
	path->segments[0] = 0;
}

static void path_step(struct path *path, uint64_t rip, unsigned marks)
{
	path->steps++;
	path_room(path, path->steps);
	path->rips[path->steps] = rip;
	path->marks[path->steps] = (uint8_t)marks;
	if ((marks & MARK_SYSCALL) != 0) {
		path->syscalls++;
		path->segments[path->syscalls] = path->steps;
	}
	if ((marks & MARK_CHANGED) != 0)
		path->changes++;
}

static struct point *path_point(struct path *path, enum place place)
{
	struct point *point;

	if (path->point_count == path->point_room) {
		path->point_room = path->point_room == 0 ? 64 : 2 * path->point_room;
		path->points = must_grow(path->points, path->point_room, sizeof(*path->points));
	}
	point = &path->points[path->point_count++];
	*point = (struct point){.place = place, .weight = 1};
	return point;
}

static void path_point_at(struct path *path, size_t index, uint64_t syscalls, uint64_t weight)
{
	const bool end = path->finished && index == path->steps;
	struct point *point = path_point(path, end ? AT_END : AT_INSTRUCTION);

	point->syscalls = syscalls;
	point->index = index;
	point->weight = weight;
}

static void path_point_asleep(struct path *path, size_t index, uint64_t syscalls)
{
	struct point *point = path_point(path, AT_SLEEP);

	point->syscalls = syscalls;
	point->index = index;
}

/* A group begins with the first point, behind each event, and with the operation's return: from
 * then on its result is known. */
static bool begins_group(const struct path *path, size_t index, enum stepkill_points points)
{
	return points == STEPKILL_EVERY || index == 0 || path->marks[index] != 0 ||
	       (path->finished && index == path->steps);
}

static void choose_points(struct path *path, enum stepkill_points points)
{
	uint64_t syscalls = 0;
	size_t next;

	for (size_t first = 0; first <= path->steps; first = next) {
		if ((path->marks[first] & MARK_SLEPT) != 0)
			path_point_asleep(path, first - 1, syscalls);
		if ((path->marks[first] & MARK_SYSCALL) != 0)
			syscalls++;

		next = first + 1;
		while (next <= path->steps && !begins_group(path, next, points))
			next++;
		if (points == STEPKILL_EDGES && next - first > 1) {
			path_point_at(path, first, syscalls, next - first - 1);
			path_point_at(path, next - 1, syscalls, 1);
		} else {
			path_point_at(path, first, syscalls, next - first);
		}
	}
	if (path->asleep)
		path_point_asleep(path, path->steps, syscalls);
}

/* How often an address was met: one entry of an open hash table. */
struct visited {
	uint64_t rip;
	size_t segment; /* of the last visit */
	uint32_t visits;
	bool repeats; /* stays there while it is stepped: a string instruction */
};

static struct visited *look_up(struct visited *table, size_t mask, uint64_t rip)
{
	size_t at = (size_t)(rip * UINT64_C(0x9e3779b97f4a7c15) >> 20) & mask;

	while (table[at].rip != 0 && table[at].rip != rip)
		at = (at + 1) & mask;
	table[at].rip = rip;
	return &table[at];
}

/* A string instruction stops a stepped victim in each round, but hits a breakpoint only once, so
 * it cannot be an anchor. */
static void count_visits(struct path *path)
{
	struct visited *table;
	size_t mask = 1024;
	size_t segment = 0;

	while (mask < 2 * path->steps)
		mask *= 2;
	table = must_grow(NULL, mask, sizeof(*table));
	memset(table, 0, mask * sizeof(*table));
	mask--;

	for (size_t i = 1; i <= path->steps; i++) {
		if (path->rips[i] == path->rips[i - 1])
			look_up(table, mask, path->rips[i])->repeats = true;
	}

	path->visits = must_grow(NULL, path->steps + 1, sizeof(*path->visits));
	for (size_t i = 0; i <= path->steps; i++) {
		struct visited *here = look_up(table, mask, path->rips[i]);

		if ((path->marks[i] & MARK_SYSCALL) != 0)
			segment++;
		if (here->segment != segment)
			here->visits = 0;
		here->segment = segment;
		here->visits++;
		path->visits[i] = here->repeats ? 0 : here->visits;
	}
	free(table);
}

/* From where to step to `index`: the cheapest anchor, or the segment's begin. */
static size_t anchor_of(const struct path *path, size_t segment_begin, size_t index)
{
	size_t best = segment_begin;
	size_t best_cost = index - segment_begin;

	for (size_t i = index; i > segment_begin && index - i < best_cost; i--) {
		const size_t cost = index - i + (size_t)HIT_COST * path->visits[i];

		if (path->visits[i] != 0 && cost < best_cost) {
			best = i;
			best_cost = cost;
		}
	}
	return best;
}

/* Steps a victim from its operation's begin to the end. */
static enum tracee_stop follow_steps(struct run *run, struct tracee *t, struct path *path)
{
	path_begin(path, t->rip);
	while (path->steps < run->options.steps_max) {
		const enum tracee_code code = tracee_code(t);
		enum tracee_stop stop;
		unsigned marks = 0;

		t->slept = false;
		stop = tracee_step(t, code == TRACEE_CODE_SYSCALL);
		if (stop == TRACEE_ASLEEP) {
			path->asleep = true;
			return stop;
		}
		if (stop != TRACEE_STOPPED && stop != TRACEE_FINISHED)
			return stop;
		if (code == TRACEE_CODE_SYSCALL)
			marks |= t->slept ? MARK_SYSCALL | MARK_SLEPT : MARK_SYSCALL;
		if (code != TRACEE_CODE_READS && snapshot_changed(run))
			marks |= MARK_CHANGED;
		path_step(path, t->rip, marks);
		if (stop == TRACEE_FINISHED) {
			path->finished = true;
			return stop;
		}
	}
	return TRACEE_STUCK;
}

/* Lets a victim run from system call to system call; its points are chosen on the way. */
static enum tracee_stop follow_syscalls(struct run *run, struct tracee *t, struct path *path)
{
	path_begin(path, t->rip);
	path_point_at(path, 0, 0, 1);
	while (path->steps < run->options.steps_max) {
		enum tracee_stop stop;
		struct point *point;

		t->slept = false;
		stop = tracee_run(t);
		if (stop != TRACEE_FINISHED) {
			if (stop != TRACEE_AT_SYSCALL)
				return stop;
			point = path_point(path, AT_SYSCALL);
			point->syscalls = path->syscalls;
			point->index = path->steps;
			stop = tracee_run(t);
			if (t->slept) {
				point = path_point(path, AT_SLEEP);
				point->syscalls = path->syscalls;
				point->index = path->steps;
			}
			if (stop != TRACEE_AT_EXIT) {
				path->asleep = stop == TRACEE_ASLEEP;
				return stop;
			}
		}
		/* A "step" is all that lies between two stops. */
		path_step(path, t->rip,
			(snapshot_changed(run) ? MARK_CHANGED : 0u) |
				(stop == TRACEE_FINISHED ? 0u : MARK_SYSCALL));
		path->finished = stop == TRACEE_FINISHED;
		path_point_at(path, path->steps, path->syscalls, 1);
		if (path->finished)
			return stop;
	}
	return TRACEE_STUCK;
}

/* --- killing -------------------------------------------------------------------------------- */

static bool stepped(const struct run *run)
{
	return run->options.points != STEPKILL_SYSCALLS;
}

/* Brings a victim from the begin of the point's segment to the point. */
static enum outcome walk_to_instruction(
	struct tracee *t, const struct plan *plan, struct stepkill_death *death)
{
	const struct path *path = plan->path;
	const size_t begin = path->segments[plan->point->syscalls];
	const size_t anchor = anchor_of(path, begin, plan->point->index);

	death->steps = begin;
	if (anchor != begin && !tracee_run_to(t, path->rips[anchor], path->visits[anchor]))
		return OUTCOME_STRAYED;
	for (size_t i = anchor;; i++) {
		if (t->rip != path->rips[i])
			return OUTCOME_STRAYED;
		death->steps = i;
		if (i == plan->point->index)
			return OUTCOME_OK;
		if (tracee_step(t, false) != TRACEE_STOPPED)
			return OUTCOME_STRAYED;
	}
}

/* Brings a victim from its operation's begin to the point; never OUTCOME_FAULTY. */
static enum outcome walk(
	struct run *run, struct tracee *t, const struct plan *plan, struct stepkill_death *death)
{
	const struct point *point = plan->point;
	bool there = false;

	while (death->syscalls < point->syscalls) {
		if (tracee_run(t) != TRACEE_AT_SYSCALL || tracee_run(t) != TRACEE_AT_EXIT)
			return OUTCOME_STRAYED;
		death->syscalls++;
	}
	if (t->rip != plan->path->rips[plan->path->segments[point->syscalls]])
		return OUTCOME_STRAYED;

	switch (point->place) {
	case AT_INSTRUCTION:
		return stepped(run) ? walk_to_instruction(t, plan, death) : OUTCOME_OK;
	case AT_SYSCALL:
		there = tracee_run(t) == TRACEE_AT_SYSCALL;
		break;
	case AT_SLEEP:
		t->halt_asleep = true;
		there = tracee_run(t) == TRACEE_AT_SYSCALL && tracee_run(t) == TRACEE_ASLEEP;
		break;
	case AT_END:
		there = tracee_run(t) == TRACEE_FINISHED;
		break;
	}
	return there ? OUTCOME_OK : OUTCOME_STRAYED;
}

/* Starts victim k if need be, brings it to its point and kills it. */
static enum outcome kill_victim(struct run *run, unsigned k)
{
	const struct plan *plan = &run->plan[k];
	struct stepkill_death *death = &run->deaths[k];
	struct tracee *t = &run->tracees[k];
	enum outcome outcome;

	if (!run->scenario->victims[k].early && start_victim(run, k) != OUTCOME_OK)
		return OUTCOME_FAULTY;

	*death = (struct stepkill_death){.victim = t->victim->name};
	outcome = walk(run, t, plan, death);
	if (t->stop == TRACEE_DIED || t->stop == TRACEE_STUCK)
		return faulty(run, k);
	death->rip = t->rip;
	death->of = stepped(run) ? plan->path->steps : 0;
	if (outcome == OUTCOME_OK && stepped(run))
		death->steps = plan->point->index;
	death->finished = t->stop == TRACEE_FINISHED;
	death->in_syscall = t->stop == TRACEE_AT_SYSCALL || t->stop == TRACEE_ASLEEP;
	death->strayed = outcome == OUTCOME_STRAYED;
	tracee_kill(t);
	run->dead++;
	return outcome;
}

static void count_faults(struct stepkill_counts *counts, unsigned faults, uint64_t weight)
{
	counts->total += weight;
	counts->ok += faults == 0 ? weight : 0;
	counts->blocked += (faults & STEPKILL_BLOCKED) != 0 ? weight : 0;
	counts->lost += (faults & STEPKILL_LOST) != 0 ? weight : 0;
	counts->corrupt += (faults & STEPKILL_CORRUPT) != 0 ? weight : 0;
	counts->duplicate += (faults & STEPKILL_DUPLICATE) != 0 ? weight : 0;
	counts->other += (faults & STEPKILL_OTHER) != 0 ? weight : 0;
}

static void digest(struct stepkill_result *result, uint64_t value)
{
	result->digest = (result->digest ^ value) * UINT64_C(0x100000001b3); /* FNV-1a, by words */
}

/* A chain of deaths is over, and the survivor's report is written. */
static void record(struct run *run)
{
	struct stepkill_result *result = run->result;
	const unsigned faults = survivor_faults(&run->survivor);
	const uint64_t weight = run->weigh ? run->plan[0].point->weight : 1;
	struct stepkill_failure *failure;

	count_faults(&result->kills, faults, 1);
	count_faults(&result->weighted, faults, weight);
	for (unsigned k = 0; k < run->dead; k++) {
		digest(result, run->plan[k].point->index);
		digest(result, run->plan[k].point->place);
		result->strayed += run->deaths[k].strayed ? 1 : 0;
	}
	digest(result, faults);
	if (faults == 0)
		return;

	if (result->kills.total - result->kills.ok >= run->options.faulty_max)
		result->cut = true;
	if (result->failure_count == STEPKILL_FAILURES_KEPT)
		return;
	failure = &result->failures[result->failure_count++];
	failure->faults = faults;
	failure->death_count = run->dead;
	memcpy(failure->deaths, run->deaths, sizeof(failure->deaths));
	memcpy(failure->text, run->survivor.report->text, sizeof(failure->text));
}

/*
 * A new world, in which the first `count` victims die as planned; a victim that strays costs
 * another world while there are retries. The world is left standing.
 */
static enum outcome kill_victims(struct run *run, unsigned count)
{
	for (unsigned attempt = 0;; attempt++) {
		const bool last = attempt == run->options.retries_max;
		enum outcome outcome = OUTCOME_OK;
		bool strayed = false;

		if (!world_begin(run))
			return OUTCOME_FAULTY;
		for (unsigned k = 0; k < count; k++) {
			outcome = kill_victim(run, k);
			strayed |= outcome == OUTCOME_STRAYED;
			if (outcome == OUTCOME_FAULTY || (strayed && !last))
				break;
		}
		run->result->divergences += strayed ? 1 : 0;
		if (outcome == OUTCOME_FAULTY)
			return outcome;
		if (!strayed || last)
			return OUTCOME_OK;
		world_end(run);
	}
}

static bool over(const struct run *run)
{
	return run->broken || run->result->cut;
}

/* All victims die as planned; what does the survivor say? */
static void kill_chain(struct run *run)
{
	const enum outcome outcome = kill_victims(run, run->scenario->victim_count);

	if (outcome == OUTCOME_OK)
		survivor_check(&run->survivor, run->deaths, run->dead);
	if (!run->broken)
		record(run);
	world_end(run);
}

/*
 * Victim k's path and points in the world that the deaths planned for those before it leave.
 * False: it blocks or dies by itself there; recorded, or broken.
 */
static bool discover(struct run *run, unsigned k, struct path *ret_path)
{
	struct tracee *t = &run->tracees[k];
	enum outcome outcome = kill_victims(run, k);
	enum tracee_stop stop;

	memset(ret_path, 0, sizeof(*ret_path));
	if (outcome == OUTCOME_OK && !run->scenario->victims[k].early)
		outcome = start_victim(run, k);
	if (outcome == OUTCOME_OK && !snapshot_take(run)) {
		broken(run, "out of memory");
		outcome = OUTCOME_FAULTY;
	}
	if (outcome == OUTCOME_OK) {
		stop = stepped(run) ? follow_steps(run, t, ret_path)
				    : follow_syscalls(run, t, ret_path);
		if (stop != TRACEE_FINISHED && stop != TRACEE_ASLEEP)
			outcome = faulty(run, k);
	}
	if (outcome == OUTCOME_OK && stepped(run)) {
		choose_points(ret_path, run->options.points);
		count_visits(ret_path);
	}
	if (outcome == OUTCOME_FAULTY && !run->broken)
		record(run);
	world_end(run);
	if (outcome == OUTCOME_OK)
		return true;
	path_free(ret_path);
	return false;
}

/* --- which chains --------------------------------------------------------------------------- */

/* xorshift64* */
static uint64_t draw(struct run *run, uint64_t below)
{
	run->random ^= run->random >> 12;
	run->random ^= run->random << 25;
	run->random ^= run->random >> 27;
	return (run->random * UINT64_C(0x2545f4914f6cdd1d) >> 11) % below;
}

/* Every point of victim k and of those behind it, or a sample without repetition of k's. */
static void visit(struct run *run, unsigned k, const struct path *path, uint64_t sample)
{
	uint64_t wanted = sample != 0 && sample < path->point_count ? sample : path->point_count;

	for (size_t i = 0; i < path->point_count && !over(run); i++) {
		const uint64_t left = path->point_count - i;
		struct path next;

		/* The last point is always among them, and the first one. */
		if (i > 0 && left > 1 && (wanted <= 1 || draw(run, left - 1) >= wanted - 1))
			continue;
		wanted--;
		run->plan[k] = (struct plan){.path = path, .point = &path->points[i]};
		if (k + 1 == run->scenario->victim_count) {
			kill_chain(run);
		} else if (discover(run, k + 1, &next)) {
			visit(run, k + 1, &next, 0);
			path_free(&next);
		}
	}
}

static size_t draw_point(struct run *run, unsigned k, const struct path *path)
{
	const size_t drawn = (size_t)draw(run, path->point_count);

	run->plan[k] = (struct plan){.path = path, .point = &path->points[drawn]};
	return drawn;
}

/*
 * Chains: a point drawn for each victim. To look for the last victim's points costs more than to
 * kill at some of them, so several are drawn. `seconds` keeps the second victim's paths.
 */
static void draw_chains(
	struct run *run, const struct path *first, struct path *seconds, uint64_t wanted)
{
	const unsigned last = run->scenario->victim_count - 1;
	struct path deeper[STEPKILL_CHAIN_MAX] = {0};
	const struct path *path = first;

	for (unsigned k = 0; k < last && path != NULL; k++) {
		const size_t drawn = draw_point(run, k, path);
		struct path *next = k == 0 ? &seconds[drawn] : &deeper[k];

		path = next->point_count != 0 || discover(run, k + 1, next) ? next : NULL;
	}
	for (unsigned n = 0; path != NULL && n < LAST_DRAWS && n < wanted && !over(run); n++) {
		(void)draw_point(run, last, path);
		kill_chain(run);
	}
	for (unsigned k = 0; k < STEPKILL_CHAIN_MAX; k++)
		path_free(&deeper[k]);
}

static void sample_chains(struct run *run, const struct path *first, uint64_t count)
{
	struct path *seconds = must_grow(NULL, first->point_count, sizeof(*seconds));

	memset(seconds, 0, first->point_count * sizeof(*seconds));
	while (run->result->kills.total < count && !over(run))
		draw_chains(run, first, seconds, count - run->result->kills.total);
	for (size_t i = 0; i < first->point_count; i++)
		path_free(&seconds[i]);
	free(seconds);
}

static void kill_all(struct run *run)
{
	const unsigned victims = run->scenario->victim_count;
	const uint64_t max = run->options.kills_max;
	struct path first;

	if (!discover(run, 0, &first))
		return;
	run->result->instructions = stepped(run) ? first.steps : 0;
	run->result->syscalls = first.syscalls;
	run->result->changes = first.changes;
	run->result->points = first.point_count;
	run->weigh = victims == 1 && (max == 0 || max >= first.point_count);

	if (victims == 1)
		visit(run, 0, &first, max);
	else if (victims == 2 && max == 0)
		visit(run, 0, &first, 0);
	else
		sample_chains(run, &first, max != 0 ? max : DEFAULT_CHAINS);
	path_free(&first);
}

/* --- the run -------------------------------------------------------------------------------- */

static struct stepkill_options with_defaults(const struct stepkill_options *options)
{
	struct stepkill_options full = {0};

	if (options != NULL)
		full = *options;
	full.faulty_max = full.faulty_max != 0 ? full.faulty_max : 100;
	full.steps_max = full.steps_max != 0 ? full.steps_max : 1000000;
	full.retries_max = full.retries_max != 0 ? full.retries_max : 3;
	full.check_limit_ms = full.check_limit_ms != 0 ? full.check_limit_ms : 2000;
	full.victim_limit_ms = full.victim_limit_ms != 0 ? full.victim_limit_ms : 5000;
	full.asleep_ms = full.asleep_ms != 0 ? full.asleep_ms : 20;
	return full;
}

static const char *misdescribed(const struct stepkill_scenario *scenario)
{
	if (scenario->setup == NULL || scenario->ranges == NULL || scenario->survivor_check == NULL)
		return "setup, ranges and survivor_check are needed";
	if (scenario->victim_count < 1 || scenario->victim_count > STEPKILL_CHAIN_MAX)
		return "1 to STEPKILL_CHAIN_MAX victims are needed";
	for (unsigned k = 0; k < scenario->victim_count; k++) {
		if (scenario->victims[k].operation == NULL)
			return "a victim without an operation";
	}
	return NULL;
}

const char *stepkill_unavailable(void)
{
	return tracee_unavailable();
}

int stepkill_run(const struct stepkill_scenario *scenario, const struct stepkill_options *options,
	struct stepkill_result *ret_result)
{
	struct run run = {.scenario = scenario, .result = ret_result};
	const uint64_t begin = tracee_clock_ms();
	const char *why;

	(void)fflush(NULL); /* or children that end by exit() print it again */
	memset(ret_result, 0, sizeof(*ret_result));
	ret_result->scenario = scenario->name;
	ret_result->digest = UINT64_C(0xcbf29ce484222325);
	why = stepkill_unavailable();
	if (why != NULL) {
		(void)snprintf(ret_result->error, sizeof(ret_result->error), "%s", why);
		return STEPKILL_SKIPPED;
	}
	why = misdescribed(scenario);
	if (why != NULL) {
		broken(&run, why);
		return STEPKILL_BROKEN;
	}

	run.options = with_defaults(options);
	run.random = run.options.seed * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0x9e3779b97f4a7c15);
	run.random |= 1; /* xorshift must not start from 0 */
	run.survivor.scenario = scenario;
	run.survivor.limit_ms = run.options.check_limit_ms;
	if (sched_getaffinity(0, sizeof(run.survivor.home), &run.survivor.home) != 0 ||
		!survivor_open(&run.survivor)) {
		broken(&run, "no memory for the survivor's report");
		return STEPKILL_BROKEN;
	}

	kill_all(&run);

	unbind(&run);
	survivor_close(&run.survivor);
	free(run.snapshot);
	ret_result->seconds = (double)(tracee_clock_ms() - begin) / 1000;
	return run.broken ? STEPKILL_BROKEN : STEPKILL_DONE;
}

#endif
