/* The immutable first page of a ring segment: written once, checked by everyone who comes. */
#ifndef GYRE_HEADER_H
#define GYRE_HEADER_H

#include <stdbool.h>
#include "backend.h"
#include "layout.h"

#define GYRE_SEATS_MAX 510u /* what the 9 bits of an owner in a word can name */

/* A mapped ring segment with the private, validated copy of its header. */
struct gyre_view {
	struct gyre_map map;
	struct gyre_header header;
};

static inline uint8_t *gyre_view_at(const struct gyre_view *view, uint64_t offset)
{
	return (uint8_t *)view->map.base + offset;
}

static inline struct gyre_shared_page *gyre_shared_page(const struct gyre_view *view)
{
	return (struct gyre_shared_page *)(void *)gyre_view_at(view, GYRE_SHARED_OFFSET);
}

static inline unsigned gyre_seats(const struct gyre_view *view)
{
	return view->header.producers_max + view->header.consumers_max;
}

/* Seats are numbered producers first. number < gyre_seats(). */
struct gyre_seat *gyre_seat_at(const struct gyre_view *view, unsigned number);

/* Lay out seats and data, and the slack behind it, after the fixed pages: fills the offsets and
 * segment_bytes from
 * *_max, entries_bytes, align_bytes and capacity_bytes. */
void gyre_header_place(struct gyre_header *header, uint64_t entries_bytes);

/* Complete a planned header with identity and checksum. */
void gyre_header_seal(struct gyre_header *header);

/*
 * Check what is mapped and copy the header. Whatever the bytes are, the outcome is GYRE_OK with
 * offsets that lie inside the mapping, or a clear error. A header of another boot is GYRE_ESTALE
 * with *ret_header filled.
 */
int gyre_header_check(
	const struct gyre_map *map, struct gyre_header *ret_header, struct gyre_error *reterr);

#endif
