/*
 * What the bare rings share: how bytes get into and out of a ring that is written ahead of.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "prefetchw.h"

enum {
	BARE_LINE = 64,
	BARE_AHEAD = 1024,           /* lines are asked for so far ahead of the write position */
	BARE_SLACK = 2 * BARE_AHEAD, /* so much behind a ring may be prefetched */
	BARE_SMALL = 128,            /* copied word by word */
};

/* The lines that writing bytes at p brings into reach. */
static inline void bare_ask_ahead(const unsigned char *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += BARE_LINE)
		prefetchw(p + BARE_AHEAD + i);
}

/* Word by word: a wider load of a field that was stored just before would wait until the store
 * has left the processor, line miss by line miss. Eight words a turn, for the sizes that the
 * compiler does not know. */
static inline void bare_copy_words(void *to, const void *from, size_t bytes)
{
	typedef volatile uint64_t __attribute__((may_alias)) word;
	word *out = (word *)to;
	const word *in = (const word *)from;
	size_t words = bytes / sizeof(uint64_t);

	for (; words >= 8; words -= 8, out += 8, in += 8) {
		out[0] = in[0];
		out[1] = in[1];
		out[2] = in[2];
		out[3] = in[3];
		out[4] = in[4];
		out[5] = in[5];
		out[6] = in[6];
		out[7] = in[7];
	}
	for (; words > 0; words--)
		*out++ = *in++;
}

/* Into the ring, where the lines belong to the other core. */
static inline void bare_copy_in(unsigned char *to, const unsigned char *from, size_t bytes)
{
	if (bytes <= BARE_SMALL) {
		bare_ask_ahead(to, bytes + sizeof(uint64_t)); /* its header too */
		bare_copy_words(to, from, bytes);
		return;
	}
	while (bytes > BARE_AHEAD) {
		bare_ask_ahead(to, BARE_AHEAD);
		memcpy(to, from, BARE_AHEAD);
		to += BARE_AHEAD;
		from += BARE_AHEAD;
		bytes -= BARE_AHEAD;
	}
	bare_ask_ahead(to, bytes);
	memcpy(to, from, bytes);
}

static inline void bare_copy_out(void *to, const void *from, size_t bytes)
{
	if (bytes <= BARE_SMALL)
		bare_copy_words(to, from, bytes);
	else
		memcpy(to, from, bytes);
}

#endif
