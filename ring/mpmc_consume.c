/*
 * mpmc, the consumer: peek, release, receive, and their batches.
 *
 *	READY, READY_AGAIN --CAS--> READING(me)             take
 *	                            READING(me) --store--> DONE   release
 *
 * What is held is known by its words alone, so any number may be held, and released in any order.
 * The only consumer of a ring needs no CAS, and walks by its own cursor.
 */
#include "mpmc.h"

/* ---- Where to walk from ---- */

/* A repair put something back, anywhere in front of `reclaimed` + N as of now: this consumer has to
 * see all of that itself, without the hint, which somebody may store at any time who looked before
 * the repair. */
static void walk_by_own_cursor(struct gyre_mpmc *m, uint64_t redo)
{
	m->redo_seen = redo;
	m->own = true;
	m->cursor = gyre_load_reclaimed(m);
	m->until = m->cursor + m->cells;
}

static uint64_t where_to_start(struct gyre_mpmc *m)
{
	/* [REDO] acquire: pairs with the release in gyre_mpmc_settle(): who sees the count sees
	 * what was put back. Before the walk. */
	const uint64_t redo = atomic_load_explicit(&m->shared->redo, memory_order_acquire);
	uint64_t hint;

	if (gyre_unlikely(redo != m->redo_seen))
		walk_by_own_cursor(m, redo);
	if (m->own && !m->one_consumer && !gyre_before(m->cursor, m->until))
		m->own = false;
	/* [HINT] acquire: pairs with the release in note_taken(). Before `reclaimed`. */
	hint = m->own ? m->cursor : atomic_load_explicit(m->head, memory_order_acquire);
	return gyre_start_from(m, hint, gyre_load_reclaimed(m));
}

/* ---- Taking ---- */

/* Relaxed: its word's acquire has ordered it. */
static inline uint64_t load_info(const struct gyre_mpmc *m, uint64_t position)
{
	return atomic_load_explicit(&gyre_entry(m, position)->info, memory_order_relaxed);
}

gyre_inline bool take_word(const struct gyre_mpmc *m, uint64_t h, uint64_t w)
{
	const uint64_t word = gyre_word_to(w, GYRE_READING, m->me);

	if (m->one_consumer) {
		/* [TAKE] release: says after a death what was in its hands. */
		atomic_store_explicit(&gyre_entry(m, h)->word, word, memory_order_release);
		return true;
	}
	/* [TAKE] acq_rel: as a claim; what the word's author wrote is seen. */
	return atomic_compare_exchange_strong_explicit(
		&gyre_entry(m, h)->word, &w, word, memory_order_acq_rel, memory_order_relaxed);
}

gyre_inline void note_taken(
	struct gyre_mpmc *m, uint64_t h, uint64_t span, bool skipped_any, uint64_t skipped)
{
	if (m->own)
		m->cursor = skipped_any ? skipped : h + span;
	else if (!skipped_any)
		/* [HINT] release: a walk from it has seen every take before it. */
		atomic_store_explicit(m->head, h + span, memory_order_release);
	if (m->held == 0 || gyre_before(h, m->held_from))
		m->held_from = h;
	m->held++;
}

/* The record is done with. */
gyre_inline int finish(
	struct gyre_ring *r, uint64_t position, uint64_t word, uint64_t messages, uint64_t bytes)
{
	struct gyre_mpmc *m = &r->mpmc;

	gyre_books_note(r, position, messages, bytes, 0);
	/* [ROOM] release: pairs with the acquire in gyre_load_entry(): our last read of the payload
	 * happens before the next claimer's first write. */
	atomic_store_explicit(&gyre_entry(m, position)->word, gyre_word_to(word, GYRE_DONE, m->me),
		memory_order_release);
	m->held--;
	if (gyre_unlikely(atomic_load_explicit(&m->shared->closed, memory_order_relaxed) != 0))
		gyre_wake_all(r->sleep); /* it may have been the last before the end */
	/* [SLEEP] As gyre_published(), but a producer is woken only when its room is there. */
	if (r->fence)
		atomic_thread_fence(memory_order_seq_cst);
	atomic_signal_fence(memory_order_seq_cst);
	if (gyre_unlikely(gyre_may_sleep_(&r->hot)))
		gyre_mpmc_wake_if_room(r);
	return GYRE_OK;
}

/* It comes again: count that, before its user sees it. Whoever dies here leaves the old count, and
 * that is right: nobody saw it. */
static void count_again(struct gyre_mpmc *m)
{
	struct gyre_entry *entry = gyre_entry(m, m->position);
	struct gyre_entry_more *more = gyre_more(m, m->position);

	m->again = 1;
	if ((m->info & GYRE_INFO_AGAIN) != 0)
		m->again += atomic_load_explicit(&more->again, memory_order_relaxed);
	atomic_store_explicit(&more->again, m->again, memory_order_relaxed);
	m->info |= GYRE_INFO_AGAIN;
	atomic_store_explicit(&entry->info, m->info, memory_order_release);
}

/* The record at h is ours: its messages are to be handed out. */
gyre_inline int open_record(struct gyre_ring *r, uint64_t h, uint64_t w)
{
	struct gyre_mpmc *m = &r->mpmc;
	unsigned count;

	m->position = h;
	m->word = w;
	m->info = load_info(m, h);
	m->offset = 0;
	m->index = 0;
	m->again = 0;
	if (gyre_word_phase(w) == GYRE_READY_AGAIN)
		count_again(m);
	count = gyre_record_count(m, h, m->info);
	m->released = gyre_record_released(m, h, m->info) & gyre_all_of(count);
	m->pending = count - (unsigned)__builtin_popcountll(m->released);
	if (m->pending == 0) { /* only a broken peer leaves such a record */
		m->pending = 1;
		m->released = 0;
	}
	return 1;
}

/* The end of the ring: told when everything before it is done with, or in our own hands. Until then
 * the first record that is neither is what it waits for. */
static int reach_end(struct gyre_ring *r, uint64_t end)
{
	struct gyre_mpmc *m = &r->mpmc;
	uint64_t position, word, steps = gyre_steps_max(m);

	/* Whoever closed it may have died before it said so there. */
	if (atomic_load_explicit(&m->shared->closed, memory_order_relaxed) == 0)
		atomic_store_explicit(&m->shared->closed, 1, memory_order_release);
	position = gyre_reclaim(m, m->cells, &word);
	while (gyre_before(position, end)) {
		const int found = gyre_walk(m, &position, &steps, &word);

		if (found <= 0)
			return found;
		if (gyre_word_phase(word) != GYRE_DONE &&
			gyre_word_to(word, GYRE_READING, m->me) != word) {
			gyre_mpmc_blocked(r, position, word);
			return 0;
		}
		position += gyre_word_span(word);
	}
	return GYRE_ECLOSED;
}

/* 1: a record was taken. 0: nothing to take, and whom that is owed to is noted. */
static int take(struct gyre_ring *r)
{
	struct gyre_mpmc *m = &r->mpmc;
	uint64_t h, skipped = 0;
	bool skipped_any = false;

	m->in_the_way = 0;
	h = where_to_start(m);
	for (uint64_t steps = gyre_steps_max(m); steps > 0; steps--) {
		const uint64_t w = gyre_load_entry(m, h);

		if (!gyre_claims(m, w, h)) {
			const uint64_t reclaimed = gyre_load_reclaimed(m); /* after the word */

			if (gyre_before(h, reclaimed)) {
				h = reclaimed;
				continue;
			}
			if (m->own && skipped_any)
				m->cursor = skipped;
			else if (!m->one_consumer)
				m->own = false; /* everything was seen */
			else
				m->cursor = h;
			gyre_slip(r, m->books.messages, 1);
			return 0;
		}
		if (!gyre_word_is_possible(m, w, h))
			return GYRE_ECORRUPT;
		switch (gyre_word_phase(w)) {
		case GYRE_READY:
		case GYRE_READY_AGAIN:
#ifdef GYRE_TEST_LAP_BITS
			if (gyre_before(h, gyre_load_reclaimed(m))) {
				h = gyre_load_reclaimed(m); /* a lap that only looks like ours */
				continue;
			}
#endif
			if (!take_word(m, h, w))
				continue;
			note_taken(m, h, gyre_word_span(w), skipped_any, skipped);
			return open_record(r, h, w);
		case GYRE_READING:
		case GYRE_DONE:
			break;
		case GYRE_WRITING:
			if (!m->step_over) {
				if (m->own)
					m->cursor = h;
				gyre_slip(r, m->books.messages, 1);
				gyre_mpmc_blocked(r, h, w);
				return 0;
			}
			if (!skipped_any) {
				skipped = h;
				gyre_mpmc_blocked(r, h, w);
			}
			skipped_any = true;
			break;
		case GYRE_CLOSED:
			return reach_end(r, h);
		default:
			return GYRE_ECORRUPT;
		}
		h += gyre_word_span(w);
	}
	return GYRE_ECORRUPT;
}

/* The ordinary case: the hint is right, and one message stands there that never came before. */
gyre_inline bool take_at_hint(struct gyre_mpmc *m, uint64_t *ret_position, uint64_t *ret_word)
{
	/* [REDO] acquire: as in where_to_start(), before the walk. */
	const uint64_t redo = atomic_load_explicit(&m->shared->redo, memory_order_acquire);
	/* [HINT] acquire: as in where_to_start(), before `reclaimed`. */
	const uint64_t h =
		m->one_consumer ? m->cursor : atomic_load_explicit(m->head, memory_order_acquire);
	const uint64_t w = gyre_load_entry(m, h);

	if (redo != m->redo_seen || (m->own && !m->one_consumer) || !gyre_claims(m, w, h) ||
		gyre_word_phase(w) != GYRE_READY || !gyre_word_is_possible(m, w, h))
		return false;
#ifdef GYRE_TEST_LAP_BITS
	if (gyre_before(h, gyre_load_reclaimed(m)))
		return false;
#endif
	if (!take_word(m, h, w))
		return false;
	note_taken(m, h, gyre_word_span(w), false, 0);
	*ret_position = h;
	*ret_word = w;
	return true;
}

/* ---- Handing out ---- */

static int look(struct gyre_ring *r)
{
	return r->mpmc.pending > 0 ? 1 : take(r);
}

static int find(struct gyre_ring *r, int64_t timeout_ns)
{
	const int found = look(r);

	if (gyre_unlikely(found == 0))
		return gyre_wait(r, look, timeout_ns);
	return found > 0 ? GYRE_OK : found;
}

/* The next message of the record in hand, judged. */
static int describe(struct gyre_ring *r, struct gyre_message *ret)
{
	struct gyre_mpmc *m = &r->mpmc;
	const uint64_t room = gyre_word_span(m->word) << m->cell_shift;
	const uint8_t *const start = gyre_cell(m, m->position);
	uint64_t payload = 0;

	ret->bytes = gyre_info_bytes(m->info);
	ret->tag = (uint32_t)(m->info >> 32);
	while ((m->info & GYRE_INFO_BATCH) != 0) {
		struct gyre_batch_head head;

		payload = gyre_batch_payload(m, m->offset);
		if (payload > room)
			return GYRE_ECORRUPT;
		memcpy(&head, start + payload - sizeof head, sizeof head);
		ret->bytes = head.bytes;
		ret->tag = head.tag;
		if (ret->bytes > room - payload)
			return GYRE_ECORRUPT;
		if ((m->released >> m->index & 1) == 0)
			break;
		m->offset = payload + ret->bytes; /* its user was done with it, before the death */
		m->index++;
	}
	if (ret->bytes > room - payload)
		return GYRE_ECORRUPT;
	ret->data = start + payload;
	ret->flags = m->again > 0 ? GYRE_MESSAGE_AGAIN : 0;
	ret->position = m->position;
	ret->index = m->index;
	ret->deliveries = m->again + 1;
	return GYRE_OK;
}

/* What describe() showed is its user's now. */
static void hand_out(struct gyre_mpmc *m, const struct gyre_message *message)
{
	m->offset = (uint64_t)((const uint8_t *)message->data - gyre_cell(m, m->position)) +
		    message->bytes;
	m->index++;
	m->pending--;
}

static int next(struct gyre_ring *r, int64_t timeout_ns, struct gyre_message *ret_message)
{
	int outcome = find(r, timeout_ns);

	if (outcome == GYRE_OK)
		outcome = describe(r, ret_message);
	return outcome;
}

static int peek(
	struct gyre_ring *r, int64_t timeout_ns, struct gyre_message *ret_messages, unsigned count)
{
	unsigned found = 0;

	while (found < count) {
		const int outcome = next(r, found == 0 ? timeout_ns : 0, &ret_messages[found]);

		if (outcome != GYRE_OK)
			return found > 0 ? (int)found : outcome;
		hand_out(&r->mpmc, &ret_messages[found++]);
		r->mpmc.messages_held++;
		if (found < count && look(r) <= 0)
			break; /* only what is there; departures are for the call that finds nothing
				*/
	}
	return (int)found;
}

/* ---- Release ---- */

static int release_message(struct gyre_ring *r, uint64_t position, uint32_t index)
{
	struct gyre_mpmc *m = &r->mpmc;
	const uint64_t word = gyre_load_entry(m, position);
	uint64_t info, released;
	unsigned count;

	if (gyre_word_to(word, GYRE_READING, m->me) != word ||
		gyre_word_lap(word) != gyre_lap(m, position) || index >= GYRE_BATCH_MAX)
		return GYRE_ESTATE;
	info = load_info(m, position);
	count = gyre_record_count(m, position, info);
	released = gyre_record_released(m, position, info);
	if (index >= count || (released >> index & 1) != 0 ||
		(m->pending > 0 && position == m->position && index >= m->index))
		return GYRE_ESTATE;
	released |= (uint64_t)1 << index;
	if ((released & gyre_all_of(count)) == gyre_all_of(count))
		return finish(r, position, word, count, gyre_info_bytes(info));
	/* [ROOM] release: after a death, only the rest comes again. */
	atomic_store_explicit(&gyre_more(m, position)->released, released, memory_order_release);
	return GYRE_OK;
}

/* The oldest message in hand, at or behind held_from. That never passes a record of which some are
 * still to be handed out. */
static int find_oldest(struct gyre_mpmc *m, uint64_t *ret_position, uint32_t *ret_index)
{
	uint64_t word, position = m->held_from, steps = gyre_steps_max(m);
	bool passed_any = false;

	while (gyre_walk(m, &position, &steps, &word) > 0) {
		if (!passed_any)
			m->held_from = position;
		if (gyre_word_to(word, GYRE_READING, m->me) == word) {
			const uint64_t info = load_info(m, position);
			const unsigned handed = m->pending > 0 && position == m->position
							? m->index
							: gyre_record_count(m, position, info);
			const uint64_t held =
				gyre_all_of(handed) & ~gyre_record_released(m, position, info);

			if (held != 0) {
				*ret_position = position;
				*ret_index = (uint32_t)__builtin_ctzll(held);
				return GYRE_OK;
			}
			passed_any = true;
		}
		position += gyre_word_span(word);
	}
	return GYRE_ECORRUPT;
}

static int release_oldest(struct gyre_ring *r)
{
	uint64_t position;
	uint32_t index;
	const int outcome = find_oldest(&r->mpmc, &position, &index);

	return outcome == GYRE_OK ? release_message(r, position, index) : outcome;
}

static int release(struct gyre_ring *r, const struct gyre_message *expected, unsigned count)
{
	struct gyre_mpmc *m = &r->mpmc;

	if (count > m->messages_held)
		return GYRE_ESTATE;
	for (unsigned i = 0; i < count; i++) {
		const int outcome =
			expected != NULL ? release_message(r, expected->position, expected->index)
					 : release_oldest(r);

		if (outcome != GYRE_OK)
			return outcome;
		m->messages_held--;
	}
	return GYRE_OK;
}

/* ---- Receive ---- */

gyre_inline void copy_out(void *buffer, const void *data, size_t bytes)
{
	if (bytes <= GYRE_SMALL_)
		gyre_copy_small_(buffer, data, bytes);
	else
		gyre_copy_large_(buffer, data, bytes, 0);
}

static int receive_one(struct gyre_ring *r, void *buffer, size_t buffer_bytes, int64_t timeout_ns,
	struct gyre_message *message)
{
	struct gyre_mpmc *m = &r->mpmc;
	const int outcome = next(r, timeout_ns, message);

	if (outcome != GYRE_OK)
		return outcome;
	if (message->bytes > buffer_bytes) {
		message->data = NULL;
		return GYRE_EMSGSIZE; /* it stays in hand, and is the next one */
	}
	copy_out(buffer, message->data, message->bytes);
	hand_out(m, message);
	message->data = buffer;
	if ((m->info & GYRE_INFO_BATCH) == 0)
		return finish(r, m->position, m->word, 1, message->bytes);
	return release_message(r, m->position, message->index);
}

/* One message, which fits. */
gyre_inline bool is_simple(
	const struct gyre_mpmc *m, uint64_t word, uint64_t info, size_t buffer_bytes)
{
	const size_t bytes = gyre_info_bytes(info);

	return (info & GYRE_INFO_BATCH) == 0 && bytes <= buffer_bytes &&
	       bytes <= gyre_word_span(word) << m->cell_shift;
}

/* Copy out the only message of a record just taken, and release it. Its length. */
gyre_inline int64_t take_over(struct gyre_ring *r, uint64_t h, uint64_t word, uint64_t info,
	void *buffer, struct gyre_message *ret_message)
{
	const size_t bytes = gyre_info_bytes(info);

	if (ret_message != NULL)
		*ret_message = (struct gyre_message){
			.data = buffer,
			.bytes = bytes,
			.tag = (uint32_t)(info >> 32),
			.position = h,
			.deliveries = 1,
		};
	copy_out(buffer, gyre_cell(&r->mpmc, h), bytes);
	finish(r, h, word, 1, bytes);
	return (int64_t)bytes;
}

static int64_t receive(struct gyre_ring *r, void *buffer, size_t buffer_bytes, int64_t timeout_ns,
	struct gyre_message *ret_message)
{
	struct gyre_message message;
	uint64_t h, word;
	int outcome;

	if (gyre_likely(r->mpmc.pending == 0 && take_at_hint(&r->mpmc, &h, &word))) {
		const uint64_t info = load_info(&r->mpmc, h);

		if (gyre_likely(is_simple(&r->mpmc, word, info, buffer_bytes)))
			return take_over(r, h, word, info, buffer, ret_message);
		open_record(r, h, word);
	}
	if (ret_message == NULL)
		ret_message = &message;
	outcome = receive_one(r, buffer, buffer_bytes, timeout_ns, ret_message);
	return outcome == GYRE_OK ? (int64_t)ret_message->bytes : outcome;
}

static int receive_batch(struct gyre_ring *r, void *buffer, size_t buffer_bytes, int64_t timeout_ns,
	struct gyre_message *ret_messages, unsigned count)
{
	size_t used = 0;
	unsigned found = 0;

	while (found < count && used <= buffer_bytes) {
		/* Not even 0 may be added to NULL, which is fine for empty messages. */
		uint8_t *const to = used == 0 ? buffer : (uint8_t *)buffer + used;
		const int outcome = receive_one(r, to, buffer_bytes - used,
			found == 0 ? timeout_ns : 0, &ret_messages[found]);

		if (outcome != GYRE_OK)
			return found > 0 ? (int)found : outcome;
		used += (ret_messages[found++].bytes + 7) & ~(size_t)7;
		if (found < count && look(r) <= 0)
			break;
	}
	return (int)found;
}

const struct gyre_consumer_ops gyre_mpmc_consumer = {
	.peek = peek,
	.release = release,
	.receive = receive,
	.receive_batch = receive_batch,
};
