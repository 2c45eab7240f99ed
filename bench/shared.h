/*
 * Memory that a process shares with the children it forks.
 */
#ifndef BENCH_SHARED_H
#define BENCH_SHARED_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zeroed, page-aligned; NULL when there is none. */
void *shared_alloc(size_t bytes);
void shared_free(void *memory, size_t bytes);

/* A child's page tables start empty: faults belong before the measurement. */
void shared_touch(const void *memory, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
