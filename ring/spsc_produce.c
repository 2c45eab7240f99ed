/*
 * spsc, the producer: reserve, commit, discard, send, send_batch, close.
 *
 * A death leaves: before the store of the (first) word, nothing; after it, the message or the
 * whole batch. Wait-free until the ring is full.
 */
#include "spsc_shape.h"

/* Publish from the tail, whose cell is given, up to end: all is written but the first word, which
 * shows it. GYRE_OK. */
gyre_inline int publish(struct gyre_ring *r, uint8_t *cell, uint64_t end, uint64_t first_word,
	uint64_t messages, uint64_t bytes, bool slots)
{
	/* Relaxed: ordered before the word that leads there by that one's release. */
	if (!slots)
		atomic_store_explicit(word_at(r, end, false), 0, memory_order_relaxed);
	/* [WORD] release: as store_word(). */
	atomic_store_explicit(
		(_Atomic uint64_t *)(void *)cell, first_word, memory_order_release);
	gyre_ledger_write(r, end, messages, bytes);
	return gyre_published(r);
}

static int look_for_room(struct gyre_ring *r)
{
	for (int exact = 0; exact < 2; exact++) {
		if (!gyre_refresh_limit(r, exact != 0))
			return GYRE_ECORRUPT;
		if (r->limit - r->position >= r->need)
			return 1;
	}
	return 0;
}

static int wait_for_room(struct gyre_ring *r, uint64_t need, int64_t timeout_ns)
{
	const uint64_t enough = r->position + need + r->kept_free - r->capacity;
	const uint64_t comfortable = enough + r->capacity / 4;
	int found;

	r->need = need;
	found = look_for_room(r);
	if (found != 0)
		return found > 0 ? GYRE_OK : found;
	/* "Wake me when a quarter of the ring is free, or all of it": not for every message. */
	atomic_store_explicit(&r->sleep->wants,
		(int64_t)(comfortable - r->position) > 0 ? r->position : comfortable,
		memory_order_relaxed);
	return gyre_wait(r, look_for_room, timeout_ns);
}

/* Make what is left before the end of the data area a PAD record. */
static int pad_to_end(struct gyre_ring *r, int64_t timeout_ns)
{
	const uint64_t rest = rest_at(r, r->position);
	int outcome = GYRE_OK;

	if (r->limit - r->position < rest)
		outcome = wait_for_room(r, rest, timeout_ns);
	if (outcome == GYRE_OK)
		outcome = publish(r, cell_at(r, r->position, false), r->position + rest,
			gyre_word(GYRE_WORD_PAD, 0, 0, 0), 0, 0, false);
	return outcome;
}

/* The slow way to room for one message: after it, span from position on is ours. */
static int make_room(struct gyre_ring *r, size_t bytes, int64_t timeout_ns, bool slots)
{
	const uint64_t span = span_of(r, bytes, slots);
	int outcome = GYRE_OK;

	if (r->open)
		return GYRE_EBUSY;
	if (r->closed)
		return GYRE_ECLOSED;
	if (bytes > r->message_bytes_max)
		return GYRE_EMSGSIZE;
	if (reach_at(r, r->position, slots) < span)
		outcome = pad_to_end(r, timeout_ns);
	if (outcome == GYRE_OK && r->limit - r->position < span)
		outcome = wait_for_room(r, span, timeout_ns);
	return outcome;
}

/* Whether a message goes to position at once. While a reservation is open, and after the close,
 * limit equals position, so that neither is asked here. */
gyre_inline bool fits(const struct gyre_ring *r, uint64_t position, size_t bytes, bool slots)
{
	const uint64_t span = span_of(r, bytes, slots);

	return bytes <= r->message_bytes_max && r->limit - position >= span &&
		reach_at(r, position, slots) >= span;
}

gyre_inline int find_room(struct gyre_ring *r, size_t bytes, int64_t timeout_ns, bool slots)
{
	if (gyre_likely(fits(r, r->position, bytes, slots)))
		return GYRE_OK;
	return make_room(r, bytes, timeout_ns, slots);
}

/* Ask for the lines that will be written about a KiB later. */
gyre_inline void prefetch_ahead(const struct gyre_ring *r, uint64_t position, size_t bytes, bool slots)
{
	const uint64_t ahead = position + r->prefetch_ahead;

	gyre_prefetch_write(cell_at(r, ahead, slots));
	if (gyre_unlikely(bytes > 56))
		for (size_t line = 64; line < bytes + GYRE_WORD_BYTES && line < 4096; line += 64)
			gyre_prefetch_write(slots ? cell_at(r, ahead, true) + line
						  : cell_at(r, ahead + line, false));
}

/* There is room at the tail: write the message and publish it. */
gyre_inline int put(
	struct gyre_ring *r, const void *data, size_t bytes, uint32_t tag, bool small, bool slots)
{
	const uint64_t position = r->position;
	const uint64_t end = position + span_of(r, bytes, slots);
	const uint64_t word = make_word(r, position, GYRE_WORD_MESSAGE, bytes, tag, slots);
	uint8_t *const cell = cell_at(r, position, slots);

	prefetch_ahead(r, position, bytes, slots);
	if (small)
		gyre_copy_small(cell + GYRE_WORD_BYTES, data, bytes);
	else
		memcpy(cell + GYRE_WORD_BYTES, data, bytes);
	return publish(r, cell, end, word, 1, bytes, slots);
}

/* Out of line, so that the quick way calls nothing and saves no registers. */
gyre_inline int send_slowly(struct gyre_ring *r, const void *data, size_t bytes, uint32_t tag,
	int64_t timeout_ns, bool slots)
{
	const int outcome = find_room(r, bytes, timeout_ns, slots);

	if (outcome != GYRE_OK)
		return outcome;
	return bytes <= GYRE_SMALL ? put(r, data, bytes, tag, true, slots)
				   : put(r, data, bytes, tag, false, slots);
}

gyre_inline int commit(struct gyre_ring *r, size_t bytes, uint32_t tag, bool slots)
{
	const uint64_t position = r->position;
	const uint64_t end = position + span_of(r, bytes, slots);
	const uint64_t word = make_word(r, position, GYRE_WORD_MESSAGE, bytes, tag, slots);

	if (gyre_unlikely(!r->open))
		return GYRE_ESTATE;
	if (gyre_unlikely(bytes > r->reserved_bytes))
		return GYRE_EMSGSIZE;
	r->open = false;
	r->limit = r->reserved_limit;
	prefetch_ahead(r, position, bytes, slots);
	publish(r, cell_at(r, position, slots), end, word, 1, bytes, slots);
	gyre_reservation_close(r);
	return GYRE_OK;
}

gyre_inline int reserve(struct gyre_ring *r, size_t bytes_max, int64_t timeout_ns, void **ret_data,
	bool slots)
{
	const int outcome = find_room(r, bytes_max, timeout_ns, slots);

	if (gyre_unlikely(outcome != GYRE_OK))
		return outcome;
	gyre_reservation_open(r);
	r->reserved_bytes = bytes_max;
	r->reserved_limit = r->limit;
	r->limit = r->position;
	*ret_data = payload_at(r, r->position, slots);
	return GYRE_OK;
}

static int spsc_discard(struct gyre_ring *r)
{
	if (!r->open)
		return GYRE_ESTATE;
	r->limit = r->reserved_limit;
	gyre_reservation_drop(r);
	return GYRE_OK;
}

/* Write one message of a batch at end; its word too, unless it is the first. */
gyre_inline void write_in_batch(
	struct gyre_ring *r, uint64_t end, const struct gyre_message *m, bool first, bool slots)
{
	prefetch_ahead(r, end, m->bytes, slots);
	gyre_copy(payload_at(r, end, slots), m->data, m->bytes);
	/* Release, though the first word orders them all for the consumer: a successor producer
	 * that clears slots after a death must find no gap. */
	if (!first)
		store_word(r, end,
			make_word(r, end, GYRE_WORD_MESSAGE, m->bytes, m->tag, slots), slots);
}

gyre_inline int send_batch(struct gyre_ring *r, const struct gyre_message *messages, unsigned count,
	int64_t timeout_ns, bool slots)
{
	uint64_t end = r->position, bytes = 0;
	unsigned sent = 0;
	int outcome;

	if (count == 0)
		return 0;
	outcome = find_room(r, messages[0].bytes, timeout_ns, slots);
	if (outcome != GYRE_OK)
		return outcome;
	end = r->position;
	while (sent < count && fits(r, end, messages[sent].bytes, slots)) {
		write_in_batch(r, end, &messages[sent], sent == 0, slots);
		end += span_of(r, messages[sent].bytes, slots);
		bytes += messages[sent].bytes;
		sent++;
	}
	publish(r, cell_at(r, r->position, slots), end,
		make_word(r, r->position, GYRE_WORD_MESSAGE, messages[0].bytes, messages[0].tag, slots),
		sent, bytes, slots);
	return (int)sent;
}

gyre_inline int close_ring(struct gyre_ring *r, bool slots)
{
	if (r->open)
		return GYRE_EBUSY;
	if (r->closed)
		return GYRE_ECLOSED;
	/* Into the room that always stays free; nothing follows, so nothing is zeroed. */
	store_word(r, r->position, make_word(r, r->position, GYRE_WORD_CLOSE, 0, 0, slots), slots);
	r->closed = true;
	r->limit = r->position;
	return gyre_published(r);
}

/* ---- Both shapes ---- */

static __attribute__((noinline)) int records_send_slowly(
	struct gyre_ring *r, const void *data, size_t bytes, uint32_t tag, int64_t timeout_ns)
{
	return send_slowly(r, data, bytes, tag, timeout_ns, false);
}

static int records_send(
	struct gyre_ring *r, const void *data, size_t bytes, uint32_t tag, int64_t timeout_ns)
{
	if (gyre_unlikely(bytes > GYRE_SMALL || !fits(r, r->position, bytes, false)))
		return records_send_slowly(r, data, bytes, tag, timeout_ns);
	return put(r, data, bytes, tag, true, false);
}

static __attribute__((noinline)) int slots_send_slowly(
	struct gyre_ring *r, const void *data, size_t bytes, uint32_t tag, int64_t timeout_ns)
{
	return send_slowly(r, data, bytes, tag, timeout_ns, true);
}

static int slots_send(
	struct gyre_ring *r, const void *data, size_t bytes, uint32_t tag, int64_t timeout_ns)
{
	if (gyre_unlikely(bytes > GYRE_SMALL || !fits(r, r->position, bytes, true)))
		return slots_send_slowly(r, data, bytes, tag, timeout_ns);
	return put(r, data, bytes, tag, true, true);
}

static int records_reserve(struct gyre_ring *r, size_t bytes_max, int64_t timeout_ns, void **ret_data)
{
	return reserve(r, bytes_max, timeout_ns, ret_data, false);
}

static int slots_reserve(struct gyre_ring *r, size_t bytes_max, int64_t timeout_ns, void **ret_data)
{
	return reserve(r, bytes_max, timeout_ns, ret_data, true);
}

static int records_commit(struct gyre_ring *r, size_t bytes, uint32_t tag)
{
	return commit(r, bytes, tag, false);
}

static int slots_commit(struct gyre_ring *r, size_t bytes, uint32_t tag)
{
	return commit(r, bytes, tag, true);
}

static int records_send_batch(
	struct gyre_ring *r, const struct gyre_message *messages, unsigned count, int64_t timeout_ns)
{
	return send_batch(r, messages, count, timeout_ns, false);
}

static int slots_send_batch(
	struct gyre_ring *r, const struct gyre_message *messages, unsigned count, int64_t timeout_ns)
{
	return send_batch(r, messages, count, timeout_ns, true);
}

static int records_close(struct gyre_ring *r)
{
	return close_ring(r, false);
}

static int slots_close(struct gyre_ring *r)
{
	return close_ring(r, true);
}

const struct gyre_producer_ops gyre_records_producer = {
	.reserve = records_reserve,
	.commit = records_commit,
	.discard = spsc_discard,
	.send = records_send,
	.send_batch = records_send_batch,
	.close = records_close,
};

const struct gyre_producer_ops gyre_slots_producer = {
	.reserve = slots_reserve,
	.commit = slots_commit,
	.discard = spsc_discard,
	.send = slots_send,
	.send_batch = slots_send_batch,
	.close = slots_close,
};
