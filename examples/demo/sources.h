/* The real data: recorded speech, the text of this machine, pictures in motion. */
#ifndef DEMO_SOURCES_H
#define DEMO_SOURCES_H

#include <stdint.h>
#include "buffer.h"
#include "side.h"
#include "wav.h"

/* ---- Speech ---- */

enum { SPEECH_FILES = 16, SPEECH_BLOCKS = 800 /* of 10 ms */ };

#define SPEECH_FOLDER "/usr/share/sounds/alsa"

struct speech {
	struct wav files[SPEECH_FILES];
	unsigned count;
};

bool speech_load(struct speech *speech); /* false: it has said why */
void speech_free(struct speech *speech);
bool speech_produce(struct sender *sender, const void *speech, uint64_t first);

/* ---- Text ---- */

struct text {
	struct buffer all;
	unsigned files;
	uint64_t lines;
	size_t longest_line;
	unsigned times; /* it is sent so often; 0: until TEXT_SECONDS are over */
};

enum { TEXT_SECONDS = 5 };

bool text_load(struct text *text);
void text_free(struct text *text);
bool text_produce(struct sender *sender, const void *text, uint64_t first);
uint64_t text_checksum(const struct text *text); /* of all that is to be sent, text->times */

/* ---- Pictures ---- */

enum {
	PICTURE_WIDTH = 1920,
	PICTURE_HEIGHT = 1080,
	PICTURE_BYTES = PICTURE_WIDTH * PICTURE_HEIGHT * 3 / 2, /* NV12 */
	PICTURE_SECONDS = 8,
};

bool pictures_produce(struct sender *sender, const void *nothing, uint64_t first);

#endif
