/* gyre ls: every ring of this machine that this user may see. */
#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include "json.h"
#include "numbers.h"
#include "say.h"
#include "table.h"
#include "verb.h"
#include "view.h"
#include "view_json.h"
#include "words.h"

struct ls_settings {
	const char *columns;
	bool json, noheadings, raw, bytes;
};

#define AT(field) offsetof(struct ls_settings, field)

static const struct option_spec options[] = {
	{'o', "output", OPTION_TEXT, AT(columns), "COLUMNS", "these, separated by commas"},
	{'J', "json", OPTION_FLAG, AT(json), NULL, "everything as JSON: see gyre-json(5)"},
	{'n', "noheadings", OPTION_FLAG, AT(noheadings), NULL, "no line of headings"},
	{'r', "raw", OPTION_FLAG, AT(raw), NULL, "not aligned, blanks as \\x20"},
	{'b', "bytes", OPTION_FLAG, AT(bytes), NULL, "sizes in bytes"},
	{0, NULL, OPTION_FLAG, 0, NULL, NULL},
};

enum column {
	NAME,
	KEY,
	BACKEND,
	RING,
	SIZE,
	CAPACITY,
	USED,
	FILL,
	MESSAGES,
	MAX,
	PRODUCER,
	CONSUMER,
	STATE,
	OWNER,
	MODE,
	PROBLEM,
};

static const struct table_column columns[] = {
	[NAME] = {"NAME", false, NULL},
	[KEY] = {"KEY", false, NULL},
	[BACKEND] = {"BACKEND", false, NULL},
	[RING] = {"RING", false, NULL},
	[SIZE] = {"SIZE", true, NULL},
	[CAPACITY] = {"CAPACITY", true, NULL},
	[USED] = {"USED", true, NULL},
	[FILL] = {"FILL", true, NULL},
	[MESSAGES] = {"MESSAGES", true, NULL},
	[MAX] = {"MAX", true, NULL},
	[PRODUCER] = {"PRODUCER", true, NULL},
	[CONSUMER] = {"CONSUMER", true, NULL},
	[STATE] = {"STATE", false, NULL},
	[OWNER] = {"OWNER", false, NULL},
	[MODE] = {"MODE", false, NULL},
	[PROBLEM] = {"PROBLEM", false, NULL},
	{NULL, false, NULL},
};

#define DEFAULT_COLUMNS "KEY,BACKEND,RING,SIZE,FILL,MESSAGES,PRODUCER,CONSUMER,STATE"

static const char *bytes_cell(uint64_t bytes, bool exact, char *buffer)
{
	return exact ? text_exact(buffer, bytes) : text_bytes(buffer, bytes);
}

/* A pid while there is one seat of that role alive, else how many. */
static void people_cell(const struct ring_view *view, uint32_t role, char *buffer, size_t size)
{
	const unsigned alive = view_alive(view, role);

	if (alive == 0)
		snprintf(buffer, size, "-");
	else if (alive == 1)
		snprintf(buffer, size, "%" PRIu32, view_last(view, role)->pid);
	else
		snprintf(buffer, size, "%u of them", alive);
}

static void owner_cell(uint32_t uid, char *buffer, size_t size)
{
	const struct passwd *user = getpwuid(uid);

	if (user != NULL)
		snprintf(buffer, size, "%s", user->pw_name);
	else
		snprintf(buffer, size, "%" PRIu32, uid);
}

static void fill_cell(const struct gyre_ring_info *info, char *buffer, size_t size)
{
	if (info->capacity_bytes == 0)
		snprintf(buffer, size, "-");
	else
		snprintf(buffer, size, "%.0f%%",
			100.0 * (double)info->used_bytes / (double)info->capacity_bytes);
}

/* The columns that are a plain field of the library's answer, or NULL. */
static const char *plain_cell(
	const struct gyre_ring_info *info, enum column column, bool exact, char *number)
{
	switch (column) {
	case NAME:
		return short_key(info->key);
	case KEY:
		return info->key;
	case BACKEND:
		return info->backend;
	case RING:
		return kind_word(info->kind);
	case SIZE:
		return bytes_cell(info->segment_bytes, exact, number);
	case CAPACITY:
		return bytes_cell(info->capacity_bytes, exact, number);
	case USED:
		return bytes_cell(info->used_bytes, exact, number);
	case MAX:
		return bytes_cell(info->message_bytes_max, exact, number);
	case MESSAGES:
		return text_exact(number, info->messages);
	case PROBLEM:
		return info->problem;
	default:
		return NULL;
	}
}

static void composed_cell(
	const struct ring_view *view, enum column column, char *buffer, size_t size)
{
	switch (column) {
	case FILL:
		fill_cell(&view->info, buffer, size);
		break;
	case PRODUCER:
		people_cell(view, GYRE_PRODUCER, buffer, size);
		break;
	case CONSUMER:
		people_cell(view, GYRE_CONSUMER, buffer, size);
		break;
	case STATE:
		view_state(view, buffer, size);
		break;
	case OWNER:
		owner_cell(view->info.owner_uid, buffer, size);
		break;
	default:
		snprintf(buffer, size, "%04o", (unsigned)view->info.mode & 07777);
		break;
	}
}

static int as_table(const struct ring_view *views, unsigned count,
	const struct table_choice *choice, const struct ls_settings *settings)
{
	struct table *table = table_new(columns, choice, settings->noheadings, settings->raw);
	char number[NUMBER_TEXT_BYTES], text[128];
	const char *cell;
	unsigned i, k;

	if (table == NULL)
		return STATUS_ERROR;
	for (i = 0; i < count; i++) {
		table_row(table);
		for (k = 0; k < choice->count; k++) {
			cell = plain_cell(
				&views[i].info, choice->columns[k], settings->bytes, number);
			if (cell == NULL)
				composed_cell(&views[i], choice->columns[k], text, sizeof text);
			table_cell(table, k, cell != NULL ? cell : text);
		}
	}
	return table_end(table);
}

static int as_json(const struct ring_view *views, unsigned count, unsigned hidden)
{
	struct json json = {0, false};
	unsigned i;

	json_open(&json, NULL, '{');
	json_number(&json, "version", JSON_VERSION);
	json_open(&json, "rings", '[');
	for (i = 0; i < count; i++)
		view_json(&json, NULL, &views[i]);
	json_close(&json, ']');
	json_number(&json, "hidden", hidden);
	json_close(&json, '}');
	return STATUS_OK;
}

static int list(const struct ls_settings *settings, const struct table_choice *choice)
{
	struct ring_view *views;
	struct gyre_error error;
	unsigned hidden, i;
	int count, status = STATUS_OK;

	count = view_all(&views, &hidden, &error);
	if (count < 0)
		return say_error(NULL, &error);
	if (settings->json)
		status = as_json(views, (unsigned)count, hidden);
	else
		status = as_table(views, (unsigned)count, choice, settings);
	for (i = 0; i < (unsigned)count; i++)
		view_free(&views[i]);
	free(views);
	fflush(stdout);
	if (count == 0 && !settings->json && say_is_watched())
		say("no rings. Make one: seq 10 | gyre pub numbers");
	if (hidden > 0)
		say("%u object%s hidden by permissions: run as their owner or as root to see "
		    "whether they are rings",
			hidden, hidden == 1 ? " is" : "s are");
	return status;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct ls_settings settings = {.columns = DEFAULT_COLUMNS};
	struct table_choice choice;

	options_parse(verb, argc, argv, &settings);
	if (!table_choose(columns, settings.columns, &choice))
		return STATUS_USAGE;
	return list(&settings, &choice);
}

const struct verb verb_ls = {
	.name = "ls",
	.operands = "",
	.operands_min = 0,
	.operands_max = 0,
	.summary = "list the rings of this machine",
	.text = "List the rings of this machine. Looking never disturbs them.\n"
		"Columns: NAME KEY BACKEND RING SIZE CAPACITY USED FILL MESSAGES MAX PRODUCER\n"
		"  CONSUMER STATE OWNER MODE PROBLEM",
	.options = options,
	.examples = "  gyre ls -o KEY,MESSAGES,STATE        gyre ls --raw --noheadings -o NAME\n"
		    "  gyre ls --json",
	.statuses = "0 listed (even if there are none), 1 error, 2 usage",
	.run = run,
};
