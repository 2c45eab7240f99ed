/*
 * survivor: the process that must be able to go on after the victims' deaths.
 *
 * Each check has a process of its own, so that one that blocks can be killed and one that crashes
 * takes nobody along. The two sides talk through three futex words in a shared page: "ready" (the
 * survivor has prepared), "go" (the victims are dead), "done" (it has come to the end).
 */
#include "stepkill.h"

#if STEPKILL_HERE

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "survivor.h"
#include "tracee.h"

enum {
	SLICE_MS = 5, /* between two looks whether the survivor still lives */
};

bool survivor_open(struct survivor *s)
{
	void *page = mmap(NULL, sizeof(*s->report), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return false;
	s->report = page;
	return true;
}

void survivor_close(struct survivor *s)
{
	if (s->report != NULL)
		(void)munmap(s->report, sizeof(*s->report));
	s->report = NULL;
}

static void word_set(_Atomic uint32_t *word)
{
	/* Release and the acquire in word_is_set(): what was written before is seen after. */
	atomic_store_explicit(word, 1, memory_order_release);
	(void)syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static bool word_is_set(_Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire) != 0;
}

static void word_wait(_Atomic uint32_t *word, const struct timespec *slice)
{
	if (!word_is_set(word))
		(void)syscall(SYS_futex, word, FUTEX_WAIT, 0, slice, NULL, 0);
}

static _Noreturn void become_survivor(const struct survivor *s, pid_t parent)
{
	const struct stepkill_scenario *scenario = s->scenario;
	struct stepkill_report *report = s->report;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	(void)sched_setaffinity(0, sizeof(s->home), &s->home);
	if (scenario->survivor_prepare != NULL)
		scenario->survivor_prepare(scenario->world);
	word_set(&report->ready);
	while (!word_is_set(&report->go))
		word_wait(&report->go, NULL);
	scenario->survivor_check(scenario->world, report->deaths, report->death_count, report);
	word_set(&report->done);
	_exit(0);
}

static bool start(struct survivor *s)
{
	const pid_t parent = getpid();

	s->pid = fork();
	if (s->pid == 0)
		become_survivor(s, parent);
	if (s->pid < 0) {
		s->pid = 0;
		stepkill_fault(
			s->report, STEPKILL_OTHER, "survivor: cannot fork: %s", strerror(errno));
		return false;
	}
	return true;
}

static void describe_end(struct survivor *s, int status)
{
	if (WIFSIGNALED(status))
		stepkill_fault(s->report, STEPKILL_OTHER, "survivor died of signal %d (%s)",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		stepkill_fault(s->report, STEPKILL_OTHER,
			"survivor exited with status %d instead of returning", WEXITSTATUS(status));
}

/* True: the word was set. False: too late, or the survivor is gone; the report says which. */
static bool await(struct survivor *s, _Atomic uint32_t *word, const char *what)
{
	const struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};
	const uint64_t begin = tracee_clock_ms();

	while (!word_is_set(word)) {
		int status;

		word_wait(word, &slice);
		if (word_is_set(word))
			break;
		if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
			s->pid = 0;
			if (word_is_set(word))
				break;
			describe_end(s, status);
			return false;
		}
		if (tracee_clock_ms() - begin >= s->limit_ms) {
			stepkill_fault(s->report, STEPKILL_BLOCKED, "survivor %s within %u ms",
				what, s->limit_ms);
			return false;
		}
	}
	return true;
}

bool survivor_begin(struct survivor *s)
{
	memset(s->report, 0, sizeof(*s->report));
	if (s->scenario->survivor_prepare == NULL)
		return true;
	return start(s) && await(s, &s->report->ready, "not prepared");
}

void survivor_check(struct survivor *s, const struct stepkill_death *deaths, unsigned count)
{
	struct stepkill_report *report = s->report;

	memcpy(report->deaths, deaths, count * sizeof(*deaths));
	report->death_count = count;
	if (s->pid != 0 || start(s)) {
		word_set(&report->go);
		(void)await(s, &report->done, "did not come to an end");
	}
	survivor_end(s);
}

unsigned survivor_faults(const struct survivor *s)
{
	/* Relaxed: whoever wrote it has been waited for. */
	return atomic_load_explicit(&s->report->faults, memory_order_relaxed);
}

void survivor_end(struct survivor *s)
{
	if (s->pid == 0)
		return;
	(void)kill(s->pid, SIGKILL);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
}

void stepkill_fault(
	struct stepkill_report *report, enum stepkill_fault fault, const char *format, ...)
{
	va_list values;

	/* Relaxed: the parent reads it behind `done`, or when the survivor is dead. */
	atomic_fetch_or_explicit(&report->faults, (uint32_t)fault, memory_order_relaxed);
	if (report->text[0] != '\0')
		return;
	va_start(values, format);
	(void)vsnprintf(report->text, sizeof(report->text), format, values);
	va_end(values);
}

#endif
