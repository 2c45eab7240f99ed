/*
 * Pictures drawn in place: each is rendered straight into shared memory, with no copy between
 * the drawing and the process that looks at it (frames_consumer.c).
 *
 *     cc -o frames_producer frames_producer.c $(pkg-config --cflags --libs gyre)
 *     ./frames_producer 250
 */
#include <stdio.h>
#include <stdlib.h>
#include "frames.h"

/* A diagonal that moves by a pixel with each frame. */
static void draw(struct frame *frame, uint64_t number)
{
	frame->number = number;
	frame->width = FRAME_WIDTH;
	frame->height = FRAME_HEIGHT;
	for (unsigned y = 0; y < FRAME_HEIGHT; y++)
		for (unsigned x = 0; x < FRAME_WIDTH; x++)
			frame->pixels[y * FRAME_WIDTH + x] = (uint8_t)(x + y + number);
}

static int produce(struct gyre_ring *ring, uint64_t count)
{
	void *room;
	int result = GYRE_OK;

	for (uint64_t number = 0; number < count; number++) {
		/* Wait for room, at most two seconds: then nobody is taking frames. */
		result = gyre_ring_reserve(ring, sizeof(struct frame), 2000000000, &room);
		if (result != GYRE_OK)
			break;
		draw(room, number);
		result = gyre_ring_commit(ring, sizeof(struct frame), 0);
		if (result != GYRE_OK)
			break;
	}
	return result;
}

int main(int argc, char **argv)
{
	const uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;
	const struct gyre_ring_options options = frames_ring();
	struct gyre_error error;
	struct gyre_ring *ring;
	int result;

	if (gyre_ring_open("frames", GYRE_PRODUCER, &options, &ring, &error) != GYRE_OK) {
		fprintf(stderr, "%s\n", error.what);
		return 1;
	}
	result = produce(ring, count);
	if (result == GYRE_OK)
		result = gyre_ring_close(ring);
	if (result != GYRE_OK)
		fprintf(stderr, "frames: %s\n", gyre_strerror(result));
	gyre_ring_detach(ring);
	return result == GYRE_OK ? 0 : 1;
}
