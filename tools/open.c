/*
 * Between finding a ring and attaching to it the ring may end, and then is made again. One that is
 * closed takes no more; but if somebody is reading it, it will end soon, and a shell loop of
 * several pubs should not fail for being faster than the consumer.
 */
#include <inttypes.h>
#include "join.h"
#include "numbers.h"
#include "open.h"
#include "say.h"
#include "stop.h"
#include "view.h"

enum { TRIES = 20 }; /* to meet a ring that keeps ending under us, or whose reader just left */

#define PAUSE_FIRST_NS 2000000
#define PAUSE_LAST_NS 50000000

/* GYRE_OK, GYRE_ENOTFOUND if it has gone meanwhile, or another error. */
static int make_and_join(const char *key, const struct gyre_ring_options *options,
	struct gyre_ring **ret_ring, bool *ret_made, struct gyre_error *reterr)
{
	const int result = gyre_ring_create(key, options, reterr);

	if (result < 0)
		return result;
	*ret_made = result == 0;
	return join_ring(key, GYRE_PRODUCER, options, ret_ring, reterr);
}

/* Leaves a ring that is closed. Counts down the tries unless a consumer is reading it. */
static bool leave_if_closed(struct gyre_ring *ring, int *tries)
{
	struct ring_view view;
	bool closed;

	if (view_attached(&view, ring, NULL) < 0)
		return false;
	closed = view.info.closed != 0;
	if (closed) {
		if (view_alive(&view, GYRE_CONSUMER) == 0)
			*tries -= 1;
		gyre_ring_detach(ring);
	}
	view_free(&view);
	return closed;
}

static void say_closed(const char *key)
{
	struct ring_view view;
	uint64_t messages = 0;

	if (view_take(&view, key, NULL) >= 0) {
		messages = view.info.messages;
		view_free(&view);
	}
	say("%s is closed, and holds %" PRIu64
	    " messages: read it to its end first (gyre sub %s), or use another key",
		key, messages, key);
}

int open_ring(const char *key, const struct gyre_ring_options *options, int64_t wait_ns,
	struct gyre_ring **ret_ring, bool *ret_made)
{
	const uint64_t start = clock_now_ns();
	struct gyre_error error;
	int64_t pause = PAUSE_FIRST_NS;
	int result, tries = TRIES;

	while (tries > 0) {
		result = make_and_join(key, options, ret_ring, ret_made, &error);
		if (result == GYRE_ENOTFOUND && --tries > 0)
			continue;
		if (result != GYRE_OK)
			return say_error(key, &error);
		if (!leave_if_closed(*ret_ring, &tries))
			return STATUS_OK;
		if (stop_asked() != 0)
			return STATUS_SIGNAL + stop_asked();
		if (wait_ns >= 0 && clock_now_ns() - start >= (uint64_t)wait_ns)
			break;
		join_pause(pause);
		pause = 2 * pause < PAUSE_LAST_NS ? 2 * pause : PAUSE_LAST_NS;
	}
	say_closed(key);
	return tries > 0 ? STATUS_TIMEOUT : STATUS_ERROR;
}
