/*
 * Loops of batches: MESSAGE_BATCH messages a call, one after the other in memory.
 *
 * An adapter includes this after loops.h, having defined, each static inline:
 *
 *	int port_send_batch(struct port *port, const void *messages, size_t bytes,
 *		unsigned count);
 *		How many were sent, from the first; 0 none now; or a negative error.
 *	int port_receive_batch(struct port *port, void *buffer, size_t bytes, unsigned count);
 *		How many came, at most count, packed; 0 none now; or a negative error.
 *
 * It defines batch_out() and batch_in(), for messages small enough to have
 * MESSAGE_BATCH source buffers.
 */
#ifndef BENCH_LOOPS_BATCH_H
#define BENCH_LOOPS_BATCH_H

#include "loops.h"

/* Batches end where the sources do, so that they are contiguous there. */
static inline unsigned batch_from(uint64_t sequence, uint64_t end)
{
	return (unsigned)message_least(end - sequence, MESSAGE_BATCH - sequence % MESSAGE_BATCH);
}

/* While one half of the sources is sent, the other is written: long before, as far as the
 * processor is concerned. */
__attribute__((always_inline)) static inline void stamp_batch(
	struct run *run, size_t bytes, uint64_t sequence)
{
	const unsigned count = batch_from(sequence, UINT64_MAX);

	for (unsigned k = 0; k < count; k++)
		message_stamp(run->source + (sequence + k) % MESSAGE_SOURCES * bytes, bytes,
			sequence + k);
}

__attribute__((always_inline)) static inline int batch_out_sized(struct run *run, size_t bytes)
{
	const uint64_t end = run->first + run->count;

	stamp_batch(run, bytes, run->first);
	for (uint64_t i = run->first; i < end;) {
		unsigned char *const messages = run->source + i % MESSAGE_SOURCES * bytes;
		const unsigned want = batch_from(i, end);
		unsigned done = 0;

		stamp_batch(run, bytes, i + want);
		__asm__ volatile("" : : "r"(messages) : "memory");

		while (done < want) {
			const int rc = port_send_batch(
				run->out, messages + done * bytes, bytes, want - done);

			if (rc < 0)
				return team_fail(run->team, "send: %s", port_describe(rc));
			if (rc == 0)
				poll_wait();
			done += (unsigned)rc;
		}
		i += want;
	}
	return 0;
}

__attribute__((always_inline)) static inline int batch_in_sized(struct run *run, size_t bytes)
{
	const uint64_t end = run->first + run->count;

	for (uint64_t i = run->first; i < end;) {
		const unsigned want = (unsigned)message_least(end - i, MESSAGE_BATCH);
		const int rc = port_receive_batch(run->in, run->sink, bytes, want);

		if (rc < 0)
			return team_fail(run->team, "receive: %s", port_describe(rc));
		if (rc == 0)
			poll_wait();
		for (int k = 0; k < rc; k++, i++) {
			if (!message_checks_out(run->sink + (size_t)k * bytes, bytes, i))
				return team_fail(run->team,
					"message %llu: lost, out of order or corrupt",
					(unsigned long long)i);
		}
	}
	return 0;
}

static int batch_out(struct run *run)
{
	switch (run->bytes) {
	case 8:
		return batch_out_sized(run, 8);
	case 64:
		return batch_out_sized(run, 64);
	default:
		return batch_out_sized(run, run->bytes);
	}
}

static int batch_in(struct run *run)
{
	switch (run->bytes) {
	case 8:
		return batch_in_sized(run, 8);
	case 64:
		return batch_in_sized(run, 64);
	default:
		return batch_in_sized(run, run->bytes);
	}
}

#endif
