/*
 * Recorded speech as a sound card delivers it: a block of 10 ms every 10 ms, by the clock. The
 * deadline of each block is counted from the first, so that delays do not add up.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include "sources.h"

enum { BLOCKS_A_SECOND = 100, BLOCK_NS = 1000000000 / BLOCKS_A_SECOND };

bool speech_load(struct speech *speech)
{
	const char *problem;
	glob_t found;
	size_t i;

	*speech = (struct speech){0};
	if (glob(SPEECH_FOLDER "/*.wav", 0, NULL, &found) != 0) {
		fprintf(stderr,
			"no sounds in " SPEECH_FOLDER ": install Debian's package alsa-utils\n");
		return false;
	}
	for (i = 0; i < found.gl_pathc && speech->count < SPEECH_FILES; i++) {
		problem = wav_load(found.gl_pathv[i], &speech->files[speech->count]);
		if (problem == NULL)
			speech->count++;
		else
			fprintf(stderr, "%s: %s\n", found.gl_pathv[i], problem);
	}
	globfree(&found);
	return speech->count > 0;
}

void speech_free(struct speech *speech)
{
	while (speech->count > 0)
		buffer_free(&speech->files[--speech->count].file);
}

static void sleep_until(uint64_t ns)
{
	const struct timespec at = {
		.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		continue;
}

static bool send_block(struct sender *sender, const void *samples, size_t bytes, uint32_t tag)
{
	void *room = sender_room(sender, bytes);

	if (room == NULL)
		return false;
	memcpy(room, samples, bytes);
	return sender_commit(sender, bytes, tag);
}

/* Each message is tagged with the number of its recording. */
bool speech_produce(struct sender *sender, const void *source, uint64_t first)
{
	const struct speech *speech = source;
	uint64_t deadline_ns = clock_ns(CLOCK_MONOTONIC), block = 0;

	for (uint32_t i = 0; i < speech->count; i++) {
		const struct wav *wav = &speech->files[i];
		const size_t full = (size_t)wav->rate / BLOCKS_A_SECOND * wav->frame_bytes;
		size_t at, bytes;

		for (at = 0; at < wav->samples_bytes; at += bytes) {
			bytes = wav->samples_bytes - at < full ? wav->samples_bytes - at : full;
			if (block++ < first)
				continue;
			if (block > SPEECH_BLOCKS)
				return true;
			deadline_ns += BLOCK_NS;
			sleep_until(deadline_ns);
			if (!send_block(sender, wav->samples + at, bytes, i))
				return false;
		}
	}
	return true;
}
