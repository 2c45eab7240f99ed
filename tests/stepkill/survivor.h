/*
 * survivor: the process that must be able to go on after the victims' deaths.
 *
 * Private to stepkill.
 */
#ifndef GYRE_TESTS_STEPKILL_SURVIVOR_H
#define GYRE_TESTS_STEPKILL_SURVIVOR_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "stepkill.h"

/* Shared with the survivor; what it wrote stays when it has to be killed. */
struct stepkill_report {
	_Atomic uint32_t ready; /* futex words, 0 or 1 */
	_Atomic uint32_t go;
	_Atomic uint32_t done;
	_Atomic uint32_t faults;
	unsigned death_count;
	struct stepkill_death deaths[STEPKILL_CHAIN_MAX];
	char text[STEPKILL_TEXT_BYTES];
};

struct survivor {
	const struct stepkill_scenario *scenario;
	struct stepkill_report *report;
	uint32_t limit_ms;
	cpu_set_t home; /* where it may run, as opposed to the victims */
	pid_t pid;
};

/* Makes the report. False: no memory. */
bool survivor_open(struct survivor *s);
void survivor_close(struct survivor *s);

/* Before the victims: lets it prepare, if it wants to. False: s->report->text says why. */
bool survivor_begin(struct survivor *s);

/* After their deaths: lets it check, and ends it. */
void survivor_check(struct survivor *s, const struct stepkill_death *deaths, unsigned count);

/* What stands in the report; s->report->text describes the first fault. */
unsigned survivor_faults(const struct survivor *s);

/* Ends its process, if there is one. */
void survivor_end(struct survivor *s);

#endif
