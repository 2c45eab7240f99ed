/*
 * A ring that several producers feed is closed by the last of them. Two that leave at once may each
 * see the other, so whoever left one behind looks again when it has gone itself: then the last one
 * sees nobody, comes back, and closes.
 */
#include <stdbool.h>
#include <time.h>
#include <unistd.h>
#include "leave.h"
#include "say.h"
#include "view.h"

static void close_and_detach(const char *key, struct gyre_ring *ring)
{
	const int result = gyre_ring_close(ring);

	if (result != GYRE_OK && result != GYRE_ECLOSED)
		say_code(key, result, NULL);
	gyre_ring_detach(ring);
}

/* Whether so many producers of the ring are alive, and it is the one of that generation, open. */
static bool is_open_with(const struct ring_view *view, uint64_t generation, unsigned producers)
{
	return view->info.generation == generation && view->info.closed == 0 &&
	       view_alive(view, GYRE_PRODUCER) == producers;
}

static bool is_deserted(const char *key, uint64_t generation)
{
	struct ring_view view;
	bool deserted;

	if (view_take(&view, key, NULL) < 0)
		return false; /* somebody closed it, and it is gone */
	deserted = is_open_with(&view, generation, 0);
	view_free(&view);
	return deserted;
}

/* Come back and close, if nobody else is there now. False: somebody was, who may have come back for
 * the same and seen us. */
static bool close_alone(
	const char *key, uint64_t generation, const struct gyre_ring_options *options)
{
	struct gyre_ring *ring;
	struct ring_view view;
	struct gyre_error error;
	bool alone;
	int result = gyre_ring_attach(key, GYRE_PRODUCER, options, &ring, &error);

	if (result == GYRE_EBUSY || result == GYRE_ENORES || result == GYRE_ENOTFOUND)
		return true; /* others have come, or gone, meanwhile */
	if (result != GYRE_OK) {
		say_error(key, &error);
		return true;
	}
	if (view_attached(&view, ring, NULL) != GYRE_OK) {
		gyre_ring_detach(ring);
		return true;
	}
	alone = is_open_with(&view, generation, 1);
	view_free(&view);
	if (alone)
		close_and_detach(key, ring);
	else
		gyre_ring_detach(ring);
	return alone;
}

/* Two that come back at once see each other, and leave again: the times between differ. */
static void close_deserted(
	const char *key, uint64_t generation, const struct gyre_ring_options *options)
{
	const struct timespec pause = {.tv_nsec = 100000 + getpid() % 31 * 100000};

	while (is_deserted(key, generation) && !close_alone(key, generation, options))
		nanosleep(&pause, NULL);
}

void leave_last_closes(
	const char *key, struct gyre_ring *ring, const struct gyre_ring_options *options)
{
	struct ring_view view;
	uint64_t generation;
	bool others;

	if (view_attached(&view, ring, NULL) < 0) {
		close_and_detach(key, ring);
		return;
	}
	generation = view.info.generation;
	others = view_alive(&view, GYRE_PRODUCER) > 1;
	view_free(&view);
	if (!others) {
		close_and_detach(key, ring);
		return;
	}
	gyre_ring_detach(ring);
	close_deserted(key, generation, options);
}
