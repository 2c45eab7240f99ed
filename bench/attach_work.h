/*
 * How long it takes to make a channel by name, and to find it by its name:
 * create/BYTES/CAPACITY/peer and attach/BYTES/CAPACITY/peer.
 */
#ifndef BENCH_ATTACH_WORK_H
#define BENCH_ATTACH_WORK_H

#include "options.h"

/* options is kept, not copied. */
void attach_work_register(const struct options *options);

#endif
