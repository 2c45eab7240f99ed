/*
 * spsc, the producer: reserve, commit, discard, send, send_batch, close.
 *
 * A death leaves: before the store of the (first) word, nothing; after it, the message or the
 * whole batch. Wait-free until the ring is full.
 */
#include <ck_pr.h>
#include "spsc_shape.h"

/* How long a producer without room looks at the shown head before it asks for the exact one. */
#define SHOWN_POLLS 32u

/* Let the quick way write up to there: as far as there is room and in one piece, but at most a
 * quarter of the ring (or what is needed), so that the ledger never lags more. */
static void set_limit(struct gyre_ring *r, uint64_t from, uint64_t room)
{
	const uint64_t quarter = r->hot.capacity / 4;
	uint64_t ahead = quarter > r->need ? quarter : r->need;

	if (ahead > room)
		ahead = room;
	if (r->hot.stride == 0 && ahead > gyre_reach_(&r->hot, from))
		ahead = gyre_reach_(&r->hot, from);
	r->hot.limit = from + ahead;
}

/* Is there room for r->need behind `from`? 1: yes, limit is set. 0: no. */
static int look_at_head(struct gyre_ring *r, uint64_t from, bool exact)
{
	/* [HEAD] acquire: the consumer's last read of the room happens before we write there. */
	const uint64_t head = exact ? gyre_consumer_position(&r->attachment.view)
				    : atomic_load_explicit(r->head_shown, memory_order_acquire);
	const uint64_t usable = r->hot.capacity - r->kept_free;

	/* The shown head may lag behind what the exact one allowed. */
	if (from - head > usable || head % r->hot.align != 0)
		return exact ? GYRE_ECORRUPT : 0;
	if (usable - (from - head) < r->need)
		return 0;
	set_limit(r, from, usable - (from - head));
	return 1;
}

/* The exact progress is on a line that the consumer writes with every message: a producer that is
 * only a little ahead gives it time to show its head, instead of taking that line away each time.
 */
static int look_for_room(struct gyre_ring *r)
{
	int found = 0;

	for (unsigned polls = 0; found == 0 && polls < SHOWN_POLLS; polls++) {
		found = look_at_head(r, r->hot.position, false);
		if (found == 0)
			ck_pr_stall();
	}
	return found != 0 ? found : look_at_head(r, r->hot.position, true);
}

static int wait_for_room(struct gyre_ring *r, uint64_t need, int64_t timeout_ns)
{
	int found;

	r->need = need;
	found = look_for_room(r);
	if (found != 0)
		return found > 0 ? GYRE_OK : found;
	return gyre_wait(r, look_for_room, timeout_ns);
}

/* Make what is left before the end of the data area a PAD record. */
static int pad_to_end(struct gyre_ring *r, int64_t timeout_ns)
{
	const uint64_t rest = rest_at(r, r->hot.position);
	const int outcome = wait_for_room(r, rest, timeout_ns);

	if (outcome != GYRE_OK)
		return outcome;
	publish(&r->hot, rest, gyre_word_(GYRE_WORD_PAD, 0, 0, 0), 0, 0, r->hot.data, false);
	r->hot.limit = r->hot.position;
	return gyre_published(r);
}

/* The slow way to room for one message: after it, span from position on is ours. */
static int make_room(struct gyre_ring *r, size_t bytes, int64_t timeout_ns, bool slots)
{
	const uint64_t span = gyre_span_(&r->hot, bytes, slots);
	int outcome = GYRE_OK;

	if (r->open)
		return GYRE_EBUSY;
	if (r->closed)
		return GYRE_ECLOSED;
	if (bytes > r->hot.message_bytes_max)
		return GYRE_EMSGSIZE;
	gyre_ledger_flush(r);
	if (!slots && gyre_reach_(&r->hot, r->hot.position) < span)
		outcome = pad_to_end(r, timeout_ns);
	if (outcome == GYRE_OK)
		outcome = wait_for_room(r, span, timeout_ns);
	return outcome;
}

gyre_inline int find_room(struct gyre_ring *r, size_t bytes, int64_t timeout_ns, bool slots)
{
	if (gyre_likely(fits(&r->hot, r->hot.position, bytes, slots)))
		return GYRE_OK;
	return make_room(r, bytes, timeout_ns, slots);
}

gyre_inline int send(struct gyre_ring *r, const void *data, size_t bytes, uint32_t tag,
	int64_t timeout_ns, bool slots)
{
	const int outcome = find_room(r, bytes, timeout_ns, slots);

	if (outcome != GYRE_OK)
		return outcome;
	if (bytes <= GYRE_SMALL_)
		put(&r->hot, data, bytes, tag, true, slots);
	else
		put(&r->hot, data, bytes, tag, false, slots);
	return gyre_published(r);
}

gyre_inline int commit(struct gyre_ring *r, size_t bytes, uint32_t tag, bool slots)
{
	const uint64_t span = gyre_span_(&r->hot, bytes, slots);
	const uint64_t word = make_word(r, r->hot.position, GYRE_WORD_MESSAGE, bytes, tag, slots);

	if (gyre_unlikely(!r->open))
		return GYRE_ESTATE;
	if (gyre_unlikely(bytes > r->reserved_bytes))
		return GYRE_EMSGSIZE;
	r->open = false;
	r->hot.limit = r->reserved_limit;
	/* What is written next: about a KiB on, or the next message's first lines. */
	gyre_prefetch_write_(bytes < GYRE_PREFETCH_AHEAD_ ? r->hot.at + GYRE_PREFETCH_AHEAD_
							  : r->hot.at + span + 64);
	publish(&r->hot, span, word, 1, bytes, behind_at(&r->hot, span, slots), slots);
	gyre_reservation_close(r);
	return gyre_published(r);
}

gyre_inline int reserve(
	struct gyre_ring *r, size_t bytes_max, int64_t timeout_ns, void **ret_data, bool slots)
{
	const int outcome = find_room(r, bytes_max, timeout_ns, slots);

	if (gyre_unlikely(outcome != GYRE_OK))
		return outcome;
	gyre_reservation_open(r, r->hot.position);
	r->reserved_bytes = bytes_max;
	r->reserved_limit = r->hot.limit;
	r->hot.limit = r->hot.position;
	*ret_data = payload_at(r, r->hot.position, slots);
	return GYRE_OK;
}

static int spsc_discard(struct gyre_ring *r)
{
	if (!r->open)
		return GYRE_ESTATE;
	r->hot.limit = r->reserved_limit;
	gyre_reservation_drop(r);
	return GYRE_OK;
}

/* Write one message of a batch at r->hot.at, its word too unless it is the first; go behind it. */
gyre_inline void write_in_batch(
	struct gyre_ring *r, const struct gyre_message *m, uint64_t span, bool first, bool slots)
{
	uint8_t *const at = r->hot.at;
	const uint64_t word =
		gyre_word_(GYRE_WORD_MESSAGE, slots ? r->hot.phase : 0, m->bytes, m->tag);

	if (m->bytes <= GYRE_SMALL_) {
		gyre_prefetch_ahead_(at, m->bytes);
		gyre_copy_small_(at + GYRE_WORD_BYTES_, m->data, m->bytes);
	} else {
		gyre_copy_large_(at + GYRE_WORD_BYTES_, m->data, m->bytes, 1);
	}
	r->hot.at = behind_at(&r->hot, span, slots);
	/* [WORD] release, though the first word orders them all for the consumer: a successor
	 * producer that clears slots after a death must find no gap. */
	if (!first)
		__atomic_store_n((gyre_word_t_ *)(void *)at, word, __ATOMIC_RELEASE);
}

/* Whether the next one of a batch can follow at end: as far as the ring goes on there. */
gyre_inline bool can_follow(struct gyre_ring *r, uint64_t end, size_t bytes, bool slots)
{
	if (fits(&r->hot, end, bytes, slots))
		return true;
	gyre_ledger_flush(r);
	r->need = gyre_span_(&r->hot, bytes, slots);
	if (bytes > r->hot.message_bytes_max || (!slots && gyre_reach_(&r->hot, end) < r->need))
		return false;
	return look_at_head(r, end, false) > 0 || look_at_head(r, end, true) > 0;
}

gyre_inline int send_batch(struct gyre_ring *r, const struct gyre_message *messages, unsigned count,
	int64_t timeout_ns, bool slots)
{
	uint64_t end, first_word, bytes = 0;
	uint8_t *first_at, *behind;
	unsigned sent = 0;
	int outcome;

	if (count == 0)
		return 0;
	outcome = find_room(r, messages[0].bytes, timeout_ns, slots);
	if (outcome != GYRE_OK)
		return outcome;
	end = r->hot.position;
	first_at = r->hot.at;
	first_word =
		make_word(r, end, GYRE_WORD_MESSAGE, messages[0].bytes, messages[0].tag, slots);
	while (sent < count && can_follow(r, end, messages[sent].bytes, slots)) {
		const uint64_t span = gyre_span_(&r->hot, messages[sent].bytes, slots);

		write_in_batch(r, &messages[sent], span, sent == 0, slots);
		end += span;
		bytes += messages[sent].bytes;
		sent++;
	}
	behind = r->hot.at;
	r->hot.at = first_at;
	publish(&r->hot, end - r->hot.position, first_word, sent, bytes, behind, slots);
	gyre_published(r);
	return (int)sent;
}

gyre_inline int close_ring(struct gyre_ring *r, bool slots)
{
	if (r->open)
		return GYRE_EBUSY;
	if (r->closed)
		return GYRE_ECLOSED;
	/* Into the room that always stays free; nothing follows, so nothing is zeroed. */
	store_word(r, r->hot.position, make_word(r, r->hot.position, GYRE_WORD_CLOSE, 0, 0, slots),
		slots);
	r->closed = true;
	r->hot.limit = r->hot.position;
	gyre_ledger_flush(r);
	return gyre_published(r);
}

/* ---- Both shapes ---- */

static int records_send(
	struct gyre_ring *r, const void *data, size_t bytes, uint32_t tag, int64_t timeout_ns)
{
	int outcome;

	sync_sent(&r->hot, false);
	outcome = send(r, data, bytes, tag, timeout_ns, false);
	arm_send(r, false);
	return outcome;
}

static int records_reserve(
	struct gyre_ring *r, size_t bytes_max, int64_t timeout_ns, void **ret_data)
{
	int outcome;

	sync_sent(&r->hot, false);
	outcome = reserve(r, bytes_max, timeout_ns, ret_data, false);
	arm_send(r, false);
	return outcome;
}

static int records_commit(struct gyre_ring *r, size_t bytes, uint32_t tag)
{
	int outcome;

	sync_sent(&r->hot, false);
	outcome = commit(r, bytes, tag, false);
	arm_send(r, false);
	return outcome;
}

static int records_discard(struct gyre_ring *r)
{
	int outcome;

	sync_sent(&r->hot, false);
	outcome = spsc_discard(r);
	arm_send(r, false);
	return outcome;
}

static int records_send_batch(struct gyre_ring *r, const struct gyre_message *messages,
	unsigned count, int64_t timeout_ns)
{
	int outcome;

	sync_sent(&r->hot, false);
	outcome = send_batch(r, messages, count, timeout_ns, false);
	arm_send(r, false);
	return outcome;
}

static int records_close(struct gyre_ring *r)
{
	int outcome;

	sync_sent(&r->hot, false);
	outcome = close_ring(r, false);
	arm_send(r, false);
	return outcome;
}

static int slots_send(
	struct gyre_ring *r, const void *data, size_t bytes, uint32_t tag, int64_t timeout_ns)
{
	int outcome;

	sync_sent(&r->hot, true);
	outcome = send(r, data, bytes, tag, timeout_ns, true);
	arm_send(r, true);
	return outcome;
}

static int slots_reserve(struct gyre_ring *r, size_t bytes_max, int64_t timeout_ns, void **ret_data)
{
	int outcome;

	sync_sent(&r->hot, true);
	outcome = reserve(r, bytes_max, timeout_ns, ret_data, true);
	arm_send(r, true);
	return outcome;
}

static int slots_commit(struct gyre_ring *r, size_t bytes, uint32_t tag)
{
	int outcome;

	sync_sent(&r->hot, true);
	outcome = commit(r, bytes, tag, true);
	arm_send(r, true);
	return outcome;
}

static int slots_discard(struct gyre_ring *r)
{
	int outcome;

	sync_sent(&r->hot, true);
	outcome = spsc_discard(r);
	arm_send(r, true);
	return outcome;
}

static int slots_send_batch(struct gyre_ring *r, const struct gyre_message *messages,
	unsigned count, int64_t timeout_ns)
{
	int outcome;

	sync_sent(&r->hot, true);
	outcome = send_batch(r, messages, count, timeout_ns, true);
	arm_send(r, true);
	return outcome;
}

static int slots_close(struct gyre_ring *r)
{
	int outcome;

	sync_sent(&r->hot, true);
	outcome = close_ring(r, true);
	arm_send(r, true);
	return outcome;
}

const struct gyre_producer_ops gyre_records_producer = {
	.reserve = records_reserve,
	.commit = records_commit,
	.discard = records_discard,
	.send = records_send,
	.send_batch = records_send_batch,
	.close = records_close,
};

const struct gyre_producer_ops gyre_slots_producer = {
	.reserve = slots_reserve,
	.commit = slots_commit,
	.discard = slots_discard,
	.send = slots_send,
	.send_batch = slots_send_batch,
	.close = slots_close,
};
