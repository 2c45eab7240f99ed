/* gyre rm: take a ring's name away, unless somebody uses it. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include "numbers.h"
#include "say.h"
#include "verb.h"
#include "view.h"

struct rm_settings {
	bool force;
};

#define AT(field) offsetof(struct rm_settings, field)

static const struct option_spec options[] = {
	{'f', "force", OPTION_FLAG, AT(force), NULL, "also a ring that is in use"},
	{0, NULL, OPTION_FLAG, 0, NULL, NULL},
};

static int refuse_in_use(const struct ring_view *view)
{
	const struct gyre_participant *producer = view_last(view, GYRE_PRODUCER);
	const struct gyre_participant *consumer = view_last(view, GYRE_CONSUMER);
	char who[2][48] = {"", ""};

	if (view_alive(view, GYRE_PRODUCER) > 0)
		snprintf(who[0], sizeof who[0], " producer %" PRIu32, producer->pid);
	if (view_alive(view, GYRE_CONSUMER) > 0)
		snprintf(who[1], sizeof who[1], " consumer %" PRIu32, consumer->pid);
	say("%s is in use by%s%s: end them first, or gyre rm --force %s (they keep their memory, "
	    "newcomers do not find it)",
		view->info.key, who[0], who[1], short_key(view->info.key));
	return STATUS_ERROR;
}

static int remove_ring(const char *key, const struct rm_settings *settings)
{
	struct gyre_error error;
	struct ring_view view;
	uint64_t messages = 0;
	int result;

	/* What cannot be inspected may still be removed, or refused, by unlink itself. */
	if (view_take(&view, key, NULL) >= 0) {
		messages = view.info.messages;
		if (view.info.participants > 0 && !settings->force) {
			result = refuse_in_use(&view);
			view_free(&view);
			return result;
		}
		view_free(&view);
	}
	result = gyre_ring_unlink(key, &error);
	if (result < 0)
		return say_error(key, &error);
	if (messages > 0)
		printf("%s: removed, with %" PRIu64 " messages\n", key, messages);
	else
		printf("%s: removed\n", key);
	return STATUS_OK;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct rm_settings settings = {.force = false};
	struct operands operands = options_parse(verb, argc, argv, &settings);
	int i, status, worst = STATUS_OK;

	for (i = 0; i < operands.count; i++) {
		status = remove_ring(operands.words[i], &settings);
		if (worst == STATUS_OK || status == STATUS_ERROR)
			worst = status != STATUS_OK ? status : worst;
	}
	return worst;
}

const struct verb verb_rm = {
	.name = "rm",
	.operands = "KEY...",
	.operands_min = 1,
	.operands_max = -1,
	.summary = "remove rings",
	.text = "Remove rings, with the messages they hold. What is not a ring is never removed.",
	.options = options,
	.examples = "  gyre rm cam0\n  gyre rm --force posix:/cam0 file:/run/user/1000/feed",
	.statuses = "0 removed, 1 error (such as in use), 2 usage, 3 no such ring",
	.run = run,
};
