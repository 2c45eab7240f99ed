/*
 * mpmc, the producer: reserve, commit, discard, send, send_batch, close.
 *
 *	unclaimed --CAS--> WRITING(me) --store--> READY     commit
 *	                               --store--> DONE      discard
 *	unclaimed --CAS--> DONE                             filler, at the end of the area
 *	unclaimed --CAS--> CLOSED(me)                       close
 *
 * The only producer of a ring needs no CAS: its commit stores the whole word. A death before a
 * claim leaves nothing; after it, a word that names the dead one.
 */
#include "mpmc.h"

#define BATCH_PATIENCE_NS 100000 /* somewhat more than two wakes take */

/* ---- Claiming ---- */

/* What a claim at t needs, and the filler in front of it; the room for CLOSED stays free. */
static inline uint64_t filler_at(const struct gyre_mpmc *m, uint64_t t, uint64_t span)
{
	const uint64_t index = gyre_index(m, t);

	return index + span > m->cells ? m->cells - index : 0;
}

static inline bool has_room(
	const struct gyre_mpmc *m, uint64_t t, uint64_t needed, uint64_t reclaimed)
{
	return t + needed + 1 - reclaimed <= m->cells;
}

/* "Wake me when so much is free": a quarter of the ring, or what is needed if that is more, or all
 * of it; not every message. Of several who wait, the one who waits for least is heard. */
static void note_wants(struct gyre_ring *r, uint64_t end, uint64_t needed)
{
	const struct gyre_mpmc *m = &r->mpmc;
	const uint64_t enough = end + needed + 1 - m->cells;
	const uint64_t noted = atomic_load_explicit(&r->sleep->wants, memory_order_relaxed);
	uint64_t wants = m->reclaimed + m->cells / 4;

	if (gyre_before(wants, enough))
		wants = enough;
	if (gyre_before(end, wants))
		wants = end;
	if (!gyre_before(m->reclaimed, noted) || gyre_before(wants, noted))
		atomic_store_explicit(&r->sleep->wants, wants, memory_order_relaxed);
}

/* For a claim at the end of what is claimed. 1: `reclaimed` moved, look again. 0: full, and whom
 * that is owed to is noted. */
static int make_room(struct gyre_ring *r, uint64_t end, uint64_t needed)
{
	struct gyre_mpmc *m = &r->mpmc;
	const uint64_t before = m->reclaimed;
	uint64_t stop;

	m->reclaimed = gyre_reclaim(m, needed > m->cells / 4 ? needed : m->cells / 4, &stop);
	if (m->reclaimed != before)
		return 1;
	if (m->waits)
		note_wants(r, end, needed);
	gyre_slip(r, m->books.messages, 1);
	gyre_mpmc_blocked(r, before, stop);
	return 0;
}

/* Never used, or of a lap that was reclaimed. */
static inline bool may_be_claimed_over(uint64_t w)
{
	return w == 0 || gyre_word_phase(w) == GYRE_DONE;
}

/* One step of a claim at an unclaimed position, in which the word was w: filler, or the message. */
gyre_inline bool claim_word(
	struct gyre_mpmc *m, uint64_t t, uint64_t w, uint64_t span, uint64_t filler)
{
	const uint64_t lap = gyre_lap(m, t);
	const uint64_t word = filler == 0 ? gyre_mpmc_word(lap, span, GYRE_WRITING, m->me)
					  : gyre_mpmc_word(lap, filler, GYRE_DONE, 0);

	/* [CLAIM] acq_rel: pairs with the load in gyre_load_entry(): who sees the claim sees the
	 * `reclaimed` that allowed it. */
	if (!atomic_compare_exchange_strong_explicit(
		    &gyre_entry(m, t)->word, &w, word, memory_order_acq_rel, memory_order_relaxed))
		return false;
	/* [HINT] release: a walk that starts from it has seen every claim before it. */
	atomic_store_explicit(m->tail, t + gyre_word_span(word), memory_order_release);
	return true;
}

/* Filler is DONE at once, so that its cells may be claimed over at once: in a lap that stamps, each
 * of them is a record. */
static uint64_t filler_span(const struct gyre_mpmc *m, uint64_t t, uint64_t filler)
{
	return filler > 0 && gyre_lap_stamps(m, t) ? 1 : filler;
}

/* The ordinary case: the hint is right, there is room, and nothing of the lap needs a stamp. What
 * it does not take is left to claim(). */
gyre_inline bool claim_at_hint(struct gyre_mpmc *m, uint64_t span)
{
	/* [HINT] acquire: pairs with the release in claim_word(). Before `reclaimed`. */
	const uint64_t t = atomic_load_explicit(m->tail, memory_order_acquire);
	const uint64_t index = gyre_index(m, t);
	const uint64_t w = gyre_load_entry(m, t);
	const uint64_t used = t - gyre_load_reclaimed(m); /* after the word */

	if (used >= m->cells - span || index + span > m->cells || gyre_claims(m, w, t) ||
		!may_be_claimed_over(w) || (span > 1 && gyre_lap_stamps(m, t)))
		return false;
	gyre_prefetch_write_(&m->entries[index] + GYRE_ENTRIES_AHEAD);
	if (!claim_word(m, t, w, span, 0))
		return false;
	m->position = t;
	m->word = gyre_mpmc_word(gyre_lap(m, t), span, GYRE_WRITING, m->me);
	return true;
}

static int claim(struct gyre_ring *r, uint64_t span)
{
	struct gyre_mpmc *m = &r->mpmc;
	/* [HINT] acquire: pairs with the release in claim_word(). Before `reclaimed`. */
	const uint64_t hint = atomic_load_explicit(m->tail, memory_order_acquire);
	uint64_t t;

	m->reclaimed = gyre_load_reclaimed(m);
	t = gyre_start_from(m, hint, m->reclaimed);
	for (uint64_t steps = gyre_steps_max(m); steps > 0; steps--) {
		const uint64_t w = gyre_load_entry(m, t);
		uint64_t filler;

		if (gyre_claims(m, w, t)) {
			if (gyre_word_phase(w) == GYRE_CLOSED)
				return GYRE_ECLOSED;
			if (!gyre_word_is_possible(m, w, t))
				return GYRE_ECORRUPT;
			t += gyre_word_span(w);
			continue;
		}
		m->reclaimed = gyre_load_reclaimed(m); /* after the word */
		if (gyre_before(t, m->reclaimed)) {
			t = m->reclaimed;
			continue;
		}
		filler = filler_at(m, t, span);
		if (!has_room(m, t, filler + span, m->reclaimed)) {
			if (make_room(r, t, filler + span) == 0)
				return 0;
			continue;
		}
		if (!may_be_claimed_over(w)) {
			if (w == gyre_load_entry(m, t))
				return GYRE_ECORRUPT;
			continue; /* it was loaded before its reader was done */
		}
		filler = filler_span(m, t, filler);
		if (!claim_word(m, t, w, span, filler))
			continue;
		if (filler > 0) {
			t += filler;
			continue;
		}
		if (span > 1 && gyre_lap_stamps(m, t))
			gyre_stamp(m, t, span);
		m->position = t;
		m->word = gyre_mpmc_word(gyre_lap(m, t), span, GYRE_WRITING, m->me);
		return 1;
	}
	return GYRE_ECORRUPT;
}

/* ---- The only producer claims by its commit ---- */

static inline void store_word(const struct gyre_mpmc *m, uint64_t t, uint64_t word)
{
	/* [DATA] release: pairs with the acquire in gyre_load_entry(). */
	atomic_store_explicit(&gyre_entry(m, t)->word, word, memory_order_release);
}

static int claim_alone(struct gyre_ring *r, uint64_t span)
{
	struct gyre_mpmc *m = &r->mpmc;
	uint64_t filler = filler_at(m, m->cursor, span);

	if (gyre_unlikely(!has_room(m, m->cursor, filler + span, m->reclaimed))) {
		uint64_t steps = gyre_steps_max(m);

		m->reclaimed = gyre_load_reclaimed(m);
		while (!has_room(m, m->cursor, filler + span, m->reclaimed)) {
			if (make_room(r, m->cursor, filler + span) == 0)
				return 0;
			if (--steps == 0) /* only a broken peer moves it so often */
				return GYRE_ECORRUPT;
		}
	}
	while (filler > 0) {
		const uint64_t part = filler_span(m, m->cursor, filler);

		store_word(
			m, m->cursor, gyre_mpmc_word(gyre_lap(m, m->cursor), part, GYRE_DONE, 0));
		m->cursor += part;
		filler -= part;
	}
	gyre_prefetch_write_(gyre_entry(m, m->cursor) + GYRE_ENTRIES_AHEAD);
	m->position = m->cursor;
	m->word = gyre_mpmc_word(gyre_lap(m, m->cursor), span, GYRE_WRITING, m->me);
	return 1;
}

/* ---- Waiting for room ---- */

static int look_for_room(struct gyre_ring *r)
{
	r->mpmc.in_the_way = 0;
	return r->mpmc.one_producer ? claim_alone(r, r->need) : claim(r, r->need);
}

static int wait_for_room(struct gyre_ring *r, int64_t timeout_ns)
{
	int outcome;

	r->mpmc.waits = true;
	outcome = gyre_wait(r, look_for_room, timeout_ns);
	r->mpmc.waits = false;
	return outcome;
}

/* After it, a record of so many cells is ours to write at m->position. */
gyre_inline int get_room(struct gyre_ring *r, uint64_t span, int64_t timeout_ns)
{
	int found;

	if (gyre_likely(!r->mpmc.one_producer && claim_at_hint(&r->mpmc, span)))
		return GYRE_OK;
	if (r->closed)
		return GYRE_ECLOSED;
	r->need = span;
	found = look_for_room(r);
	if (gyre_unlikely(found == 0))
		return wait_for_room(r, timeout_ns);
	return found > 0 ? GYRE_OK : found;
}

/* ---- One message ---- */

static int reserve(struct gyre_ring *r, size_t bytes_max, int64_t timeout_ns, void **ret_data)
{
	int outcome;

	if (r->open)
		return GYRE_EBUSY;
	if (bytes_max > r->hot.message_bytes_max)
		return GYRE_EMSGSIZE;
	outcome = get_room(r, gyre_cells_for(&r->mpmc, bytes_max), timeout_ns);
	if (outcome != GYRE_OK)
		return outcome;
	r->open = true;
	r->reserved_bytes = bytes_max;
	if (r->mpmc.one_producer) /* no word names it */
		gyre_reservation_open(r, r->mpmc.position);
	*ret_data = gyre_cell(&r->mpmc, r->mpmc.position);
	return GYRE_OK;
}

/* In a lap that stamps: the inner words of what is committed, and behind it none of those that a
 * predecessor stamped for a longer message and died before it committed that: it would look like a
 * record. Not before it is known how long the message is, for the same reason. */
static inline void stamp_alone(const struct gyre_mpmc *m)
{
	const uint64_t span = gyre_word_span(m->word), behind = m->position + span;

	if (gyre_likely(!gyre_stamped(gyre_word_lap(m->word))))
		return;
	gyre_stamp(m, m->position, span);
	if (gyre_claims(m, gyre_load_entry(m, behind), behind))
		store_word(m, behind, 0);
}

/* What was claimed becomes a message, or several, for the ring and for the books by one store. */
gyre_inline int publish(struct gyre_ring *r, uint64_t info, uint64_t messages, uint64_t bytes)
{
	struct gyre_mpmc *m = &r->mpmc;
	struct gyre_entry *entry = gyre_entry(m, m->position);

	atomic_store_explicit(&entry->info, info, memory_order_relaxed);
	if (m->one_producer)
		stamp_alone(m);
	gyre_books_note(r, m->position, messages, bytes, 0);
	/* [DATA] release: pairs with the acquire in gyre_load_entry(): the payload, info, and the
	 * books. */
	atomic_store_explicit(
		&entry->word, gyre_word_to(m->word, GYRE_READY, m->me), memory_order_release);
	if (m->one_producer)
		m->cursor = m->position + gyre_word_span(m->word);
	return gyre_published(r);
}

/* The only producer takes what it uses. */
static void shorten(struct gyre_mpmc *m, size_t bytes)
{
	if (m->one_producer)
		m->word = gyre_mpmc_word(
			gyre_word_lap(m->word), gyre_cells_for(m, bytes), GYRE_WRITING, m->me);
}

static int commit(struct gyre_ring *r, size_t bytes, uint32_t tag)
{
	int outcome;

	if (!r->open)
		return GYRE_ESTATE;
	if (bytes > r->reserved_bytes)
		return GYRE_EMSGSIZE;
	r->open = false;
	shorten(&r->mpmc, bytes);
	outcome = publish(r, gyre_info(bytes, tag, 0), 1, bytes);
	if (r->mpmc.one_producer)
		gyre_reservation_close(r);
	return outcome;
}

static int discard(struct gyre_ring *r)
{
	struct gyre_mpmc *m = &r->mpmc;

	if (!r->open)
		return GYRE_ESTATE;
	if (m->one_producer) {
		gyre_reservation_drop(r);
		return GYRE_OK;
	}
	r->open = false;
	gyre_books_note(r, m->position, 0, 0, 1);
	/* [ROOM] release: pairs with the acquire in gyre_load_entry(). */
	atomic_store_explicit(&gyre_entry(m, m->position)->word,
		gyre_word_to(m->word, GYRE_DONE, m->me), memory_order_release);
	/* What is behind it may be taken now, and its room be claimed: both sides are looked at,
	 * behind the one fence. [SLEEP] */
	gyre_published(r);
	if (gyre_somebody_sleeps(r->sleep))
		gyre_wake_one(r->sleep);
	return GYRE_OK;
}

static int send(
	struct gyre_ring *r, const void *data, size_t bytes, uint32_t tag, int64_t timeout_ns)
{
	int outcome;
	uint8_t *to;

	if (r->open)
		return GYRE_EBUSY;
	if (bytes > r->hot.message_bytes_max)
		return GYRE_EMSGSIZE;
	outcome = get_room(r, gyre_cells_for(&r->mpmc, bytes), timeout_ns);
	if (outcome != GYRE_OK)
		return outcome;
	to = gyre_cell(&r->mpmc, r->mpmc.position);
	if (bytes <= GYRE_SMALL_) {
		gyre_prefetch_ahead_(to, bytes);
		gyre_copy_small_(to, data, bytes);
	} else {
		gyre_copy_large_(to, data, bytes, 1);
	}
	return publish(r, gyre_info(bytes, tag, 0), 1, bytes);
}

/* ---- Batches: one record, one word, one owner, several messages ---- */

/* How many of the messages go into one record, and how many bytes it takes. */
static unsigned measure_batch(const struct gyre_ring *r, const struct gyre_message *messages,
	unsigned count, uint64_t *ret_bytes)
{
	uint64_t end = 0;
	unsigned n = 0;

	for (; n < count && n < GYRE_BATCH_MAX; n++) {
		const uint64_t payload = gyre_batch_payload(&r->mpmc, end);

		if (messages[n].bytes > r->hot.message_bytes_max ||
			payload + messages[n].bytes > r->hot.message_bytes_max)
			break;
		end = payload + messages[n].bytes;
	}
	*ret_bytes = end;
	return n;
}

static uint64_t write_batch(
	const struct gyre_mpmc *m, const struct gyre_message *messages, unsigned count)
{
	uint8_t *const start = gyre_cell(m, m->position);
	uint64_t end = 0, sum = 0;

	for (unsigned i = 0; i < count; i++) {
		const uint64_t payload = gyre_batch_payload(m, end);
		const struct gyre_batch_head head = {(uint32_t)messages[i].bytes, messages[i].tag};

		memcpy(start + payload - sizeof head, &head, sizeof head);
		if (messages[i].bytes <= GYRE_SMALL_) {
			gyre_prefetch_ahead_(start + payload, messages[i].bytes);
			gyre_copy_small_(start + payload, messages[i].data, messages[i].bytes);
		} else {
			gyre_copy_large_(start + payload, messages[i].data, messages[i].bytes, 1);
		}
		end = payload + messages[i].bytes;
		sum += messages[i].bytes;
	}
	return sum;
}

/* A record of as many as go into one, or, after some patience, as there is room for now: 1, how
 * many, and how much of the time is left. 0: for less than two. A consumer that keeps up makes room
 * for a whole one meanwhile: one message at a time would slow down both. */
static int claim_batch(struct gyre_ring *r, const struct gyre_message *messages, unsigned *count,
	int64_t *timeout_ns)
{
	const int64_t patience = *timeout_ns == GYRE_FOREVER || *timeout_ns > BATCH_PATIENCE_NS
					 ? BATCH_PATIENCE_NS
					 : *timeout_ns;
	uint64_t bytes;
	int outcome;

	*count = measure_batch(r, messages, *count, &bytes);
	if (*count < 2)
		return 0;
	outcome = get_room(r, gyre_cells_for(&r->mpmc, bytes), patience);
	while (outcome == GYRE_EAGAIN || outcome == GYRE_ETIMEDOUT) {
		*count = measure_batch(r, messages, *count / 2, &bytes);
		if (*count < 2)
			break;
		r->need = gyre_cells_for(&r->mpmc, bytes);
		outcome = look_for_room(r);
		outcome = outcome == 0 ? GYRE_EAGAIN : outcome > 0 ? GYRE_OK : outcome;
	}
	if (*timeout_ns != GYRE_FOREVER)
		*timeout_ns -= patience;
	return outcome == GYRE_OK ? 1 : *count < 2 ? 0 : outcome;
}

/* How many went into a record, or an outcome. */
static int send_record(struct gyre_ring *r, const struct gyre_message *messages, unsigned count,
	int64_t timeout_ns)
{
	struct gyre_mpmc *m = &r->mpmc;
	struct gyre_entry_more *more;
	unsigned n = count;
	uint64_t sum;
	int outcome = claim_batch(r, messages, &n, &timeout_ns);

	if (outcome == 0) {
		outcome = send(r, messages->data, messages->bytes, messages->tag, timeout_ns);
		return outcome == GYRE_OK ? 1 : outcome;
	}
	if (outcome < 0)
		return outcome;
	sum = write_batch(m, messages, n);
	more = gyre_more(m, m->position);
	atomic_store_explicit(&more->released, 0, memory_order_relaxed);
	atomic_store_explicit(&more->count, n, memory_order_relaxed);
	publish(r, gyre_info(sum, 0, GYRE_INFO_BATCH), n, sum);
	return (int)n;
}

static int send_batch(struct gyre_ring *r, const struct gyre_message *messages, unsigned count,
	int64_t timeout_ns)
{
	unsigned sent = 0;

	if (r->open)
		return GYRE_EBUSY;
	while (sent < count) {
		const int n =
			send_record(r, messages + sent, count - sent, sent == 0 ? timeout_ns : 0);

		if (n < 0)
			return sent > 0 ? (int)sent : n;
		sent += (unsigned)n;
	}
	return (int)sent;
}

/* ---- Close ---- */

/* Claim one cell for CLOSED: room for it is always kept. */
static int claim_end(const struct gyre_mpmc *m)
{
	uint64_t t = gyre_load_reclaimed(m), w;
	int found = 1;

	for (uint64_t steps = gyre_steps_max(m); steps > 0; steps--) {
		while ((found = gyre_walk(m, &t, &steps, &w)) > 0) {
			if (gyre_word_phase(w) == GYRE_CLOSED)
				return GYRE_ECLOSED;
			t += gyre_word_span(w);
		}
		if (found < 0)
			return found;
		w = gyre_load_entry(m, t);
		if (gyre_claims(m, w, t) || gyre_before(t, gyre_load_reclaimed(m)))
			continue;
		if (!may_be_claimed_over(w)) {
			if (w == gyre_load_entry(m, t))
				return GYRE_ECORRUPT;
			continue;
		}
		/* [CLAIM] acq_rel: as any claim. */
		if (atomic_compare_exchange_strong_explicit(&gyre_entry(m, t)->word, &w,
			    gyre_mpmc_word(gyre_lap(m, t), 1, GYRE_CLOSED, m->me),
			    memory_order_acq_rel, memory_order_relaxed))
			return GYRE_OK;
	}
	return GYRE_ECORRUPT;
}

static int close_ring(struct gyre_ring *r)
{
	struct gyre_mpmc *m = &r->mpmc;
	int outcome;

	if (r->open)
		return GYRE_EBUSY;
	if (r->closed)
		return GYRE_ECLOSED;
	outcome = claim_end(m);
	if (outcome == GYRE_ECLOSED)
		r->closed = true;
	if (outcome != GYRE_OK)
		return outcome;
	r->closed = true;
	atomic_store_explicit(&m->shared->closed, 1, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst); /* [SLEEP] whichever the wake mode */
	gyre_wake_all(r->wake);
	gyre_wake_all(r->sleep);
	return GYRE_OK;
}

const struct gyre_producer_ops gyre_mpmc_producer = {
	.reserve = reserve,
	.commit = commit,
	.discard = discard,
	.send = send,
	.send_batch = send_batch,
	.close = close_ring,
};
