/*
 * Loops of single messages, copied in and out, and of round trips.
 *
 * An adapter includes this after having defined, each static inline:
 *
 *	int port_send(struct port *port, const void *message, size_t bytes);
 *		1 sent; 0 no room now (never, where calls block); or a negative error.
 *	int64_t port_receive(struct port *port, void *buffer, size_t bytes);
 *		The message's length; 0 nothing there now; or a negative error.
 *	const char *port_describe(int code);
 *
 * It defines stream_out(), stream_in(), trip_ping() and trip_pong(). The usual sizes are
 * constants in copies of the loop of their own: most peers' messages are of a type with a fixed
 * size, and a program compiles their copy inline.
 */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include "message.h"
#include "peer.h"
#include "poll.h"
#include "team.h"
#include "ticks.h"

__attribute__((always_inline)) static inline int loop_send(
	struct run *run, struct port *port, const void *message, size_t bytes)
{
	int rc;

	while ((rc = port_send(port, message, bytes)) == 0)
		poll_wait();
	if (rc < 0)
		return team_fail(run->team, "send: %s", port_describe(rc));
	return 0;
}

/* Receives one message into the sink. */
__attribute__((always_inline)) static inline int loop_await(
	struct run *run, struct port *port, size_t bytes, uint64_t sequence)
{
	int64_t rc;

	while ((rc = port_receive(port, run->sink, bytes)) == 0)
		poll_wait();
	if (rc < 0)
		return team_fail(run->team, "receive: %s", port_describe((int)rc));
	if ((size_t)rc != bytes)
		return team_fail(run->team, "message %llu: %lld bytes instead of %zu",
			(unsigned long long)sequence, (long long)rc, bytes);
	return 0;
}

__attribute__((always_inline)) static inline int loop_check(
	struct run *run, size_t bytes, uint64_t sequence)
{
	if (!message_checks_out(run->sink, bytes, sequence))
		return team_fail(run->team, "message %llu: lost, out of order or corrupt (is %llu)",
			(unsigned long long)sequence,
			(unsigned long long)message_get(run->sink, 0));
	return 0;
}

__attribute__((always_inline)) static inline int loop_receive(
	struct run *run, struct port *port, size_t bytes, uint64_t sequence)
{
	if (loop_await(run, port, bytes, sequence) != 0)
		return -1;
	return loop_check(run, bytes, sequence);
}

__attribute__((always_inline)) static inline int stream_out_sized(struct run *run, size_t bytes)
{
	const uint64_t pool = message_pool(bytes);
	const uint64_t ahead = pool > MESSAGE_AHEAD ? MESSAGE_AHEAD : 0;
	const uint64_t end = run->first + run->count;

	/* The compiler must not see the message's words pass by in registers: it is some other
	 * function's work. */
	for (uint64_t i = run->first; i < run->first + ahead; i++)
		message_stamp(run->source + i % pool * bytes, bytes, i);
	for (uint64_t i = run->first; i < end; i++) {
		unsigned char *const message = run->source + i % pool * bytes;

		if (run->fresh)
			message_write_fields(message, bytes, i);
		else
			message_stamp(run->source + (i + ahead) % pool * bytes, bytes, i + ahead);
		__asm__ volatile("" : : "r"(message) : "memory");

		if (loop_send(run, run->out, message, bytes) != 0)
			return -1;
	}
	return 0;
}

__attribute__((always_inline)) static inline int stream_in_sized(struct run *run, size_t bytes)
{
	const uint64_t end = run->first + run->count;

	for (uint64_t i = run->first; i < end; i++) {
		if (loop_receive(run, run->in, bytes, i) != 0)
			return -1;
	}
	return 0;
}

__attribute__((always_inline)) static inline void keep_sample(
	struct run *run, uint64_t trip, uint64_t ticks)
{
	const uint32_t sample = ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;

	run->total += ticks;
	if (sample > run->longest)
		run->longest = sample;
	if (run->samples != NULL && trip % run->samples_every == 0)
		run->samples[trip / run->samples_every] = sample;
}

__attribute__((always_inline)) static inline int trip_ping_sized(struct run *run, size_t bytes)
{
	const uint64_t pool = message_pool(bytes);
	uint64_t before = ticks_now();

	for (uint64_t i = 0; i < run->count; i++) {
		const uint64_t sequence = run->first + i;
		unsigned char *const message = run->source + sequence % pool * bytes;

		message_stamp(message, bytes, sequence);
		if (loop_send(run, run->out, message, bytes) != 0 ||
			loop_receive(run, run->in, bytes, sequence) != 0)
			return -1;

		const uint64_t now = ticks_now();

		keep_sample(run, i, now - before);
		before = now;
	}
	return 0;
}

/* Sends back a message of its own, prepared before the other came. */
__attribute__((always_inline)) static inline int trip_pong_sized(struct run *run, size_t bytes)
{
	const uint64_t pool = message_pool(bytes);
	const uint64_t end = run->first + run->count;

	for (uint64_t i = run->first; i < end; i++) {
		unsigned char *const message = run->source + i % pool * bytes;

		message_stamp(message, bytes, i);
		if (loop_receive(run, run->in, bytes, i) != 0 ||
			loop_send(run, run->out, message, bytes) != 0)
			return -1;
	}
	return 0;
}

static int stream_out(struct run *run)
{
	switch (run->bytes) {
	case 8:
		return stream_out_sized(run, 8);
	case 64:
		return stream_out_sized(run, 64);
	case 1024:
		return stream_out_sized(run, 1024);
	default:
		return stream_out_sized(run, run->bytes);
	}
}

static int stream_in(struct run *run)
{
	switch (run->bytes) {
	case 8:
		return stream_in_sized(run, 8);
	case 64:
		return stream_in_sized(run, 64);
	case 1024:
		return stream_in_sized(run, 1024);
	default:
		return stream_in_sized(run, run->bytes);
	}
}

static int trip_ping(struct run *run)
{
	return run->bytes == 64 ? trip_ping_sized(run, 64) : trip_ping_sized(run, run->bytes);
}

static int trip_pong(struct run *run)
{
	return run->bytes == 64 ? trip_pong_sized(run, 64) : trip_pong_sized(run, run->bytes);
}

#endif
