/*
 * What several producers and several consumers of one ring agree on. See crowd.h.
 */
#include "crowd.h"

#include "crowd_shared.h"
#include "ticks.h"

bool crowd_has_all(struct crowd *crowd, uint64_t all)
{
	struct crowd_shared *const shared = crowd->shared;
	uint64_t received = 0;
	uint64_t unknown = 0;

	/* [RECEIVED] relaxed: counts only; that they were received is all that is asked. */
	atomic_store_explicit(
		&shared->of[crowd->role].received, crowd->received, memory_order_relaxed);
	for (unsigned i = crowd->producers; i < crowd->roles; i++)
		received += atomic_load_explicit(&shared->of[i].received, memory_order_relaxed);
	if (received < all)
		return false;
	atomic_compare_exchange_strong_explicit(&shared->end_ns, &unknown,
		clock_ns(CLOCK_MONOTONIC), memory_order_relaxed, memory_order_relaxed);
	return true;
}
