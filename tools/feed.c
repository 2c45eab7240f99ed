/*
 * Waiting for room happens in slices, since signals do not end the library's calls. Each slice that
 * found no room asks whether the user wants to stop, whether --wait is over, and whether to say who
 * is being waited for.
 */
#include <inttypes.h>
#include <stdio.h>
#include "feed.h"
#include "numbers.h"
#include "say.h"
#include "stop.h"
#include "view.h"

#define TELL_AFTER_NS 1000000000u
#define LINGER_NS 1000000000u /* for room, once the user asked to stop */

static int64_t slice_ns(const struct feed *feed)
{
	if (feed->wait_ns >= 0 && feed->wait_ns < STOP_SLICE_NS)
		return feed->wait_ns;
	return STOP_SLICE_NS;
}

/* "1.0M of 1.0M used by 1203 messages; no consumer is attached" (or: who is in the way) */
static void describe(const struct feed *feed, char *buffer, size_t size)
{
	struct ring_view view;
	char used[NUMBER_TEXT_BYTES], capacity[NUMBER_TEXT_BYTES], hold[128];
	const char *consumer = "no consumer is attached";
	const struct gyre_participant *blocker;

	buffer[0] = '\0';
	if (view_attached(&view, feed->ring, NULL) < 0)
		return;
	blocker = view_in_the_way(&view);
	if (blocker != NULL)
		consumer = view_hold(blocker, hold, sizeof hold);
	else if (view_alive(&view, GYRE_CONSUMER) > 0)
		consumer = "the consumer does not take them";
	snprintf(buffer, size, "%s of %s used by %" PRIu64 " messages; %s",
		text_bytes(used, view.info.used_bytes),
		text_bytes(capacity, view.info.capacity_bytes), view.info.messages, consumer);
	view_free(&view);
}

static int give_up_waiting(const struct feed *feed)
{
	char full[256], time[NUMBER_TEXT_BYTES];

	describe(feed, full, sizeof full);
	say("%s: no room within %s: %s. %" PRIu64 " messages were sent, the rest was not. "
	    "Start a consumer: gyre sub %s",
		feed->key, text_duration(time, (uint64_t)feed->wait_ns), full,
		feed->progress.messages, feed->key);
	return STATUS_TIMEOUT;
}

static int give_up_stopping(const struct feed *feed)
{
	say("%s: stopped after %" PRIu64 " messages; there was no room for what else had been read",
		feed->key, feed->progress.messages);
	return STATUS_SIGNAL + stop_asked();
}

static void tell_full(struct feed *feed)
{
	char full[256];

	feed->told_full = true;
	if (feed->quiet || !say_is_watched())
		return;
	describe(feed, full, sizeof full);
	say("%s is full: %s. Waiting for room (gyre sub %s)", feed->key, full, feed->key);
}

static int no_room(struct feed *feed)
{
	const uint64_t now = clock_now_ns();

	if (feed->blocked_since_ns == 0)
		feed->blocked_since_ns = now - (uint64_t)slice_ns(feed);
	if (stop_asked() != 0) {
		if (feed->stopped_since_ns == 0)
			feed->stopped_since_ns = now;
		if (now - feed->stopped_since_ns >= LINGER_NS)
			return give_up_stopping(feed);
	}
	if (feed->wait_ns >= 0 && now - feed->blocked_since_ns >= (uint64_t)feed->wait_ns)
		return give_up_waiting(feed);
	if (!feed->told_full && now - feed->blocked_since_ns >= TELL_AFTER_NS)
		tell_full(feed);
	progress_idle(&feed->progress);
	return STATUS_OK;
}

static int failed(const struct feed *feed, int code)
{
	char advice[160];

	if (code != GYRE_ECLOSED)
		return say_code(feed->key, code, NULL);
	snprintf(advice, sizeof advice,
		"read it to its end first (gyre sub %s), or use another key", feed->key);
	return say_code(feed->key, code, advice);
}

int feed_send(struct feed *feed, const struct gyre_message *messages, unsigned count)
{
	uint64_t bytes;
	int sent, status, i;

	while (count > 0) {
		sent = gyre_ring_send_batch(
			feed->ring, messages, feed->shared ? 1 : count, slice_ns(feed));
		if (sent == GYRE_EAGAIN || sent == GYRE_ETIMEDOUT) {
			status = no_room(feed);
			if (status != STATUS_OK)
				return status;
			continue;
		}
		if (sent < 0)
			return failed(feed, sent);
		feed->blocked_since_ns = 0;
		for (bytes = 0, i = 0; i < sent; i++)
			bytes += messages[i].bytes;
		progress_add(&feed->progress, (uint64_t)sent, bytes);
		messages += sent;
		count -= (unsigned)sent;
	}
	return STATUS_OK;
}

int feed_reserve(struct feed *feed, size_t bytes, void **ret_data)
{
	int result, status;

	for (;;) {
		result = gyre_ring_reserve(feed->ring, bytes, slice_ns(feed), ret_data);
		if (result == GYRE_OK)
			break;
		if (result != GYRE_EAGAIN && result != GYRE_ETIMEDOUT)
			return failed(feed, result);
		status = no_room(feed);
		if (status != STATUS_OK)
			return status;
	}
	feed->blocked_since_ns = 0;
	return STATUS_OK;
}

int feed_commit(struct feed *feed, size_t bytes, uint32_t tag)
{
	const int result = gyre_ring_commit(feed->ring, bytes, tag);

	if (result != GYRE_OK)
		return failed(feed, result);
	progress_add(&feed->progress, 1, bytes);
	return STATUS_OK;
}

int feed_too_long(const struct feed *feed, const char *what, uint64_t bytes)
{
	const uint64_t limit = gyre_ring_message_bytes_max(feed->ring);
	const uint64_t capacity = gyre_ring_capacity_for(bytes);
	char asked[NUMBER_TEXT_BYTES], max[NUMBER_TEXT_BYTES], size[NUMBER_TEXT_BYTES];
	struct ring_view view;
	bool slots = false;

	if (view_attached(&view, feed->ring, NULL) >= 0) {
		slots = view.info.slot_bytes != 0;
		view_free(&view);
	}
	text_exact(asked, bytes);
	text_exact(max, limit);
	if (slots)
		text_exact(size, bytes);
	else
		text_bytes(size, capacity);
	if (capacity == 0)
		say("%s: %s has %s bytes: no ring takes that", feed->key, what, asked);
	else
		say("%s: %s has %s bytes and a message of this ring at most %s: it takes a ring "
		    "made with %s %s (gyre rm %s first)",
			feed->key, what, asked, max, slots ? "--slot" : "--capacity", size,
			feed->key);
	return STATUS_ERROR;
}
