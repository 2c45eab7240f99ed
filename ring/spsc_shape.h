/*
 * The two shapes of the spsc ring. Everything that differs between them is here, and for what is
 * inlined in gyre_ring_inline.h, as functions of a constant `slots` that the compiler folds away;
 *the operations are written once.
 *
 * Records (slots == false), variable size: contiguous records in a ring of bytes.
 *
 *	... | word | payload, padded to align | word = 0 | free ...
 *	      ^ stored last, with release: this store is the commit
 *
 *	Positions count bytes. The word says type, length and tag; 0 says that nothing is there
 *	yet: message and flag travel in one cache line. Before a word is stored the next one is
 *	zeroed, so a consumer that goes on finds either 0 or what was committed since. One word's
 *	room therefore always stays free (it also keeps room for the closing record). What would
 *	cross the end of the data area by more than the slack behind it is preceded by a PAD record
 *	that sends the consumer to the start. With a slack of two alignments an empty ring takes a
 *	message of half its capacity at every position.
 *
 * Slots (slots == true), fixed size: one message a slot, its word beside it.
 *
 *	slot:  word | payload, slot_bytes, padded to align
 *
 *	Positions count slots. A word belongs to position p if its phase bit is that of p's lap (1
 *	in the first, 0 in the second, and so on): nothing has to be zeroed, and a producer that
 *	is never more than a lap ahead needs no more than that bit. One slot stays free for the
 *	end.
 *
 * Evidence for these choices, and what was turned down: docs/spsc.md.
 */
#ifndef GYRE_SPSC_SHAPE_H
#define GYRE_SPSC_SHAPE_H

#include "ring_private.h"

static inline uint8_t *payload_at(const struct gyre_ring *r, uint64_t position, bool slots)
{
	return gyre_cell_(&r->hot, position, slots) + GYRE_WORD_BYTES_;
}

static inline uint64_t make_word(const struct gyre_ring *r, uint64_t position,
	enum gyre_word_type type, size_t bytes, uint32_t tag, bool slots)
{
	return gyre_word_(type, gyre_phase_(&r->hot, position, slots), bytes, tag);
}

static inline void store_word(
	const struct gyre_ring *r, uint64_t position, uint64_t word, bool slots)
{
	/* [WORD] release: pairs with the acquire in gyre_load_word_(). */
	__atomic_store_n((gyre_word_t_ *)(void *)gyre_cell_(&r->hot, position, slots), word,
		__ATOMIC_RELEASE);
}

/* How far it is to the end of the data area. */
static inline uint64_t rest_at(const struct gyre_ring *r, uint64_t position)
{
	return r->hot.capacity - (position & r->hot.mask);
}

/* A word of this lap. */
static inline bool is_current(
	const struct gyre_ring *r, uint64_t position, uint64_t word, bool slots)
{
	return gyre_word_type(word) != GYRE_WORD_NONE &&
	       (word & GYRE_WORD_PHASE_) == gyre_phase_(&r->hot, position, slots);
}

/* A PAD anywhere but at the start, where it would lead round for ever. */
static inline bool is_pad(const struct gyre_ring *r, uint64_t position, uint64_t word, bool slots)
{
	return !slots && (word & 15) == GYRE_WORD_PAD && (position & r->hot.mask) != 0;
}

#endif
