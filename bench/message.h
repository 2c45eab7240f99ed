/*
 * What is sent, and how the receiver knows that it came whole and in order.
 *
 *	word 0          the sequence number
 *	every 4096th    stamped with the sequence number (once in 32 KiB)
 *	last word       stamped too, from 1 KiB on
 *	the others      a pattern of the source buffer, of which there are `pool`
 *
 * Every message is checked at its stamps, every 31st at each word. 31 is prime to the number of
 * buffers, so that all of them come round.
 */
#ifndef BENCH_MESSAGE_H
#define BENCH_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	MESSAGE_BATCH = 32,         /* also the number of source buffers of small messages */
	MESSAGE_SOURCES = 64,       /* so much is allotted for them: batches write one half
				     * while the other is sent */
	MESSAGE_AHEAD = 16,         /* "written long before" */
	MESSAGE_FULL_CHECK = 31,    /* every so many messages */
	MESSAGE_BLOCK_WORDS = 4096, /* one stamp in each */
	MESSAGE_TAIL_BYTES = 1024,  /* from here on the last word is stamped */
	MESSAGE_POOL_BYTES = 256 * 1024,
};

static inline uint64_t message_least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How many source buffers: all of them together should stay in the cache. Always a power of two
 * for the sizes that are measured, and at least one. */
static inline uint64_t message_pool(size_t bytes)
{
	const uint64_t fit = MESSAGE_POOL_BYTES / bytes;

	return fit > 0 ? message_least(fit, MESSAGE_BATCH) : 1;
}

static inline uint64_t message_pattern(uint64_t buffer, size_t word)
{
	return (buffer + 1) * UINT64_C(0x9e3779b97f4a7c15) + word * UINT64_C(0x0101010101010101);
}

static inline void message_put(void *message, size_t word, uint64_t value)
{
	memcpy((unsigned char *)message + word * sizeof(value), &value, sizeof(value));
}

static inline uint64_t message_get(const void *message, size_t word)
{
	uint64_t value;

	memcpy(&value, (const unsigned char *)message + word * sizeof(value), sizeof(value));
	return value;
}

static inline void message_stamp(void *message, size_t bytes, uint64_t sequence)
{
	const size_t words = bytes / sizeof(uint64_t);

	for (size_t i = 0; i < words; i += MESSAGE_BLOCK_WORDS)
		message_put(message, i, sequence + i);
	if (bytes >= MESSAGE_TAIL_BYTES)
		message_put(message, words - 1, ~sequence);
}

/* All of it, the stamps of sequence included. */
static inline void message_fill(void *message, size_t bytes, uint64_t sequence)
{
	const uint64_t buffer = sequence % message_pool(bytes);

	for (size_t i = 0; i < bytes / sizeof(uint64_t); i++)
		message_put(message, i, message_pattern(buffer, i));
	message_stamp(message, bytes, sequence);
}

/* The same by separate 8-byte stores, as a program fills in the fields of a message; for messages
 * of up to one block. */
static inline void message_write_fields(void *message, size_t bytes, uint64_t sequence)
{
	typedef volatile uint64_t __attribute__((may_alias)) field;
	field *const fields = (field *)message;
	const uint64_t buffer = sequence % message_pool(bytes);
	const size_t words = bytes / sizeof(uint64_t);

	fields[0] = sequence;
	for (size_t i = 1; i < words; i++)
		fields[i] = message_pattern(buffer, i);
	if (bytes >= MESSAGE_TAIL_BYTES)
		fields[words - 1] = ~sequence;
}

static inline bool message_stamps_right(const void *message, size_t bytes, uint64_t sequence)
{
	const size_t words = bytes / sizeof(uint64_t);
	uint64_t wrong = 0;

	for (size_t i = 0; i < words; i += MESSAGE_BLOCK_WORDS)
		wrong |= message_get(message, i) ^ (sequence + i);
	if (bytes >= MESSAGE_TAIL_BYTES)
		wrong |= message_get(message, words - 1) ^ ~sequence;
	return wrong == 0;
}

static inline bool message_right(const void *message, size_t bytes, uint64_t sequence)
{
	const uint64_t buffer = sequence % message_pool(bytes);
	const size_t words = bytes / sizeof(uint64_t);
	const size_t end = bytes >= MESSAGE_TAIL_BYTES ? words - 1 : words;
	uint64_t wrong = 0;

	for (size_t block = 0; block < end; block += MESSAGE_BLOCK_WORDS) {
		const size_t here = message_least(end - block, MESSAGE_BLOCK_WORDS);

		for (size_t i = 1; i < here; i++)
			wrong |= message_get(message, block + i) ^
				 message_pattern(buffer, block + i);
	}
	return wrong == 0 && message_stamps_right(message, bytes, sequence);
}

static inline bool message_checks_out(const void *message, size_t bytes, uint64_t sequence)
{
	if (sequence % MESSAGE_FULL_CHECK == 0)
		return message_right(message, bytes, sequence);
	return message_stamps_right(message, bytes, sequence);
}

#endif
