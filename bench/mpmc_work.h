/*
 * Several producers and several consumers on one ring: mpmc/BYTES/PxC/peer.
 */
#ifndef BENCH_MPMC_WORK_H
#define BENCH_MPMC_WORK_H

#include "options.h"

/* Every shape with every peer that can do it. options is kept, not copied. */
void mpmc_work_register(const struct options *options);

#endif
