/*
 * The physical reference: one number bounced between two cores through bare cache lines.
 *
 *   one line:         ping and pong write the same line in turn; it crosses twice a trip.
 *   a line each way:  each writes its own line and reads the other's, as a pair of rings whose
 *                     message carries its own flag has to.
 */
#ifndef BENCH_LINE_H
#define BENCH_LINE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "poll.h"
#include "ticks.h"

struct line_pair {
	alignas(256) _Atomic uint64_t there;
	alignas(256) _Atomic uint64_t back;
};

static inline void line_await(_Atomic uint64_t *line, uint64_t value)
{
	/* [LINE] acquire: pairs with the release in line_ping() and line_pong(), as a ring's
	 * consumer has to pair with its producer. */
	while (atomic_load_explicit(line, memory_order_acquire) != value)
		poll_wait();
}

/* first is the number of trips these lines have seen. One sample a trip, in ticks. */
static inline void line_ping(struct line_pair *lines, _Atomic uint64_t *back, uint64_t first,
	uint32_t trips, uint32_t *ret_samples)
{
	uint64_t before = ticks_now();

	for (uint32_t i = 0; i < trips; i++) {
		const uint64_t value = 2 * (first + i) + 1;

		atomic_store_explicit(&lines->there, value, memory_order_release); /* [LINE] */
		line_await(back, value + 1);

		const uint64_t now = ticks_now();

		ret_samples[i] = now - before > UINT32_MAX ? UINT32_MAX : (uint32_t)(now - before);
		before = now;
	}
}

static inline void line_pong(
	struct line_pair *lines, _Atomic uint64_t *back, uint64_t first, uint32_t trips)
{
	for (uint32_t i = 0; i < trips; i++) {
		const uint64_t value = 2 * (first + i) + 1;

		line_await(&lines->there, value);
		atomic_store_explicit(back, value + 1, memory_order_release); /* [LINE] */
	}
}

#endif
