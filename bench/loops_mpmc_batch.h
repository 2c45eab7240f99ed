/*
 * Loops of several producers and consumers on one ring, MPMC_BATCH messages a call.
 *
 * An adapter includes this after loops_mpmc.h, having defined port_send_batch() and
 * port_receive_batch() as loops_batch.h describes them. It defines mpmc_batch_out() and
 * mpmc_batch_in().
 */
#ifndef BENCH_LOOPS_MPMC_BATCH_H
#define BENCH_LOOPS_MPMC_BATCH_H

#include "loops_mpmc.h"

enum { MPMC_BATCH = 8 };

/* Batches end where the sources do, so that they are contiguous there. */
static inline unsigned mpmc_batch_from(uint64_t sequence, uint64_t end)
{
	return (unsigned)message_least(end - sequence, MPMC_BATCH - sequence % MPMC_BATCH);
}

/* Written while the batches before it are sent. */
__attribute__((always_inline)) static inline void mpmc_stamp_batch(
	struct run *run, size_t bytes, uint64_t sequence)
{
	const unsigned count = mpmc_batch_from(sequence, UINT64_MAX);

	for (unsigned k = 0; k < count; k++)
		message_stamp(run->source + (sequence + k) % MESSAGE_SOURCES * bytes, bytes,
			sequence + k);
}

__attribute__((always_inline)) static inline int mpmc_batch_out_sized(struct run *run, size_t bytes)
{
	const uint64_t first = crowd_sequence(run->crowd->role, run->first);
	const uint64_t end = first + run->count;

	for (uint64_t i = first; i < first + MESSAGE_AHEAD; i += mpmc_batch_from(i, UINT64_MAX))
		mpmc_stamp_batch(run, bytes, i);
	for (uint64_t i = first; i < end;) {
		unsigned char *const messages = run->source + i % MESSAGE_SOURCES * bytes;
		const unsigned want = mpmc_batch_from(i, end);
		unsigned done = 0;

		mpmc_stamp_batch(run, bytes, i + MESSAGE_AHEAD);
		__asm__ volatile("" : : "r"(messages) : "memory");

		while (done < want) {
			const int rc = port_send_batch(
				run->out, messages + done * bytes, bytes, want - done);

			if (rc < 0)
				return team_fail(run->team, "send: %s", port_describe(rc));
			if (rc == 0)
				crowd_wait(run->crowd);
			done += (unsigned)rc;
		}
		i += want;
	}
	return 0;
}

__attribute__((always_inline)) static inline int mpmc_batch_in_sized(struct run *run, size_t bytes)
{
	const uint64_t all = run->crowd->producers * (run->first + run->count);

	for (;;) {
		const int rc = port_receive_batch(run->in, run->sink, bytes, MPMC_BATCH);

		if (rc < 0)
			return team_fail(run->team, "receive: %s", port_describe(rc));
		if (rc == 0 && crowd_wait_for(run->crowd, all))
			return 0;
		for (int k = 0; k < rc; k++) {
			if (mpmc_check(run, run->sink + (size_t)k * bytes, bytes) != 0)
				return -1;
		}
	}
}

static int mpmc_batch_out(struct run *run)
{
	switch (run->bytes) {
	case 8:
		return mpmc_batch_out_sized(run, 8);
	case 64:
		return mpmc_batch_out_sized(run, 64);
	default:
		return mpmc_batch_out_sized(run, run->bytes);
	}
}

static int mpmc_batch_in(struct run *run)
{
	switch (run->bytes) {
	case 8:
		return mpmc_batch_in_sized(run, 8);
	case 64:
		return mpmc_batch_in_sized(run, 64);
	default:
		return mpmc_batch_in_sized(run, run->bytes);
	}
}

#endif
