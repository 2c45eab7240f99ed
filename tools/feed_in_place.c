/*
 * Input as large pieces, which are read straight into the ring; only the last may be shorter. The
 * first bytes of each are read aside: they tell whether there is another piece at all, so nothing
 * is reserved while the input is silent, or given back at its end. Not for rings with several
 * producers, where a piece that comes slowly would hold up what is behind it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "feed.h"
#include "say.h"
#include "stop.h"
#include "tag.h"

enum { ASIDE_BYTES = FEED_IN_PLACE_BYTES / 4 };

/* Reads until all is there, the input ends, or a signal. How much, or -1. */
static ssize_t fill(int input, char *data, size_t bytes)
{
	size_t used = 0;
	ssize_t got;

	while (used < bytes && stop_asked() == 0) {
		got = read(input, data + used, bytes - used);
		if (got == 0)
			break;
		if (got > 0)
			used += (size_t)got;
		else if (errno != EINTR)
			return -1;
	}
	return (ssize_t)used;
}

static int input_failed(void)
{
	say("reading the input: %s", strerror(errno));
	return STATUS_ERROR;
}

/* The piece that starts with what was read aside, and so goes on in place. */
static int send_piece(
	struct feed *feed, int input, const char *aside, size_t used, size_t bytes, bool *ret_last)
{
	const size_t room = used < ASIDE_BYTES ? used : bytes;
	ssize_t more = 0;
	void *data;
	int status;

	status = feed_reserve(feed, room, &data);
	if (status != STATUS_OK)
		return status;
	memcpy(data, aside, used);
	if (room > used)
		more = fill(input, (char *)data + used, room - used);
	if (more < 0) {
		status = input_failed();
		gyre_ring_discard(feed->ring);
		return status;
	}
	*ret_last = used + (size_t)more < bytes;
	return feed_commit(feed, used + (size_t)more, feed->tag | TAG_NO_NEWLINE);
}

int feed_in_place(struct feed *feed, int input, size_t piece_bytes)
{
	char aside[ASIDE_BYTES];
	bool last = false;
	int status = STATUS_OK;
	ssize_t used;

	while (status == STATUS_OK && !last && stop_asked() == 0) {
		used = fill(input, aside, ASIDE_BYTES);
		if (used < 0)
			return input_failed();
		if (used == 0)
			break;
		status = send_piece(feed, input, aside, (size_t)used, piece_bytes, &last);
	}
	return status;
}
