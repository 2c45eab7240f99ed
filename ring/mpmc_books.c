/*
 * mpmc: the books. Each seat counts for itself, in two copies and one word `books_operation`:
 *
 *	copy                            settled: that copy (0 or 1) is right
 *	position << 2 | 2 | copy        in flight: that copy is right if the state store at that
 *	                                position has happened, else the other one
 *
 * An operation writes the other copy, then that word, then makes the state store that it would
 * make anyway: that store is the only moment at which it happens, for the ring and for the books. A
 * death anywhere leaves something that can be decided by looking at one word. Counts run on over
 * all holders of a seat. Repairs have books of their own, in the seat that was repaired, written
 * under its lock byte in the same way.
 */
#include "mpmc.h"

static void put(_Atomic uint64_t *counter, uint64_t value)
{
	atomic_store_explicit(counter, value, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* ---- A participant's own ---- */

void gyre_books_open(struct gyre_ring *r)
{
	const unsigned copy = (unsigned)get(&r->seat->books_operation) & 1;
	const struct gyre_books *books = &r->seat->books[copy];

	r->mpmc.books.messages = get(&books->messages);
	r->mpmc.books.bytes = get(&books->bytes);
	r->mpmc.books.discarded = get(&books->discarded);
	r->mpmc.books.copy = copy;
}

/* Has the operation in flight at a position not happened, seen from the word there? */
static bool is_still_held(const struct gyre_mpmc *m, uint64_t position, unsigned number)
{
	const uint64_t word = gyre_load_entry(m, position);
	const enum gyre_phase phase = gyre_word_phase(word);

	return gyre_word_lap(word) == gyre_lap(m, position) &&
	       gyre_word_owner(word) == number + 1 &&
	       (phase == GYRE_WRITING || phase == GYRE_READING);
}

/* One producer claims by its commit: not claimed, and not reclaimed either. */
static bool is_unclaimed(const struct gyre_mpmc *m, uint64_t position)
{
	return gyre_word_lap(gyre_load_entry(m, position)) != gyre_lap(m, position) &&
	       !gyre_before(position, gyre_load_reclaimed(m));
}

/* The position that an operation in flight is at: its two top bits did not fit, and are those that
 * bring it nearest to `reclaimed`. */
static uint64_t position_of(const struct gyre_mpmc *m, uint64_t operation)
{
	const uint64_t near = gyre_load_reclaimed(m), quarter = (uint64_t)1 << 62;
	const uint64_t off = ((operation >> 2) - near + quarter / 2) & (quarter - 1);

	return near + off - quarter / 2;
}

/* Which copy is right. */
static unsigned settled_copy(const struct gyre_mpmc *m, const _Atomic uint64_t *operation,
	unsigned number, bool claims_by_commit)
{
	/* [BOOKS] acquire: pairs with the release where it was noted. */
	const uint64_t word = atomic_load_explicit(operation, memory_order_acquire);
	const unsigned copy = (unsigned)word & 1;
	const uint64_t position = position_of(m, word);
	bool happened;

	if ((word & GYRE_IN_FLIGHT) == 0)
		return copy;
	happened =
		claims_by_commit ? !is_unclaimed(m, position) : !is_still_held(m, position, number);
	return happened ? copy : copy ^ 1;
}

void gyre_books_settle(const struct gyre_mpmc *m, const struct gyre_view *view, unsigned number)
{
	struct gyre_seat *seat = gyre_seat_at(view, number);

	put(&seat->books_operation,
		settled_copy(m, &seat->books_operation, number,
			m->one_producer && number < view->header.producers_max));
}

/* ---- Repairs of a seat ---- */

void gyre_repairs_note(
	struct gyre_seat *seat, uint64_t position, const struct gyre_repair_note *note)
{
	const unsigned copy = (unsigned)get(&seat->repair_operation) & 1;
	const struct gyre_repairs *old = &seat->repairs[copy];
	struct gyre_repairs *new = &seat->repairs[copy ^ 1];

	atomic_signal_fence(memory_order_seq_cst);
	put(&new->aborted, get(&old->aborted) + note->aborted);
	put(&new->redelivered, get(&old->redelivered) + note->redelivered);
	put(&new->dropped, get(&old->dropped) + note->dropped);
	put(&new->dropped_bytes, get(&old->dropped_bytes) + note->dropped_bytes);
	put(&new->released, get(&old->released) + note->released);
	put(&new->released_bytes, get(&old->released_bytes) + note->released_bytes);
	/* [BOOKS] release: pairs with the acquire in settled_copy(). */
	atomic_store_explicit(
		&seat->repair_operation, gyre_in_flight(position, copy ^ 1), memory_order_release);
}

void gyre_repairs_settle(const struct gyre_mpmc *m, struct gyre_seat *seat, unsigned number)
{
	put(&seat->repair_operation, settled_copy(m, &seat->repair_operation, number, false));
}

/* ---- From outside ---- */

/* At most one operation in flight counts too early. */
void gyre_books_count(
	const struct gyre_view *view, unsigned number, struct gyre_counters *ret_counters)
{
	const struct gyre_seat *seat = gyre_seat_at(view, number);
	const struct gyre_books *books = &seat->books[get(&seat->books_operation) & 1];
	const struct gyre_repairs *repairs = &seat->repairs[get(&seat->repair_operation) & 1];

	ret_counters->messages = get(&books->messages) + get(&repairs->released);
	ret_counters->bytes = get(&books->bytes) + get(&repairs->released_bytes);
	ret_counters->aborted =
		get(&books->discarded) + get(&repairs->aborted) + gyre_aborted(seat);
	ret_counters->redelivered = get(&repairs->redelivered);
	ret_counters->dropped = get(&repairs->dropped);
	ret_counters->dropped_bytes = get(&repairs->dropped_bytes);
}
