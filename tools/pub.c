/* gyre pub: standard input, a file or words of the command line become messages of a ring. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "feed.h"
#include "leave.h"
#include "numbers.h"
#include "open.h"
#include "say.h"
#include "stop.h"
#include "verb.h"
#include "view.h"

struct pub_settings {
	struct gyre_ring_options ring;
	uint64_t piece_bytes; /* 0: lines */
	const char *file;
	uint32_t tag;
	int64_t wait_ns;
	bool no_close, quiet;
};

#define AT(field) offsetof(struct pub_settings, field)

static const struct option_spec options[] = {
	{'f', "file", OPTION_TEXT, AT(file), "PATH", "read PATH, not standard input"},
	{'r', "raw", OPTION_BYTES, AT(piece_bytes), "SIZE", "pieces of SIZE bytes, not lines"},
	{'t', "tag", OPTION_TAG, AT(tag), "N", "tag every message with N (0)"},
	{'w', "wait", OPTION_SECONDS, AT(wait_ns), "SECONDS", "wait so long for room (for ever)"},
	{0, "no-close", OPTION_FLAG, AT(no_close), NULL, "leave the ring open, even as the last"},
	{'q', "quiet", OPTION_FLAG, AT(quiet), NULL, "no rate and no advice on a terminal"},
	{0, "ring", OPTION_KIND, AT(ring.kind), "KIND", "if there is no ring yet: spsc or mpmc"},
	{'c', "capacity", OPTION_BYTES, AT(ring.capacity_bytes), "SIZE", "... its room (1M)"},
	{'s', "slot", OPTION_BYTES32, AT(ring.slot_bytes), "SIZE", "... slots of one size"},
	{0, "cell", OPTION_BYTES32, AT(ring.cell_bytes), "SIZE", NULL},
	{0, "deliveries", OPTION_COUNT32, AT(ring.deliveries_max), "N", NULL},
	{0, "producers", OPTION_COUNT32, AT(ring.producers_max), "N", NULL},
	{0, "consumers", OPTION_COUNT32, AT(ring.consumers_max), "N", NULL},
	{0, "mode", OPTION_MODE, AT(ring.permissions.mode), "MODE",
		"make, or accept, such permissions (0600)"},
	{0, "owner", OPTION_OWNER, AT(ring.permissions), "USER", "accept a ring of USER's"},
	{0, NULL, OPTION_FLAG, 0, NULL, NULL},
};

static int open_input(const struct pub_settings *settings, int *ret_input)
{
	*ret_input = STDIN_FILENO;
	if (settings->file == NULL || strcmp(settings->file, "-") == 0)
		return STATUS_OK;
	*ret_input = open(settings->file, O_RDONLY | O_CLOEXEC);
	if (*ret_input >= 0)
		return STATUS_OK;
	say("--file %s: %s", settings->file, strerror(errno));
	return STATUS_ERROR;
}

static uint64_t input_bytes(int input)
{
	struct stat found;
	off_t at;

	if (fstat(input, &found) < 0 || !S_ISREG(found.st_mode))
		return 0;
	at = lseek(input, 0, SEEK_CUR);
	return at >= 0 && at < found.st_size ? (uint64_t)(found.st_size - at) : 0;
}

static int send_words(struct feed *feed, const struct operands *operands)
{
	struct gyre_message message;
	int i, status = STATUS_OK;

	for (i = 1; i < operands->count && status == STATUS_OK && stop_asked() == 0; i++) {
		message = (struct gyre_message){.data = operands->words[i],
			.bytes = strlen(operands->words[i]),
			.tag = feed->tag};
		if (message.bytes > gyre_ring_message_bytes_max(feed->ring))
			return feed_too_long(feed, "a word", message.bytes);
		status = feed_send(feed, &message, 1);
	}
	return status;
}

static int transfer(struct feed *feed, const struct pub_settings *settings,
	const struct operands *operands, int input)
{
	int status;

	progress_start(&feed->progress, !settings->quiet && say_is_watched(), input_bytes(input));
	if (operands->count > 1)
		status = send_words(feed, operands);
	else if (settings->piece_bytes > gyre_ring_message_bytes_max(feed->ring))
		status = feed_too_long(feed, "a piece", settings->piece_bytes);
	else if (settings->piece_bytes >= FEED_IN_PLACE_BYTES && !feed->shared)
		status = feed_in_place(feed, input, settings->piece_bytes);
	else
		status = feed_divided(feed, input, settings->piece_bytes);
	progress_end(&feed->progress);
	if (status == STATUS_OK && stop_asked() != 0)
		status = STATUS_SIGNAL + stop_asked();
	return status;
}

static void leave(struct feed *feed, const struct pub_settings *settings, int status, bool made)
{
	const bool removed = view_is_orphaned(feed->ring);
	struct gyre_error error;

	if (status == STATUS_OK && !settings->no_close)
		leave_last_closes(feed->key, feed->ring, &settings->ring);
	else
		gyre_ring_detach(feed->ring);
	if (removed)
		say("%s was removed while in use (gyre rm, or RemoveIPC= of systemd-logind): "
		    "only a consumer that was attached before can read it",
			feed->key);
	else if (status != STATUS_OK && made && feed->progress.messages == 0)
		gyre_ring_unlink(feed->key, &error); /* what failed leaves nothing behind */
}

static int publish(const char *key, const struct pub_settings *settings,
	const struct operands *operands, int input)
{
	struct feed feed = {.key = key,
		.wait_ns = settings->wait_ns,
		.tag = settings->tag,
		.quiet = settings->quiet};
	bool made = false;
	int status;

	status = open_ring(key, &settings->ring, settings->wait_ns, &feed.ring, &made);
	if (status != STATUS_OK)
		return status;
	feed.shared = view_is_shared(feed.ring);
	status = transfer(&feed, settings, operands, input);
	leave(&feed, settings, status, made);
	return status;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct pub_settings settings = {.wait_ns = GYRE_FOREVER, .ring.name = "gyre-pub"};
	struct operands operands = options_parse(verb, argc, argv, &settings);
	int input, status;

	if (operands.count > 1 && (settings.file != NULL || settings.piece_bytes != 0)) {
		say("words to send and --file or --raw exclude each other");
		return STATUS_USAGE;
	}
	status = open_input(&settings, &input);
	if (status != STATUS_OK)
		return status;
	stop_catch();
	return publish(operands.words[0], &settings, &operands, input);
}

const struct verb verb_pub = {
	.name = "pub",
	.operands = "KEY [WORD...]",
	.operands_min = 1,
	.operands_max = -1,
	.summary = "send standard input to a ring, making the ring where there is none",
	.text = "Send each line of standard input (or each WORD) as a message; close the ring,\n"
		"unless other producers are at it. To make a ring it takes what create takes.",
	.options = options,
	.examples = "  seq 1000000 | gyre pub numbers        gyre pub hello \"hi there\"\n"
		    "  gyre pub --raw 64K --file big.bin --capacity 8M blobs",
	.statuses = "0 sent and closed, 1 error, 2 usage, 5 no room within --wait,\n"
		    "  129 to 143 ended by a signal: what was read is sent, the ring is not closed",
	.run = run,
};
