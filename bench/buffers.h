/*
 * What a role sends from and receives into.
 */
#ifndef BENCH_BUFFERS_H
#define BENCH_BUFFERS_H

#include <stdbool.h>
#include <stddef.h>

struct run;

/* Sources filled with messages but for their stamps, and room for what comes, for messages of this
 * size. They are the process's until its end. False when there is no memory. */
bool run_fill_buffers(struct run *run, size_t bytes, bool batch);

#endif
