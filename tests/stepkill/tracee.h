/*
 * tracee: one victim under ptrace, between the begin and the end of its operation.
 *
 * Private to stepkill.
 */
#ifndef GYRE_TESTS_STEPKILL_TRACEE_H
#define GYRE_TESTS_STEPKILL_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stepkill.h"

enum tracee_stop {
	TRACEE_STOPPED,    /* an instruction further, or at the operation's begin */
	TRACEE_AT_SYSCALL, /* tracee_run() only: in front of a system call, nothing done yet */
	TRACEE_AT_EXIT,    /* tracee_run() only: behind it */
	TRACEE_FINISHED,   /* the operation returned */
	TRACEE_ASLEEP,     /* in a system call and staying there */
	TRACEE_STUCK,      /* does not come to a stop within victim_limit_ms */
	TRACEE_DIED,       /* without our doing */
};

struct tracee {
	const struct stepkill_victim *victim; /* NULL: no process */
	void *world;
	uint32_t limit_ms;
	uint32_t asleep_ms;

	pid_t pid;
	enum tracee_stop stop; /* the last one */
	uint64_t rip;          /* after a stop */
	int signal;            /* to be handed over when it goes on */
	int wait_status;       /* after TRACEE_DIED */
	bool began;
	bool in_syscall;
	bool halt_asleep; /* report TRACEE_ASLEEP even if somebody could wake it */
	bool slept;       /* set when it was found asleep; cleared by the user */
};

/* What stands at an address of the victim's text. */
enum tracee_code {
	TRACEE_CODE_OTHER,
	TRACEE_CODE_SYSCALL,
	TRACEE_CODE_READS, /* writes no memory but the stack: nothing to compare afterwards */
};

/* The victim's and world's fields and limits are set by the caller. */
enum tracee_stop tracee_start(struct tracee *t);

/* One instruction. `patient`: it may be a system call and sleep. */
enum tracee_stop tracee_step(struct tracee *t, bool patient);

/* At full speed to the next system call's begin or end. */
enum tracee_stop tracee_run(struct tracee *t);

/* At full speed until it is about to execute the instruction at `address` for the n-th time; not
 * for a string instruction. False: it came to something else before, see t->stop. */
bool tracee_run_to(struct tracee *t, uint64_t address, uint64_t n);

enum tracee_code tracee_code(const struct tracee *t);

/* Why it died, as text. */
void tracee_epitaph(const struct tracee *t, char *ret_text, size_t bytes);

/* SIGKILL and reap. Does nothing without a process. */
void tracee_kill(struct tracee *t);

/* NULL if this machine can do all that. */
const char *tracee_unavailable(void);

/* Milliseconds of a clock that never jumps. */
uint64_t tracee_clock_ms(void);

#endif
