/* The three ends: closed, left, died. And who comes after. */
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "rings.h"

TestSuite(spsc_ends, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	CAPACITY = 4096,
	SLOT = 100,
};

static struct pair any_pair(const struct variant *v)
{
	return pair_of(v, CAPACITY, SLOT);
}

static void send_some(struct gyre_ring *ring, uint64_t first, uint64_t count)
{
	for (uint64_t number = first; number < first + count; number++)
		cr_assert(eq(int, send_number(ring, number, number % SLOT, 0), GYRE_OK));
}

static void receive_some(struct gyre_ring *ring, uint64_t first, uint64_t count)
{
	for (uint64_t number = first; number < first + count; number++)
		cr_assert(eq(i64, receive_number(ring, number, 0), (int64_t)(number % SLOT)));
}

/* ---- Closed ---- */

Test(spsc_ends, the_end_is_told_when_everything_before_it_was_received)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (uint64_t count = 0; count < 20; count++) {
			struct pair p = any_pair(v);
			struct gyre_message message;

			send_some(p.producer, 0, count);
			cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
			receive_some(p.consumer, 0, count);
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
			cr_assert(
				eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER), GYRE_ECLOSED));
			cr_assert(eq(int, gyre_ring_peek(p.consumer, NS_PER_MS, &message),
				GYRE_ECLOSED));
			pair_close(&p);
		}
	}
}

Test(spsc_ends, nothing_can_be_sent_after_the_close)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		const struct gyre_message message = {.data = "x", .bytes = 1};
		void *data;

		send_some(p.producer, 0, 3);
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_ECLOSED));
		cr_assert(eq(int, send_number(p.producer, 3, 0, 0), GYRE_ECLOSED));
		cr_assert(eq(int, send_number(p.producer, 3, SLOT, GYRE_FOREVER), GYRE_ECLOSED));
		cr_assert(eq(int, gyre_ring_send_batch(p.producer, &message, 1, GYRE_FOREVER),
			GYRE_ECLOSED));
		cr_assert(eq(int, gyre_ring_reserve(p.producer, 1, 0, &data), GYRE_ECLOSED));
		cr_assert(eq(int, gyre_ring_commit(p.producer, 0, 0), GYRE_ESTATE));
		cr_assert(eq(int, gyre_ring_discard(p.producer), GYRE_ESTATE));
		receive_some(p.consumer, 0, 3);
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
		cr_assert(eq(int, send_number(p.producer, 3, 0, 0), GYRE_ECLOSED));
		pair_close(&p);
	}
}

Test(spsc_ends, a_ring_full_to_the_last_byte_can_be_closed)
{
	static const uint32_t aligns[] = {8, 64, 512};

	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (unsigned i = 0; i < 60; i++) {
			struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
			uint64_t sent = 0, first = i % 20;
			struct pair p;

			options.align_bytes = aligns[i / 20];
			p = pair_with(v, &options);
			for (uint64_t number = 0; number < first; number++) {
				cr_assert(eq(int, send_number(p.producer, number, 0, 0), GYRE_OK));
				cr_assert(eq(i64, receive_number(p.consumer, number, 0), 0));
			}
			for (size_t bytes = SLOT; bytes > 0; bytes /= 2)
				while (send_number(p.producer, first + sent, bytes - 1, 0) == 0)
					sent++;
			cr_assert(eq(int, send_number(p.producer, 0, 0, 0), GYRE_EAGAIN));
			cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
			cr_assert(eq(u64, look(p.key).info.messages, sent));
			cr_assert(eq(u32, look(p.key).info.closed, 1));
			for (uint64_t number = 0; number < sent; number++)
				cr_assert(
					ge(i64, receive_number(p.consumer, first + number, 0), 0));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
			pair_close(&p);
		}
	}
}

Test(spsc_ends, messages_held_survive_the_end)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		struct gyre_message held, none;

		send_some(p.producer, 7, 1);
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &held), GYRE_OK));
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &none), GYRE_ECLOSED));
		cr_assert(is_message_of(held.data, held.bytes, 7));
		cr_assert(eq(u32, look(p.key).info.state, GYRE_STATE_LIVE));
		cr_assert(eq(int, gyre_ring_release(p.consumer, &held), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
		gyre_ring_detach(p.producer);
		gyre_ring_detach(p.consumer);
		cr_assert(not(is_there(p.key)));
	}
}

Test(spsc_ends, a_successor_of_the_producer_that_closed_cannot_send)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (uint64_t count = 0; count < 3; count++) {
			struct pair p = any_pair(v);
			void *data;

			send_some(p.producer, 0, count);
			cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
			gyre_ring_detach(p.producer);
			p.producer = attach(p.key, GYRE_PRODUCER);
			cr_assert(
				eq(int, send_number(p.producer, 0, 0, GYRE_FOREVER), GYRE_ECLOSED));
			cr_assert(eq(int, gyre_ring_reserve(p.producer, 0, GYRE_FOREVER, &data),
				GYRE_ECLOSED));
			cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_ECLOSED));
			receive_some(p.consumer, 0, count);
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
			cr_assert(eq(int, send_number(p.producer, 0, 0, 0), GYRE_ECLOSED));
			pair_close(&p);
		}
	}
}

/* ---- Left ---- */

Test(spsc_ends, a_departure_is_told_once_and_then_the_successors_messages_arrive)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);

		for (uint64_t round = 0; round < 50; round++) {
			struct gyre_message message;

			send_some(p.producer, round * 10, round % 10);
			gyre_ring_detach(p.producer);
			receive_some(p.consumer, round * 10, round % 10);
			switch (round % 3) {
			case 0:
				cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ELEFT));
				break;
			case 1:
				cr_assert(eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER),
					GYRE_ELEFT));
				break;
			default:
				cr_assert(eq(int, gyre_ring_peek(p.consumer, NS_PER_MS, &message),
					GYRE_ELEFT));
				break;
			}
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 1000), GYRE_ETIMEDOUT));
			p.producer = attach(p.key, GYRE_PRODUCER);
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		}
		pair_close(&p);
	}
}

Test(spsc_ends, a_departure_that_a_successor_made_good_is_not_told)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);

		for (uint64_t round = 0; round < 20; round++) {
			send_some(p.producer, round, 1);
			gyre_ring_detach(p.producer);
			p.producer = attach(p.key, GYRE_PRODUCER);
		}
		receive_some(p.consumer, 0, 20);
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		pair_close(&p);
	}
}

Test(spsc_ends, a_ring_that_never_had_a_producer_is_just_empty)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		const struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
		struct gyre_ring *consumer;
		char key[KEY_BYTES];

		key_of(v, "new", key);
		make_ring(key, &options);
		consumer = attach(key, GYRE_CONSUMER);
		cr_assert(eq(i64, receive_number(consumer, 0, 0), GYRE_EAGAIN));
		cr_assert(eq(i64, receive_number(consumer, 0, NS_PER_MS), GYRE_ETIMEDOUT));
		gyre_ring_detach(consumer);
		gyre_ring_unlink(key, NULL);
	}
}

Test(spsc_ends, a_consumer_that_comes_later_is_told_of_the_departure_too)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);

		send_some(p.producer, 0, 2);
		gyre_ring_detach(p.producer);
		gyre_ring_detach(p.consumer);
		p.producer = NULL;
		p.consumer = attach(p.key, GYRE_CONSUMER);
		receive_some(p.consumer, 0, 2);
		cr_assert(eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER), GYRE_ELEFT));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		pair_close(&p);
	}
}

/* ---- Waiting for an end ---- */

struct expected {
	const char *key;
	int64_t outcome;
	int64_t timeout_ns;
	_Atomic uint32_t attached;
};

static const char *wait_for_end(void *context)
{
	struct expected *const expected = context;
	struct gyre_ring *ring = NULL;
	int64_t outcome;

	if (gyre_ring_attach(expected->key, GYRE_CONSUMER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	raise_flag(&expected->attached);
	do
		outcome = receive_number(ring, 0, expected->timeout_ns);
	while (outcome == GYRE_ETIMEDOUT);
	if (outcome != expected->outcome)
		return complain("%s (%d) instead of %s", gyre_errname((int)outcome), (int)outcome,
			gyre_errname((int)expected->outcome));
	gyre_ring_detach(ring);
	return NULL;
}

Test(spsc_ends, a_blocked_consumer_learns_of_the_close_and_of_a_departure)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (int closes = 0; closes < 2; closes++) {
			struct pair p = any_pair(v);
			struct expected *const expected = shared_memory(sizeof *expected);
			struct child child;

			*expected = (struct expected){.key = p.key, .timeout_ns = GYRE_FOREVER};
			expected->outcome = closes ? GYRE_ECLOSED : GYRE_ELEFT;
			gyre_ring_detach(p.consumer);
			p.consumer = NULL;
			child = start_child(wait_for_end, expected);
			cr_assert(until_asleep(p.key, GYRE_CONSUMER, 1));
			if (closes)
				cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
			gyre_ring_detach(p.producer);
			p.producer = NULL;
			expect_well(end_child(&child));
			pair_close(&p);
		}
	}
}

/* ---- Died ---- */

struct doomed {
	const char *key;
	uint64_t first;
	uint64_t count;
	bool closes;
	bool reserves;
	_Atomic uint32_t done;
};

static const char *send_and_die(void *context)
{
	struct doomed *const doomed = context;
	struct gyre_ring *ring = NULL;
	void *data;

	if (gyre_ring_attach(doomed->key, GYRE_PRODUCER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	for (uint64_t number = doomed->first; number < doomed->first + doomed->count; number++)
		if (send_number(ring, number, number % SLOT, 0) != GYRE_OK)
			return "cannot send";
	if (doomed->closes && gyre_ring_close(ring) != GYRE_OK)
		return "cannot close";
	if (doomed->reserves) {
		if (gyre_ring_reserve(ring, SLOT, 0, &data) != GYRE_OK)
			return "cannot reserve";
		memset(data, 0xdd, SLOT);
	}
	raise_flag(&doomed->done);
	for (;;)
		pause();
}

/* Runs it up to its last sentence; dead when this returns. */
static void live_and_die(
	const char *key, uint64_t first, uint64_t count, bool closes, bool reserves)
{
	struct doomed *const doomed = shared_memory(sizeof *doomed);
	struct child child;

	*doomed = (struct doomed){key, first, count, closes, reserves, 0};
	child = start_child(send_and_die, doomed);
	cr_assert(await_flag(&doomed->done), "%s", child.complaint);
	kill_child(&child);
}

Test(spsc_ends, a_death_is_told_once_after_all_that_was_committed)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		static const int64_t timeouts[] = {GYRE_FOREVER, 30000000000, INT64_MAX};
		struct pair p = any_pair(v);

		gyre_ring_detach(p.producer);
		p.producer = NULL;
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ELEFT));
		for (uint64_t round = 0; round < 3; round++) {
			live_and_die(p.key, round * 10, round * 4, false, false);
			receive_some(p.consumer, round * 10, round * 4);
			cr_assert(eq(
				i64, receive_number(p.consumer, 0, timeouts[round]), GYRE_EDIED));
			cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
			cr_assert(
				eq(i64, receive_number(p.consumer, 0, NS_PER_MS), GYRE_ETIMEDOUT));
		}
		p.producer = attach(p.key, GYRE_PRODUCER);
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		send_some(p.producer, 50, 5);
		receive_some(p.consumer, 50, 5);
		pair_close(&p);
	}
}

Test(spsc_ends, a_blocked_consumer_learns_of_a_death_without_help)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		static const int64_t timeouts[] = {GYRE_FOREVER, 5 * NS_PER_MS, 1000};

		for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
			struct pair p = any_pair(v);
			struct expected *const expected = shared_memory(sizeof *expected);
			struct doomed *const doomed = shared_memory(sizeof *doomed);
			struct child consumer, producer;

			pair_close(&p);
			make_ring(p.key, &(struct gyre_ring_options){.wake = v->wake});
			*expected = (struct expected){p.key, GYRE_EDIED, timeouts[i], 0};
			*doomed = (struct doomed){.key = p.key};
			producer = start_child(send_and_die, doomed);
			cr_assert(await_flag(&doomed->done));
			consumer = start_child(wait_for_end, expected);
			cr_assert(await_flag(&expected->attached));
			cr_assert(until_asleep(p.key, GYRE_CONSUMER, 1));
			kill_child(&producer);
			expect_well(end_child(&consumer));
			gyre_ring_unlink(p.key, NULL);
		}
	}
}

static void on_signal(int number)
{
	(void)number;
}

static void start_alarms(suseconds_t microseconds)
{
	const struct sigaction action = {.sa_handler = on_signal};
	const struct itimerval timer = {{0, microseconds}, {0, microseconds}};

	cr_assert(eq(int, sigaction(SIGALRM, &action, NULL), 0));
	cr_assert(eq(int, setitimer(ITIMER_REAL, &timer, NULL), 0));
}

Test(spsc_ends, signals_do_not_keep_a_death_from_being_told)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);

		gyre_ring_detach(p.producer);
		p.producer = NULL;
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ELEFT));
		live_and_die(p.key, 0, 1, false, false);
		start_alarms(5000);
		receive_some(p.consumer, 0, 1);
		cr_assert(eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER), GYRE_EDIED));
		start_alarms(0);
		pair_close(&p);
	}
}

Test(spsc_ends, a_producer_that_closed_and_then_died_has_closed)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);

		gyre_ring_detach(p.producer);
		p.producer = NULL;
		live_and_die(p.key, 0, 5, true, false);
		p.producer = attach(p.key, GYRE_PRODUCER);
		cr_assert(eq(int, send_number(p.producer, 9, 9, 0), GYRE_ECLOSED));
		receive_some(p.consumer, 0, 5);
		cr_assert(eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER), GYRE_ECLOSED));
		cr_assert(eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER), GYRE_ECLOSED));
		pair_close(&p);
	}
}

Test(spsc_ends, a_reservation_lost_with_its_owner_counts_as_aborted_once)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);

		gyre_ring_detach(p.producer);
		p.producer = NULL;
		for (uint64_t round = 0; round < 12; round++) {
			live_and_die(p.key, round * 10, round % 3, false, true);
			if (round % 2 == 0) { /* repaired by the consumer, else by the successor */
				receive_some(p.consumer, round * 10, round % 3);
				cr_assert(eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER),
					GYRE_EDIED));
				cr_assert(
					eq(u64, look(p.key).producer.counters.aborted, round + 1));
			}
			p.producer = attach(p.key, GYRE_PRODUCER);
			cr_assert(eq(u64, look(p.key).producer.counters.aborted, round + 1));
			send_some(p.producer, 1, 1);
			gyre_ring_detach(p.producer);
			p.producer = NULL;
			if (round % 2 == 1)
				receive_some(p.consumer, round * 10, round % 3);
			receive_some(p.consumer, 1, 1);
			cr_assert(eq(u64, look(p.key).producer.counters.aborted, round + 1));
		}
		pair_close(&p);
	}
}

static const char *commit_and_die(void *context)
{
	struct doomed *const doomed = context;
	struct gyre_ring *ring = NULL;
	void *data;

	if (gyre_ring_attach(doomed->key, GYRE_PRODUCER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	if (gyre_ring_reserve(ring, 10, 0, &data) != 0 || gyre_ring_commit(ring, 10, 0) != 0)
		return "cannot commit";
	for (uint64_t number = 0; number < doomed->count; number++)
		if (send_number(ring, number, 10, 0) != GYRE_OK)
			return "cannot send";
	raise_flag(&doomed->done);
	for (;;)
		pause();
}

Test(spsc_ends, a_committed_reservation_never_counts_as_aborted)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);

		gyre_ring_detach(p.producer);
		p.producer = NULL;
		for (uint64_t sends = 0; sends < 4; sends++) {
			struct doomed *const doomed = shared_memory(sizeof *doomed);
			struct child child;

			*doomed = (struct doomed){.key = p.key, .count = sends};
			child = start_child(commit_and_die, doomed);
			cr_assert(await_flag(&doomed->done), "%s", child.complaint);
			kill_child(&child);
			for (uint64_t i = 0; i <= sends; i++)
				cr_assert(ne(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
			cr_assert(eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER), GYRE_EDIED));
			cr_assert(eq(u64, look(p.key).producer.counters.aborted, 0));
		}
		pair_close(&p);
	}
}

Test(spsc_ends, a_message_held_by_a_dead_consumer_comes_again)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = any_pair(v);
		struct gyre_message held[3];
		pid_t child;

		send_some(p.producer, 0, 5);
		gyre_ring_detach(p.consumer);
		child = fork();
		cr_assert(ge(int, child, 0));
		if (child == 0) {
			struct gyre_ring *ring = NULL;

			if (gyre_ring_attach(p.key, GYRE_CONSUMER, NULL, &ring, NULL) == 0 &&
				gyre_ring_peek_batch(ring, 0, held, 3) == 3 &&
				gyre_ring_release(ring, &held[0]) == 0)
				kill(getpid(), SIGKILL);
			_exit(1);
		}
		{
			struct child waited = {.pid = child, .complaint = shared_memory(4096)};

			cr_assert(
				eq(str, (char *)end_child(&waited), "the child died of signal 9"));
		}
		p.consumer = attach(p.key, GYRE_CONSUMER);
		receive_some(p.consumer, 1, 4);
		cr_assert(eq(u64, look(p.key).consumer.counters.messages, 5));
		pair_close(&p);
	}
}
