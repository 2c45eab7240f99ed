/*
 * Input as lines, one message each. What one read(2) brought is scanned in place and sent in
 * batches before the next read, so a line that is there never waits for another one, and nothing
 * is copied but into the ring. The start of an unfinished line moves to the front of the buffer.
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

struct lines {
	struct feed *feed;
	int input;
	char *buffer;
	size_t size, used;
	size_t scanned; /* so far without a newline */
	unsigned count; /* of batch */
	struct gyre_message batch[BATCH];
};

static int send_batch(struct lines *l)
{
	const unsigned count = l->count;

	l->count = 0;
	return feed_send(l->feed, l->batch, count);
}

/* All whole lines that the buffer holds. What is left over then starts the buffer. */
static int send_whole_lines(struct lines *l)
{
	char *start = l->buffer, *end = l->buffer + l->used, *newline;
	char *from = l->buffer + l->scanned;
	int status;

	while ((newline = memchr(from, '\n', (size_t)(end - from))) != NULL) {
		l->batch[l->count++] = (struct gyre_message){
			.data = start, .bytes = (size_t)(newline - start), .tag = l->feed->tag};
		from = start = newline + 1;
		if (l->count == BATCH && (status = send_batch(l)) != STATUS_OK)
			return status;
	}
	status = send_batch(l);
	l->used = (size_t)(end - start);
	l->scanned = l->used;
	memmove(l->buffer, start, l->used);
	return status;
}

/* To name the size it takes: counts what else is there of the line, without waiting for it. */
static int line_too_long(struct lines *l)
{
	const uint64_t enough = (uint64_t)1 << 30;
	struct pollfd ready = {.fd = l->input, .events = POLLIN};
	uint64_t bytes = l->used;
	const char *newline = NULL;
	ssize_t got;

	while (newline == NULL && bytes < enough && poll(&ready, 1, 100) == 1) {
		got = read(l->input, l->buffer, l->size);
		if (got <= 0)
			break;
		newline = memchr(l->buffer, '\n', (size_t)got);
		bytes += newline != NULL ? (size_t)(newline - l->buffer) : (size_t)got;
	}
	return feed_too_long(l->feed, "a line", bytes);
}

/* Room for more of a line that fills the buffer; one byte beyond the limit shows that it is over.
 */
static int make_room(struct lines *l)
{
	const size_t limit = gyre_ring_message_bytes_max(l->feed->ring);
	char *larger;

	if (l->used > limit)
		return line_too_long(l);
	if (l->used < l->size)
		return STATUS_OK;
	larger = realloc(l->buffer, 2 * l->size);
	if (larger == NULL) {
		say("out of memory for a line of more than %zu bytes", l->size);
		return STATUS_ERROR;
	}
	l->buffer = larger;
	l->size *= 2;
	return STATUS_OK;
}

/* The last line, which has no newline, or what was read of a line when a signal came. */
static int send_rest(struct lines *l)
{
	const struct gyre_message rest = {
		.data = l->buffer, .bytes = l->used, .tag = l->feed->tag | TAG_NO_NEWLINE};

	return l->used == 0 ? STATUS_OK : feed_send(l->feed, &rest, 1);
}

static int run(struct lines *l)
{
	int status = STATUS_OK;
	ssize_t got;

	while (status == STATUS_OK && stop_asked() == 0) {
		status = make_room(l);
		if (status != STATUS_OK)
			break;
		got = read(l->input, l->buffer + l->used, l->size - l->used);
		if (got == 0)
			break;
		if (got < 0) {
			if (errno == EINTR)
				continue;
			say("reading the input: %s", strerror(errno));
			return STATUS_ERROR;
		}
		l->used += (size_t)got;
		status = send_whole_lines(l);
	}
	return status != STATUS_OK ? status : send_rest(l);
}

int feed_lines(struct feed *feed, int input)
{
	struct lines *l = calloc(1, sizeof *l);
	int status;

	if (l != NULL)
		l->buffer = malloc(BLOCK_BYTES);
	if (l == NULL || l->buffer == NULL) {
		free(l);
		say("out of memory");
		return STATUS_ERROR;
	}
	l->feed = feed;
	l->input = input;
	l->size = BLOCK_BYTES;
	status = run(l);
	free(l->buffer);
	free(l);
	return status;
}
