/*
 * libFuzzer entry: a segment of arbitrary bytes, and then everything one can do with it. Nothing
 * may crash, hang, or touch what lies outside the mapping, whose neighbours are made
 * inaccessible.
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Ikeys -Icore -Iring \
 *             tests/fuzz/fuzz_attach.c keys/(all).c core/(all).c ring/(all).c -lmd -lxxhash
 *
 * Input: a byte of what the segment is (MODE_*), a byte that chooses its size, then
 *
 *	whole ring	patches: count, then each a 16-bit offset, a length and so many bytes
 *	raw header	512 bytes of header, then patches likewise, and a zero where nothing is
 *			said
 *	raw object	a 16-bit length and so many bytes: the object is exactly that
 *
 * and after it one byte a call, with what the call needs. A whole ring is a healthy one with
 * messages in it, whose users died; its header keeps, and a raw one may get, a right checksum. An
 * mpmc ring is used by two of each side.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include "gyre_inspect.h"
#include "gyre_ring.h"
#include "layout.h"
#include "process.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum {
	MODE_SLOTS = 1,    /* a whole ring: of slots */
	MODE_RAW = 2,      /* else whole */
	MODE_OBJECT = 4,   /* raw: all of it */
	MODE_CHECKSUM = 8, /* raw: with a right checksum, and of this boot */
	MODE_MPMC = 16,    /* a whole ring: mpmc, and */
	MODE_ALONE = 32,   /* for one of each side */
	RING_BYTES_MAX = 1 << 16,
	CALLS_MAX = 64,
	GUARD_BYTES = 64 << 10,
	MESSAGE_BYTES_MAX = 8192,
};

static char directory[] = "/dev/shm/gyre-fuzz-XXXXXX";
static char path[64], key[80];
enum shape { RECORDS, SLOTS, MPMC, MPMC_ALONE, SHAPES };
static uint8_t whole[SHAPES][RING_BYTES_MAX];
static size_t whole_bytes[SHAPES];
static uint8_t boot_id[16];

static void require(int holds)
{
	if (!holds)
		abort();
}

/* ---- The input ---- */

struct input {
	const uint8_t *at;
	size_t left;
};

static unsigned byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

static uint64_t number(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | byte(in);
	return value;
}

static size_t copy(struct input *in, void *to, size_t bytes)
{
	if (bytes > in->left)
		bytes = in->left;
	memcpy(to, in->at, bytes);
	in->at += bytes;
	in->left -= bytes;
	return bytes;
}

/* ---- The segment ---- */

static void clear_directory(void)
{
	unlink(path);
	rmdir(directory);
}

static struct gyre_ring_options options_of(enum shape shape)
{
	struct gyre_ring_options options = {
		.capacity_bytes = 4096,
		.slot_bytes = shape == SLOTS ? 120 : 0,
		.wake = GYRE_WAKE_FENCE,
		.flags = GYRE_RING_KEEP,
	};

	if (shape >= MPMC) {
		options.kind = GYRE_RING_MPMC;
		options.cell_bytes = 128;
		options.producers_max = options.consumers_max = shape == MPMC ? 2 : 1;
	}
	return options;
}

static void read_whole(enum shape shape)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	require(fd >= 0 && fstat(fd, &st) == 0 && st.st_size <= RING_BYTES_MAX);
	whole_bytes[shape] = (size_t)st.st_size;
	require(read(fd, whole[shape], whole_bytes[shape]) == (ssize_t)whole_bytes[shape]);
	close(fd);
}

/* A healthy ring's bytes, taken from the library itself: some messages, some of them read, one in
 * hand, one being written. A copy has no locks, so that in it everybody is dead. */
static void keep_whole(enum shape shape)
{
	const struct gyre_message batch[] = {
		{.data = "abc", .bytes = 3}, {.data = "de", .bytes = 2}, {.data = "f", .bytes = 1}};
	const struct gyre_ring_options options = options_of(shape);
	struct gyre_ring *producer = NULL, *consumer = NULL;
	struct gyre_message held;
	uint8_t buffer[128] = {0};
	void *room;

	require(gyre_ring_open(key, GYRE_PRODUCER, &options, &producer, NULL) == GYRE_OK);
	require(gyre_ring_attach(key, GYRE_CONSUMER, NULL, &consumer, NULL) == GYRE_OK);
	for (uint32_t i = 0; i < 70; i++) {
		require(gyre_ring_send(producer, buffer, i, i, 0) == GYRE_OK);
		require(i < 5 || gyre_ring_receive(consumer, buffer, 128, 0, NULL) >= 0);
	}
	require(gyre_ring_send_batch(producer, batch, 3, 0) == 3);
	require(gyre_ring_peek(consumer, 0, &held) == GYRE_OK);
	require(gyre_ring_reserve(producer, 50, 0, &room) == GYRE_OK);
	read_whole(shape);
	gyre_ring_detach(producer);
	gyre_ring_detach(consumer);
	unlink(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	require(mkdtemp(directory) != NULL);
	snprintf(path, sizeof path, "%s/ring", directory);
	snprintf(key, sizeof key, "file:%s", path);
	atexit(clear_directory);
	gyre_boot_id(boot_id);
	for (unsigned shape = 0; shape < SHAPES; shape++)
		keep_whole((enum shape)shape);
	return 0;
}

/* Whatever follows the header, or the header, too. */
static void patch(struct input *in, uint8_t *image, size_t size, size_t from)
{
	for (unsigned count = byte(in) % 16; count > 0; count--) {
		const size_t offset = from + number(in, 2) % (size - from);
		const size_t length = byte(in) % 32;

		copy(in, image + offset, length < size - offset ? length : size - offset);
	}
}

static size_t choose_size(unsigned chosen, size_t usual)
{
	const size_t sizes[] = {usual, usual, usual, usual, usual + 4096, usual - 4096, 4096, 512};

	return sizes[chosen % 8];
}

static void seal(uint8_t *image)
{
	struct gyre_header header;

	memcpy(&header, image, sizeof header);
	memcpy(header.boot_id, boot_id, sizeof header.boot_id);
	header.checksum = XXH3_64bits(&header, offsetof(struct gyre_header, checksum));
	memcpy(image, &header, sizeof header);
}

static enum shape shape_of(unsigned mode)
{
	if ((mode & MODE_MPMC) != 0)
		return (mode & MODE_ALONE) != 0 ? MPMC_ALONE : MPMC;
	return (mode & MODE_SLOTS) != 0 ? SLOTS : RECORDS;
}

static size_t build(struct input *in, uint8_t image[RING_BYTES_MAX], enum shape *ret_shape)
{
	const unsigned mode = byte(in), chosen = byte(in);
	const enum shape shape = *ret_shape = shape_of(mode);
	size_t size;

	memset(image, 0, RING_BYTES_MAX);
	if ((mode & MODE_RAW) == 0) {
		size = whole_bytes[shape];
		memcpy(image, whole[shape], size);
		patch(in, image, size, sizeof(struct gyre_header));
		return size;
	}
	if ((mode & MODE_OBJECT) != 0) {
		size = number(in, 2);
		copy(in, image, size);
	} else {
		size = choose_size(chosen, whole_bytes[shape]);
		copy(in, image, sizeof(struct gyre_header));
		patch(in, image, size, 0);
	}
	if ((mode & MODE_CHECKSUM) != 0 && size >= sizeof(struct gyre_header))
		seal(image);
	return size;
}

/* ---- Its neighbours ---- */

static uintptr_t lowest, highest; /* of the mapping */
static void *guards[2];

static void *guard_at(uintptr_t address)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE;
	void *const guard = mmap((void *)address, GUARD_BYTES, PROT_NONE, flags, -1, 0);

	return guard == MAP_FAILED ? NULL : guard;
}

static void remove_guards(void)
{
	for (int i = 0; i < 2; i++) {
		if (guards[i] != NULL)
			munmap(guards[i], GUARD_BYTES);
		guards[i] = NULL;
	}
}

/* Both handles share one mapping. */
static void guard(void)
{
	FILE *const maps = fopen("/proc/self/maps", "re");
	char line[512];

	require(maps != NULL);
	remove_guards();
	lowest = highest = 0;
	while (fgets(line, sizeof line, maps) != NULL && lowest == 0)
		if (strstr(line, path) != NULL)
			require(sscanf(line, "%lx-%lx", &lowest, &highest) == 2);
	fclose(maps);
	require(lowest != 0);
	guards[0] = guard_at(lowest - GUARD_BYTES);
	guards[1] = guard_at(highest);
}

static volatile unsigned sink;

/* What was handed out lies in the mapping, and may be read. */
static void touch(const void *data, size_t bytes)
{
	const uint8_t *const at = data;

	require((uintptr_t)at >= lowest && (uintptr_t)at + bytes <= highest);
	for (size_t i = 0; i < bytes; i++)
		sink += at[i];
}

/* ---- Calls ---- */

struct world {
	struct gyre_ring *producers[2], *consumers[2];
	unsigned sides; /* handles of each */
	int peer; /* a descriptor of the object: who has one may write everything, at any time */
	size_t size;
};

static uint8_t buffer[MESSAGE_BYTES_MAX];

static void produce(struct gyre_ring *ring, struct input *in)
{
	const size_t bytes = number(in, 2) % MESSAGE_BYTES_MAX;
	const int64_t timeout_ns = bytes % 2;
	const struct gyre_message batch[] = {
		{.data = buffer, .bytes = bytes}, {.data = buffer, .bytes = bytes / 16}, {0}};
	void *room;

	switch (byte(in) % 6) {
	case 0:
		gyre_ring_send(ring, buffer, bytes, 1, timeout_ns);
		break;
	case 1:
		gyre_ring_send_batch(ring, batch, 3, timeout_ns);
		break;
	case 2:
		if (gyre_ring_reserve(ring, bytes, timeout_ns, &room) == GYRE_OK) {
			touch(room, bytes);
			memset(room, 0x33, bytes);
		}
		break;
	case 3:
		gyre_ring_commit(ring, bytes, 2);
		break;
	case 4:
		gyre_ring_discard(ring);
		break;
	default:
		gyre_ring_close(ring);
		break;
	}
}

static void consume(struct gyre_ring *ring, struct input *in)
{
	const size_t bytes = number(in, 2) % MESSAGE_BYTES_MAX;
	const int64_t timeout_ns = bytes % 2;
	static struct gyre_message got[8];
	int64_t found = 0;

	switch (byte(in) % 5) {
	case 0:
		gyre_ring_receive(ring, buffer, bytes, timeout_ns, got);
		break;
	case 1:
		found = gyre_ring_receive_batch(ring, buffer, bytes, timeout_ns, got, 8);
		for (int64_t i = 0; i < found; i++)
			require((const uint8_t *)got[i].data + got[i].bytes <= buffer + bytes);
		break;
	case 2:
		found = gyre_ring_peek_batch(ring, timeout_ns, got, 1 + bytes % 8);
		for (int64_t i = 0; i < found; i++)
			touch(got[i].data, got[i].bytes);
		break;
	case 3:
		gyre_ring_release(ring, &got[bytes % 8]);
		break;
	default:
		gyre_ring_release_batch(ring, (unsigned)(bytes % 5));
		break;
	}
}

static void attach(struct gyre_ring **ring, enum gyre_role role, uint32_t flags)
{
	const struct gyre_ring_options options = {.flags = flags};

	if (*ring != NULL)
		return;
	if (gyre_ring_attach(key, role, &options, ring, NULL) == GYRE_OK)
		guard();
}

static void lie(const struct world *w, struct input *in)
{
	const size_t offset = number(in, 2);
	uint8_t bytes[8];
	const size_t length = copy(in, bytes, 1 + byte(in) % sizeof bytes);

	if (w->size >= length && offset <= w->size - length)
		require(pwrite(w->peer, bytes, length, (off_t)offset) == (ssize_t)length);
}

static void look(void)
{
	struct gyre_participant seats[3];
	struct gyre_ring_info info;
	struct gyre_error error;
	unsigned count = 3;

	if (gyre_inspect(key, NULL, &info, seats, &count, &error) == GYRE_OK)
		require(memchr(info.problem, '\0', sizeof info.problem) != NULL);
	else
		require(error.what[0] != '\0');
}

/* Where who is waited for is asked for, the answer is whole. */
static void look_at(const struct gyre_ring *ring)
{
	struct gyre_participant who;

	if (ring != NULL && gyre_ring_waited_for(ring, &who) == 1)
		require(memchr(who.name, '\0', sizeof who.name) != NULL);
}

static void clean(unsigned flags)
{
	if ((flags & 4) != 0)
		gyre_repair(key, NULL);
	else
		gyre_clean(key, flags % 4, NULL);
}

static void call(struct world *w, struct input *in)
{
	const unsigned chosen = byte(in), which = chosen / 10 % w->sides;
	struct gyre_ring **const producer = &w->producers[which];
	struct gyre_ring **const consumer = &w->consumers[which];
	struct gyre_ring **leave;

	switch (chosen % 10) {
	case 0:
		attach(producer, GYRE_PRODUCER, 0);
		break;
	case 1:
		attach(consumer, GYRE_CONSUMER, which == 1 ? GYRE_RING_STEP_OVER : 0);
		break;
	case 2:
	case 3:
		if (*producer != NULL)
			produce(*producer, in);
		break;
	case 4:
	case 5:
		if (*consumer != NULL)
			consume(*consumer, in);
		break;
	case 6:
		look();
		look_at(*producer);
		look_at(*consumer);
		break;
	case 7:
		clean(byte(in));
		break;
	case 8:
		lie(w, in);
		break;
	default:
		leave = byte(in) % 2 == 0 ? producer : consumer;
		gyre_ring_detach(*leave);
		*leave = NULL;
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static uint8_t image[RING_BYTES_MAX];
	struct input in = {data, bytes};
	enum shape shape;
	struct world world = {.size = build(&in, image, &shape)};

	world.sides = shape == MPMC ? 2 : 1;
	world.peer = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	require(world.peer >= 0);
	require(write(world.peer, image, world.size) == (ssize_t)world.size);
	attach(&world.producers[0], GYRE_PRODUCER, 0);
	attach(&world.consumers[0], GYRE_CONSUMER, 0);
	for (int calls = 0; calls < CALLS_MAX && in.left > 0; calls++)
		call(&world, &in);
	for (int i = 0; i < 2; i++) {
		gyre_ring_detach(world.producers[i]);
		gyre_ring_detach(world.consumers[i]);
	}
	remove_guards();
	close(world.peer);
	unlink(path);
	return 0;
}
