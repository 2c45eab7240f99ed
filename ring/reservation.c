/*
 * Reservations that no word in the ring names: those of a kind, or mode, in which a producer claims
 * by its commit. The seat's `operation` is aborted << 33 | low 32 bits of position << 1 | open.
 */
#include "ring_private.h"

static uint64_t operation_word(uint64_t aborted, uint64_t position, bool open)
{
	return aborted << 33 | (uint64_t)(uint32_t)position << 1 | open;
}

static void store_operation(struct gyre_seat *seat, uint64_t operation)
{
	atomic_store_explicit(&seat->operation, operation, memory_order_relaxed);
}

void gyre_reservation_open(struct gyre_ring *r, uint64_t position)
{
	r->open = true;
	store_operation(r->seat, operation_word(r->aborted, position, true));
}

/* After the commit was published: a death in between is judged by the position, below. */
void gyre_reservation_close(struct gyre_ring *r)
{
	store_operation(r->seat, operation_word(r->aborted, 0, false));
}

void gyre_reservation_drop(struct gyre_ring *r)
{
	r->open = false;
	r->aborted++;
	gyre_reservation_close(r);
}

uint64_t gyre_aborted(const struct gyre_seat *seat)
{
	return atomic_load_explicit(&seat->operation, memory_order_relaxed) >> 33;
}

bool gyre_reservation_is_open(const struct gyre_seat *seat, uint64_t tail)
{
	const uint64_t operation = atomic_load_explicit(&seat->operation, memory_order_relaxed);

	return (operation & 1) != 0 && (uint32_t)(operation >> 1) == (uint32_t)tail;
}

/* A dead producer's reservation is aborted if the tail still stands where it was opened. One store,
 * so a repairer may die here and be followed. */
void gyre_reservation_settle(struct gyre_seat *seat, uint64_t tail)
{
	const bool open = gyre_reservation_is_open(seat, tail);

	store_operation(seat, operation_word(gyre_aborted(seat) + open, 0, false));
}
