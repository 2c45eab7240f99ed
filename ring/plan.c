/*
 * How large a ring has to be. Built on what every kind's header says of its geometry: room is
 * counted in units (slots, cells, or the alignment that records are padded to), a message takes
 * whole units in one piece, one unit stays free for the end, and what would cross the end of the
 * data area leaves a gap there.
 */
#include <inttypes.h>
#include "ring_private.h"

/* Records may cross the end by so many units: the slack behind the data area. */
#define RECORD_SLACK 2u

static uint64_t divide_up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) / unit;
}

/* How many messages of so many bytes it takes wherever the first one comes to stand. */
static uint64_t holds(const struct gyre_header *h, uint64_t bytes)
{
	const uint64_t unit = h->slot_stride != 0  ? h->slot_stride
			      : h->cell_bytes != 0 ? h->cell_bytes
						   : h->align_bytes;
	const uint64_t slack = h->slot_stride != 0 || h->cell_bytes != 0 ? 0 : RECORD_SLACK;
	const uint64_t word = h->cell_bytes != 0 ? 0 : GYRE_WORD_BYTES_;
	const uint64_t filled = divide_up(word + bytes, unit);
	const uint64_t span = filled > 0 ? filled : 1;
	const uint64_t gap_max = span > 1 + slack ? span - 1 - slack : 0;
	const uint64_t units = h->capacity_bytes / unit;

	if (bytes > h->message_bytes_max || units < 1 + gap_max)
		return 0;
	return (units - 1 - gap_max) / span;
}

static int fail_size(const struct gyre_header *largest, uint64_t bytes, uint64_t messages,
	struct gyre_error *reterr)
{
	if (bytes > largest->message_bytes_max)
		return gyre_fail(reterr, GYRE_EMSGSIZE,
			"a message of %" PRIu64 " bytes does not fit such a ring: at most %" PRIu64,
			bytes, largest->message_bytes_max);
	return gyre_fail(reterr, GYRE_ESIZE,
		"no ring holds %" PRIu64 " messages of %" PRIu64 " bytes: the largest, of %" PRIu64
		" bytes, holds %" PRIu64,
		messages, bytes, largest->capacity_bytes, holds(largest, bytes));
}

int gyre_ring_plan(const struct gyre_ring_options *options, size_t message_bytes, uint64_t messages,
	struct gyre_ring_info *ret_info, struct gyre_error *reterr)
{
	struct gyre_ring_options tried = {0};
	struct gyre_header h, last;
	int outcome;

	if (options != NULL)
		tried = *options;
	if (tried.capacity_bytes == 0 && messages > 0)
		tried.capacity_bytes = gyre_ring_capacity_for(0);
	outcome = gyre_plan(&tried, &h, reterr);
	while (outcome == GYRE_OK && holds(&h, message_bytes) < messages) {
		last = h;
		tried.capacity_bytes *= 2;
		if (gyre_plan(&tried, &h, NULL) != GYRE_OK)
			outcome = fail_size(&last, message_bytes, messages, reterr);
	}
	if (outcome != GYRE_OK)
		return outcome;
	memset(ret_info, 0, sizeof *ret_info);
	gyre_info_geometry(&h, ret_info);
	ret_info->segment_bytes = h.segment_bytes;
	ret_info->messages = holds(&h, message_bytes);
	return GYRE_OK;
}
