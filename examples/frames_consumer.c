/*
 * Pictures looked at in place: no frame is copied. If the producer dies, its successor's frames
 * follow in the same ring; this program waits for one.
 *
 *     cc -o frames_consumer frames_consumer.c $(pkg-config --cflags --libs gyre)
 *     ./frames_consumer
 */
#include <stdbool.h>
#include <stdio.h>
#include "frames.h"

/* Every pixel, so that a torn frame could not hide. */
static bool is_whole(const struct gyre_message *message)
{
	const struct frame *frame = message->data;
	unsigned wrong = 0;

	if (message->bytes != sizeof *frame || frame->width != FRAME_WIDTH ||
		frame->height != FRAME_HEIGHT)
		return false;
	for (unsigned y = 0; y < FRAME_HEIGHT; y++)
		for (unsigned x = 0; x < FRAME_WIDTH; x++)
			wrong += frame->pixels[y * FRAME_WIDTH + x] !=
				 (uint8_t)(x + y + frame->number);
	return wrong == 0;
}

/* Until the ring is closed. */
static int consume(struct gyre_ring *ring, unsigned *ret_whole, unsigned *ret_broken)
{
	struct gyre_message message;
	int result;

	for (;;) {
		result = gyre_ring_peek(ring, GYRE_FOREVER, &message);
		if (result == GYRE_ELEFT || result == GYRE_EDIED) {
			fprintf(stderr, "frames: %s; waiting for another\n", gyre_strerror(result));
			continue;
		}
		if (result != GYRE_OK)
			return result == GYRE_ECLOSED ? GYRE_OK : result;
		if (is_whole(&message))
			*ret_whole += 1;
		else
			*ret_broken += 1;
		gyre_ring_release(ring, &message);
	}
}

int main(void)
{
	const struct gyre_ring_options options = frames_ring();
	unsigned whole = 0, broken = 0;
	struct gyre_error error;
	struct gyre_ring *ring;
	int result;

	if (gyre_ring_open("frames", GYRE_CONSUMER, &options, &ring, &error) != GYRE_OK) {
		fprintf(stderr, "%s\n", error.what);
		return 1;
	}
	result = consume(ring, &whole, &broken);
	gyre_ring_detach(ring);
	printf("%u frames, %u broken\n", whole + broken, broken);
	if (result != GYRE_OK)
		fprintf(stderr, "frames: %s\n", gyre_strerror(result));
	return result == GYRE_OK && broken == 0 ? 0 : 1;
}
