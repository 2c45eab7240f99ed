/*
 * What every backend promises, tested on each: whatever the key, a segment is the same thing.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fdmap.h"
#include "support.h"

enum {
	BYTES = 4097, /* a page and one more */
	CREATOR_ROUNDS = 1000,
	READER_ROUNDS = 300,
	REMOVER_ROUNDS = 300,
};

TestSuite(conformance, .timeout = 30, .fini = place_close);

static struct gyre_segment *create(const struct place *p, size_t bytes)
{
	struct gyre_segment *segment = NULL;
	struct gyre_error error = {0};

	cr_assert(eq(int, gyre_segment_create(&p->key, bytes, NULL, &segment, &error), GYRE_OK),
		"%s", error.what);
	return segment;
}

static struct gyre_segment *attach(const struct place *p, enum gyre_access access)
{
	struct gyre_segment *segment = NULL;
	struct gyre_error error = {0};

	cr_assert(eq(int, gyre_segment_attach(&p->key, access, NULL, &segment, &error), GYRE_OK),
		"%s", error.what);
	return segment;
}

/* What create and attach say, without keeping the segment. */
static int try_create(const struct gyre_key *key, size_t bytes, const struct gyre_permissions *perm)
{
	struct gyre_segment *segment = NULL;
	const int err = gyre_segment_create(key, bytes, perm, &segment, NULL);

	gyre_segment_detach(segment);
	return err;
}

static int try_attach(const struct gyre_key *key, enum gyre_access access)
{
	struct gyre_segment *segment = NULL;
	const int err = gyre_segment_attach(key, access, NULL, &segment, NULL);

	gyre_segment_detach(segment);
	return err;
}

static bool is_filled(const void *memory, size_t bytes, int value)
{
	const unsigned char *const byte = memory;

	for (size_t i = 0; i < bytes; i++)
		if (byte[i] != (unsigned char)value)
			return false;
	return true;
}

static struct gyre_map make_unpublished(const struct place *p, size_t bytes)
{
	struct gyre_map map;
	struct gyre_error error = {0};

	cr_assert(eq(int, p->backend->create(&p->key, bytes, NULL, &map, &error), GYRE_OK), "%s",
		error.what);
	return map;
}

/* ---- Create, attach, detach, unlink ---- */

Test(conformance, create_gives_zeroed_memory_of_exactly_the_size_asked)
{
	static const size_t sizes[] = {1, 100, 4095, 4096, 4097, (1 << 20) + 1};

	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			struct gyre_segment *const made = create(p, sizes[i]);
			struct gyre_segment *const found = attach(p, GYRE_READ_ONLY);
			struct stat st;

			cr_assert(eq(sz, gyre_segment_bytes(made), sizes[i]));
			cr_assert(eq(sz, gyre_segment_bytes(found), sizes[i]));
			cr_assert(eq(int, stat(p->path, &st), 0));
			cr_assert(eq(i64, st.st_size, (int64_t)sizes[i]));
			cr_assert(is_filled(gyre_segment_data(made), sizes[i], 0));
			memset(gyre_segment_data(made), 0x5a, sizes[i]);
			cr_assert(is_filled(gyre_segment_data(found), sizes[i], 0x5a));
			gyre_segment_detach(found);
			gyre_segment_detach(made);
			cr_assert(eq(int, gyre_segment_unlink(&p->key, NULL), GYRE_OK));
		}
	}
}

Test(conformance, create_reserves_all_of_its_space)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_segment *const segment = create(p, 3 << 20);
		struct stat st;

		cr_assert(eq(int, stat(p->path, &st), 0));
		cr_assert(ge(i64, st.st_blocks * 512, 3 << 20));
		gyre_segment_detach(segment);
	}
}

Test(conformance, stores_are_seen_through_every_mapping)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_segment *const a = create(p, BYTES);
		struct gyre_segment *const b = attach(p, GYRE_READ_WRITE);

		cr_assert(ne(ptr, gyre_segment_data(a), gyre_segment_data(b)));
		memset(gyre_segment_data(a), 1, BYTES);
		cr_assert(is_filled(gyre_segment_data(b), BYTES, 1));
		memset(gyre_segment_data(b), 2, BYTES);
		cr_assert(is_filled(gyre_segment_data(a), BYTES, 2));
		gyre_segment_detach(a);
		gyre_segment_detach(b);
	}
}

static const char *store(void *data)
{
	*(volatile char *)data = 1;
	return NULL;
}

Test(conformance, a_store_through_a_read_only_mapping_raises_sigsegv)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_segment *const made = create(p, BYTES);
		struct gyre_segment *const found = attach(p, GYRE_READ_ONLY);
		char expected[64];

		snprintf(expected, sizeof expected, "the child died of signal %d", SIGSEGV);
		cr_assert(eq(str, (char *)in_child(store, gyre_segment_data(found)), expected));
		cr_assert(eq(str, (char *)in_child(store, gyre_segment_data(made)), ""));
		gyre_segment_detach(found);
		gyre_segment_detach(made);
	}
}

Test(conformance, attach_says_not_found_where_nothing_is)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		cr_assert(eq(int, try_attach(&p->key, GYRE_READ_ONLY), GYRE_ENOTFOUND));
		cr_assert(eq(int, try_attach(&p->key, GYRE_READ_WRITE), GYRE_ENOTFOUND));
		cr_assert(eq(int, gyre_segment_unlink(&p->key, NULL), GYRE_ENOTFOUND));
	}
}

Test(conformance, create_says_exists_and_leaves_the_other_alone)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_segment *const first = create(p, BYTES);

		memset(gyre_segment_data(first), 7, BYTES);
		cr_assert(eq(int, try_create(&p->key, 100, NULL), GYRE_EEXIST));
		cr_assert(eq(int, try_create(&p->key, (size_t)1 << 40, NULL), GYRE_EEXIST));
		cr_assert(is_filled(gyre_segment_data(first), BYTES, 7));
		cr_assert(eq(int, try_attach(&p->key, GYRE_READ_WRITE), GYRE_OK));
		gyre_segment_detach(first);
	}
}

Test(conformance, detach_leaves_the_name_and_no_descriptor)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		const unsigned before = count_descriptors();

		gyre_segment_detach(create(p, BYTES));
		gyre_segment_detach(attach(p, GYRE_READ_ONLY));
		gyre_segment_detach(attach(p, GYRE_READ_WRITE));
		gyre_segment_detach(NULL);
		cr_assert(eq(uint, count_descriptors(), before));
		cr_assert(eq(uint, place_count_names(p), 1));
	}
}

Test(conformance, a_segment_knows_its_key)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_segment *const segment = create(p, BYTES);
		const struct gyre_key *const key = gyre_segment_key(segment);

		cr_assert(eq(uint, key->type, p->key.type));
		cr_assert(eq(str, (char *)key->native, p->key.native));
		gyre_segment_detach(segment);
	}
}

Test(conformance, unlink_takes_the_name_and_leaves_the_memory_to_its_users)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_map old = make_unpublished(p, BYTES);
		struct gyre_segment *renewed;

		cr_assert(eq(int, p->backend->publish(&p->key, &old, NULL), GYRE_OK));
		cr_assert(p->backend->is_named(&old));
		memset(old.base, 1, BYTES);
		cr_assert(eq(int, gyre_segment_unlink(&p->key, NULL), GYRE_OK));
		cr_assert(not(p->backend->is_named(&old)));
		cr_assert(eq(int, try_attach(&p->key, GYRE_READ_ONLY), GYRE_ENOTFOUND));

		renewed = create(p, 100);
		cr_assert(is_filled(gyre_segment_data(renewed), 100, 0));
		memset(gyre_segment_data(renewed), 2, 100);
		cr_assert(is_filled(old.base, BYTES, 1));
		cr_assert(not(p->backend->is_named(&old)));
		gyre_segment_detach(renewed);
		p->backend->detach(&old);
	}
}

/* ---- Arguments ---- */

Test(conformance, impossible_sizes_are_refused)
{
	static const size_t sizes[] = {0, SIZE_MAX, (size_t)SSIZE_MAX + 1};

	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
			cr_assert(eq(int, try_create(&p->key, sizes[i], NULL), GYRE_ESIZE));
		cr_assert(eq(uint, place_count_names(p), 0));
	}
}

Test(conformance, hopeless_sizes_are_refused_with_the_figure)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_segment *segment = NULL;
		struct gyre_error error = {0};
		const int err =
			gyre_segment_create(&p->key, (size_t)1 << 62, NULL, &segment, &error);

		cr_assert(any(eq(int, err, GYRE_ENORES), eq(int, err, GYRE_ESIZE)));
		cr_assert(eq(int, error.code, err));
		cr_assert(ne(ptr, strstr(error.what, "4611686018427387904 bytes"), NULL), "%s",
			error.what);
		cr_assert(eq(uint, place_count_names(p), 0));
	}
}

Test(conformance, senseless_permissions_are_refused)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		const struct gyre_permissions executable = {.mode = 0700};
		const struct gyre_permissions sticky = {.mode = 01600};
		const struct gyre_permissions unclear = {.reserved = 1};

		cr_assert(eq(int, try_create(&p->key, BYTES, &executable), GYRE_EINVAL));
		cr_assert(eq(int, try_create(&p->key, BYTES, &sticky), GYRE_EINVAL));
		cr_assert(eq(int, try_create(&p->key, BYTES, &unclear), GYRE_EINVAL));
		cr_assert(eq(uint, place_count_names(p), 0));
	}
}

Test(conformance, missing_arguments_are_refused)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_segment *segment = NULL;

		cr_assert(eq(int, gyre_segment_create(NULL, 1, NULL, &segment, NULL), GYRE_EINVAL));
		cr_assert(eq(int, gyre_segment_create(&p->key, 1, NULL, NULL, NULL), GYRE_EINVAL));
		cr_assert(eq(int, gyre_segment_attach(NULL, GYRE_READ_ONLY, NULL, &segment, NULL),
			GYRE_EINVAL));
		cr_assert(eq(int, gyre_segment_attach(&p->key, (enum gyre_access)2, NULL, &segment,
					  NULL),
			GYRE_EINVAL));
		cr_assert(eq(int, gyre_segment_unlink(NULL, NULL), GYRE_EINVAL));
	}
}

/* ---- Creation in two steps ---- */

Test(conformance, what_is_not_published_has_no_name_and_leaves_nothing)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		const unsigned before = count_descriptors();
		struct gyre_map map = make_unpublished(p, BYTES);

		cr_assert(eq(uint, place_count_names(p), 0));
		cr_assert(not(p->backend->is_named(&map)));
		cr_assert(is_filled(map.base, BYTES, 0));
		p->backend->detach(&map);
		cr_assert(eq(uint, place_count_names(p), 0));
		cr_assert(eq(uint, count_descriptors(), before));
	}
}

Test(conformance, publish_shows_what_was_written_before_it)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_map map = make_unpublished(p, BYTES);
		struct gyre_segment *found;

		memset(map.base, 9, BYTES);
		cr_assert(eq(int, p->backend->publish(&p->key, &map, NULL), GYRE_OK));
		found = attach(p, GYRE_READ_ONLY);
		cr_assert(is_filled(gyre_segment_data(found), BYTES, 9));
		gyre_segment_detach(found);
		p->backend->detach(&map);
	}
}

Test(conformance, publish_loses_against_whoever_was_faster)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_map slow = make_unpublished(p, BYTES);
		struct gyre_segment *const fast = create(p, 100);

		cr_assert(eq(int, p->backend->publish(&p->key, &slow, NULL), GYRE_EEXIST));
		p->backend->detach(&slow);
		cr_assert(eq(int, try_attach(&p->key, GYRE_READ_WRITE), GYRE_OK));
		cr_assert(eq(uint, place_count_names(p), 1));
		gyre_segment_detach(fast);
	}
}

Test(conformance, a_map_tells_what_the_system_says)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_map made = make_unpublished(p, BYTES);
		struct gyre_map found;
		struct stat st;

		cr_assert(eq(int, p->backend->publish(&p->key, &made, NULL), GYRE_OK));
		cr_assert(eq(int, p->backend->attach(&p->key, GYRE_READ_ONLY, NULL, &found, NULL),
			GYRE_OK));
		cr_assert(eq(int, stat(p->path, &st), 0));
		cr_assert(eq(ptr, (void *)found.backend, (void *)p->backend));
		cr_assert(eq(u64, found.device, st.st_dev));
		cr_assert(eq(u64, found.inode, st.st_ino));
		cr_assert(eq(u64, made.inode, st.st_ino));
		cr_assert(eq(u32, found.owner_uid, st.st_uid));
		cr_assert(eq(u32, found.mode, 0600));
		cr_assert(not(found.writable));
		cr_assert(made.writable);
		cr_assert(eq(int, fcntl(found.fd, F_GETFD), FD_CLOEXEC));
		p->backend->detach(&found);
		p->backend->detach(&made);
	}
}

/* ---- Several processes ---- */

struct race {
	struct place place;
	struct meeting *meeting;
	volatile int codes[2];
	volatile int seen[2];
};

static void fill(struct gyre_map *map, int value)
{
	memset(map->base, value, map->bytes);
}

/* What one of two creators does; its number ends up in the segment if it wins. */
static const char *compete(struct race *race, unsigned number)
{
	const struct gyre_backend *const backend = race->place.backend;
	const int mine = (int)number + 1;
	struct gyre_error error = {0};
	struct gyre_map map;
	int err;

	meeting_wait(race->meeting);
	err = backend->create(&race->place.key, BYTES, NULL, &map, &error);
	if (err == GYRE_OK) {
		fill(&map, mine);
		err = backend->publish(&race->place.key, &map, &error);
		backend->detach(&map);
	}
	race->codes[number] = err;
	if (err != GYRE_OK && err != GYRE_EEXIST)
		return complain("create: %s", error.what);
	err = backend->attach(&race->place.key, GYRE_READ_WRITE, NULL, &map, &error);
	if (err != GYRE_OK)
		return complain("attach: %s", error.what);
	race->seen[number] = *(const unsigned char *)map.base;
	if (map.bytes != BYTES || !is_filled(map.base, BYTES, race->seen[number]))
		return complain("the segment is not whole");
	backend->detach(&map);
	meeting_wait(race->meeting);
	return NULL;
}

static const char *compete_as_second(void *context)
{
	const char *said = NULL;

	for (int i = 0; i < CREATOR_ROUNDS && said == NULL; i++)
		said = compete(context, 1);
	return said;
}

static const char *compete_as_first(struct race *race)
{
	const char *said = NULL;

	for (int i = 0; i < CREATOR_ROUNDS && said == NULL; i++) {
		said = compete(race, 0);
		if (said != NULL)
			break;
		if ((race->codes[0] == GYRE_OK) == (race->codes[1] == GYRE_OK))
			said = complain("round %d: codes %d and %d", i, race->codes[0],
				race->codes[1]);
		else if (race->seen[0] != (race->codes[0] == GYRE_OK ? 1 : 2))
			said = complain("round %d: the loser's content is there", i);
		else if (race->seen[0] != race->seen[1])
			said = complain("round %d: two segments", i);
		gyre_segment_unlink(&race->place.key, NULL);
	}
	return said;
}

Test(conformance, of_two_creators_one_wins_and_the_other_finds_its_segment)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct race *const race = shared_memory(sizeof *race);
		const char *said;
		pid_t second;

		race->place = *p;
		race->meeting = meeting_open(2);
		second = start_child(compete_as_second, race);
		said = compete_as_first(race);
		if (said != NULL)
			kill(second, SIGKILL);
		expect_well(said);
		expect_well(end_child(second));
	}
}
