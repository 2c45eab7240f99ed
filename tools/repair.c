/*
 * gyre repair: give back what the dead have in hand, without waiting for somebody who is held up by
 * them. Of the living it only says who is in the way: what one of them holds nobody may take away.
 */
#include <inttypes.h>
#include <stdio.h>
#include "say.h"
#include "verb.h"
#include "view.h"

static const struct option_spec options[] = {{0, NULL, OPTION_FLAG, 0, NULL, NULL}};

static bool is_in_the_way(const struct gyre_participant *seat)
{
	return seat->holds > 0 &&
	       (seat->blocks_since_ns != 0 || seat->liveness == GYRE_LIFE_SUSPECT);
}

/* How many. */
static unsigned tell_who_is_in_the_way(const struct ring_view *view)
{
	const struct gyre_participant *seat;
	unsigned i, count = 0;
	char hold[128];

	for (i = 0; i < view->count; i++) {
		seat = &view->participants[i];
		if (!is_in_the_way(seat))
			continue;
		count++;
		say("%s: %s: it lives, so nothing of it is repaired. If it should not, end it: "
		    "kill -9 %" PRIu32 ", then gyre repair %s",
			short_key(view->info.key), view_hold(seat, hold, sizeof hold), seat->pid,
			short_key(view->info.key));
	}
	return count;
}

static int repair(const char *key)
{
	struct gyre_error error;
	struct ring_view view;
	unsigned in_the_way;
	int repaired;

	repaired = gyre_repair(key, &error);
	if (repaired < 0)
		return say_error(key, &error);
	if (view_take(&view, key, &error) < 0)
		return say_error(key, &error);
	printf("%s: %d dead participant%s repaired\n", view.info.key, repaired,
		repaired == 1 ? "" : "s");
	in_the_way = tell_who_is_in_the_way(&view);
	view_free(&view);
	if (repaired > 0)
		return STATUS_OK;
	return in_the_way > 0 ? STATUS_ERROR : STATUS_NOTHING;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct operands operands = options_parse(verb, argc, argv, NULL);

	return repair(operands.words[0]);
}

const struct verb verb_repair = {
	.name = "repair",
	.operands = "KEY",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "give back what dead participants have in hand",
	.text = "Repair a ring's dead participants now. Whoever is held up by one does that by\n"
		"itself; this settles a ring that nobody uses. Of the living it says who is in\n"
		"the way.",
	.options = options,
	.examples = "  gyre repair jobs",
	.statuses = "0 somebody was repaired, 1 error, or a live one is in the way,\n"
		    "  2 usage, 3 no such ring, 4 nothing to do",
	.run = run,
};
