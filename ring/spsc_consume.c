/*
 * spsc, the consumer: peek, release, receive, and their batches.
 *
 * A death leaves everything that was not released to the successor; nothing released comes again.
 * Wait-free until the ring is empty.
 */
#include "spsc_shape.h"

/* What is held between position and next; at the end of the ring with nothing held, it is over. */
static void reach_end(struct gyre_ring *r)
{
	r->closed = true;
	if (r->hot.next == r->hot.position)
		gyre_mark_ended(r);
}

/* Peek on from there. */
static inline void go_to(struct gyre_ring *r, uint64_t next, bool slots)
{
	r->hot.next = next;
	gyre_aim_(&r->hot, next, slots);
}

/* A PAD is released at once where nothing is held, else together with what is held before it. */
static void skip_pad(struct gyre_ring *r)
{
	const uint64_t start = r->hot.next + rest_at(r, r->hot.next);

	if (r->hot.next == r->hot.position) {
		go_to(r, start, false);
		gyre_progress_(&r->hot, start);
	} else {
		go_to(r, start, false);
	}
}

gyre_inline int look(struct gyre_ring *r, bool slots)
{
	for (;;) {
		const uint64_t word = gyre_load_word_(&r->hot, r->hot.next, slots);

		if (gyre_is_message_(&r->hot, r->hot.next, word, slots))
			return 1;
		if (slots ? !is_current(r, r->hot.next, word, true) : word == 0) {
			if (r->shown != r->hot.position)
				gyre_show_head(r);
			return 0;
		}
		if (is_current(r, r->hot.next, word, slots) &&
			gyre_word_type(word) == GYRE_WORD_CLOSE) {
			reach_end(r);
			return GYRE_ECLOSED;
		}
		if (!is_pad(r, r->hot.next, word, slots))
			return GYRE_ECORRUPT;
		skip_pad(r);
	}
}

static int records_look(struct gyre_ring *r)
{
	return look(r, false);
}

static int slots_look(struct gyre_ring *r)
{
	return look(r, true);
}

/* The quick ways do not tell what they took: no more than GYRE_SMALL_ a message. */
static void keep_distance(struct gyre_ring *r, bool slots)
{
	const uint64_t small_span = gyre_span_(&r->hot, GYRE_SMALL_, slots);

	gyre_slip(r, r->hot.next, small_span > r->largest_span ? small_span : r->largest_span);
	r->largest_span = 0;
}

static int wait_for_message(struct gyre_ring *r, int64_t timeout_ns, bool slots)
{
	int (*const shape_look)(struct gyre_ring *) = slots ? slots_look : records_look;
	const int found = shape_look(r);

	if (found != 0)
		return found > 0 ? GYRE_OK : found;
	keep_distance(r, slots);
	return gyre_wait(r, shape_look, timeout_ns);
}

/* A later message of a batch: only what is there; departures are for the call that finds nothing.
 */
gyre_inline bool is_there(struct gyre_ring *r, bool slots)
{
	if (gyre_likely(
		    gyre_is_message_(&r->hot, r->hot.next, gyre_load_word_at_(r->hot.at), slots)))
		return true;
	return (slots ? slots_look : records_look)(r) > 0;
}

/* The next message's word, loaded once and judged. */
gyre_inline int find(struct gyre_ring *r, int64_t timeout_ns, uint64_t *ret_word, bool slots)
{
	uint64_t word = gyre_load_word_(&r->hot, r->hot.next, slots);

	if (gyre_unlikely(!gyre_is_message_(&r->hot, r->hot.next, word, slots))) {
		const int outcome = wait_for_message(r, timeout_ns, slots);

		if (outcome != GYRE_OK)
			return outcome;
		word = gyre_load_word_(&r->hot, r->hot.next, slots);
		if (!gyre_is_message_(&r->hot, r->hot.next, word, slots))
			return GYRE_ECORRUPT; /* changed after its commit */
	}
	if (gyre_span_(&r->hot, gyre_word_length_(word), slots) > r->largest_span)
		r->largest_span = gyre_span_(&r->hot, gyre_word_length_(word), slots);
	*ret_word = word;
	return GYRE_OK;
}

gyre_inline void describe(const struct gyre_ring *r, uint64_t word, const void *data,
	struct gyre_message *ret_message)
{
	gyre_describe_(ret_message, data, word, r->hot.next);
}

gyre_inline int64_t receive(struct gyre_ring *r, void *buffer, size_t buffer_bytes,
	int64_t timeout_ns, struct gyre_message *ret_message, bool slots)
{
	uint64_t word;
	int outcome;

	if (r->hot.next != r->hot.position)
		return GYRE_ESTATE;
	outcome = find(r, timeout_ns, &word, slots);
	if (outcome != GYRE_OK)
		return outcome;
	if (gyre_word_length_(word) > buffer_bytes) {
		if (ret_message != NULL)
			describe(r, word, NULL, ret_message);
		return GYRE_EMSGSIZE;
	}
	return gyre_word_length_(word) <= GYRE_SMALL_
		       ? take(&r->hot, word, buffer, ret_message, true, slots)
		       : take(&r->hot, word, buffer, ret_message, false, slots);
}

/* One message of a batch into the buffer. */
gyre_inline int copy_out(struct gyre_ring *r, int64_t timeout_ns, uint8_t *to, size_t room,
	struct gyre_message *ret_message, bool slots)
{
	uint64_t word = gyre_load_word_at_(r->hot.at);
	const bool quick = can_take(&r->hot, word, room, slots);
	const int outcome = quick ? GYRE_OK : find(r, timeout_ns, &word, slots);
	const uint8_t *const payload = r->hot.at + GYRE_WORD_BYTES_;

	if (outcome != GYRE_OK)
		return outcome;
	describe(r, word, to, ret_message);
	if (ret_message->bytes > room)
		return GYRE_EMSGSIZE;
	if (quick || ret_message->bytes <= GYRE_SMALL_)
		gyre_copy_small_(to, payload, ret_message->bytes);
	else
		gyre_copy_large_(to, payload, ret_message->bytes, 0);
	const uint64_t span = gyre_span_(&r->hot, ret_message->bytes, slots);

	r->hot.at = behind_at(&r->hot, span, slots);
	r->hot.next += span;
	return GYRE_OK;
}

gyre_inline int receive_batch(struct gyre_ring *r, void *buffer, size_t buffer_bytes,
	int64_t timeout_ns, struct gyre_message *ret_messages, unsigned count, bool slots)
{
	size_t used = 0;
	unsigned found = 0;
	int outcome = GYRE_OK;

	if (r->hot.next != r->hot.position)
		return GYRE_ESTATE;
	while (found < count && used <= buffer_bytes && (found == 0 || is_there(r, slots))) {
		/* Not even 0 may be added to NULL, which is fine for empty messages. */
		uint8_t *const to = used == 0 ? buffer : (uint8_t *)buffer + used;

		outcome = copy_out(
			r, timeout_ns, to, buffer_bytes - used, &ret_messages[found], slots);
		if (outcome != GYRE_OK)
			break;
		used += (ret_messages[found].bytes + 7) & ~(size_t)7;
		found++;
	}
	if (found == 0)
		return outcome;
	gyre_progress_(&r->hot, r->hot.next);
	if (r->closed)
		gyre_mark_ended(r);
	return (int)found;
}

gyre_inline int peek(struct gyre_ring *r, int64_t timeout_ns, struct gyre_message *ret_messages,
	unsigned count, bool slots)
{
	unsigned found = 0;

	while (found < count && (found == 0 || is_there(r, slots))) {
		uint64_t word;
		const int outcome = find(r, timeout_ns, &word, slots);

		if (outcome != GYRE_OK)
			return found > 0 ? (int)found : outcome;
		describe(r, word, payload_at(r, r->hot.next, slots), &ret_messages[found++]);
		go_to(r, r->hot.next + gyre_span_(&r->hot, gyre_word_length_(word), slots), slots);
	}
	return (int)found;
}

/* The held record at *position, or behind a PAD there; moves over it. Its word is read again, and
 * judged again, since a peer may have changed it: *position never passes next. */
gyre_inline int step_over(
	struct gyre_ring *r, uint64_t *position, const struct gyre_message *expected, bool slots)
{
	uint64_t word = gyre_load_word_(&r->hot, *position, slots);

	if (is_pad(r, *position, word, slots)) {
		if (rest_at(r, *position) >= r->hot.next - *position)
			return GYRE_ECORRUPT;
		*position += rest_at(r, *position);
		word = gyre_load_word_(&r->hot, *position, slots);
	}
	if (expected != NULL && expected->position != *position)
		return GYRE_ESTATE;
	if (!gyre_is_message_(&r->hot, *position, word, slots) ||
		gyre_span_(&r->hot, gyre_word_length_(word), slots) > r->hot.next - *position)
		return GYRE_ECORRUPT;
	*position += gyre_span_(&r->hot, gyre_word_length_(word), slots);
	return GYRE_OK;
}

gyre_inline int release(
	struct gyre_ring *r, const struct gyre_message *expected, unsigned count, bool slots)
{
	uint64_t position = r->hot.position;

	for (unsigned i = 0; i < count; i++) {
		const int outcome = position == r->hot.next
					    ? GYRE_ESTATE
					    : step_over(r, &position, expected, slots);

		if (outcome != GYRE_OK)
			return outcome;
	}
	if (count == 0)
		return GYRE_OK;
	/* A PAD behind the last one held was passed by peek already: nothing else holds it. */
	if (position != r->hot.next &&
		is_pad(r, position, gyre_load_word_(&r->hot, position, slots), slots) &&
		rest_at(r, position) == r->hot.next - position)
		position = r->hot.next;
	gyre_progress_(&r->hot, position);
	if (r->closed && r->hot.next == r->hot.position)
		gyre_mark_ended(r);
	return GYRE_OK;
}

/* ---- Both shapes ---- */

static int records_peek(
	struct gyre_ring *r, int64_t timeout_ns, struct gyre_message *ret_messages, unsigned count)
{
	int found;

	sync_received(&r->hot);
	found = peek(r, timeout_ns, ret_messages, count, false);
	arm_receive(&r->hot);
	return found;
}

static int records_release(struct gyre_ring *r, const struct gyre_message *expected, unsigned count)
{
	int outcome;

	sync_received(&r->hot);
	outcome = release(r, expected, count, false);
	arm_receive(&r->hot);
	return outcome;
}

static int64_t records_receive(struct gyre_ring *r, void *buffer, size_t buffer_bytes,
	int64_t timeout_ns, struct gyre_message *ret_message)
{
	int64_t bytes;

	sync_received(&r->hot);
	bytes = receive(r, buffer, buffer_bytes, timeout_ns, ret_message, false);
	arm_receive(&r->hot);
	return bytes;
}

static int records_receive_batch(struct gyre_ring *r, void *buffer, size_t buffer_bytes,
	int64_t timeout_ns, struct gyre_message *ret_messages, unsigned count)
{
	int found;

	sync_received(&r->hot);
	found = receive_batch(r, buffer, buffer_bytes, timeout_ns, ret_messages, count, false);
	arm_receive(&r->hot);
	return found;
}

static int slots_peek(
	struct gyre_ring *r, int64_t timeout_ns, struct gyre_message *ret_messages, unsigned count)
{
	int found;

	sync_received(&r->hot);
	found = peek(r, timeout_ns, ret_messages, count, true);
	arm_receive(&r->hot);
	return found;
}

static int slots_release(struct gyre_ring *r, const struct gyre_message *expected, unsigned count)
{
	int outcome;

	sync_received(&r->hot);
	outcome = release(r, expected, count, true);
	arm_receive(&r->hot);
	return outcome;
}

static int64_t slots_receive(struct gyre_ring *r, void *buffer, size_t buffer_bytes,
	int64_t timeout_ns, struct gyre_message *ret_message)
{
	int64_t bytes;

	sync_received(&r->hot);
	bytes = receive(r, buffer, buffer_bytes, timeout_ns, ret_message, true);
	arm_receive(&r->hot);
	return bytes;
}

static int slots_receive_batch(struct gyre_ring *r, void *buffer, size_t buffer_bytes,
	int64_t timeout_ns, struct gyre_message *ret_messages, unsigned count)
{
	int found;

	sync_received(&r->hot);
	found = receive_batch(r, buffer, buffer_bytes, timeout_ns, ret_messages, count, true);
	arm_receive(&r->hot);
	return found;
}

const struct gyre_consumer_ops gyre_records_consumer = {
	.peek = records_peek,
	.release = records_release,
	.receive = records_receive,
	.receive_batch = records_receive_batch,
};

const struct gyre_consumer_ops gyre_slots_consumer = {
	.peek = slots_peek,
	.release = slots_release,
	.receive = slots_receive,
	.receive_batch = slots_receive_batch,
};
