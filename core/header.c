/*
 * The header as input: every field is judged before it is used, in the order in which a wrong
 * one would mislead the rest (is it ours, which version, whole, of this boot, possible).
 */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <xxhash.h>
#include "clock.h"
#include "header.h"
#include "process.h"

#define CHECKSUMMED offsetof(struct gyre_header, checksum)

static uint64_t round_up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) / unit * unit;
}

static uint64_t seats_bytes(uint32_t count)
{
	return round_up((uint64_t)count * sizeof(struct gyre_seat), GYRE_PAGE);
}

struct gyre_seat *gyre_seat_at(const struct gyre_view *view, unsigned number)
{
	const struct gyre_header *h = &view->header;
	const uint64_t offset =
		number < h->producers_max
			? h->producers_offset + (uint64_t)number * sizeof(struct gyre_seat)
			: h->consumers_offset +
				  (uint64_t)(number - h->producers_max) * sizeof(struct gyre_seat);

	return (struct gyre_seat *)(void *)gyre_view_at(view, offset);
}

/* An alignment above 8 puts the 8-byte word of a message in front of an aligned payload. Side
 * entries and cells of equal size would lie a multiple of 4096 apart, which a processor takes for a
 * store and a load of one address: half a page between them. */
static uint64_t data_shift(const struct gyre_header *header)
{
	if (header->entries_offset != 0)
		return header->align_bytes <= GYRE_PAGE / 2 ? GYRE_PAGE / 2 : 0;
	return header->align_bytes > 8 ? header->align_bytes - 8 : 0;
}

void gyre_header_place(struct gyre_header *h, uint64_t entries_bytes)
{
	uint64_t end = GYRE_SEATS_OFFSET;

	h->entries_offset = 0;
	h->producers_offset = end;
	end += seats_bytes(h->producers_max);
	h->consumers_offset = end;
	end += seats_bytes(h->consumers_max);
	if (entries_bytes > 0) {
		h->entries_offset = end;
		end += round_up(entries_bytes, GYRE_PAGE);
	}
	h->data_offset = end + data_shift(h);
	h->segment_bytes = round_up(
		h->data_offset + h->capacity_bytes + 2 * (uint64_t)h->align_bytes + GYRE_SLACK,
		GYRE_PAGE);
}

static uint64_t draw_generation(void)
{
	uint64_t drawn;

	if (getrandom(&drawn, sizeof drawn, GRND_NONBLOCK) != (ssize_t)sizeof drawn)
		drawn = gyre_now_ns() * 0x9e3779b97f4a7c15u ^ (uint64_t)getpid();
	return drawn;
}

void gyre_header_seal(struct gyre_header *h)
{
	const struct gyre_process self = gyre_process_self();

	memcpy(h->magic, GYRE_MAGIC, sizeof h->magic);
	h->byte_order = GYRE_BYTE_ORDER;
	h->version = GYRE_LAYOUT_VERSION;
	h->header_bytes = CHECKSUMMED;
	h->generation = draw_generation();
	h->created_ns = gyre_now_ns();
	gyre_boot_id(h->boot_id);
	h->creator_pid = self.pid;
	h->creator_uid = (uint32_t)geteuid();
	h->creator_start_ticks = self.start_ticks;
	h->creator_pid_namespace = self.pid_namespace;
	h->checksum = XXH3_64bits(h, CHECKSUMMED);
}

static int check_identity(
	const struct gyre_map *map, const struct gyre_header *h, struct gyre_error *reterr)
{
	if (memcmp(h->magic, GYRE_MAGIC, sizeof h->magic) != 0)
		return gyre_fail(reterr, GYRE_EFORMAT,
			"not a gyre ring: its first bytes are something else's; choose another key");
	if (h->byte_order == __builtin_bswap32(GYRE_BYTE_ORDER))
		return gyre_fail(reterr, GYRE_EVERSION,
			"the ring was made on a machine of the other byte order; remove it and "
			"make it here");
	if (h->byte_order != GYRE_BYTE_ORDER)
		return gyre_fail(reterr, GYRE_ECORRUPT,
			"the ring's byte order mark is damaged; remove the ring (gyre clean --force)");
	if (h->version != GYRE_LAYOUT_VERSION)
		return gyre_fail(reterr, GYRE_EVERSION,
			"the ring has layout version %" PRIu32
			", this library knows %u; use one gyre "
			"on both sides, or remove the ring",
			h->version, GYRE_LAYOUT_VERSION);
	if ((h->features_incompatible & ~(uint64_t)GYRE_FEATURES_INCOMPATIBLE) != 0)
		return gyre_fail(reterr, GYRE_EVERSION,
			"the ring uses features 0x%" PRIx64 " that this library lacks; use a newer "
			"gyre, or remove the ring",
			h->features_incompatible & ~(uint64_t)GYRE_FEATURES_INCOMPATIBLE);
	if (h->header_bytes != CHECKSUMMED || h->checksum != XXH3_64bits(h, CHECKSUMMED))
		return gyre_fail(reterr, GYRE_ECORRUPT,
			"the ring's header is damaged (its checksum does not match); remove the ring "
			"(gyre clean --force)");
	if (h->segment_bytes != map->bytes)
		return gyre_fail(reterr, GYRE_ECORRUPT,
			"the ring should be %" PRIu64 " bytes and is %zu: somebody cut or grew it; "
			"remove it (gyre clean --force)",
			h->segment_bytes, map->bytes);
	return GYRE_OK;
}

/* A checksum only proves that the creator wrote it: a hostile one checksums too. */
static bool is_possible(const struct gyre_header *h)
{
	struct gyre_header expected = *h;

	if (h->producers_max < 1 || h->consumers_max < 1 || h->producers_max > GYRE_SEATS_MAX ||
		h->consumers_max > GYRE_SEATS_MAX ||
		h->producers_max + h->consumers_max > GYRE_SEATS_MAX)
		return false;
	if (h->align_bytes < 8 || h->align_bytes > GYRE_PAGE ||
		(h->align_bytes & (h->align_bytes - 1)) != 0)
		return false;
	if (h->capacity_bytes < 64 || h->capacity_bytes > h->segment_bytes ||
		h->capacity_bytes % h->align_bytes != 0)
		return false;
	if (h->message_bytes_max > h->capacity_bytes)
		return false;
	if (h->entries_offset != 0 && h->entries_offset > h->data_offset)
		return false;
	gyre_header_place(&expected,
		h->entries_offset == 0 ? 0 : h->data_offset - data_shift(h) - h->entries_offset);
	return expected.producers_offset == h->producers_offset &&
	       expected.consumers_offset == h->consumers_offset &&
	       expected.entries_offset == h->entries_offset &&
	       expected.data_offset == h->data_offset && expected.segment_bytes == h->segment_bytes;
}

static int check_boot(const struct gyre_header *h, struct gyre_error *reterr)
{
	static const uint8_t unknown[16];
	uint8_t here[16];

	gyre_boot_id(here);
	if (memcmp(here, unknown, 16) == 0 || memcmp(h->boot_id, unknown, 16) == 0 ||
		memcmp(here, h->boot_id, 16) == 0)
		return GYRE_OK;
	return gyre_fail(reterr, GYRE_ESTALE,
		"the ring was made before the last reboot: what it holds cannot be trusted; "
		"create it again, or remove it (gyre clean)");
}

int gyre_header_check(
	const struct gyre_map *map, struct gyre_header *ret_header, struct gyre_error *reterr)
{
	struct gyre_header copy;
	int outcome;

	if (map->bytes < sizeof copy)
		return gyre_fail(reterr, GYRE_EFORMAT,
			"not a gyre ring: only %zu bytes long; choose another key", map->bytes);
	memcpy(&copy, map->base, sizeof copy);
	outcome = check_identity(map, &copy, reterr);
	if (outcome != GYRE_OK)
		return outcome;
	if (!is_possible(&copy))
		return gyre_fail(reterr, GYRE_ECORRUPT,
			"the ring's header describes an impossible ring; remove it "
			"(gyre clean --force)");
	*ret_header = copy;
	return check_boot(&copy, reterr);
}
