/* What frames_producer and frames_consumer agree on. */
#ifndef FRAMES_H
#define FRAMES_H

#include <gyre_ring.h>
#include <stdint.h>

enum {
	FRAME_WIDTH = 1280,
	FRAME_HEIGHT = 720,
	FRAME_PIXELS = FRAME_WIDTH * FRAME_HEIGHT,
};

/* One message: a grey picture, one byte a pixel. */
struct frame {
	uint64_t number;
	uint32_t width, height;
	uint8_t unused[48]; /* the pixels start on a cache line */
	uint8_t pixels[FRAME_PIXELS];
};

/* Whichever of the two comes first makes the ring like this; the other finds it. */
static inline struct gyre_ring_options frames_ring(void)
{
	return (struct gyre_ring_options){
		.capacity_bytes = gyre_ring_capacity_for(4 * sizeof(struct frame)),
		.align_bytes = 64,
	};
}

#endif
