/*
 * The mpmc ring: many producers, many consumers, and a claim that names its owner in the step that
 * makes it. The protocol, its states, and what a death at each step leaves: docs/mpmc.md; the
 * names here are the same. This file has the words and how to walk over them.
 *
 *	entries  | word info | word info | ...   N of them, one beside each cell
 *	cells    |  payload  |  payload  | ...   nothing else is in here
 *
 *	word = lap:34 | span:18 | phase:3 | owner:9
 *
 * A message takes `span` cells in one piece; only its first cell's entry means anything. Lock-free:
 * a claim or a take fails only because somebody else's succeeded. Truth is in the words alone;
 * `tail` and `head` are hints, `reclaimed` is how far everything is done with.
 */
#ifndef GYRE_MPMC_H
#define GYRE_MPMC_H

#include "ring_private.h"

enum gyre_phase {
	GYRE_WRITING = 1,
	GYRE_READY = 2,
	GYRE_READY_AGAIN = 3,
	GYRE_READING = 4,
	GYRE_DONE = 5,
	GYRE_CLOSED = 6,
};

#define GYRE_OWNER_BITS 9u
#define GYRE_PHASE_BITS 3u
#define GYRE_SPAN_BITS 18u
#define GYRE_LAP_SHIFT (GYRE_OWNER_BITS + GYRE_PHASE_BITS + GYRE_SPAN_BITS)
#define GYRE_LAPS (((uint64_t)1 << 34) - 1) /* 1 to GYRE_LAPS; 0 is "never used" */

/* Builds for tests have few laps: claimed() then compares modulo so many, while every CAS still
 * compares whole words. */
#ifdef GYRE_TEST_LAP_BITS
#define GYRE_LAPS_TOLD (((uint64_t)1 << GYRE_TEST_LAP_BITS) - 1)
#define GYRE_STAMP_EVERY ((uint64_t)1 << (GYRE_TEST_LAP_BITS - 2))
#else
#define GYRE_LAPS_TOLD GYRE_LAPS
#define GYRE_STAMP_EVERY ((uint64_t)1 << 16)
#endif

/* How far ahead of a claim its entry's line is asked for: a KiB. Behind the entries more memory of
 * the ring follows, so that the address is always one of ours. */
#define GYRE_ENTRIES_AHEAD 64u

/* ---- Words ---- */

static inline uint64_t gyre_mpmc_word(
	uint64_t lap, uint64_t span, enum gyre_phase phase, uint32_t owner)
{
	return lap << GYRE_LAP_SHIFT | span << (GYRE_OWNER_BITS + GYRE_PHASE_BITS) |
	       (uint64_t)phase << GYRE_OWNER_BITS | owner;
}

static inline uint64_t gyre_word_lap(uint64_t word)
{
	return word >> GYRE_LAP_SHIFT;
}

static inline uint64_t gyre_word_span(uint64_t word)
{
	return word >> (GYRE_OWNER_BITS + GYRE_PHASE_BITS) & (((uint64_t)1 << GYRE_SPAN_BITS) - 1);
}

static inline enum gyre_phase gyre_word_phase(uint64_t word)
{
	return (enum gyre_phase)(word >> GYRE_OWNER_BITS & ((1u << GYRE_PHASE_BITS) - 1));
}

static inline uint32_t gyre_word_owner(uint64_t word)
{
	return (uint32_t)(word & ((1u << GYRE_OWNER_BITS) - 1));
}

/* The same record in another phase. */
static inline uint64_t gyre_word_to(uint64_t word, enum gyre_phase phase, uint32_t owner)
{
	return gyre_mpmc_word(gyre_word_lap(word), gyre_word_span(word), phase, owner);
}

/* ---- Positions: free-running counts of cells ---- */

static inline uint64_t gyre_index(const struct gyre_mpmc *m, uint64_t position)
{
	return position & (m->cells - 1);
}

static inline uint64_t gyre_lap(const struct gyre_mpmc *m, uint64_t position)
{
	const uint64_t round = position >> m->cells_shift;

	return (gyre_likely(round < GYRE_LAPS) ? round : round % GYRE_LAPS) + 1;
}

static inline struct gyre_entry *gyre_entry(const struct gyre_mpmc *m, uint64_t position)
{
	return &m->entries[gyre_index(m, position)];
}

static inline struct gyre_entry_more *gyre_more(const struct gyre_mpmc *m, uint64_t position)
{
	return &m->more[gyre_index(m, position)];
}

static inline uint8_t *gyre_cell(const struct gyre_mpmc *m, uint64_t position)
{
	return m->data + (gyre_index(m, position) << m->cell_shift);
}

static inline uint64_t gyre_cells_for(const struct gyre_mpmc *m, size_t bytes)
{
	return bytes == 0 ? 1 : ((uint64_t)bytes + (1u << m->cell_shift) - 1) >> m->cell_shift;
}

/* a before b, on counts that wrap. */
static inline bool gyre_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

/* More steps than any walk takes: what is claimed is at most a lap, but others go on meanwhile. */
static inline uint64_t gyre_steps_max(const struct gyre_mpmc *m)
{
	return 16 * m->cells + 1000;
}

/* ---- Claimed or not ---- */

/* Equality, never order: an index that was an inner cell has a word of any age. */
static inline bool gyre_claims(const struct gyre_mpmc *m, uint64_t word, uint64_t position)
{
#ifdef GYRE_TEST_LAP_BITS
	return gyre_word_lap(word) != 0 && (gyre_word_lap(word) - 1) % GYRE_LAPS_TOLD ==
						   (gyre_lap(m, position) - 1) % GYRE_LAPS_TOLD;
#else
	return gyre_word_lap(word) == gyre_lap(m, position);
#endif
}

/* Whether inner words are stamped in this lap, so that no old word lasts a whole cycle of laps. */
static inline bool gyre_stamped(uint64_t lap)
{
#ifdef GYRE_TEST_LAP_BITS
	return (lap - 1) % GYRE_LAPS_TOLD % GYRE_STAMP_EVERY == 0;
#else
	return (lap - 1) % GYRE_STAMP_EVERY == 0; /* no lap is above GYRE_LAPS */
#endif
}

static inline bool gyre_lap_stamps(const struct gyre_mpmc *m, uint64_t position)
{
	return gyre_stamped(gyre_lap(m, position));
}

static inline uint64_t gyre_load_entry(const struct gyre_mpmc *m, uint64_t position)
{
	/* [CLAIM] [DATA] [ROOM] acquire: who sees the word sees the `reclaimed` its claimer saw,
	 * the payload if it says READY, and the last read of its reader if it says DONE. */
	return atomic_load_explicit(&gyre_entry(m, position)->word, memory_order_acquire);
}

static inline uint64_t gyre_load_reclaimed(const struct gyre_mpmc *m)
{
	/* [RECLAIM] acquire: pairs with the CAS in gyre_reclaim(). */
	return atomic_load_explicit(&m->shared->reclaimed, memory_order_acquire);
}

/* A hint, which may be old or broken, against `reclaimed`, loaded after it. */
static inline uint64_t gyre_start_from(const struct gyre_mpmc *m, uint64_t hint, uint64_t reclaimed)
{
	return hint - reclaimed <= m->cells ? hint : reclaimed;
}

/* Whether a word that claims its position can be true. */
static inline bool gyre_word_is_possible(
	const struct gyre_mpmc *m, uint64_t word, uint64_t position)
{
	const uint64_t span = gyre_word_span(word);

	return span - 1 < m->cells && gyre_index(m, position) + span <= m->cells;
}

/* ---- What the walks share (ring/mpmc.c) ---- */

/* Let `reclaimed` pass what is DONE, for up to `bound` cells. Returns it; *ret_stop is the word it
 * stopped at, 0 if that is unclaimed. */
uint64_t gyre_reclaim(const struct gyre_mpmc *m, uint64_t bound, uint64_t *ret_stop);

/* Leave no inner word of a record of a stamping lap as it was. */
void gyre_stamp(const struct gyre_mpmc *m, uint64_t position, uint64_t span);

/* The next record at or behind *position: 1, and its word. 0: *position is the first unclaimed one.
 * Negative: the ring is corrupt. *steps is counted down. */
int gyre_walk(const struct gyre_mpmc *m, uint64_t *position, uint64_t *steps, uint64_t *ret_word);

/* Words of a ring for somebody who has no handle. */
void gyre_mpmc_of(const struct gyre_view *view, struct gyre_mpmc *ret);

/* ---- Accounting (ring/mpmc_books.c) ---- */

void gyre_books_open(struct gyre_ring *r);
/* What the word `operation` of books says: see ring/mpmc_books.c. */
#define GYRE_IN_FLIGHT 2u

static inline uint64_t gyre_in_flight(uint64_t position, unsigned copy)
{
	return position << 2 | GYRE_IN_FLIGHT | copy;
}

/* Note an operation at a position, before the state store that makes it true. */
gyre_inline void gyre_books_note(struct gyre_ring *r, uint64_t position, uint64_t messages,
	uint64_t bytes, uint64_t discarded)
{
	struct gyre_books_copy *own = &r->mpmc.books;
	struct gyre_books *books;

	own->messages += messages;
	own->bytes += bytes;
	own->discarded += discarded;
	own->copy ^= 1;
	books = &r->seat->books[own->copy];
	/* The state store before this one comes first: it made the other copy the right one. */
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&books->messages, own->messages, memory_order_relaxed);
	atomic_store_explicit(&books->bytes, own->bytes, memory_order_relaxed);
	atomic_store_explicit(&books->discarded, own->discarded, memory_order_relaxed);
	/* [BOOKS] release: pairs with the acquire in settled_copy(). */
	atomic_store_explicit(&r->seat->books_operation, gyre_in_flight(position, own->copy),
		memory_order_release);
}

/* Under the lock byte: decide whether what was in flight has happened. Before any word is changed.
 */
void gyre_books_settle(const struct gyre_mpmc *m, const struct gyre_view *view, unsigned number);
void gyre_books_count(
	const struct gyre_view *view, unsigned number, struct gyre_counters *ret_counters);

/* What a repair does to one record. */
struct gyre_repair_note {
	uint64_t aborted, redelivered, dropped, dropped_bytes, released, released_bytes;
};
void gyre_repairs_note(
	struct gyre_seat *seat, uint64_t position, const struct gyre_repair_note *note);
void gyre_repairs_settle(const struct gyre_mpmc *m, struct gyre_seat *seat, unsigned number);

/* ---- Repair (ring/mpmc_repair.c) ---- */

/* Give back what a seat's holder holds: dead, under its lock byte, or itself on leaving. */
void gyre_mpmc_settle(const struct gyre_view *view, unsigned number);

/* Who is asked about, and repaired, when one is stuck or a slice ran out. */
void gyre_mpmc_ask(struct gyre_ring *r);

/* r is stuck behind a record of this word. */
void gyre_mpmc_blocked(struct gyre_ring *r, uint64_t position, uint64_t word);
bool gyre_mpmc_is_stuck(const struct gyre_ring *r);
unsigned gyre_mpmc_waits_for(const struct gyre_ring *r);

/* One who was woken, and got what it was woken for, wakes the next one if there is more. */
void gyre_mpmc_hand_on(struct gyre_ring *r, bool got);

/* Somebody is gone, and what it held was given back. */
void gyre_mpmc_tell(const struct gyre_view *view);

/* A producer sleeps: wake it if what it waits for is free. */
void gyre_mpmc_wake_if_room(struct gyre_ring *r);

/* On leaving: while the seat is still held, what is in hand; afterwards, the news. */
void gyre_mpmc_give_back(struct gyre_ring *r);
void gyre_mpmc_left(struct gyre_ring *r);

/* ---- A record's content ---- */

static inline uint64_t gyre_info(size_t bytes, uint32_t tag, uint64_t flags)
{
	return (uint64_t)tag << 32 | flags | (uint32_t)bytes;
}

static inline size_t gyre_info_bytes(uint64_t info)
{
	return (size_t)(info & GYRE_WORD_LENGTH_MAX);
}

/* Messages in a batch lie one behind the other, each behind its {length, tag}, and aligned. */
struct gyre_batch_head {
	uint32_t bytes;
	uint32_t tag;
};

static inline uint64_t gyre_batch_payload(const struct gyre_mpmc *m, uint64_t offset)
{
	const uint64_t align = m->align - 1;

	return (offset + sizeof(struct gyre_batch_head) + align) & ~align;
}

/* Messages of a record, as its entry says, within bounds. */
static inline unsigned gyre_record_count(
	const struct gyre_mpmc *m, uint64_t position, uint64_t info)
{
	uint32_t count;

	if ((info & GYRE_INFO_BATCH) == 0)
		return 1;
	count = atomic_load_explicit(&gyre_more(m, position)->count, memory_order_relaxed);
	return count < 1 ? 1 : count > GYRE_BATCH_MAX ? GYRE_BATCH_MAX : count;
}

/* Those of a batch that were released already, a bit each. */
static inline uint64_t gyre_record_released(
	const struct gyre_mpmc *m, uint64_t position, uint64_t info)
{
	return (info & GYRE_INFO_BATCH) == 0
		       ? 0
		       : atomic_load_explicit(
				 &gyre_more(m, position)->released, memory_order_relaxed);
}

static inline uint64_t gyre_all_of(unsigned count)
{
	return count >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1;
}

#endif
