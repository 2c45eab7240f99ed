/*
 * mpmc: what a dead one leaves, given back; whom to ask when one is stuck.
 *
 *	WRITING(d) --CAS--> DONE           aborted
 *	READING(d) --CAS--> READY_AGAIN    handed out once more
 *	           --CAS--> DONE           dropped: by policy, or after too many deliveries
 *
 * Only under d's lock byte, which the kernel gives back when d has executed its last instruction.
 * Every prefix may be done again by the next repairer: the order is settle the books, change the
 * words, settle, raise `redo`, and only then (core/seat.c) mark the seat.
 */
#include "clock.h"
#include "mpmc.h"

/* How often a caller that only tries may find the same one in its way before the kernel is asked.
 */
#define TRIES_BEFORE_ASKING 1024u

/* ---- One record ---- */

static struct gyre_repair_note note_of_drop(
	const struct gyre_mpmc *m, uint64_t position, uint64_t info)
{
	const unsigned count = gyre_record_count(m, position, info);
	const unsigned released = (unsigned)__builtin_popcountll(
		gyre_record_released(m, position, info) & gyre_all_of(count));
	const uint64_t bytes = gyre_info_bytes(info);

	/* Of a batch whose user was done with a part, nobody knows how many bytes that were: each
	 * message counts alike. */
	return (struct gyre_repair_note){
		.dropped = count - released,
		.dropped_bytes = bytes - bytes / count * released,
		.released = released,
		.released_bytes = bytes / count * released,
	};
}

/* What becomes of a record of a dead one: its word afterwards, and what is to be noted. */
static uint64_t decide(const struct gyre_mpmc *m, uint64_t position, uint64_t word,
	struct gyre_repair_note *ret_note)
{
	const uint64_t info =
		atomic_load_explicit(&gyre_entry(m, position)->info, memory_order_relaxed);
	uint32_t again = 0;

	if (gyre_word_phase(word) == GYRE_WRITING) {
		*ret_note = (struct gyre_repair_note){.aborted = 1};
		return gyre_word_to(word, GYRE_DONE, 0);
	}
	if ((info & GYRE_INFO_AGAIN) != 0)
		again = atomic_load_explicit(&gyre_more(m, position)->again, memory_order_relaxed);
	if (again + 1 >= m->deliveries_max) {
		*ret_note = note_of_drop(m, position, info);
		return gyre_word_to(word, GYRE_DONE, 0);
	}
	*ret_note = (struct gyre_repair_note){.redelivered = 1};
	return gyre_word_to(word, GYRE_READY_AGAIN, 0);
}

/* False: its word changed under us, so its owner is not dead. */
static bool repair_record(
	const struct gyre_mpmc *m, struct gyre_seat *seat, uint64_t position, uint64_t word)
{
	struct gyre_repair_note note;
	const uint64_t after = decide(m, position, word, &note);

	gyre_repairs_note(seat, position, &note);
	if (gyre_word_phase(word) == GYRE_WRITING && gyre_lap_stamps(m, position))
		gyre_stamp(m, position, gyre_word_span(word));
	/* [DATA] [ROOM] acq_rel: as the store of its owner would have been. */
	return atomic_compare_exchange_strong_explicit(&gyre_entry(m, position)->word, &word, after,
		memory_order_acq_rel, memory_order_relaxed);
}

/* ---- All that one held ---- */

static void repair_records(const struct gyre_mpmc *m, struct gyre_seat *seat, uint32_t owner)
{
	uint64_t position = gyre_load_reclaimed(m), steps = gyre_steps_max(m), word;
	/* Whatever it claimed was claimed by now, and `reclaimed` cannot pass it. */
	const uint64_t end = position + m->cells;

	while (gyre_before(position, end) && gyre_walk(m, &position, &steps, &word) > 0 &&
		gyre_word_phase(word) != GYRE_CLOSED) {
		if (gyre_word_owner(word) == owner &&
			(gyre_word_phase(word) == GYRE_WRITING ||
				gyre_word_phase(word) == GYRE_READING) &&
			!repair_record(m, seat, position, word))
			return;
		position += gyre_word_span(word);
	}
}

/* The first unclaimed position. */
static uint64_t end_of(const struct gyre_mpmc *m)
{
	uint64_t position = gyre_load_reclaimed(m), steps = gyre_steps_max(m), word;

	while (gyre_walk(m, &position, &steps, &word) > 0)
		position += gyre_word_span(word);
	return position;
}

void gyre_mpmc_settle(const struct gyre_view *view, unsigned number)
{
	struct gyre_seat *seat = gyre_seat_at(view, number);
	struct gyre_mpmc m = {0};

	gyre_mpmc_of(view, &m);
	gyre_books_settle(&m, view, number);
	gyre_repairs_settle(&m, seat, number);
	if (m.one_producer && number < view->header.producers_max)
		gyre_reservation_settle(seat, end_of(&m));
	repair_records(&m, seat, number + 1);
	gyre_repairs_settle(&m, seat, number);
	/* [REDO] release: pairs with the acquire in where_to_start(). Always, whatever was found:
	 * an earlier repairer may have died between its last change and this. */
	atomic_fetch_add_explicit(&m.shared->redo, 1, memory_order_acq_rel);
}

/* ---- Telling the others ---- */

void gyre_mpmc_tell(const struct gyre_view *view)
{
	struct gyre_shared_page *shared = gyre_shared_page(view);

	/* [SEAT] release: pairs with the acquire in producers_gone(). */
	atomic_fetch_add_explicit(&shared->departures, 1, memory_order_acq_rel);
	atomic_thread_fence(memory_order_seq_cst); /* [SLEEP] whichever the wake mode */
	if (atomic_load_explicit(&shared->closed, memory_order_relaxed) != 0)
		gyre_wake_all(&shared->consumers);
	else if (gyre_somebody_sleeps(&shared->consumers))
		gyre_wake_one(&shared->consumers);
	if (gyre_somebody_sleeps(&shared->producers))
		gyre_wake_one(&shared->producers);
}

void gyre_mpmc_give_back(struct gyre_ring *r)
{
	if (r->mpmc.held > 0)
		gyre_mpmc_settle(&r->attachment.view, r->attachment.number);
}

void gyre_mpmc_left(struct gyre_ring *r)
{
	gyre_mpmc_tell(&r->attachment.view);
	if (!gyre_is_consumer(r))
		gyre_wake_all(&r->mpmc.shared->consumers); /* all are told that nobody is left */
}

/* ---- Being stuck ---- */

static void repair_if_dead(struct gyre_ring *r, unsigned number)
{
	if (number == r->attachment.number || number >= gyre_seats(&r->attachment.view))
		return;
	if (gyre_seat_repair(&r->attachment.view, number, r->mpmc.me, gyre_mpmc_settle) ==
		GYRE_SEAT_IS_DEAD)
		gyre_mpmc_tell(&r->attachment.view);
}

/* For those who look from outside: since when somebody waits for it. */
static void note_wait(struct gyre_ring *r)
{
	struct gyre_seat *seat = gyre_seat_at(&r->attachment.view, r->mpmc.in_the_way - 1);
	const uint64_t mark = r->mpmc.in_the_way_at + 1;

	if (atomic_load_explicit(&seat->blocks_position, memory_order_relaxed) == mark)
		return;
	atomic_store_explicit(&seat->blocks_since_ns, gyre_now_ns(), memory_order_relaxed);
	atomic_store_explicit(&seat->blocks_position, mark, memory_order_relaxed);
}

void gyre_mpmc_ask(struct gyre_ring *r)
{
	const uint32_t owner = r->mpmc.in_the_way;

	if (!gyre_attachment_has_lock(&r->attachment))
		return;
	if (owner != 0) {
		if (owner <= gyre_seats(&r->attachment.view))
			note_wait(r);
		repair_if_dead(r, owner - 1);
		return;
	}
	r->mpmc.departures_seen = UINT64_MAX; /* one may have died before it could tell */
	for (unsigned number = 0; number < gyre_seats(&r->attachment.view); number++)
		repair_if_dead(r, number);
}

void gyre_mpmc_blocked(struct gyre_ring *r, uint64_t position, uint64_t word)
{
	struct gyre_mpmc *m = &r->mpmc;
	const enum gyre_phase phase = gyre_word_phase(word);

	if (phase != GYRE_WRITING && phase != GYRE_READING)
		return;
	m->in_the_way = gyre_word_owner(word);
	if (position != m->in_the_way_at) {
		m->in_the_way_at = position;
		m->found_in_the_way = 0;
	}
	if (++m->found_in_the_way % TRIES_BEFORE_ASKING == 0)
		gyre_mpmc_ask(r);
}

bool gyre_mpmc_is_stuck(const struct gyre_ring *r)
{
	return r->mpmc.in_the_way != 0;
}

unsigned gyre_mpmc_waits_for(const struct gyre_ring *r)
{
	return r->mpmc.in_the_way;
}

/* Of two who release at once, one sees the other's: the fence orders its own release before its
 * look at the others'. */
void gyre_mpmc_wake_if_room(struct gyre_ring *r)
{
	const uint64_t wants = atomic_load_explicit(&r->wake->wants, memory_order_relaxed);
	uint64_t reclaimed, stop;

	atomic_thread_fence(memory_order_seq_cst);
	reclaimed = gyre_load_reclaimed(&r->mpmc);
	if (gyre_before(reclaimed, wants))
		reclaimed = gyre_reclaim(&r->mpmc, wants - reclaimed, &stop);
	if (!gyre_before(reclaimed, wants))
		gyre_ring_wake_(r);
}

/* Is there more to take behind what this consumer took, or room behind what this producer claimed?
 */
static bool is_more(const struct gyre_ring *r)
{
	const struct gyre_mpmc *m = &r->mpmc;
	const uint64_t behind = m->position + gyre_word_span(m->word);
	uint64_t w;

	if (!gyre_is_consumer(r))
		return behind + 2 - gyre_load_reclaimed(m) <= m->cells;
	w = gyre_load_entry(m, behind);
	return gyre_claims(m, w, behind) &&
	       (gyre_word_phase(w) == GYRE_READY || gyre_word_phase(w) == GYRE_READY_AGAIN);
}

/* A producer that found too little room has had a wake that may suit another: passed on, but only
 * if there is news since it did that last, or two would wake each other for ever. */
static bool is_news(struct gyre_ring *r)
{
	struct gyre_mpmc *m = &r->mpmc;
	const bool news = !gyre_is_consumer(r) && m->reclaimed != m->woken_at;

	m->woken_at = m->reclaimed;
	return news;
}

void gyre_mpmc_hand_on(struct gyre_ring *r, bool got)
{
	if ((got ? is_more(r) : is_news(r)) && gyre_somebody_sleeps(r->sleep))
		gyre_wake_one(r->sleep);
}
