/*
 * The first page as a specification, and as input: golden segments of every version are read for
 * ever, at the offsets that docs/layout.md names (numbers here, not offsetof); and whatever else
 * stands under a name is refused with an error of its own.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include "process.h"
#include "../golden/golden.h"
#include "golden_image.h"
#include "rings.h"

TestSuite(header, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	HEADER_BYTES = 0x200,
	CHECKSUM = 0x1f8,
	BOOT_ID = 0x40,
	CAPACITY = 4096,
	SLOT = 100,
};

/* ---- Golden segments ---- */

struct golden {
	const char *name;
	bool slots;
	bool closed;
};

static const struct golden goldens[] = {
	{"records", false, false},
	{"slots", true, false},
	{"closed", false, true},
};

enum { GOLDENS = sizeof goldens / sizeof *goldens };

Test(header, golden_headers_have_their_fields_where_the_layout_says)
{
	for (int i = 0; i < GOLDENS; i++) {
		const bool slots = goldens[i].slots;
		const uint64_t capacity = slots ? 32 * 208 : 4096;

		read_golden(goldens[i].name);
		cr_assert(eq(int, memcmp(image, "gyre\r\n\x1a\n", 8), 0));
		cr_assert(eq(u64, u32(0x008), 0x01020304));
		cr_assert(eq(u64, u32(0x00c), 1));
		cr_assert(eq(u64, u64(0x010), 0));
		cr_assert(eq(u64, u64(0x018), 0));
		cr_assert(eq(u64, u32(0x020), 0x1f8));
		cr_assert(eq(u64, u32(0x024), 1));
		cr_assert(eq(u64, u64(0x028), 0x8000));
		cr_assert(eq(u64, u64(0x030), GOLDEN_GENERATION));
		cr_assert(eq(u64, u64(0x038), GOLDEN_TIME_NS));
		for (unsigned k = 0; k < 16; k++)
			cr_assert(eq(u8, image[0x040 + k], k));
		cr_assert(eq(u64, u32(0x050), GOLDEN_PID));
		cr_assert(eq(u64, u32(0x054), GOLDEN_UID));
		cr_assert(eq(u64, u64(0x058), GOLDEN_START_TICKS));
		cr_assert(eq(u64, u64(0x060), GOLDEN_PID_NAMESPACE));
		cr_assert(eq(u64, u64(0x068), capacity));
		cr_assert(eq(u64, u32(0x070), slots ? 200 : 0));
		cr_assert(eq(u64, u32(0x074), slots ? 208 : 0));
		cr_assert(eq(u64, u32(0x078), 8));
		cr_assert(eq(u64, u32(0x07c), 1));
		cr_assert(eq(u64, u64(0x080), 0x6000));
		cr_assert(eq(u64, u32(0x088), 1));
		cr_assert(eq(u64, u32(0x08c), 1));
		cr_assert(eq(u64, u64(0x090), 0x4000));
		cr_assert(eq(u64, u64(0x098), 0x5000));
		cr_assert(eq(u64, u64(0x0a0), 0));
		cr_assert(eq(u64, u32(0x0a8), 0));
		cr_assert(eq(u64, u32(0x0ac), 0));
		cr_assert(eq(u64, u64(0x0b0), 1));
		cr_assert(eq(u64, u64(0x0b8), slots ? 200 : 2048));
		for (size_t k = 0x0c0; k < 0x1f8; k++)
			cr_assert(eq(u8, image[k], 0));
		cr_assert(eq(u64, u64(0x1f8), XXH3_64bits(image, 0x1f8)));
	}
}

Test(header, golden_seats_have_their_fields_where_the_layout_says)
{
	for (int i = 0; i < GOLDENS; i++) {
		read_golden(goldens[i].name);
		for (unsigned seat = 0; seat < 2; seat++) {
			const size_t at = 0x4000 + seat * 0x1000;

			cr_assert(eq(u64, u32(at + 0x00), 1 << 2 | 2)); /* the first holder left */
			cr_assert(eq(u64, u32(at + 0x04), GOLDEN_PID));
			cr_assert(eq(u64, u64(at + 0x08), GOLDEN_START_TICKS));
			cr_assert(eq(u64, u64(at + 0x10), GOLDEN_PID_NAMESPACE));
			cr_assert(eq(u64, u64(at + 0x18), GOLDEN_TIME_NS));
			cr_assert(eq(u64, u32(at + 0x20), seat + 1));
			cr_assert(eq(u64, u32(at + 0x24), 0));
			cr_assert(eq(u64, u32(at + 0x28), 0));
			cr_assert(eq(int, memcmp(image + at + 0x30, "golden\0", 7), 0));
			cr_assert(eq(u64, u64(at + 0xb0), 0));
		}
		cr_assert(eq(u64, u64(0x3080), 0)); /* nobody saw the end */
	}
}

/* ---- A reader made from docs/layout.md alone ---- */

enum word_type { NONE, MESSAGE, PAD, CLOSE };

struct reader {
	bool slots;
	uint64_t capacity; /* in the unit of positions */
	uint64_t position;
};

static size_t place(const struct reader *r)
{
	return 0x6000 + r->position % r->capacity * (r->slots ? 208 : 1);
}

/* Type of the word at the position: of another lap means nothing. */
static unsigned type_at(const struct reader *r)
{
	const uint64_t word = u64(place(r));
	const unsigned phase = word >> 3 & 1;

	if (r->slots && phase != (r->position / r->capacity % 2 == 0 ? 1u : 0u))
		return NONE;
	cr_assert(r->slots || phase == 0);
	return word & 7;
}

static void expect_message_at(struct reader *r, uint64_t number)
{
	const uint64_t word = u64(place(r));
	const size_t bytes = word >> 4 & 0xfffffff;

	cr_assert(eq(uint, type_at(r), MESSAGE));
	cr_assert(eq(sz, bytes, golden_bytes(number)));
	cr_assert(eq(u64, word >> 32, golden_tag(number)));
	cr_assert(is_message_of(image + place(r) + 8, bytes, number));
	r->position += r->slots ? 1 : (8 + bytes + 7) / 8 * 8;
}

/* The producer's tail: the later of its two ledgers, and what stands behind it. */
static uint64_t later_ledger(void)
{
	return (int64_t)(u64(0x4098) - u64(0x4080)) > 0 ? u64(0x4098) : u64(0x4080);
}

Test(header, golden_messages_stand_where_the_layout_says)
{
	for (int i = 0; i < GOLDENS; i++) {
		struct reader r = {.slots = goldens[i].slots};
		unsigned pads = 0;

		read_golden(goldens[i].name);
		r.capacity = r.slots ? 32 : 4096;
		r.position = u64(0x5080);
		for (uint64_t n = GOLDEN_MESSAGES - GOLDEN_UNREAD; n < GOLDEN_MESSAGES; n++) {
			if (type_at(&r) == PAD) {
				r.position += r.capacity - r.position % r.capacity;
				pads++;
			}
			expect_message_at(&r, n);
		}
		cr_assert(eq(uint, pads, r.slots ? 0 : 1));
		cr_assert(eq(uint, type_at(&r), goldens[i].closed ? CLOSE : NONE));
		cr_assert(eq(u64, r.position, later_ledger()));
		cr_assert(eq(u64, later_ledger() == u64(0x4080) ? u64(0x4088) : u64(0x40a0),
			GOLDEN_MESSAGES));
	}
}

/* ---- The library reads them, too ---- */

Test(header, golden_segments_are_read_and_gone_on_with)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (int i = 0; i < GOLDENS; i++) {
			struct gyre_ring *consumer, *producer;
			char key[KEY_BYTES];
			struct seen seen;

			key_of(v, "golden", key);
			read_golden(goldens[i].name);
			write_object(key, image, GOLDEN_BYTES);
			cr_assert(eq(int, try_attach(key, GYRE_CONSUMER, NULL), GYRE_ESTALE));
			make_current();
			remove_object(key);
			write_object(key, image, GOLDEN_BYTES);
			seen = look(key);
			cr_assert(eq(u32, seen.info.state,
				goldens[i].closed ? GYRE_STATE_CLOSED : GYRE_STATE_IDLE));
			cr_assert(eq(u64, seen.info.messages, GOLDEN_UNREAD));
			cr_assert(eq(u64, seen.producer.counters.messages, GOLDEN_MESSAGES));
			cr_assert(eq(u64, seen.consumer.counters.messages,
				GOLDEN_MESSAGES - GOLDEN_UNREAD));
			cr_assert(eq(str, seen.producer.name, "golden"));
			producer = attach(key, GYRE_PRODUCER);
			consumer = attach(key, GYRE_CONSUMER);
			cr_assert(eq(int, send_number(producer, 7, 70, 0),
				goldens[i].closed ? GYRE_ECLOSED : GYRE_OK));
			for (uint64_t n = GOLDEN_MESSAGES - GOLDEN_UNREAD; n < GOLDEN_MESSAGES;
				n++) {
				struct gyre_message message;

				cr_assert(eq(int, gyre_ring_peek(consumer, 0, &message), GYRE_OK));
				cr_assert(eq(sz, message.bytes, golden_bytes(n)));
				cr_assert(eq(u32, message.tag, golden_tag(n)));
				cr_assert(is_message_of(message.data, message.bytes, n));
				cr_assert(eq(int, gyre_ring_release(consumer, &message), GYRE_OK));
			}
			if (goldens[i].closed)
				cr_assert(eq(i64, receive_number(consumer, 0, 0), GYRE_ECLOSED));
			else
				cr_assert(eq(i64, receive_number(consumer, 7, 0), 70));
			gyre_ring_detach(producer);
			gyre_ring_detach(consumer);
			remove_object(key);
		}
	}
}

/* ---- What is no ring, or not one for this library ---- */

/* What every door says of it; text has to be in the explanation. */
static void expect_refused(const char *key, int code, const char *text)
{
	struct gyre_error error = {0};

	for (enum gyre_role role = GYRE_PRODUCER; role <= GYRE_CONSUMER; role++) {
		cr_assert(eq(int, try_attach(key, role, &error), code), "%s: %s", text, error.what);
		cr_assert(eq(int, error.code, code));
		cr_assert(ne(ptr, strstr(error.what, text), NULL), "no \"%s\" in \"%s\"", text,
			error.what);
	}
	if (code != GYRE_ESTALE) /* that is made anew */
		cr_assert(eq(int, gyre_ring_create(key, NULL, NULL), code));
}

/* A whole and healthy ring's bytes. */
static size_t copy_of_ring(const struct variant *v, uint8_t **ret_bytes)
{
	const struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
	char key[KEY_BYTES], path[KEY_BYTES];
	struct stat st;
	int fd;

	key_of(v, "original", key);
	path_of(key, path);
	make_ring(key, &options);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert(eq(int, fstat(fd, &st), 0));
	*ret_bytes = malloc((size_t)st.st_size);
	cr_assert(eq(i64, read(fd, *ret_bytes, (size_t)st.st_size), st.st_size));
	close(fd);
	remove_object(key);
	return (size_t)st.st_size;
}

Test(header, what_is_empty_or_short_or_garbage_is_no_ring)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		static const size_t lengths[] = {1, 7, 8, 100, 511};
		uint8_t *bytes;
		const size_t size = copy_of_ring(v, &bytes);
		char key[KEY_BYTES];
		uint64_t state = 1;

		key_of(v, "bad", key);
		write_object(key, bytes, 0);
		expect_refused(key, GYRE_ESIZE, "empty");
		remove_object(key);
		for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
			write_object(key, bytes, lengths[i]);
			expect_refused(key, GYRE_EFORMAT, "not a gyre ring");
			remove_object(key);
		}
		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)next_random(&state);
		write_object(key, bytes, size);
		expect_refused(key, GYRE_EFORMAT, "not a gyre ring");
		remove_object(key);
		memset(bytes, 0, size);
		write_object(key, bytes, size);
		expect_refused(key, GYRE_EFORMAT, "not a gyre ring");
		remove_object(key);
		free(bytes);
	}
}

Test(header, a_ring_that_was_cut_or_grown_is_damaged)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		uint8_t *bytes;
		const size_t size = copy_of_ring(v, &bytes);
		const size_t lengths[] = {512, 513, 4096, 0x4000, 0x6000, size - 4096, size - 1};
		char key[KEY_BYTES], path[KEY_BYTES];

		key_of(v, "cut", key);
		path_of(key, path);
		for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
			write_object(key, bytes, lengths[i]);
			expect_refused(key, GYRE_ECORRUPT, "cut or grew");
			remove_object(key);
		}
		write_object(key, bytes, size);
		cr_assert(eq(int, truncate(path, (off_t)size + 1), 0));
		expect_refused(key, GYRE_ECORRUPT, "cut or grew");
		cr_assert(eq(int, truncate(path, (off_t)size + 8192), 0));
		expect_refused(key, GYRE_ECORRUPT, "cut or grew");
		cr_assert(eq(u32, look(key).info.state, GYRE_STATE_BROKEN));
		remove_object(key);
		free(bytes);
	}
}

/* ---- One field changed, the checksum right ---- */

typedef void change_fn(struct gyre_header *header, uint64_t value);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion" /* values are cut to their field on purpose */

static void magic(struct gyre_header *h, uint64_t value)
{
	h->magic[value] ^= 1;
}

static void byte_order(struct gyre_header *h, uint64_t value)
{
	h->byte_order = value;
}

static void version(struct gyre_header *h, uint64_t value)
{
	h->version = value;
}

static void incompatible(struct gyre_header *h, uint64_t value)
{
	h->features_incompatible = value;
}

static void compatible(struct gyre_header *h, uint64_t value)
{
	h->features_compatible = value;
}

static void header_bytes(struct gyre_header *h, uint64_t value)
{
	h->header_bytes = value;
}

static void kind(struct gyre_header *h, uint64_t value)
{
	h->kind = value;
}

static void segment_bytes(struct gyre_header *h, uint64_t value)
{
	h->segment_bytes = value;
}

static void capacity_bytes(struct gyre_header *h, uint64_t value)
{
	h->capacity_bytes = value;
}

static void slot_bytes(struct gyre_header *h, uint64_t value)
{
	h->slot_bytes = value;
}

static void slot_stride(struct gyre_header *h, uint64_t value)
{
	h->slot_stride = value;
}

static void align_bytes(struct gyre_header *h, uint64_t value)
{
	h->align_bytes = value;
}

static void wake(struct gyre_header *h, uint64_t value)
{
	h->wake = value;
}

static void data_offset(struct gyre_header *h, uint64_t value)
{
	h->data_offset = value;
}

static void producers_max(struct gyre_header *h, uint64_t value)
{
	h->producers_max = value;
}

static void consumers_max(struct gyre_header *h, uint64_t value)
{
	h->consumers_max = value;
}

static void producers_offset(struct gyre_header *h, uint64_t value)
{
	h->producers_offset = value;
}

static void consumers_offset(struct gyre_header *h, uint64_t value)
{
	h->consumers_offset = value;
}

static void entries_offset(struct gyre_header *h, uint64_t value)
{
	h->entries_offset = value;
}

static void message_bytes_max(struct gyre_header *h, uint64_t value)
{
	h->message_bytes_max = value;
}

#pragma GCC diagnostic pop

static const char impossible[] = "impossible ring";

static const struct {
	change_fn *change;
	uint64_t value;
	int code;
	const char *text;
} changes[] = {
	{magic, 0, GYRE_EFORMAT, "not a gyre ring"},
	{magic, 7, GYRE_EFORMAT, "not a gyre ring"},
	{byte_order, 0x04030201, GYRE_EVERSION, "byte order"},
	{byte_order, 0x01020305, GYRE_ECORRUPT, "byte order"},
	{byte_order, 0, GYRE_ECORRUPT, "byte order"},
	{version, 0, GYRE_EVERSION, "layout version 0"},
	{version, 2, GYRE_EVERSION, "layout version 2"},
	{version, UINT32_MAX, GYRE_EVERSION, "layout version"},
	{incompatible, 1, GYRE_EVERSION, "features 0x1"},
	{incompatible, (uint64_t)1 << 63, GYRE_EVERSION, "features 0x8000000000000000"},
	{header_bytes, 0, GYRE_ECORRUPT, "checksum"},
	{header_bytes, 0x200, GYRE_ECORRUPT, "checksum"},
	{header_bytes, UINT32_MAX, GYRE_ECORRUPT, "checksum"},
	{kind, 0, GYRE_EVERSION, "kind 0"},
	{kind, 3, GYRE_EVERSION, "kind 3"},
	{kind, UINT32_MAX, GYRE_EVERSION, "kind"},
	{segment_bytes, 0, GYRE_ECORRUPT, "cut or grew"},
	{segment_bytes, 4096, GYRE_ECORRUPT, "cut or grew"},
	{segment_bytes, UINT64_MAX, GYRE_ECORRUPT, "cut or grew"},
	{capacity_bytes, 0, GYRE_ECORRUPT, impossible},
	{capacity_bytes, 8, GYRE_ECORRUPT, impossible},
	{capacity_bytes, CAPACITY - 8, GYRE_ECORRUPT, impossible},
	{capacity_bytes, 1 << 20, GYRE_ECORRUPT, impossible},
	{capacity_bytes, (uint64_t)1 << 63, GYRE_ECORRUPT, impossible},
	{capacity_bytes, UINT64_MAX, GYRE_ECORRUPT, impossible},
	{capacity_bytes, (uint64_t)-4096, GYRE_ECORRUPT, impossible},
	{slot_bytes, 1, GYRE_ECORRUPT, impossible},
	{slot_bytes, UINT32_MAX, GYRE_ECORRUPT, impossible},
	{slot_stride, 1, GYRE_ECORRUPT, impossible},
	{slot_stride, 64, GYRE_ECORRUPT, impossible},
	{slot_stride, UINT32_MAX, GYRE_ECORRUPT, impossible},
	{align_bytes, 0, GYRE_ECORRUPT, impossible},
	{align_bytes, 1, GYRE_ECORRUPT, impossible},
	{align_bytes, 4, GYRE_ECORRUPT, impossible},
	{align_bytes, 12, GYRE_ECORRUPT, impossible},
	{align_bytes, 8192, GYRE_ECORRUPT, impossible},
	{align_bytes, UINT32_MAX, GYRE_ECORRUPT, impossible},
	{wake, 0, GYRE_ECORRUPT, impossible},
	{wake, 3, GYRE_ECORRUPT, impossible},
	{data_offset, 0, GYRE_ECORRUPT, impossible},
	{data_offset, 0x5000, GYRE_ECORRUPT, impossible},
	{data_offset, 0x6008, GYRE_ECORRUPT, impossible},
	{data_offset, UINT64_MAX, GYRE_ECORRUPT, impossible},
	{producers_max, 0, GYRE_ECORRUPT, impossible},
	{producers_max, 2, GYRE_ECORRUPT, impossible},
	{producers_max, 511, GYRE_ECORRUPT, impossible},
	{producers_max, UINT32_MAX, GYRE_ECORRUPT, impossible},
	{consumers_max, 0, GYRE_ECORRUPT, impossible},
	{consumers_max, 2, GYRE_ECORRUPT, impossible},
	{consumers_max, UINT32_MAX, GYRE_ECORRUPT, impossible},
	{producers_offset, 0, GYRE_ECORRUPT, impossible},
	{producers_offset, 0x5000, GYRE_ECORRUPT, impossible},
	{producers_offset, UINT64_MAX - 7, GYRE_ECORRUPT, impossible},
	{consumers_offset, 0, GYRE_ECORRUPT, impossible},
	{consumers_offset, 0x4000, GYRE_ECORRUPT, impossible},
	{consumers_offset, UINT64_MAX - 7, GYRE_ECORRUPT, impossible},
	{entries_offset, 8, GYRE_ECORRUPT, impossible},
	{entries_offset, 0x6000, GYRE_ECORRUPT, impossible},
	{entries_offset, UINT64_MAX, GYRE_ECORRUPT, impossible},
	{message_bytes_max, 0, GYRE_ECORRUPT, impossible},
	{message_bytes_max, CAPACITY, GYRE_ECORRUPT, impossible},
	{message_bytes_max, UINT64_MAX, GYRE_ECORRUPT, impossible},
};

enum { CHANGES = sizeof changes / sizeof *changes };

Test(header, each_impossible_field_has_a_clear_error_of_its_own)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		const struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
		struct gyre_header original;
		char key[KEY_BYTES];

		key_of(v, "field", key);
		make_ring(key, &options);
		read_header(key, &original);
		for (int i = 0; i < CHANGES; i++) {
			struct gyre_header header = original;

			changes[i].change(&header, changes[i].value);
			write_header(key, &header, true);
			expect_refused(key, changes[i].code, changes[i].text);
			if (changes[i].code != GYRE_EFORMAT)
				cr_assert(eq(u32, look(key).info.state, GYRE_STATE_BROKEN));
		}
		write_header(key, &original, false);
		cr_assert(eq(int, try_attach(key, GYRE_PRODUCER, NULL), GYRE_OK));
		remove_object(key);
	}
}

Test(header, unknown_compatible_features_are_accepted)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (unsigned bit = 0; bit < 64; bit++) {
			struct pair p = pair_of(v, CAPACITY, SLOT);
			struct gyre_header header;

			gyre_ring_detach(p.producer);
			gyre_ring_detach(p.consumer);
			read_header(p.key, &header);
			compatible(&header, (uint64_t)1 << bit);
			write_header(p.key, &header, true);
			p.producer = attach(p.key, GYRE_PRODUCER);
			p.consumer = attach(p.key, GYRE_CONSUMER);
			cr_assert(eq(int, send_number(p.producer, bit, 50, 0), GYRE_OK));
			cr_assert(eq(i64, receive_number(p.consumer, bit, 0), 50));
			pair_close(&p);
		}
	}
}

Test(header, every_flipped_bit_is_found)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		const struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
		struct gyre_header original;
		char key[KEY_BYTES];

		if (v->wake != GYRE_WAKE_FENCE)
			continue;
		key_of(v, "bit", key);
		make_ring(key, &options);
		read_header(key, &original);
		for (unsigned bit = 0; bit < 8 * HEADER_BYTES; bit++) {
			struct gyre_header header = original;
			int outcome;

			((uint8_t *)&header)[bit / 8] ^= (uint8_t)(1u << bit % 8);
			write_header(key, &header, false);
			outcome = try_attach(key, GYRE_CONSUMER, NULL);
			cr_assert(outcome == GYRE_EFORMAT || outcome == GYRE_EVERSION ||
					  outcome == GYRE_ECORRUPT,
				"bit %u: %s", bit, gyre_errname(outcome));
		}
		remove_object(key);
	}
}

/* A hostile creator checksums, too. */
Test(header, any_fields_with_a_right_checksum_are_refused_or_usable)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		const struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
		struct gyre_header original;
		char key[KEY_BYTES];
		uint64_t state = 17;

		if (v->wake != GYRE_WAKE_FENCE)
			continue;
		key_of(v, "any", key);
		make_ring(key, &options);
		read_header(key, &original);
		for (unsigned round = 0; round < 3000; round++) {
			struct gyre_ring *producer = NULL, *consumer = NULL;
			struct gyre_header header = original;
			struct gyre_ring_info info;

			for (uint64_t n = 1 + next_random(&state) % 3; n > 0; n--) {
				const size_t at = 0x20 + next_random(&state) % 40 * 4;
				uint32_t *const field = (uint32_t *)(void *)((char *)&header + at);

				*field = next_random(&state) % 2 == 0
						 ? (uint32_t)next_random(&state)
						 : *field ^ 1u << next_random(&state) % 32;
			}
			memcpy(header.boot_id, original.boot_id, sizeof header.boot_id);
			write_header(key, &header, true);
			cr_assert(ge(int, gyre_inspect(key, NULL, &info, NULL, NULL, NULL), 0));
			if (gyre_ring_attach(key, GYRE_PRODUCER, NULL, &producer, NULL) == 0 &&
				gyre_ring_attach(key, GYRE_CONSUMER, NULL, &consumer, NULL) == 0) {
				cr_assert(eq(int, send_number(producer, round, 60, 0), GYRE_OK));
				cr_assert(eq(i64, receive_number(consumer, round, 0), 60));
			}
			gyre_ring_detach(producer);
			gyre_ring_detach(consumer);
		}
		remove_object(key);
	}
}
