/*
 * One bit is wrong, anywhere in the segment: messages may be lost or damaged, but nobody crashes,
 * reaches beyond the mapping, or is kept for ever. Each bit, one at a time, and then a thousand
 * calls.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include "mpmc_hostile.h"

TestSuite(mpmc_bits, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	CALLS = 1000,
	SEAT_BYTES = 384,
	CHECKSUM = 0x1f8,
	LIMIT_S = 20, /* for one of them */
};

static struct image healthy, image;

static void seal(void)
{
	const uint64_t sum = XXH3_64bits(image.bytes, CHECKSUM);

	memcpy(image.bytes + CHECKSUM, &sum, sizeof sum);
}

static void flip_and_use(const struct variant *v, size_t byte, unsigned bit)
{
	image = healthy;
	image.bytes[byte] ^= (uint8_t)(1u << bit);
	if (byte < CHECKSUM) /* a hostile creator sums up, too */
		seal();
	alarm(LIMIT_S); /* an endless loop is a crash */
	use_image(v, &image, CALLS, byte * 8 + bit);
	alarm(0);
}

static void flip_all(const struct variant *v, size_t from, size_t bytes)
{
	for (size_t byte = from; byte < from + bytes; byte++)
		for (unsigned bit = 0; bit < 8; bit++)
			flip_and_use(v, byte, bit);
}

/* In memory; several of each side, or one. */
static const struct variant *start(bool several)
{
	const struct variant *v = mpmc_first();

	while (v->file || v->wake != GYRE_WAKE_FENCE || (v->producers_max > 1) != several ||
		(v->consumers_max > 1) != several)
		v = mpmc_next();
	make_image(v, &healthy);
	return v;
}

static void end(void)
{
	while (mpmc_next() != NULL)
		;
}

Test(mpmc_bits, nothing_is_wrong_with_the_ring_itself)
{
	for (int several = 0; several < 2; several++) {
		const struct variant *const v = start(several != 0);

		use_image(v, &healthy, CALLS, 1);
		end();
	}
}

Test(mpmc_bits, any_bit_of_the_header)
{
	flip_all(start(true), 0, 0x200);
	end();
}

Test(mpmc_bits, any_bit_of_the_shared_words)
{
	for (int several = 0; several < 2; several++) {
		const struct variant *const v = start(several != 0);

		for (size_t line = 0; line < 5; line++)
			flip_all(v, HOSTILE_SHARED + 128 * line, 16);
		flip_all(v, HOSTILE_TAIL, 8);
		flip_all(v, HOSTILE_HEAD, 8);
		end();
	}
}

Test(mpmc_bits, any_bit_of_the_entries)
{
	for (int several = 0; several < 2; several++) {
		const struct variant *const v = start(several != 0);

		flip_all(v, HOSTILE_ENTRIES, HOSTILE_CELLS * 32);
		end();
	}
}

Test(mpmc_bits, any_bit_of_a_producers_seat)
{
	flip_all(start(true), HOSTILE_PRODUCERS, SEAT_BYTES);
	end();
}

Test(mpmc_bits, any_bit_of_a_consumers_seat)
{
	flip_all(start(true), HOSTILE_CONSUMERS, SEAT_BYTES);
	end();
}

Test(mpmc_bits, any_bit_of_the_seats_in_a_ring_for_one_of_each)
{
	const struct variant *const v = start(false);

	flip_all(v, HOSTILE_PRODUCERS + 0x80, 0x58);
	flip_all(v, HOSTILE_CONSUMERS + 0x80, 0x58);
	end();
}

/* Where the batch lies: its messages' lengths are in the data. */
Test(mpmc_bits, any_bit_of_a_batch)
{
	const struct variant *const v = start(true);
	const size_t batch = HOSTILE_DATA + 6 * HOSTILE_CELL_BYTES;

	cr_assert(eq(int, memcmp(healthy.bytes + batch + 8, "abc", 3), 0));
	flip_all(v, batch, 80);
	end();
}
