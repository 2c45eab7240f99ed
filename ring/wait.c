/*
 * Waiting: spin for a time that adapts, then sleep in slices.
 *
 * A wake can be swallowed by a process that dies, so no sleep is unbounded: a consumer's slice is
 * 100 ms (an idle one wakes ten times a second), a producer's in front of a full ring begins with
 * 0.2 ms and doubles. When a slice runs out, and only then, the kernel is asked whether the other
 * side still lives.
 */
#include <ck_pr.h>
#include "clock.h"
#include "process.h"
#include "ring_private.h"

#define SPIN_MAX 2000u            /* polls of about 15 ns: somewhat more than two wakes cost */
#define SPIN_PAYS_BELOW_NS 50000u /* a sleep that short: spinning would have met the message */

#define MILLISECOND 1000000u
#define CONSUMER_SLICE (100 * MILLISECOND)
#define PRODUCER_SLICE_FIRST (MILLISECOND / 5)
#define PRODUCER_SLICE_MAX (10 * MILLISECOND)
#define UNORDERED_SLICE MILLISECOND /* neither a fence nor membarrier orders the publisher */

static bool is_consumer(const struct gyre_ring *r)
{
	return r->attachment.number == GYRE_SPSC_CONSUMER_SEAT;
}

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

static struct gyre_seat *producer_seat(const struct gyre_ring *r)
{
	return gyre_seat_at(&r->attachment.view, GYRE_SPSC_PRODUCER_SEAT);
}

/* GYRE_ELEFT or GYRE_EDIED if the last producer went and that was not told yet. */
static int producer_gone(const struct gyre_ring *r, uint32_t *ret_generation)
{
	/* [SEAT] acquire: what it published before it went is seen by the next look. */
	const uint32_t word = atomic_load_explicit(&producer_seat(r)->state, memory_order_acquire);

	*ret_generation = gyre_seat_generation_of(word);
	if (*ret_generation == r->told_generation)
		return 0;
	switch (gyre_seat_state_of(word)) {
	case GYRE_SEAT_LEFT:
		return GYRE_ELEFT;
	case GYRE_SEAT_DIED:
		return GYRE_EDIED;
	default:
		return 0;
	}
}

/* Ready (1), not (0), or an outcome that ends the wait. */
static int look_or_gone(struct gyre_ring *r, int (*look)(struct gyre_ring *))
{
	int found = look(r);
	uint32_t generation;
	int gone;

	if (found != 0 || !is_consumer(r))
		return found;
	gone = producer_gone(r, &generation);
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
	return is_consumer(r) ? CONSUMER_SLICE : PRODUCER_SLICE_FIRST;
}

static uint64_t next_slice(const struct gyre_ring *r, uint64_t slice)
{
	if (is_consumer(r))
		return slice;
	return slice < PRODUCER_SLICE_MAX / 2 ? 2 * slice : PRODUCER_SLICE_MAX;
}

/* The other side has been silent for a slice: does it live? A dead one is settled and marked, so
 * that the next look says so. */
static void ask_for_life(struct gyre_ring *r)
{
	const unsigned other = is_consumer(r) ? GYRE_SPSC_PRODUCER_SEAT : GYRE_SPSC_CONSUMER_SEAT;

	if (!gyre_attachment_has_lock(&r->attachment))
		return;
	gyre_seat_repair(&r->attachment.view, other, r->attachment.number + 1,
		gyre_ring_shape_of(&r->attachment.view.header)->settle);
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

	ask_for_life(r);
	found = look_or_gone(r, look);
	return found != 0 ? found : GYRE_ETIMEDOUT;
}

static int sleep_until(struct gyre_ring *r, int (*look)(struct gyre_ring *), uint64_t deadline)
{
	uint64_t slice = first_slice(r);
	uint64_t asked = gyre_now_ns();

	for (;;) {
		const uint32_t announced = gyre_announce_sleep(r->sleep, r->attachment.membarrier);
		int found = look_or_gone(r, look);
		uint64_t before, after, span;

		if (found != 0)
			return found;
		before = gyre_now_ns();
		if (before >= deadline)
			return last_look(r, look);
		span = deadline - before < slice ? deadline - before : slice;
		count(&r->seat->sleeps);
		gyre_sleep(r->sleep, announced, span);
		after = gyre_now_ns();
		found = look_or_gone(r, look);
		if (found != 0) {
			if (after - before < span)
				adapt(r, after - before);
			return found;
		}
		if (after - asked >= slice) { /* however many signals or stray wakes came */
			ask_for_life(r);
			asked = after;
			slice = next_slice(r, slice);
		}
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
	if (found == 0)
		found = sleep_until(r, look, gyre_deadline(timeout_ns));
	return found > 0 ? GYRE_OK : found;
}
