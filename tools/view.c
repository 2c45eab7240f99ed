/* Read-only looks at rings. A ring may vanish between two looks: that is no error in a list. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "numbers.h"
#include "view.h"
#include "words.h"

enum { SEATS_FIRST = 8 };

static int out_of_memory(struct gyre_error *reterr)
{
	if (reterr != NULL) {
		reterr->code = GYRE_ENORES;
		snprintf(reterr->what, sizeof reterr->what, "out of memory");
	}
	return GYRE_ENORES;
}

/* By key, or by handle if ring is not NULL. The number of seats is not known before. */
static int take(struct ring_view *view, const char *key, const struct gyre_ring *ring,
	struct gyre_error *reterr)
{
	unsigned room = SEATS_FIRST;
	struct gyre_participant *seats;
	int result;

	view->participants = NULL;
	for (;;) {
		seats = realloc(view->participants, room * sizeof *seats);
		if (seats == NULL) {
			view_free(view);
			return out_of_memory(reterr);
		}
		view->participants = seats;
		view->count = room;
		if (ring != NULL)
			result = gyre_ring_inspect(ring, &view->info, seats, &view->count, reterr);
		else
			result = gyre_inspect(key, NULL, &view->info, seats, &view->count, reterr);
		if (result < 0) {
			view_free(view);
			return result;
		}
		if (view->count <= room)
			return result;
		room = view->count;
	}
}

int view_take(struct ring_view *view, const char *key, struct gyre_error *reterr)
{
	return take(view, key, NULL, reterr);
}

int view_attached(struct ring_view *view, const struct gyre_ring *ring, struct gyre_error *reterr)
{
	return take(view, NULL, ring, reterr);
}

void view_free(struct ring_view *view)
{
	free(view->participants);
	view->participants = NULL;
	view->count = 0;
}

unsigned view_alive(const struct ring_view *view, uint32_t role)
{
	unsigned i, alive = 0;

	for (i = 0; i < view->count; i++) {
		if (view->participants[i].role == role &&
			(view->participants[i].liveness == GYRE_LIFE_ALIVE ||
				view->participants[i].liveness == GYRE_LIFE_SUSPECT))
			alive++;
	}
	return alive;
}

const struct gyre_participant *view_last(const struct ring_view *view, uint32_t role)
{
	const struct gyre_participant *last = NULL, *seat;
	unsigned i;

	for (i = 0; i < view->count; i++) {
		seat = &view->participants[i];
		if (seat->role != role || seat->liveness == GYRE_LIFE_NONE)
			continue;
		if (last == NULL || seat->attached_ns >= last->attached_ns)
			last = seat;
	}
	return last;
}

bool view_is_orphaned(const struct gyre_ring *ring)
{
	struct gyre_ring_info info;

	return gyre_ring_inspect(ring, &info, NULL, NULL, NULL) == GYRE_OK &&
	       info.state == GYRE_STATE_ORPHANED;
}

bool view_is_shared(const struct gyre_ring *ring)
{
	struct gyre_ring_info info;

	return gyre_ring_inspect(ring, &info, NULL, NULL, NULL) == GYRE_OK &&
	       info.kind == GYRE_RING_MPMC;
}

const struct gyre_participant *view_in_the_way(const struct ring_view *view)
{
	const struct gyre_participant *first = NULL, *seat;
	unsigned i;

	for (i = 0; i < view->count; i++) {
		seat = &view->participants[i];
		if (seat->blocks_since_ns == 0 || seat->holds == 0)
			continue;
		if (first == NULL || seat->blocks_since_ns < first->blocks_since_ns)
			first = seat;
	}
	return first;
}

const char *view_hold(const struct gyre_participant *seat, char *buffer, size_t size)
{
	const uint64_t now = clock_now_ns();
	const uint64_t since = seat->blocks_since_ns < now ? seat->blocks_since_ns : now;
	char time[NUMBER_TEXT_BYTES];

	snprintf(buffer, size,
		"pid %" PRIu32 " (%s, %s) has %" PRIu32 " in hand, in the way for %s", seat->pid,
		seat->name, life_word(seat->liveness), seat->holds,
		text_duration(time, now - since));
	return buffer;
}

bool state_is_stale(uint32_t state)
{
	return state == GYRE_STATE_DRAINED || state == GYRE_STATE_OTHER_BOOT ||
	       state == GYRE_STATE_HALF_MADE;
}

bool ring_stays(const struct gyre_ring_info *info)
{
	return info->state == GYRE_STATE_DRAINED && (info->flags & GYRE_RING_KEEP) != 0;
}

static const char *plain_state(uint32_t state)
{
	switch (state) {
	case GYRE_STATE_LIVE:
		return "live";
	case GYRE_STATE_IDLE:
		return "idle";
	case GYRE_STATE_CLOSED:
		return "closed";
	case GYRE_STATE_DRAINED:
		return "stale (closed and drained)";
	case GYRE_STATE_OTHER_BOOT:
		return "stale (of another boot)";
	case GYRE_STATE_HALF_MADE:
		return "stale (half-made)";
	case GYRE_STATE_ORPHANED:
		return "orphaned (its name is gone)";
	case GYRE_STATE_BROKEN:
		return "broken";
	default:
		return "?";
	}
}

/* A death matters as long as nobody has taken the seat's role over. */
static bool died(const struct ring_view *view, uint32_t role)
{
	const struct gyre_participant *last = view_last(view, role);

	return view_alive(view, role) == 0 && last != NULL && last->liveness == GYRE_LIFE_DEAD;
}

const char *view_state(const struct ring_view *view, char *buffer, size_t size)
{
	const bool stale = state_is_stale(view->info.state);

	snprintf(buffer, size, "%s%s%s", plain_state(view->info.state),
		!stale && died(view, GYRE_PRODUCER) ? ", producer died" : "",
		!stale && died(view, GYRE_CONSUMER) ? ", consumer died" : "");
	return buffer;
}

const char *short_key(const char *key)
{
	static const char scheme[] = "posix:/";

	const char *name = key + sizeof scheme - 1;

	if (strncmp(key, scheme, sizeof scheme - 1) != 0)
		return key;
	/* Not what would be read as an escape, as another scheme, or as an option. */
	return strpbrk(name, "%?:") != NULL || name[0] == '-' || name[0] == '\0' ? key : name;
}

struct collection {
	struct ring_view *views;
	unsigned count, room;
};

static int collect(void *context, const struct gyre_ring_info *info)
{
	struct collection *all = context;
	struct ring_view *larger;

	if (all->count == all->room) {
		all->room = all->room == 0 ? 16 : 2 * all->room;
		larger = realloc(all->views, all->room * sizeof *larger);
		if (larger == NULL)
			return 1;
		all->views = larger;
	}
	/* One that has gone since is shown as it was found, without its seats. */
	if (view_take(&all->views[all->count], info->key, NULL) < 0)
		all->views[all->count] = (struct ring_view){.info = *info};
	all->count++;
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(
		((const struct ring_view *)a)->info.key, ((const struct ring_view *)b)->info.key);
}

int view_all(struct ring_view **ret_views, unsigned *ret_hidden, struct gyre_error *reterr)
{
	struct collection all = {NULL, 0, 0};
	int result;

	*ret_hidden = 0;
	result = gyre_list(collect, &all, ret_hidden, reterr);
	if (result < 0) {
		while (all.count > 0)
			view_free(&all.views[--all.count]);
		free(all.views);
		return result;
	}
	if (all.count > 0)
		qsort(all.views, all.count, sizeof *all.views, by_key);
	*ret_views = all.views;
	return (int)all.count;
}
