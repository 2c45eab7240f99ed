/* How large a ring has to be: told beforehand, and so when it is made. */
#include <stdio.h>
#include <string.h>
#include "rings.h"

TestSuite(plan, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	SLOT = 120,
	ROOM = 1 << 17,
};

static struct gyre_error error;

static struct gyre_ring_info plan(
	const struct gyre_ring_options *options, size_t bytes, uint64_t messages)
{
	struct gyre_ring_info info;

	memset(&info, 0xAA, sizeof info);
	cr_assert(eq(int, gyre_ring_plan(options, bytes, messages, &info, &error), GYRE_OK), "%s",
		error.what);
	return info;
}

Test(plan, is_what_creation_makes)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct gyre_ring_options options = options_of(v, 0, SLOT);
		char key[KEY_BYTES];
		struct gyre_ring_info planned, made;

		options.align_bytes = 64;
		options.flags = GYRE_RING_KEEP;
		planned = plan(&options, 100, 1000);
		key_of(v, "planned", key);
		options.capacity_bytes = planned.capacity_bytes;
		make_ring(key, &options);
		made = look(key).info;
		cr_assert(eq(u32, planned.kind, made.kind));
		cr_assert(eq(u32, planned.slot_bytes, made.slot_bytes));
		cr_assert(eq(u32, planned.align_bytes, made.align_bytes));
		cr_assert(eq(u32, planned.wake, made.wake));
		cr_assert(eq(u32, planned.flags, made.flags));
		cr_assert(eq(u64, planned.capacity_bytes, made.capacity_bytes));
		cr_assert(eq(u64, planned.segment_bytes, made.segment_bytes));
		cr_assert(eq(u64, planned.message_bytes_max, made.message_bytes_max));
		cr_assert(eq(str, planned.key, ""));
		cr_assert(eq(u32, planned.state, 0));
		cr_assert(eq(u64, planned.generation, 0));
		gyre_ring_unlink(key, NULL);
	}
}

Test(plan, without_messages_is_that_of_the_options)
{
	const struct gyre_ring_options large = {.capacity_bytes = 100000, .align_bytes = 64};

	cr_assert(eq(u64, plan(NULL, 0, 0).capacity_bytes, 1 << 20));
	cr_assert(eq(u64, plan(&large, 0, 0).capacity_bytes, 1 << 17));
	cr_assert(eq(u64, plan(&large, 1 << 20, 0).messages, 0));
	cr_assert(eq(u64, plan(&large, 100, 1).capacity_bytes, 1 << 17)); /* the least */
}

Test(plan, is_the_smallest)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (uint64_t messages = 1; messages < 3000; messages += messages / 2 + 1) {
			struct gyre_ring_options options = options_of(v, 0, SLOT);
			const struct gyre_ring_info info = plan(&options, 100, messages);

			cr_assert(ge(u64, info.messages, messages));
			if (info.capacity_bytes <= 4096)
				continue;
			options.capacity_bytes = info.capacity_bytes / 2;
			cr_assert(lt(u64, plan(&options, 100, 0).messages, messages));
		}
	}
}

/* Messages of no bytes until the next one stands at unit `start` of the data area. */
static void go_to(struct pair *pair, uint64_t start, uint64_t unit, uint64_t units)
{
	struct gyre_message message;

	do {
		cr_assert(eq(int, gyre_ring_send(pair->producer, NULL, 0, 0, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_peek(pair->consumer, 0, &message), GYRE_OK));
		cr_assert(eq(int, gyre_ring_release(pair->consumer, &message), GYRE_OK));
	} while ((message.position / unit + 1) % units != start);
}

/* How many messages fit into the empty ring. */
static uint64_t fill(struct pair *pair, size_t bytes)
{
	static char buffer[ROOM];
	uint64_t sent = 0, taken;

	while (gyre_ring_send(pair->producer, buffer, bytes, 0, 0) == GYRE_OK)
		sent++;
	for (taken = 0; taken < sent; taken++)
		cr_assert(eq(i64, gyre_ring_receive(pair->consumer, buffer, sizeof buffer, 0, NULL),
			(int64_t)bytes));
	return sent;
}

/* What room is counted in: positions of one unit to the next, and how many there are. */
struct units {
	uint64_t step, count;
};

static struct units units_of(const struct gyre_ring_options *o)
{
	const struct gyre_ring_info info = plan(o, 0, 0);
	const uint64_t slot =
		(8 + info.slot_bytes + info.align_bytes - 1) / info.align_bytes * info.align_bytes;

	if (info.kind == GYRE_RING_MPMC)
		return (struct units){1, info.capacity_bytes / o->cell_bytes};
	if (info.slot_bytes != 0)
		return (struct units){1, info.capacity_bytes / slot};
	return (struct units){info.align_bytes, info.capacity_bytes / info.align_bytes};
}

/* The fewest, over all places to start from. */
static uint64_t fewest(struct pair *pair, const struct units *units, size_t bytes)
{
	uint64_t least = UINT64_MAX;

	for (uint64_t start = 0; start < units->count; start++) {
		uint64_t sent;

		go_to(pair, start, units->step, units->count);
		sent = fill(pair, bytes);
		least = sent < least ? sent : least;
	}
	return least;
}

/* In a ring of these options, for messages of all kinds of sizes. */
static void keeps_its_promise(const struct variant *v, const struct gyre_ring_options *options)
{
	static const size_t sizes[] = {0, 1, 8, 9, 16, 17, 24, 40, 57, 100, 120, 500, 2047, 2048};
	const struct units units = units_of(options);
	struct pair pair = pair_with(v, options);

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		if (options->slot_bytes != 0 && sizes[i] > options->slot_bytes)
			continue;
		cr_assert(eq(u64, fewest(&pair, &units, sizes[i]),
				  plan(options, sizes[i], 0).messages),
			"%zu bytes, alignment %u, cell %u", sizes[i], options->align_bytes,
			options->cell_bytes);
	}
	pair_close(&pair);
}

Test(plan, promises_exactly_what_always_fits)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (uint32_t align = 8; align <= 64; align *= 8) {
			struct gyre_ring_options options = options_of(v, 4096, SLOT);

			if (v->file || v->wake != GYRE_WAKE_FENCE)
				continue; /* no matter here */
			options.align_bytes = align;
			keeps_its_promise(v, &options);
		}
	}
}

Test(plan, counts_cells_where_room_is_cells)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (uint32_t cell = 16; cell <= 256; cell *= 4) {
			struct gyre_ring_options options = options_of(v, 4096, 0);

			if (v->slots || v->file || v->wake != GYRE_WAKE_FENCE)
				continue; /* no matter here */
			options.kind = GYRE_RING_MPMC;
			options.cell_bytes = cell;
			keeps_its_promise(v, &options);
		}
	}
}

static void refuse(const struct gyre_ring_options *options, size_t bytes, uint64_t messages,
	int code, const char *word)
{
	struct gyre_ring_info info = {.state = 77};

	error = (struct gyre_error){0};
	cr_assert(eq(int, gyre_ring_plan(options, bytes, messages, &info, &error), code));
	cr_assert(eq(int, error.code, code));
	cr_assert(ne(ptr, strstr(error.what, word), NULL), "%s: %s", word, error.what);
	cr_assert(eq(u32, info.state, 77));
	cr_assert(eq(int, gyre_ring_plan(options, bytes, messages, &info, NULL), code));
}

Test(plan, of_what_no_ring_can_do_is_refused)
{
	const struct gyre_ring_options slots = {.slot_bytes = SLOT};
	const struct gyre_ring_options odd = {.align_bytes = 24};
	const struct gyre_ring_options small = {.capacity_bytes = 100};

	refuse(NULL, (size_t)1 << 28, 1, GYRE_EMSGSIZE, "at most 268435455");
	refuse(NULL, SIZE_MAX, 1, GYRE_EMSGSIZE, "at most 268435455");
	refuse(&slots, SLOT + 1, 1, GYRE_EMSGSIZE, "at most 120");
	refuse(NULL, (size_t)1 << 27, (uint64_t)1 << 40, GYRE_ESIZE, "holds");
	refuse(NULL, 0, UINT64_MAX, GYRE_ESIZE, "holds");
	refuse(&odd, 8, 1, GYRE_EINVAL, "alignment");
	refuse(&small, 8, 1, GYRE_ESIZE, "capacity");
}
