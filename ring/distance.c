/*
 * Keeping a distance between two sides that are about as fast.
 *
 * Two sides that follow each other closely take each other's lines away with every message, and the
 * prefetcher of the one that reads takes the next twenty: that is up to three times slower than a
 * hundred messages of distance. So one that catches up while messages come fast lets the other get
 * ahead. A slow stream, or a message and its answer, is never held up.
 */
#include <ck_pr.h>
#include "clock.h"
#include "ring_private.h"

#define SLIP_NS 4000u          /* some two hundred messages */
#define SLIP_IF_WITHIN_NS 250u /* of each other */

void gyre_slip(struct gyre_ring *r, uint64_t position, uint64_t per_message)
{
	const uint64_t moved = (position - r->slip_position) / per_message;
	uint64_t now, since;

	if (moved == 0)
		return;
	r->slip_position = position;
	if (moved == 1)
		return; /* it may be a message and its answer, all the time */
	now = gyre_now_ns();
	since = now - r->slip_ns;
	r->slip_ns = now;
	if (since >= moved * SLIP_IF_WITHIN_NS)
		return;
	do
		ck_pr_stall();
	while (gyre_now_ns() - now < SLIP_NS);
}
