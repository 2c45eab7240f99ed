/*
 * What can be asked for beyond google-benchmark's own options. See options.h.
 */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ticks.h"

static bool number(const char *text, double least, double *ret_value)
{
	char *end;
	const double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= least))
		return false;
	*ret_value = value;
	return true;
}

static bool priority(const char *text, enum team_priority *ret_priority)
{
	static const char *const names[] = {"ordinary", "nice", "fifo"};

	for (int i = 0; i < 3; i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret_priority = (enum team_priority)i;
			return true;
		}
	}
	return false;
}

static const char *value_of(const char *arg, const char *name)
{
	const size_t length = strlen(name);

	return strncmp(arg, name, length) == 0 ? arg + length : NULL;
}

enum outcome { TAKEN, NOT_OURS, MALFORMED };

static enum outcome take(const char *arg, struct options *options)
{
	const char *value;
	double n = 0;
	bool good;

	if ((value = value_of(arg, "--cpus=")) != NULL) {
		good = cpus_parse(value, &options->team.cpus);
	} else if ((value = value_of(arg, "--priority=")) != NULL) {
		good = priority(value, &options->team.priority);
	} else if ((value = value_of(arg, "--time_limit=")) != NULL) {
		good = number(value, 1, &n) && n <= 3600;
		options->team.limit_s = good ? (unsigned)n : 0;
	} else if ((value = value_of(arg, "--line_floor=")) != NULL) {
		good = number(value, 0, &options->line_floor_ns);
	} else if ((value = value_of(arg, "--capacity=")) != NULL) {
		good = number(value, 4096, &n) && n <= (double)(UINT64_C(1) << 32);
		options->capacity_bytes = good ? (size_t)n : 0;
	} else if ((value = value_of(arg, "--messages_least=")) != NULL) {
		good = number(value, 1, &n) && n <= 1e9;
		options->messages_least = good ? (uint64_t)n : 0;
	} else {
		return NOT_OURS;
	}
	return good ? TAKEN : MALFORMED;
}

bool options_parse(int *argc, char **argv, struct options *ret_options)
{
	int kept = 1;

	*ret_options = (struct options){
		.team = {.limit_s = 20, .ns_per_tick = ticks_measure_ns()},
		.line_floor_ns = 150,
		.messages_least = 1000,
	};
	cpus_pick(&ret_options->team.cpus);
	for (int i = 1; i < *argc; i++) {
		switch (take(argv[i], ret_options)) {
		case TAKEN:
			break;
		case NOT_OURS:
			argv[kept++] = argv[i];
			break;
		case MALFORMED:
			fprintf(stderr, "gyre-bench: %s: no such value; see --help\n", argv[i]);
			return false;
		}
	}
	argv[kept] = NULL;
	*argc = kept;
	return true;
}

/* Larger rings are faster, up to a point: a lap later the old lines have left the reader's
 * cache and cost less to take. */
size_t options_capacity(const struct options *options, size_t bytes)
{
	size_t capacity = bytes <= 64 ? 1024 * 1024 : 4 * 1024 * 1024;

	if (options->capacity_bytes != 0)
		capacity = options->capacity_bytes;
	while (capacity < 5 * bytes)
		capacity *= 2;
	return capacity;
}

void options_help(void)
{
	puts("gyre-bench: messages between two processes, through gyre and through others\n"
	     "\n"
	     "	--cpus=A,B	pin the roles to these (default: one a physical core)\n"
	     "	--priority=P	of roles that spin: ordinary, nice (-20) or fifo (default: "
	     "ordinary)\n"
	     "	--capacity=N	of every ring, in bytes (default: 1 MiB for messages of up to 64\n"
	     "			bytes, 4 MiB for larger ones, at least five messages)\n"
	     "	--messages_least=N	of every run, unless they are large (default: 1000)\n"
	     "	--time_limit=S	a role that takes longer is killed and reported (default: 20)\n"
	     "	--line_floor=NS	a bare line ping-pong below this flags the repetition: two\n"
	     "			threads of one core, for the moment (default: 150)\n"
	     "\n"
	     "and google-benchmark's own, of which these are preset:\n"
	     "\n"
	     "	--benchmark_repetitions=7 --benchmark_enable_random_interleaving=true\n"
	     "	--benchmark_min_time=0.05 --benchmark_display_aggregates_only=true\n"
	     "\n"
	     "Names are work/bytes/peer. Useful too: --benchmark_list_tests "
	     "--benchmark_filter=REGEX\n"
	     "--benchmark_out=FILE.json (then: bench/ratios FILE.json), --benchmark_format=json\n");
}
