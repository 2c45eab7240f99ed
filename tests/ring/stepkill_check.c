/*
 * The survivor: what is seen from outside, what comes out of the ring, whether both sides can go
 * on, whether the books are right, and whether the name goes in the end.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "stepkill_ring.h"

enum {
	FOLLOWERS = 4, /* messages that must get through one by one */
	ROUNDS = 50,   /* of going on after those */
	LOOKS = 1000,  /* a millisecond each */
};

static bool is_shown_rightly(const struct world *w, const struct gyre_participant *seat)
{
	const bool is_ours = (seat->role == GYRE_PRODUCER ? w->producer : w->consumer) != NULL;

	return is_ours ==
	       (seat->liveness == GYRE_LIFE_ALIVE || seat->liveness == GYRE_LIFE_SUSPECT);
}

/* As a monitor sees it; absent is well only where it may be. */
static bool inspect(struct world *w, struct gyre_ring_info *ret_info,
	struct gyre_participant ret_seats[BOTH], bool *ret_there)
{
	struct gyre_error error = {0};
	unsigned count = BOTH;
	const int outcome = gyre_inspect(w->ring.key, NULL, ret_info, ret_seats, &count, &error);

	if (count < BOTH)
		memset(ret_seats + count, 0, (BOTH - count) * sizeof *ret_seats);
	*ret_there = outcome == GYRE_OK;
	if (outcome == GYRE_ENOTFOUND && w->scene->may_vanish)
		return true;
	if (outcome != GYRE_OK)
		return say(w, STEPKILL_LOST, "gyre_inspect: %s", error.what);
	if (ret_info->state == GYRE_STATE_BROKEN || ret_info->state == GYRE_STATE_OTHER_BOOT ||
		ret_info->state == GYRE_STATE_HALF_MADE)
		return say(w, STEPKILL_CORRUPT, "state %u: %s", ret_info->state, ret_info->problem);
	return true;
}

/* The dead must be seen to be dead; but while our company repairs a seat it has its lock. */
static bool inspect_seats(struct world *w, struct gyre_ring_info *ret_info, bool *ret_there)
{
	struct gyre_participant seats[BOTH];
	const struct gyre_participant *wrong = NULL;

	for (unsigned looks = 0; looks < (w->has_thread ? LOOKS : 1); looks++) {
		if (!inspect(w, ret_info, seats, ret_there))
			return false;
		wrong = NULL;
		for (unsigned i = 0; *ret_there && i < BOTH && seats[i].role != 0; i++) {
			if (!is_shown_rightly(w, &seats[i]))
				wrong = &seats[i];
			if (seats[i].role == GYRE_CONSUMER)
				w->released_seen = seats[i].counters.messages;
		}
		if (wrong == NULL)
			return true;
		usleep(1000);
	}
	return say(w, STEPKILL_OTHER, "gyre_inspect shows the %s of pid %u with liveness %u",
		role_name((enum gyre_role)wrong->role), wrong->pid, wrong->liveness);
}

static bool look_from_outside(struct world *w, bool *ret_there)
{
	struct board *const b = w->board;
	struct gyre_ring_info info;

	if (!inspect_seats(w, &info, ret_there))
		return false;
	if (!*ret_there)
		return true;
	if (info.messages > 0 && gyre_clean(w->ring.key, GYRE_CLEAN_DRY_RUN, NULL) == 1)
		return say(w, STEPKILL_LOST, "gyre_clean would remove %lu messages",
			(unsigned long)info.messages);
	if (w->ring.generation != 0 && info.generation != w->ring.generation &&
		w->scene->may_vanish)
		memset(b, 0, sizeof *b); /* another ring by now, and nobody has used it */
	if (info.closed < b->closed || info.closed > b->closing)
		return say(w, STEPKILL_OTHER,
			info.closed != 0 ? "closed, but nobody did that" : "the close is gone");
	b->closed = info.closed;
	w->messages_seen = info.messages;
	return true;
}

/* Everything that is there. */
static bool drain(struct world *w)
{
	struct board *const b = w->board;
	unsigned departures = 0;
	int64_t outcome;

	do {
		outcome = receive_next(w, 0);
		departures += outcome == GYRE_ELEFT || outcome == GYRE_EDIED;
	} while (outcome >= 0 ||
		 ((outcome == GYRE_ELEFT || outcome == GYRE_EDIED) && departures <= CHAIN_MAX + 1));
	if (outcome == WRONG_MESSAGE)
		return false;
	if (outcome != (b->closed ? GYRE_ECLOSED : GYRE_EAGAIN))
		return say(w, STEPKILL_OTHER, "the ring ends with %s", gyre_errname((int)outcome));
	/* One who came free meanwhile may have sent behind the last look. */
	if (!w->has_thread && b->received < b->sent)
		return say(w, STEPKILL_LOST, "%s after message %lu: %lu were sent",
			gyre_errname((int)outcome), (unsigned long)b->received,
			(unsigned long)b->sent);
	return true;
}

/* A waiting consumer is told once that the producer died. */
static bool be_told(struct world *w)
{
	const int64_t outcome = receive_next(w, NS_PER_MS);
	const int64_t again = receive_next(w, 0);

	if (outcome == GYRE_EDIED && again == GYRE_EAGAIN)
		return true;
	return say(w, STEPKILL_OTHER, "a death is told as %s, then %s", gyre_errname((int)outcome),
		gyre_errname((int)again));
}

/* The one who was blocked must have come free: its process has a time limit. */
static bool join_company(struct world *w)
{
	const bool consumes = company_role(w) == GYRE_CONSUMER;
	const int64_t wanted = !consumes ? GYRE_OK : w->board->closed ? GYRE_ECLOSED : GYRE_EDIED;

	pthread_join(w->thread, NULL);
	w->has_thread = false;
	if (!hear_complaints(w))
		return false;
	if (w->thread_outcome == wanted ||
		(consumes && w->scene->comes_or_goes && w->thread_outcome == GYRE_ELEFT))
		return true;
	return say(w, STEPKILL_OTHER, "the blocked %s got %s", consumes ? "consumer" : "producer",
		gyre_errname((int)w->thread_outcome));
}

static bool consumer_goes_on(struct world *w)
{
	const struct scene *const scene = w->scene;
	const bool counts = !w->has_thread && scene->first == GYRE_CONSUMER;
	uint64_t before;

	if (w->has_thread && company_role(w) == GYRE_CONSUMER)
		return join_company(w) && drain(w);
	/* If there is room the producer must come free before a successor stirs anything. */
	if (w->has_thread && w->released_seen > w->board_image->received && !join_company(w))
		return false;
	if (w->consumer == NULL && !become(w, GYRE_CONSUMER, 0))
		return false;
	before = w->board->received;
	if (!drain(w) || (w->has_thread && !(join_company(w) && drain(w))))
		return false;
	if (counts && w->board->received - before != w->messages_seen)
		return say(w, STEPKILL_OTHER, "gyre_inspect counted %lu messages, %lu came",
			(unsigned long)w->messages_seen,
			(unsigned long)(w->board->received - before));
	return scene->victim != GYRE_PRODUCER || scene->comes_or_goes || w->board->closed ||
	       w->producer != NULL || be_told(w);
}

static bool producer_goes_on(struct world *w)
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
	if (w->scene->first == GYRE_PRODUCER)
		for (unsigned i = 0; i < FOLLOWERS && outcome == GYRE_OK; i++)
			outcome = send_next(w, 8 + 8 * i, 0);
	return outcome == GYRE_OK || outcome == GYRE_EAGAIN ||
	       say(w, STEPKILL_OTHER, "sending on: %s", gyre_errname(outcome));
}

static bool expect(struct world *w, const char *what, int64_t got, int64_t wanted)
{
	if (got == wanted || got == WRONG_MESSAGE)
		return got == wanted;
	return say(w,
		got == GYRE_EAGAIN || got == GYRE_ETIMEDOUT ? STEPKILL_BLOCKED : STEPKILL_OTHER,
		"going on, message %lu: %s gave %ld (%s)", (unsigned long)w->board->sent, what,
		(long)got, got < 0 ? gyre_errname((int)got) : "bytes");
}

/* One by one; and there is nothing behind. */
static bool pass_singly(struct world *w, size_t bytes)
{
	return expect(w, "send", send_next(w, bytes, 0), GYRE_OK) &&
	       expect(w, "receive", receive_next(w, 0), (int64_t)bytes) &&
	       (receive_next(w, 0) == GYRE_EAGAIN ||
		       say(w, STEPKILL_CORRUPT, "something stands behind the last message"));
}

static bool pass_waiting(struct world *w, size_t bytes)
{
	return expect(w, "send", send_next(w, bytes, 1000 * NS_PER_MS), GYRE_OK) &&
	       expect(w, "receive", receive_next(w, 1000 * NS_PER_MS), (int64_t)bytes);
}

static bool pass_in_place(struct world *w, size_t bytes)
{
	struct gyre_message message;
	void *room;

	write_messages(w, 1, bytes);
	if (!expect(w, "reserve", gyre_ring_reserve(w->producer, bytes, 0, &room), GYRE_OK))
		return false;
	memcpy(room, w->payload, bytes);
	offer(w, 1);
	if (!expect(w, "commit", gyre_ring_commit(w->producer, bytes, w->outgoing[0].tag), GYRE_OK))
		return false;
	acknowledge(w);
	return expect(w, "peek", gyre_ring_peek(w->consumer, 0, &message), GYRE_OK) &&
	       accept(w, &message) &&
	       expect(w, "release", gyre_ring_release(w->consumer, &message), GYRE_OK);
}

static bool pass_batch(struct world *w, size_t bytes)
{
	static unsigned char buffer[2 * MESSAGE_MAX];
	struct gyre_message messages[2];
	int sent, received;

	write_messages(w, 2, bytes);
	offer(w, 2);
	sent = gyre_ring_send_batch(w->producer, w->outgoing, 2, 0);
	if (sent < 1 || sent > 2) /* the second may have met the end of the data area */
		return expect(w, "send_batch", sent, 2);
	offer(w, (unsigned)sent);
	acknowledge(w);
	received = gyre_ring_receive_batch(w->consumer, buffer, sizeof buffer, 0, messages, 2);
	if (!expect(w, "receive_batch", received, sent))
		return false;
	for (int i = 0; i < received; i++)
		if (!accept(w, &messages[i]))
			return false;
	return true;
}

static bool exchange(struct world *w)
{
	static bool (*const pass[])(struct world *, size_t) = {
		pass_waiting, pass_in_place, pass_batch};
	const size_t most = w->options.slot_bytes != 0 ? w->options.slot_bytes : 600;

	for (size_t i = 0; i < FOLLOWERS; i++)
		if (!pass_singly(w, 16 * i))
			return false;
	for (size_t i = 0; i < ROUNDS; i++)
		if (!pass[i % 3](w, i * 37 % (most + 1)))
			return false;
	return true;
}

static bool judge_books(struct world *w)
{
	struct gyre_counters counters[BOTH + 1];
	const struct gyre_counters *const made = &counters[GYRE_PRODUCER];
	const struct gyre_counters *const used = &counters[GYRE_CONSUMER];
	struct gyre_ring_info info;

	if (!look_inside(w, w->consumer, &info, counters))
		return false;
	if (made->messages == w->board->sent && used->messages == made->messages &&
		used->bytes == made->bytes && info.messages == 0)
		return true;
	return say(w, STEPKILL_OTHER,
		"the books: %lu messages of %lu bytes in, %lu of %lu out, %lu there; sent were %lu",
		(unsigned long)made->messages, (unsigned long)made->bytes,
		(unsigned long)used->messages, (unsigned long)used->bytes,
		(unsigned long)info.messages, (unsigned long)w->board->sent);
}

static bool is_gone(struct world *w, const char *after)
{
	struct gyre_ring_info info;
	const int outcome = gyre_inspect(w->ring.key, NULL, &info, NULL, NULL, NULL);

	return outcome == GYRE_ENOTFOUND ||
	       say(w, STEPKILL_OTHER, "the ring is still there after %s: %s", after,
		       gyre_errname(outcome));
}

/* Closed, drained and left by both it goes. */
static bool end(struct world *w)
{
	if (!w->board->closed && !expect(w, "close", gyre_ring_close(w->producer), GYRE_OK))
		return false;
	if (!expect(w, "receive", receive_next(w, 0), GYRE_ECLOSED) || !judge_books(w))
		return false;
	leave(w);
	return is_gone(w, "its end");
}

static bool go_on(struct world *w)
{
	const bool both = w->scene->first == GYRE_CONSUMER
				  ? consumer_goes_on(w) && producer_goes_on(w)
				  : producer_goes_on(w) && consumer_goes_on(w);

	return both && (w->board->closed || exchange(w)) && end(w);
}

static bool clean(struct world *w)
{
	struct gyre_error error = {0};
	const int outcome = gyre_clean(w->ring.key, 0, &error);

	if (outcome != 1)
		return say(w, STEPKILL_OTHER, "gyre_clean: %d %s", outcome, error.what);
	return is_gone(w, "gyre_clean");
}

/* Whatever happened to the name: a new ring can have it. */
static bool begin_anew(struct world *w)
{
	struct gyre_error error = {0};

	memset(w->board, 0, sizeof *w->board);
	if (gyre_ring_open(w->ring.key, GYRE_CONSUMER, &w->options, &w->consumer, &error) !=
			GYRE_OK ||
		gyre_ring_open(w->ring.key, GYRE_PRODUCER, &w->options, &w->producer, &error) !=
			GYRE_OK)
		return say(w, STEPKILL_BLOCKED, "no ring can be made there: %s", error.what);
	return exchange(w) && end(w);
}

/* Names of objects that were being made, in a directory that is the scene's own. */
static bool clean_leftovers(struct world *w)
{
	char parent[KEY_BYTES], key[2 * KEY_BYTES];
	const struct dirent *entry;
	unsigned left = 0, cleaned = 0;
	DIR *directory;

	snprintf(parent, sizeof parent, "%s", w->ring.path);
	*strrchr(parent, '/') = '\0';
	directory = opendir(parent);
	if (directory == NULL)
		return say(w, STEPKILL_OTHER, "%s cannot be read", parent);
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.' && entry->d_name[1] != 'g')
			continue; /* . and .. */
		left++;
		snprintf(key, sizeof key, "file:%s/%s", parent, entry->d_name);
		cleaned += gyre_clean(key, 0, NULL) == 1;
	}
	closedir(directory);
	return left == cleaned ||
	       say(w, STEPKILL_OTHER, "%u names left, %u of them cleaned up", left, cleaned);
}

void world_check(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report)
{
	struct world *const w = world;
	bool there;

	(void)deaths;
	(void)count;
	w->report = report;
	if (!hear_complaints(w) || !judge_landing(w) || !look_from_outside(w, &there))
		return;
	if (there && !(w->scene->stale ? clean(w) : go_on(w)))
		return;
	if (w->scene->file && !clean_leftovers(w))
		return;
	if (w->scene->may_vanish)
		(void)begin_anew(w);
}
