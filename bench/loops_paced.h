/*
 * Loops of messages that are due at fixed times.
 *
 * Both sides know when each is due: one run->interval_ticks after the other, from *run->start
 * on. What a message took is counted from then, not from when it was sent: a sender that is
 * held up would otherwise hide the wait of all that it did not send meanwhile.
 *
 * An adapter includes this after loops.h. It defines paced_out() and paced_in().
 */
#ifndef BENCH_LOOPS_PACED_H
#define BENCH_LOOPS_PACED_H

#include "loops.h"

enum { PACED_NAP_NS = 2 * 1000 * 1000 };

static inline uint64_t paced_due(const struct run *run, uint64_t start, uint64_t message)
{
	return start + (uint64_t)(run->interval_ticks * (double)message);
}

/* Sleeps as long as the time allows, and spins the rest. */
static inline void paced_wait(const struct run *run, uint64_t due)
{
	int64_t left_ns;

	while ((left_ns = (int64_t)((double)(int64_t)(due - ticks_now()) * run->ns_per_tick)) > 0) {
		if (left_ns > 2 * PACED_NAP_NS) {
			const int64_t nap_ns = left_ns - PACED_NAP_NS;
			const struct timespec nap = {nap_ns / 1000000000, nap_ns % 1000000000};

			nanosleep(&nap, NULL);
		} else {
			poll_wait();
		}
	}
}

static int paced_out(struct run *run)
{
	const uint64_t pool = message_pool(run->bytes);
	const uint64_t start = ticks_now();

	/* [START] release: the receiver reads it after it received the first message. */
	__atomic_store_n(run->start, start, __ATOMIC_RELEASE);
	for (uint64_t i = 0; i < run->count; i++) {
		const uint64_t sequence = run->first + i;
		unsigned char *const message = run->source + sequence % pool * run->bytes;

		message_stamp(message, run->bytes, sequence);
		paced_wait(run, paced_due(run, start, i + 1));
		if (loop_send(run, run->out, message, run->bytes) != 0)
			return -1;
	}
	return 0;
}

static int paced_in(struct run *run)
{
	for (uint64_t i = 0; i < run->count; i++) {
		if (loop_await(run, run->in, run->bytes, run->first + i) != 0)
			return -1;

		const uint64_t now = ticks_now();
		const uint64_t start = __atomic_load_n(run->start, __ATOMIC_ACQUIRE); /* [START] */
		const uint64_t due = paced_due(run, start, i + 1);

		keep_sample(run, i, now > due ? now - due : 0);
		if (loop_check(run, run->bytes, run->first + i) != 0)
			return -1;
	}
	return 0;
}

#endif
