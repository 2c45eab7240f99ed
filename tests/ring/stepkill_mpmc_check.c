/*
 * The survivor: what is seen from outside, what comes out of the ring, whether both sides can go
 * on, whether all of the room is there, whether the books are right, and whether the name goes in
 * the end.
 */
#include <string.h>
#include <unistd.h>
#include "stepkill_mpmc.h"

enum {
	FOLLOWERS = 4, /* messages that must get through one by one */
	ROUNDS = 40,   /* of going on after those */
	SLICE_MS = 20,
	SLICES = 150,                   /* then it is blocked */
	EMPTY_LOOKS = CHAIN_MAX / 2 + 2 /* each repairs up to two of the dead */
};

static const int64_t patience = SLICE_MS * (int64_t)NS_PER_MS * SLICES;

static bool is_departure(int64_t outcome)
{
	return outcome == GYRE_ELEFT || outcome == GYRE_EDIED;
}

/* ---- From outside ---- */

/* While our company repairs a seat it has its lock, so that it seems to be alive. */
static bool count_living(struct world *w, struct gyre_ring_info *ret_info)
{
	const unsigned ours = (w->producer != NULL ? 1u : 0) + (w->consumer.ring != NULL ? 1u : 0);
	struct gyre_error error = {0};

	for (unsigned looks = 0; looks < SLICES; looks++) {
		if (gyre_inspect(w->ring.key, NULL, ret_info, NULL, NULL, &error) != GYRE_OK)
			return say(w, STEPKILL_LOST, "gyre_inspect: %s", error.what);
		if (ret_info->participants == ours)
			return true;
		usleep(1000);
	}
	return say(w, STEPKILL_OTHER, "gyre_inspect shows %u participants alive, not %u",
		ret_info->participants, ours);
}

static bool look_from_outside(struct world *w)
{
	struct board *const b = w->board;
	struct gyre_ring_info info;

	if (!count_living(w, &info))
		return false;
	if (info.state == GYRE_STATE_BROKEN || info.state == GYRE_STATE_OTHER_BOOT ||
		info.state == GYRE_STATE_HALF_MADE)
		return say(w, STEPKILL_CORRUPT, "state %u: %s", info.state, info.problem);
	if (info.messages > 0 && gyre_clean(w->ring.key, GYRE_CLEAN_DRY_RUN, NULL) == 1)
		return say(w, STEPKILL_LOST, "gyre_clean would remove %lu messages",
			(unsigned long)info.messages);
	if (info.closed < b->closed || info.closed > b->closing)
		return say(w, STEPKILL_OTHER,
			info.closed != 0 ? "closed, but nobody did that" : "the close is gone");
	b->closed = info.closed;
	return true;
}

/* ---- What waits ---- */

/* Messages that were sent, and those that were dropped are not among them. */
static bool is_something_due(struct world *w)
{
	uint64_t dropped = 0;

	return count_dropped(w, w->consumer.ring, &dropped) && count_outstanding(w) > dropped;
}

static bool receive_due(struct world *w)
{
	unsigned slices = 0;

	while (is_something_due(w)) {
		const int64_t outcome =
			receive_next(w, &w->consumer, SLICE_MS * (int64_t)NS_PER_MS);

		if (outcome == WRONG_MESSAGE)
			return false;
		if (outcome == GYRE_ECLOSED)
			return say(w, STEPKILL_LOST, "the end, and %u messages did not come",
				count_outstanding(w));
		if (outcome < 0 && outcome != GYRE_ETIMEDOUT && !is_departure(outcome))
			return say(w, STEPKILL_OTHER, "a survivor receives: %s",
				gyre_errname((int)outcome));
		if (outcome < 0 && ++slices > SLICES)
			return say(w, STEPKILL_BLOCKED, "%u messages do not come",
				count_outstanding(w));
	}
	return hear_complaints(w);
}

/* What was in doubt, too; and all of the dead are repaired. */
static bool receive_the_rest(struct world *w)
{
	unsigned empty = 0;

	while (empty < EMPTY_LOOKS) {
		const int64_t outcome = receive_next(w, &w->consumer, 1);

		if (outcome == WRONG_MESSAGE)
			return false;
		if (outcome == GYRE_ECLOSED)
			return true;
		if (outcome < 0 && outcome != GYRE_ETIMEDOUT && !is_departure(outcome))
			return say(w, STEPKILL_OTHER, "the ring ends with %s",
				gyre_errname((int)outcome));
		if (outcome < 0)
			empty++;
	}
	return true;
}

static bool drain(struct world *w)
{
	int64_t outcome;

	if (!receive_due(w) || !receive_the_rest(w))
		return false;
	if (!w->board->closed)
		return true;
	outcome = receive_next(w, &w->consumer, patience);
	return outcome == GYRE_ECLOSED || outcome == WRONG_MESSAGE ||
	       say(w, STEPKILL_BLOCKED, "the end is not told: %s", gyre_errname((int)outcome));
}

/* ---- Both sides go on ---- */

static bool consumer_goes_on(struct world *w)
{
	if (w->consumer.ring == NULL && !become(w, GYRE_CONSUMER, 0))
		return false;
	return drain(w);
}

static bool producer_goes_on(struct world *w, bool must_find_room)
{
	int outcome = GYRE_OK;

	if (w->producer == NULL && !become(w, GYRE_PRODUCER, 0))
		return false;
	if (w->board->closed) {
		outcome = send_next(w, 8, 0);
		return outcome == GYRE_ECLOSED ||
		       say(w, STEPKILL_OTHER, "a closed ring says %s to a producer",
			       gyre_errname(outcome));
	}
	for (unsigned i = 0; i < FOLLOWERS && outcome == GYRE_OK; i++)
		outcome = send_next(w, 8 + 8 * i, must_find_room ? patience : NS_PER_MS);
	if (outcome == GYRE_OK || (outcome == GYRE_ETIMEDOUT && !must_find_room))
		return true;
	return say(w, outcome == GYRE_ETIMEDOUT ? STEPKILL_BLOCKED : STEPKILL_OTHER,
		"a survivor sends: %s", gyre_errname(outcome));
}

static bool expect(struct world *w, const char *what, int64_t got, int64_t wanted)
{
	if (got == wanted || got == WRONG_MESSAGE)
		return got == wanted;
	return say(w,
		got == GYRE_EAGAIN || got == GYRE_ETIMEDOUT ? STEPKILL_BLOCKED : STEPKILL_OTHER,
		"going on, message %u: %s gave %ld (%s)", w->board->numbers, what, (long)got,
		got < 0 ? gyre_errname((int)got) : "bytes");
}

static bool pass_waiting(struct world *w, size_t bytes)
{
	return expect(w, "send", send_next(w, bytes, patience), GYRE_OK) &&
	       expect(w, "receive", receive_next(w, &w->consumer, patience), (int64_t)bytes) &&
	       (receive_next(w, &w->consumer, 0) == GYRE_EAGAIN ||
		       say(w, STEPKILL_CORRUPT, "something stands behind the last message"));
}

static bool pass_in_place(struct world *w, size_t bytes)
{
	void *room;

	write_messages(w, 1, bytes);
	if (!expect(w, "reserve", gyre_ring_reserve(w->producer, bytes + 100, patience, &room),
		    GYRE_OK))
		return false;
	memcpy(room, w->payload, bytes);
	offer(w, 1);
	if (!expect(w, "commit", gyre_ring_commit(w->producer, bytes, w->outgoing[0].tag), GYRE_OK))
		return false;
	acknowledge(w, 1);
	return expect(w, "receive", receive_next(w, &w->consumer, patience), (int64_t)bytes);
}

static bool release_one(struct world *w, const struct gyre_message *m)
{
	if (!accept(w, &w->consumer, m) ||
		!expect(w, "release", gyre_ring_release(w->consumer.ring, m), GYRE_OK))
		return false;
	mark(w, m->tag, RELEASING | RELEASED);
	return true;
}

/* Three messages, a batch and one more, held at once, released in another order. */
static bool pass_held(struct world *w, size_t bytes)
{
	static const unsigned order[] = {1, 0, 2};
	struct gyre_message held[3];

	write_messages(w, 2, bytes / 2);
	offer(w, 2);
	if (!expect(w, "send_batch", gyre_ring_send_batch(w->producer, w->outgoing, 2, patience),
		    2))
		return false;
	acknowledge(w, 2);
	if (!expect(w, "send", send_next(w, bytes, patience), GYRE_OK) ||
		!expect(w, "peek_batch", gyre_ring_peek_batch(w->consumer.ring, patience, held, 3),
			3))
		return false;
	memset(w->consumer.last, 0, sizeof w->consumer.last); /* not in order, on purpose */
	for (unsigned i = 0; i < 3; i++) {
		memset(w->consumer.last, 0, sizeof w->consumer.last);
		if (!release_one(w, &held[order[i]]))
			return false;
	}
	return true;
}

/* No cell stays lost: as many small messages fit as there are cells, but for the one that is kept
 * for the end. */
static bool fill_and_drain(struct world *w)
{
	unsigned fit = 0;
	int64_t outcome;

	while ((outcome = send_next(w, 8, 0)) == GYRE_OK)
		fit++;
	if (outcome != GYRE_EAGAIN || fit != CELLS - 1)
		return say(w, STEPKILL_BLOCKED, "%u messages of a cell fit, not %u: %s", fit,
			CELLS - 1, gyre_errname((int)outcome));
	while (fit > 0 && (outcome = receive_next(w, &w->consumer, 0)) == 8)
		fit--;
	return expect(w, "receive", outcome, 8);
}

static bool exchange(struct world *w)
{
	static bool (*const pass[])(struct world *, size_t) = {
		pass_waiting, pass_in_place, pass_held};

	for (size_t i = 0; i < ROUNDS; i++)
		if (!pass[i % 3](w, i * 37 % 300))
			return false;
	return fill_and_drain(w);
}

/* ---- The end ---- */

static bool is_gone(struct world *w)
{
	struct gyre_ring_info info;
	const int outcome = gyre_inspect(w->ring.key, NULL, &info, NULL, NULL, NULL);

	return outcome == GYRE_ENOTFOUND ||
	       say(w, STEPKILL_OTHER, "the ring is still there after its end: %s",
		       gyre_errname(outcome));
}

/* Closed, drained and left by all it goes. */
static bool end(struct world *w)
{
	if (!w->board->closed && !expect(w, "close", gyre_ring_close(w->producer), GYRE_OK))
		return false;
	if (w->has_thread) {
		pthread_join(w->thread, NULL);
		w->has_thread = false;
		if (!expect(w, "the blocked receive", w->thread_outcome, GYRE_ECLOSED))
			return false;
	} else if (!expect(w, "receive", receive_next(w, &w->consumer, patience), GYRE_ECLOSED)) {
		return false;
	}
	if (!judge_books(w, w->consumer.ring))
		return false;
	leave(w);
	return is_gone(w);
}

/* The blocked consumer gets everything by itself; it is the only one. */
static bool follow_blocked_consumer(struct world *w)
{
	if (!producer_goes_on(w, true))
		return false;
	for (unsigned looks = 0; is_something_due(w); looks++) {
		if (!hear_complaints(w))
			return false;
		if (looks > SLICES * SLICE_MS)
			return say(w, STEPKILL_BLOCKED,
				"the blocked consumer does not get %u messages",
				count_outstanding(w));
		usleep(1000);
	}
	return hear_complaints(w) && end(w);
}

/* It comes free when another one consumes. */
static bool follow_blocked_producer(struct world *w)
{
	if (!consumer_goes_on(w))
		return false;
	pthread_join(w->thread, NULL);
	w->has_thread = false;
	return hear_complaints(w) && expect(w, "the blocked send", w->thread_outcome, GYRE_OK) &&
	       drain(w) && exchange(w) && end(w);
}

static bool go_on(struct world *w)
{
	const bool room = !w->scene->beginning.full && !w->scene->may_find_no_room;

	if (w->has_thread)
		return w->scene->victim == GYRE_PRODUCER ? follow_blocked_consumer(w)
							 : follow_blocked_producer(w);
	if (w->setting->first == GYRE_PRODUCER && !producer_goes_on(w, room))
		return false;
	if (!consumer_goes_on(w))
		return false;
	if (!producer_goes_on(w, true) || !drain(w))
		return false;
	return (w->board->closed || exchange(w)) && end(w);
}

void world_check(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report)
{
	struct world *const w = world;

	(void)deaths;
	w->report = report;
	w->deaths = count;
	if (hear_complaints(w) && judge_landings(w) && look_from_outside(w))
		(void)go_on(w);
}
