/*
 * The ring's life: create, attach, detach; and the calls that hand over to the kind's table.
 */
#include <inttypes.h>
#include <stdio.h>
#include "clock.h"
#include "ring_private.h"

enum { PATIENCE_NS = 2000000000 }; /* with those who leave or remove a ring */

static const struct gyre_ring_options defaults;

const struct gyre_ring_shape *gyre_ring_shape_of(const struct gyre_header *header)
{
	if (header->kind == GYRE_RING_MPMC)
		return &gyre_shape_mpmc;
	return header->slot_bytes != 0 ? &gyre_shape_slots : &gyre_shape_records;
}

/* ---- Stale rings ---- */

static bool is_stale(const struct gyre_view *view)
{
	return gyre_header_check(&view->map, &(struct gyre_header){0}, NULL) == GYRE_ESTALE ||
	       gyre_is_ended(view);
}

static int make(const struct gyre_key *key, const struct gyre_ring_options *options,
	const struct gyre_header *old, struct gyre_view *ret_held, struct gyre_error *reterr)
{
	struct gyre_header header;
	int outcome = gyre_plan(options, &header, reterr);

	/* A ring to be kept is made as it was, unless the options name something else. */
	if (outcome == GYRE_OK && old != NULL && (old->flags & GYRE_HEADER_KEEP) != 0 &&
		gyre_check_geometry(old, NULL) == GYRE_OK) {
		if (gyre_compare_geometry(old, options, NULL) == GYRE_OK)
			gyre_plan_again(old, &header);
		header.flags |= GYRE_HEADER_KEEP;
	}
	if (outcome == GYRE_OK)
		outcome = gyre_make(key, &options->permissions, &header, ret_held, reterr);
	return outcome;
}

/*
 * Make the ring, or find out that a usable one is there. 0: made, and held if ret_held is not NULL.
 * 1: is there, with its header in *ret_header. GYRE_EAGAIN: it changed under us, try again.
 */
static int make_or_find(const struct gyre_key *key, const struct gyre_ring_options *options,
	struct gyre_header *ret_header, struct gyre_view *ret_held, struct gyre_error *reterr)
{
	struct gyre_view view;
	int outcome = gyre_view_open(key, GYRE_READ_WRITE, &options->permissions, &view, reterr);

	if (outcome == GYRE_ENOTFOUND) {
		outcome = make(key, options, NULL, ret_held, reterr);
		return outcome == GYRE_EEXIST ? GYRE_EAGAIN : outcome;
	}
	if (outcome != GYRE_OK && outcome != GYRE_ESTALE)
		return outcome;
	*ret_header = view.header;
	if (outcome == GYRE_OK)
		outcome = gyre_check_geometry(&view.header, reterr);
	if (outcome == GYRE_OK && !gyre_is_ended(&view)) {
		gyre_view_close(&view);
		return 1;
	}
	if (outcome == GYRE_OK || outcome == GYRE_ESTALE) {
		const struct gyre_header old = view.header;

		outcome = gyre_remove_if(key, &view, is_stale, reterr);
		if (outcome == 0) /* somebody is still attached, or removes it just now */
			outcome = GYRE_EBUSY;
		else if (outcome == 1)
			outcome = make(key, options, &old, ret_held, reterr);
	}
	gyre_view_close(&view);
	return outcome == GYRE_EEXIST ? GYRE_EAGAIN : outcome;
}

/* Those who are about to leave a drained ring need a moment. */
static int make_or_find_patiently(const struct gyre_key *key,
	const struct gyre_ring_options *options, struct gyre_header *ret_header,
	struct gyre_view *ret_held, struct gyre_error *reterr)
{
	const uint64_t deadline = gyre_deadline(PATIENCE_NS);

	for (;;) {
		const int outcome = make_or_find(key, options, ret_header, ret_held, reterr);

		if (outcome != GYRE_EAGAIN && outcome != GYRE_EBUSY)
			return outcome;
		if (gyre_now_ns() > deadline)
			return gyre_fail(reterr, GYRE_EBUSY,
				"the ring is closed and drained, but somebody is still attached to "
				"it: end that one (gyre info names it), or use another key");
		gyre_nap(1000000);
	}
}

int gyre_ring_create(
	const char *key_text, const struct gyre_ring_options *options, struct gyre_error *reterr)
{
	struct gyre_header header;
	struct gyre_key key;
	int outcome = gyre_key_parse(key_text, &key, reterr);

	if (options == NULL)
		options = &defaults;
	if (outcome == GYRE_OK)
		outcome = gyre_plan(options, &header, reterr); /* bad options, before anything */
	if (outcome == GYRE_OK)
		outcome = make_or_find_patiently(&key, options, &header, NULL, reterr);
	if (outcome == 1) {
		outcome = gyre_compare_geometry(&header, options, reterr);
		return outcome == GYRE_OK ? 1 : outcome;
	}
	return outcome;
}

int gyre_ring_unlink(const char *key_text, struct gyre_error *reterr)
{
	struct gyre_view view;
	struct gyre_key key;
	int outcome = gyre_key_parse(key_text, &key, reterr);

	if (outcome != GYRE_OK)
		return outcome;
	outcome = gyre_view_open(&key, GYRE_READ_ONLY, &gyre_permissions_any, &view, reterr);
	if (outcome == GYRE_OK || outcome == GYRE_ESTALE) {
		outcome = view.map.backend->unlink(&key, &view.map, reterr);
		gyre_view_close(&view);
	}
	return outcome;
}

/* ---- Attach ---- */

static void seat_range(
	const struct gyre_header *header, uint32_t role, unsigned *ret_first, unsigned *ret_end)
{
	*ret_first = role == GYRE_PRODUCER ? 0 : header->producers_max;
	*ret_end = role == GYRE_PRODUCER ? header->producers_max
					 : header->producers_max + header->consumers_max;
}

static void settle(const struct gyre_view *view, unsigned number)
{
	gyre_ring_shape_of(&view->header)->settle(view, number);
}

/* Nothing goes the quick way: there may be no ring any more. */
static void disarm(struct gyre_ring_hot_ *hot)
{
	hot->at = (uint8_t *)&hot->nothing;
	hot->room = hot->armed = 0;
	hot->expect = GYRE_EXPECT_NOTHING_;
	hot->align = 8;
	hot->stride = 0;
}

static void poison(struct gyre_attachment *attachment)
{
	struct gyre_ring *r = (struct gyre_ring *)(void *)((char *)attachment -
							   offsetof(struct gyre_ring, attachment));

	disarm(&r->hot);
	r->producer = &gyre_no_producer;
	r->consumer = &gyre_no_consumer;
}

static void start(struct gyre_ring *r, enum gyre_role role, const struct gyre_ring_options *options)
{
	const struct gyre_view *view = &r->attachment.view;
	const struct gyre_ring_shape *shape = gyre_ring_shape_of(&view->header);
	struct gyre_shared_page *shared = gyre_shared_page(view);
	struct gyre_cursor_page *consumer_page =
		(struct gyre_cursor_page *)(void *)gyre_view_at(view, GYRE_CONSUMER_PAGE_OFFSET);

	r->producer = role == GYRE_PRODUCER ? shape->producer : &gyre_no_producer;
	r->consumer = role == GYRE_CONSUMER ? shape->consumer : &gyre_no_consumer;
	r->seat = r->attachment.seat;
	r->head_shown = &consumer_page->cursor;
	r->sleep = role == GYRE_CONSUMER ? &shared->consumers : &shared->producers;
	r->wake = role == GYRE_CONSUMER ? &shared->producers : &shared->consumers;
	r->hot.wake_word = (const uint32_t *)(const void *)&r->wake->word;
	r->fence = view->header.wake == GYRE_WAKE_FENCE || !r->attachment.membarrier;
	r->options_flags = options->flags;
	r->no_spin = (options->flags & GYRE_RING_NO_SPIN) != 0;
	gyre_wait_start(r);
	disarm(&r->hot);
	shape->resume(r);
}

static int attach(const struct gyre_key *key, int fd, enum gyre_role role,
	const struct gyre_ring_options *options, struct gyre_ring **ret_ring,
	struct gyre_error *reterr)
{
	const struct gyre_ring_options *o = options != NULL ? options : &defaults;
	const struct gyre_attach_request request = {
		.key = key,
		.fd = fd,
		.role = role,
		.name = o->name,
		.permissions = &o->permissions,
		.seat_range = seat_range,
		.settle = settle,
		.check = gyre_check_geometry,
	};
	struct gyre_ring *r;
	int outcome;

	if (role != GYRE_PRODUCER && role != GYRE_CONSUMER)
		return gyre_fail(reterr, GYRE_EINVAL,
			"role %d is not known: GYRE_PRODUCER or GYRE_CONSUMER", (int)role);
	outcome = gyre_check_options(o, reterr);
	if (outcome != GYRE_OK)
		return outcome;
	r = gyre_handle_alloc(sizeof *r);
	if (r == NULL)
		return gyre_fail_os(reterr, GYRE_ENORES, "no memory for a ring handle");
	r->attachment.poison = poison;
	outcome = gyre_attach(&request, &r->attachment, reterr);
	if (outcome != GYRE_OK) {
		gyre_handle_free(r);
		return outcome;
	}
	if (key != NULL)
		gyre_key_print(key, r->key_text, sizeof r->key_text);
	start(r, role, o);
	*ret_ring = r;
	return GYRE_OK;
}

int gyre_ring_attach(const char *key_text, enum gyre_role role,
	const struct gyre_ring_options *options, struct gyre_ring **ret_ring,
	struct gyre_error *reterr)
{
	struct gyre_key key;
	const int outcome = gyre_key_parse(key_text, &key, reterr);

	return outcome != GYRE_OK ? outcome : attach(&key, -1, role, options, ret_ring, reterr);
}

int gyre_ring_attach_fd(int fd, enum gyre_role role, const struct gyre_ring_options *options,
	struct gyre_ring **ret_ring, struct gyre_error *reterr)
{
	return attach(NULL, fd, role, options, ret_ring, reterr);
}

static bool is_finished(const struct gyre_view *view)
{
	return gyre_is_ended(view) && (view->header.flags & GYRE_HEADER_KEEP) == 0;
}

int gyre_ring_open(const char *key_text, enum gyre_role role,
	const struct gyre_ring_options *options, struct gyre_ring **ret_ring,
	struct gyre_error *reterr)
{
	const struct gyre_ring_options *o = options != NULL ? options : &defaults;
	const uint64_t deadline = gyre_deadline(PATIENCE_NS);
	struct gyre_header header;
	struct gyre_view held;
	struct gyre_key key;
	int outcome = gyre_key_parse(key_text, &key, reterr);

	if (outcome != GYRE_OK)
		return outcome;
	do {
		const int found = make_or_find_patiently(&key, o, &header, &held, reterr);

		if (found < 0)
			return found;
		outcome = attach(&key, -1, role, o, ret_ring, reterr);
		if (found == 0) /* until here nobody who cleans up could take it away */
			gyre_let_go(&key, &held, is_finished);
	} while (outcome == GYRE_ENOTFOUND && gyre_now_ns() <= deadline);
	if (outcome == GYRE_ENOTFOUND)
		return gyre_fail(reterr, GYRE_EBUSY,
			"for 2 s the ring has been removed whenever it was there: find out who does "
			"that (gyre rm, gyre clean --force), or use another key");
	return outcome;
}

void gyre_ring_detach(struct gyre_ring *r)
{
	if (r == NULL)
		return;
	if (!r->attachment.poisoned) {
		const struct gyre_ring_shape *shape =
			gyre_ring_shape_of(&r->attachment.view.header);

		r->producer->discard(r); /* refuses where nothing is reserved */
		shape->give_back(r);
		gyre_leave(&r->attachment);
		shape->left(r);
	}
	gyre_detach(&r->attachment, is_finished);
	gyre_handle_free(r);
}

size_t gyre_ring_message_bytes_max(const struct gyre_ring *r)
{
	return r->hot.message_bytes_max;
}

const char *gyre_ring_key(const struct gyre_ring *r)
{
	return r->key_text;
}

int gyre_ring_fd(const struct gyre_ring *r)
{
	return r->attachment.view.map.fd;
}

/* ---- Moving messages ---- */

int gyre_ring_reserve(struct gyre_ring *r, size_t bytes_max, int64_t timeout_ns, void **ret_data)
{
	return r->producer->reserve(r, bytes_max, timeout_ns, ret_data);
}

int gyre_ring_commit(struct gyre_ring *r, size_t bytes_used, uint32_t tag)
{
	return r->producer->commit(r, bytes_used, tag);
}

int gyre_ring_discard(struct gyre_ring *r)
{
	return r->producer->discard(r);
}

int gyre_ring_send(
	struct gyre_ring *r, const void *data, size_t bytes, uint32_t tag, int64_t timeout_ns)
{
	return r->producer->send(r, data, bytes, tag, timeout_ns);
}

int gyre_ring_send_batch(struct gyre_ring *r, const struct gyre_message *messages, unsigned count,
	int64_t timeout_ns)
{
	return r->producer->send_batch(r, messages, count, timeout_ns);
}

int gyre_ring_close(struct gyre_ring *r)
{
	return r->producer->close(r);
}

int gyre_ring_peek(struct gyre_ring *r, int64_t timeout_ns, struct gyre_message *ret_message)
{
	const int found = r->consumer->peek(r, timeout_ns, ret_message, 1);

	return found > 0 ? GYRE_OK : found;
}

int gyre_ring_peek_batch(
	struct gyre_ring *r, int64_t timeout_ns, struct gyre_message *ret_messages, unsigned count)
{
	return r->consumer->peek(r, timeout_ns, ret_messages, count);
}

int gyre_ring_release(struct gyre_ring *r, const struct gyre_message *message)
{
	return r->consumer->release(r, message, 1);
}

int gyre_ring_release_batch(struct gyre_ring *r, unsigned count)
{
	return r->consumer->release(r, NULL, count);
}

int64_t gyre_ring_receive(struct gyre_ring *r, void *buffer, size_t buffer_bytes,
	int64_t timeout_ns, struct gyre_message *ret_message)
{
	return r->consumer->receive(r, buffer, buffer_bytes, timeout_ns, ret_message);
}

int gyre_ring_receive_batch(struct gyre_ring *r, void *buffer, size_t buffer_bytes,
	int64_t timeout_ns, struct gyre_message *ret_messages, unsigned count)
{
	return r->consumer->receive_batch(r, buffer, buffer_bytes, timeout_ns, ret_messages, count);
}
