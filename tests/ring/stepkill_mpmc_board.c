/*
 * The board, and the ring's own books: which messages must come, which may, and whether the counts
 * of the living and the dead say the same.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "stepkill_mpmc.h"

bool say(struct world *w, enum stepkill_fault fault, const char *format, ...)
{
	struct board *const b = w->board;
	char text[STEPKILL_TEXT_BYTES];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof text, format, values);
	va_end(values);
	if (w->report != NULL) {
		stepkill_fault(w->report, fault, "%s", text);
	} else {
		if (b->faults == 0)
			memcpy(b->complaint, text, sizeof text);
		b->faults |= (uint32_t)fault;
	}
	return false;
}

bool hear_complaints(struct world *w)
{
	const struct board *const b = w->board;

	return b->faults == 0 || say(w, (enum stepkill_fault)b->faults, "%s", b->complaint);
}

void mark(struct world *w, uint32_t number, enum mark what)
{
	w->board->marks[number] |= (uint8_t)what;
}

static bool is_marked(const struct world *w, uint32_t number, unsigned any)
{
	return (w->board->marks[number] & any) != 0;
}

/* ---- Producing ---- */

void write_messages(struct world *w, unsigned count, size_t bytes)
{
	struct board *const b = w->board;
	const uint32_t first = b->numbers + 1;

	b->numbers += count;
	for (unsigned i = 0; i < count; i++) {
		const uint32_t number = first + i;
		unsigned char *const at = w->payload + (size_t)i * MESSAGE_MAX;

		fill_message(at, bytes, number);
		b->lengths[number] = (uint16_t)bytes;
		b->batch[number] = (uint16_t)first;
		b->sender[number] = w->sender;
		w->outgoing[i] = (struct gyre_message){.data = at, .bytes = bytes, .tag = number};
	}
}

void offer(struct world *w, unsigned count)
{
	w->board->aborted_most++; /* it claims */
	for (unsigned i = 0; i < count; i++)
		mark(w, w->outgoing[i].tag, OFFERED);
}

void acknowledge(struct world *w, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		mark(w, w->outgoing[i].tag, SENT);
	w->board->aborted_most--;
}

void withdraw(struct world *w, unsigned first, unsigned count)
{
	for (unsigned i = first; i < count; i++)
		w->board->marks[w->outgoing[i].tag] = 0;
}

int send_next(struct world *w, size_t bytes, int64_t timeout_ns)
{
	int outcome;

	write_messages(w, 1, bytes);
	offer(w, 1);
	outcome = gyre_ring_send(w->producer, w->payload, bytes, w->outgoing[0].tag, timeout_ns);
	if (outcome == GYRE_OK) {
		acknowledge(w, 1);
	} else {
		withdraw(w, 0, 1);
		w->board->aborted_most--;
	}
	return outcome;
}

/* ---- Consuming ---- */

static bool is_whole(struct world *w, const struct gyre_message *m)
{
	const uint32_t number = m->tag;

	if (number == 0 || number > w->board->numbers || !is_marked(w, number, OFFERED))
		return say(w, STEPKILL_CORRUPT, "a message (tag %u) that nobody sent", number);
	if (m->bytes != w->board->lengths[number])
		return say(w, STEPKILL_CORRUPT, "message %u has %zu bytes, not %u", number,
			m->bytes, w->board->lengths[number]);
	return is_message_of(m->data, m->bytes, number) ||
	       say(w, STEPKILL_CORRUPT, "message %u came damaged", number);
}

static bool may_come(struct world *w, const struct gyre_message *m)
{
	const unsigned handed = w->board->handed[m->tag];
	const bool again = (m->flags & GYRE_MESSAGE_AGAIN) != 0;

	if (is_marked(w, m->tag, RELEASED))
		return say(
			w, STEPKILL_DUPLICATE, "message %u came, and was released before", m->tag);
	if (handed > 0 && !again)
		return say(w, STEPKILL_DUPLICATE, "message %u came again without the mark", m->tag);
	if ((m->flags & ~(uint32_t)GYRE_MESSAGE_AGAIN) != 0 || again != (m->deliveries > 1))
		return say(w, STEPKILL_CORRUPT, "message %u came with flags %u, %u deliveries",
			m->tag, m->flags, m->deliveries);
	if (m->deliveries < handed + 1 || m->deliveries > w->setting->deliveries)
		return say(w, STEPKILL_OTHER, "message %u: %u deliveries, handed out %u times",
			m->tag, m->deliveries, handed + 1);
	return true;
}

static bool is_in_order(struct world *w, struct consumer *c, const struct gyre_message *m)
{
	uint32_t *const last = &c->last[w->board->sender[m->tag]];

	if (m->flags != 0 || w->scene->step_over)
		return true;
	if (m->tag <= *last)
		return say(w, STEPKILL_OTHER, "message %u of a sender came after its %u", m->tag,
			*last);
	*last = m->tag;
	return true;
}

/* It was in doubt: all of its batch are to come. */
static void prove_sent(struct world *w, uint32_t number)
{
	const struct board *const b = w->board;
	const uint32_t first = b->batch[number];

	for (uint32_t n = first; n <= b->numbers && b->batch[n] == first; n++)
		if (is_marked(w, n, OFFERED))
			mark(w, n, SENT);
}

bool accept(struct world *w, struct consumer *c, const struct gyre_message *m)
{
	if (!is_whole(w, m) || !may_come(w, m) || !is_in_order(w, c, m))
		return false;
	if (!is_marked(w, m->tag, SENT))
		prove_sent(w, m->tag);
	w->board->handed[m->tag]++;
	return true;
}

int64_t receive_next(struct world *w, struct consumer *c, int64_t timeout_ns)
{
	unsigned char buffer[MESSAGE_MAX];
	struct gyre_message message;
	const int64_t outcome =
		gyre_ring_receive(c->ring, buffer, sizeof buffer, timeout_ns, &message);

	if (outcome < 0)
		return outcome;
	if (!accept(w, c, &message))
		return WRONG_MESSAGE;
	mark(w, message.tag, RELEASING | RELEASED);
	return outcome;
}

/* Copies whose call returned were released; of the others, those that had been written may be. */
static bool judge_landing(struct world *w, struct landing *landing)
{
	struct consumer nobody = {0};

	for (unsigned i = 0; i < BATCH_MAX; i++) {
		const struct gyre_message *const m = &landing->messages[i];

		if (i < landing->received) {
			if (!accept(w, &nobody, m))
				return false;
			mark(w, m->tag, RELEASING | RELEASED);
		} else if (m->tag != 0 && m->tag <= w->board->numbers) {
			mark(w, m->tag, RELEASING);
		}
	}
	return true;
}

bool judge_landings(struct world *w)
{
	struct board *const b = w->board;

	for (uint32_t i = 0; i < b->landings_used; i++)
		if (!judge_landing(w, &b->landings[i]))
			return false;
	b->landings_used = 0;
	return true;
}

unsigned count_outstanding(const struct world *w)
{
	unsigned count = 0;

	for (uint32_t n = 1; n <= w->board->numbers; n++)
		count += is_marked(w, n, SENT) && !is_marked(w, n, RELEASING);
	return count;
}

/* ---- Books ---- */

/* What the board says: at least, at most. */
struct account {
	uint64_t committed_least, committed_most;
	uint64_t released_least, released_most;
	uint64_t gone_least, gone_most; /* sent, and neither released nor there */
};

static struct account account_for(const struct world *w)
{
	struct account a = {0};

	for (uint32_t n = 1; n <= w->board->numbers; n++) {
		const bool sent = is_marked(w, n, SENT);
		const bool released = is_marked(w, n, RELEASED);
		const bool doubtful = !released && is_marked(w, n, RELEASING);

		a.committed_least += sent;
		a.committed_most += sent || doubtful;
		a.released_least += released;
		a.released_most += released || doubtful;
		a.gone_least += sent && !released && !doubtful;
		a.gone_most += !released && (sent || doubtful);
	}
	return a;
}

struct totals {
	uint64_t committed, committed_bytes, released, released_bytes;
	uint64_t aborted, dropped, dropped_bytes, in_ring;
};

static bool add_up(struct world *w, const struct gyre_ring *ring, struct totals *ret)
{
	struct gyre_participant seats[2 * SEATS];
	struct gyre_error error = {0};
	unsigned count = 2 * SEATS;
	struct gyre_ring_info info;

	memset(ret, 0, sizeof *ret);
	if (gyre_ring_inspect(ring, &info, seats, &count, &error) != GYRE_OK)
		return say(w, STEPKILL_CORRUPT, "gyre_ring_inspect: %s", error.what);
	for (unsigned i = 0; i < count && i < 2 * SEATS; i++) {
		const struct gyre_counters *const c = &seats[i].counters;
		const bool produces = seats[i].role == GYRE_PRODUCER;

		*(produces ? &ret->committed : &ret->released) += c->messages;
		*(produces ? &ret->committed_bytes : &ret->released_bytes) += c->bytes;
		ret->aborted += c->aborted;
		ret->dropped += c->dropped;
		ret->dropped_bytes += c->dropped_bytes;
	}
	ret->in_ring = info.messages;
	return true;
}

bool count_dropped(struct world *w, const struct gyre_ring *ring, uint64_t *ret_dropped)
{
	struct totals t;
	const bool good = add_up(w, ring, &t);

	*ret_dropped = t.dropped;
	return good;
}

static bool is_between(uint64_t value, uint64_t least, uint64_t most)
{
	return value >= least && value <= most;
}

/* Each message of the ring is where the board says that it may be. */
static bool judge_totals(struct world *w, const struct totals *t)
{
	const struct beginning *const begin = &w->scene->beginning;
	const unsigned given_back = begin->times + (begin->holding ? 1u : 0);
	const struct account a = account_for(w);

	if (t->dropped > 0 && w->deaths + given_back < w->setting->deliveries)
		return say(w, STEPKILL_LOST, "%lu dropped after %u deaths",
			(unsigned long)t->dropped, w->deaths);
	if (t->dropped < a.gone_least)
		return say(w, STEPKILL_LOST, "%lu messages did not come, %lu were dropped",
			(unsigned long)a.gone_least, (unsigned long)t->dropped);
	if (!is_between(t->dropped, a.gone_least, a.gone_most) ||
		!is_between(t->released, a.released_least, a.released_most) ||
		!is_between(t->committed, a.committed_least, a.committed_most))
		return say(w, STEPKILL_OTHER,
			"the books: %lu committed, %lu released, %lu dropped, not %lu to %lu, "
			"%lu to %lu, %lu to %lu",
			(unsigned long)t->committed, (unsigned long)t->released,
			(unsigned long)t->dropped, (unsigned long)a.committed_least,
			(unsigned long)a.committed_most, (unsigned long)a.released_least,
			(unsigned long)a.released_most, (unsigned long)a.gone_least,
			(unsigned long)a.gone_most);
	if (!is_between(t->aborted, w->board->aborted_least, w->board->aborted_most))
		return say(w, STEPKILL_OTHER, "the books: %lu aborted, not %u to %u",
			(unsigned long)t->aborted, w->board->aborted_least, w->board->aborted_most);
	return true;
}

bool judge_books(struct world *w, const struct gyre_ring *ring)
{
	struct totals t;

	if (!add_up(w, ring, &t) || !judge_totals(w, &t))
		return false;
	if (t.committed == t.released + t.dropped && t.in_ring == 0 &&
		t.committed_bytes == t.released_bytes + t.dropped_bytes)
		return true;
	return say(w, STEPKILL_OTHER,
		"the books: %lu messages of %lu bytes in, %lu of %lu out, %lu of %lu dropped, "
		"%lu there",
		(unsigned long)t.committed, (unsigned long)t.committed_bytes,
		(unsigned long)t.released, (unsigned long)t.released_bytes,
		(unsigned long)t.dropped, (unsigned long)t.dropped_bytes, (unsigned long)t.in_ring);
}

/* ---- Roles ---- */

const char *role_name(enum gyre_role role)
{
	return role == GYRE_PRODUCER ? "producer" : "consumer";
}

bool become(struct world *w, enum gyre_role role, uint32_t flags)
{
	struct board *const b = w->board;
	struct gyre_ring **const handle = role == GYRE_PRODUCER ? &w->producer : &w->consumer.ring;
	const struct gyre_ring_options options = {
		.flags = flags | (w->scene->step_over ? GYRE_RING_STEP_OVER : 0u),
		.name = role_name(role),
	};
	struct gyre_error error = {0};
	const int outcome = gyre_ring_attach(w->ring.key, role, &options, handle, &error);

	if (outcome == GYRE_EBUSY || outcome == GYRE_ESUSPECT || outcome == GYRE_ENORES)
		return say(
			w, STEPKILL_BLOCKED, "no %s may attach: %s", role_name(role), error.what);
	if (outcome != GYRE_OK)
		return say(
			w, STEPKILL_CORRUPT, "no %s can attach: %s", role_name(role), error.what);
	if (role == GYRE_PRODUCER)
		w->sender = (uint8_t)(b->senders++ % SENDERS);
	else
		memset(w->consumer.last, 0, sizeof w->consumer.last);
	return true;
}

void leave(struct world *w)
{
	gyre_ring_detach(w->producer);
	gyre_ring_detach(w->consumer.ring);
	w->producer = w->consumer.ring = NULL;
}
