/*
 * Looking at rings from outside: read-only mappings, no lock that anyone waits for.
 */
#include <inttypes.h>
#include <stdio.h>
#include "gyre_inspect.h"
#include "lockbyte.h"
#include "ring_private.h"

/* ---- One seat ---- */

static uint32_t public_liveness(const struct gyre_view *view, unsigned number, uint32_t state)
{
	/* The kernel does not count a lock as held against its own holder. */
	if (state == GYRE_SEAT_LIVE && gyre_attached_here(&view->map, number) && view->map.writable)
		return GYRE_LIFE_ALIVE;
	switch (gyre_seat_life(view, number)) {
	case GYRE_SEAT_IS_ALIVE:
		return GYRE_LIFE_ALIVE;
	case GYRE_SEAT_IS_DEAD:
		return GYRE_LIFE_DEAD;
	case GYRE_SEAT_IS_SUSPECT:
		return GYRE_LIFE_SUSPECT;
	default:
		return state == GYRE_SEAT_DIED   ? GYRE_LIFE_DEAD
		       : state == GYRE_SEAT_LEFT ? GYRE_LIFE_LEFT
						 : GYRE_LIFE_NONE;
	}
}

static uint64_t load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void fill_participant(const struct gyre_view *view, unsigned number,
	const struct gyre_hold *hold, struct gyre_participant *ret)
{
	const struct gyre_seat *seat = gyre_seat_at(view, number);
	const uint32_t word = atomic_load_explicit(&seat->state, memory_order_acquire);

	memset(ret, 0, sizeof *ret);
	ret->slot = number;
	ret->role = number < view->header.producers_max ? GYRE_PRODUCER : GYRE_CONSUMER;
	ret->liveness = public_liveness(view, number, (uint32_t)gyre_seat_state_of(word));
	ret->pid = atomic_load_explicit(&seat->pid, memory_order_relaxed);
	ret->start_ticks = load(&seat->start_ticks);
	ret->pid_namespace = load(&seat->pid_namespace);
	ret->attached_ns = load(&seat->attached_ns);
	ret->generation = gyre_seat_generation_of(word);
	gyre_seat_name(seat, ret->name);
	gyre_ring_shape_of(&view->header)->count(view, number, &ret->counters);
	ret->counters.stalls = load(&seat->stalls);
	ret->counters.sleeps = load(&seat->sleeps);
	ret->counters.wakeups = load(&seat->wakeups);
	ret->holds = hold->records;
	ret->oldest_position = hold->oldest_position;
	ret->blocks_since_ns = hold->blocks_since_ns;
}

static void add_to_totals(struct gyre_totals *totals, const struct gyre_participant *p)
{
	const struct gyre_counters *c = &p->counters;

	*(p->role == GYRE_PRODUCER ? &totals->committed : &totals->released) += c->messages;
	totals->aborted += c->aborted;
	totals->redelivered += c->redelivered;
	totals->dropped += c->dropped;
}

/* Seats that were ever used; those that fit into room are filled in. */
static unsigned fill_participants(const struct gyre_view *view, struct gyre_ring_info *info,
	struct gyre_participant *ret_participants, unsigned room)
{
	struct gyre_hold holds[GYRE_SEATS_MAX] = {0};
	unsigned used = 0;

	gyre_ring_shape_of(&view->header)->holds(view, holds);
	for (unsigned number = 0; number < gyre_seats(view); number++) {
		struct gyre_participant p;

		fill_participant(view, number, &holds[number], &p);
		if (p.generation == 0)
			continue;
		add_to_totals(&info->totals, &p);
		if (p.liveness == GYRE_LIFE_ALIVE || p.liveness == GYRE_LIFE_SUSPECT)
			info->participants++;
		if (used < room)
			ret_participants[used] = p;
		used++;
	}
	return used;
}

/* ---- One ring ---- */

static void format_boot_id(const uint8_t id[16], char *text, size_t size)
{
	snprintf(text, size, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		id[0], id[1], id[2], id[3], id[4], id[5], id[6], id[7], id[8], id[9], id[10],
		id[11], id[12], id[13], id[14], id[15]);
}

static void fill_key(const struct gyre_key *key, char text[512])
{
	char whole[GYRE_KEY_NATIVE_SIZE + GYRE_KEY_LEGACY_SIZE];
	size_t bytes;

	gyre_key_print(key, whole, sizeof whole);
	bytes = strnlen(whole, 511);
	while (bytes > 0 && whole[bytes] != '\0' && ((unsigned char)whole[bytes] & 0xc0) == 0x80)
		bytes--;
	memcpy(text, whole, bytes);
	text[bytes] = '\0';
}

void gyre_info_geometry(const struct gyre_header *h, struct gyre_ring_info *info)
{
	info->kind = h->kind;
	info->slot_bytes = h->slot_bytes;
	info->align_bytes = h->align_bytes;
	info->wake = h->wake;
	info->flags = (h->flags & GYRE_HEADER_KEEP) != 0 ? GYRE_RING_KEEP : 0;
	info->cell_bytes = h->cell_bytes;
	info->deliveries_max = h->delivery_limit;
	info->producers_max = h->producers_max;
	info->consumers_max = h->consumers_max;
	info->capacity_bytes = h->capacity_bytes;
	info->message_bytes_max = h->message_bytes_max;
}

static void fill_from_header(const struct gyre_header *h, struct gyre_ring_info *info)
{
	gyre_info_geometry(h, info);
	info->layout_version = h->version;
	info->created_ns = h->created_ns;
	info->creator_pid = h->creator_pid;
	info->generation = h->generation;
	format_boot_id(h->boot_id, info->boot_id, sizeof info->boot_id);
}

static uint32_t state_of(const struct gyre_view *view, const struct gyre_ring_info *info)
{
	if (info->participants > 0)
		return view->map.backend->is_named(&view->map) ? GYRE_STATE_LIVE
							       : GYRE_STATE_ORPHANED;
	if (gyre_is_ended(view))
		return GYRE_STATE_DRAINED;
	return info->closed ? GYRE_STATE_CLOSED : GYRE_STATE_IDLE;
}

/* Decode what is mapped. GYRE_EFORMAT if it is none of ours. */
static int fill_info(struct gyre_view *view, struct gyre_ring_info *info,
	struct gyre_participant *ret_participants, unsigned *count, struct gyre_error *reterr)
{
	struct gyre_error problem = {0};
	int outcome = gyre_header_check(&view->map, &view->header, &problem);

	if (outcome == GYRE_OK)
		outcome = gyre_check_geometry(&view->header, &problem);
	if (outcome == GYRE_EFORMAT)
		return gyre_fail(reterr, GYRE_EFORMAT, "%s", problem.what);
	info->owner_uid = view->map.owner_uid;
	info->mode = view->map.mode;
	info->segment_bytes = view->map.bytes;
	snprintf(info->problem, sizeof info->problem, "%.*s", (int)sizeof info->problem - 1,
		problem.what);
	if (outcome == GYRE_OK || outcome == GYRE_ESTALE)
		fill_from_header(&view->header, info);
	if (outcome != GYRE_OK) {
		info->state = outcome == GYRE_ESTALE ? GYRE_STATE_OTHER_BOOT : GYRE_STATE_BROKEN;
		*count = 0;
		return GYRE_OK;
	}
	gyre_ring_shape_of(&view->header)->measure(view, info);
	*count = fill_participants(view, info, ret_participants, *count);
	info->state = state_of(view, info);
	return GYRE_OK;
}

static int inspect(const struct gyre_key *key, const struct gyre_permissions *permissions,
	struct gyre_ring_info *info, struct gyre_participant *ret_participants, unsigned *count,
	struct gyre_error *reterr)
{
	const struct gyre_backend *backend = gyre_backend_of(key, reterr);
	struct gyre_view view;
	unsigned none = 0;
	int outcome;

	if (backend == NULL)
		return GYRE_EKEY;
	memset(info, 0, sizeof *info);
	outcome = backend->attach(key, GYRE_READ_ONLY, permissions, &view.map, reterr);
	if (outcome != GYRE_OK)
		return outcome;
	fill_key(key, info->key);
	snprintf(info->backend, sizeof info->backend, "%s", backend->scheme);
	outcome = fill_info(&view, info, ret_participants, count != NULL ? count : &none, reterr);
	gyre_view_close(&view);
	return outcome;
}

int gyre_inspect(const char *key_text, const struct gyre_permissions *permissions,
	struct gyre_ring_info *ret_info, struct gyre_participant *ret_participants, unsigned *count,
	struct gyre_error *reterr)
{
	struct gyre_key key;
	const int outcome = gyre_key_parse(key_text, &key, reterr);

	if (outcome != GYRE_OK)
		return outcome;
	return inspect(&key, permissions != NULL ? permissions : &gyre_permissions_any, ret_info,
		ret_participants, count, reterr);
}

int gyre_ring_inspect(const struct gyre_ring *r, struct gyre_ring_info *ret_info,
	struct gyre_participant *ret_participants, unsigned *count, struct gyre_error *reterr)
{
	struct gyre_view view = r->attachment.view;
	unsigned none = 0;
	int outcome;

	if (r->attachment.poisoned)
		return gyre_fail(reterr, GYRE_ESTALE,
			"the handle was inherited over fork(): attach in the child");
	memset(ret_info, 0, sizeof *ret_info);
	fill_key(&r->attachment.key, ret_info->key);
	snprintf(ret_info->backend, sizeof ret_info->backend, "%s", view.map.backend->scheme);
	outcome =
		fill_info(&view, ret_info, ret_participants, count != NULL ? count : &none, reterr);
	return outcome;
}

int gyre_ring_waited_for(const struct gyre_ring *r, struct gyre_participant *ret_who)
{
	const struct gyre_view *view = &r->attachment.view;
	struct gyre_hold holds[GYRE_SEATS_MAX] = {0};
	unsigned number;

	if (r->attachment.poisoned)
		return 0;
	number = gyre_ring_shape_of(&view->header)->waits_for(r) - 1;
	if (number >= gyre_seats(view) ||
		gyre_seat_state_of(atomic_load_explicit(&gyre_seat_at(view, number)->state,
			memory_order_acquire)) != GYRE_SEAT_LIVE)
		return 0;
	gyre_ring_shape_of(&view->header)->holds(view, holds);
	fill_participant(view, number, &holds[number], ret_who);
	return 1;
}

/* ---- All rings ---- */

struct listing {
	gyre_list_callback *callback;
	void *context;
	const struct gyre_backend *backend;
	unsigned hidden;
	int stopped;
};

static void fill_leftover(
	const struct gyre_key *key, const char *scheme, struct gyre_ring_info *info)
{
	memset(info, 0, sizeof *info);
	fill_key(key, info->key);
	snprintf(info->backend, sizeof info->backend, "%s", scheme);
	info->state = GYRE_STATE_HALF_MADE;
	snprintf(info->problem, sizeof info->problem,
		"half-made: its creator died, or is still at it; gyre clean removes it if it died");
}

static int found(void *context, const struct gyre_key *key)
{
	struct listing *listing = context;
	struct gyre_ring_info info;

	if (gyre_is_leftover(key)) {
		fill_leftover(key, listing->backend->scheme, &info);
	} else {
		const int outcome = inspect(key, &gyre_permissions_any, &info, NULL, NULL, NULL);

		if (outcome == GYRE_EPERM)
			listing->hidden++;
		if (outcome != GYRE_OK)
			return 0;
	}
	listing->stopped = listing->callback(listing->context, &info);
	return listing->stopped;
}

int gyre_list(gyre_list_callback *callback, void *context, unsigned *ret_hidden,
	struct gyre_error *reterr)
{
	struct listing listing = {.callback = callback, .context = context};

	for (unsigned i = 0; gyre_backends[i] != NULL && !listing.stopped; i++) {
		unsigned hidden = 0;
		int outcome;

		listing.backend = gyre_backends[i];
		if (listing.backend->list == NULL)
			continue;
		outcome = listing.backend->list(found, &listing, &hidden, reterr);
		if (outcome != GYRE_OK)
			return outcome;
		listing.hidden += hidden;
	}
	if (ret_hidden != NULL)
		*ret_hidden = listing.hidden;
	return GYRE_OK;
}

/* ---- Cleaning ---- */

/* Nobody holds the name lock; but one that lost all its locks may still map the ring. */
static bool has_suspects(const struct gyre_view *view)
{
	for (unsigned number = 0; number < gyre_seats(view); number++)
		if (gyre_seat_life(view, number) == GYRE_SEAT_IS_SUSPECT)
			return true;
	return false;
}

/* 1: may go. 0: stays. Negative: is none of ours. Under the exclusive name lock. */
static int judge_removable(struct gyre_view *view, bool force, struct gyre_error *reterr)
{
	int outcome = gyre_header_check(&view->map, &view->header, reterr);

	if (outcome == GYRE_OK)
		outcome = gyre_check_geometry(&view->header, reterr);
	if (outcome == GYRE_EFORMAT)
		return outcome;
	if (outcome == GYRE_ESTALE)
		return 1;
	if (outcome != GYRE_OK)
		return force;
	if (has_suspects(view))
		return 0;
	return force || (gyre_is_ended(view) && (view->header.flags & GYRE_HEADER_KEEP) == 0);
}

static int clean(const struct gyre_key *key, unsigned flags, struct gyre_error *reterr)
{
	const struct gyre_backend *backend = gyre_backend_of(key, reterr);
	struct gyre_view view;
	int outcome;

	if (backend == NULL)
		return GYRE_EKEY;
	outcome = backend->attach(key, GYRE_READ_WRITE, &gyre_permissions_any, &view.map, reterr);
	if (outcome != GYRE_OK)
		return outcome;
	if (gyre_lock_exclusive(view.map.fd, GYRE_LOCK_NAME)) {
		outcome = judge_removable(&view, (flags & GYRE_CLEAN_FORCE) != 0, reterr);
		if (outcome == 1 && (flags & GYRE_CLEAN_DRY_RUN) == 0) {
			outcome = backend->unlink(key, &view.map, reterr);
			outcome = outcome == GYRE_OK ? 1 : outcome == GYRE_ENOTFOUND ? 0 : outcome;
		}
		/* Not left to the close: a child forked meanwhile shares the description. */
		gyre_unlock(view.map.fd, GYRE_LOCK_NAME);
	}
	gyre_view_close(&view);
	return outcome;
}

/* The private name of an object that was being made: its creator, if it lives, has it locked. */
static int clean_leftover(const struct gyre_key *key, unsigned flags, struct gyre_error *reterr)
{
	const struct gyre_backend *backend = gyre_backend_of(key, reterr);
	int outcome = (flags & GYRE_CLEAN_DRY_RUN) != 0 ? backend->is_abandoned(key, reterr)
							: backend->unlink(key, NULL, reterr);

	if (outcome == GYRE_ELOCK)
		return 0;
	return outcome == GYRE_OK ? 1 : outcome;
}

int gyre_clean(const char *key_text, unsigned flags, struct gyre_error *reterr)
{
	struct gyre_key key;
	int outcome = gyre_key_parse(key_text, &key, reterr);

	if (outcome != GYRE_OK)
		return outcome;
	return gyre_is_leftover(&key) ? clean_leftover(&key, flags, reterr)
				      : clean(&key, flags, reterr);
}
