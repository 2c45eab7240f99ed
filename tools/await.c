/*
 * Looks again and again, every 1 ms at first and every 50 ms in the end: 20 looks a second cost
 * about a thousandth of a core, and, unlike a watch on a directory, work for every backend. A ring
 * that is stale counts as not there: its next producer will make it anew.
 */
#include <stdbool.h>
#include "await.h"
#include "join.h"
#include "numbers.h"
#include "say.h"
#include "stop.h"
#include "view.h"

#define PAUSE_FIRST_NS 1000000
#define PAUSE_LAST_NS 50000000

static int attach_unless_stale(const char *key, const struct gyre_ring_options *options,
	struct gyre_ring **ret_ring, struct gyre_error *reterr)
{
	struct ring_view view;
	bool stale;
	int result;

	result = view_take(&view, key, reterr);
	if (result < 0)
		return result;
	stale = state_is_stale(view.info.state);
	view_free(&view);
	if (stale)
		return GYRE_ENOTFOUND;
	return join_ring(key, GYRE_CONSUMER, options, ret_ring, reterr);
}

int await_ring(const char *key, const struct gyre_ring_options *options, int64_t wait_ns,
	struct gyre_ring **ret_ring)
{
	const uint64_t start = clock_now_ns();
	int64_t pause = PAUSE_FIRST_NS;
	char time[NUMBER_TEXT_BYTES];
	bool told = !say_is_watched();
	struct gyre_error error;
	int result;

	for (;;) {
		result = attach_unless_stale(key, options, ret_ring, &error);
		if (result == GYRE_OK)
			return STATUS_OK;
		if (result != GYRE_ENOTFOUND && result != GYRE_ESTALE)
			return say_error(key, &error);
		if (stop_asked() != 0)
			return STATUS_SIGNAL + stop_asked();
		if (wait_ns >= 0 && clock_now_ns() - start >= (uint64_t)wait_ns) {
			say("%s: no such ring within %s. Start a producer: gyre pub %s", key,
				text_duration(time, (uint64_t)wait_ns), key);
			return STATUS_TIMEOUT;
		}
		if (!told)
			say("waiting for ring %s (gyre pub %s)", key, key);
		told = true;
		join_pause(pause);
		pause = 2 * pause < PAUSE_LAST_NS ? 2 * pause : PAUSE_LAST_NS;
	}
}
