/* What a process of the demo writes down about its own work, where the conductor can read it. */
#ifndef DEMO_TALLY_H
#define DEMO_TALLY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include "latency.h"

/* In front of what every message carries. */
struct envelope {
	uint64_t sent_ns;  /* CLOCK_MONOTONIC, just before the commit */
	uint64_t number;   /* from 0, without a gap, over all producers of a ring */
	uint64_t checksum; /* XXH3 of what follows */
};

/* Zeroed it is new. One process writes it. */
struct tally {
	_Atomic uint64_t messages;
	_Atomic uint64_t deaths; /* consumer: how often it was told that the producer died */
	uint64_t bytes;          /* without envelopes */
	uint64_t checksum;       /* of all messages, in their order */
	uint64_t gaps;           /* consumer: messages whose number was not the next one */
	uint64_t damaged;        /* consumer: messages that differ from their checksum */
	uint64_t begin_ns, end_ns, cpu_ns;
	struct latency latency;
	char problem[512]; /* "" if all went well */
};

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t checksum_of(const void *data, size_t bytes);
uint64_t checksum_add(uint64_t so_far, uint64_t next); /* depends on the order */

#endif
