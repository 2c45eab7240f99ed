/*
 * The work that peers are put to: throughput and round trips, by message size.
 */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "options.h"

/* Every work with every peer that can do it. options is kept, not copied. */
void work_register(const struct options *options);

#endif
