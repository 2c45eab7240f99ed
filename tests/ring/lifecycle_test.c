/*
 * From create to the last detach: what a name means, who takes a ring over, what stays and what
 * goes.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "rings.h"

TestSuite(lifecycle, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	CAPACITY = 8192,
	SLOT = 100,
};

static int try_create(const char *key, struct gyre_ring_options options, struct gyre_error *reterr)
{
	return gyre_ring_create(key, &options, reterr);
}

static void expect_gone(const char *key)
{
	cr_assert(not(is_there(key)), "%s is still there", key);
	cr_assert(eq(int, try_attach(key, GYRE_PRODUCER, NULL), GYRE_ENOTFOUND));
}

/* ---- Create ---- */

Test(lifecycle, create_makes_a_ring_and_then_finds_it)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		const struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
		struct gyre_ring *ring;
		char key[KEY_BYTES];

		key_of(v, "a", key);
		cr_assert(eq(int, gyre_ring_create(key, &options, NULL), 0));
		cr_assert(eq(int, gyre_ring_create(key, &options, NULL), 1));
		ring = attach(key, GYRE_PRODUCER);
		cr_assert(eq(int, send_number(ring, 3, 30, 0), GYRE_OK));
		gyre_ring_detach(ring);
		cr_assert(eq(int, gyre_ring_create(key, &options, NULL), 1));
		ring = attach(key, GYRE_CONSUMER);
		cr_assert(eq(int, gyre_ring_create(key, &options, NULL), 1));
		cr_assert(eq(i64, receive_number(ring, 3, 0), 30));
		gyre_ring_detach(ring);
		cr_assert(eq(int, gyre_ring_unlink(key, NULL), GYRE_OK));
		expect_gone(key);
	}
}

Test(lifecycle, create_refuses_another_geometry_and_names_both)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		const struct gyre_ring_options made = {.capacity_bytes = 16384,
			.slot_bytes = v->slots ? SLOT : 0,
			.wake = v->wake};
		struct gyre_ring_options others[5];
		struct gyre_error error = {0};
		char key[KEY_BYTES], capacity[32];
		struct seen before;

		key_of(v, "a", key);
		make_ring(key, &made);
		before = look(key);
		for (int i = 0; i < 5; i++)
			others[i] = made;
		others[0].capacity_bytes = 65536;
		others[1].slot_bytes = SLOT + 1;
		others[2].align_bytes = 64;
		others[3].wake = 3 - v->wake;
		others[4].capacity_bytes = 4096;
		for (int i = 0; i < 5; i++) {
			cr_assert(eq(int, try_create(key, others[i], &error), GYRE_EMISMATCH),
				"option %d", i);
			cr_assert(eq(int, error.code, GYRE_EMISMATCH));
			snprintf(capacity, sizeof capacity, "capacity %u",
				(unsigned)before.info.capacity_bytes);
			cr_assert(ne(ptr, strstr(error.what, capacity), NULL), "%s", error.what);
		}
		cr_assert(eq(int, try_create(key, made, NULL), 1));
		cr_assert(eq(int, gyre_ring_create(key, NULL, NULL), 1)); /* names nothing */
		cr_assert(eq(u64, look(key).info.generation, before.info.generation));
		gyre_ring_unlink(key, NULL);
	}
}

Test(lifecycle, create_refuses_options_that_cannot_be_and_leaves_nothing)
{
	const struct gyre_ring_options bad[] = {
		{.capacity_bytes = 1},
		{.capacity_bytes = 4095},
		{.capacity_bytes = ((uint64_t)1 << 40) + 1},
		{.capacity_bytes = UINT64_MAX},
		{.align_bytes = 4},
		{.align_bytes = 12},
		{.align_bytes = 8192},
		{.align_bytes = UINT32_MAX},
		{.slot_bytes = 1 << 28},
		{.slot_bytes = UINT32_MAX},
		{.wake = 3},
		{.kind = 3},
		{.kind = UINT32_MAX},
		{.flags = 1u << 3},
		{.flags = UINT32_MAX},
		{.reserved = {0, 0, 0, 0, 0, 1}},
		{.permissions = {.mode = 0700}},
		{.permissions = {.reserved = 1}},
	};

	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		char key[KEY_BYTES];

		key_of(v, "bad", key);
		for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
			struct gyre_error error = {0};
			struct gyre_ring *ring = NULL;
			const int outcome = try_create(key, bad[i], &error);

			cr_assert(outcome == GYRE_EINVAL || outcome == GYRE_ESIZE ||
					  outcome == GYRE_ENOTSUP || outcome == GYRE_ENORES,
				"options %zu: %s", i, gyre_errname(outcome));
			cr_assert(eq(int, error.code, outcome));
			cr_assert(ne(chr, error.what[0], '\0'));
			cr_assert(eq(int, gyre_ring_open(key, GYRE_PRODUCER, &bad[i], &ring, NULL),
				outcome));
			cr_assert(not(is_there(key)));
		}
	}
}

Test(lifecycle, keys_that_cannot_be_are_refused)
{
	const char *const bad[] = {
		"", "posix:", "posix:/a/b", "file:relative", "file:/", "nonsense:x"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct gyre_ring *ring = NULL;
		struct gyre_error error = {0};
		int outcome = gyre_ring_create(bad[i], NULL, &error);

		cr_assert(outcome == GYRE_EKEY || outcome == GYRE_ENOTSUP, "%s: %s", bad[i],
			gyre_errname(outcome));
		cr_assert(ne(chr, error.what[0], '\0'));
		cr_assert(lt(int, gyre_ring_attach(bad[i], GYRE_PRODUCER, NULL, &ring, NULL), 0));
		cr_assert(lt(int, gyre_ring_unlink(bad[i], NULL), 0));
		cr_assert(lt(int, gyre_clean(bad[i], 0, NULL), 0));
	}
}

Test(lifecycle, what_is_not_there_is_not_found)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct gyre_ring_info info;
		struct gyre_error error = {0};
		char key[KEY_BYTES];

		key_of(v, "nowhere", key);
		cr_assert(eq(int, try_attach(key, GYRE_PRODUCER, &error), GYRE_ENOTFOUND));
		cr_assert(ne(chr, error.what[0], '\0'));
		cr_assert(eq(int, try_attach(key, GYRE_CONSUMER, NULL), GYRE_ENOTFOUND));
		cr_assert(eq(int, gyre_ring_unlink(key, NULL), GYRE_ENOTFOUND));
		cr_assert(
			eq(int, gyre_inspect(key, NULL, &info, NULL, NULL, NULL), GYRE_ENOTFOUND));
		cr_assert(eq(int, gyre_clean(key, GYRE_CLEAN_FORCE, NULL), GYRE_ENOTFOUND));
	}
}

Test(lifecycle, open_makes_what_is_missing_and_takes_what_is_there)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		const struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
		const struct gyre_ring_options others = {
			.capacity_bytes = 1 << 20, .align_bytes = 512};
		struct gyre_ring *producer, *consumer;
		char key[KEY_BYTES];

		key_of(v, "open", key);
		consumer = open_ring(key, GYRE_CONSUMER, &options);
		producer = open_ring(key, GYRE_PRODUCER, &others); /* what is there counts */
		cr_assert(eq(u32, look(key).info.align_bytes, 8));
		cr_assert(eq(int, send_number(producer, 1, 50, 0), GYRE_OK));
		cr_assert(eq(i64, receive_number(consumer, 1, 0), 50));
		gyre_ring_detach(producer);
		gyre_ring_detach(consumer);
		gyre_ring_unlink(key, NULL);
	}
}

Test(lifecycle, a_handle_knows_its_key_and_its_descriptor)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		char path[KEY_BYTES];
		struct stat by_path, by_fd;

		path_of(p.key, path);
		cr_assert(eq(str, (char *)gyre_ring_key(p.producer), p.key));
		cr_assert(eq(int, stat(path, &by_path), 0));
		cr_assert(eq(int, fstat(gyre_ring_fd(p.consumer), &by_fd), 0));
		cr_assert(eq(u64, by_fd.st_ino, by_path.st_ino));
		cr_assert(ne(int, gyre_ring_fd(p.producer), gyre_ring_fd(p.consumer)));
		cr_assert(eq(u32, by_fd.st_mode & 07777, 0600));
		gyre_ring_detach(NULL);
		pair_close(&p);
	}
}

Test(lifecycle, attach_and_detach_leave_no_descriptor_and_no_mapping)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
		const unsigned before = count_descriptors();
		struct gyre_ring_info info;
		char key[KEY_BYTES];

		key_of(v, "leak", key);
		make_ring(key, &options);
		for (int i = 0; i < 200; i++) {
			struct gyre_ring *producer = attach(key, GYRE_PRODUCER);
			struct gyre_ring *consumer = attach(key, GYRE_CONSUMER);

			cr_assert(eq(int, try_attach(key, GYRE_PRODUCER, NULL), GYRE_EBUSY));
			cr_assert(eq(int, gyre_inspect(key, NULL, &info, NULL, NULL, NULL), 0));
			cr_assert(eq(int, gyre_clean(key, 0, NULL), 0));
			gyre_ring_detach(i % 2 == 0 ? producer : consumer);
			gyre_ring_detach(i % 2 == 0 ? consumer : producer);
		}
		cr_assert(eq(uint, count_descriptors(), before));
		gyre_ring_unlink(key, NULL);
	}
}

Test(lifecycle, attach_refuses_options_that_it_does_not_know)
{
	const struct gyre_ring_options bad[] = {
		{.flags = 1u << 3},
		{.flags = UINT32_MAX},
		{.reserved = {0, 0, 0, 0, 0, 1}},
	};

	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		const struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
		char key[KEY_BYTES];

		key_of(v, "odd", key);
		make_ring(key, &options);
		for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
			struct gyre_error error = {0};
			struct gyre_ring *ring = NULL;

			cr_assert(eq(int,
				gyre_ring_attach(key, GYRE_PRODUCER, &bad[i], &ring, &error),
				GYRE_EINVAL));
			cr_assert(ne(chr, error.what[0], '\0'));
			cr_assert(eq(int, gyre_ring_open(key, GYRE_CONSUMER, &bad[i], &ring, NULL),
				GYRE_EINVAL));
		}
		cr_assert(eq(u32, look(key).info.participants, 0));
		cr_assert(eq(u32, look(key).producer.generation, 0));
		gyre_ring_unlink(key, NULL);
	}
}

static int attach_with_descriptors(const char *key, unsigned more, struct gyre_error *reterr)
{
	struct rlimit limit, tight;
	int outcome;

	cr_assert(eq(int, getrlimit(RLIMIT_NOFILE, &limit), 0));
	tight = limit;
	tight.rlim_cur = count_descriptors() + more;
	cr_assert(eq(int, setrlimit(RLIMIT_NOFILE, &tight), 0));
	outcome = try_attach(key, GYRE_PRODUCER, reterr);
	cr_assert(eq(int, setrlimit(RLIMIT_NOFILE, &limit), 0));
	return outcome;
}

/* Descriptors 0 to n are all in use, so that a limit of n + 1 leaves none. */
static void fill_gaps(void)
{
	const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	cr_assert(ge(int, fd, 0));
	if (fd < (int)count_descriptors() - 1)
		fill_gaps();
}

Test(lifecycle, without_descriptors_attach_fails_clearly_and_leaves_nothing)
{
	fill_gaps();
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		const struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
		const unsigned before = count_descriptors();
		bool attached = false;
		char key[KEY_BYTES];

		key_of(v, "few", key);
		make_ring(key, &options);
		for (unsigned more = 0; more < 6; more++) {
			struct gyre_error error = {0};
			const int outcome = attach_with_descriptors(key, more, &error);

			cr_assert(eq(uint, count_descriptors(), before));
			cr_assert(outcome == GYRE_OK || !attached, "%u more do not suffice", more);
			attached = outcome == GYRE_OK;
			if (!attached)
				cr_assert(eq(int, outcome, GYRE_ENORES), "%u more: %s: %s", more,
					gyre_errname(outcome), error.what);
		}
		cr_assert(attached);
		gyre_ring_unlink(key, NULL);
	}
}

/* ---- Unlink ---- */

Test(lifecycle, unlink_leaves_those_who_are_attached_alone)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT), other = {.variant = v};
		const struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
		struct gyre_ring_info info;

		cr_assert(eq(int, gyre_ring_unlink(p.key, NULL), GYRE_OK));
		expect_gone(p.key);
		cr_assert(eq(int, gyre_ring_inspect(p.producer, &info, NULL, NULL, NULL), GYRE_OK));
		cr_assert(eq(u32, info.state, GYRE_STATE_ORPHANED));
		cr_assert(eq(int, make_ring(p.key, &options), 0)); /* another one */
		other.producer = attach(p.key, GYRE_PRODUCER);
		other.consumer = attach(p.key, GYRE_CONSUMER);
		cr_assert(ne(u64, look(p.key).info.generation, info.generation));
		cr_assert(eq(int, send_number(p.producer, 1, 10, 0), GYRE_OK));
		cr_assert(eq(i64, receive_number(other.consumer, 0, 0), GYRE_EAGAIN));
		cr_assert(eq(int, send_number(other.producer, 2, 20, 0), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 1, 0), 10));
		cr_assert(eq(i64, receive_number(other.consumer, 2, 0), 20));
		/* The end of the orphan is not the end of the one that has its name now. */
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
		gyre_ring_detach(p.producer);
		gyre_ring_detach(p.consumer);
		cr_assert(is_there(p.key));
		gyre_ring_detach(other.producer);
		gyre_ring_detach(other.consumer);
		gyre_ring_unlink(p.key, NULL);
	}
}

Test(lifecycle, unlink_and_clean_do_not_touch_what_is_no_ring)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		static const size_t sizes[] = {1, 100, 511, 512, 4096, 100000};

		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			char key[KEY_BYTES], path[KEY_BYTES];
			static const char text[100000] = "somebody else's";
			int fd;

			key_of(v, "foreign", key);
			path_of(key, path);
			fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
			cr_assert(ge(int, fd, 0));
			cr_assert(eq(i64, write(fd, text, sizes[i]), (int64_t)sizes[i]));
			close(fd);
			cr_assert(eq(int, gyre_ring_unlink(key, NULL), GYRE_EFORMAT));
			cr_assert(eq(int, gyre_clean(key, 0, NULL), GYRE_EFORMAT));
			cr_assert(eq(int, gyre_clean(key, GYRE_CLEAN_FORCE, NULL), GYRE_EFORMAT));
			cr_assert(eq(int, gyre_ring_create(key, NULL, NULL), GYRE_EFORMAT));
			cr_assert(eq(int, try_attach(key, GYRE_CONSUMER, NULL), GYRE_EFORMAT));
			cr_assert(is_there(key));
			unlink(path);
		}
	}
}

/* ---- Unattached is not stale ---- */

static const char *send_ten_and_die(void *key)
{
	struct gyre_ring *ring = NULL;

	if (gyre_ring_attach(key, GYRE_PRODUCER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	for (uint64_t number = 0; number < 10; number++)
		if (send_number(ring, number, 10 + number, 0) != GYRE_OK)
			return "cannot send";
	kill(getpid(), SIGKILL);
	return "still alive";
}

static const char *send_ten_and_leave(void *key)
{
	struct gyre_ring *ring = NULL;

	if (gyre_ring_attach(key, GYRE_PRODUCER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	for (uint64_t number = 0; number < 10; number++)
		if (send_number(ring, number, 10 + number, 0) != GYRE_OK)
			return "cannot send";
	gyre_ring_detach(ring);
	return NULL;
}

Test(lifecycle, what_was_sent_waits_for_the_next_consumer_though_everybody_went)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (int dies = 0; dies < 2; dies++) {
			const struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
			struct gyre_ring *ring;
			char key[KEY_BYTES];
			struct seen seen;

			key_of(v, "wait", key);
			make_ring(key, &options);
			in_child(dies ? send_ten_and_die : send_ten_and_leave, key);
			seen = look(key);
			cr_assert(eq(u32, seen.info.state, GYRE_STATE_IDLE));
			cr_assert(eq(u64, seen.info.messages, 10));
			cr_assert(eq(u32, seen.producer.liveness,
				dies ? GYRE_LIFE_DEAD : GYRE_LIFE_LEFT));
			cr_assert(eq(int, gyre_clean(key, 0, NULL), 0));
			cr_assert(eq(int, make_ring(key, &options), 1));
			ring = open_ring(key, GYRE_CONSUMER, NULL);
			for (uint64_t number = 0; number < 10; number++)
				cr_assert(eq(i64, receive_number(ring, number, 0),
					(int64_t)(10 + number)));
			cr_assert(eq(i64, receive_number(ring, 0, GYRE_FOREVER),
				dies ? GYRE_EDIED : GYRE_ELEFT));
			gyre_ring_detach(ring);
			cr_assert(is_there(key)); /* empty, but not closed */
			gyre_ring_unlink(key, NULL);
		}
	}
}

/* ---- Closed, drained and left ---- */

static struct pair pair_with_flags(const struct variant *v, uint32_t flags)
{
	struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);

	options.flags = flags;
	return pair_with(v, &options);
}

static void close_and_drain(struct pair *p)
{
	cr_assert(eq(int, send_number(p->producer, 1, 10, 0), GYRE_OK));
	cr_assert(eq(int, gyre_ring_close(p->producer), GYRE_OK));
	cr_assert(eq(i64, receive_number(p->consumer, 1, 0), 10));
	cr_assert(eq(i64, receive_number(p->consumer, 0, 0), GYRE_ECLOSED));
}

Test(lifecycle, the_last_to_leave_a_drained_ring_unlinks_it)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (int first = 0; first < 2; first++) {
			struct pair p = pair_with_flags(v, 0);

			close_and_drain(&p);
			cr_assert(is_there(p.key));
			gyre_ring_detach(first == 0 ? p.producer : p.consumer);
			cr_assert(is_there(p.key));
			gyre_ring_detach(first == 0 ? p.consumer : p.producer);
			expect_gone(p.key);
		}
	}
}

Test(lifecycle, a_ring_to_be_kept_stays)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_with_flags(v, GYRE_RING_KEEP);

		close_and_drain(&p);
		gyre_ring_detach(p.producer);
		gyre_ring_detach(p.consumer);
		cr_assert(is_there(p.key));
		cr_assert(eq(u32, look(p.key).info.state, GYRE_STATE_DRAINED));
		cr_assert(eq(int, gyre_clean(p.key, 0, NULL), 0));
		cr_assert(eq(int, gyre_ring_unlink(p.key, NULL), GYRE_OK));
	}
}

Test(lifecycle, a_closed_ring_that_still_has_messages_stays_until_they_are_taken)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_with_flags(v, 0);
		struct gyre_message held;

		for (uint64_t number = 0; number < 3; number++)
			cr_assert(eq(int, send_number(p.producer, number, 10, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
		gyre_ring_detach(p.producer);
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), 10));
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &held), GYRE_OK));
		gyre_ring_detach(p.consumer); /* what it held goes to the next one */
		cr_assert(is_there(p.key));
		cr_assert(eq(u32, look(p.key).info.state, GYRE_STATE_CLOSED));
		cr_assert(eq(u64, look(p.key).info.messages, 2));
		cr_assert(eq(int, gyre_clean(p.key, 0, NULL), 0));
		cr_assert(eq(int, gyre_ring_create(p.key, NULL, NULL), 1));
		p.consumer = attach(p.key, GYRE_CONSUMER);
		cr_assert(eq(i64, receive_number(p.consumer, 1, 0), 10));
		cr_assert(eq(i64, receive_number(p.consumer, 2, 0), 10));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
		gyre_ring_detach(p.consumer);
		expect_gone(p.key);
	}
}

Test(lifecycle, a_consumer_that_counted_and_left_before_the_end_leaves_nothing_behind)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_with_flags(v, 0);

		cr_assert(eq(int, send_number(p.producer, 0, 10, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
		gyre_ring_detach(p.producer);
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), 10));
		gyre_ring_detach(p.consumer);
		expect_gone(p.key);
	}
}

Test(lifecycle, a_closed_ring_that_nobody_ever_read_waits_for_its_reader)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct gyre_ring *ring;
		char key[KEY_BYTES];

		key_of(v, "unread", key);
		ring = open_ring(key, GYRE_PRODUCER, NULL);
		cr_assert(eq(int, gyre_ring_close(ring), GYRE_OK));
		gyre_ring_detach(ring);
		cr_assert(is_there(key));
		ring = attach(key, GYRE_CONSUMER);
		cr_assert(eq(i64, receive_number(ring, 0, GYRE_FOREVER), GYRE_ECLOSED));
		gyre_ring_detach(ring);
		expect_gone(key);
	}
}

Test(lifecycle, a_drained_ring_is_made_anew)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (int by_open = 0; by_open < 2; by_open++) {
			struct pair p = pair_with_flags(v, GYRE_RING_KEEP);
			const struct seen before = look(p.key);
			struct seen after;

			close_and_drain(&p);
			gyre_ring_detach(p.producer);
			gyre_ring_detach(p.consumer);
			if (by_open != 0) {
				p.producer = open_ring(p.key, GYRE_PRODUCER, NULL);
				p.consumer = attach(p.key, GYRE_CONSUMER);
			} else {
				cr_assert(eq(int, gyre_ring_create(p.key, NULL, NULL), 0));
				p.producer = attach(p.key, GYRE_PRODUCER);
				p.consumer = attach(p.key, GYRE_CONSUMER);
			}
			after = look(p.key);
			cr_assert(ne(u64, after.info.generation, before.info.generation));
			cr_assert(eq(u64, after.info.capacity_bytes, before.info.capacity_bytes));
			cr_assert(eq(u32, after.info.slot_bytes, before.info.slot_bytes));
			cr_assert(eq(u32, after.info.wake, before.info.wake));
			cr_assert(eq(u32, after.info.flags, GYRE_RING_KEEP));
			cr_assert(eq(u64, after.info.messages, 0));
			cr_assert(eq(int, send_number(p.producer, 5, 50, 0), GYRE_OK));
			cr_assert(eq(i64, receive_number(p.consumer, 5, 0), 50));
			pair_close(&p);
		}
	}
}

Test(lifecycle, a_drained_ring_made_anew_has_the_geometry_that_was_asked)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_with_flags(v, GYRE_RING_KEEP);
		struct gyre_ring_options options = options_of(v, 1 << 16, SLOT);

		options.flags = GYRE_RING_KEEP;
		close_and_drain(&p);
		gyre_ring_detach(p.producer);
		gyre_ring_detach(p.consumer);
		cr_assert(eq(int, gyre_ring_create(p.key, &options, NULL), 0));
		cr_assert(ge(u64, look(p.key).info.capacity_bytes, 1 << 16));
		gyre_ring_unlink(p.key, NULL);
	}
}

Test(lifecycle, a_drained_ring_in_use_is_not_taken_from_its_users)
{
	struct pair p = pair_with_flags(variant_first(), 0);
	struct gyre_error error = {0};

	close_and_drain(&p);
	gyre_ring_detach(p.consumer);
	cr_assert(eq(int, gyre_ring_create(p.key, NULL, &error), GYRE_EBUSY)); /* takes 2 s */
	cr_assert(ne(chr, error.what[0], '\0'));
	cr_assert(is_there(p.key));
	gyre_ring_detach(p.producer);
	expect_gone(p.key);
	while (variant_next() != NULL)
		;
}

/* ---- Another boot ---- */

static void make_of_another_boot(const char *key)
{
	struct gyre_header header;

	read_header(key, &header);
	for (int i = 0; i < 16; i++)
		header.boot_id[i] = (uint8_t)(i + 1);
	write_header(key, &header, true);
}

Test(lifecycle, a_ring_of_another_boot_is_refused_and_made_anew)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (int by_open = 0; by_open < 2; by_open++) {
			struct pair p = pair_with_flags(v, 0);
			struct gyre_error error = {0};
			struct gyre_ring *ring;

			cr_assert(eq(int, send_number(p.producer, 0, 10, 0), GYRE_OK));
			gyre_ring_detach(p.producer);
			gyre_ring_detach(p.consumer);
			make_of_another_boot(p.key);
			cr_assert(eq(u32, look(p.key).info.state, GYRE_STATE_OTHER_BOOT));
			cr_assert(eq(int, try_attach(p.key, GYRE_CONSUMER, &error), GYRE_ESTALE));
			cr_assert(ne(ptr, strstr(error.what, "boot"), NULL), "%s", error.what);
			if (by_open == 0)
				cr_assert(eq(int, gyre_ring_create(p.key, NULL, NULL), 0));
			ring = open_ring(p.key, GYRE_CONSUMER, NULL);
			cr_assert(eq(i64, receive_number(ring, 0, 0), GYRE_EAGAIN));
			gyre_ring_detach(ring);
			gyre_ring_unlink(p.key, NULL);
		}
	}
}

Test(lifecycle, a_ring_whose_boot_is_unknown_is_taken)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_with_flags(v, 0);
		struct gyre_header header;

		read_header(p.key, &header);
		memset(header.boot_id, 0, sizeof header.boot_id);
		gyre_ring_detach(p.producer);
		write_header(p.key, &header, true);
		p.producer = attach(p.key, GYRE_PRODUCER);
		pair_close(&p);
	}
}

/* A hostile one could hide an impossible geometry behind another boot's id. */
Test(lifecycle, the_geometry_of_another_boot_is_not_trusted)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_with_flags(v, GYRE_RING_KEEP);
		struct gyre_header header;

		gyre_ring_detach(p.producer);
		gyre_ring_detach(p.consumer);
		read_header(p.key, &header);
		header.kind = 77;
		write_header(p.key, &header, true);
		make_of_another_boot(p.key);
		cr_assert(eq(int, gyre_ring_create(p.key, NULL, NULL), 0));
		cr_assert(eq(u32, look(p.key).info.kind, GYRE_RING_SPSC));
		cr_assert(eq(int, try_attach(p.key, GYRE_PRODUCER, NULL), GYRE_OK));
		gyre_ring_unlink(p.key, NULL);
	}
}
