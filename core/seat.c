#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "attachment.h"
#include "clock.h"
#include "lockbyte.h"
#include "process.h"

/* A repair, a dying process: how long to wait for one, and how often to look. */
enum {
	TRANSIT_NS = 200000000,
	TRANSIT_LOOK_NS = 200000,
};

static unsigned lock_byte(unsigned number)
{
	return GYRE_LOCK_SEATS + number;
}

void gyre_seat_name(const struct gyre_seat *seat, char ret_name[32])
{
	for (int i = 0; i < 4; i++) {
		const uint64_t part = atomic_load_explicit(&seat->name[i], memory_order_relaxed);

		memcpy(ret_name + 8 * i, &part, 8);
	}
	ret_name[31] = '\0';
	gyre_make_harmless(ret_name); /* anyone may have written it */
}

void gyre_seat_describe(const struct gyre_seat *seat, char *text, size_t size)
{
	char name[32];

	gyre_seat_name(seat, name);
	snprintf(text, size, "pid %" PRIu32 " (%s)",
		atomic_load_explicit(&seat->pid, memory_order_relaxed), name);
}

static void write_name(struct gyre_seat *seat, const char *name)
{
	char padded[32] = {0};

	memcpy(padded, name, strnlen(name, sizeof padded - 1));
	for (int i = 0; i < 4; i++) {
		uint64_t part;

		memcpy(&part, padded + 8 * i, 8);
		atomic_store_explicit(&seat->name[i], part, memory_order_relaxed);
	}
}

/* The kernel says that nobody holds the byte: is the recorded holder really gone? */
static enum gyre_life ask_witnesses(const struct gyre_view *view, unsigned number)
{
	const struct gyre_seat *seat = gyre_seat_at(view, number);
	const struct gyre_process holder = {
		.pid = atomic_load_explicit(&seat->pid, memory_order_relaxed),
		.start_ticks = atomic_load_explicit(&seat->start_ticks, memory_order_relaxed),
		.pid_namespace = atomic_load_explicit(&seat->pid_namespace, memory_order_relaxed),
	};

	const struct gyre_process self = gyre_process_self();

	/* An earlier program of this very process, before an exec, is as dead as another one. */
	if (holder.pid == self.pid && holder.pid_namespace == self.pid_namespace)
		return gyre_attached_here(&view->map, number) ? GYRE_SEAT_IS_SUSPECT
							      : GYRE_SEAT_IS_DEAD;
	return gyre_process_witness(&holder, &view->map) == GYRE_WITNESS_MAPPED
		       ? GYRE_SEAT_IS_SUSPECT
		       : GYRE_SEAT_IS_DEAD;
}

/* [SEAT] acquire: pairs with the release of the holder in gyre_seat_take(), so that its identity
 * is read whole. */
static uint32_t load_state(const struct gyre_seat *seat)
{
	return atomic_load_explicit(&seat->state, memory_order_acquire);
}

enum gyre_life gyre_seat_life(const struct gyre_view *view, unsigned number)
{
	const struct gyre_seat *seat = gyre_seat_at(view, number);

	if (gyre_seat_state_of(load_state(seat)) != GYRE_SEAT_LIVE)
		return GYRE_SEAT_IS_EMPTY;
	if (gyre_lock_is_held(view->map.fd, lock_byte(number)))
		return GYRE_SEAT_IS_ALIVE;
	/* Between the two looks it may have left: its state says so before the lock goes. */
	if (gyre_seat_state_of(load_state(seat)) != GYRE_SEAT_LIVE)
		return GYRE_SEAT_IS_EMPTY;
	return ask_witnesses(view, number);
}

/* Under the lock byte of the seat. */
static enum gyre_life repair_locked(
	const struct gyre_view *view, unsigned number, unsigned self, gyre_settle_fn *settle)
{
	struct gyre_seat *seat = gyre_seat_at(view, number);
	const uint32_t word = load_state(seat);
	enum gyre_life life;

	if (gyre_seat_state_of(word) != GYRE_SEAT_LIVE)
		return GYRE_SEAT_IS_EMPTY;
	life = ask_witnesses(view, number);
	if (life != GYRE_SEAT_IS_DEAD)
		return life;
	atomic_store_explicit(&seat->repairer, self, memory_order_relaxed);
	settle(view, number);
	atomic_store_explicit(&seat->departed_ns, gyre_now_ns(), memory_order_relaxed);
	/* [SEAT] release: whoever sees DIED sees the settled ledger. Last, so that a repairer that
	 * dies before it leaves the same work to the next one. */
	atomic_store_explicit(&seat->state,
		gyre_seat_word(gyre_seat_generation_of(word), GYRE_SEAT_DIED),
		memory_order_release);
	atomic_store_explicit(&seat->repairer, 0, memory_order_relaxed);
	return GYRE_SEAT_IS_DEAD;
}

enum gyre_life gyre_seat_repair(
	const struct gyre_view *view, unsigned number, unsigned self, gyre_settle_fn *settle)
{
	enum gyre_life life = gyre_seat_life(view, number);

	if (life != GYRE_SEAT_IS_DEAD)
		return life;
	if (!gyre_lock_exclusive(view->map.fd, lock_byte(number)))
		return GYRE_SEAT_IS_ALIVE; /* somebody else repairs it, or sits down */
	life = repair_locked(view, number, self, settle);
	gyre_unlock(view->map.fd, lock_byte(number));
	return life;
}

static void sit_down(struct gyre_seat *seat, uint32_t role, const char *name, uint32_t capabilities)
{
	const struct gyre_process self = gyre_process_self();
	const uint32_t generation = gyre_seat_generation_of(load_state(seat)) + 1;

	atomic_store_explicit(&seat->pid, self.pid, memory_order_relaxed);
	atomic_store_explicit(&seat->start_ticks, self.start_ticks, memory_order_relaxed);
	atomic_store_explicit(&seat->pid_namespace, self.pid_namespace, memory_order_relaxed);
	atomic_store_explicit(&seat->attached_ns, gyre_now_ns(), memory_order_relaxed);
	atomic_store_explicit(&seat->role, role, memory_order_relaxed);
	atomic_store_explicit(&seat->capabilities, capabilities, memory_order_relaxed);
	write_name(seat, name != NULL ? name : gyre_program_name());
	/* [SEAT] release: who sees LIVE sees who it is. */
	atomic_store_explicit(
		&seat->state, gyre_seat_word(generation, GYRE_SEAT_LIVE), memory_order_release);
}

static int refuse(const struct gyre_view *view, unsigned first, unsigned end, bool suspect,
	uint32_t role, struct gyre_error *reterr)
{
	const char *role_name = role == 1 /* GYRE_PRODUCER */ ? "producer" : "consumer";
	char who[64];

	gyre_seat_describe(gyre_seat_at(view, first), who, sizeof who);
	if (suspect)
		return gyre_fail(reterr, GYRE_ESUSPECT,
			"the %s %s lost its lock (did it close all descriptors?) but lives and maps "
			"the ring: end it, or wait until it does",
			role_name, who);
	if (end - first == 1)
		return gyre_fail(reterr, GYRE_EBUSY,
			"the ring has a live %s: %s; it takes one at a time: end that one, or use a "
			"ring of its own",
			role_name, who);
	return gyre_fail(reterr, GYRE_ENORES,
		"all %u %s seats are taken by live processes; end one, or make the ring with more",
		end - first, role_name);
}

/* Sit on the first seat whose lock byte can be had and whose last holder is no suspect; -1: none.
 */
static int take_free(const struct gyre_view *view, unsigned first, unsigned end,
	gyre_settle_fn *settle, bool *ret_suspect)
{
	for (unsigned number = first; number < end; number++) {
		if (!gyre_lock_exclusive(view->map.fd, lock_byte(number)))
			continue;
		if (repair_locked(view, number, 0, settle) != GYRE_SEAT_IS_SUSPECT)
			return (int)number;
		*ret_suspect = true;
		gyre_unlock(view->map.fd, lock_byte(number));
	}
	return -1;
}

/* Locked, but not by a living holder: somebody repairs it, sits down, or is about to be gone. */
static bool is_in_transit(const struct gyre_view *view, unsigned number)
{
	return gyre_seat_state_of(load_state(gyre_seat_at(view, number))) != GYRE_SEAT_LIVE ||
	       ask_witnesses(view, number) == GYRE_SEAT_IS_DEAD;
}

static bool any_in_transit(const struct gyre_view *view, unsigned first, unsigned end)
{
	for (unsigned number = first; number < end; number++)
		if (is_in_transit(view, number))
			return true;
	return false;
}

int gyre_seat_take(const struct gyre_view *view, unsigned first, unsigned end, uint32_t role,
	const char *name, uint32_t capabilities, gyre_settle_fn *settle, struct gyre_error *reterr)
{
	const uint64_t deadline = gyre_deadline(TRANSIT_NS);
	bool suspect = false;
	int number;

	while ((number = take_free(view, first, end, settle, &suspect)) < 0) {
		if (gyre_now_ns() > deadline || !any_in_transit(view, first, end))
			return refuse(view, first, end, suspect, role, reterr);
		gyre_nap(TRANSIT_LOOK_NS);
	}
	sit_down(gyre_seat_at(view, (unsigned)number), role, name, capabilities);
	return number;
}

void gyre_seat_leave(const struct gyre_view *view, unsigned number)
{
	struct gyre_seat *seat = gyre_seat_at(view, number);
	const uint32_t generation = gyre_seat_generation_of(load_state(seat));

	atomic_store_explicit(&seat->departed_ns, gyre_now_ns(), memory_order_relaxed);
	/* [SEAT] release: who sees LEFT sees everything its holder published. */
	atomic_store_explicit(
		&seat->state, gyre_seat_word(generation, GYRE_SEAT_LEFT), memory_order_release);
}

void gyre_seat_unlock(const struct gyre_view *view, unsigned number)
{
	gyre_unlock(view->map.fd, lock_byte(number));
}
