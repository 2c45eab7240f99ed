/*
 * What can be asked for beyond google-benchmark's own options.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "team.h"

struct options {
	struct team_settings team;
	double line_floor_ns;    /* a bare line trip below this is not believed */
	size_t capacity_bytes;   /* of every ring; 0: by the message's size */
	uint64_t messages_least; /* a run has, unless they are large */
};

/* Takes its own options out of argv. Returns false, having said why, when one is malformed. */
bool options_parse(int *argc, char **argv, struct options *ret_options);

/* Of a ring for messages of that size. */
size_t options_capacity(const struct options *options, size_t bytes);

void options_help(void);

#endif
