/*
 * stepkill: results for people.
 */
#include "stepkill.h"

#include <dlfcn.h>
#include <inttypes.h>

bool stepkill_clean(const struct stepkill_result *result)
{
	return result->kills.total > 0 && result->kills.ok == result->kills.total && !result->cut &&
	       result->error[0] == '\0';
}

void stepkill_print_head(FILE *out)
{
	(void)fprintf(out, "%-32s %7s %5s %7s %7s | %8s %8s %8s %8s %8s | %7s %8s\n", "operation",
		"instr", "sys", "changes", "kills", "blocked", "lost", "corrupt", "dup", "other",
		"strayed", "seconds");
}

/* "5", or "5 (19)" where the kills stand for more points. */
static const char *cell(uint64_t kills, uint64_t weighted, char *ret_text, size_t bytes)
{
	if (kills == weighted)
		(void)snprintf(ret_text, bytes, "%" PRIu64, kills);
	else
		(void)snprintf(ret_text, bytes, "%" PRIu64 " (%" PRIu64 ")", kills, weighted);
	return ret_text;
}

void stepkill_print_row(FILE *out, const struct stepkill_result *result)
{
	const struct stepkill_counts *k = &result->kills;
	const struct stepkill_counts *w = &result->weighted;
	char text[5][48];

	if (result->error[0] != '\0') {
		(void)fprintf(out, "%-32s %s\n", result->scenario, result->error);
		return;
	}
	(void)fprintf(out,
		"%-32s %7" PRIu64 " %5" PRIu64 " %7" PRIu64 " %7" PRIu64
		" | %8s %8s %8s %8s %8s | %3" PRIu64 "/%-3" PRIu64 " %8.2f%s\n",
		result->scenario, result->instructions, result->syscalls, result->changes, k->total,
		cell(k->blocked, w->blocked, text[0], sizeof(text[0])),
		cell(k->lost, w->lost, text[1], sizeof(text[1])),
		cell(k->corrupt, w->corrupt, text[2], sizeof(text[2])),
		cell(k->duplicate, w->duplicate, text[3], sizeof(text[3])),
		cell(k->other, w->other, text[4], sizeof(text[4])), result->strayed,
		result->divergences, result->seconds, result->cut ? " cut" : "");
}

/* What addr2line -e FILE takes: the harness and its victims have the same text. */
static void print_place(FILE *out, uint64_t rip)
{
	Dl_info info;

	if (dladdr((const void *)(uintptr_t)rip, &info) != 0 && info.dli_fname != NULL)
		(void)fprintf(out, " at %s+0x%" PRIx64, info.dli_fname,
			rip - (uint64_t)(uintptr_t)info.dli_fbase);
	else
		(void)fprintf(out, " at 0x%" PRIx64, rip);
}

static void print_death(FILE *out, const struct stepkill_death *death)
{
	(void)fprintf(out, "%s killed ", death->victim);
	if (death->finished)
		(void)fprintf(out, "after its return");
	else if (death->of != 0)
		(void)fprintf(out, "after %" PRIu64 " of %" PRIu64 " instructions", death->steps,
			death->of);
	else
		(void)fprintf(out, "after %" PRIu64 " system calls", death->syscalls);
	(void)fprintf(out, "%s%s", death->in_syscall ? ", in the next system call" : "",
		death->strayed ? ", astray" : "");
	print_place(out, death->rip);
}

void stepkill_print_failures(FILE *out, const struct stepkill_result *result)
{
	for (unsigned i = 0; i < result->failure_count; i++) {
		const struct stepkill_failure *failure = &result->failures[i];

		(void)fprintf(out, "  %s: ", result->scenario);
		for (unsigned k = 0; k < failure->death_count; k++) {
			if (k > 0)
				(void)fprintf(out, ", then ");
			print_death(out, &failure->deaths[k]);
		}
		(void)fprintf(out, ": %s\n", failure->text);
	}
}
