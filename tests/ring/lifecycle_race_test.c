/* Two processes that make, take over, leave and remove a ring at the same moment. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "rings.h"

TestSuite(lifecycle_race, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	LEAVING_ROUNDS = 500,
	NAMING_ROUNDS = 1000,
	SESSIONS = 200,
	SESSION_MESSAGES = 7,
};

/* The race does not depend on shape or wake mode: one of each backend. */
static const struct variant *next_backend(const struct variant *v)
{
	while (v != NULL && (v->slots || v->wake != GYRE_WAKE_FENCE))
		v = variant_next();
	return v;
}

static const struct variant *first_backend(void)
{
	return next_backend(variant_first());
}

static const struct variant *other_backend(void)
{
	return next_backend(variant_next());
}

struct race {
	const char *key;
	struct meeting *meeting;
	_Atomic uint32_t stop;
	_Atomic uint64_t received; /* sessions */
};

static struct race *race_of(const char *key)
{
	struct race *const race = shared_memory(sizeof *race);

	race->key = key;
	race->meeting = meeting_open(2);
	return race;
}

/* ---- Leaving at once ---- */

static const char *drain_and_leave(void *context)
{
	struct race *const race = context;

	for (int round = 0; round < LEAVING_ROUNDS; round++) {
		struct gyre_ring *ring = NULL;

		if (!meeting_wait(race->meeting)) /* it is there */
			return "the other one did not come";
		if (gyre_ring_attach(race->key, GYRE_CONSUMER, NULL, &ring, NULL) != GYRE_OK)
			return "cannot attach";
		if (receive_number(ring, 0, GYRE_FOREVER) != GYRE_ECLOSED)
			return "not closed";
		meeting_wait(race->meeting);
		gyre_ring_detach(ring);
		meeting_wait(race->meeting);
	}
	return NULL;
}

Test(lifecycle_race, of_two_who_leave_a_drained_ring_at_once_the_last_unlinks_it)
{
	for (const struct variant *v = first_backend(); v != NULL; v = other_backend()) {
		const struct gyre_ring_options options = {.capacity_bytes = 4096};
		char key[KEY_BYTES];
		struct race *const race = race_of(key);
		struct child child;

		key_of(v, "leave", key);
		child = start_child(drain_and_leave, race);
		for (int round = 0; round < LEAVING_ROUNDS; round++) {
			struct gyre_ring *const ring = open_ring(key, GYRE_PRODUCER, &options);

			cr_assert(eq(int, gyre_ring_close(ring), GYRE_OK));
			cr_assert(meeting_wait(race->meeting), "%s", child.complaint);
			cr_assert(meeting_wait(race->meeting), "%s", child.complaint);
			gyre_ring_detach(ring);
			cr_assert(meeting_wait(race->meeting), "%s", child.complaint);
			cr_assert(not(is_there(key)), "round %d", round);
		}
		expect_well(end_child(&child));
	}
}

/* ---- Names that come and go ---- */

static const char *make_and_unlink(void *context)
{
	struct race *const race = context;
	const struct gyre_ring_options options = {.capacity_bytes = 4096};

	for (int round = 0; round < NAMING_ROUNDS; round++) {
		struct gyre_error error = {0};
		const int made = gyre_ring_create(race->key, &options, &error);
		int gone;

		if (made < 0)
			return complain("create: %s", error.what);
		gone = gyre_ring_unlink(race->key, &error);
		if (gone != GYRE_OK && gone != GYRE_ENOTFOUND)
			return complain("unlink: %s", error.what);
	}
	atomic_store(&race->stop, 1);
	return NULL;
}

Test(lifecycle_race, attach_finds_a_whole_ring_or_none_while_others_make_and_unlink_it)
{
	for (const struct variant *v = first_backend(); v != NULL; v = other_backend()) {
		char key[KEY_BYTES];
		struct race *const race = race_of(key);
		unsigned attached = 0, missed = 0;
		struct child child;

		key_of(v, "name", key);
		child = start_child(make_and_unlink, race);
		while (atomic_load(&race->stop) == 0 && child.complaint[0] == '\0') {
			struct gyre_ring *ring = NULL;
			struct gyre_error error = {0};
			const int outcome =
				gyre_ring_attach(key, GYRE_PRODUCER, NULL, &ring, &error);

			if (outcome == GYRE_OK) {
				cr_assert(eq(int, send_number(ring, 1, 10, 0), GYRE_OK));
				attached++;
			} else {
				cr_assert(eq(int, outcome, GYRE_ENOTFOUND), "%s", error.what);
				missed++;
			}
			gyre_ring_detach(ring);
		}
		expect_well(end_child(&child));
		cr_log_info("%u attached, %u found nothing", attached, missed);
		gyre_ring_unlink(key, NULL);
	}
}

static const char *clean_all_the_time(void *context)
{
	struct race *const race = context;

	while (atomic_load(&race->stop) == 0) {
		struct gyre_error error = {0};
		const int outcome = gyre_clean(race->key, GYRE_CLEAN_FORCE, &error);

		if (outcome < 0 && outcome != GYRE_ENOTFOUND)
			return complain("clean: %s", error.what);
	}
	return NULL;
}

Test(lifecycle_race, clean_never_takes_a_ring_from_under_a_newcomer)
{
	for (const struct variant *v = first_backend(); v != NULL; v = other_backend()) {
		const struct gyre_ring_options options = {.capacity_bytes = 4096};
		char key[KEY_BYTES];
		struct race *const race = race_of(key);
		struct child child;

		key_of(v, "clean", key);
		child = start_child(clean_all_the_time, race);
		for (int round = 0; round < NAMING_ROUNDS; round++) {
			struct gyre_ring *const ring = open_ring(key, GYRE_PRODUCER, &options);

			/* Attached, so it has its name, and keeps it. */
			cr_assert(is_there(key), "round %d", round);
			cr_assert(eq(u64, look(key).producer.pid, (uint64_t)getpid()));
			gyre_ring_detach(ring);
			cr_assert(eq(chr, child.complaint[0], '\0'), "%s", child.complaint);
		}
		atomic_store(&race->stop, 1);
		expect_well(end_child(&child));
		gyre_ring_unlink(key, NULL);
	}
}

/* ---- One stream after the other under one name ---- */

static int send_session(struct gyre_ring *ring, uint64_t session)
{
	for (uint64_t i = 0; i < SESSION_MESSAGES; i++) {
		const int outcome =
			send_number(ring, session * SESSION_MESSAGES + i, 20, GYRE_FOREVER);

		if (outcome != GYRE_OK)
			return outcome;
	}
	return gyre_ring_close(ring);
}

static const char *send_sessions(void *context)
{
	struct race *const race = context;
	const struct gyre_ring_options options = {.capacity_bytes = 4096};

	for (uint64_t session = 0; session < SESSIONS;) {
		struct gyre_ring *ring = NULL;
		struct gyre_error error = {0};
		int outcome = gyre_ring_open(race->key, GYRE_PRODUCER, &options, &ring, &error);

		if (outcome != GYRE_OK)
			return complain("open for session %u: %s", (unsigned)session, error.what);
		outcome = send_session(ring, session);
		gyre_ring_detach(ring);
		if (outcome == GYRE_OK)
			session++;
		else if (outcome != GYRE_ECLOSED) /* the last session's, not drained yet */
			return complain("session %u: %s", (unsigned)session, gyre_errname(outcome));
	}
	return NULL;
}

Test(lifecycle_race, streams_that_follow_each_other_under_one_name_arrive_whole)
{
	for (const struct variant *v = first_backend(); v != NULL; v = other_backend()) {
		const struct gyre_ring_options options = {.capacity_bytes = 4096};
		char key[KEY_BYTES];
		struct race *const race = race_of(key);
		uint64_t number = 0;
		struct child child;

		key_of(v, "stream", key);
		child = start_child(send_sessions, race);
		while (number < SESSIONS * SESSION_MESSAGES) {
			struct gyre_ring *const ring = open_ring(key, GYRE_CONSUMER, &options);
			int64_t outcome;

			while ((outcome = receive_number(ring, number, 20 * NS_PER_MS)) == 20)
				number++;
			cr_assert(outcome == GYRE_ECLOSED || outcome == GYRE_ETIMEDOUT ||
					  outcome == GYRE_ELEFT,
				"message %u: %s", (unsigned)number, gyre_errname((int)outcome));
			gyre_ring_detach(ring);
			cr_assert(eq(chr, child.complaint[0], '\0'), "%s", child.complaint);
		}
		expect_well(end_child(&child));
		gyre_ring_unlink(key, NULL);
	}
}
