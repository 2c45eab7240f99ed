/*
 * Victims: what is prepared at full speed, and the one call that is stepped through. A call marks
 * on the board what it is about to do, and what it has done.
 */
#include <string.h>
#include <unistd.h>
#include "stepkill_mpmc.h"

/* A victim that cannot even begin. */
static _Noreturn void give_up(void)
{
	_exit(1);
}

static unsigned count_of(const struct world *w)
{
	return w->scene->count != 0 ? w->scene->count : 1;
}

/* ---- Producers ---- */

void prepare_producer(void *world)
{
	struct world *const w = world;

	if (!become(w, GYRE_PRODUCER, 0))
		give_up();
	for (unsigned i = 0; i < w->scene->before; i++)
		if (send_next(w, w->scene->bytes, 0) != GYRE_OK)
			give_up();
	write_messages(w, count_of(w), w->scene->bytes);
}

static bool ask_for_room(struct world *w)
{
	const struct scene *const scene = w->scene;
	const size_t most = scene->reserved_bytes != 0 ? scene->reserved_bytes : scene->bytes;
	int outcome;

	w->board->aborted_most++;
	outcome = gyre_ring_reserve(w->producer, most, scene->timeout_ns, &w->room);
	if (outcome != GYRE_OK)
		return say(w, STEPKILL_BLOCKED, "a victim's reserve: %s", gyre_errname(outcome));
	w->board->aborted_least++;
	return true;
}

void prepare_reserved(void *world)
{
	prepare_producer(world);
	if (!ask_for_room(world))
		give_up();
}

void call_send(void *world)
{
	struct world *const w = world;
	const struct gyre_message *const m = &w->outgoing[0];
	int outcome;

	offer(w, 1);
	outcome = gyre_ring_send(w->producer, m->data, m->bytes, m->tag, w->scene->timeout_ns);
	if (outcome == GYRE_OK) {
		acknowledge(w, 1);
		return;
	}
	withdraw(w, 0, 1);
	w->board->aborted_most--;
	if ((outcome != GYRE_ETIMEDOUT && outcome != GYRE_EAGAIN) || !w->scene->may_find_no_room)
		say(w, STEPKILL_BLOCKED, "a victim's send: %s", gyre_errname(outcome));
}

void call_send_batch(void *world)
{
	struct world *const w = world;
	const unsigned count = count_of(w);
	int outcome;

	offer(w, count);
	outcome = gyre_ring_send_batch(w->producer, w->outgoing, count, w->scene->timeout_ns);
	if (outcome == (int)count)
		acknowledge(w, count);
	else
		say(w, STEPKILL_BLOCKED, "a victim's batch of %u: %d sent", count, outcome);
}

void call_reserve(void *world)
{
	(void)ask_for_room(world);
}

void call_reserve_commit(void *world)
{
	struct world *const w = world;
	const struct gyre_message *const m = &w->outgoing[0];
	int outcome;

	if (!ask_for_room(w))
		return;
	memcpy(w->room, m->data, m->bytes);
	mark(w, m->tag, OFFERED);
	w->board->aborted_least--;
	outcome = gyre_ring_commit(w->producer, m->bytes, m->tag);
	if (outcome == GYRE_OK)
		acknowledge(w, 1);
	else
		say(w, STEPKILL_OTHER, "a victim's commit: %s", gyre_errname(outcome));
}

void call_reserve_discard(void *world)
{
	struct world *const w = world;

	if (!ask_for_room(w))
		return;
	memset(w->room, 0xff, w->scene->bytes);
	if (gyre_ring_discard(w->producer) != GYRE_OK)
		say(w, STEPKILL_OTHER, "a victim's discard failed");
}

void call_close(void *world)
{
	struct world *const w = world;
	int outcome;

	w->board->closing = 1;
	outcome = gyre_ring_close(w->producer);
	if (outcome == GYRE_OK)
		w->board->closed = 1;
	else
		say(w, STEPKILL_OTHER, "a victim's close: %s", gyre_errname(outcome));
}

/* ---- Consumers ---- */

static struct landing *next_landing(struct board *b)
{
	const uint32_t used = b->landings_used++;

	return &b->landings[used % LANDINGS];
}

void prepare_consumer(void *world)
{
	struct world *const w = world;

	if (!become(w, GYRE_CONSUMER, 0))
		give_up();
	for (unsigned i = 0; i < w->scene->before; i++)
		if (receive_next(w, &w->consumer, 0) < 0)
			give_up();
	/* Whoever made the beginning left: that is told once, where nothing waits. */
	if (w->scene->timeout_ns != 0 && count_outstanding(w) == 0)
		(void)receive_next(w, &w->consumer, 0);
	w->landing = next_landing(w->board);
}

static bool judge_held(struct world *w, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!accept(w, &w->consumer, &w->held[i]))
			return false;
	return true;
}

static bool release_held(struct world *w, unsigned i)
{
	const struct gyre_message m = w->held[i];
	int outcome;

	mark(w, m.tag, RELEASING);
	outcome = gyre_ring_release(w->consumer.ring, &m);
	if (outcome != GYRE_OK)
		return say(w, STEPKILL_OTHER, "a victim's release: %s", gyre_errname(outcome));
	mark(w, m.tag, RELEASED);
	return true;
}

void prepare_holding(void *world)
{
	struct world *const w = world;
	const unsigned count = count_of(w);

	prepare_consumer(w);
	if (gyre_ring_peek_batch(w->consumer.ring, 0, w->held, count) != (int)count ||
		!judge_held(w, count))
		give_up();
	for (unsigned i = 0; i < w->scene->released; i++)
		if (!release_held(w, 2 * i))
			give_up();
}

/* Nothing came: that is well where nothing had to be there. */
static void find_nothing(struct world *w, int64_t outcome)
{
	const bool ended = outcome == GYRE_ECLOSED && w->board->closing != 0;

	if (!w->scene->may_find_nothing)
		say(w, STEPKILL_LOST, "a victim received nothing: %s", gyre_errname((int)outcome));
	else if (!ended && outcome != GYRE_EAGAIN && outcome != GYRE_ETIMEDOUT &&
		 outcome != GYRE_ELEFT && outcome != GYRE_EDIED)
		say(w, STEPKILL_OTHER, "a victim received: %s", gyre_errname((int)outcome));
}

void call_receive(void *world)
{
	struct world *const w = world;
	struct landing *const l = w->landing;
	const int64_t outcome = gyre_ring_receive(
		w->consumer.ring, l->bytes, sizeof l->bytes, w->scene->timeout_ns, &l->messages[0]);

	if (outcome >= 0)
		l->received = 1;
	else
		find_nothing(w, outcome);
}

void call_receive_batch(void *world)
{
	struct world *const w = world;
	struct landing *const l = w->landing;
	const int outcome = gyre_ring_receive_batch(w->consumer.ring, l->bytes, sizeof l->bytes,
		w->scene->timeout_ns, l->messages, count_of(w));

	if (outcome > 0)
		l->received = (uint32_t)outcome;
	if (outcome <= 0)
		find_nothing(w, outcome);
	else if (outcome != (int)count_of(w))
		say(w, STEPKILL_OTHER, "a victim received %d of %u", outcome, count_of(w));
}

/* A copy a call: what has come is judged, and forgotten. */
static bool drain_one(struct world *w, int64_t *ret_outcome)
{
	struct gyre_message message;
	unsigned char buffer[MESSAGE_MAX];
	const int64_t outcome = gyre_ring_peek(w->consumer.ring, w->scene->timeout_ns, &message);

	*ret_outcome = outcome;
	if (outcome != GYRE_OK || !accept(w, &w->consumer, &message))
		return false;
	memcpy(buffer, message.data, message.bytes);
	w->held[0] = message;
	return release_held(w, 0);
}

void call_drain(void *world)
{
	struct world *const w = world;
	int64_t outcome;

	while (drain_one(w, &outcome))
		;
	if (outcome != GYRE_OK)
		find_nothing(w, outcome);
}

/* How many are in hand, and were judged. */
static unsigned peek(struct world *w)
{
	const unsigned count = count_of(w);
	const int outcome =
		gyre_ring_peek_batch(w->consumer.ring, w->scene->timeout_ns, w->held, count);

	if (outcome <= 0) {
		find_nothing(w, outcome);
		return 0;
	}
	if (outcome != (int)count && !w->scene->may_find_nothing)
		say(w, STEPKILL_OTHER, "a victim peeked %d of %u", outcome, count);
	return judge_held(w, (unsigned)outcome) ? (unsigned)outcome : 0;
}

void call_peek(void *world)
{
	(void)peek(world);
}

void call_peek_release(void *world)
{
	struct world *const w = world;
	unsigned left = peek(w);

	while (left > 0 && release_held(w, left - 1))
		left--;
}

void call_peek_release_batch(void *world)
{
	struct world *const w = world;
	const unsigned count = peek(w);
	int outcome;

	for (unsigned i = 0; i < count; i++)
		mark(w, w->held[i].tag, RELEASING);
	outcome = gyre_ring_release_batch(w->consumer.ring, count);
	if (outcome != GYRE_OK)
		say(w, STEPKILL_OTHER, "a victim's release_batch: %s", gyre_errname(outcome));
	for (unsigned i = 0; i < count; i++)
		mark(w, w->held[i].tag, RELEASED);
}

/* ---- Coming and going ---- */

static void attach_as(struct world *w, enum gyre_role role, struct gyre_ring **ret_ring)
{
	struct gyre_error error = {0};
	const int outcome = gyre_ring_attach(w->ring.key, role, NULL, ret_ring, &error);

	if (outcome != GYRE_OK)
		say(w,
			outcome == GYRE_EBUSY || outcome == GYRE_ENORES ? STEPKILL_BLOCKED
									: STEPKILL_OTHER,
			"a victim's attach: %s", error.what);
}

void call_attach_producer(void *world)
{
	struct world *const w = world;

	attach_as(w, GYRE_PRODUCER, &w->producer);
}

void call_attach_consumer(void *world)
{
	struct world *const w = world;

	attach_as(w, GYRE_CONSUMER, &w->consumer.ring);
}

void call_detach(void *world)
{
	leave(world);
}

/* ---- Without taking part ---- */

void call_repair(void *world)
{
	struct world *const w = world;
	struct gyre_error error = {0};

	if (gyre_repair(w->ring.key, &error) < 0)
		say(w, STEPKILL_OTHER, "a victim's repair: %s", error.what);
}

void call_inspect(void *world)
{
	struct world *const w = world;
	struct gyre_participant seats[2 * SEATS];
	struct gyre_error error = {0};
	struct gyre_ring_info info;
	unsigned count = 2 * SEATS;

	if (gyre_inspect(w->ring.key, NULL, &info, seats, &count, &error) != GYRE_OK)
		say(w, STEPKILL_OTHER, "a victim's inspect: %s", error.what);
}

/* ---- Wakers ---- */

void wake_by_sending(void *world)
{
	struct world *const w = world;

	if (become(w, GYRE_PRODUCER, 0))
		(void)send_next(w, w->scene->bytes, 0);
	leave(w);
}

void wake_by_receiving(void *world)
{
	struct world *const w = world;
	int64_t outcome = 0;

	if (become(w, GYRE_CONSUMER, 0))
		for (unsigned i = 0; i < CELLS / 2 && outcome >= 0; i++)
			outcome = receive_next(w, &w->consumer, 0);
	leave(w);
}
