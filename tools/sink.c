/*
 * Small messages are copied into one buffer, large ones are written from where they lie in the
 * ring. A message is released only after write(2) took it, so that one whom a kill or a closed
 * pipe interrupts leaves what it could not write to its successor.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "say.h"
#include "sink.h"
#include "stop.h"
#include "tag.h"

enum {
	BUFFER_BYTES = 256 * 1024,
	IN_PLACE_BYTES = 16 * 1024, /* from here on a write of its own is cheaper than a copy */
	HELD_MAX = 4096,            /* give room back before a ring of small messages is full */
	HELD_BYTES_MAX = 256 * 1024,
};

int sink_open(struct sink *sink, const char *file, bool quiet)
{
	sink->output = quiet ? -1 : STDOUT_FILENO;
	sink->output_name = "standard output";
	if (file != NULL && strcmp(file, "-") != 0) {
		sink->output = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		sink->output_name = file;
		if (sink->output < 0) {
			say("--file %s: %s", file, strerror(errno));
			return STATUS_ERROR;
		}
	}
	sink->buffer = malloc(BUFFER_BYTES);
	if (sink->buffer == NULL) {
		say("out of memory");
		return STATUS_ERROR;
	}
	return STATUS_OK;
}

static int write_failed(const struct sink *sink)
{
	/* Whoever read our output has had enough (head(1)): no news, but not success either. */
	if (errno == EPIPE)
		return STATUS_SIGNAL + SIGPIPE;
	say("writing to %s: %s", sink->output_name, strerror(errno));
	return STATUS_ERROR;
}

/* Everything, unless a signal asks to stop while the other end does not read. */
static int write_all(const struct sink *sink, const char *data, size_t bytes)
{
	ssize_t written;

	while (bytes > 0) {
		written = write(sink->output, data, bytes);
		if (written >= 0) {
			data += written;
			bytes -= (size_t)written;
		} else if (errno != EINTR) {
			return write_failed(sink);
		} else if (stop_asked() != 0) {
			return STATUS_SIGNAL + stop_asked();
		}
	}
	return STATUS_OK;
}

static int release_held(struct sink *sink)
{
	int result;

	if (sink->held == 0)
		return STATUS_OK;
	result = gyre_ring_release_batch(sink->ring, sink->held);
	progress_add(&sink->progress, sink->held, sink->held_bytes);
	sink->held = 0;
	sink->held_bytes = 0;
	return result < 0 ? say_code(sink->key, result, NULL) : STATUS_OK;
}

int sink_flush(struct sink *sink)
{
	const size_t used = sink->used;
	int status = STATUS_OK;

	sink->used = 0;
	if (used > 0)
		status = write_all(sink, sink->buffer, used);
	return status != STATUS_OK ? status : release_held(sink);
}

static int put_in_place(struct sink *sink, const struct gyre_message *message, bool newline)
{
	int status = STATUS_OK;

	if (sink->used > 0)
		status = write_all(sink, sink->buffer, sink->used);
	sink->used = 0;
	if (status == STATUS_OK)
		status = write_all(sink, message->data, message->bytes);
	if (newline)
		sink->buffer[sink->used++] = '\n';
	return status;
}

static int put(struct sink *sink, const struct gyre_message *message)
{
	const bool newline = !sink->raw && (message->tag & TAG_NO_NEWLINE) == 0;
	int status = STATUS_OK;

	if (message->bytes >= IN_PLACE_BYTES)
		return put_in_place(sink, message, newline);
	if (sink->used + message->bytes + 1 > BUFFER_BYTES) {
		status = write_all(sink, sink->buffer, sink->used);
		sink->used = 0;
	}
	if (message->bytes > 0)
		memcpy(sink->buffer + sink->used, message->data, message->bytes);
	sink->used += message->bytes;
	if (newline)
		sink->buffer[sink->used++] = '\n';
	return status;
}

int sink_take(struct sink *sink, const struct gyre_message *messages, unsigned count)
{
	int status;
	unsigned i;

	for (i = 0; i < count; i++) {
		status = sink->output < 0 ? STATUS_OK : put(sink, &messages[i]);
		if (status != STATUS_OK)
			return status;
		sink->held++;
		sink->held_bytes += messages[i].bytes;
	}
	if (sink->held >= HELD_MAX || sink->held_bytes >= HELD_BYTES_MAX)
		return sink_flush(sink);
	return STATUS_OK;
}

int sink_close(struct sink *sink, int status)
{
	free(sink->buffer);
	sink->buffer = NULL;
	/* Where a full disk or a network file system may only now say so. */
	if (sink->output > STDOUT_FILENO && close(sink->output) < 0 && status == STATUS_OK) {
		say("writing to %s: %s", sink->output_name, strerror(errno));
		status = STATUS_ERROR;
	}
	return status;
}
