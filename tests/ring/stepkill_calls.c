/*
 * Victims: what is prepared at full speed, and the one call that is stepped through. A call notes
 * on the board what it is about to do, and what it has done.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "stepkill_ring.h"

/* A victim that cannot even begin. */
static _Noreturn void give_up(void)
{
	_exit(1);
}

static unsigned batch_of(const struct scene *scene)
{
	return scene->batch != 0 ? scene->batch : scene->count;
}

/* ---- Producers ---- */

void prepare_producer(void *world)
{
	struct world *const w = world;
	const struct scene *const scene = w->scene;

	if (!become(w, GYRE_PRODUCER, 0))
		give_up();
	for (unsigned i = 0; i < scene->before; i++)
		if (send_next(w, scene->bytes, 0) != GYRE_OK)
			give_up();
	write_messages(
		w, scene->batch != 0 || scene->count != 0 ? batch_of(scene) : 1, scene->bytes);
}

void prepare_reserved(void *world)
{
	struct world *const w = world;

	prepare_producer(w);
	set_reservation(w, RESERVATION_ASKED, 0);
	if (gyre_ring_reserve(w->producer, w->scene->bytes, 0, &w->room) != GYRE_OK)
		give_up();
	set_reservation(w, RESERVATION_OPEN, 0);
}

void call_send(void *world)
{
	struct world *const w = world;
	const struct gyre_message *const m = &w->outgoing[0];
	int outcome;

	offer(w, 1);
	outcome = gyre_ring_send(w->producer, m->data, m->bytes, m->tag, w->scene->timeout_ns);
	if (outcome == GYRE_OK)
		acknowledge(w);
	else if (outcome == GYRE_ETIMEDOUT && w->scene->beginning.full)
		offer(w, 0); /* the room it waited for did not come */
	else
		say(w, STEPKILL_BLOCKED, "a victim's send: %s", gyre_errname(outcome));
}

void call_send_batch(void *world)
{
	struct world *const w = world;
	const unsigned asked = batch_of(w->scene);
	int outcome;

	offer(w, w->scene->count);
	outcome = gyre_ring_send_batch(w->producer, w->outgoing, asked, w->scene->timeout_ns);
	if (outcome == (int)w->scene->count)
		acknowledge(w);
	else
		say(w, STEPKILL_BLOCKED, "a victim's batch of %u: %d sent, not %u", asked, outcome,
			w->scene->count);
}

static bool ask_for_room(struct world *w)
{
	const struct scene *const scene = w->scene;
	const size_t most = scene->reserved_bytes != 0 ? scene->reserved_bytes : scene->bytes;
	int outcome;

	set_reservation(w, RESERVATION_ASKED, 0);
	outcome = gyre_ring_reserve(w->producer, most, scene->timeout_ns, &w->room);
	if (outcome != GYRE_OK)
		return say(w, STEPKILL_BLOCKED, "a victim's reserve: %s", gyre_errname(outcome));
	set_reservation(w, RESERVATION_OPEN, 0);
	return true;
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
	offer(w, 1);
	set_reservation(w, RESERVATION_COMMITTED, 0);
	outcome = gyre_ring_commit(w->producer, m->bytes, m->tag);
	if (outcome != GYRE_OK) {
		say(w, STEPKILL_OTHER, "a victim's commit: %s", gyre_errname(outcome));
		return;
	}
	acknowledge(w);
	set_reservation(w, RESERVATION_NONE, 0);
}

void call_reserve_discard(void *world)
{
	struct world *const w = world;

	if (!ask_for_room(w))
		return;
	memset(w->room, 0xff, w->scene->bytes);
	if (gyre_ring_discard(w->producer) == GYRE_OK)
		set_reservation(w, RESERVATION_NONE, 1);
	else
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

void prepare_consumer(void *world)
{
	struct world *const w = world;

	if (!become(w, GYRE_CONSUMER, 0))
		give_up();
	for (unsigned i = 0; i < w->scene->before; i++)
		if (receive_next(w, 0) < 0)
			give_up();
	/* Whoever made the beginning left: that is told once, where nothing waits. */
	if (w->scene->timeout_ns != 0 && w->board->sent == w->board->received)
		(void)receive_next(w, 0);
	w->board->landed_after = w->board->received;
}

void prepare_holding(void *world)
{
	struct world *const w = world;

	prepare_consumer(w);
	if (gyre_ring_peek_batch(w->consumer, 0, w->held, w->scene->count) != (int)w->scene->count)
		give_up();
}

void prepare_ended(void *world)
{
	struct world *const w = world;

	prepare_consumer(w);
	if (receive_next(w, 0) != GYRE_ECLOSED)
		give_up();
}

/* So many messages are about to be released. */
static void take(struct world *w, unsigned count)
{
	w->board->taken = w->board->received + count;
}

/* Nothing came: that is well where nothing had to be there. */
static void land_nothing(struct world *w, int64_t outcome)
{
	struct board *const b = w->board;
	const uint64_t received = b->received;
	const bool ended = outcome == GYRE_ECLOSED && b->closing != 0;

	b->taken = received;
	if (b->sent > received)
		say(w, STEPKILL_LOST, "a victim received nothing (%s) though %lu were sent",
			gyre_errname((int)outcome), (unsigned long)b->sent);
	else if (!ended && outcome != GYRE_EAGAIN && outcome != GYRE_ETIMEDOUT &&
		 outcome != GYRE_ELEFT && outcome != GYRE_EDIED)
		say(w, STEPKILL_OTHER, "a victim received: %s", gyre_errname((int)outcome));
}

/* So many were released, and lie on the board. */
static void land(struct world *w, int64_t outcome)
{
	struct board *const b = w->board;
	const uint64_t taken = b->taken;

	if (outcome <= 0) {
		land_nothing(w, outcome);
		return;
	}
	b->landed = (uint32_t)outcome;
	b->received = taken;
}

void call_receive(void *world)
{
	struct world *const w = world;
	struct board *const b = w->board;
	int64_t outcome;

	take(w, 1);
	outcome = gyre_ring_receive(
		w->consumer, b->landing, sizeof b->landing, w->scene->timeout_ns, &b->messages[0]);
	land(w, outcome >= 0 ? 1 : outcome);
}

void call_receive_batch(void *world)
{
	struct world *const w = world;
	struct board *const b = w->board;
	int outcome;

	take(w, w->scene->count);
	outcome = gyre_ring_receive_batch(w->consumer, b->landing, sizeof b->landing,
		w->scene->timeout_ns, b->messages, batch_of(w->scene));
	if (outcome > 0 && outcome != (int)w->scene->count)
		say(w, STEPKILL_OTHER, "a victim received %d of %u", outcome, w->scene->count);
	land(w, outcome);
}

void call_drain(void *world)
{
	struct world *const w = world;
	int64_t outcome;

	do {
		take(w, 1);
		outcome = receive_next(w, w->scene->timeout_ns);
	} while (outcome >= 0);
	if (outcome != WRONG_MESSAGE)
		land_nothing(w, outcome);
}

void call_peek(void *world)
{
	struct world *const w = world;
	const int outcome = gyre_ring_peek(w->consumer, w->scene->timeout_ns, &w->held[0]);

	if (outcome != GYRE_OK)
		say(w, STEPKILL_LOST, "a victim's peek: %s", gyre_errname(outcome));
}

/* Their content, to be judged by others once they are released. */
static void put_on_board(struct world *w, unsigned count)
{
	struct board *const b = w->board;

	for (unsigned i = 0; i < count; i++) {
		unsigned char *const at = b->landing + (size_t)i * MESSAGE_MAX;

		memcpy(at, w->held[i].data, w->held[i].bytes);
		b->messages[i] = w->held[i];
		b->messages[i].data = at;
	}
}

void call_peek_release(void *world)
{
	struct world *const w = world;
	int outcome = gyre_ring_peek(w->consumer, w->scene->timeout_ns, &w->held[0]);

	if (outcome == GYRE_OK) {
		put_on_board(w, 1);
		take(w, 1);
		outcome = gyre_ring_release(w->consumer, &w->held[0]);
	}
	land(w, outcome == GYRE_OK ? 1 : outcome);
}

void call_peek_release_batch(void *world)
{
	struct world *const w = world;
	const unsigned count = w->scene->count;
	int outcome = gyre_ring_peek_batch(w->consumer, w->scene->timeout_ns, w->held, count);

	if (outcome == (int)count) {
		put_on_board(w, count);
		take(w, count);
		outcome = gyre_ring_release_batch(w->consumer, count);
	} else if (outcome > 0) {
		say(w, STEPKILL_OTHER, "a victim peeked %d of %u", outcome, count);
	}
	land(w, outcome == GYRE_OK ? (int)count : outcome);
}

/* ---- Coming and going ---- */

static void note_attach(struct world *w, int outcome, const struct gyre_error *error)
{
	if (outcome == GYRE_EBUSY || outcome == GYRE_ESUSPECT)
		say(w, STEPKILL_BLOCKED, "a victim's attach: %s", error->what);
	else if (outcome != GYRE_OK)
		say(w, STEPKILL_OTHER, "a victim's attach: %s", error->what);
}

void call_attach_producer(void *world)
{
	struct world *const w = world;
	struct gyre_error error = {0};

	note_attach(w, gyre_ring_attach(w->ring.key, GYRE_PRODUCER, NULL, &w->producer, &error),
		&error);
}

void call_attach_consumer(void *world)
{
	struct world *const w = world;
	struct gyre_error error = {0};

	note_attach(w, gyre_ring_attach(w->ring.key, GYRE_CONSUMER, NULL, &w->consumer, &error),
		&error);
}

void call_attach_fd(void *world)
{
	struct world *const w = world;
	struct gyre_error error = {0};

	note_attach(w, gyre_ring_attach_fd(w->ring.fd, GYRE_CONSUMER, NULL, &w->consumer, &error),
		&error);
}

void call_detach(void *world)
{
	leave(world);
}

/* ---- The name ---- */

void prepare_named(void *world)
{
	(void)world;
	/* Where this is not allowed the creation goes its ordinary way. */
	(void)fail_syscall(SYS_openat, 2, O_TMPFILE, EOPNOTSUPP);
}

static void note(struct world *w, const char *what, int outcome, const struct gyre_error *error)
{
	if (outcome < 0)
		say(w, STEPKILL_OTHER, "a victim's %s: %s", what, error->what);
}

void call_create(void *world)
{
	struct world *const w = world;
	struct gyre_error error = {0};

	note(w, "create", gyre_ring_create(w->ring.key, &w->options, &error), &error);
}

void call_open(void *world)
{
	struct world *const w = world;
	struct gyre_error error = {0};

	note(w, "open",
		gyre_ring_open(w->ring.key, GYRE_PRODUCER, &w->options, &w->producer, &error),
		&error);
}

void call_unlink(void *world)
{
	struct world *const w = world;
	struct gyre_error error = {0};

	note(w, "unlink", gyre_ring_unlink(w->ring.key, &error), &error);
}

void call_clean(void *world)
{
	struct world *const w = world;
	struct gyre_error error = {0};

	note(w, "clean", gyre_clean(w->ring.key, 0, &error), &error);
}

void call_inspect(void *world)
{
	struct world *const w = world;
	struct gyre_participant seats[2];
	struct gyre_error error = {0};
	struct gyre_ring_info info;
	unsigned count = 2;

	note(w, "inspect", gyre_inspect(w->ring.key, NULL, &info, seats, &count, &error), &error);
}

static int count_one(void *context, const struct gyre_ring_info *info)
{
	(void)info;
	*(unsigned *)context += 1;
	return 0;
}

void call_list(void *world)
{
	struct world *const w = world;
	struct gyre_error error = {0};
	unsigned hidden, count = 0;

	note(w, "list", gyre_list(count_one, &count, &hidden, &error), &error);
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
		for (unsigned i = 0; i < 8 && outcome >= 0; i++)
			outcome = receive_next(w, 0);
	leave(w);
}
