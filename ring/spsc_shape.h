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

#define GYRE_ARMED_MAX ((uint64_t)1 << 31) /* its messages and bytes fit 32 bits each */

/* ---- The quick ways, which know of one message in the middle of the ring only ---- */

/* The producer's: bring up to date what they left behind, and allow nothing while the library is at
 * work. */
static inline void sync_sent(struct gyre_ring_hot_ *r, bool slots)
{
	const uint64_t messages = r->sent >> 32;

	r->position += slots ? messages : r->armed - r->room;
	r->messages += messages;
	r->bytes += (uint32_t)r->sent;
	r->armed = r->room = r->sent = 0;
}

/* Allow what may be written without a look at the other side or a turn at the end of the area,
 * where no fence is needed: that costs more than a call. */
static inline void arm_send(struct gyre_ring *ring, bool slots)
{
	struct gyre_ring_hot_ *r = &ring->hot;
	const uint64_t unit = slots ? r->stride : 1;
	const uint64_t piece = (uint64_t)(r->end - r->at) - (slots ? r->stride : r->align);
	uint64_t room = (r->limit - r->position) * unit;

	if (ring->fence)
		return;
	if (room > piece)
		room = piece;
	r->armed = r->room = room < GYRE_ARMED_MAX ? room : GYRE_ARMED_MAX / unit * unit;
}

/* The consumer's: only while nothing is held. */
static inline void sync_received(struct gyre_ring_hot_ *r)
{
	if (r->expect != GYRE_EXPECT_NOTHING_)
		r->next = r->position;
	r->expect = GYRE_EXPECT_NOTHING_;
}

static inline void arm_receive(struct gyre_ring_hot_ *r)
{
	if (r->next == r->position)
		r->expect = r->phase | GYRE_WORD_MESSAGE_;
}

/* ---- Places ---- */

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

/* The place behind a message of so many bytes at r->at; flips the phase at the end of a lap. */
gyre_inline uint8_t *behind_at(struct gyre_ring_hot_ *r, uint64_t span, int slots)
{
	uint8_t *behind = r->at + (slots ? r->stride : span);

	if (gyre_unlikely_(behind >= r->end)) {
		behind -= r->lap_bytes;
		if (slots)
			r->phase ^= GYRE_WORD_PHASE_;
	}
	return behind;
}

/* Publish what stands from the tail on and takes span: all is written but the first word, which
 * shows it. What the seat says of it may lag: it is found by walking the words. */
gyre_inline void publish(struct gyre_ring_hot_ *r, uint64_t span, uint64_t first_word,
	uint64_t messages, uint64_t bytes, uint8_t *behind, int slots)
{
	uint8_t *const at = r->at;

	/* Relaxed: ordered before the word that leads there by that one's release. */
	if (!slots)
		__atomic_store_n(gyre_cast_(gyre_word_t_ *, behind), 0, __ATOMIC_RELAXED);
	r->at = behind;
	r->position += span;
	r->messages += messages;
	r->bytes += bytes;
	/* [WORD] release: pairs with the acquire in gyre_load_word_(). Who sees the word sees the
	 * payload and everything that the publication put behind it. */
	__atomic_store_n(gyre_cast_(gyre_word_t_ *, at), first_word, __ATOMIC_RELEASE);
}

/* ---- One message ---- */

/* Whether a message goes to position at once. While a reservation is open, and after the close,
 * limit equals position, so that neither is asked here. */
gyre_inline int fits(const struct gyre_ring_hot_ *r, uint64_t position, size_t bytes, int slots)
{
	return bytes <= r->message_bytes_max && r->limit - position >= gyre_span_(r, bytes, slots);
}

/* There is room at the tail: write the message and publish it. */
gyre_inline void put(struct gyre_ring_hot_ *r, const void *data, size_t bytes, uint32_t tag,
	int small, int slots)
{
	const uint64_t span = gyre_span_(r, bytes, slots);
	const uint64_t word = gyre_word_(GYRE_WORD_MESSAGE_, slots ? r->phase : 0, bytes, tag);
	uint8_t *const at = r->at;
	uint8_t *const behind = behind_at(r, span, slots);

	if (small) {
		gyre_prefetch_ahead_(at, bytes);
		gyre_copy_small_(at + GYRE_WORD_BYTES_, gyre_cast_(const uint8_t *, data), bytes);
	} else {
		gyre_copy_large_(
			at + GYRE_WORD_BYTES_, gyre_cast_(const uint8_t *, data), bytes, 1);
	}
	publish(r, span, word, 1, bytes, behind, slots);
}

/* The message of this word, at next, is judged and nothing is held: copy it out and release it, by
 * one store. */
gyre_inline int64_t take(struct gyre_ring_hot_ *r, uint64_t word, void *buffer,
	struct gyre_message *ret_message, int small, int slots)
{
	const size_t bytes = gyre_word_length_(word);
	const uint64_t span = gyre_span_(r, bytes, slots);
	const uint64_t position = r->next;
	const uint8_t *const payload = r->at + GYRE_WORD_BYTES_;

	if (ret_message != NULL)
		gyre_describe_(ret_message, buffer, word, position);
	r->at = behind_at(r, span, slots);
	r->next = position + span;
	if (small)
		gyre_copy_small_(gyre_cast_(uint8_t *, buffer), payload, bytes);
	else
		gyre_copy_large_(gyre_cast_(uint8_t *, buffer), payload, bytes, 0);
	gyre_progress_(r, position + span);
	return (int64_t)bytes;
}

/* Small ones only: what they could read beyond the data area, if the word lies, is slack. */
gyre_inline int can_take(
	const struct gyre_ring_hot_ *r, uint64_t word, size_t buffer_bytes, int slots)
{
	return (word & 15) == (slots ? r->phase | GYRE_WORD_MESSAGE_ : GYRE_WORD_MESSAGE_) &&
	       gyre_word_length_(word) <= r->small_bytes_max &&
	       gyre_word_length_(word) <= buffer_bytes;
}

#endif
