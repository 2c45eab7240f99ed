/*
 * RIFF: "RIFF", a length, "WAVE", then chunks of a four-letter name, a length and so many bytes,
 * padded to an even number. Lengths are little-endian and come from the file: each is held
 * against what is there.
 */
#include <errno.h>
#include <string.h>
#include "wav.h"

enum { HEAD = 12, CHUNK_HEAD = 8, FORMAT_BYTES = 16, PCM = 1, EXTENSIBLE = 0xfffe, GUID_AT = 24 };

static uint16_t u16(const unsigned char *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t u32(const unsigned char *at)
{
	return u16(at) | (uint32_t)u16(at + 2) << 16;
}

/* The chunk of that name; its length is what there is of it. */
static const unsigned char *find(const struct buffer *file, const char *name, size_t *ret_bytes)
{
	size_t at = HEAD, bytes, there;

	while (file->size - at >= CHUNK_HEAD) {
		bytes = u32(file->bytes + at + 4);
		there = file->size - at - CHUNK_HEAD;
		*ret_bytes = bytes < there ? bytes : there;
		if (memcmp(file->bytes + at, name, 4) == 0)
			return file->bytes + at + CHUNK_HEAD;
		if (bytes + bytes % 2 > there)
			break;
		at += CHUNK_HEAD + bytes + bytes % 2;
	}
	return NULL;
}

static const char *read_format(struct wav *wav)
{
	size_t bytes;
	const unsigned char *format = find(&wav->file, "fmt ", &bytes);
	uint16_t code;

	if (format == NULL || bytes < FORMAT_BYTES)
		return "it does not say its format";
	code = u16(format);
	if (code == EXTENSIBLE && bytes >= GUID_AT + 2)
		code = u16(format + GUID_AT);
	if (code != PCM)
		return "its samples are compressed";
	wav->channels = u16(format + 2);
	wav->rate = u32(format + 4);
	wav->frame_bytes = u16(format + 12);
	wav->bits = u16(format + 14);
	if (wav->rate < 100 || wav->frame_bytes == 0 ||
		wav->frame_bytes != wav->channels * (wav->bits / 8u))
		return "its format is impossible";
	return NULL;
}

static const char *read_all(const char *path, struct wav *wav)
{
	const char *problem;

	if (!buffer_append_file(&wav->file, path))
		return strerror(errno);
	if (wav->file.size < HEAD || memcmp(wav->file.bytes, "RIFF", 4) != 0 ||
		memcmp(wav->file.bytes + 8, "WAVE", 4) != 0)
		return "it is no RIFF/WAVE file";
	problem = read_format(wav);
	if (problem != NULL)
		return problem;
	wav->samples = find(&wav->file, "data", &wav->samples_bytes);
	return wav->samples != NULL ? NULL : "there are no samples in it";
}

const char *wav_load(const char *path, struct wav *ret_wav)
{
	const char *problem;

	*ret_wav = (struct wav){0};
	problem = read_all(path, ret_wav);
	if (problem != NULL)
		buffer_free(&ret_wav->file);
	return problem;
}
