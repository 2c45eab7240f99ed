/*
 * Participants. A seat is one slot of the participant table and one lock byte of the object; a
 * handle sits on exactly one. States and what a death at each step leaves: docs/participants.md.
 */
#ifndef GYRE_SEAT_H
#define GYRE_SEAT_H

#include "header.h"

/* Bring a dead holder's ledger up to what it published. Called under its lock byte, may be called
 * again after a death in its middle. */
typedef void gyre_settle_fn(const struct gyre_view *view, unsigned number);

static inline enum gyre_seat_state gyre_seat_state_of(uint32_t word)
{
	return (enum gyre_seat_state)(word & ((1u << GYRE_SEAT_STATE_BITS) - 1));
}

static inline uint32_t gyre_seat_generation_of(uint32_t word)
{
	return word >> GYRE_SEAT_STATE_BITS;
}

static inline uint32_t gyre_seat_word(uint32_t generation, enum gyre_seat_state state)
{
	return generation << GYRE_SEAT_STATE_BITS | (uint32_t)state;
}

enum gyre_life {
	GYRE_SEAT_IS_EMPTY,   /* unused, left, or died and repaired */
	GYRE_SEAT_IS_ALIVE,   /* lock byte held */
	GYRE_SEAT_IS_DEAD,    /* to be repaired */
	GYRE_SEAT_IS_SUSPECT, /* lock byte lost, process lives and maps the object */
};

/* Ask the kernel, then the witnesses. fd: any descriptor of the object but the holder's. */
enum gyre_life gyre_seat_life(const struct gyre_view *view, unsigned number);

/* If its holder is dead: settle, mark it. self: the repairer's seat number + 1, or 0. */
enum gyre_life gyre_seat_repair(
	const struct gyre_view *view, unsigned number, unsigned self, gyre_settle_fn *settle);

/* Sit down on the first seat of [first, end) that is free, repairing it if it has to be.
 * Returns its number, or a negative error. */
int gyre_seat_take(const struct gyre_view *view, unsigned first, unsigned end, uint32_t role,
	const char *name, uint32_t capabilities, gyre_settle_fn *settle, struct gyre_error *reterr);

/* Stand up: first the state, then the lock byte. */
void gyre_seat_leave(const struct gyre_view *view, unsigned number);
void gyre_seat_unlock(const struct gyre_view *view, unsigned number);

/* "pid 4711 (name)" of a seat's holder. */
void gyre_seat_describe(const struct gyre_seat *seat, char *text, size_t size);

/* The 31 bytes of a name and its NUL; '?' for what is not printable UTF-8. */
void gyre_seat_name(const struct gyre_seat *seat, char ret_name[32]);

#endif
