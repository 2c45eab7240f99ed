/*
 * What the two spsc rings share. One producer and one consumer, each alone on its seat; nothing
 * in the segment is ever claimed, so nothing can be left claimed by a death.
 *
 * Progress stands twice. The consumer shows its head lazily, every quarter of the ring or when
 * it found it empty, so that the producer's lines stay the producer's; its exact progress is in
 * its ledger, a line that nobody else reads in normal running. A producer about to report "full"
 * reads the exact one, and so does a successor.
 */
#include "spsc_shape.h"

/* How far before its use a line is asked for. docs/performance.md */
#define PREFETCH_AHEAD 1024u

struct gyre_ledger_copy gyre_ledger_read(const struct gyre_seat *seat)
{
	/* [LEDGER] acquire: see gyre_ledger_write(). */
	const uint64_t position[2] = {
		atomic_load_explicit(&seat->ledger[0].position, memory_order_acquire),
		atomic_load_explicit(&seat->ledger[1].position, memory_order_acquire),
	};
	const unsigned later = (int64_t)(position[1] - position[0]) > 0;
	const struct gyre_ledger *ledger = &seat->ledger[later];

	return (struct gyre_ledger_copy){
		.position = position[later],
		.messages = atomic_load_explicit(&ledger->messages, memory_order_relaxed),
		.bytes = atomic_load_explicit(&ledger->bytes, memory_order_relaxed),
		.index = later,
	};
}

uint64_t gyre_ledger_position(const struct gyre_seat *seat)
{
	return gyre_ledger_read(seat).position;
}

void gyre_ledger_resume(struct gyre_ring *r)
{
	const struct gyre_ledger_copy copy = gyre_ledger_read(r->seat);

	r->hot.ledger = (gyre_word_t_ *)(void *)r->seat->ledger;
	r->hot.ledger_index = copy.index == 0 ? 3 : 0;
	r->hot.position = copy.position;
	r->hot.messages = copy.messages;
	r->hot.bytes = copy.bytes;
	r->aborted = gyre_aborted(r->seat);
}

/* ---- Reservations: seat->operation is aborted << 2 | open << 1 | ledger index at reserve ---- */

void gyre_reservation_open(struct gyre_ring *r)
{
	r->open = true;
	atomic_store_explicit(&r->seat->operation, r->aborted << 2 | 2 | (r->hot.ledger_index != 0),
		memory_order_relaxed);
}

/* After the commit was published: a death in between is judged by the ledger, below. */
void gyre_reservation_close(struct gyre_ring *r)
{
	atomic_store_explicit(&r->seat->operation, r->aborted << 2, memory_order_relaxed);
}

void gyre_reservation_drop(struct gyre_ring *r)
{
	r->open = false;
	r->aborted++;
	gyre_reservation_close(r);
}

uint64_t gyre_aborted(const struct gyre_seat *seat)
{
	return atomic_load_explicit(&seat->operation, memory_order_relaxed) >> 2;
}

/* A commit writes the other ledger: the reservation is still open only if the one that was to be
 * written next at reserve still is. One store, so a repairer may die here and be followed. */
void gyre_reservation_settle(struct gyre_seat *seat)
{
	const uint64_t operation = atomic_load_explicit(&seat->operation, memory_order_relaxed);
	const bool open = (operation & 2) != 0 && (operation & 1) != gyre_ledger_read(seat).index;

	atomic_store_explicit(&seat->operation,
		((operation >> 2) + (open ? 1 : 0)) << 2, memory_order_relaxed);
}

/* ---- The end ---- */

static _Atomic uint64_t *ended_word(const struct gyre_view *view)
{
	return &((struct gyre_cursor_page *)(void *)gyre_view_at(view, GYRE_CONSUMER_PAGE_OFFSET))
			->ended;
}

void gyre_mark_ended(struct gyre_ring *r)
{
	/* [ENDED] release: pairs with the acquire in gyre_is_ended(): who finds the ring ended and
	 * unlinks it knows that all was received. */
	atomic_store_explicit(ended_word(&r->attachment.view), 1, memory_order_release);
}

bool gyre_is_ended(const struct gyre_view *view)
{
	const struct gyre_seat *consumer = gyre_seat_at(view, GYRE_SPSC_CONSUMER_SEAT);
	struct gyre_ring_info info = { 0 };

	/* [ENDED] acquire: see gyre_mark_ended(). */
	if (atomic_load_explicit(ended_word(view), memory_order_acquire) != 0)
		return true;
	/* A consumer that counted and left before it saw the end. */
	gyre_ring_shape_of(&view->header)->measure(view, &info);
	return info.closed && info.messages == 0 &&
		gyre_seat_generation_of(
			atomic_load_explicit(&consumer->state, memory_order_acquire)) > 0;
}

/* ---- Room ---- */

bool gyre_refresh_limit(struct gyre_ring *r, bool exact)
{
	const struct gyre_seat *consumer =
		gyre_seat_at(&r->attachment.view, GYRE_SPSC_CONSUMER_SEAT);
	/* [HEAD] acquire: the consumer's last read of the room happens before we write there. */
	const uint64_t head = exact ? gyre_ledger_position(consumer)
				    : atomic_load_explicit(r->head_shown, memory_order_acquire);

	if (r->hot.position - head > r->hot.capacity - r->kept_free || head % r->hot.align != 0)
		return !exact; /* the shown one may lag behind what the exact one allowed */
	r->hot.limit = head + r->hot.capacity - r->kept_free;
	return true;
}

int gyre_show_head(struct gyre_ring *r)
{
	r->hot.shown = r->hot.position;
	/* [HEAD] release: pairs with the acquire in gyre_refresh_limit(). */
	atomic_store_explicit(r->head_shown, r->hot.position, memory_order_release);
	return gyre_published_(&r->hot);
}

int gyre_ring_show_(struct gyre_ring *r)
{
	return gyre_show_head(r);
}

int gyre_ring_wake_if_room_(struct gyre_ring *r)
{
	const uint64_t wants = atomic_load_explicit(&r->wake->wants, memory_order_relaxed);

	return (int64_t)(r->hot.position - wants) >= 0 ? gyre_ring_wake_(r) : GYRE_OK;
}

/* ---- Taking over ---- */

/* Count what was published after the ledger was last written: one publication at the most. */
gyre_inline void walk_published(
	const struct gyre_ring *r, struct gyre_ledger_copy *copy, bool slots)
{
	const uint64_t start = copy->position;

	while (copy->position - start < r->hot.capacity) {
		const uint64_t word = gyre_load_word_(&r->hot, copy->position, slots);

		if (gyre_is_message_(&r->hot, copy->position, word, slots)) {
			copy->messages++;
			copy->bytes += gyre_word_length_(word);
			copy->position += gyre_span_(&r->hot, gyre_word_length_(word), slots);
		} else if (is_pad(r, copy->position, word, slots)) {
			copy->position += rest_at(r, copy->position);
		} else {
			return;
		}
	}
}

static void set_geometry(struct gyre_ring *r, const struct gyre_view *view, bool slots)
{
	const struct gyre_header *h = &view->header;

	r->hot.data = gyre_view_at(view, h->data_offset);
	r->hot.capacity = slots ? h->capacity_bytes / h->slot_stride : h->capacity_bytes;
	r->hot.mask = r->hot.capacity - 1;
	r->hot.stride = h->slot_stride;
	r->hot.align = slots ? 1 : h->align_bytes;
	r->kept_free = slots ? 1 : h->align_bytes;
	r->hot.message_bytes_max = (uint32_t)h->message_bytes_max;
	r->hot.prefetch_ahead = slots ? (PREFETCH_AHEAD + h->slot_stride - 1) / h->slot_stride
				  : PREFETCH_AHEAD;
	r->hot.show_every = r->hot.capacity / 4;
}

/* Write what the walk found as the dead one would have: into the ledger that is not current. */
static void settle(const struct gyre_view *view, unsigned number, bool slots)
{
	struct gyre_ring walker = { .seat = gyre_seat_at(view, number) };
	struct gyre_ledger_copy copy = gyre_ledger_read(walker.seat);
	const uint64_t before = copy.position;

	set_geometry(&walker, view, slots);
	if (number == GYRE_SPSC_PRODUCER_SEAT && before % walker.hot.align == 0)
		walk_published(&walker, &copy, slots);
	if (copy.position != before) {
		gyre_ledger_resume(&walker);
		gyre_ledger_write_(&walker.hot, copy.position, copy.messages - walker.hot.messages,
			copy.bytes - walker.hot.bytes);
	}
	gyre_reservation_settle(walker.seat);
}

/* Words that a dead producer's unpublished batch left behind must not follow the next message. */
static void clear_free_slots(struct gyre_ring *r)
{
	for (uint64_t p = r->hot.position; p != r->hot.limit + 1; p++)
		if (is_current(r, p, gyre_load_word_(&r->hot, p, true), true))
			store_word(r, p, 0, true);
}

static void resume_producer(struct gyre_ring *r, bool slots)
{
	const uint64_t word = gyre_load_word_(&r->hot, r->hot.position, slots);

	r->closed = is_current(r, r->hot.position, word, slots) &&
		gyre_word_type(word) == GYRE_WORD_CLOSE;
	if (slots && !r->closed && gyre_refresh_limit(r, true))
		clear_free_slots(r);
	r->hot.limit = r->hot.position; /* the first call looks */
	r->hot.quick_send = slots ? GYRE_QUICK_SLOTS_ : GYRE_QUICK_RECORDS_;
}

static void resume_consumer(struct gyre_ring *r, bool slots)
{
	gyre_show_head(r);
	r->hot.quick_receive = slots ? GYRE_QUICK_SLOTS_ : GYRE_QUICK_RECORDS_;
}

static void resume(struct gyre_ring *r, bool slots)
{
	set_geometry(r, &r->attachment.view, slots);
	gyre_ledger_resume(r);
	r->hot.position -= r->hot.position % r->hot.align; /* a damaged one costs messages, not bounds */
	r->hot.next = r->hot.shown = r->hot.position;
	if (r->attachment.number == GYRE_SPSC_PRODUCER_SEAT)
		resume_producer(r, slots);
	else
		resume_consumer(r, slots);
}

/* What stands between the consumer's progress and what was published. */
static void measure(const struct gyre_view *view, struct gyre_ring_info *ret_info, bool slots)
{
	const struct gyre_ledger_copy consumed =
		gyre_ledger_read(gyre_seat_at(view, GYRE_SPSC_CONSUMER_SEAT));
	struct gyre_ledger_copy produced =
		gyre_ledger_read(gyre_seat_at(view, GYRE_SPSC_PRODUCER_SEAT));
	struct gyre_ring walker = { 0 };
	uint64_t word;

	set_geometry(&walker, view, slots);
	produced.position -= produced.position % walker.hot.align;
	walk_published(&walker, &produced, slots);
	word = gyre_load_word_(&walker.hot, produced.position, slots);
	ret_info->closed = is_current(&walker, produced.position, word, slots) &&
		gyre_word_type(word) == GYRE_WORD_CLOSE;
	/* The two ledgers are not of one instant: a consumer may be seen further on. */
	if ((int64_t)(produced.messages - consumed.messages) > 0)
		ret_info->messages = produced.messages - consumed.messages;
	if (produced.position - consumed.position <= walker.hot.capacity)
		ret_info->used_bytes = (produced.position - consumed.position) *
			(slots ? walker.hot.stride : 1);
}

static void records_resume(struct gyre_ring *r)
{
	resume(r, false);
}

static void slots_resume(struct gyre_ring *r)
{
	resume(r, true);
}

static void records_settle(const struct gyre_view *view, unsigned number)
{
	settle(view, number, false);
}

static void slots_settle(const struct gyre_view *view, unsigned number)
{
	settle(view, number, true);
}

static void records_measure(const struct gyre_view *view, struct gyre_ring_info *ret_info)
{
	measure(view, ret_info, false);
}

static void slots_measure(const struct gyre_view *view, struct gyre_ring_info *ret_info)
{
	measure(view, ret_info, true);
}

const struct gyre_ring_shape gyre_shape_records = {
	.producer = &gyre_records_producer,
	.consumer = &gyre_records_consumer,
	.resume = records_resume,
	.settle = records_settle,
	.measure = records_measure,
};

const struct gyre_ring_shape gyre_shape_slots = {
	.producer = &gyre_slots_producer,
	.consumer = &gyre_slots_consumer,
	.resume = slots_resume,
	.settle = slots_settle,
	.measure = slots_measure,
};
