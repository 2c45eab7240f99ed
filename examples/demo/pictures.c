/*
 * Pictures in motion, 1920x1080 in NV12 (a plane of brightness, then one of colour at a quarter of
 * the points): waves that move diagonally, a square that bounces, colours that change. Each is
 * rendered into the room reserved in shared memory; nobody copies it.
 */
#include <string.h>
#include "sources.h"

enum { WAVE = 256, SQUARE = 240 };

/* One row of waves, longer than a picture is wide: every row is a piece of it. */
static void make_waves(uint8_t waves[PICTURE_WIDTH + WAVE])
{
	for (unsigned i = 0; i < PICTURE_WIDTH + WAVE; i++) {
		const unsigned phase = i % WAVE;

		waves[i] = (uint8_t)(phase < WAVE / 2 ? 16 + phase : 16 + WAVE - 1 - phase);
	}
}

/* There and back between 0 and span. */
static unsigned bounce(uint64_t step, unsigned span)
{
	const unsigned at = (unsigned)(step % (2 * span));

	return at < span ? at : 2 * span - at;
}

static void render(uint8_t *picture, const uint8_t *waves, uint64_t number)
{
	const unsigned left = bounce(number * 7, PICTURE_WIDTH - SQUARE);
	const unsigned top = bounce(number * 5, PICTURE_HEIGHT - SQUARE);
	uint8_t *row = picture;

	for (unsigned y = 0; y < PICTURE_HEIGHT; y++, row += PICTURE_WIDTH) {
		memcpy(row, waves + (y + 3 * number) % WAVE, PICTURE_WIDTH);
		if (y - top < SQUARE)
			memset(row + left, 235, SQUARE);
	}
	for (unsigned y = 0; y < PICTURE_HEIGHT / 2; y++, row += PICTURE_WIDTH)
		memset(row, (int)((y / 4 + number) % 224 + 16), PICTURE_WIDTH);
}

bool pictures_produce(struct sender *sender, const void *nothing, uint64_t first)
{
	const uint64_t end_ns = clock_ns(CLOCK_MONOTONIC) + PICTURE_SECONDS * 1000000000ull;
	static uint8_t waves[PICTURE_WIDTH + WAVE];
	uint64_t number;
	void *room;

	(void)nothing;
	make_waves(waves);
	for (number = first; clock_ns(CLOCK_MONOTONIC) < end_ns; number++) {
		room = sender_room(sender, PICTURE_BYTES);
		if (room == NULL)
			return false;
		render(room, waves, number);
		if (!sender_commit(sender, PICTURE_BYTES, 0))
			return false;
	}
	return true;
}
