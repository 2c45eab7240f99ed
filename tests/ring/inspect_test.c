/* Looking at rings from outside, which disturbs nobody. */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "rings.h"

TestSuite(inspect, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	CAPACITY = 8192,
	SLOT = 120,
};

/* ---- One ring ---- */

Test(inspect, tells_how_a_ring_was_made)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
		const uint64_t before = now_ns();
		char key[KEY_BYTES], path[KEY_BYTES];
		struct gyre_ring_info info;
		struct stat st;

		options.align_bytes = 64;
		options.flags = GYRE_RING_KEEP;
		key_of(v, "made", key);
		path_of(key, path);
		make_ring(key, &options);
		info = look(key).info;
		cr_assert(eq(int, stat(path, &st), 0));
		cr_assert(eq(str, info.key, key));
		cr_assert(eq(str, info.backend, v->file ? "file" : "posix"));
		cr_assert(eq(u32, info.kind, GYRE_RING_SPSC));
		cr_assert(eq(u32, info.state, GYRE_STATE_IDLE));
		cr_assert(eq(u32, info.layout_version, 1));
		cr_assert(eq(u32, info.slot_bytes, v->slots ? SLOT : 0));
		cr_assert(eq(u32, info.align_bytes, 64));
		cr_assert(eq(u32, info.wake, v->wake));
		cr_assert(eq(u32, info.flags, GYRE_RING_KEEP));
		cr_assert(eq(u32, info.closed, 0));
		cr_assert(ge(u64, info.capacity_bytes, CAPACITY));
		cr_assert(eq(u64, info.segment_bytes, (uint64_t)st.st_size));
		cr_assert(eq(u64, info.used_bytes, 0));
		cr_assert(eq(u64, info.messages, 0));
		cr_assert(eq(u64, info.message_bytes_max, v->slots ? SLOT : CAPACITY / 2));
		cr_assert(info.created_ns >= before && info.created_ns <= now_ns());
		cr_assert(eq(u32, info.creator_pid, (uint32_t)getpid()));
		cr_assert(eq(u32, info.owner_uid, (uint32_t)geteuid()));
		cr_assert(eq(u32, info.mode, 0600));
		cr_assert(eq(u32, info.participants, 0));
		cr_assert(ne(u64, info.generation, 0));
		cr_assert(eq(sz, strlen(info.boot_id), 36));
		cr_assert(eq(str, info.problem, ""));
		gyre_ring_unlink(key, NULL);
	}
}

Test(inspect, tells_who_is_there_and_what_they_did)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
		const uint64_t before = now_ns();
		struct gyre_ring *producer, *consumer;
		char key[KEY_BYTES];
		struct seen seen;
		void *data;

		key_of(v, "who", key);
		options.name = "a camera";
		producer = open_ring(key, GYRE_PRODUCER, &options);
		options.name = "a name of more than thirty-one bytes: it is cut";
		consumer = open_ring(key, GYRE_CONSUMER, &options);
		for (uint64_t number = 0; number < 10; number++)
			cr_assert(eq(int, send_number(producer, number, 100, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_reserve(producer, 5, 0, &data), GYRE_OK));
		cr_assert(eq(int, gyre_ring_discard(producer), GYRE_OK));
		for (uint64_t number = 0; number < 4; number++)
			cr_assert(eq(i64, receive_number(consumer, number, 0), 100));
		seen = look(key);
		cr_assert(eq(u32, seen.info.state, GYRE_STATE_LIVE));
		cr_assert(eq(u32, seen.info.participants, 2));
		cr_assert(eq(u64, seen.info.messages, 6));
		cr_assert(ge(u64, seen.info.used_bytes, 600));
		cr_assert(eq(u32, seen.producer.slot, 0));
		cr_assert(eq(u32, seen.producer.role, GYRE_PRODUCER));
		cr_assert(eq(u32, seen.producer.liveness, GYRE_LIFE_ALIVE));
		cr_assert(eq(u32, seen.producer.pid, (uint32_t)getpid()));
		cr_assert(ne(u64, seen.producer.start_ticks, 0));
		cr_assert(ne(u64, seen.producer.pid_namespace, 0));
		cr_assert(seen.producer.attached_ns >= before);
		cr_assert(seen.producer.attached_ns <= now_ns());
		cr_assert(eq(u32, seen.producer.generation, 1));
		cr_assert(eq(str, seen.producer.name, "a camera"));
		cr_assert(eq(u64, seen.producer.counters.messages, 10));
		cr_assert(eq(u64, seen.producer.counters.bytes, 1000));
		cr_assert(eq(u64, seen.producer.counters.aborted, 1));
		cr_assert(eq(u32, seen.consumer.slot, 1));
		cr_assert(eq(u32, seen.consumer.role, GYRE_CONSUMER));
		cr_assert(eq(str, seen.consumer.name, "a name of more than thirty-one "));
		cr_assert(eq(u64, seen.consumer.counters.messages, 4));
		cr_assert(eq(u64, seen.consumer.counters.bytes, 400));
		cr_assert(eq(u64, seen.consumer.counters.aborted, 0));
		gyre_ring_detach(producer);
		gyre_ring_detach(consumer);
		seen = look(key);
		cr_assert(eq(u32, seen.info.state, GYRE_STATE_IDLE));
		cr_assert(eq(u64, seen.info.messages, 6));
		cr_assert(eq(u32, seen.producer.liveness, GYRE_LIFE_LEFT));
		cr_assert(eq(u64, seen.producer.counters.messages, 10));
		cr_assert(eq(u64, seen.consumer.counters.messages, 4));
		gyre_ring_unlink(key, NULL);
	}
}

/* They go to terminals and into JSON, and anyone may have written them. */
static bool is_harmless(const char *name)
{
	const unsigned char *c = (const unsigned char *)name;

	for (; *c != '\0'; c++) {
		if (*c < ' ' || *c == 127)
			return false;
		if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			return false; /* C1: 0xc2 0x9b begins an escape sequence */
	}
	return mbstowcs(NULL, name, 0) != (size_t)-1;
}

Test(inspect, names_of_participants_are_harmless)
{
	static const char *const names[] = {"x\x1b[31m", "x\n", "\x7f", "x\xc2\x9bm", "\xff\xfe",
		"\xc3", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf",
		"thirty bytes and then a Greek \xce\xb1", "na\xc3\xafve"};

	cr_assert(ne(ptr, setlocale(LC_CTYPE, "C.UTF-8"), NULL));
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
			struct gyre_error error = {0};
			struct gyre_ring *ring;
			char key[KEY_BYTES];

			key_of(v, "name", key);
			options.name = names[i];
			ring = open_ring(key, GYRE_PRODUCER, &options);
			cr_assert(is_harmless(look(key).producer.name), "name %zu", i);
			cr_assert(eq(int, try_attach(key, GYRE_PRODUCER, &error), GYRE_EBUSY));
			cr_assert(is_harmless(error.what), "name %zu", i);
			gyre_ring_detach(ring);
			gyre_ring_unlink(key, NULL);
		}
	}
}

Test(inspect, counts_run_on_over_all_holders_of_a_seat)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct seen seen;

		for (uint64_t round = 0; round < 10; round++) {
			cr_assert(eq(int, send_number(p.producer, round, 10, 0), GYRE_OK));
			cr_assert(eq(i64, receive_number(p.consumer, round, 0), 10));
			gyre_ring_detach(p.producer);
			gyre_ring_detach(p.consumer);
			p.producer = attach(p.key, GYRE_PRODUCER);
			p.consumer = attach(p.key, GYRE_CONSUMER);
		}
		seen = look(p.key);
		cr_assert(eq(u32, seen.producer.generation, 11));
		cr_assert(eq(u32, seen.consumer.generation, 11));
		cr_assert(eq(u64, seen.producer.counters.messages, 10));
		cr_assert(eq(u64, seen.consumer.counters.messages, 10));
		cr_assert(eq(u64, seen.producer.counters.bytes, 100));
		cr_assert(eq(u64, seen.consumer.counters.bytes, 100));
		pair_close(&p);
	}
}

Test(inspect, stalls_are_counted_where_a_call_found_nothing)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct seen seen;

		for (int i = 0; i < 3; i++)
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		while (send_number(p.producer, 0, SLOT, 0) == GYRE_OK)
			;
		seen = look(p.key);
		cr_assert(eq(u64, seen.consumer.counters.stalls, 3));
		cr_assert(eq(u64, seen.producer.counters.stalls, 1));
		cr_assert(eq(u64, seen.producer.counters.sleeps, 0));
		cr_assert(eq(u64, seen.consumer.counters.sleeps, 0));
		cr_assert(eq(u64, seen.producer.counters.wakeups, 0));
		cr_assert(eq(u64, seen.consumer.counters.wakeups, 0));
		pair_close(&p);
	}
}

Test(inspect, only_as_many_participants_are_told_as_there_is_room_for)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct gyre_participant seats[3];
		struct gyre_ring_info info;
		unsigned count = 1;

		memset(seats, 0x5a, sizeof seats);
		cr_assert(eq(int, gyre_inspect(p.key, NULL, &info, seats, &count, NULL), GYRE_OK));
		cr_assert(eq(uint, count, 2));
		cr_assert(eq(u32, seats[0].role, GYRE_PRODUCER));
		cr_assert(eq(u32, seats[1].role, 0x5a5a5a5a));
		count = 0;
		cr_assert(eq(int, gyre_inspect(p.key, NULL, &info, NULL, &count, NULL), GYRE_OK));
		cr_assert(eq(uint, count, 2));
		cr_assert(eq(int, gyre_inspect(p.key, NULL, &info, NULL, NULL, NULL), GYRE_OK));
		cr_assert(eq(u32, info.participants, 2));
		pair_close(&p);
	}
}

Test(inspect, a_handle_sees_the_same_also_when_the_name_is_gone)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		const struct gyre_ring_info before = look(p.key).info;
		struct gyre_participant seats[2];
		struct gyre_ring_info info;
		unsigned count = 2;

		cr_assert(eq(int, send_number(p.producer, 1, 10, 0), GYRE_OK));
		cr_assert(eq(
			int, gyre_ring_inspect(p.consumer, &info, seats, &count, NULL), GYRE_OK));
		cr_assert(eq(u64, info.generation, before.generation));
		cr_assert(eq(str, info.key, p.key));
		cr_assert(eq(u32, info.state, GYRE_STATE_LIVE));
		cr_assert(eq(u32, info.participants, 2));
		cr_assert(eq(u64, info.messages, 1));
		cr_assert(eq(uint, count, 2));
		cr_assert(eq(u32, seats[0].liveness, GYRE_LIFE_ALIVE));
		cr_assert(eq(u32, seats[1].liveness, GYRE_LIFE_ALIVE));
		gyre_ring_unlink(p.key, NULL);
		cr_assert(eq(int, gyre_ring_inspect(p.producer, &info, NULL, NULL, NULL), GYRE_OK));
		cr_assert(eq(u32, info.state, GYRE_STATE_ORPHANED));
		cr_assert(eq(u32, info.participants, 2));
		pair_close(&p);
	}
}

/* ---- Disturbing nobody ---- */

Test(inspect, changes_nothing_in_the_segment)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct gyre_view view = view_of(p.key);
		void *const copy = malloc(view.map.bytes);

		cr_assert(eq(int, send_number(p.producer, 1, 10, 0), GYRE_OK));
		memcpy(copy, view.map.base, view.map.bytes);
		look(p.key);
		cr_assert(eq(int, gyre_clean(p.key, GYRE_CLEAN_FORCE, NULL), 0));
		cr_assert(eq(int, memcmp(copy, view.map.base, view.map.bytes), 0));
		free(copy);
		gyre_view_close(&view);
		pair_close(&p);
	}
}

static const char *look_as_reader(void *key)
{
	struct gyre_ring_info info;
	struct gyre_participant seats[2];
	struct gyre_error error = {0};
	unsigned count = 2;
	const int outcome = gyre_inspect(key, NULL, &info, seats, &count, &error);

	if (outcome != GYRE_OK)
		return complain("%s", error.what);
	if (info.participants != 2 || seats[0].liveness != GYRE_LIFE_ALIVE)
		return complain("%u participants", info.participants);
	return NULL;
}

Test(inspect, needs_only_read_permission)
{
	struct gyre_ring_options options = {.permissions = {.mode = 0644}};
	struct gyre_ring *producer, *consumer;
	char key[KEY_BYTES];

	key_of(variant_first(), "public", key);
	producer = open_ring(key, GYRE_PRODUCER, &options);
	consumer = open_ring(key, GYRE_CONSUMER, &options);
	expect_well(as_nobody(look_as_reader, key));
	gyre_ring_detach(producer);
	gyre_ring_detach(consumer);
	gyre_ring_unlink(key, NULL);
	while (variant_next() != NULL)
		;
}

/* ---- All rings ---- */

struct found {
	const char *const *keys;
	unsigned counts[8];
	unsigned states[8];
	unsigned calls, stop_after;
};

static int note(void *context, const struct gyre_ring_info *info)
{
	struct found *const found = context;

	found->calls++;
	for (int i = 0; found->keys[i] != NULL; i++) {
		if (strcmp(found->keys[i], info->key) != 0)
			continue;
		found->counts[i]++;
		found->states[i] = info->state;
	}
	return found->stop_after != 0 && found->calls == found->stop_after ? 7 : 0;
}

Test(inspect, list_finds_every_ring_once_and_nothing_else)
{
	const struct variant *const v = variant_first();
	char keys[4][KEY_BYTES], path[KEY_BYTES];
	const char *const names[] = {keys[0], keys[1], keys[2], keys[3], NULL};
	struct found found = {.keys = names};
	struct gyre_ring *ring;
	unsigned hidden = 99;
	int fd;

	for (int i = 0; i < 4; i++)
		key_of(v, (const char *[]){"idle", "live", "broken", "foreign"}[i], keys[i]);
	make_ring(keys[0], NULL);
	ring = open_ring(keys[1], GYRE_CONSUMER, NULL);
	make_ring(keys[2], NULL);
	{
		struct gyre_header header;

		read_header(keys[2], &header);
		header.capacity_bytes ^= 1;
		write_header(keys[2], &header, false);
	}
	path_of(keys[3], path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	cr_assert(eq(int, ftruncate(fd, 100000), 0));
	close(fd);
	cr_assert(eq(int, gyre_list(note, &found, &hidden, NULL), GYRE_OK));
	cr_assert(eq(uint, found.counts[0], 1));
	cr_assert(eq(uint, found.counts[1], 1));
	cr_assert(eq(uint, found.counts[2], 1));
	cr_assert(eq(uint, found.counts[3], 0));
	cr_assert(eq(uint, found.states[0], GYRE_STATE_IDLE));
	cr_assert(eq(uint, found.states[1], GYRE_STATE_LIVE));
	cr_assert(eq(uint, found.states[2], GYRE_STATE_BROKEN));
	cr_assert(ge(uint, found.calls, 3));
	cr_assert(ne(uint, hidden, 99));
	found.calls = 0;
	found.stop_after = 1;
	cr_assert(eq(int, gyre_list(note, &found, NULL, NULL), GYRE_OK));
	cr_assert(eq(uint, found.calls, 1));
	gyre_ring_detach(ring);
	for (int i = 0; i < 3; i++)
		gyre_ring_unlink(keys[i], NULL);
	while (variant_next() != NULL)
		;
}

static const char *list_as_nobody(void *key)
{
	const char *const names[] = {key, NULL};
	struct found found = {.keys = names};
	struct gyre_ring_info info;
	struct gyre_error error = {0};
	unsigned hidden = 0;

	if (gyre_list(note, &found, &hidden, &error) != GYRE_OK)
		return complain("%s", error.what);
	if (found.counts[0] != 0)
		return "a ring of mode 0600 was shown to another user";
	if (hidden == 0)
		return "what permission hides was not counted";
	if (gyre_inspect(key, NULL, &info, NULL, NULL, &error) != GYRE_EPERM)
		return complain("inspect: %s", error.what);
	if (gyre_clean(key, GYRE_CLEAN_FORCE, &error) != GYRE_EPERM)
		return complain("clean: %s", error.what);
	return NULL;
}

Test(inspect, list_counts_what_permission_hides)
{
	char key[KEY_BYTES];

	key_of(variant_first(), "hidden", key);
	make_ring(key, NULL);
	expect_well(as_nobody(list_as_nobody, key));
	cr_assert(is_there(key));
	gyre_ring_unlink(key, NULL);
	while (variant_next() != NULL)
		;
}

/* Whoever looks must not fill the machine's memory with other people's holes. */
Test(inspect, looking_allocates_nothing_for_sparse_objects)
{
	const struct variant *const v = variant_first();
	char key[KEY_BYTES], path[KEY_BYTES];
	struct gyre_ring_info info;
	const char *const names[] = {key, NULL};
	struct found found = {.keys = names};
	struct stat st;
	int fd;

	key_of(v, "sparse", key);
	path_of(key, path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	cr_assert(eq(int, ftruncate(fd, 16 << 20), 0));
	cr_assert(eq(int, gyre_list(note, &found, NULL, NULL), GYRE_OK));
	cr_assert(lt(int, gyre_inspect(key, NULL, &info, NULL, NULL, NULL), 0));
	cr_assert(lt(int, gyre_clean(key, 0, NULL), 0));
	cr_assert(lt(int, gyre_clean(key, GYRE_CLEAN_FORCE, NULL), 0));
	cr_assert(eq(uint, found.counts[0], 0));
	cr_assert(eq(int, fstat(fd, &st), 0));
	cr_assert(eq(i64, st.st_blocks, 0));
	close(fd);
	unlink(path);
	while (variant_next() != NULL)
		;
}
