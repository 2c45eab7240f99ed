/*
 * gyre clean: remove what nobody can want any more, and say of the rest why it stays. Unattached is
 * not stale: messages that wait for a consumer are only removed by --force.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include "numbers.h"
#include "say.h"
#include "table.h"
#include "verb.h"
#include "view.h"

struct clean_settings {
	bool dry_run, force;
};

#define AT(field) offsetof(struct clean_settings, field)

static const struct option_spec options[] = {
	{'n', "dry-run", OPTION_FLAG, AT(dry_run), NULL, "only say what would be done"},
	{'f', "force", OPTION_FLAG, AT(force), NULL,
		"also unattached rings with messages, and broken ones"},
	{0, NULL, OPTION_FLAG, 0, NULL, NULL},
};

static const struct table_column columns[] = {
	{"ACTION", false, NULL},
	{"KEY", false, NULL},
	{"SIZE", true, NULL},
	{"MESSAGES", true, NULL},
	{"WHY", false, NULL},
	{NULL, false, NULL},
};

static const struct table_choice all_columns = {{0, 1, 2, 3, 4}, 5};

struct clean {
	const struct clean_settings *settings;
	struct table *table;
	unsigned removed, kept;
	uint64_t removed_bytes;
	int status;
};

static void why_kept(const struct ring_view *view, char *buffer, size_t size)
{
	const struct gyre_ring_info *info = &view->info;
	const char *key = short_key(info->key);
	char state[128];

	view_state(view, state, sizeof state);
	if (info->participants > 0)
		snprintf(buffer, size, "%s: %" PRIu32 " attached", state, info->participants);
	else if (ring_stays(info))
		snprintf(buffer, size, "empty, made to stay: gyre rm %s", key);
	else if (info->state == GYRE_STATE_BROKEN)
		snprintf(buffer, size, "%s", info->problem);
	else if (info->messages > 0)
		snprintf(buffer, size, "%s: read it (gyre sub %s) or gyre clean --force %s", state,
			key, key);
	else
		snprintf(buffer, size, "%s: gyre rm %s", state, key);
}

static void put_row(struct clean *clean, const struct ring_view *view, bool removed)
{
	const bool dry_run = clean->settings->dry_run;
	char size[NUMBER_TEXT_BYTES], messages[NUMBER_TEXT_BYTES], why[512];

	if (removed)
		view_state(view, why, sizeof why);
	else
		why_kept(view, why, sizeof why);
	table_row(clean->table);
	table_cell(clean->table, 0, !removed ? "keep" : dry_run ? "would remove" : "removed");
	table_cell(clean->table, 1, view->info.key);
	table_cell(clean->table, 2, text_bytes(size, view->info.segment_bytes));
	table_cell(clean->table, 3, text_exact(messages, view->info.messages));
	table_cell(clean->table, 4, why);
}

static void clean_one(struct clean *clean, const struct ring_view *view)
{
	const struct clean_settings *settings = clean->settings;
	const unsigned flags = (settings->dry_run ? GYRE_CLEAN_DRY_RUN : 0u) |
			       (settings->force ? GYRE_CLEAN_FORCE : 0u);
	struct gyre_error error;
	int result = 0;

	if (settings->force || !ring_stays(&view->info))
		result = gyre_clean(view->info.key, flags, &error);
	if (result == GYRE_ENOTFOUND)
		return; /* its last user, or another clean, was faster */
	if (result < 0) {
		clean->status = say_error(view->info.key, &error);
		return;
	}
	put_row(clean, view, result > 0);
	clean->removed += result > 0;
	clean->kept += result == 0;
	if (result > 0)
		clean->removed_bytes += view->info.segment_bytes;
}

static void clean_named(struct clean *clean, const struct operands *operands)
{
	struct gyre_error error;
	struct ring_view view;
	int i;

	for (i = 0; i < operands->count; i++) {
		if (view_take(&view, operands->words[i], &error) < 0) {
			clean->status = say_error(operands->words[i], &error);
			continue;
		}
		clean_one(clean, &view);
		view_free(&view);
	}
}

static void clean_all(struct clean *clean)
{
	struct ring_view *views;
	struct gyre_error error;
	unsigned hidden;
	int i, count;

	count = view_all(&views, &hidden, &error);
	if (count < 0) {
		clean->status = say_error(NULL, &error);
		return;
	}
	for (i = 0; i < count; i++) {
		clean_one(clean, &views[i]);
		view_free(&views[i]);
	}
	free(views);
}

static int end(struct clean *clean)
{
	char bytes[NUMBER_TEXT_BYTES];
	const int status = table_end(clean->table);

	if (status != STATUS_OK)
		return status;
	printf("%u ring%s %s (%s), %u kept\n", clean->removed, clean->removed == 1 ? "" : "s",
		clean->settings->dry_run ? "would be removed" : "removed",
		text_bytes(bytes, clean->removed_bytes), clean->kept);
	if (clean->status != STATUS_OK)
		return clean->status;
	return clean->removed > 0 ? STATUS_OK : STATUS_NOTHING;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct clean_settings settings = {.force = false};
	struct operands operands = options_parse(verb, argc, argv, &settings);
	struct clean clean = {.settings = &settings};

	clean.table = table_new(columns, &all_columns, false, false);
	if (clean.table == NULL)
		return STATUS_ERROR;
	if (operands.count > 0)
		clean_named(&clean, &operands);
	else
		clean_all(&clean);
	return end(&clean);
}

const struct verb verb_clean = {
	.name = "clean",
	.operands = "[KEY...]",
	.operands_min = 0,
	.operands_max = -1,
	.summary = "remove stale rings; list the others and why they stay",
	.text = "Remove rings that are half-made, of another boot, or closed and drained. A ring\n"
		"in use is never removed, and one with messages only with --force.",
	.options = options,
	.examples = "  gyre clean --dry-run\n  gyre clean --force old-cam",
	.statuses = "0 something was (or would be) removed, 1 error, 2 usage,\n"
		    "  3 no such ring, 4 nothing to do",
	.run = run,
};
