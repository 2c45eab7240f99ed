/*
 * A golden segment of an mpmc ring, read at the offsets that docs/layout.md and docs/mpmc.md name
 * (numbers here, not offsetof), and gone on with by the library.
 */
#include <string.h>
#include <xxhash.h>
#include "../golden/golden.h"
#include "golden_image.h"
#include "rings.h"

TestSuite(golden_mpmc, .timeout = 60, .init = rings_open, .fini = rings_close);

enum {
	CELLS = 256,
	ENTRIES = 0x6000,
	MORE = ENTRIES + CELLS * 16,
	DATA = 0x8800,
	READY = 2,
	READY_AGAIN = 3,
	DONE = 5,
	LAST = GOLDEN_MESSAGES + GOLDEN_BATCH,
};

Test(golden_mpmc, the_header_has_its_fields_where_the_layout_says)
{
	cr_assert(eq(sz, read_golden("mpmc"), GOLDEN_MPMC_BYTES));
	cr_assert(eq(int, memcmp(image, "gyre\r\n\x1a\n", 8), 0));
	cr_assert(eq(u64, u32(0x00c), 1));
	cr_assert(eq(u64, u64(0x010), 0));
	cr_assert(eq(u64, u32(0x024), 2));
	cr_assert(eq(u64, u64(0x028), GOLDEN_MPMC_BYTES));
	cr_assert(eq(u64, u64(0x068), GOLDEN_CAPACITY));
	cr_assert(eq(u64, u32(0x070), 0));
	cr_assert(eq(u64, u32(0x074), 0));
	cr_assert(eq(u64, u32(0x078), 8));
	cr_assert(eq(u64, u32(0x07c), 1));
	cr_assert(eq(u64, u64(0x080), DATA));
	cr_assert(eq(u64, u32(0x088), 2));
	cr_assert(eq(u64, u32(0x08c), 2));
	cr_assert(eq(u64, u64(0x090), 0x4000));
	cr_assert(eq(u64, u64(0x098), 0x5000));
	cr_assert(eq(u64, u64(0x0a0), ENTRIES));
	cr_assert(eq(u64, u32(0x0a8), GOLDEN_CELL));
	cr_assert(eq(u64, u32(0x0ac), 3));
	cr_assert(eq(u64, u64(0x0b0), 1));
	cr_assert(eq(u64, u64(0x0b8), GOLDEN_CAPACITY / 2));
	for (size_t k = 0x0c0; k < 0x1f8; k++)
		cr_assert(eq(u8, image[k], 0));
	cr_assert(eq(u64, u64(0x1f8), XXH3_64bits(image, 0x1f8)));
}

/* The copy of a seat's books that is right, nothing being in flight that did not happen. */
static size_t books_of(size_t seat)
{
	return seat + 0x80 + 24 * (u64(seat + 0xd0) & 1);
}

Test(golden_mpmc, seats_and_shared_words_are_where_the_layout_says)
{
	size_t books, repairs;

	read_golden("mpmc");
	for (size_t at = 0x4000; at <= 0x5000; at += 0x1000) {
		cr_assert(eq(u64, u32(at), 1 << 2 | 2)); /* the first holder left */
		cr_assert(eq(u64, u32(at + 0x04), GOLDEN_PID));
		cr_assert(eq(u64, u64(at + 0x18), GOLDEN_TIME_NS));
		cr_assert(eq(u64, u32(at + 0x20), at == 0x4000 ? 1 : 2));
		cr_assert(eq(int, memcmp(image + at + 0x30, "golden\0", 7), 0));
		cr_assert(eq(u64, u64(at + 0x60), GOLDEN_TIME_NS + 1));
		cr_assert(eq(u64, u32(at + 0x180), 0)); /* the next seat was never used */
	}
	books = books_of(0x4000);
	cr_assert(eq(u64, u64(books), LAST));
	books = books_of(0x5000);
	cr_assert(eq(u64, u64(books), GOLDEN_MESSAGES - GOLDEN_UNREAD));
	repairs = 0x5000 + 0x100 + 48 * (u64(0x5000 + 0x160) & 1);
	cr_assert(eq(u64, u64(repairs + 8), 1)); /* given back on leaving */
	cr_assert(eq(u64, u64(0x1000), 1));      /* and said so */
	cr_assert(eq(u64, u64(0x1008), 0));      /* not closed */
	cr_assert(eq(u64, u64(0x1200), 2));      /* departures */
}

/* ---- A reader made from the documents alone ---- */

static uint64_t lap_of(uint64_t position)
{
	return position / CELLS % (((uint64_t)1 << 34) - 1) + 1;
}

static uint64_t word_at(uint64_t position)
{
	return u64(ENTRIES + position % CELLS * 16);
}

static uint64_t info_at(uint64_t position)
{
	return u64(ENTRIES + position % CELLS * 16 + 8);
}

static bool is_claimed(uint64_t position)
{
	return word_at(position) >> 30 == lap_of(position);
}

static uint64_t span_at(uint64_t position)
{
	return word_at(position) >> 12 & 0x3ffff;
}

static uint64_t phase_at(uint64_t position)
{
	return word_at(position) >> 9 & 7;
}

static size_t cell_at(uint64_t position)
{
	return DATA + position % CELLS * GOLDEN_CELL;
}

/* Passes filler; true if there was some at the end of the area. */
static bool pass_filler(uint64_t *position)
{
	bool passed = false;

	while (is_claimed(*position) && phase_at(*position) == DONE) {
		*position += span_at(*position);
		passed = *position % CELLS == 0;
	}
	return passed;
}

static void expect_message_at(uint64_t position, uint64_t number, bool again)
{
	const size_t bytes = golden_bytes(number);

	cr_assert(is_claimed(position));
	cr_assert(eq(u64, phase_at(position), again ? READY_AGAIN : READY));
	cr_assert(eq(u64, span_at(position), bytes == 0 ? 1 : (bytes + 15) / 16));
	cr_assert(eq(u64, info_at(position) & 0xffffffff, bytes));
	cr_assert(eq(u64, info_at(position) >> 32, golden_tag(number)));
	cr_assert(is_message_of(image + cell_at(position), bytes, number));
}

static void expect_batch_at(uint64_t position)
{
	const size_t more = MORE + position % CELLS * 16;
	size_t at = 0, sum = 0;

	cr_assert(is_claimed(position));
	cr_assert(eq(u64, phase_at(position), READY));
	cr_assert(eq(u64, u64(more), 0));
	cr_assert(eq(u64, u32(more + 8), GOLDEN_BATCH));
	for (uint64_t n = GOLDEN_MESSAGES; n < LAST; n++) {
		const size_t payload = (at + 8 + 7) / 8 * 8, bytes = golden_bytes(n);

		cr_assert(eq(u64, u32(cell_at(position) + payload - 8), bytes));
		cr_assert(eq(u64, u32(cell_at(position) + payload - 4), golden_tag(n)));
		cr_assert(is_message_of(image + cell_at(position) + payload, bytes, n));
		at = payload + bytes;
		sum += bytes;
	}
	cr_assert(eq(u64, info_at(position), (uint64_t)1 << 31 | sum));
}

Test(golden_mpmc, messages_stand_where_the_layout_says)
{
	uint64_t position;
	unsigned fillers = 0;

	read_golden("mpmc");
	position = u64(0x1080);
	pass_filler(&position); /* and what was read since all was last reclaimed */
	for (uint64_t n = GOLDEN_MESSAGES - GOLDEN_UNREAD; n < GOLDEN_MESSAGES; n++) {
		fillers += pass_filler(&position);
		expect_message_at(position, n, n == GOLDEN_MESSAGES - GOLDEN_UNREAD);
		position += span_at(position);
	}
	cr_assert(eq(uint, fillers, 1));
	expect_batch_at(position);
	position += span_at(position);
	cr_assert(not(is_claimed(position)));
	cr_assert(eq(u64, u64(0x2000), position));
}

/* ---- The library reads it, too ---- */

Test(golden_mpmc, it_is_read_and_gone_on_with)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		struct gyre_ring *consumer, *producer;
		struct gyre_message message;
		char key[KEY_BYTES];
		size_t size;

		key_of(v, "golden", key);
		size = read_golden("mpmc");
		write_object(key, image, size);
		cr_assert(eq(int, try_attach(key, GYRE_CONSUMER, NULL), GYRE_ESTALE));
		make_current();
		remove_object(key);
		write_object(key, image, size);
		producer = attach(key, GYRE_PRODUCER);
		consumer = attach(key, GYRE_CONSUMER);
		cr_assert(eq(int, send_number(producer, 7, 70, 0), GYRE_OK));
		for (uint64_t n = GOLDEN_MESSAGES - GOLDEN_UNREAD; n < LAST; n++) {
			const bool again = n == GOLDEN_MESSAGES - GOLDEN_UNREAD;

			cr_assert(eq(int, gyre_ring_peek(consumer, 0, &message), GYRE_OK));
			cr_assert(eq(u32, message.deliveries, again ? 2 : 1));
			cr_assert(eq(u32, message.flags, again ? GYRE_MESSAGE_AGAIN : 0));
			cr_assert(eq(sz, message.bytes, golden_bytes(n)));
			cr_assert(eq(u32, message.tag, golden_tag(n)));
			cr_assert(is_message_of(message.data, message.bytes, n));
			cr_assert(eq(int, gyre_ring_release(consumer, &message), GYRE_OK));
		}
		cr_assert(eq(i64, receive_number(consumer, 7, 0), 70));
		cr_assert(eq(i64, receive_number(consumer, 0, 0), GYRE_EAGAIN));
		gyre_ring_detach(producer);
		gyre_ring_detach(consumer);
		remove_object(key);
	}
}
