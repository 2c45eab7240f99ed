/*
 * google-benchmark for C.
 *
 * A benchmark is a name and a function. google-benchmark says how many iterations it wants, the
 * function makes that many, timed by itself, and reports the seconds. All the command line
 * options of google-benchmark work; the defaults given here ask for interleaved repetitions.
 */
#ifndef BENCH_SHIM_H
#define BENCH_SHIM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shim_state; /* one run of one benchmark */

typedef void shim_function(struct shim_state *state, void *arg);

/* arg is kept, not copied. */
void shim_register(const char *name, shim_function *function, void *arg);

/* The same for what knows by itself how much it has to do: called once a repetition, for one
 * iteration. */
void shim_register_once(const char *name, shim_function *function, void *arg);

/* How many iterations to make, at least 1. */
int64_t shim_iterations(const struct shim_state *state);

/* So long should a run take: what --benchmark_min_time says. */
double shim_run_seconds(void);

/* What all the iterations together took. */
void shim_seconds(struct shim_state *state, double seconds);

/* Shown as rates. */
void shim_items(struct shim_state *state, int64_t items);
void shim_bytes(struct shim_state *state, int64_t bytes);

/* Shown as they are. */
void shim_counter(struct shim_state *state, const char *name, double value);

/* This run failed; its figures do not count. */
void shim_fail(struct shim_state *state, const char *why);

/* A line for the head of the output. */
void shim_context(const char *key, const char *value);

/* Returns an exit status: 0, 1 when a benchmark failed, 2 for bad options. */
int shim_main(int argc, char **argv, void (*print_help)(void));

#ifdef __cplusplus
}
#endif
#endif
