/* The first second shows nothing; then the rate of the last half second, the sum, and the rest. */
#include <inttypes.h>
#include <stdio.h>
#include "numbers.h"
#include "progress.h"
#include "say.h"

#define FIRST_NS 1000000000u
#define EVERY_NS 500000000u

void progress_start(struct progress *progress, bool shown, uint64_t bytes_total)
{
	const uint64_t now = clock_now_ns();

	*progress = (struct progress){
		.shown = shown,
		.bytes_total = bytes_total,
		.start_ns = now,
		.last_ns = now,
		.next_ns = now + FIRST_NS,
	};
}

/* Percent and time to go, by the mean rate so far, where the end is known. */
static const char *rest(const struct progress *p, uint64_t now, char *buffer, size_t size)
{
	char time[NUMBER_TEXT_BYTES];
	double share;

	buffer[0] = '\0';
	if (p->bytes_total == 0 || p->bytes == 0 || p->bytes > p->bytes_total)
		return buffer;
	share = (double)p->bytes / (double)p->bytes_total;
	snprintf(buffer, size, "  %.0f%%, %s to go", share * 100,
		text_duration(time, (uint64_t)((double)(now - p->start_ns) * (1 / share - 1))));
	return buffer;
}

static void show(struct progress *p, uint64_t now)
{
	const double seconds = (double)(now - p->last_ns) / 1e9;
	char sum[NUMBER_TEXT_BYTES], rate[NUMBER_TEXT_BYTES], flow[NUMBER_TEXT_BYTES], to_go[64];

	say_status("%s  %s msg/s  %s/s%s", text_bytes(sum, p->bytes),
		text_count(rate, (double)(p->messages - p->last_messages) / seconds),
		text_bytes(flow, (uint64_t)((double)(p->bytes - p->last_bytes) / seconds)),
		rest(p, now, to_go, sizeof to_go));
	p->last_ns = now;
	p->last_messages = p->messages;
	p->last_bytes = p->bytes;
	p->next_ns = now + EVERY_NS;
}

void progress_idle(struct progress *progress)
{
	uint64_t now;

	if (!progress->shown)
		return;
	now = clock_now_ns();
	if (now >= progress->next_ns)
		show(progress, now);
}

void progress_add(struct progress *progress, uint64_t messages, uint64_t bytes)
{
	progress->messages += messages;
	progress->bytes += bytes;
	progress_idle(progress);
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		say_status("%s", "");
	progress->shown = false;
}

const char *progress_summary(const struct progress *progress, char *buffer)
{
	const double seconds = (double)(clock_now_ns() - progress->start_ns) / 1e9;
	char sum[NUMBER_TEXT_BYTES], rate[NUMBER_TEXT_BYTES], flow[NUMBER_TEXT_BYTES];

	snprintf(buffer, PROGRESS_SUMMARY_BYTES,
		"%" PRIu64 " messages, %s in %.3f s (%s msg/s, %s/s)", progress->messages,
		text_bytes(sum, progress->bytes), seconds,
		text_count(rate, (double)progress->messages / (seconds > 0 ? seconds : 1)),
		text_bytes(
			flow, (uint64_t)((double)progress->bytes / (seconds > 0 ? seconds : 1))));
	return buffer;
}
