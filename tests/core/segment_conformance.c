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

TestSuite(conformance, .timeout = 120, .fini = place_close);

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
	signal(SIGSEGV, SIG_DFL); /* a sanitizer would catch it */
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

		cr_assert(err == GYRE_ENORES || err == GYRE_ESIZE, "%d", err);
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
		cr_assert(eq(int,
			gyre_segment_attach(&p->key, (enum gyre_access)2, NULL, &segment, NULL),
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

static struct race *open_race(const struct place *p)
{
	struct race *const race = shared_memory(sizeof *race);

	race->place = *p;
	race->meeting = meeting_open(2);
	return race;
}

/* What one of two creators does; its number ends up in the segment if it wins. */
static const char *compete(struct race *race, unsigned number)
{
	const struct gyre_backend *const backend = race->place.backend;
	struct gyre_error error = {0};
	struct gyre_map map;
	int err;

	if (!meeting_wait(race->meeting))
		return "the other one did not come";
	err = backend->create(&race->place.key, BYTES, NULL, &map, &error);
	if (err == GYRE_OK) {
		memset(map.base, (int)number + 1, BYTES);
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
		return "the segment is not whole";
	backend->detach(&map);
	return meeting_wait(race->meeting) ? NULL : "the other one did not finish";
}

static const char *compete_as_second(void *race)
{
	const char *said = NULL;

	for (int i = 0; i < CREATOR_ROUNDS && said == NULL; i++)
		said = compete(race, 1);
	return said;
}

static const char *judge_round(const struct race *race)
{
	const bool first_won = race->codes[0] == GYRE_OK;

	if (first_won == (race->codes[1] == GYRE_OK))
		return complain("codes %d and %d", race->codes[0], race->codes[1]);
	if (race->seen[0] != (first_won ? 1 : 2) || race->seen[1] != race->seen[0])
		return complain("%d won, and they found the content of %d and %d",
			first_won ? 1 : 2, race->seen[0], race->seen[1]);
	return NULL;
}

Test(conformance, of_two_creators_one_wins_and_the_other_finds_its_segment)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct race *const race = open_race(p);
		struct child second = start_child(compete_as_second, race);

		for (int i = 0; i < CREATOR_ROUNDS; i++) {
			const char *said = compete(race, 0);

			expect_well(said != NULL ? said : judge_round(race));
			cr_assert(eq(int, gyre_segment_unlink(&p->key, NULL), GYRE_OK));
		}
		expect_well(end_child(&second));
		cr_assert(eq(uint, place_count_names(p), 0));
	}
}

/* Attaches all the time: what it finds must be whole. Ends when it finds a 2. */
static const char *read_all_the_time(void *context)
{
	const struct place *const p = &((struct race *)context)->place;

	for (;;) {
		struct gyre_error error = {0};
		struct gyre_map map;
		int value;

		switch (p->backend->attach(&p->key, GYRE_READ_ONLY, NULL, &map, &error)) {
		case GYRE_ENOTFOUND:
			continue;
		case GYRE_OK:
			break;
		default:
			return complain("attach: %s", error.what);
		}
		value = *(const unsigned char *)map.base;
		if (map.bytes != BYTES || value == 0 || !is_filled(map.base, BYTES, value))
			return complain("%zu bytes, the first of which is %d", map.bytes, value);
		p->backend->detach(&map);
		if (value == 2)
			return NULL;
	}
}

Test(conformance, a_reader_during_creation_finds_nothing_or_all)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct race *const race = open_race(p);
		struct child reader = start_child(read_all_the_time, race);

		for (int i = 0; i < READER_ROUNDS; i++) {
			struct gyre_map map = make_unpublished(p, BYTES);

			memset(map.base, i == READER_ROUNDS - 1 ? 2 : 1, BYTES);
			cr_assert(eq(int, p->backend->publish(&p->key, &map, NULL), GYRE_OK));
			p->backend->detach(&map);
			if (i < READER_ROUNDS - 1)
				gyre_segment_unlink(&p->key, NULL);
		}
		expect_well(end_child(&reader));
	}
}

/* Both have the same object and remove its name; who succeeds makes a new object, which nobody
 * may remove. */
static const char *remove_and_renew(struct race *race, unsigned number)
{
	const struct gyre_backend *const backend = race->place.backend;
	struct gyre_map old, renewed;

	if (backend->attach(&race->place.key, GYRE_READ_WRITE, NULL, &old, NULL) != GYRE_OK)
		return "the renewed segment has gone";
	if (!meeting_wait(race->meeting))
		return "the other one did not come";
	race->codes[number] = backend->unlink(&race->place.key, &old, NULL);
	if (race->codes[number] == GYRE_OK) {
		if (backend->create(&race->place.key, BYTES, NULL, &renewed, NULL) != GYRE_OK ||
			backend->publish(&race->place.key, &renewed, NULL) != GYRE_OK)
			return "no new segment could be made";
		backend->detach(&renewed);
	}
	backend->detach(&old);
	if (!meeting_wait(race->meeting))
		return "the other one did not finish";
	if ((race->codes[0] == GYRE_OK) == (race->codes[1] == GYRE_OK))
		return complain("codes %d and %d", race->codes[0], race->codes[1]);
	return meeting_wait(race->meeting) ? NULL : "the other one did not agree";
}

static const char *remove_as_second(void *race)
{
	const char *said = NULL;

	for (int i = 0; i < REMOVER_ROUNDS && said == NULL; i++)
		said = remove_and_renew(race, 1);
	return said;
}

Test(conformance, of_two_removers_none_hits_the_successor)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct race *const race = open_race(p);
		struct child second;

		gyre_segment_detach(create(p, BYTES));
		second = start_child(remove_as_second, race);
		for (int i = 0; i < REMOVER_ROUNDS; i++)
			expect_well(remove_and_renew(race, 0));
		expect_well(end_child(&second));
	}
}

/* ---- Removing ---- */

Test(conformance, unlink_of_one_object_leaves_another_alone)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_map old = make_unpublished(p, BYTES);
		struct gyre_segment *renewed;

		cr_assert(eq(int, p->backend->publish(&p->key, &old, NULL), GYRE_OK));
		cr_assert(eq(int, p->backend->unlink(&p->key, &old, NULL), GYRE_OK));
		cr_assert(eq(int, p->backend->unlink(&p->key, &old, NULL), GYRE_ENOTFOUND));
		renewed = create(p, BYTES);
		cr_assert(eq(int, p->backend->unlink(&p->key, &old, NULL), GYRE_ENOTFOUND));
		cr_assert(eq(int, try_attach(&p->key, GYRE_READ_ONLY), GYRE_OK));
		gyre_segment_detach(renewed);
		p->backend->detach(&old);
	}
}

Test(conformance, a_remover_waits_only_briefly_for_another_one)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_map map = make_unpublished(p, BYTES);
		int other;

		cr_assert(eq(int, p->backend->publish(&p->key, &map, NULL), GYRE_OK));
		other = open(p->path, O_RDONLY | O_CLOEXEC);
		cr_assert(eq(int, flock(other, LOCK_EX), 0)); /* stopped in mid-removal */
		cr_assert(eq(int, p->backend->unlink(&p->key, &map, NULL), GYRE_ELOCK));
		cr_assert(eq(uint, place_count_names(p), 1));
		cr_assert(eq(int, gyre_segment_unlink(&p->key, NULL), GYRE_OK)); /* told to */
		close(other);
		p->backend->detach(&map);
	}
}

/* ---- Descriptors ---- */

Test(conformance, detach_closes_no_descriptor_of_the_application)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_map map = make_unpublished(p, BYTES);
		int pipe_ends[2];

		cr_assert(eq(int, p->backend->publish(&p->key, &map, NULL), GYRE_OK));
		cr_assert(eq(int, pipe(pipe_ends), 0));
		cr_assert(
			eq(int, dup2(pipe_ends[0], map.fd), map.fd)); /* closefrom(), then open() */
		cr_assert(p->backend->is_named(&map));
		const int number = map.fd;
		p->backend->detach(&map);
		cr_assert(ge(int, fcntl(number, F_GETFD), 0));
		close(number);
		close(pipe_ends[0]);
		close(pipe_ends[1]);
	}
}

Test(conformance, publish_links_no_file_of_the_application)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_map map = make_unpublished(p, BYTES);
		char other[2 * PATH_BYTES + 2];
		int number = map.fd;
		int fd;

		place_path(p, "-other", other);
		fd = open(other, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		cr_assert(eq(int, dup2(fd, number), number));
		cr_assert(eq(int, p->backend->publish(&p->key, &map, NULL), GYRE_ESYSTEM));
		cr_assert(eq(int, try_attach(&p->key, GYRE_READ_ONLY), GYRE_ENOTFOUND));
		p->backend->detach(&map);
		close(number);
		close(fd);
	}
}

static const char *create_without_stdio(void *context)
{
	const struct place *const p = context;
	struct gyre_error error = {0};
	struct gyre_map map;

	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	if (p->backend->create(&p->key, BYTES, NULL, &map, &error) != GYRE_OK ||
		p->backend->publish(&p->key, &map, &error) != GYRE_OK)
		return complain("create: %s", error.what);
	if (map.fd <= STDERR_FILENO)
		return complain("create: what is printed goes into the segment: %d", map.fd);
	p->backend->detach(&map);
	if (p->backend->attach(&p->key, GYRE_READ_WRITE, NULL, &map, &error) != GYRE_OK)
		return complain("attach: %s", error.what);
	if (map.fd <= STDERR_FILENO)
		return complain("attach: what is printed goes into the segment: %d", map.fd);
	p->backend->detach(&map);
	return fcntl(STDIN_FILENO, F_GETFD) < 0 ? NULL : "a descriptor was leaked";
}

Test(conformance, segments_stay_out_of_the_standard_descriptors)
{
	for (struct place *p = place_first(); p != NULL; p = place_next())
		expect_well(in_child(create_without_stdio, p));
}

/* An open-file-description lock that another description of the same file does not share. */
static bool can_lock(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

Test(conformance, a_descriptor_handed_over_is_attached_to_by_a_private_one)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		const unsigned before = count_descriptors();
		struct gyre_map made = make_unpublished(p, BYTES);
		struct gyre_map found;

		cr_assert(eq(int, p->backend->publish(&p->key, &made, NULL), GYRE_OK));
		cr_assert(
			eq(int, gyre_fdmap_attach_fd(made.fd, GYRE_READ_WRITE, NULL, &found, NULL),
				GYRE_OK));
		cr_assert(ne(int, found.fd, made.fd));
		cr_assert(eq(u64, found.inode, made.inode));
		cr_assert(eq(sz, found.bytes, BYTES));
		if (p->kind == PLACE_POSIX)
			cr_assert(eq(ptr, (void *)found.backend, (void *)p->backend));
		cr_assert(can_lock(made.fd));
		cr_assert(not(can_lock(found.fd)));
		found.backend->detach(&found);
		p->backend->detach(&made);
		cr_assert(eq(uint, count_descriptors(), before));
	}
}

Test(conformance, a_descriptor_of_something_else_is_refused)
{
	struct gyre_map map;
	int pipe_ends[2];

	cr_assert(eq(int, pipe(pipe_ends), 0));
	cr_assert(eq(int, gyre_fdmap_attach_fd(pipe_ends[0], GYRE_READ_ONLY, NULL, &map, NULL),
		GYRE_EUNSAFE));
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	cr_assert(eq(int, gyre_fdmap_attach_fd(pipe_ends[0], GYRE_READ_ONLY, NULL, &map, NULL),
		GYRE_EINVAL));
}

Test(conformance, a_descriptor_is_attached_to_after_its_name_has_gone)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_map made = make_unpublished(p, BYTES);
		struct gyre_map found;

		cr_assert(eq(int, gyre_fdmap_attach_fd(made.fd, GYRE_READ_ONLY, NULL, &found, NULL),
			GYRE_OK));
		cr_assert(not(found.backend->is_named(&found)));
		found.backend->detach(&found);
		p->backend->detach(&made);
	}
}
