/* From options to a header, and back: what a ring of a kind looks like in memory. */
#include <inttypes.h>
#include "backend.h"
#include "ring_private.h"

#define CAPACITY_DEFAULT ((uint64_t)1 << 20)
#define CAPACITY_MIN ((uint64_t)4096)
#define CAPACITY_MAX ((uint64_t)1 << 40)
#define FLAGS_KNOWN (GYRE_RING_KEEP | GYRE_RING_NO_SPIN)

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

static int check_creation(const struct gyre_ring_options *o, struct gyre_error *reterr)
{
	if (o->kind != GYRE_RING_DEFAULT && o->kind != GYRE_RING_SPSC)
		return gyre_fail(reterr, GYRE_ENOTSUP,
			"ring kind %" PRIu32 " is not known to this library; use spsc", o->kind);
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

int gyre_plan(const struct gyre_ring_options *o, struct gyre_header *h, struct gyre_error *reterr)
{
	const uint64_t capacity = o->capacity_bytes != 0 ? o->capacity_bytes : CAPACITY_DEFAULT;
	uint64_t slots;
	int outcome = check_creation(o, reterr);

	if (outcome != GYRE_OK)
		return outcome;
	memset(h, 0, sizeof *h);
	outcome = plan_wake(o->wake, &h->wake, reterr);
	if (outcome != GYRE_OK)
		return outcome;
	h->kind = GYRE_RING_SPSC;
	h->align_bytes = o->align_bytes != 0 ? o->align_bytes : 8;
	h->slot_bytes = o->slot_bytes;
	h->producers_max = 1;
	h->consumers_max = 1;
	h->flags = (o->flags & GYRE_RING_KEEP) != 0 ? GYRE_HEADER_KEEP : 0;
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
	h->message_bytes_max = message_max(h);
	gyre_header_place(h, 0);
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
	h->flags = old->flags;
	h->message_bytes_max = old->message_bytes_max;
	gyre_header_place(h, 0);
}

static bool spsc_is_possible(const struct gyre_header *h)
{
	if (h->producers_max != 1 || h->consumers_max != 1 || h->entries_offset != 0)
		return false;
	if (h->wake != GYRE_WAKE_FENCE && h->wake != GYRE_WAKE_MEMBARRIER)
		return false;
	if (h->message_bytes_max != message_max(h))
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

int gyre_check_geometry(const struct gyre_header *h, struct gyre_error *reterr)
{
	if (h->kind != GYRE_RING_SPSC)
		return gyre_fail(reterr, GYRE_EVERSION,
			"the ring is of kind %" PRIu32 ", which this library does not know; use a "
			"newer gyre",
			h->kind);
	if (!spsc_is_possible(h))
		return gyre_fail(reterr, GYRE_ECORRUPT,
			"the ring's header describes an impossible ring; remove it "
			"(gyre clean --force)");
	return GYRE_OK;
}

int gyre_compare_geometry(
	const struct gyre_header *h, const struct gyre_ring_options *o, struct gyre_error *reterr)
{
	struct gyre_header wanted;
	const int outcome = gyre_plan(o, &wanted, reterr);

	if (outcome != GYRE_OK)
		return outcome;
	if ((o->kind == GYRE_RING_DEFAULT || wanted.kind == h->kind) &&
		(o->capacity_bytes == 0 || wanted.capacity_bytes == h->capacity_bytes ||
			(o->slot_bytes == 0 && h->slot_bytes != 0 &&
				o->capacity_bytes <= h->capacity_bytes)) &&
		(o->slot_bytes == 0 || wanted.slot_bytes == h->slot_bytes) &&
		(o->align_bytes == 0 || wanted.align_bytes == h->align_bytes) &&
		(o->wake == GYRE_WAKE_DEFAULT || wanted.wake == h->wake))
		return GYRE_OK;
	return gyre_fail(reterr, GYRE_EMISMATCH,
		"the ring exists with capacity %" PRIu64 ", slot %" PRIu32 ", alignment %" PRIu32
		", wake mode %" PRIu32 "; asked were capacity %" PRIu64 ", slot %" PRIu32
		", alignment %" PRIu32 ", wake mode %" PRIu32
		"; ask for what is there, use another key, or remove it first (gyre rm)",
		h->capacity_bytes, h->slot_bytes, h->align_bytes, h->wake, wanted.capacity_bytes,
		wanted.slot_bytes, wanted.align_bytes, wanted.wake);
}
