/*
 * Two threads move messages through one ring, each with a handle of its own. Needs no test
 * framework, so that ThreadSanitizer can watch it (Criterion does not run under it).
 */
#ifndef GYRE_TESTS_EXCHANGE_H
#define GYRE_TESTS_EXCHANGE_H

#include "gyre_ring.h"

enum {
	EXCHANGE_BYTES_MAX = 256, /* the ring must take messages of so many bytes */
	EXCHANGE_MESSAGES = 30000,
};

/* All of them, of random sizes, through all forms of the calls, and the close. NULL if every one
 * arrived whole and in order, else a complaint. */
const char *exchange(struct gyre_ring *producer, int64_t producer_timeout_ns,
	struct gyre_ring *consumer, int64_t consumer_timeout_ns);

#endif
