/* From options to a header, and back: what a ring of a kind looks like in memory. */
#include <inttypes.h>
#include <stdio.h>
#include "backend.h"
#include "ring_private.h"

#define CAPACITY_DEFAULT ((uint64_t)1 << 20)
#define CAPACITY_MIN ((uint64_t)4096)
#define CAPACITY_MAX ((uint64_t)1 << 40)
#define FLAGS_KNOWN (GYRE_RING_KEEP | GYRE_RING_NO_SPIN | GYRE_RING_STEP_OVER)

/* mpmc. */
#define CELL_DEFAULT 64u
#define CELL_MIN 16u
#define CELL_MAX (1u << 22)
#define CELLS_MIN 8u
#define CELLS_MAX (1u << 18) /* half of them is what the 18 bits of a span can say */
#define SEATS_DEFAULT 64u
#define DELIVERIES_DEFAULT 3u

static bool is_power_of_two(uint64_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static uint64_t power_of_two_from(uint64_t n)
{
	uint64_t power = 1;

	while (power < n)
		power *= 2;
	return power;
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value != 0 ? value : otherwise;
}

static uint32_t slot_stride(uint32_t slot_bytes, uint32_t align)
{
	return (GYRE_WORD_BYTES_ + slot_bytes + align - 1) & ~(align - 1);
}

static uint64_t message_max(const struct gyre_header *h)
{
	if (h->slot_bytes != 0)
		return h->slot_bytes;
	return h->capacity_bytes / 2 < GYRE_WORD_LENGTH_MAX ? h->capacity_bytes / 2
							    : GYRE_WORD_LENGTH_MAX;
}

uint64_t gyre_ring_capacity_for(size_t message_bytes)
{
	if (message_bytes > GYRE_WORD_LENGTH_MAX)
		return 0;
	if (message_bytes <= CAPACITY_MIN / 2)
		return CAPACITY_MIN;
	return power_of_two_from(2 * (uint64_t)message_bytes);
}

int gyre_check_options(const struct gyre_ring_options *o, struct gyre_error *reterr)
{
	const uint32_t unknown = o->flags & ~(uint32_t)FLAGS_KNOWN;

	if (unknown != 0)
		return gyre_fail(reterr, GYRE_EINVAL,
			"option flags 0x%" PRIx32
			" are not known to this library; clear them, or use "
			"a newer gyre",
			unknown);
	for (size_t i = 0; i < sizeof o->reserved / sizeof o->reserved[0]; i++)
		if (o->reserved[i] != 0)
			return gyre_fail(reterr, GYRE_EINVAL,
				"reserved options are set: initialise struct gyre_ring_options with "
				"zeros");
	return GYRE_OK;
}

static int check_sizes(const struct gyre_ring_options *o, struct gyre_error *reterr)
{
	if (o->capacity_bytes != 0 &&
		(o->capacity_bytes < CAPACITY_MIN || o->capacity_bytes > CAPACITY_MAX))
		return gyre_fail(reterr, GYRE_ESIZE,
			"a capacity of %" PRIu64 " bytes is not possible: %" PRIu64 " to %" PRIu64,
			o->capacity_bytes, CAPACITY_MIN, CAPACITY_MAX);
	if (o->align_bytes != 0 && (!is_power_of_two(o->align_bytes) || o->align_bytes < 8 ||
					   o->align_bytes > GYRE_PAGE))
		return gyre_fail(reterr, GYRE_EINVAL,
			"an alignment of %" PRIu32 " is not possible: a power of two, 8 to %u",
			o->align_bytes, GYRE_PAGE);
	if (o->slot_bytes > GYRE_WORD_LENGTH_MAX)
		return gyre_fail(reterr, GYRE_ESIZE,
			"slots of %" PRIu32 " bytes are not possible: at most %u", o->slot_bytes,
			GYRE_WORD_LENGTH_MAX);
	return GYRE_OK;
}

/* What belongs to one kind is not asked of another. */
static int check_kind(const struct gyre_ring_options *o, struct gyre_error *reterr)
{
	const bool mpmc = o->kind == GYRE_RING_MPMC;

	if (o->kind > GYRE_RING_MPMC)
		return gyre_fail(reterr, GYRE_ENOTSUP,
			"ring kind %" PRIu32 " is not known to this library; use spsc or mpmc",
			o->kind);
	if (mpmc && o->slot_bytes != 0)
		return gyre_fail(reterr, GYRE_EINVAL,
			"an mpmc ring has no slots; choose its cells instead: as large as the "
			"ordinary message");
	if (!mpmc && (o->cell_bytes != 0 || o->deliveries_max != 0 || o->producers_max != 0 ||
			     o->consumers_max != 0))
		return gyre_fail(reterr, GYRE_EINVAL,
			"cells, deliveries, and a number of producers or consumers are chosen for "
			"mpmc rings only: ask for kind mpmc, or leave them out");
	return GYRE_OK;
}

static int check_mpmc(const struct gyre_ring_options *o, struct gyre_error *reterr)
{
	if (o->cell_bytes != 0 && (!is_power_of_two(o->cell_bytes) || o->cell_bytes < CELL_MIN ||
					  o->cell_bytes > CELL_MAX))
		return gyre_fail(reterr, GYRE_EINVAL,
			"cells of %" PRIu32 " bytes are not possible: a power of two, %u to %u",
			o->cell_bytes, CELL_MIN, CELL_MAX);
	if (o->producers_max > GYRE_SEATS_MAX || o->consumers_max > GYRE_SEATS_MAX ||
		or_default(o->producers_max, SEATS_DEFAULT) +
				or_default(o->consumers_max, SEATS_DEFAULT) >
			GYRE_SEATS_MAX)
		return gyre_fail(reterr, GYRE_ESIZE,
			"%" PRIu32 " producers and %" PRIu32
			" consumers are not possible: at most %u "
			"together",
			or_default(o->producers_max, SEATS_DEFAULT),
			or_default(o->consumers_max, SEATS_DEFAULT), GYRE_SEATS_MAX);
	return GYRE_OK;
}

static int check_creation(const struct gyre_ring_options *o, struct gyre_error *reterr)
{
	int outcome = check_kind(o, reterr);

	if (outcome == GYRE_OK)
		outcome = check_sizes(o, reterr);
	if (outcome == GYRE_OK)
		outcome = check_mpmc(o, reterr);
	if (outcome != GYRE_OK)
		return outcome;
	if (o->wake > GYRE_WAKE_MEMBARRIER)
		return gyre_fail(
			reterr, GYRE_EINVAL, "wake mode %" PRIu32 " is not known", o->wake);
	return gyre_check_options(o, reterr);
}

static int plan_wake(uint32_t asked, uint32_t *ret_wake, struct gyre_error *reterr)
{
	const bool offered = gyre_membarrier_offered();

	if (asked == GYRE_WAKE_MEMBARRIER && !offered)
		return gyre_fail(reterr, GYRE_ENOTSUP,
			"this kernel (or a seccomp filter) does not offer membarrier; use wake mode "
			"fence");
	*ret_wake = asked != GYRE_WAKE_DEFAULT ? asked
		    : offered                  ? GYRE_WAKE_MEMBARRIER
					       : GYRE_WAKE_FENCE;
	return GYRE_OK;
}

static void plan_spsc(const struct gyre_ring_options *o, uint64_t capacity, struct gyre_header *h)
{
	uint64_t slots;

	h->slot_bytes = o->slot_bytes;
	h->producers_max = 1;
	h->consumers_max = 1;
	if (h->slot_bytes != 0) {
		h->slot_stride = slot_stride(h->slot_bytes, h->align_bytes);
		slots = (capacity + h->slot_stride - 1) / h->slot_stride;
		/* At least four, of which one is kept for the end. */
		h->capacity_bytes = h->slot_stride * power_of_two_from(slots < 4 ? 4 : slots);
	} else {
		h->capacity_bytes = power_of_two_from(capacity);
	}
	if (h->capacity_bytes < 8 * (uint64_t)h->align_bytes)
		h->capacity_bytes = 8 * (uint64_t)h->align_bytes;
}

/* Cells are as large as asked for, but never so small that there are too many. */
static void plan_mpmc(const struct gyre_ring_options *o, uint64_t capacity, struct gyre_header *h)
{
	h->producers_max = or_default(o->producers_max, SEATS_DEFAULT);
	h->consumers_max = or_default(o->consumers_max, SEATS_DEFAULT);
	h->delivery_limit = or_default(o->deliveries_max, DELIVERIES_DEFAULT);
	h->cell_bytes = or_default(o->cell_bytes, CELL_DEFAULT);
	if (h->cell_bytes < h->align_bytes)
		h->cell_bytes = h->align_bytes;
	h->capacity_bytes = power_of_two_from(capacity);
	while (h->capacity_bytes / h->cell_bytes > CELLS_MAX)
		h->cell_bytes *= 2;
	if (h->capacity_bytes < CELLS_MIN * (uint64_t)h->cell_bytes)
		h->capacity_bytes = CELLS_MIN * (uint64_t)h->cell_bytes;
}

static uint64_t entries_bytes(const struct gyre_header *h)
{
	return h->kind != GYRE_RING_MPMC
		       ? 0
		       : h->capacity_bytes / h->cell_bytes *
				 (sizeof(struct gyre_entry) + sizeof(struct gyre_entry_more));
}

int gyre_plan(const struct gyre_ring_options *o, struct gyre_header *h, struct gyre_error *reterr)
{
	const uint64_t capacity = o->capacity_bytes != 0 ? o->capacity_bytes : CAPACITY_DEFAULT;
	int outcome = check_creation(o, reterr);

	if (outcome != GYRE_OK)
		return outcome;
	memset(h, 0, sizeof *h);
	outcome = plan_wake(o->wake, &h->wake, reterr);
	if (outcome != GYRE_OK)
		return outcome;
	h->kind = or_default(o->kind, GYRE_RING_SPSC);
	h->align_bytes = or_default(o->align_bytes, 8);
	h->flags = (o->flags & GYRE_RING_KEEP) != 0 ? GYRE_HEADER_KEEP : 0;
	if (h->kind == GYRE_RING_MPMC)
		plan_mpmc(o, capacity, h);
	else
		plan_spsc(o, capacity, h);
	h->message_bytes_max = message_max(h);
	gyre_header_place(h, entries_bytes(h));
	return GYRE_OK;
}

void gyre_plan_again(const struct gyre_header *old, struct gyre_header *h)
{
	memset(h, 0, sizeof *h);
	h->kind = old->kind;
	h->wake = old->wake;
	h->align_bytes = old->align_bytes;
	h->slot_bytes = old->slot_bytes;
	h->slot_stride = old->slot_stride;
	h->capacity_bytes = old->capacity_bytes;
	h->producers_max = old->producers_max;
	h->consumers_max = old->consumers_max;
	h->cell_bytes = old->cell_bytes;
	h->delivery_limit = old->delivery_limit;
	h->flags = old->flags;
	h->message_bytes_max = old->message_bytes_max;
	gyre_header_place(h, entries_bytes(h));
}

static bool spsc_is_possible(const struct gyre_header *h)
{
	if (h->producers_max != 1 || h->consumers_max != 1 || h->entries_offset != 0 ||
		h->cell_bytes != 0 || h->delivery_limit != 0)
		return false;
	if (h->slot_bytes == 0)
		return h->slot_stride == 0 && is_power_of_two(h->capacity_bytes) &&
		       h->capacity_bytes >= 8 * (uint64_t)h->align_bytes;
	if (h->slot_bytes > GYRE_WORD_LENGTH_MAX ||
		h->slot_stride != slot_stride(h->slot_bytes, h->align_bytes))
		return false;
	return h->capacity_bytes % h->slot_stride == 0 &&
	       is_power_of_two(h->capacity_bytes / h->slot_stride) &&
	       h->capacity_bytes / h->slot_stride >= 4;
}

static bool mpmc_is_possible(const struct gyre_header *h)
{
	struct gyre_header expected = *h;

	if (h->slot_bytes != 0 || h->slot_stride != 0 || h->delivery_limit == 0)
		return false;
	if (!is_power_of_two(h->cell_bytes) || h->cell_bytes < CELL_MIN ||
		h->cell_bytes > CELL_MAX || h->cell_bytes < h->align_bytes)
		return false;
	if (!is_power_of_two(h->capacity_bytes) || h->capacity_bytes / h->cell_bytes < CELLS_MIN ||
		h->capacity_bytes / h->cell_bytes > CELLS_MAX)
		return false;
	gyre_header_place(&expected, entries_bytes(h));
	return expected.entries_offset == h->entries_offset &&
	       expected.data_offset == h->data_offset;
}

static bool is_possible(const struct gyre_header *h)
{
	if (h->wake != GYRE_WAKE_FENCE && h->wake != GYRE_WAKE_MEMBARRIER)
		return false;
	if (h->message_bytes_max != message_max(h))
		return false;
	return h->kind == GYRE_RING_MPMC ? mpmc_is_possible(h) : spsc_is_possible(h);
}

int gyre_check_geometry(const struct gyre_header *h, struct gyre_error *reterr)
{
	if (h->kind != GYRE_RING_SPSC && h->kind != GYRE_RING_MPMC)
		return gyre_fail(reterr, GYRE_EVERSION,
			"the ring is of kind %" PRIu32 ", which this library does not know; use a "
			"newer gyre",
			h->kind);
	if (!is_possible(h))
		return gyre_fail(reterr, GYRE_ECORRUPT,
			"the ring's header describes an impossible ring; remove it "
			"(gyre clean --force)");
	return GYRE_OK;
}

/* What an option names must be so; what is 0 may be anything. */
static bool agrees(uint64_t asked, uint64_t planned, uint64_t found)
{
	return asked == 0 || planned == found;
}

static bool fits(const struct gyre_header *h, const struct gyre_header *wanted,
	const struct gyre_ring_options *o)
{
	/* Slots make any capacity a multiple of theirs. */
	const bool larger_slots =
		o->slot_bytes == 0 && h->slot_bytes != 0 && o->capacity_bytes <= h->capacity_bytes;

	return agrees(o->kind, wanted->kind, h->kind) &&
	       (larger_slots ||
		       agrees(o->capacity_bytes, wanted->capacity_bytes, h->capacity_bytes)) &&
	       agrees(o->slot_bytes, wanted->slot_bytes, h->slot_bytes) &&
	       agrees(o->align_bytes, wanted->align_bytes, h->align_bytes) &&
	       agrees(o->wake, wanted->wake, h->wake) &&
	       agrees(o->cell_bytes, wanted->cell_bytes, h->cell_bytes) &&
	       agrees(o->deliveries_max, wanted->delivery_limit, h->delivery_limit) &&
	       agrees(o->producers_max, wanted->producers_max, h->producers_max) &&
	       agrees(o->consumers_max, wanted->consumers_max, h->consumers_max);
}

/* "capacity 1048576, slot 64, ...": what makes rings of a kind differ. */
static void describe(const struct gyre_header *h, char *text, size_t size)
{
	int used = snprintf(text, size,
		"%s, capacity %" PRIu64 ", alignment %" PRIu32 ", wake mode %s",
		h->kind == GYRE_RING_MPMC ? "mpmc" : "spsc", h->capacity_bytes, h->align_bytes,
		h->wake == GYRE_WAKE_FENCE ? "fence" : "membarrier");

	if (h->kind == GYRE_RING_MPMC)
		snprintf(text + used, size - (size_t)used,
			", cell %" PRIu32 ", deliveries %" PRIu32 ", %" PRIu32
			" producers, %" PRIu32 " consumers",
			h->cell_bytes, h->delivery_limit, h->producers_max, h->consumers_max);
	else if (h->slot_bytes != 0)
		snprintf(text + used, size - (size_t)used, ", slot %" PRIu32, h->slot_bytes);
}

int gyre_compare_geometry(
	const struct gyre_header *h, const struct gyre_ring_options *o, struct gyre_error *reterr)
{
	char found[160], asked[160];
	struct gyre_header wanted;
	const int outcome = gyre_plan(o, &wanted, reterr);

	if (outcome != GYRE_OK)
		return outcome;
	if (fits(h, &wanted, o))
		return GYRE_OK;
	describe(h, found, sizeof found);
	describe(&wanted, asked, sizeof asked);
	return gyre_fail(reterr, GYRE_EMISMATCH,
		"the ring exists: %s; asked was: %s; ask for what is there, use another key, or "
		"remove it first (gyre rm)",
		found, asked);
}
