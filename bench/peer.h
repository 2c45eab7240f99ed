/*
 * What the harness asks of anything that carries messages from one process to another.
 *
 * An adapter is one file. It knows how a channel is made, how each role opens its end, and how
 * one message is sent and received. The loops around these calls stand in loops*.h, which an
 * adapter includes after its calls: so they are compiled into it, and a bare ring is inlined
 * into its loop as a program would inline it.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct channel; /* one direction; the adapter's. Made by the parent, inherited by the roles */
struct port;    /* one role's end of it; the adapter's */
struct team;
struct crowd;

enum peer_side {
	PEER_OUT,
	PEER_IN,
};

enum peer_caps {
	PEER_POLLS = 1 << 0,       /* has calls that never block */
	PEER_BLOCKS = 1 << 1,      /* has calls that sleep */
	PEER_HAS_THREADS = 1 << 2, /* or a daemon: a role that is never preempted starves them */
	PEER_TYPED = 1 << 3,       /* messages of the sizes it has types for */
	PEER_CREATES = 1 << 4,     /* create() is all that it takes to make one by name, and */
	PEER_ATTACHES = 1 << 5,    /* open() all that it takes to find it by its name */
};

struct channel_plan {
	size_t bytes;          /* every message has this size, a multiple of 8 */
	size_t capacity_bytes; /* room for messages, where that can be chosen */
	bool blocking;         /* which of the two kinds of calls */
};

/* One run of messages through open ports. */
struct run {
	struct team *team;   /* for team_fail() */
	struct crowd *crowd; /* where there are several producers or consumers */
	struct port *out;
	struct port *in;
	size_t bytes;
	uint64_t first; /* sequence number of the first message */
	uint64_t count;
	bool fresh;             /* written right before its send, not long before */
	bool first_line;        /* in place: only the first line is touched */
	unsigned char *source;  /* the messages to be sent, filled but for their stamps */
	unsigned char *sink;    /* room for MESSAGE_BATCH messages, or for one large one */
	uint32_t *samples;      /* times of trips or deliveries, in ticks; NULL: not wanted */
	uint64_t samples_every; /* of so many one is kept */
	uint64_t total;         /* of all */
	uint32_t longest;
	double interval_ticks; /* paced: between two messages */
	double ns_per_tick;
	uint64_t *start; /* paced: tick 0 of the schedule, shared by both */
};

/* Returns 0, or what team_fail() returned. */
typedef int peer_loop(struct run *run);

struct peer_loops {
	peer_loop *out;
	peer_loop *in;
};

struct peer {
	const char *name;
	unsigned caps;
	size_t bytes_max;

	/* Returns 0, or a negative number for describe(). */
	int (*create)(const struct channel_plan *plan, struct channel **ret_channel);
	void (*destroy)(struct channel *channel);

	/* In a role. NULL when it fails. */
	struct port *(*open)(struct channel *channel, enum peer_side side);
	void (*close)(struct port *port);

	const char *(*describe)(int code);

	/* What is not offered stays NULL. */
	struct peer_loops one;      /* one call a message, copied in and out */
	struct peer_loops batch;    /* MESSAGE_BATCH messages a call */
	struct peer_loops in_place; /* written and read where they lie */
	struct peer_loops trip;     /* one message there and one back: ping and pong */
	struct peer_loops paced;    /* messages that are due at fixed times */

	/* Several producers and consumers: every role opens the same channel. */
	struct peer_loops mpmc;
	struct peer_loops mpmc_batch; /* MPMC_BATCH messages a call */
};

/* All that were built, ended by NULL. */
extern const struct peer *const peers[];

#ifdef __cplusplus
}
#endif
#endif
