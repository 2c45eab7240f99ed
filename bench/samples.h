/*
 * Times of single messages, in ticks, and what is told of them.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void samples_sort(uint32_t *samples, size_t count);

/* Of sorted samples; q from 0 to 1. 0 when there are none. */
uint32_t samples_quantile(const uint32_t *sorted, size_t count, double q);

#ifdef __cplusplus
}
#endif
#endif
