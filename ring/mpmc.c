/*
 * mpmc: the walks that all sides share, taking a seat, and looking from outside.
 */
#include <ck_pr.h>
#include "clock.h"
#include "mpmc.h"

/* ---- Geometry ---- */

static unsigned log2_of(uint64_t power_of_two)
{
	return (unsigned)__builtin_ctzll(power_of_two);
}

void gyre_mpmc_of(const struct gyre_view *view, struct gyre_mpmc *m)
{
	const struct gyre_header *h = &view->header;

	m->cell_shift = log2_of(h->cell_bytes);
	m->cells = h->capacity_bytes >> m->cell_shift;
	m->cells_shift = log2_of(m->cells);
	m->entries = (struct gyre_entry *)(void *)gyre_view_at(view, h->entries_offset);
	m->more = (struct gyre_entry_more *)(void *)gyre_view_at(
		view, h->entries_offset + m->cells * sizeof(struct gyre_entry));
	m->data = gyre_view_at(view, h->data_offset);
	m->shared = gyre_shared_page(view);
	m->tail = (_Atomic uint64_t *)(void *)gyre_view_at(view, GYRE_PRODUCER_PAGE_OFFSET);
	m->head = (_Atomic uint64_t *)(void *)gyre_view_at(view, GYRE_CONSUMER_PAGE_OFFSET);
	m->align = h->align_bytes;
	m->deliveries_max = h->delivery_limit;
	m->one_producer = h->producers_max == 1;
	m->one_consumer = h->consumers_max == 1;
}

/* ---- Walks ---- */

int gyre_walk(const struct gyre_mpmc *m, uint64_t *position, uint64_t *steps, uint64_t *ret_word)
{
	while (*steps > 0) {
		const uint64_t word = gyre_load_entry(m, *position);
		uint64_t reclaimed;

		--*steps;

		if (gyre_claims(m, word, *position)) {
			if (!gyre_word_is_possible(m, word, *position))
				return GYRE_ECORRUPT;
			*ret_word = word;
			return 1;
		}
		reclaimed = gyre_load_reclaimed(m); /* after the word */
		if (!gyre_before(*position, reclaimed))
			return 0;
		*position = reclaimed; /* it was claimed, reclaimed, and claimed over since */
	}
	return GYRE_ECORRUPT;
}

uint64_t gyre_reclaim(const struct gyre_mpmc *m, uint64_t bound, uint64_t *ret_stop)
{
	uint64_t from = gyre_load_reclaimed(m);
	uint64_t to = from, word = 0;

	if (bound > m->cells)
		bound = m->cells;
	while (to - from < bound) {
		/* Whoever reclaims is likely to claim here next. */
		gyre_prefetch_write_(gyre_entry(m, to + 32));
		word = gyre_load_entry(m, to);
		if (!gyre_claims(m, word, to)) {
			word = 0;
			break;
		}
		if (gyre_word_phase(word) != GYRE_DONE || !gyre_word_is_possible(m, word, to))
			break;
		to += gyre_word_span(word);
	}
	*ret_stop = word;
	/* [RECLAIM] acq_rel: pairs with the load in gyre_load_reclaimed(): who may claim over a
	 * record knows that its last reader is done. Success proves that nothing in between could
	 * be claimed over while it was read. */
	if (to == from) /* what looks unclaimed may be of a lap that others have claimed over */
		return gyre_load_reclaimed(m);
	if (atomic_compare_exchange_strong_explicit(
		    &m->shared->reclaimed, &from, to, memory_order_acq_rel, memory_order_acquire))
		return to;
	return from;
}

void gyre_stamp(const struct gyre_mpmc *m, uint64_t position, uint64_t span)
{
	const uint64_t word = gyre_mpmc_word(gyre_lap(m, position), 1, GYRE_DONE, 0);

	/* [CLAIM] release: who sees the stamp sees the `reclaimed` that its author saw. */
	for (uint64_t i = 1; i < span; i++)
		atomic_store_explicit(
			&gyre_entry(m, position + i)->word, word, memory_order_release);
}

/* ---- Taking a seat ---- */

/* One producer: the end of what was claimed, or the CLOSED record. */
static void find_end(struct gyre_ring *r)
{
	struct gyre_mpmc *m = &r->mpmc;
	uint64_t steps = gyre_steps_max(m), word;

	m->reclaimed = gyre_load_reclaimed(m);
	m->cursor = m->reclaimed;
	while (gyre_walk(m, &m->cursor, &steps, &word) > 0) {
		if (gyre_word_phase(word) == GYRE_CLOSED) {
			r->closed = true;
			return;
		}
		m->cursor += gyre_word_span(word);
	}
}

static void resume(struct gyre_ring *r)
{
	struct gyre_mpmc *m = &r->mpmc;

	gyre_mpmc_of(&r->attachment.view, m);
	m->me = r->attachment.number + 1;
	m->departures_seen = UINT64_MAX;
	r->hot.message_bytes_max = (uint32_t)r->attachment.view.header.message_bytes_max;
	gyre_books_open(r);
	if (gyre_is_consumer(r)) {
		m->redo_seen = UINT64_MAX; /* begin at `reclaimed` */
		m->step_over = (r->options_flags & GYRE_RING_STEP_OVER) != 0;
	} else if (m->one_producer) {
		r->aborted = gyre_aborted(r->seat);
		find_end(r);
	}
}

/* ---- From outside ---- */

static void measure_record(
	const struct gyre_mpmc *m, uint64_t position, uint64_t word, struct gyre_ring_info *info)
{
	const enum gyre_phase phase = gyre_word_phase(word);
	uint64_t about;

	if (phase != GYRE_READY && phase != GYRE_READY_AGAIN && phase != GYRE_READING)
		return;
	about = atomic_load_explicit(&gyre_entry(m, position)->info, memory_order_relaxed);
	info->messages += gyre_record_count(m, position, about);
}

/* What is done with at the front counts as free, reclaimed or not. */
static void measure(const struct gyre_view *view, struct gyre_ring_info *info)
{
	struct gyre_mpmc m = {0};
	uint64_t start, position, steps, word;

	gyre_mpmc_of(view, &m);
	steps = gyre_steps_max(&m);
	start = position = gyre_load_reclaimed(&m);
	while (!info->closed && gyre_walk(&m, &position, &steps, &word) > 0) {
		measure_record(&m, position, word, info);
		if (gyre_word_phase(word) == GYRE_DONE && start == position)
			start += gyre_word_span(word);
		info->closed = gyre_word_phase(word) == GYRE_CLOSED;
		position += gyre_word_span(word);
	}
	info->used_bytes = position - start <= m.cells ? (position - start) << m.cell_shift : 0;
}

/* Closed, and everything before the end is done with, and somebody was there to read it. */
static bool is_ended(const struct gyre_view *view)
{
	struct gyre_ring_info info = {0};
	struct gyre_mpmc m = {0};
	uint64_t position, steps, word = 0;

	measure(view, &info);
	if (!info.closed || info.messages != 0)
		return false;
	gyre_mpmc_of(view, &m);
	steps = gyre_steps_max(&m);
	position = gyre_load_reclaimed(&m);
	while (gyre_walk(&m, &position, &steps, &word) > 0 && gyre_word_phase(word) == GYRE_DONE)
		position += gyre_word_span(word);
	if (gyre_word_phase(word) != GYRE_CLOSED)
		return false; /* somebody still writes, before the end */
	for (unsigned n = view->header.producers_max; n < gyre_seats(view); n++)
		if (gyre_seat_generation_of(atomic_load_explicit(
			    &gyre_seat_at(view, n)->state, memory_order_acquire)) > 0)
			return true;
	return false;
}

static void note_hold(
	const struct gyre_view *view, struct gyre_hold *ret_holds, uint64_t position, uint64_t word)
{
	const enum gyre_phase phase = gyre_word_phase(word);
	const unsigned number = gyre_word_owner(word) - 1;
	const struct gyre_seat *seat;

	if ((phase != GYRE_WRITING && phase != GYRE_READING) || number >= gyre_seats(view))
		return;
	if (ret_holds[number].records++ == 0)
		ret_holds[number].oldest_position = position;
	seat = gyre_seat_at(view, number);
	if (atomic_load_explicit(&seat->blocks_position, memory_order_relaxed) == position + 1)
		ret_holds[number].blocks_since_ns =
			atomic_load_explicit(&seat->blocks_since_ns, memory_order_relaxed);
}

static void holds(const struct gyre_view *view, struct gyre_hold *ret_holds)
{
	struct gyre_mpmc m = {0};
	uint64_t position, steps, word;

	gyre_mpmc_of(view, &m);
	steps = gyre_steps_max(&m);
	position = gyre_load_reclaimed(&m);
	while (gyre_walk(&m, &position, &steps, &word) > 0 &&
		gyre_word_phase(word) != GYRE_CLOSED) {
		note_hold(view, ret_holds, position, word);
		position += gyre_word_span(word);
	}
	/* The only producer's reservation has no word. */
	if (m.one_producer && gyre_reservation_is_open(gyre_seat_at(view, 0), position))
		ret_holds[0] = (struct gyre_hold){.records = 1, .oldest_position = position};
}

/* ---- Producers that are gone ---- */

/* [SEAT] acquire: what it published before it went is seen by the next look. */
static uint32_t seat_word(const struct gyre_view *view, unsigned number)
{
	return atomic_load_explicit(&gyre_seat_at(view, number)->state, memory_order_acquire);
}

/* No producer is left: how did the one go that came last? 0: there is one, or it was told. */
static int last_departure(struct gyre_ring *r, uint64_t *ret_generations)
{
	const struct gyre_view *view = &r->attachment.view;
	uint64_t latest = 0;
	int gone = 0;

	*ret_generations = 0;
	for (unsigned n = 0; n < view->header.producers_max; n++) {
		const uint32_t word = seat_word(view, n);
		const uint64_t departed = atomic_load_explicit(
			&gyre_seat_at(view, n)->departed_ns, memory_order_relaxed);

		if (gyre_seat_state_of(word) == GYRE_SEAT_LIVE)
			return 0;
		*ret_generations += gyre_seat_generation_of(word);
		if (gyre_seat_generation_of(word) == 0 || departed < latest)
			continue;
		latest = departed;
		gone = gyre_seat_state_of(word) == GYRE_SEAT_DIED ? GYRE_EDIED : GYRE_ELEFT;
	}
	return *ret_generations == r->told_generation ? 0 : gone;
}

static int producers_gone(struct gyre_ring *r, uint64_t *ret_generations)
{
	struct gyre_mpmc *m = &r->mpmc;
	/* [SEAT] acquire: pairs with gyre_departed(): the seats are looked at after it. */
	const uint64_t departures =
		atomic_load_explicit(&m->shared->departures, memory_order_acquire);

	if (departures == m->departures_seen ||
		atomic_load_explicit(&m->shared->closed, memory_order_relaxed) != 0)
		return 0; /* nothing changed, or the end is what is told */
	m->departures_seen = departures;
	return last_departure(r, ret_generations);
}

const struct gyre_ring_shape gyre_shape_mpmc = {
	.producer = &gyre_mpmc_producer,
	.consumer = &gyre_mpmc_consumer,
	.resume = resume,
	.settle = gyre_mpmc_settle,
	.measure = measure,
	.count = gyre_books_count,
	.is_ended = is_ended,
	.holds = holds,
	.gone = producers_gone,
	.ask = gyre_mpmc_ask,
	.is_stuck = gyre_mpmc_is_stuck,
	.waits_for = gyre_mpmc_waits_for,
	.hand_on = gyre_mpmc_hand_on,
	.give_back = gyre_mpmc_give_back,
	.left = gyre_mpmc_left,
	.tell = gyre_mpmc_tell,
};
