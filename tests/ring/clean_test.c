/* What gyre_clean() takes away, and what never. */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "rings.h"

static char leftover_path[64];

static void close_rings_and_leftovers(void)
{
	if (leftover_path[0] != '\0')
		unlink(leftover_path);
	rings_close();
}

TestSuite(clean, .timeout = 240, .init = rings_open, .fini = close_rings_and_leftovers);

enum {
	CAPACITY = 4096,
	SLOT = 100,
};

static struct gyre_ring_options plain(const struct variant *v)
{
	return options_of(v, CAPACITY, SLOT);
}

/* ---- A ring in each state; nobody is attached unless the state says so ---- */

typedef void prepare_fn(const struct variant *v, const char *key);

static void never_used(const struct variant *v, const char *key)
{
	const struct gyre_ring_options options = plain(v);

	make_ring(key, &options);
}

static void with_messages(const struct variant *v, const char *key)
{
	const struct gyre_ring_options options = plain(v);
	struct gyre_ring *const ring = open_ring(key, GYRE_PRODUCER, &options);

	cr_assert(eq(int, send_number(ring, 0, 10, 0), GYRE_OK));
	gyre_ring_detach(ring);
}

static void closed_with_messages(const struct variant *v, const char *key)
{
	const struct gyre_ring_options options = plain(v);
	struct gyre_ring *const ring = open_ring(key, GYRE_PRODUCER, &options);

	cr_assert(eq(int, send_number(ring, 0, 10, 0), GYRE_OK));
	cr_assert(eq(int, gyre_ring_close(ring), GYRE_OK));
	gyre_ring_detach(ring);
}

/* As if the last one to leave had died before it could unlink. */
static void drained(const struct variant *v, const char *key)
{
	struct gyre_header header;
	struct gyre_ring *ring;

	closed_with_messages(v, key);
	read_header(key, &header);
	header.flags |= GYRE_HEADER_KEEP;
	write_header(key, &header, true);
	ring = attach(key, GYRE_CONSUMER);
	cr_assert(eq(i64, receive_number(ring, 0, 0), 10));
	cr_assert(eq(i64, receive_number(ring, 0, 0), GYRE_ECLOSED));
	gyre_ring_detach(ring);
	header.flags &= ~(uint64_t)GYRE_HEADER_KEEP;
	write_header(key, &header, true);
}

static void drained_to_be_kept(const struct variant *v, const char *key)
{
	struct gyre_header header;

	drained(v, key);
	read_header(key, &header);
	header.flags |= GYRE_HEADER_KEEP;
	write_header(key, &header, true);
}

static void of_another_boot(const struct variant *v, const char *key)
{
	struct gyre_header header;

	with_messages(v, key);
	read_header(key, &header);
	memset(header.boot_id, 0x11, sizeof header.boot_id);
	write_header(key, &header, true);
}

static void with_a_damaged_header(const struct variant *v, const char *key)
{
	struct gyre_header header;

	with_messages(v, key);
	read_header(key, &header);
	header.capacity_bytes *= 2;
	write_header(key, &header, false);
}

static void of_another_version(const struct variant *v, const char *key)
{
	struct gyre_header header;

	with_messages(v, key);
	read_header(key, &header);
	header.version = 99;
	write_header(key, &header, true);
}

static const char *attach_and_die(void *key)
{
	struct gyre_ring *ring = NULL;

	if (gyre_ring_attach(key, GYRE_PRODUCER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	send_number(ring, 0, 10, 0);
	kill(getpid(), SIGKILL);
	return NULL;
}

static void left_by_the_dead(const struct variant *v, const char *key)
{
	never_used(v, key);
	in_child(attach_and_die, (void *)(uintptr_t)key);
}

static const struct {
	const char *name;
	prepare_fn *prepare;
	uint32_t state;
	bool stale;
} states[] = {
	{"never used", never_used, GYRE_STATE_IDLE, false},
	{"with messages", with_messages, GYRE_STATE_IDLE, false},
	{"left by the dead", left_by_the_dead, GYRE_STATE_IDLE, false},
	{"closed with messages", closed_with_messages, GYRE_STATE_CLOSED, false},
	{"drained", drained, GYRE_STATE_DRAINED, true},
	{"drained, to be kept", drained_to_be_kept, GYRE_STATE_DRAINED, false},
	{"of another boot", of_another_boot, GYRE_STATE_OTHER_BOOT, true},
	{"damaged", with_a_damaged_header, GYRE_STATE_BROKEN, false},
	{"of another version", of_another_version, GYRE_STATE_BROKEN, false},
};

enum { STATES = sizeof states / sizeof *states };

Test(clean, takes_what_is_stale_and_by_force_what_nobody_uses)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (int i = 0; i < STATES; i++) {
			for (unsigned flags = 0; flags < 4; flags++) {
				const bool dry = (flags & GYRE_CLEAN_DRY_RUN) != 0;
				const bool force = (flags & GYRE_CLEAN_FORCE) != 0;
				const int expected = states[i].stale || force ? 1 : 0;
				struct gyre_error error = {0};
				struct gyre_ring_info info;
				char key[KEY_BYTES];
				int outcome;

				key_of(v, "state", key);
				states[i].prepare(v, key);
				info = look(key).info;
				cr_assert(
					eq(u32, info.state, states[i].state), "%s", states[i].name);
				outcome = gyre_clean(key, flags, &error);
				/* What is broken and stays is an error or a no, with words or not.
				 */
				if (info.state == GYRE_STATE_BROKEN && expected == 0)
					cr_assert(le(int, outcome, 0), "%s", states[i].name);
				else
					cr_assert(eq(int, outcome, expected), "%s, flags %u: %s",
						states[i].name, flags, error.what);
				cr_assert(eq(int, is_there(key), expected == 0 || dry),
					"%s, flags %u", states[i].name, flags);
				if (is_there(key))
					cr_assert(eq(
						int, gyre_clean(key, GYRE_CLEAN_FORCE, NULL), 1));
				cr_assert(not(is_there(key)));
			}
		}
	}
}

Test(clean, explains_what_is_wrong_with_what_it_could_take)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (int i = 0; i < STATES; i++) {
			char key[KEY_BYTES];
			struct gyre_ring_info info;

			key_of(v, "why", key);
			states[i].prepare(v, key);
			info = look(key).info;
			if (info.state == GYRE_STATE_BROKEN || info.state == GYRE_STATE_OTHER_BOOT)
				cr_assert(ne(chr, info.problem[0], '\0'), "%s", states[i].name);
			gyre_clean(key, GYRE_CLEAN_FORCE, NULL);
		}
	}
}

Test(clean, never_takes_a_ring_in_use)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (int i = 0; i < 3; i++) {
			const struct gyre_ring_options options = plain(v);
			struct gyre_ring *producer = NULL, *consumer = NULL;
			char key[KEY_BYTES];

			key_of(v, "used", key);
			if (i != 1)
				producer = open_ring(key, GYRE_PRODUCER, &options);
			if (i != 0)
				consumer = open_ring(key, GYRE_CONSUMER, &options);
			for (unsigned flags = 0; flags < 4; flags++)
				cr_assert(eq(int, gyre_clean(key, flags, NULL), 0));
			cr_assert(is_there(key));
			if (producer != NULL && consumer != NULL) { /* nor when it is drained */
				cr_assert(eq(int, gyre_ring_close(producer), GYRE_OK));
				cr_assert(eq(i64, receive_number(consumer, 0, 0), GYRE_ECLOSED));
				gyre_ring_detach(producer);
				producer = NULL;
				cr_assert(eq(int, gyre_clean(key, GYRE_CLEAN_FORCE, NULL), 0));
				cr_assert(is_there(key));
			}
			gyre_ring_detach(producer);
			gyre_ring_detach(consumer);
			gyre_ring_unlink(key, NULL);
		}
	}
}

/* Nor one whose user is stopped. */
static const char *attach_and_stop(void *key)
{
	struct gyre_ring *ring = NULL;

	if (gyre_ring_attach(key, GYRE_CONSUMER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	raise(SIGSTOP);
	return NULL;
}

static bool is_alive(void *key)
{
	return look(key).consumer.liveness == GYRE_LIFE_ALIVE;
}

Test(clean, never_takes_a_ring_whose_user_is_stopped)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		char key[KEY_BYTES];
		struct child child;

		key_of(v, "stopped", key);
		never_used(v, key);
		child = start_child(attach_and_stop, key);
		cr_assert(eventually(is_alive, key));
		cr_assert(eq(int, gyre_clean(key, GYRE_CLEAN_FORCE, NULL), 0));
		cr_assert(is_there(key));
		kill_child(&child);
		cr_assert(eq(int, gyre_clean(key, GYRE_CLEAN_FORCE, NULL), 1));
	}
}

/* ---- Half-made ---- */

static int make_leftover(char key[KEY_BYTES])
{
	int fd;

	snprintf(leftover_path, sizeof leftover_path, "/dev/shm/.gyre-new-%016x",
		(unsigned)getpid());
	snprintf(key, KEY_BYTES, "posix:/%s", leftover_path + strlen("/dev/shm/"));
	fd = open(leftover_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	cr_assert(ge(int, fd, 0));
	cr_assert(eq(int, ftruncate(fd, 4096), 0));
	return fd;
}

struct listed {
	const char *key;
	uint32_t state;
};

static int note_state(void *context, const struct gyre_ring_info *info)
{
	struct listed *const listed = context;

	if (strcmp(info->key, listed->key) == 0)
		listed->state = info->state;
	return 0;
}

Test(clean, takes_what_a_dead_creator_left_half_made)
{
	char key[KEY_BYTES];
	struct listed listed = {.key = key};

	close(make_leftover(key));
	cr_assert(eq(int, gyre_list(note_state, &listed, NULL, NULL), GYRE_OK));
	cr_assert(eq(u32, listed.state, GYRE_STATE_HALF_MADE));
	cr_assert(eq(int, gyre_clean(key, GYRE_CLEAN_DRY_RUN, NULL), 1));
	cr_assert(is_there(key));
	cr_assert(eq(int, gyre_clean(key, 0, NULL), 1));
	cr_assert(not(is_there(key)));
	cr_assert(eq(int, gyre_clean(key, GYRE_CLEAN_DRY_RUN, NULL), GYRE_ENOTFOUND));
	cr_assert(eq(int, gyre_clean(key, 0, NULL), GYRE_ENOTFOUND));
}

Test(clean, leaves_what_a_living_creator_is_at_work_on)
{
	char key[KEY_BYTES];
	const int fd = make_leftover(key);

	cr_assert(eq(int, flock(fd, LOCK_EX | LOCK_NB), 0));
	for (unsigned flags = 0; flags < 4; flags++)
		cr_assert(eq(int, gyre_clean(key, flags, NULL), 0));
	cr_assert(is_there(key));
	close(fd);
	cr_assert(eq(int, gyre_clean(key, 0, NULL), 1));
}
