/*
 * Waiting: spin for a time that adapts, then sleep in slices.
 *
 * A wake can be swallowed by a process that dies, so no sleep is unbounded: a consumer's slice in
 * front of an empty ring is 100 ms (an idle one wakes ten times a second); behind somebody's
 * unfinished message, and a producer's in front of a full ring, it begins with 0.2 ms and doubles.
 * When a slice runs out, and before the first one behind an unfinished message, the kernel is asked
 * whether those who are waited for still live.
 */
#include <ck_pr.h>
#include "clock.h"
#include "process.h"
#include "ring_private.h"

#define SPIN_MAX 2000u            /* polls of about 15 ns: somewhat more than two wakes cost */
#define SPIN_PAYS_BELOW_NS 50000u /* a sleep that short: spinning would have met the message */

#define MILLISECOND 1000000u
#define IDLE_SLICE (100 * MILLISECOND)
#define STUCK_SLICE_FIRST (MILLISECOND / 5)
#define STUCK_SLICE_MAX (10 * MILLISECOND)
#define UNORDERED_SLICE MILLISECOND /* neither a fence nor membarrier orders the publisher */

static void count(_Atomic uint64_t *counter)
{
	/* One writer: this seat's holder. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
		memory_order_relaxed);
}

int gyre_ring_wake_(struct gyre_ring *r)
{
	count(&r->seat->wakeups);
	gyre_wake_one(r->wake);
	return GYRE_OK;
}

static const struct gyre_ring_shape *shape_of(const struct gyre_ring *r)
{
	return gyre_ring_shape_of(&r->attachment.view.header);
}

/* Ready (1), not (0), or an outcome that ends the wait. */
static int look_or_gone(struct gyre_ring *r, int (*look)(struct gyre_ring *))
{
	int found = look(r);
	uint64_t generation;
	int gone;

	if (found != 0 || !gyre_is_consumer(r))
		return found;
	gone = shape_of(r)->gone(r, &generation);
	if (gone == 0)
		return 0;
	found = look(r);
	if (found != 0)
		return found;
	r->told_generation = generation;
	return gone;
}

static int spin(struct gyre_ring *r, int (*look)(struct gyre_ring *))
{
	for (uint32_t polls = 0; polls < r->spin; polls++) {
		const int found = look(r);

		if (found != 0) {
			r->spin = r->spin < SPIN_MAX / 2 ? 2 * r->spin + 16 : SPIN_MAX;
			return found;
		}
		ck_pr_stall();
	}
	return 0;
}

void gyre_wait_start(struct gyre_ring *r)
{
	r->spin = r->no_spin || gyre_online_cpus() < 2 ? 0 : SPIN_MAX / 2;
}

static uint64_t first_slice(const struct gyre_ring *r)
{
	const struct gyre_attachment *a = &r->attachment;

	if (a->view.header.wake == GYRE_WAKE_MEMBARRIER && !a->membarrier)
		return UNORDERED_SLICE;
	return gyre_is_consumer(r) && !shape_of(r)->is_stuck(r) ? IDLE_SLICE : STUCK_SLICE_FIRST;
}

/* Behind somebody's business the slices double; with nobody in the way they are long. */
static uint64_t next_slice(const struct gyre_ring *r, uint64_t slice)
{
	if (gyre_is_consumer(r) && !shape_of(r)->is_stuck(r))
		return first_slice(r);
	if (slice > STUCK_SLICE_MAX)
		return STUCK_SLICE_FIRST; /* that somebody stands in the way is new */
	return slice < STUCK_SLICE_MAX / 2 ? 2 * slice : STUCK_SLICE_MAX;
}

/* How long it slept tells whether to spin next time. */
static void adapt(struct gyre_ring *r, uint64_t slept)
{
	if (slept >= SPIN_PAYS_BELOW_NS)
		r->spin /= 2;
	else if (!r->no_spin)
		r->spin = SPIN_MAX;
}

/* Short timeouts in a loop must learn of a death too. */
static int last_look(struct gyre_ring *r, int (*look)(struct gyre_ring *))
{
	int found;

	shape_of(r)->ask(r);
	found = look_or_gone(r, look);
	return found != 0 ? found : GYRE_ETIMEDOUT;
}

/* A slice ran out, however many signals or stray wakes came, or somebody's unfinished message came
 * in the way of one who waited in front of an empty ring. */
static bool is_time_to_ask(const struct gyre_ring *r, uint64_t waited, uint64_t slice)
{
	return waited >= slice || (slice > STUCK_SLICE_MAX && shape_of(r)->is_stuck(r));
}

/* Woken, or the slice ran out: look, whatever it was. */
static int look_after_sleep(
	struct gyre_ring *r, int (*look)(struct gyre_ring *), uint64_t slept, uint64_t span)
{
	const int found = look_or_gone(r, look);

	if (slept >= span || found < 0)
		return found;
	if (found > 0)
		adapt(r, slept);
	shape_of(r)->hand_on(r, found > 0);
	return found;
}

static int sleep_until(struct gyre_ring *r, int (*look)(struct gyre_ring *), uint64_t deadline)
{
	uint64_t slice = first_slice(r);
	uint64_t asked = gyre_now_ns();
	bool rested = true; /* once a sleep: where everything is slow, to ask takes a slice, too */

	for (;;) {
		const uint32_t announced = gyre_announce_sleep(r->sleep, r->attachment.membarrier);
		int found = look_or_gone(r, look);
		uint64_t before, span;

		if (found != 0)
			return found;
		before = gyre_now_ns();
		if (before >= deadline)
			return last_look(r, look);
		if (rested && is_time_to_ask(r, before - asked, slice)) {
			shape_of(r)->ask(r);
			asked = before;
			slice = next_slice(r, slice);
			rested = false;
			continue; /* a repair changes what there is */
		}
		span = deadline - before < slice ? deadline - before : slice;
		count(&r->seat->sleeps);
		gyre_sleep(r->sleep, announced, span);
		rested = true;
		found = look_after_sleep(r, look, gyre_now_ns() - before, span);
		if (found != 0)
			return found;
	}
}

int gyre_wait(struct gyre_ring *r, int (*look)(struct gyre_ring *), int64_t timeout_ns)
{
	int found;

	count(&r->seat->stalls);
	if (timeout_ns == 0) {
		found = look_or_gone(r, look);
		return found > 0 ? GYRE_OK : found < 0 ? found : GYRE_EAGAIN;
	}
	found = spin(r, look);
	if (found == 0 && gyre_is_consumer(r) && shape_of(r)->is_stuck(r)) {
		shape_of(r)->ask(r); /* a dead one holds up all that is behind its message */
		found = look_or_gone(r, look);
	}
	if (found == 0)
		found = sleep_until(r, look, gyre_deadline(timeout_ns));
	return found > 0 ? GYRE_OK : found;
}
