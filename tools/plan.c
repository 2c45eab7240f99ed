/* gyre plan: how large a ring has to be, whether it finds room now, and what to type to make it. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "facts.h"
#include "gyre_inspect.h"
#include "gyre_system.h"
#include "json.h"
#include "numbers.h"
#include "say.h"
#include "verb.h"
#include "view_json.h"
#include "words.h"

struct plan_settings {
	struct gyre_ring_options ring;
	uint64_t message_bytes, count;
	bool json, bytes;
};

#define AT(field) offsetof(struct plan_settings, field)

static const struct option_spec options[] = {
	{'m', "message", OPTION_BYTES, AT(message_bytes), "SIZE", "of each message (the slot's)"},
	{'n', "count", OPTION_COUNT, AT(count), "N", "how many it is to hold at once (1)"},
	{0, "ring", OPTION_KIND, AT(ring.kind), "KIND",
		"as for create, and so the rest but -J, -b"},
	{'c', "capacity", OPTION_BYTES, AT(ring.capacity_bytes), "SIZE", "at least"},
	{'s', "slot", OPTION_BYTES32, AT(ring.slot_bytes), "SIZE", "slots of one size"},
	{'a', "align", OPTION_BYTES32, AT(ring.align_bytes), "N", "alignment of messages (8)"},
	{0, "cell", OPTION_BYTES32, AT(ring.cell_bytes), "SIZE",
		"mpmc: what room is counted in (64)"},
	{0, "deliveries", OPTION_COUNT32, AT(ring.deliveries_max), "N", "mpmc: at most (3)"},
	{0, "producers", OPTION_COUNT32, AT(ring.producers_max), "N", "mpmc: at a time (64)"},
	{0, "consumers", OPTION_COUNT32, AT(ring.consumers_max), "N", "mpmc: at a time (64)"},
	{0, "wake", OPTION_WAKE, AT(ring.wake), "HOW", "fence or membarrier"},
	{'J', "json", OPTION_FLAG, AT(json), NULL, "as JSON: see gyre-json(5)"},
	{'b', "bytes", OPTION_FLAG, AT(bytes), NULL, "sizes in bytes"},
	{0, NULL, OPTION_FLAG, 0, NULL, NULL},
};

struct plan {
	const struct plan_settings *settings;
	const char *name; /* as it is to be typed */
	struct gyre_key key;
	struct gyre_ring_info info;
	struct gyre_system_room room;
	bool has_room_figures;
	int fits; /* GYRE_OK, or why not */
	struct gyre_error error;
	char create[GYRE_KEY_TEXT_SIZE]; /* the line to be typed */
};

/* ---- What to type ---- */

/* As --capacity reads it, exactly. */
static void size_word(uint64_t bytes, char word[NUMBER_TEXT_BYTES])
{
	static const char units[] = "\0KMG";
	unsigned unit = 0;

	while (bytes != 0 && bytes % 1024 == 0 && unit < 3) {
		bytes /= 1024;
		unit++;
	}
	snprintf(word, NUMBER_TEXT_BYTES, "%" PRIu64 "%.1s", bytes, &units[unit]);
}

__attribute__((format(printf, 2, 3))) static void append(struct plan *plan, const char *format, ...)
{
	const size_t length = strlen(plan->create);
	va_list args;

	va_start(args, format);
	vsnprintf(plan->create + length, sizeof plan->create - length, format, args);
	va_end(args);
}

/* A word as the shell reads it back. */
static void append_word(struct plan *plan, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_./:+@%=,-";

	if (word[strspn(word, plain)] == '\0') {
		append(plan, "%s", word);
		return;
	}
	append(plan, "'");
	for (; *word != '\0'; word++)
		append(plan, *word == '\'' ? "'\\''" : "%c", *word);
	append(plan, "'");
}

/* Only what was asked for: the rest is what create takes by itself. */
static void compose_create(struct plan *plan)
{
	const struct gyre_ring_options *asked = &plan->settings->ring;
	char word[NUMBER_TEXT_BYTES];

	size_word(plan->info.capacity_bytes, word);
	append(plan, "gyre create ");
	append_word(plan, plan->name);
	append(plan, " --capacity %s", word);
	if (asked->kind != GYRE_RING_DEFAULT)
		append(plan, " --ring %s", kind_word(asked->kind));
	if (asked->slot_bytes != 0)
		append(plan, " --slot %" PRIu32, asked->slot_bytes);
	if (asked->align_bytes != 0)
		append(plan, " --align %" PRIu32, asked->align_bytes);
	if (asked->cell_bytes != 0)
		append(plan, " --cell %" PRIu32, asked->cell_bytes);
	if (asked->deliveries_max != 0)
		append(plan, " --deliveries %" PRIu32, asked->deliveries_max);
	if (asked->producers_max != 0)
		append(plan, " --producers %" PRIu32, asked->producers_max);
	if (asked->consumers_max != 0)
		append(plan, " --consumers %" PRIu32, asked->consumers_max);
	if (asked->wake != GYRE_WAKE_DEFAULT)
		append(plan, " --wake %s", wake_word(asked->wake));
}

/* ---- As a table ---- */

static const char *size_text(const struct plan *plan, uint64_t bytes, char *buffer)
{
	return plan->settings->bytes ? text_exact(buffer, bytes) : text_bytes(buffer, bytes);
}

static void limit_fact(const struct plan *plan, struct table *t, const char *what,
	uint64_t free_bytes, uint64_t total_bytes)
{
	char free_text[NUMBER_TEXT_BYTES], total_text[NUMBER_TEXT_BYTES];

	if (total_bytes == UINT64_MAX)
		fact(t, what, "no limit");
	else
		fact(t, what, "%s of %s", size_text(plan, free_bytes, free_text),
			size_text(plan, total_bytes, total_text));
}

static void room_facts(const struct plan *plan, struct table *t)
{
	const struct gyre_system_room *room = &plan->room;

	if (!plan->has_room_figures)
		return;
	limit_fact(plan, t, plan->key.type == GYRE_KEY_POSIX ? "free in /dev/shm" : "free there",
		room->free_bytes, room->total_bytes);
	if (room->is_ram)
		limit_fact(plan, t, room->memory_of_cgroup ? "free in the cgroup" : "free memory",
			room->memory_free_bytes, room->memory_bytes);
}

static int as_table(const struct plan *plan)
{
	const struct gyre_ring_info *info = &plan->info;
	char one[NUMBER_TEXT_BYTES];
	struct table *t = facts_new();
	int status;

	if (t == NULL)
		return STATUS_ERROR;
	fact(t, "ring", "%s, %s", kind_word(info->kind),
		info->slot_bytes != 0 ? "slots of one size" : "messages of any size");
	fact(t, "holds", "%" PRIu64 " messages of %s, always", info->messages,
		size_text(plan, plan->settings->message_bytes, one));
	fact(t, "largest message", "%s", size_text(plan, info->message_bytes_max, one));
	fact(t, "capacity", "%s", size_text(plan, info->capacity_bytes, one));
	if (info->cell_bytes != 0)
		fact(t, "cell", "%s", size_text(plan, info->cell_bytes, one));
	fact(t, "memory in all", "%s", size_text(plan, info->segment_bytes, one));
	room_facts(plan, t);
	fact(t, "fits now", "%s", plan->fits == GYRE_OK ? "yes" : "no");
	status = table_end(t);
	if (status == STATUS_OK)
		printf("\n%s\n", plan->create);
	return status;
}

/* ---- As JSON ---- */

static void json_limit(struct json *json, const char *name, uint64_t bytes)
{
	if (bytes == UINT64_MAX)
		json_text(json, name, NULL);
	else
		json_number(json, name, bytes);
}

static void json_room(struct json *json, const struct plan *plan)
{
	const struct gyre_system_room *room = &plan->room;

	if (!plan->has_room_figures) {
		json_text(json, "room", NULL);
		return;
	}
	json_open(json, "room", '{');
	json_limit(json, "total_bytes", room->total_bytes);
	json_limit(json, "free_bytes", room->free_bytes);
	json_bool(json, "ram", room->is_ram != 0);
	json_limit(json, "memory_bytes", room->memory_bytes);
	json_limit(json, "memory_free_bytes", room->memory_free_bytes);
	json_bool(json, "memory_of_cgroup", room->memory_of_cgroup != 0);
	json_close(json, '}');
}

static int as_json(const struct plan *plan)
{
	const struct gyre_ring_info *info = &plan->info;
	struct json json = {0, false};

	json_open(&json, NULL, '{');
	json_number(&json, "version", JSON_VERSION);
	json_open(&json, "plan", '{');
	json_text(&json, "ring", kind_word(info->kind));
	json_text(&json, "wake", wake_word(info->wake));
	json_number(&json, "message_bytes", plan->settings->message_bytes);
	json_number(&json, "messages", info->messages);
	json_number(&json, "capacity_bytes", info->capacity_bytes);
	json_number(&json, "segment_bytes", info->segment_bytes);
	json_number(&json, "message_bytes_max", info->message_bytes_max);
	json_number(&json, "slot_bytes", info->slot_bytes);
	json_number(&json, "align_bytes", info->align_bytes);
	json_number(&json, "cell_bytes", info->cell_bytes);
	json_number(&json, "deliveries_max", info->deliveries_max);
	json_number(&json, "producers_max", info->producers_max);
	json_number(&json, "consumers_max", info->consumers_max);
	json_bool(&json, "fits", plan->fits == GYRE_OK);
	json_text(&json, "problem", plan->fits == GYRE_OK ? NULL : plan->error.what);
	json_room(&json, plan);
	json_text(&json, "create", plan->create);
	json_close(&json, '}');
	json_close(&json, '}');
	return STATUS_OK;
}

/* ---- The verb ---- */

static int parse_key(struct plan *plan, const struct operands *operands)
{
	if (operands->count == 0) {
		plan->name = "KEY";
		plan->key = (struct gyre_key){.type = GYRE_KEY_POSIX, .native = "/KEY"};
		return STATUS_OK;
	}
	plan->name = operands->words[0];
	if (gyre_key_parse(plan->name, &plan->key, &plan->error) < 0)
		return say_error(plan->name, &plan->error);
	return STATUS_OK;
}

static int make_plan(struct plan *plan)
{
	const struct plan_settings *settings = plan->settings;
	const size_t bytes =
		settings->message_bytes < SIZE_MAX ? (size_t)settings->message_bytes : SIZE_MAX;

	if (gyre_ring_plan(&settings->ring, bytes, settings->count, &plan->info, &plan->error) < 0)
		return say_error(NULL, &plan->error);
	compose_create(plan);
	plan->has_room_figures = gyre_system_room_of(&plan->key, &plan->room, NULL) == GYRE_OK;
	plan->fits = gyre_system_fits(&plan->key, plan->info.segment_bytes, &plan->error);
	return STATUS_OK;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct plan_settings settings = {.count = 1};
	struct operands operands = options_parse(verb, argc, argv, &settings);
	static struct plan plan;
	int status;

	if (settings.message_bytes == 0)
		settings.message_bytes = settings.ring.slot_bytes;
	if (settings.message_bytes == 0) {
		say("how large is a message? Give --message SIZE, or --slot SIZE");
		return STATUS_USAGE;
	}
	if (settings.count == 0) {
		say("a ring for no message: give --count 1 or more");
		return STATUS_USAGE;
	}
	plan.settings = &settings;
	status = parse_key(&plan, &operands);
	if (status == STATUS_OK)
		status = make_plan(&plan);
	if (status == STATUS_OK)
		status = settings.json ? as_json(&plan) : as_table(&plan);
	if (status != STATUS_OK || plan.fits == GYRE_OK)
		return status;
	fflush(stdout);
	return say_error(NULL, &plan.error);
}

const struct verb verb_plan = {
	.name = "plan",
	.operands = "[KEY]",
	.operands_min = 0,
	.operands_max = 1,
	.summary = "how much memory a ring needs, and whether it fits",
	.text = "Say how large a ring has to be for so many messages, whether it finds room now\n"
		"(where KEY is, or in /dev/shm), and what to type. Nothing is made.",
	.options = options,
	.examples = "  gyre plan --message 6220800 --count 8 --align 64     8 frames of 1080p\n"
		    "  gyre plan --slot 64 --count 10000 file:/run/user/1000/feed",
	.statuses = "0 it fits, 1 error (such as: it does not), 2 usage,\n  3 no such directory",
	.run = run,
};
