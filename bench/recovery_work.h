/*
 * How long gyre takes to go on after a kill -9: recovery/BYTES/WHAT/peer.
 */
#ifndef BENCH_RECOVERY_WORK_H
#define BENCH_RECOVERY_WORK_H

#include "options.h"

/* options is kept, not copied. */
void recovery_work_register(const struct options *options);

#endif
