/*
 * What the two spsc rings share. One producer and one consumer, each alone on its seat; nothing
 * in the segment is ever claimed, so nothing can be left claimed by a death.
 *
 * The consumer's progress stands twice. It shows its head lazily, every quarter of the ring or
 * when it found it empty, so that the producer's lines stay the producer's; its exact progress is
 * in its seat, a line that nobody else reads in normal running. A producer about to report "full"
 * reads the exact one, and so does a successor.
 *
 * The producer's ledger (position, messages, bytes) lags by a quarter of the ring at the most: what
 * was published since is found by walking the words, which stand until the producer itself writes
 * over them. What the consumer released is what was committed less what is unread.
 */
#include "spsc_shape.h"

/* ---- The producer's ledger ---- */

struct gyre_ledger_copy {
	uint64_t position, messages, bytes;
	unsigned index;
};

/* The later of the two. [LEDGER] */
static struct gyre_ledger_copy read_ledger(const struct gyre_seat *seat)
{
	/* [LEDGER] acquire: pairs with the release in write_ledger(). */
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

static void write_ledger(struct gyre_seat *seat, const struct gyre_ledger_copy *copy)
{
	struct gyre_ledger *next = &seat->ledger[copy->index];

	atomic_store_explicit(&next->messages, copy->messages, memory_order_relaxed);
	atomic_store_explicit(&next->bytes, copy->bytes, memory_order_relaxed);
	/* [LEDGER] release: pairs with the acquire in read_ledger(). Last: until then the other
	 * one is the later and whole. */
	atomic_store_explicit(&next->position, copy->position, memory_order_release);
}

void gyre_ledger_flush(struct gyre_ring *r)
{
	const struct gyre_ledger_copy copy = {
		.position = r->hot.position,
		.messages = r->hot.messages,
		.bytes = r->hot.bytes,
		.index = r->ledger_index,
	};

	if (r->flushed == r->hot.position)
		return;
	write_ledger(r->seat, &copy);
	r->flushed = r->hot.position;
	r->ledger_index ^= 1;
}

uint64_t gyre_consumer_position(const struct gyre_view *view)
{
	/* [PROGRESS] acquire: pairs with the release in gyre_progress_(). */
	return atomic_load_explicit(
		&gyre_seat_at(view, GYRE_SPSC_CONSUMER_SEAT)->ledger[0].position,
		memory_order_acquire);
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

static bool is_ended(const struct gyre_view *view)
{
	const struct gyre_seat *consumer = gyre_seat_at(view, GYRE_SPSC_CONSUMER_SEAT);
	struct gyre_ring_info info = {0};

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

int gyre_show_head(struct gyre_ring *r)
{
	r->shown = r->hot.position;
	r->hot.show_at = r->shown + r->hot.capacity / 4;
	/* [HEAD] release: pairs with the acquire in look_at_head(). */
	atomic_store_explicit(r->head_shown, r->hot.position, memory_order_release);
	return gyre_published(r);
}

int gyre_ring_show_(struct gyre_ring *r)
{
	return gyre_show_head(r);
}

/* ---- Taking over ---- */

/* Add up the messages from copy->position on, as far as there are any, but not beyond end. */
static void walk(const struct gyre_ring *r, struct gyre_ledger_copy *copy, uint64_t end, bool slots)
{
	const uint64_t start = copy->position;

	while (copy->position != end && copy->position - start < r->hot.capacity) {
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
	r->hot.message_bytes_max = (uint32_t)h->message_bytes_max;
	r->hot.lap_bytes = h->capacity_bytes;
	r->hot.end = r->hot.data + h->capacity_bytes;
	r->hot.small_bytes_max =
		h->message_bytes_max < GYRE_SMALL_ ? (uint32_t)h->message_bytes_max : GYRE_SMALL_;
	r->kept_free = slots ? 1 : h->align_bytes;
}

/* All that was ever published: the ledger, and what stands behind it. */
static struct gyre_ledger_copy published(const struct gyre_view *view, bool slots)
{
	struct gyre_ledger_copy copy = read_ledger(gyre_seat_at(view, GYRE_SPSC_PRODUCER_SEAT));
	struct gyre_ring walker = {0};

	set_geometry(&walker, view, slots);
	copy.position -= copy.position % walker.hot.align; /* damage costs messages, not bounds */
	walk(&walker, &copy, copy.position - 1, slots);
	return copy;
}

/* Write what the walk found as the dead one would have: into the ledger that is not current. */
static void settle(const struct gyre_view *view, unsigned number, bool slots)
{
	struct gyre_seat *seat = gyre_seat_at(view, number);
	struct gyre_ledger_copy copy;

	if (number != GYRE_SPSC_PRODUCER_SEAT)
		return;
	copy = published(view, slots);
	gyre_reservation_settle(seat, copy.position);
	if (copy.position != read_ledger(seat).position) {
		copy.index ^= 1;
		write_ledger(seat, &copy);
	}
}

/* Words that a dead producer's unpublished batch left behind must not follow the next message. */
static void clear_free_slots(struct gyre_ring *r)
{
	const uint64_t head = gyre_consumer_position(&r->attachment.view);

	if (r->hot.position - head > r->hot.capacity)
		return;
	for (uint64_t p = r->hot.position; p != head + r->hot.capacity; p++)
		if (is_current(r, p, gyre_load_word_(&r->hot, p, true), true))
			store_word(r, p, 0, true);
}

static void resume_producer(struct gyre_ring *r, bool slots)
{
	const struct gyre_ledger_copy copy = read_ledger(r->seat);
	uint64_t word;

	r->ledger_index = copy.index ^ 1;
	r->flushed = copy.position;
	r->hot.position = copy.position - copy.position % r->hot.align;
	r->hot.messages = copy.messages;
	r->hot.bytes = copy.bytes;
	r->aborted = gyre_aborted(r->seat);
	word = gyre_load_word_(&r->hot, r->hot.position, slots);
	r->closed = is_current(r, r->hot.position, word, slots) &&
		    gyre_word_type(word) == GYRE_WORD_CLOSE;
	if (slots && !r->closed)
		clear_free_slots(r);
	gyre_aim_(&r->hot, r->hot.position, slots);
	r->hot.limit = r->hot.position; /* the first call looks */
}

static void resume_consumer(struct gyre_ring *r, bool slots)
{
	const uint64_t position = gyre_consumer_position(&r->attachment.view);

	r->hot.progress = (gyre_word_t_ *)(void *)&r->seat->ledger[0].position;
	r->hot.position = position - position % r->hot.align;
	r->hot.next = r->hot.position;
	gyre_aim_(&r->hot, r->hot.next, slots);
	gyre_show_head(r);
	arm_receive(&r->hot);
}

static void resume(struct gyre_ring *r, bool slots)
{
	set_geometry(r, &r->attachment.view, slots);
	if (r->attachment.number == GYRE_SPSC_PRODUCER_SEAT)
		resume_producer(r, slots);
	else
		resume_consumer(r, slots);
}

/* ---- From outside ---- */

/* What stands between the consumer's progress and the tail. */
static struct gyre_ledger_copy unread(const struct gyre_view *view, uint64_t tail, bool slots)
{
	struct gyre_ledger_copy copy = {.position = gyre_consumer_position(view)};
	struct gyre_ring walker = {0};

	set_geometry(&walker, view, slots);
	copy.position -= copy.position % walker.hot.align;
	if (tail - copy.position <= walker.hot.capacity)
		walk(&walker, &copy, tail, slots);
	return copy;
}

/* What a seat's holders did: committed, or released (committed and not unread). */
static void count(
	const struct gyre_view *view, unsigned number, struct gyre_counters *ret, bool slots)
{
	struct gyre_ledger_copy copy = published(view, slots);

	if (number != GYRE_SPSC_PRODUCER_SEAT) {
		const struct gyre_ledger_copy left = unread(view, copy.position, slots);

		copy.messages -= left.messages;
		copy.bytes -= left.bytes;
	}
	ret->messages = copy.messages;
	ret->bytes = copy.bytes;
	ret->aborted = gyre_aborted(gyre_seat_at(view, number));
}

static void measure(const struct gyre_view *view, struct gyre_ring_info *ret_info, bool slots)
{
	const struct gyre_ledger_copy all = published(view, slots);
	const uint64_t head = gyre_consumer_position(view);
	struct gyre_ring walker = {0};
	uint64_t word;

	set_geometry(&walker, view, slots);
	word = gyre_load_word_(&walker.hot, all.position, slots);
	ret_info->closed = is_current(&walker, all.position, word, slots) &&
			   gyre_word_type(word) == GYRE_WORD_CLOSE;
	ret_info->messages = unread(view, all.position, slots).messages;
	if (all.position - head <= walker.hot.capacity)
		ret_info->used_bytes = (all.position - head) * (slots ? walker.hot.stride : 1);
}

/* ---- The other side ---- */

/* GYRE_ELEFT or GYRE_EDIED if the last producer went and that was not told yet. */
static int producer_gone(struct gyre_ring *r, uint64_t *ret_generation)
{
	/* [SEAT] acquire: what it published before it went is seen by the next look. */
	const uint32_t word = atomic_load_explicit(
		&gyre_seat_at(&r->attachment.view, GYRE_SPSC_PRODUCER_SEAT)->state,
		memory_order_acquire);

	*ret_generation = gyre_seat_generation_of(word);
	if (*ret_generation == r->told_generation)
		return 0;
	switch (gyre_seat_state_of(word)) {
	case GYRE_SEAT_LEFT:
		return GYRE_ELEFT;
	case GYRE_SEAT_DIED:
		return GYRE_EDIED;
	default:
		return 0;
	}
}

/* Its seat, plus one. */
static unsigned other_side(const struct gyre_ring *r)
{
	return 1 + (gyre_is_consumer(r) ? GYRE_SPSC_PRODUCER_SEAT : GYRE_SPSC_CONSUMER_SEAT);
}

/* The other side has been silent for a slice: does it live? A dead one is settled and marked, so
 * that the next look says so. */
static void ask(struct gyre_ring *r)
{
	if (gyre_attachment_has_lock(&r->attachment))
		gyre_seat_repair(&r->attachment.view, other_side(r) - 1, r->attachment.number + 1,
			gyre_ring_shape_of(&r->attachment.view.header)->settle);
}

/* Behind nobody's unfinished message: none shows before its commit. Room is the consumer's to give.
 */
static bool is_stuck(const struct gyre_ring *r)
{
	return !gyre_is_consumer(r);
}

static void hand_on(struct gyre_ring *r, bool got)
{
	(void)r; /* there is no next one */
	(void)got;
}

static void give_back(struct gyre_ring *r)
{
	if (gyre_is_consumer(r))
		return;
	sync_sent(&r->hot, r->hot.stride != 0);
	gyre_ledger_flush(r);
}

static void left(struct gyre_ring *r)
{
	gyre_wake_all(r->wake); /* whoever waits for us shall see that we left */
}

/* What a consumer has in hand no word of the ring says. */
static void holds(const struct gyre_view *view, struct gyre_hold *ret_holds)
{
	(void)view;
	(void)ret_holds;
}

static void tell(const struct gyre_view *view)
{
	gyre_wake_all(&gyre_shared_page(view)->consumers);
	gyre_wake_all(&gyre_shared_page(view)->producers);
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

static void records_count(const struct gyre_view *view, unsigned number, struct gyre_counters *ret)
{
	count(view, number, ret, false);
}

static void records_measure(const struct gyre_view *view, struct gyre_ring_info *ret_info)
{
	measure(view, ret_info, false);
}

static void slots_count(const struct gyre_view *view, unsigned number, struct gyre_counters *ret)
{
	count(view, number, ret, true);
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
	.count = records_count,
	.is_ended = is_ended,
	.holds = holds,
	.gone = producer_gone,
	.ask = ask,
	.is_stuck = is_stuck,
	.waits_for = other_side,
	.hand_on = hand_on,
	.give_back = give_back,
	.left = left,
	.tell = tell,
};

const struct gyre_ring_shape gyre_shape_slots = {
	.producer = &gyre_slots_producer,
	.consumer = &gyre_slots_consumer,
	.resume = slots_resume,
	.settle = slots_settle,
	.measure = slots_measure,
	.count = slots_count,
	.is_ended = is_ended,
	.holds = holds,
	.gone = producer_gone,
	.ask = ask,
	.is_stuck = is_stuck,
	.waits_for = other_side,
	.hand_on = hand_on,
	.give_back = give_back,
	.left = left,
	.tell = tell,
};
