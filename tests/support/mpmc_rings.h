/*
 * For tests of mpmc rings, beside rings.h: several handles of a ring, what all of its seats did
 * together, and the words of the segment by their place in docs/layout.md.
 */
#ifndef GYRE_TESTS_MPMC_RINGS_H
#define GYRE_TESTS_MPMC_RINGS_H

#include "rings.h"

enum {
	MPMC_CELLS = 64, /* of mpmc_of_cells() */
	MPMC_CELL_BYTES = 64,
};

/* Options of a ring of so many cells, MPMC_CELL_BYTES each. */
struct gyre_ring_options cells_of(const struct variant *v, uint64_t cells);

/* A ring of so many cells, and a handle for each side. */
struct pair mpmc_pair(const struct variant *v, uint64_t cells);

/* Peek, check that it is message `number` as send_number() sent it, and its delivery. GYRE_OK, or
 * the ring's outcome, or WRONG_MESSAGE. */
int peek_number(struct gyre_ring *ring, uint64_t number, uint32_t deliveries, int64_t timeout_ns,
	struct gyre_message *ret_message);

/* All seats together. */
struct totals {
	struct gyre_ring_info info;
	uint64_t committed, committed_bytes, discarded; /* discarded or aborted */
	uint64_t released, released_bytes;
	uint64_t redelivered, dropped, dropped_bytes;
	uint64_t producers_sleeps, consumers_sleeps;
	uint64_t producers_wakeups, consumers_wakeups;
	unsigned producers_alive, consumers_alive;
	unsigned seats; /* that were ever used */
};

struct totals totals_of(const char *key);

/* committed = released + dropped + in the ring; and of bytes, where the ring is empty. */
void expect_accounts(const struct totals *totals);

/* Waits until the consumers (or the producers) have slept so often, all together. */
bool until_all_slept(const char *key, enum gyre_role role, uint64_t sleeps);

/* A child that attaches, does something with the ring, says so, and waits to be killed. */
typedef const char *doomed_fn(struct gyre_ring *ring, void *context);
struct child live_until_killed(
	const char *key, enum gyre_role role, doomed_fn *body, void *context);
/* The same, and dead when this returns. */
void live_and_die(const char *key, enum gyre_role role, doomed_fn *body, void *context);

/* Who lives as child of this process, by its pid. */
bool is_pid_of(const struct gyre_participant *who, const struct child *child);

#endif
