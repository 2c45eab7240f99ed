/*
 * Input as lines or small pieces, one message each. What one read(2) brought is divided in place
 * and sent in batches before the next read, so a message that is there never waits for another one,
 * and nothing is copied but into the ring. The start of an unfinished one moves to the front.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "feed.h"
#include "numbers.h"
#include "say.h"
#include "stop.h"
#include "tag.h"

enum {
	BLOCK_BYTES = 256 * 1024,
	BATCH = 512,
};

struct division {
	struct feed *feed;
	int input;
	size_t piece_bytes; /* 0: lines */
	size_t limit;       /* of a message, by the ring */
	char *buffer;
	size_t size, used;
	size_t scanned; /* so far without a newline */
	unsigned count; /* of batch */
	struct gyre_message batch[BATCH];
};

static int send_batch(struct division *d)
{
	const unsigned count = d->count;

	d->count = 0;
	return feed_send(d->feed, d->batch, count);
}

/* Where the message ends that begins at start, or NULL if there is less of it. */
static char *message_end(const struct division *d, char *start, char *from, const char *end)
{
	if (d->piece_bytes == 0)
		return memchr(from, '\n', (size_t)(end - from));
	return (size_t)(end - start) >= d->piece_bytes ? start + d->piece_bytes : NULL;
}

static int whole_line_too_long(struct division *d, size_t bytes)
{
	const int status = send_batch(d);

	return status != STATUS_OK ? status : feed_too_long(d->feed, "a line", bytes);
}

/* All whole messages that the buffer holds. What is left over then starts the buffer. */
static int send_whole(struct division *d)
{
	const uint32_t tag = d->feed->tag | (d->piece_bytes != 0 ? TAG_NO_NEWLINE : 0);
	char *start = d->buffer, *end = d->buffer + d->used, *stop;
	char *from = d->buffer + d->scanned;
	int status;

	while ((stop = message_end(d, start, from, end)) != NULL) {
		if ((size_t)(stop - start) > d->limit)
			return whole_line_too_long(d, (size_t)(stop - start));
		d->batch[d->count++] = (struct gyre_message){
			.data = start, .bytes = (size_t)(stop - start), .tag = tag};
		from = start = stop + (d->piece_bytes == 0);
		if (d->count == BATCH && (status = send_batch(d)) != STATUS_OK)
			return status;
	}
	status = send_batch(d);
	d->used = (size_t)(end - start);
	d->scanned = d->used;
	memmove(d->buffer, start, d->used);
	return status;
}

/* To name the size it takes: counts what else is there of the line, without waiting for it. */
static int unfinished_line_too_long(struct division *d)
{
	const uint64_t enough = (uint64_t)1 << 30;
	struct pollfd ready = {.fd = d->input, .events = POLLIN};
	uint64_t bytes = d->used;
	const char *newline = NULL;
	ssize_t got;

	while (newline == NULL && bytes < enough && poll(&ready, 1, 100) == 1) {
		got = read(d->input, d->buffer, d->size);
		if (got <= 0)
			break;
		newline = memchr(d->buffer, '\n', (size_t)got);
		bytes += newline != NULL ? (size_t)(newline - d->buffer) : (size_t)got;
	}
	return feed_too_long(d->feed, "a line", bytes);
}

/* For the rest of a message that fills the buffer. */
static int make_room(struct division *d)
{
	char *larger;

	if (d->used < d->size)
		return STATUS_OK;
	larger = realloc(d->buffer, 2 * d->size);
	if (larger == NULL) {
		say("out of memory for a line of more than %zu bytes", d->size);
		return STATUS_ERROR;
	}
	d->buffer = larger;
	d->size *= 2;
	return STATUS_OK;
}

/* A last line that has no newline, a short last piece, or what was read when a signal came. */
static int send_rest(struct division *d)
{
	const struct gyre_message rest = {
		.data = d->buffer, .bytes = d->used, .tag = d->feed->tag | TAG_NO_NEWLINE};

	return d->used == 0 ? STATUS_OK : feed_send(d->feed, &rest, 1);
}

/* How much came, 0 at the end or when a signal came, or -1. */
static ssize_t read_more(struct division *d)
{
	ssize_t got;

	do {
		if (stop_asked() != 0)
			return 0;
		got = read(d->input, d->buffer + d->used, d->size - d->used);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		say("reading the input: %s", strerror(errno));
	return got;
}

static int run(struct division *d)
{
	int status = STATUS_OK;
	ssize_t got;

	while (status == STATUS_OK && (got = read_more(d)) != 0) {
		if (got < 0)
			return STATUS_ERROR;
		d->used += (size_t)got;
		status = send_whole(d);
		if (status == STATUS_OK && d->used > d->limit)
			status = unfinished_line_too_long(d);
		if (status == STATUS_OK)
			status = make_room(d);
	}
	return status != STATUS_OK ? status : send_rest(d);
}

int feed_divided(struct feed *feed, int input, size_t piece_bytes)
{
	struct division *d = calloc(1, sizeof *d);
	int status;

	if (d != NULL)
		d->buffer = malloc(BLOCK_BYTES);
	if (d == NULL || d->buffer == NULL) {
		free(d);
		say("out of memory");
		return STATUS_ERROR;
	}
	d->feed = feed;
	d->input = input;
	d->piece_bytes = piece_bytes;
	d->size = BLOCK_BYTES;
	d->limit = gyre_ring_message_bytes_max(feed->ring);
	status = run(d);
	free(d->buffer);
	free(d);
	return status;
}
