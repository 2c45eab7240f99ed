/*
 * An mpmc ring in the middle of things, as bytes; and its use, whatever stands in it, by one or two
 * of either side and one who looks: none may crash, reach beyond the mapping, or be kept.
 */
#ifndef GYRE_TESTS_MPMC_HOSTILE_H
#define GYRE_TESTS_MPMC_HOSTILE_H

#include "mpmc_rings.h"

/* docs/layout.md: the offsets of a ring of HOSTILE_CELLS cells with at most ten seats a side. */
enum {
	HOSTILE_CELLS = 8,
	HOSTILE_CELL_BYTES = 512,
	HOSTILE_SHARED = 0x1000,
	HOSTILE_TAIL = 0x2000,
	HOSTILE_HEAD = 0x3000,
	HOSTILE_PRODUCERS = 0x4000,
	HOSTILE_CONSUMERS = 0x5000,
	HOSTILE_ENTRIES = 0x6000,
	HOSTILE_MORE = HOSTILE_ENTRIES + HOSTILE_CELLS * 16,
	HOSTILE_DATA = 0x7800,
	HOSTILE_BYTES_MAX = 0xa000,
};

/* Takes two of each side, or one. */
struct gyre_ring_options hostile_options(const struct variant *v);

/* A healthy ring's bytes: messages finished, unfinished, in hand, given back, a batch; their owners
 * dead and not repaired, so far as the mode has room for them. */
struct image {
	uint8_t bytes[HOSTILE_BYTES_MAX];
	size_t size;
};
void make_image(const struct variant *v, struct image *ret_image);

/* So many calls at random on the ring of these bytes, by two of each side where the seed is odd, a
 * look from outside, and the close. The name goes afterwards. */
void use_image(const struct variant *v, const struct image *image, unsigned calls, uint64_t seed);

/* One call at random. */
void produce_something(struct gyre_ring *ring, uint64_t *state);
void consume_something(struct gyre_ring *ring, uint64_t *state);
void expect_possible(int64_t outcome);

#endif
