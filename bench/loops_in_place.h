/*
 * Loops of messages that are written and read where they lie.
 *
 * An adapter includes this after loops.h, having defined, each static inline:
 *
 *	int port_reserve(struct port *port, size_t bytes, void **ret_message);
 *		1 yours to write; 0 no room now; or a negative error.
 *	int port_commit(struct port *port, size_t bytes);
 *		1, or a negative error.
 *	int64_t port_peek(struct port *port, const void **ret_message);
 *		The message's length; 0 nothing there now; or a negative error.
 *	int port_release(struct port *port);
 *		1, or a negative error.
 *
 * It defines place_out() and place_in(). Every word is written and read; or, for the price of
 * the messaging alone, the first line only.
 */
#ifndef BENCH_LOOPS_IN_PLACE_H
#define BENCH_LOOPS_IN_PLACE_H

#include "loops.h"

static int place_out(struct run *run)
{
	const uint64_t end = run->first + run->count;

	for (uint64_t i = run->first; i < end; i++) {
		void *message;
		int rc;

		while ((rc = port_reserve(run->out, run->bytes, &message)) == 0)
			poll_wait();
		if (rc < 0)
			return team_fail(run->team, "reserve: %s", port_describe(rc));
		if (run->first_line)
			message_put(message, 0, i);
		else
			message_fill(message, run->bytes, i);
		rc = port_commit(run->out, run->bytes);
		if (rc < 0)
			return team_fail(run->team, "commit: %s", port_describe(rc));
	}
	return 0;
}

static int place_in(struct run *run)
{
	const uint64_t end = run->first + run->count;

	for (uint64_t i = run->first; i < end; i++) {
		const void *message;
		int64_t rc;

		while ((rc = port_peek(run->in, &message)) == 0)
			poll_wait();
		if (rc < 0)
			return team_fail(run->team, "peek: %s", port_describe((int)rc));
		if ((size_t)rc != run->bytes)
			return team_fail(run->team, "message %llu: %lld bytes instead of %zu",
				(unsigned long long)i, (long long)rc, run->bytes);
		if (run->first_line ? message_get(message, 0) != i
				    : !message_right(message, run->bytes, i))
			return team_fail(run->team, "message %llu: lost, out of order or corrupt",
				(unsigned long long)i);
		rc = port_release(run->in);
		if (rc < 0)
			return team_fail(run->team, "release: %s", port_describe((int)rc));
	}
	return 0;
}

#endif
