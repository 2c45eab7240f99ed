/* What is left over: rings that nobody can want, and those that something is wrong with. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "doctor.h"
#include "numbers.h"
#include "view.h"

struct tally {
	unsigned rings, used, stale, broken, suspect;
	uint64_t stale_bytes, messages;
	const struct ring_view *one_broken, *one_suspect;
	uint32_t suspect_pid;
};

static const struct gyre_participant *find_suspect(const struct ring_view *view)
{
	unsigned i;

	for (i = 0; i < view->count; i++) {
		if (view->participants[i].liveness == GYRE_LIFE_SUSPECT)
			return &view->participants[i];
	}
	return NULL;
}

static void count(struct tally *t, const struct ring_view *view)
{
	const struct gyre_participant *suspect = find_suspect(view);

	t->rings++;
	t->used += view->info.participants > 0;
	if (suspect != NULL) {
		t->suspect++;
		t->one_suspect = view;
		t->suspect_pid = suspect->pid;
	}
	if (view->info.state == GYRE_STATE_BROKEN) {
		t->broken++;
		t->one_broken = view;
	} else if (state_is_stale(view->info.state) && !ring_stays(&view->info)) {
		t->stale++;
		t->stale_bytes += view->info.segment_bytes;
	} else if (view->info.participants == 0) {
		t->messages += view->info.messages;
	}
}

static void say_wrong(struct doctor *d, const struct tally *t)
{
	char bytes[NUMBER_TEXT_BYTES], size[NUMBER_TEXT_BYTES + 16] = "";

	if (t->stale > 0) {
		if (t->stale_bytes > 0) /* of half-made ones nobody knows */
			snprintf(size, sizeof size, ", which take %s",
				text_bytes(bytes, t->stale_bytes));
		finding(d, HEALTH_WARN, "stale rings",
			"%u%s: drained, of another boot, or half-made (if not at this moment)",
			t->stale, size);
		cure(d, "gyre clean");
		figure(d, "rings", t->stale);
		figure(d, "bytes", t->stale_bytes);
	}
	if (t->broken > 0) {
		finding(d, HEALTH_WARN, "broken rings", "%u, such as %s: %s", t->broken,
			t->one_broken->info.key, t->one_broken->info.problem);
		cure(d, "gyre clean --force %s", short_key(t->one_broken->info.key));
		figure(d, "rings", t->broken);
	}
	if (t->suspect > 0) {
		finding(d, HEALTH_WARN, "lost locks",
			"process %" PRIu32
			" uses %s without the lock that tells it is alive: it closed "
			"descriptors it did not open (closefrom?)",
			t->suspect_pid, t->one_suspect->info.key);
		cure(d, "end that process, or let it attach after it has closed them");
		figure(d, "rings", t->suspect);
	}
}

static void say_all(struct doctor *d, const struct tally *t, unsigned hidden)
{
	char others[80] = "";

	if (hidden > 0)
		snprintf(others, sizeof others,
			"; permissions hide %u object%s, be they rings or not", hidden,
			hidden == 1 ? "" : "s");
	finding(d, HEALTH_OK, "rings", "%u, %u in use; %" PRIu64 " message%s in the others%s",
		t->rings, t->used, t->messages, t->messages == 1 ? " waits" : "s wait", others);
	figure(d, "rings", t->rings);
	figure(d, "used", t->used);
	figure(d, "messages", t->messages);
	figure(d, "hidden", hidden);
}

void doctor_rings(struct doctor *d)
{
	struct tally tally = {0};
	struct ring_view *views;
	struct gyre_error error;
	unsigned hidden;
	int i, number = view_all(&views, &hidden, &error);

	if (number < 0) {
		finding(d, HEALTH_WARN, "rings", "cannot be listed: %s", error.what);
		return;
	}
	for (i = 0; i < number; i++)
		count(&tally, &views[i]);
	say_all(d, &tally, hidden);
	say_wrong(d, &tally);
	for (i = 0; i < number; i++)
		view_free(&views[i]);
	free(views);
}
