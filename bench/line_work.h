/*
 * The bare line ping-pong as benchmarks of their own: rtt/64/one_line and rtt/64/line_each_way.
 */
#ifndef BENCH_LINE_WORK_H
#define BENCH_LINE_WORK_H

#include "options.h"

/* options is kept, not copied. */
void line_work_register(const struct options *options);

#endif
