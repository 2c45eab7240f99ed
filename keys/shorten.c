/*
 * Names that fit and stay apart: a readable head, and a digest of the whole name as the tail.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "gyre_key.h"
#include "utf8_private.h"

int gyre_key_shorten(const char *name, size_t bytes_max, char *buf, size_t size)
{
	const size_t bytes = strlen(name);
	const bool fits = bytes <= bytes_max;
	char tail[GYRE_KEY_SHORTENED_BYTES + 1] = "";
	size_t head_bytes = bytes;

	if (bytes_max > INT_MAX || (!fits && bytes_max < GYRE_KEY_SHORTENED_BYTES))
		return GYRE_EINVAL;
	if (!fits) {
		const unsigned long long digest = XXH3_64bits(name, bytes);

		(void)snprintf(tail, sizeof tail, "-%016llx", digest);
		head_bytes = gyre_utf8_floor(name, bytes_max - GYRE_KEY_SHORTENED_BYTES);
	}
	if (head_bytes + strlen(tail) >= size)
		return GYRE_ESIZE;
	memcpy(buf, name, head_bytes);
	memcpy(buf + head_bytes, tail, strlen(tail) + 1);
	return (int)(head_bytes + strlen(tail));
}
