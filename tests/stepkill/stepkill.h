/*
 * stepkill: kill -9 at every machine instruction of an operation on shared memory, and see
 * whether the others can go on.
 *
 * A scenario is a world (shared memory and what belongs to it), one victim or a chain of them,
 * and a survivor. The harness first single-steps the victim's operation once with ptrace and
 * notes after which instructions the shared memory differs and which ones enter the kernel. Then,
 * for each point found, it makes the world anew, lets a fresh victim come exactly that far, kills
 * it with SIGKILL, and lets the survivor say what became of the messages.
 *
 *	setup -> [survivor attaches] -> victim 0 attaches, dies at a point of its operation
 *	      -> [victim 1 attaches, dies at a point of its operation -> ...]
 *	      -> survivor checks, within a time limit -> teardown
 *
 * Why points may be merged: what outlives a killed process is the shared memory and the kernel's
 * objects. Between two instructions that change neither, all deaths are the same death, so one
 * kill stands for the whole group; its size is kept as the kill's weight.
 *
 * Limits
 * - Linux on x86-64; elsewhere, and where ptrace is forbidden (under a debugger, for instance), a
 *   run says "skipped".
 * - Only the victim's first thread is stepped; an operation must not exec. One harness at a time
 *   in a process, from one thread.
 * - Changes are seen in memory that the caller has mapped. Of what a victim maps by itself only
 *   the system calls are seen; STEPKILL_EVERY does not depend on it.
 * - A loop that ends by the clock takes other turns while it is stepped: points inside may stray,
 *   those behind it do not.
 * - Link with -z now, or the first call of each library function leads through the dynamic linker.
 */
#ifndef GYRE_TESTS_STEPKILL_H
#define GYRE_TESTS_STEPKILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Decides which of the sources have a content: all may be compiled everywhere. */
#if defined(__linux__) && defined(__x86_64__)
#define STEPKILL_HERE 1
#else
#define STEPKILL_HERE 0
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum {
	STEPKILL_RANGES_MAX = 8,    /* shared mappings watched in one scenario */
	STEPKILL_CHAIN_MAX = 8,     /* victims of one scenario */
	STEPKILL_FAILURES_KEPT = 8, /* described in full; the rest are counted */
	STEPKILL_TEXT_BYTES = 200,
};

/** What a death did to the others. Bits, as one death can do several things; none is "OK". */
enum stepkill_fault {
	STEPKILL_BLOCKED = 1,   /**< A survivor cannot go on. */
	STEPKILL_LOST = 2,      /**< An acknowledged message is gone. */
	STEPKILL_CORRUPT = 4,   /**< A message arrived damaged, or the structure is broken. */
	STEPKILL_DUPLICATE = 8, /**< A message came twice and was not marked. */
	STEPKILL_OTHER = 16,    /**< Anything else: the text says. A survivor that crashed, too. */
};

/** Which points of the operation are killed at. */
enum stepkill_points {
	STEPKILL_MERGED = 0, /**< Once in each group of points that nobody else can tell apart. */
	STEPKILL_EDGES,      /**< At the first and at the last point of each such group. */
	STEPKILL_EVERY,      /**< After every instruction. */
	STEPKILL_SYSCALLS,   /**< Before and after each system call; nothing is stepped. */
};

/** Shared memory as the calling process has it mapped. */
struct stepkill_range {
	const void *base;
	size_t bytes;
};

/** One death: who, and how far it had come. */
struct stepkill_death {
	const char *victim;
	uint64_t steps;    /**< Instructions of the operation that were executed. */
	uint64_t of;       /**< Instructions of the whole operation; 0 if not stepped. */
	uint64_t syscalls; /**< System calls of the operation that were completed. */
	uint64_t rip;      /**< Where it stood, for addr2line or a debugger. */
	bool finished;     /**< The operation had returned: what it said counts as acknowledged. */
	bool in_syscall;   /**< Died at the kernel's door (STEPKILL_SYSCALLS) or asleep inside. */
	bool strayed;      /**< Took another path each time: died elsewhere than planned. */
};

struct stepkill_report; /**< Where a check writes what it found. */

/** A process that is killed at a point of its operation. Callbacks run in its own process. */
struct stepkill_victim {
	const char *name;
	void (*prepare)(void *world);   /**< Full speed, e.g. attach. NULL: nothing to prepare. */
	void (*operation)(void *world); /**< Stepped and killed. */

	/**
	 * Called in the parent when the operation sleeps in the kernel (it may send what the
	 * sleeper waits for). NULL: nobody wakes it.
	 */
	void (*wake)(void *world);

	bool may_sleep; /**< Sleeping for good is a legitimate end of the operation. */
	bool early;     /**< Prepared before any victim dies, not after the one before it died. */
};

/**
 * A scenario. Children are forks of the caller and have its world as it was then; what they must
 * hand over goes through shared memory of the scenario's own. Assertions of a test framework
 * belong in none of these callbacks: use stepkill_fault().
 */
struct stepkill_scenario {
	const char *name;
	void *world;

	bool (*setup)(void *world);    /**< Parent, before each run: a known state. Cheap. */
	void (*teardown)(void *world); /**< Parent, after each run, or NULL. */

	/**
	 * Parent, after the setup of each look for points: the shared memory to watch, at most
	 * STEPKILL_RANGES_MAX. 64 KiB are free next to the stepping, 1 MiB doubles its time.
	 */
	size_t (*ranges)(void *world, struct stepkill_range *ret_ranges);

	const struct stepkill_victim *victims;
	unsigned victim_count;

	/** Survivor, before the first victim starts, e.g. attach. NULL: it starts after them. */
	void (*survivor_prepare)(void *world);

	/**
	 * Survivor, when all victims are dead (its own process, under a time limit): recover, go
	 * on, account for everything, call stepkill_fault() for what is wrong.
	 */
	void (*survivor_check)(void *world, const struct stepkill_death *deaths, unsigned count,
		struct stepkill_report *report);
};

/** All zero, or NULL for the struct, means the defaults. */
struct stepkill_options {
	enum stepkill_points points;
	uint64_t kills_max;      /**< More points: a seeded sample. 0: all; 500 chains from 3 on. */
	uint64_t seed;           /**< Of the sample. */
	uint64_t faulty_max;     /**< Give up after so many faulty kills. 0: 100. */
	uint64_t steps_max;      /**< Of one operation; beyond, it is stuck. 0: 1,000,000. */
	unsigned retries_max;    /**< When a victim strays from the path found. 0: 3. */
	uint32_t check_limit_ms; /**< The survivor is blocked after this long. 0: 2000. */
	uint32_t victim_limit_ms; /**< prepare, or one system call of a victim. 0: 5000. */
	uint32_t asleep_ms;       /**< In the kernel this long and sleeping: asleep. 0: 20. */
};

struct stepkill_counts {
	uint64_t total;
	uint64_t ok;
	uint64_t blocked; /* these five may overlap: one kill can be blocked and lost */
	uint64_t lost;
	uint64_t corrupt;
	uint64_t duplicate;
	uint64_t other;
};

struct stepkill_failure {
	unsigned faults; /* enum stepkill_fault */
	unsigned death_count;
	struct stepkill_death deaths[STEPKILL_CHAIN_MAX];
	char text[STEPKILL_TEXT_BYTES];
};

struct stepkill_result {
	const char *scenario;

	/* The first victim's operation in the untouched world. */
	uint64_t instructions; /* 0 with STEPKILL_SYSCALLS */
	uint64_t syscalls;
	uint64_t changes; /* instructions after which the shared memory was another */
	uint64_t points;  /* chosen out of instructions + 1 */

	struct stepkill_counts kills; /* chains, if there is more than one victim */
	struct stepkill_counts
		weighted; /* the same by points; = kills for chains, samples, EDGES */

	uint64_t divergences; /* runs in which a victim left the path found before; repeated */
	uint64_t strayed;     /* kills that happened elsewhere than planned, retries used up */
	bool cut;             /* ended early because of faulty_max */
	double seconds;
	uint64_t digest; /* of all points and faults: equal for equal runs */

	unsigned failure_count; /* of those kept */
	struct stepkill_failure failures[STEPKILL_FAILURES_KEPT];

	char error[STEPKILL_TEXT_BYTES]; /* why it was skipped or broken */
};

enum {
	STEPKILL_DONE = 0,
	STEPKILL_SKIPPED = 1, /* not possible on this machine: result->error says why */
	STEPKILL_BROKEN = -1, /* the scenario does not work even without a death */
};

/**
 * @brief Kill the scenario's victims at all (chosen) points and count what the survivor says.
 *
 * Chains: with two victims each point of the first is combined with each point of the second in
 * the state the first one left; with more, `kills_max` chains are drawn. A later victim is a
 * survivor as well: if its operation blocks or crashes, that is counted like a failed check.
 *
 * @param scenario What to do; not NULL.
 * @param options  NULL for the defaults.
 * @param[out] ret_result Always filled.
 * @return STEPKILL_DONE, STEPKILL_SKIPPED or STEPKILL_BROKEN.
 */
int stepkill_run(const struct stepkill_scenario *scenario, const struct stepkill_options *options,
	struct stepkill_result *ret_result);

/** @brief NULL where stepkill_run() works, else one line that says why it does not. */
const char *stepkill_unavailable(void);

/**
 * @brief For a survivor's check: note a fault. May be called several times; the first text is kept.
 */
void stepkill_fault(struct stepkill_report *report, enum stepkill_fault fault, const char *format,
	...) __attribute__((format(printf, 3, 4)));

/** @brief Was there at least one kill, none with a fault, and was none left out by faulty_max? */
bool stepkill_clean(const struct stepkill_result *result);

/** @brief The table: one head, one row per result, then the failures that were kept. */
void stepkill_print_head(FILE *out);
void stepkill_print_row(FILE *out, const struct stepkill_result *result);
void stepkill_print_failures(FILE *out, const struct stepkill_result *result);

#ifdef __cplusplus
}
#endif
#endif
