/*
 * stepkill on machines for which it is not written: every run is skipped, in so many words.
 * Takes the place of stepkill.c, survivor.c and tracee.c.
 */
#include "stepkill.h"

#if !STEPKILL_HERE

#include <string.h>

const char *stepkill_unavailable(void)
{
	return "single-stepping is written for Linux on x86-64";
}

int stepkill_run(const struct stepkill_scenario *scenario, const struct stepkill_options *options,
	struct stepkill_result *ret_result)
{
	(void)options;
	memset(ret_result, 0, sizeof(*ret_result));
	ret_result->scenario = scenario->name;
	(void)snprintf(ret_result->error, sizeof(ret_result->error), "%s", stepkill_unavailable());
	return STEPKILL_SKIPPED;
}

void stepkill_fault(
	struct stepkill_report *report, enum stepkill_fault fault, const char *format, ...)
{
	(void)report;
	(void)fault;
	(void)format;
}

#endif
