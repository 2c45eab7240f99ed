/* gyre info: one ring's header, decoded, and who sits or sat at it. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include "facts.h"
#include "json.h"
#include "numbers.h"
#include "say.h"
#include "table.h"
#include "verb.h"
#include "view.h"
#include "view_json.h"
#include "words.h"

struct info_settings {
	bool json, bytes;
};

#define AT(field) offsetof(struct info_settings, field)

static const struct option_spec options[] = {
	{'J', "json", OPTION_FLAG, AT(json), NULL, "as JSON: see gyre-json(5)"},
	{'b', "bytes", OPTION_FLAG, AT(bytes), NULL, "sizes in bytes"},
	{0, NULL, OPTION_FLAG, 0, NULL, NULL},
};

static const struct table_column seat_columns[] = {
	{"SEAT", true, NULL},
	{"ROLE", false, NULL},
	{"PID", true, NULL},
	{"NAME", false, NULL},
	{"LIFE", false, NULL},
	{"MESSAGES", true, NULL},
	{"BYTES", true, NULL},
	{"STALLS", true, NULL},
	{"SLEEPS", true, NULL},
	{"WAKEUPS", true, NULL},
	{"ABORTED", true, NULL},
	{"HOLDS", true, NULL},
	{"OLDEST", true, NULL},
	{"BLOCKS", true, NULL},
	{"AGAIN", true, NULL},
	{"DROPPED", true, NULL},
	{NULL, false, NULL},
};

static const struct table_choice spsc_columns = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 11};
static const struct table_choice mpmc_columns = {
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, 16};

static const char *size_text(uint64_t bytes, bool exact, char *buffer)
{
	return exact ? text_exact(buffer, bytes) : text_bytes(buffer, bytes);
}

static void mpmc_facts(struct table *t, const struct gyre_ring_info *info)
{
	fact(t, "cells", "%" PRIu64 " of %" PRIu32 " bytes",
		info->capacity_bytes / info->cell_bytes, info->cell_bytes);
	fact(t, "seats", "%" PRIu32 " producers, %" PRIu32 " consumers at a time",
		info->producers_max, info->consumers_max);
	if (info->deliveries_max == 1)
		fact(t, "policy", "a message that a consumer died with is dropped");
	else
		fact(t, "policy", "a message is handed out up to %" PRIu32 " times, then dropped",
			info->deliveries_max);
}

static void total_facts(struct table *t, const struct gyre_totals *totals)
{
	fact(t, "passed", "%" PRIu64 " sent, %" PRIu64 " released", totals->committed,
		totals->released);
	if (totals->redelivered > 0 || totals->dropped > 0)
		fact(t, "deaths", "%" PRIu64 " given back, %" PRIu64 " messages dropped",
			totals->redelivered, totals->dropped);
}

static void geometry_facts(struct table *t, const struct gyre_ring_info *info, bool exact)
{
	char one[NUMBER_TEXT_BYTES], two_[NUMBER_TEXT_BYTES];

	fact(t, "ring", "%s, %s, layout %" PRIu32, kind_word(info->kind),
		info->slot_bytes != 0 ? "slots of one size" : "messages of any size",
		info->layout_version);
	fact(t, "capacity", "%s, in %s of memory", size_text(info->capacity_bytes, exact, one),
		size_text(info->segment_bytes, exact, two_));
	if (info->slot_bytes != 0)
		fact(t, "slot", "%" PRIu32, info->slot_bytes);
	if (info->kind == GYRE_RING_MPMC)
		mpmc_facts(t, info);
	fact(t, "largest message", "%s", size_text(info->message_bytes_max, exact, one));
	fact(t, "alignment", "%" PRIu32, info->align_bytes);
	fact(t, "wake", "%s", wake_word(info->wake));
	fact(t, "kept", "%s",
		(info->flags & GYRE_RING_KEEP) != 0 ? "yes: stays until gyre rm"
						    : "no: goes when closed, drained and left");
}

static void origin_facts(struct table *t, const struct gyre_ring_info *info)
{
	const uint64_t now = clock_now_ns();
	char age[NUMBER_TEXT_BYTES];

	/* The clock starts anew with every boot. */
	if (info->state == GYRE_STATE_OTHER_BOOT || info->created_ns > now)
		fact(t, "made", "before the last reboot, by process %" PRIu32, info->creator_pid);
	else
		fact(t, "made", "%s ago by process %" PRIu32,
			text_duration(age, now - info->created_ns), info->creator_pid);
	fact(t, "owner", "uid %" PRIu32 ", mode %04o", info->owner_uid,
		(unsigned)info->mode & 07777);
	fact(t, "generation", "%016" PRIx64, info->generation);
	fact(t, "boot", "%s", info->boot_id);
}

static int print_facts(const struct ring_view *view, bool exact)
{
	const struct gyre_ring_info *info = &view->info;
	struct table *t = facts_new();
	char used[NUMBER_TEXT_BYTES], state[128];

	if (t == NULL)
		return STATUS_ERROR;
	fact(t, "key", "%s", info->key);
	fact(t, "backend", "%s", info->backend);
	fact(t, "state", "%s", view_state(view, state, sizeof state));
	if (info->problem[0] != '\0')
		fact(t, "problem", "%s", info->problem);
	if (info->state == GYRE_STATE_BROKEN || info->state == GYRE_STATE_HALF_MADE) {
		/* Nothing of its header can be believed. */
		fact(t, "size", "%s", size_text(info->segment_bytes, exact, used));
		fact(t, "owner", "uid %" PRIu32 ", mode %04o", info->owner_uid,
			(unsigned)info->mode & 07777);
		return table_end(t);
	}
	fact(t, "waiting", "%" PRIu64 " messages, %s", info->messages,
		size_text(info->used_bytes, exact, used));
	total_facts(t, &info->totals);
	fact(t, "closed", "%s", info->closed != 0 ? "yes" : "no");
	geometry_facts(t, info, exact);
	origin_facts(t, info);
	return table_end(t);
}

static void seat_row(struct table *table, const struct gyre_participant *seat, bool exact)
{
	const struct gyre_counters *c = &seat->counters;
	char number[NUMBER_TEXT_BYTES];

	table_row(table);
	table_cell(table, 0, text_exact(number, seat->slot));
	table_cell(table, 1, role_word(seat->role));
	table_cell(table, 2, text_exact(number, seat->pid));
	table_cell(table, 3, seat->name);
	table_cell(table, 4, life_word(seat->liveness));
	table_cell(table, 5, text_exact(number, c->messages));
	table_cell(table, 6, size_text(c->bytes, exact, number));
	table_cell(table, 7, text_exact(number, c->stalls));
	table_cell(table, 8, text_exact(number, c->sleeps));
	table_cell(table, 9, text_exact(number, c->wakeups));
	table_cell(table, 10, text_exact(number, c->aborted));
}

/* What an mpmc seat has in hand, and what became of what its dead holders had. */
static void hold_cells(struct table *table, const struct gyre_participant *seat)
{
	const uint64_t now = clock_now_ns();
	char text[NUMBER_TEXT_BYTES];

	table_cell(table, 11, text_exact(text, seat->holds));
	table_cell(table, 12, seat->holds > 0 ? text_exact(text, seat->oldest_position) : "-");
	table_cell(table, 13,
		seat->blocks_since_ns != 0 && seat->blocks_since_ns < now
			? text_duration(text, now - seat->blocks_since_ns)
			: "-");
	table_cell(table, 14, text_exact(text, seat->counters.redelivered));
	table_cell(table, 15, text_exact(text, seat->counters.dropped));
}

static int print_seats(const struct ring_view *view, bool exact)
{
	const bool mpmc = view->info.kind == GYRE_RING_MPMC;
	struct table *table;
	unsigned i, used = 0;

	for (i = 0; i < view->count; i++)
		used += view->participants[i].liveness != GYRE_LIFE_NONE;
	if (view->info.state == GYRE_STATE_BROKEN || view->info.state == GYRE_STATE_HALF_MADE)
		return STATUS_OK;
	if (used == 0) {
		printf("\nNobody has attached to it yet.\n");
		return STATUS_OK;
	}
	printf("\n");
	table = table_new(seat_columns, mpmc ? &mpmc_columns : &spsc_columns, false, false);
	if (table == NULL)
		return STATUS_ERROR;
	for (i = 0; i < view->count; i++) {
		if (view->participants[i].liveness == GYRE_LIFE_NONE)
			continue;
		seat_row(table, &view->participants[i], exact);
		if (mpmc)
			hold_cells(table, &view->participants[i]);
	}
	return table_end(table);
}

static int print_json(const struct ring_view *view)
{
	struct json json = {0, false};

	json_open(&json, NULL, '{');
	json_number(&json, "version", JSON_VERSION);
	view_json(&json, "ring", view);
	json_close(&json, '}');
	return STATUS_OK;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct info_settings settings = {.json = false};
	struct operands operands = options_parse(verb, argc, argv, &settings);
	struct gyre_error error;
	struct ring_view view;
	int status;

	if (view_take(&view, operands.words[0], &error) < 0)
		return say_error(operands.words[0], &error);
	if (settings.json)
		status = print_json(&view);
	else {
		status = print_facts(&view, settings.bytes);
		if (status == STATUS_OK)
			status = print_seats(&view, settings.bytes);
	}
	view_free(&view);
	return status;
}

const struct verb verb_info = {
	.name = "info",
	.operands = "KEY",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "show one ring: header, participants, counters",
	.text = "Show what a ring's header says, who is attached, and what they have done.",
	.options = options,
	.examples = "  gyre info cam0\n  gyre info --json cam0",
	.statuses = "0 shown, 1 error (such as: not a ring), 2 usage, 3 no such name",
	.run = run,
};
