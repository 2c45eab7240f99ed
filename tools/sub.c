/*
 * gyre sub: the messages of a ring become lines or bytes on standard output. It takes what is there
 * without waiting and gathers it; when nothing is there it first writes and releases what it has,
 * and only then waits.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include "await.h"
#include "numbers.h"
#include "say.h"
#include "sink.h"
#include "stop.h"
#include "verb.h"
#include "view.h"

enum {
	BATCH = 512,
	BATCH_SHARED = 32, /* others may be idle meanwhile */
};

#define LOOK_AROUND_NS                                                                             \
	1000000000u /* how often an idle sub asks whether its ring's name is there                 \
		     */

struct sub_settings {
	struct gyre_ring_options ring; /* for attaching: permissions and name */
	uint64_t count;
	const char *file;
	int64_t wait_ns;
	bool raw, quiet, no_follow, step_over;
};

struct sub {
	const struct sub_settings *settings;
	const char *key;
	struct sink sink;
	bool producer_gone; /* said; nothing came since */
	bool told_orphaned;
	bool told_again;
	bool shared; /* with other consumers: what is taken and not written comes again, marked */
	bool end;
	uint64_t idle_since_ns;
};

#define AT(field) offsetof(struct sub_settings, field)

static const struct option_spec options[] = {
	{'n', "count", OPTION_COUNT, AT(count), "N", "end after N messages"},
	{'r', "raw", OPTION_FLAG, AT(raw), NULL, "write the bytes of lines without newlines"},
	{'f', "file", OPTION_TEXT, AT(file), "PATH", "write to PATH, not standard output"},
	{'q', "quiet", OPTION_FLAG, AT(quiet), NULL, "no data to standard output, but a summary"},
	{'w', "wait", OPTION_SECONDS, AT(wait_ns), "SECONDS",
		"wait so long for the ring to appear (for ever)"},
	{0, "no-follow", OPTION_FLAG, AT(no_follow), NULL,
		"end (6) when the producer is gone without closing"},
	{0, "step-over", OPTION_FLAG, AT(step_over), NULL,
		"mpmc: do not wait behind a message being written"},
	{0, "mode", OPTION_MODE, AT(ring.permissions.mode), "MODE", "accept such permissions"},
	{0, "owner", OPTION_OWNER, AT(ring.permissions), "USER", "accept a ring of USER's"},
	{0, NULL, OPTION_FLAG, 0, NULL, NULL},
};

static int sit_down(struct sub *sub, int64_t wait_ns)
{
	int status;

	sub->producer_gone = false;
	sub->told_orphaned = false;
	sub->idle_since_ns = 0;
	status = await_ring(sub->key, &sub->settings->ring, wait_ns, &sub->sink.ring);
	sub->shared = status == STATUS_OK && view_is_shared(sub->sink.ring);
	return status;
}

static int sit_down_anew(struct sub *sub)
{
	gyre_ring_detach(sub->sink.ring);
	sub->sink.ring = NULL;
	return sit_down(sub, GYRE_FOREVER);
}

/* A ring whose name is gone gets no new producer. Wait for another one, unless somebody may still
 * be sending to this one. */
static int look_around(struct sub *sub)
{
	struct ring_view view;
	unsigned producers;

	if (!view_is_orphaned(sub->sink.ring))
		return STATUS_OK;
	if (!sub->told_orphaned)
		say("%s was removed while in use (gyre rm, or RemoveIPC= of systemd-logind)",
			sub->key);
	sub->told_orphaned = true;
	if (view_attached(&view, sub->sink.ring, NULL) < 0)
		return STATUS_OK;
	producers = view_alive(&view, GYRE_PRODUCER);
	view_free(&view);
	if (producers > 0)
		return STATUS_OK;
	return sub->settings->no_follow ? STATUS_LOST : sit_down_anew(sub);
}

static int while_idle(struct sub *sub)
{
	const uint64_t now = clock_now_ns();

	progress_idle(&sub->sink.progress);
	if (stop_asked() != 0)
		return STATUS_SIGNAL + stop_asked();
	if (sub->idle_since_ns == 0)
		sub->idle_since_ns = now;
	if (now - sub->idle_since_ns < LOOK_AROUND_NS)
		return STATUS_OK;
	sub->idle_since_ns = now;
	return look_around(sub);
}

static int producer_is_gone(struct sub *sub, int code)
{
	const bool follow = !sub->settings->no_follow;

	say("%s: the producer %s%s", sub->key,
		code == GYRE_EDIED ? "died" : "left without closing the ring",
		follow ? "; waiting for a successor" : "");
	sub->producer_gone = true;
	return follow ? look_around(sub) : STATUS_LOST;
}

static void tell_again(struct sub *sub, const struct gyre_message *messages, unsigned count)
{
	for (unsigned i = 0; i < count && !sub->told_again; i++) {
		if ((messages[i].flags & GYRE_MESSAGE_AGAIN) == 0)
			continue;
		say("%s: some messages had been handed to a consumer that went without releasing "
		    "them: it may have written them",
			sub->key);
		sub->told_again = true;
	}
}

static int took(struct sub *sub, const struct gyre_message *messages, unsigned count)
{
	int status;

	tell_again(sub, messages, count);
	if (sub->producer_gone)
		say("%s: a successor goes on", sub->key);
	sub->producer_gone = false;
	sub->idle_since_ns = 0;
	status = sink_take(&sub->sink, messages, count);
	if (status == STATUS_OK && sub->shared)
		status = sink_flush(&sub->sink);
	if (status == STATUS_OK && stop_asked() != 0) {
		status = sink_flush(&sub->sink);
		return status != STATUS_OK ? status : STATUS_SIGNAL + stop_asked();
	}
	return status;
}

static int what_else(struct sub *sub, int code)
{
	switch (code) {
	case GYRE_EAGAIN:
	case GYRE_ETIMEDOUT:
		return while_idle(sub);
	case GYRE_ECLOSED:
		sub->end = true;
		return STATUS_OK;
	case GYRE_ELEFT:
	case GYRE_EDIED:
		return producer_is_gone(sub, code);
	default:
		return say_code(sub->key, code, "see gyre info");
	}
}

/* How many messages may be taken before --count is reached. */
static unsigned wanted(const struct sub *sub)
{
	const uint64_t taken = sub->sink.progress.messages + sub->sink.held;
	const uint64_t rest = sub->settings->count - taken;
	const unsigned batch = sub->shared ? BATCH_SHARED : BATCH;

	return rest > batch ? batch : (unsigned)rest;
}

static int receive(struct sub *sub)
{
	struct gyre_message messages[BATCH];
	int status = STATUS_OK, got;
	unsigned want;

	while (status == STATUS_OK && !sub->end && (want = wanted(sub)) > 0) {
		got = gyre_ring_peek_batch(sub->sink.ring, 0, messages, want);
		if (got <= 0) {
			status = sink_flush(&sub->sink);
			if (status != STATUS_OK)
				break;
		}
		if (got == GYRE_EAGAIN)
			got = gyre_ring_peek_batch(sub->sink.ring, STOP_SLICE_NS, messages, want);
		status = got > 0 ? took(sub, messages, (unsigned)got) : what_else(sub, got);
	}
	if (status == STATUS_OK)
		status = sink_flush(&sub->sink);
	/* After the last of --count the end may stand next: taken too, the ring can go. */
	if (status == STATUS_OK && !sub->end && !sub->shared)
		gyre_ring_peek_batch(sub->sink.ring, 0, messages, 1);
	return status;
}

static int subscribe(struct sub *sub)
{
	char summary[PROGRESS_SUMMARY_BYTES];
	const bool shown = say_is_watched() && (sub->settings->quiet || sub->settings->file);
	int status;

	status = sit_down(sub, sub->settings->wait_ns);
	if (status != STATUS_OK)
		return status;
	progress_start(&sub->sink.progress, shown, 0);
	status = receive(sub);
	progress_end(&sub->sink.progress);
	gyre_ring_detach(sub->sink.ring);
	if (sub->settings->quiet)
		printf("%s\n", progress_summary(&sub->sink.progress, summary));
	return status;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct sub_settings settings = {
		.count = UINT64_MAX, .wait_ns = GYRE_FOREVER, .ring.name = "gyre-sub"};
	struct operands operands = options_parse(verb, argc, argv, &settings);
	struct sub sub = {.settings = &settings, .key = operands.words[0]};
	int status;

	if (settings.step_over)
		settings.ring.flags |= GYRE_RING_STEP_OVER;
	sub.sink.key = sub.key;
	sub.sink.raw = settings.raw;
	status = sink_open(&sub.sink, settings.file, settings.quiet);
	if (status != STATUS_OK)
		return status;
	stop_catch();
	return sink_close(&sub.sink, subscribe(&sub));
}

const struct verb verb_sub = {
	.name = "sub",
	.operands = "KEY",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "write a ring's messages to standard output until it is closed",
	.text = "Write each message as a line; wait for the ring if it is not there yet. Of a\n"
		"producer that dies or leaves without closing it says so, and awaits a successor.",
	.options = options,
	.examples = "  gyre sub numbers | tail -1            gyre sub --file copy.bin blobs\n"
		    "  gyre sub --quiet --count 1000000 numbers",
	.statuses = "0 the ring was closed and is drained, or --count is reached,\n"
		    "  1 error, 2 usage, 5 no ring within --wait, 6 the producer is gone\n"
		    "  (--no-follow), 129 to 143 ended by a signal (141: output was closed)",
	.run = run,
};
