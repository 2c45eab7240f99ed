/*
 * What several producers and several consumers of one ring agree on: whose a message is, when
 * the last one has come, and whether each came exactly once.
 *
 * A message's sequence number names its producer in its upper 16 bits; below, each producer
 * counts from 0. What a consumer sees of one producer has to rise. No consumer knows how many
 * messages it will get, so one that finds nothing for a while says how many it has, adds up what
 * all have said, and ends when that is everything. And each adds up a hash of the numbers it got:
 * the sum of the sums is right only if none is missing and none came twice.
 */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "poll.h"
#include "team.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
	CROWD_PRODUCER_SHIFT = 48,
	CROWD_PATIENCE = 64, /* looks in vain before anything dearer than a look, */
	CROWD_YIELD = 1024,  /* and before the core is given to another: some 20 us */
};

struct crowd_shared; /* what all see */

/* What one role knows. */
struct crowd {
	struct crowd_shared *shared;
	unsigned role;      /* the first ones are producers, and their number is the role's */
	unsigned producers; /* the number of them; the others consume */
	unsigned roles;
	bool oversubscribed;     /* more roles than cores */
	unsigned vain;           /* looks since the last that found something */
	uint64_t received;       /* from the beginning, the lap before included */
	uint64_t hashes;         /* of these */
	uint64_t next[TEAM_MAX]; /* of each producer the lowest number that may still come */
};

static inline uint64_t crowd_sequence(unsigned producer, uint64_t number)
{
	return ((uint64_t)producer << CROWD_PRODUCER_SHIFT) + number;
}

static inline uint64_t crowd_hash(uint64_t sequence)
{
	uint64_t x = (sequence + 1) * UINT64_C(0x9e3779b97f4a7c15);

	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	return x ^ (x >> 32);
}

/* False when the number is none that may come now from this producer. */
static inline bool crowd_take(struct crowd *crowd, uint64_t sequence)
{
	const uint64_t producer = sequence >> CROWD_PRODUCER_SHIFT;
	const uint64_t number = sequence - (producer << CROWD_PRODUCER_SHIFT);

	if (producer >= crowd->producers || number < crowd->next[producer])
		return false;
	crowd->next[producer] = number + 1;
	crowd->received++;
	crowd->hashes += crowd_hash(sequence);
	crowd->vain = 0;
	return true;
}

/* After a look in vain. Who has no core of its own lets others run, before its time is up. */
static inline void crowd_wait(struct crowd *crowd)
{
	poll_wait();
	if (++crowd->vain % CROWD_YIELD == 0 && crowd->oversubscribed)
		sched_yield();
}

/* Says how many this consumer has. True once they together have that many, counted from the
 * beginning. */
bool crowd_has_all(struct crowd *crowd, uint64_t all);

/* After a consumer's look in vain: true once there is nothing to wait for. */
static inline bool crowd_wait_for(struct crowd *crowd, uint64_t all)
{
	crowd_wait(crowd);
	return crowd->vain % CROWD_PATIENCE == 0 && crowd_has_all(crowd, all);
}

#ifdef __cplusplus
}
#endif
#endif
