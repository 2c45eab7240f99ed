/* gyre create: a ring that stays until gyre rm. */
#include <stdio.h>
#include "numbers.h"
#include "say.h"
#include "verb.h"
#include "view.h"
#include "words.h"

#define AT(field) offsetof(struct gyre_ring_options, field)

static const struct option_spec options[] = {
	{0, "ring", OPTION_KIND, AT(kind), "KIND",
		"spsc: one producer, one consumer; mpmc: several"},
	{'c', "capacity", OPTION_BYTES, AT(capacity_bytes), "SIZE",
		"room for messages, rounded up to a power of two (1M)"},
	{'s', "slot", OPTION_BYTES32, AT(slot_bytes), "SIZE",
		"slots of one size: faster for small messages"},
	{'a', "align", OPTION_BYTES32, AT(align_bytes), "N",
		"alignment of messages, 8 to 4096 (8)"},
	{0, "cell", OPTION_BYTES32, AT(cell_bytes), "SIZE",
		"mpmc: what room is counted in, from 16 (64)"},
	{0, "deliveries", OPTION_COUNT32, AT(deliveries_max), "N",
		"mpmc: hand out at most N times (3)"},
	{0, "producers", OPTION_COUNT32, AT(producers_max), "N", "mpmc: at a time (64)"},
	{0, "consumers", OPTION_COUNT32, AT(consumers_max), "N", "mpmc: at a time (64)"},
	{0, "wake", OPTION_WAKE, AT(wake), "HOW", "fence or membarrier, to wake a sleeper"},
	{0, "mode", OPTION_MODE, AT(permissions.mode), "MODE", "permissions of the ring (0600)"},
	{0, "owner", OPTION_OWNER, AT(permissions), "USER", "accept a ring of USER's"},
	{0, NULL, OPTION_FLAG, 0, NULL, NULL},
};

static void describe(const char *key, bool made)
{
	char capacity[NUMBER_TEXT_BYTES], message[NUMBER_TEXT_BYTES], size[NUMBER_TEXT_BYTES];
	struct ring_view view;

	if (view_take(&view, key, NULL) < 0) {
		printf("%s: %s\n", key, made ? "made" : "was there already");
		return;
	}
	printf("%s: %s: %s, capacity %s, messages up to %s, %s of memory\n", view.info.key,
		made ? "made" : "was there already", kind_word(view.info.kind),
		text_bytes(capacity, view.info.capacity_bytes),
		text_bytes(message, view.info.message_bytes_max),
		text_bytes(size, view.info.segment_bytes));
	if ((view.info.flags & GYRE_RING_KEEP) == 0)
		printf("It was made otherwise: it goes when closed, drained and left.\n");
	view_free(&view);
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct gyre_ring_options settings = {.flags = GYRE_RING_KEEP};
	struct operands operands = options_parse(verb, argc, argv, &settings);
	struct gyre_error error;
	int result;

	result = gyre_ring_create(operands.words[0], &settings, &error);
	if (result < 0)
		return say_error(operands.words[0], &error);
	describe(operands.words[0], result == 0);
	return STATUS_OK;
}

const struct verb verb_create = {
	.name = "create",
	.operands = "KEY",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "make a ring that stays until gyre rm",
	.text = "Make a ring. One of the same shape that is there already is left as it is.",
	.options = options,
	.examples = "  gyre create cam0 --capacity 64M --align 64\n"
		    "  gyre create jobs --ring mpmc --cell 256\n"
		    "  gyre create file:/run/user/1000/feed --slot 256",
	.statuses = "0 it is there now, 1 error (such as another shape), 2 usage",
	.run = run,
};
