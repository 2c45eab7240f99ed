/*
 * The board, and the ring's own books: which messages must come, which may, and what a handle that
 * attaches learns of those in doubt.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "stepkill_ring.h"

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

/* ---- Messages ---- */

void write_messages(struct world *w, unsigned count, size_t bytes)
{
	for (unsigned i = 0; i < count; i++) {
		const uint64_t number = w->board->sent + 1 + i;
		unsigned char *const at = w->payload + (size_t)i * MESSAGE_MAX;

		fill_message(at, bytes, number);
		w->board->lengths[number % LENGTHS] = (uint32_t)bytes;
		w->outgoing[i] =
			(struct gyre_message){.data = at, .bytes = bytes, .tag = (uint32_t)number};
	}
}

void offer(struct world *w, unsigned count)
{
	w->board->offered = w->board->sent + count;
}

void acknowledge(struct world *w)
{
	const uint64_t offered = w->board->offered;

	w->board->sent = offered;
}

int send_next(struct world *w, size_t bytes, int64_t timeout_ns)
{
	int outcome;

	write_messages(w, 1, bytes);
	offer(w, 1);
	outcome = gyre_ring_send(w->producer, w->payload, bytes, w->outgoing[0].tag, timeout_ns);
	if (outcome == GYRE_OK)
		acknowledge(w);
	else
		offer(w, 0);
	return outcome;
}

static bool is_whole(struct world *w, const struct gyre_message *m, uint64_t number)
{
	if (m->tag != number || m->flags != 0)
		return say(w, STEPKILL_CORRUPT, "message %lu came with tag %u, flags %u",
			(unsigned long)number, m->tag, m->flags);
	if (m->bytes != w->board->lengths[number % LENGTHS])
		return say(w, STEPKILL_CORRUPT, "message %lu has %zu bytes, not %u",
			(unsigned long)number, m->bytes, w->board->lengths[number % LENGTHS]);
	return is_message_of(m->data, m->bytes, number) ||
	       say(w, STEPKILL_CORRUPT, "message %lu came damaged", (unsigned long)number);
}

bool accept(struct world *w, const struct gyre_message *m)
{
	struct board *const b = w->board;
	const uint64_t number = b->received + 1;

	if (m->tag != 0 && m->tag < number)
		return say(w, STEPKILL_DUPLICATE, "message %u came again: %lu were received",
			m->tag, (unsigned long)b->received);
	if (m->tag > number && m->tag <= b->offered)
		return say(w, STEPKILL_LOST, "message %u came, not %lu", m->tag,
			(unsigned long)number);
	if (number > b->offered)
		return say(w, STEPKILL_CORRUPT, "a message (tag %u) that nobody sent", m->tag);
	if (!is_whole(w, m, number))
		return false;
	if (number > b->sent)
		acknowledge(w); /* it was in doubt: now all of its batch must come */
	b->taken = number;
	b->received = number;
	return true;
}

int64_t receive_next(struct world *w, int64_t timeout_ns)
{
	static unsigned char buffer[MESSAGE_MAX];
	struct gyre_message message;
	const int64_t outcome =
		gyre_ring_receive(w->consumer, buffer, sizeof buffer, timeout_ns, &message);

	return outcome >= 0 && !accept(w, &message) ? WRONG_MESSAGE : outcome;
}

bool judge_landing(struct world *w)
{
	struct board *const b = w->board;

	for (uint32_t i = 0; i < b->landed; i++)
		if (!is_whole(w, &b->messages[i], b->landed_after + 1 + i))
			return false;
	b->landed = 0;
	return true;
}

/* ---- Books ---- */

void set_reservation(struct world *w, enum reservation state, uint64_t more_aborted)
{
	const uint64_t aborted = (w->board->reservation >> 2) + more_aborted;

	w->board->reservation = aborted << 2 | (uint64_t)state;
}

static bool judge_aborted(struct world *w, uint64_t counted, bool arrived)
{
	const uint64_t reservation = w->board->reservation;
	uint64_t least = reservation >> 2;
	uint64_t most = least;

	switch ((enum reservation)(reservation & 3)) {
	case RESERVATION_NONE:
		break;
	case RESERVATION_ASKED:
		most++;
		break;
	case RESERVATION_OPEN:
		least = ++most;
		break;
	case RESERVATION_COMMITTED:
		if (!arrived)
			least = ++most;
		break;
	}
	if (counted < least || counted > most)
		return say(w, STEPKILL_OTHER, "the books have %lu aborted, not %lu to %lu",
			(unsigned long)counted, (unsigned long)least, (unsigned long)most);
	w->board->reservation = counted << 2;
	return true;
}

static bool judge_committed(struct world *w, const struct gyre_counters *counters)
{
	struct board *const b = w->board;
	const bool arrived = counters->messages == b->offered;

	if (arrived)
		acknowledge(w);
	else if (counters->messages == b->sent)
		offer(w, 0);
	else
		return say(w, counters->messages < b->sent ? STEPKILL_LOST : STEPKILL_CORRUPT,
			"the books have %lu messages committed, not %lu or %lu",
			(unsigned long)counters->messages, (unsigned long)b->sent,
			(unsigned long)b->offered);
	return judge_aborted(w, counters->aborted, arrived);
}

static bool judge_released(struct world *w, const struct gyre_counters *counters)
{
	struct board *const b = w->board;
	const uint64_t taken = b->taken;

	if (counters->messages == taken)
		b->received = taken;
	else if (counters->messages != b->received)
		return say(w, counters->messages < b->received ? STEPKILL_DUPLICATE : STEPKILL_LOST,
			"the books have %lu messages released, not %lu or %lu",
			(unsigned long)counters->messages, (unsigned long)b->received,
			(unsigned long)taken);
	b->taken = b->received;
	return true;
}

bool look_inside(struct world *w, const struct gyre_ring *ring, struct gyre_ring_info *ret_info,
	struct gyre_counters ret_counters[BOTH + 1])
{
	struct gyre_participant seats[BOTH];
	struct gyre_error error = {0};
	unsigned count = BOTH;

	memset(ret_counters, 0, (BOTH + 1) * sizeof *ret_counters);
	if (gyre_ring_inspect(ring, ret_info, seats, &count, &error) != GYRE_OK)
		return say(w, STEPKILL_CORRUPT, "gyre_ring_inspect: %s", error.what);
	for (unsigned i = 0; i < count && i < BOTH; i++)
		ret_counters[seats[i].role] = seats[i].counters;
	return true;
}

/* ---- Roles ---- */

const char *role_name(enum gyre_role role)
{
	return role == GYRE_PRODUCER ? "producer" : "consumer";
}

bool become(struct world *w, enum gyre_role role, uint32_t flags)
{
	struct gyre_ring **const handle = role == GYRE_PRODUCER ? &w->producer : &w->consumer;
	const struct gyre_ring_options options = {.flags = flags, .name = role_name(role)};
	struct gyre_counters counters[BOTH + 1];
	struct gyre_error error = {0};
	struct gyre_ring_info info;
	const int outcome = gyre_ring_attach(w->ring.key, role, &options, handle, &error);

	if (outcome == GYRE_EBUSY || outcome == GYRE_ESUSPECT)
		return say(
			w, STEPKILL_BLOCKED, "no %s may attach: %s", role_name(role), error.what);
	if (outcome != GYRE_OK)
		return say(
			w, STEPKILL_CORRUPT, "no %s can attach: %s", role_name(role), error.what);
	if (!look_inside(w, *handle, &info, counters))
		return false;
	return role == GYRE_PRODUCER ? judge_committed(w, &counters[role])
				     : judge_landing(w) && judge_released(w, &counters[role]);
}

void leave(struct world *w)
{
	gyre_ring_detach(w->producer);
	gyre_ring_detach(w->consumer);
	w->producer = w->consumer = NULL;
}
