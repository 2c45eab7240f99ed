/*
 * The two shapes of the spsc ring. Everything that differs between them is here, as functions of
 * a constant `slots` that the compiler folds away; the operations are written once.
 *
 * Records (slots == false), variable size: contiguous records in a ring of bytes.
 *
 *	... | word | payload, padded to align | word = 0 | free ...
 *	      ^ stored last, with release: this store is the commit
 *
 *	Positions count bytes. The word says type, length and tag; 0 says that nothing is there yet:
 *	message and flag travel in one cache line. Before a word is stored the next one is zeroed,
 *	so a consumer that goes on finds either 0 or what was committed since. One word's room
 *	therefore always stays free (it also keeps room for the closing record). What would cross
 *	the end of the data area by more than the slack behind it is preceded by a PAD record that
 *	sends the consumer to the start. With a slack of two alignments an empty ring takes a
 *	message of half its capacity at every position.
 *
 * Slots (slots == true), fixed size: one message a slot, its word beside it.
 *
 *	slot:  word | payload, slot_bytes, padded to align
 *
 *	Positions count slots. A word belongs to position p if its phase bit is that of p's lap (1
 *	in the first, 0 in the second, and so on): nothing has to be zeroed, and a producer that is
 *	never more than a lap ahead needs no more than that bit. One slot stays free for the end.
 *
 * Evidence for these choices, and what was turned down: docs/spsc.md.
 */
#ifndef GYRE_SPSC_SHAPE_H
#define GYRE_SPSC_SHAPE_H

#include "ring_private.h"

#define gyre_inline static inline __attribute__((always_inline))

gyre_inline uint8_t *cell_at(const struct gyre_ring *r, uint64_t position, bool slots)
{
	return r->data + (slots ? (position & r->mask) * r->stride : (position & r->mask));
}

gyre_inline _Atomic uint64_t *word_at(const struct gyre_ring *r, uint64_t position, bool slots)
{
	return (_Atomic uint64_t *)(void *)cell_at(r, position, slots);
}

gyre_inline uint8_t *payload_at(const struct gyre_ring *r, uint64_t position, bool slots)
{
	return cell_at(r, position, slots) + GYRE_WORD_BYTES;
}

/* How far a message of so many bytes moves the position. */
gyre_inline uint64_t span_of(const struct gyre_ring *r, size_t bytes, bool slots)
{
	if (slots)
		return 1;
	return (GYRE_WORD_BYTES + (uint64_t)bytes + r->align - 1) & ~((uint64_t)r->align - 1);
}

/* How far it is to the end of the data area. */
gyre_inline uint64_t rest_at(const struct gyre_ring *r, uint64_t position)
{
	return r->capacity - (position & r->mask);
}

/* How much can stand at position in one piece. */
gyre_inline uint64_t reach_at(const struct gyre_ring *r, uint64_t position, bool slots)
{
	return slots ? 1 : rest_at(r, position) + 2 * (uint64_t)r->align;
}

gyre_inline uint32_t phase_of(const struct gyre_ring *r, uint64_t position, bool slots)
{
	return slots ? (position & (r->mask + 1)) == 0 : 0;
}

gyre_inline uint64_t make_word(const struct gyre_ring *r, uint64_t position,
	enum gyre_word_type type, size_t bytes, uint32_t tag, bool slots)
{
	return gyre_word(type, phase_of(r, position, slots), bytes, tag);
}

gyre_inline uint64_t load_word(const struct gyre_ring *r, uint64_t position, bool slots)
{
	/* [WORD] acquire: pairs with the release in store_word(). */
	return atomic_load_explicit(word_at(r, position, slots), memory_order_acquire);
}

gyre_inline void store_word(const struct gyre_ring *r, uint64_t position, uint64_t word, bool slots)
{
	/* [WORD] release: pairs with the acquire in load_word(). Who sees the word sees the payload
	 * and everything that the publication put behind it. */
	atomic_store_explicit(word_at(r, position, slots), word, memory_order_release);
}

/* A word of this lap. */
gyre_inline bool is_current(const struct gyre_ring *r, uint64_t position, uint64_t word, bool slots)
{
	return gyre_word_type(word) != GYRE_WORD_NONE &&
		gyre_word_phase(word) == phase_of(r, position, slots);
}

/* A word is believed only as far as its message stays inside its place. */
gyre_inline bool is_message(const struct gyre_ring *r, uint64_t position, uint64_t word, bool slots)
{
	if ((word & 15) !=
		((uint64_t)phase_of(r, position, slots) << 3 | (uint64_t)GYRE_WORD_MESSAGE))
		return false;
	if (slots)
		return gyre_word_length(word) <= r->message_bytes_max;
	return span_of(r, gyre_word_length(word), false) <= reach_at(r, position, false);
}

/* A PAD anywhere but at the start, where it would lead round for ever. */
gyre_inline bool is_pad(const struct gyre_ring *r, uint64_t position, uint64_t word, bool slots)
{
	return !slots && gyre_word_type(word) == GYRE_WORD_PAD && gyre_word_phase(word) == 0 &&
		(position & r->mask) != 0;
}

#endif
