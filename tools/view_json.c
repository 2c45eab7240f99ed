/* Every figure exact, every name as in the public headers; gyre-json(5) is the contract. */
#include <inttypes.h>
#include <stdio.h>
#include "view_json.h"
#include "words.h"

static void counters(struct json *json, const struct gyre_counters *c)
{
	json_open(json, "counters", '{');
	json_number(json, "messages", c->messages);
	json_number(json, "bytes", c->bytes);
	json_number(json, "stalls", c->stalls);
	json_number(json, "sleeps", c->sleeps);
	json_number(json, "wakeups", c->wakeups);
	json_number(json, "aborted", c->aborted);
	json_number(json, "redelivered", c->redelivered);
	json_number(json, "dropped", c->dropped);
	json_number(json, "dropped_bytes", c->dropped_bytes);
	json_close(json, '}');
}

static void totals(struct json *json, const struct gyre_totals *t)
{
	json_open(json, "totals", '{');
	json_number(json, "committed", t->committed);
	json_number(json, "released", t->released);
	json_number(json, "aborted", t->aborted);
	json_number(json, "redelivered", t->redelivered);
	json_number(json, "dropped", t->dropped);
	json_close(json, '}');
}

static void participant(struct json *json, const struct gyre_participant *p)
{
	json_open(json, NULL, '{');
	json_number(json, "slot", p->slot);
	json_text(json, "role", role_word(p->role));
	json_text(json, "liveness", life_word(p->liveness));
	json_number(json, "pid", p->pid);
	json_number(json, "pid_namespace", p->pid_namespace);
	json_number(json, "start_ticks", p->start_ticks);
	json_number(json, "attached_ns", p->attached_ns);
	json_number(json, "generation", p->generation);
	json_text(json, "name", p->name);
	json_number(json, "holds", p->holds);
	json_number(json, "oldest_position", p->oldest_position);
	json_number(json, "blocks_since_ns", p->blocks_since_ns);
	counters(json, &p->counters);
	json_close(json, '}');
}

static void identity(struct json *json, const struct gyre_ring_info *info)
{
	char text[32];

	json_text(json, "key", info->key);
	json_text(json, "backend", info->backend);
	json_number(json, "layout_version", info->layout_version);
	snprintf(text, sizeof text, "%016" PRIx64, info->generation);
	json_text(json, "generation", text);
	json_text(json, "boot_id", info->boot_id);
	json_number(json, "created_ns", info->created_ns);
	json_number(json, "creator_pid", info->creator_pid);
	json_number(json, "owner_uid", info->owner_uid);
	snprintf(text, sizeof text, "%04o", (unsigned)info->mode & 07777);
	json_text(json, "mode", text);
}

static void geometry(struct json *json, const struct gyre_ring_info *info)
{
	json_text(json, "ring", kind_word(info->kind));
	json_text(json, "wake", wake_word(info->wake));
	json_bool(json, "keep", (info->flags & GYRE_RING_KEEP) != 0);
	json_number(json, "capacity_bytes", info->capacity_bytes);
	json_number(json, "segment_bytes", info->segment_bytes);
	json_number(json, "message_bytes_max", info->message_bytes_max);
	json_number(json, "slot_bytes", info->slot_bytes);
	json_number(json, "align_bytes", info->align_bytes);
	json_number(json, "cell_bytes", info->cell_bytes);
	json_number(json, "deliveries_max", info->deliveries_max);
	json_number(json, "producers_max", info->producers_max);
	json_number(json, "consumers_max", info->consumers_max);
}

void view_json(struct json *json, const char *name, const struct ring_view *view)
{
	const struct gyre_ring_info *info = &view->info;
	unsigned i;

	json_open(json, name, '{');
	identity(json, info);
	geometry(json, info);
	json_text(json, "state", state_word(info->state));
	json_bool(json, "stale", state_is_stale(info->state));
	json_bool(json, "closed", info->closed != 0);
	json_text(json, "problem", info->problem[0] != '\0' ? info->problem : NULL);
	json_number(json, "used_bytes", info->used_bytes);
	json_number(json, "messages", info->messages);
	json_number(json, "alive", info->participants);
	totals(json, &info->totals);
	json_open(json, "participants", '[');
	for (i = 0; i < view->count; i++) {
		if (view->participants[i].liveness != GYRE_LIFE_NONE)
			participant(json, &view->participants[i]);
	}
	json_close(json, ']');
	json_close(json, '}');
}
