/* Recorded sound: RIFF/WAVE files of uncompressed samples. */
#ifndef DEMO_WAV_H
#define DEMO_WAV_H

#include <stdint.h>
#include "buffer.h"

struct wav {
	struct buffer file;
	const unsigned char *samples;
	size_t samples_bytes;
	uint32_t rate;        /* sample frames a second */
	uint32_t frame_bytes; /* one sample of each channel */
	uint16_t channels, bits;
};

/* NULL, or what is wrong with the file; then there is nothing to free. */
const char *wav_load(const char *path, struct wav *ret_wav);

#endif
