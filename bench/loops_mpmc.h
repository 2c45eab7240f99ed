/*
 * Loops of several producers and consumers on one ring, copied in and out.
 *
 * An adapter includes this after having defined port_send(), port_receive() and port_describe()
 * as loops.h describes them. It defines mpmc_out() and mpmc_in(). The sequence numbers of
 * run->first onwards are those of this producer, or of each of them: see crowd.h.
 */
#ifndef BENCH_LOOPS_MPMC_H
#define BENCH_LOOPS_MPMC_H

#include <inttypes.h>

#include "crowd.h"
#include "message.h"
#include "peer.h"
#include "team.h"

__attribute__((always_inline)) static inline int mpmc_check(
	struct run *run, const unsigned char *message, size_t bytes)
{
	const uint64_t sequence = message_get(message, 0);
	const uint64_t producer = sequence >> CROWD_PRODUCER_SHIFT;

	if (!crowd_take(run->crowd, sequence))
		return team_fail(run->team,
			"message %" PRIx64 ": out of order, twice, or corrupt (at least %" PRIu64
			" of producer %" PRIu64 " may come)",
			sequence, producer < TEAM_MAX ? run->crowd->next[producer] : 0, producer);
	if (!message_checks_out(message, bytes, sequence))
		return team_fail(run->team, "message %" PRIx64 ": corrupt", sequence);
	return 0;
}

__attribute__((always_inline)) static inline int mpmc_out_sized(struct run *run, size_t bytes)
{
	const uint64_t pool = message_pool(bytes);
	const uint64_t ahead = pool > MESSAGE_AHEAD ? MESSAGE_AHEAD : 0;
	const uint64_t first = crowd_sequence(run->crowd->role, run->first);
	const uint64_t end = first + run->count;

	for (uint64_t i = first; i < first + ahead; i++)
		message_stamp(run->source + i % pool * bytes, bytes, i);
	for (uint64_t i = first; i < end; i++) {
		unsigned char *const message = run->source + i % pool * bytes;
		int rc;

		message_stamp(run->source + (i + ahead) % pool * bytes, bytes, i + ahead);
		__asm__ volatile("" : : "r"(message) : "memory"); /* as in stream_out_sized() */

		while ((rc = port_send(run->out, message, bytes)) == 0)
			crowd_wait(run->crowd);
		if (rc < 0)
			return team_fail(run->team, "send: %s", port_describe(rc));
	}
	return 0;
}

__attribute__((always_inline)) static inline int mpmc_in_sized(struct run *run, size_t bytes)
{
	const uint64_t all = run->crowd->producers * (run->first + run->count);

	for (;;) {
		const int64_t rc = port_receive(run->in, run->sink, bytes);

		if (rc == 0) {
			if (crowd_wait_for(run->crowd, all))
				return 0;
			continue;
		}
		if (rc < 0)
			return team_fail(run->team, "receive: %s", port_describe((int)rc));
		if ((size_t)rc != bytes)
			return team_fail(run->team, "%" PRId64 " bytes instead of %zu", rc, bytes);
		if (mpmc_check(run, run->sink, bytes) != 0)
			return -1;
	}
}

static int mpmc_out(struct run *run)
{
	switch (run->bytes) {
	case 8:
		return mpmc_out_sized(run, 8);
	case 64:
		return mpmc_out_sized(run, 64);
	default:
		return mpmc_out_sized(run, run->bytes);
	}
}

static int mpmc_in(struct run *run)
{
	switch (run->bytes) {
	case 8:
		return mpmc_in_sized(run, 8);
	case 64:
		return mpmc_in_sized(run, 64);
	default:
		return mpmc_in_sized(run, run->bytes);
	}
}

#endif
