/*
 * gyre-bench: gyre, its peers and the machine's own limit, in one run. See README.md.
 */
#include <stdio.h>
#include <sys/utsname.h>

#include "attach_work.h"
#include "line_work.h"
#include "mpmc_work.h"
#include "options.h"
#include "recovery_work.h"
#include "shim.h"
#include "work.h"

static void describe_machine(const struct options *options)
{
	struct utsname system;
	char text[96];
	int length = 0;

	for (unsigned i = 0; i < options->team.cpus.count && length < (int)sizeof(text) - 8; i++)
		length += snprintf(text + length, sizeof(text) - (size_t)length, "%s%d",
			i > 0 ? "," : "", options->team.cpus.at[i]);
	shim_context("pinned_to", options->team.cpus.count < 2 ? "nothing: a single core" : text);
	if (uname(&system) == 0)
		shim_context("kernel", system.release);
	shim_context("compiler", __VERSION__);
}

int main(int argc, char **argv)
{
	static struct options options;

	if (!options_parse(&argc, argv, &options))
		return 2;
	describe_machine(&options);
	team_ask_for_priority(&options.team);
	team_catch_signals();
	line_work_register(&options);
	work_register(&options);
	mpmc_work_register(&options);
	attach_work_register(&options);
	recovery_work_register(&options);
	return shim_main(argc, argv, options_help);
}
