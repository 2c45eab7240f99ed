/*
 * Blocking calls of mpmc rings: no wakeup is lost, as few as needed are woken, nobody burns CPU,
 * and a death holds nobody up for long.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include "mpmc_rings.h"

TestSuite(mpmc_waiting, .timeout = 120, .init = rings_open, .fini = rings_close);

enum {
	BYTES = 70,
	SLICE_NS = 100 * NS_PER_MS, /* a consumer looks by itself so often */
	SLEEPERS = 64,
};

static const struct gyre_ring_options sleepy = {.flags = GYRE_RING_NO_SPIN};

static struct gyre_ring *attach_sleepy(const char *key, enum gyre_role role)
{
	struct gyre_ring *ring = NULL;

	return gyre_ring_attach(key, role, &sleepy, &ring, NULL) == GYRE_OK ? ring : NULL;
}

/* ---- Many messages through a small ring ---- */

struct crowd {
	const char *key;
	uint64_t messages; /* of each producer */
	size_t bytes_max;
	_Atomic uint64_t received, late;
};

static void think(uint64_t *state)
{
	const uint64_t random = next_random(state);
	const uint64_t until = now_ns() + (random % 1024 == 0 ? 100000 : 2000);

	while (random % 16 == 0 && now_ns() < until)
		;
}

static const char *send_all(void *context)
{
	struct crowd *const crowd = context;
	struct gyre_ring *const ring = attach_sleepy(crowd->key, GYRE_PRODUCER);
	uint64_t state = now_ns();

	if (ring == NULL)
		return "cannot attach a producer";
	for (uint64_t number = 0; number < crowd->messages; number++) {
		const size_t bytes = next_random(&state) % (crowd->bytes_max + 1);
		const int outcome = send_number(ring, number, bytes, GYRE_FOREVER);

		if (outcome != GYRE_OK)
			return complain("send: %s", gyre_errname(outcome));
		think(&state);
	}
	gyre_ring_detach(ring);
	return NULL;
}

static const char *receive_all(void *context)
{
	static char buffer[1 << 16];
	struct crowd *const crowd = context;
	struct gyre_ring *const ring = attach_sleepy(crowd->key, GYRE_CONSUMER);
	uint64_t state = now_ns(), received = 0, late = 0;
	int64_t outcome;

	if (ring == NULL)
		return "cannot attach a consumer";
	for (;;) {
		const uint64_t start = now_ns();

		outcome = gyre_ring_receive(ring, buffer, sizeof buffer, GYRE_FOREVER, NULL);
		if (outcome < 0 && outcome != GYRE_ELEFT)
			break;
		received += outcome >= 0;
		late += now_ns() - start >= SLICE_NS;
		think(&state);
	}
	atomic_fetch_add(&crowd->received, received);
	atomic_fetch_add(&crowd->late, late);
	gyre_ring_detach(ring);
	return outcome == GYRE_ECLOSED ? NULL : complain("receive: %s", gyre_errname((int)outcome));
}

static void close_it(const char *key)
{
	struct gyre_ring *const ring = attach(key, GYRE_PRODUCER);

	cr_assert(eq(int, gyre_ring_close(ring), GYRE_OK));
	gyre_ring_detach(ring);
}

static void move_all(const struct variant *v, unsigned producers, unsigned consumers,
	uint64_t messages, size_t bytes_max)
{
	const struct gyre_ring_options options = cells_of(v, MPMC_CELLS);
	struct crowd *const crowd = shared_memory(sizeof *crowd);
	struct child sending[6], receiving[6];
	char key[KEY_BYTES];

	key_of(v, "crowd", key);
	make_ring(key, &options);
	crowd->key = key;
	crowd->messages = messages;
	crowd->bytes_max = bytes_max;
	for (unsigned i = 0; i < consumers; i++)
		receiving[i] = start_child(receive_all, crowd);
	for (unsigned i = 0; i < producers; i++)
		sending[i] = start_child(send_all, crowd);
	for (unsigned i = 0; i < producers; i++)
		expect_well(end_child(&sending[i]));
	close_it(key);
	for (unsigned i = 0; i < consumers; i++)
		expect_well(end_child(&receiving[i]));
	cr_assert(eq(u64, crowd->received, messages * producers));
	/* A wakeup that was lost costs a slice. The machine may be busy elsewhere for one, too, but
	 * not often. */
	cr_assert(le(u64, crowd->late, messages / 500));
	gyre_ring_unlink(key, NULL);
}

/* Wake modes differ, and whether more than one of a side sleeps; where the memory came from does
 * not matter. */
static const struct variant *next_in_memory(const struct variant *v)
{
	while (v != NULL && v->file)
		v = mpmc_next();
	return v;
}

static const struct variant *first_in_memory(void)
{
	return next_in_memory(mpmc_first());
}

static const struct variant *other_in_memory(void)
{
	return next_in_memory(mpmc_next());
}

Test(mpmc_waiting, of_a_million_messages_none_is_waited_for_in_vain)
{
	for (const struct variant *v = first_in_memory(); v != NULL; v = other_in_memory())
		move_all(v, v->producers_max == 1 ? 1 : 2, v->consumers_max == 1 ? 1 : 2,
			v->producers_max == 1 ? 125000 : 62500, 60);
}

/* They need different amounts of room: a wake that suits the one must not be lost for another. */
Test(mpmc_waiting, producers_of_messages_of_all_sizes_all_get_room)
{
	for (const struct variant *v = first_in_memory(); v != NULL; v = other_in_memory())
		move_all(v, v->producers_max == 1 ? 1 : 5, 1, 2000,
			MPMC_CELLS * MPMC_CELL_BYTES / 2);
}

/* ---- As few as needed are woken ---- */

struct hall {
	const char *key;
	_Atomic uint64_t received;
	uint64_t expected;
};

static const char *wait_in_the_hall(void *context)
{
	struct hall *const hall = context;
	struct gyre_ring *const ring = attach_sleepy(hall->key, GYRE_CONSUMER);
	char buffer[BYTES];

	if (ring == NULL)
		return "cannot attach";
	while (gyre_ring_receive(ring, buffer, BYTES, GYRE_FOREVER, NULL) >= 0)
		atomic_fetch_add(&hall->received, 1);
	return "the wait has ended";
}

static bool is_received(void *context)
{
	struct hall *const hall = context;

	return atomic_load(&hall->received) >= hall->expected;
}

/* How many fell asleep again, out of one message or another reason. */
static uint64_t wake_some(struct gyre_ring *producer, struct hall *hall)
{
	const uint64_t before = totals_of(hall->key).consumers_sleeps;
	uint64_t wakeups;

	hall->expected++;
	cr_assert(eq(int, gyre_ring_send(producer, "x", 1, 0, 0), GYRE_OK));
	cr_assert(eventually(is_received, hall));
	wakeups = totals_of(hall->key).producers_wakeups;
	cr_assert(le(u64, wakeups, 2 * hall->expected));
	return totals_of(hall->key).consumers_sleeps - before;
}

Test(mpmc_waiting, one_message_wakes_one_or_two_of_many_sleepers)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		struct gyre_ring_options options = cells_of(v, MPMC_CELLS);
		struct hall *const hall = shared_memory(sizeof *hall);
		struct child children[SLEEPERS];
		struct gyre_ring *producer;
		uint64_t least = UINT64_MAX;
		char key[KEY_BYTES];

		if (v->consumers_max == 1)
			continue;
		options.consumers_max = SLEEPERS;
		key_of(v, "hall", key);
		make_ring(key, &options);
		producer = attach(key, GYRE_PRODUCER);
		hall->key = key;
		for (unsigned i = 0; i < SLEEPERS; i++)
			children[i] = start_child(wait_in_the_hall, hall);
		cr_assert(until_all_slept(key, GYRE_CONSUMER, SLEEPERS));
		/* Each looks by itself ten times a second, which is counted, too: all of them do
		 * now and then, but not always, as all would that were woken. */
		for (int round = 0; round < 20; round++) {
			const uint64_t sleeps = wake_some(producer, hall);

			if (sleeps < least)
				least = sleeps;
		}
		cr_assert(le(u64, least, 2));
		for (unsigned i = 0; i < SLEEPERS; i++)
			kill_child(&children[i]);
		gyre_ring_detach(producer);
		gyre_ring_unlink(key, NULL);
	}
}

static const char *sleep_for_ever(void *context)
{
	struct gyre_ring *const ring = attach_sleepy(context, GYRE_CONSUMER);

	if (ring == NULL)
		return "cannot attach";
	receive_number(ring, 0, GYRE_FOREVER);
	return "woken";
}

Test(mpmc_waiting, a_sleeper_that_was_killed_costs_at_most_one_wake)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);

		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		for (uint64_t deaths = 1; deaths <= 5; deaths++) {
			struct child child = start_child(sleep_for_ever, p.key);

			cr_assert(until_all_slept(p.key, GYRE_CONSUMER, deaths));
			kill_child(&child);
			for (uint64_t number = 0; number < 50; number++)
				cr_assert(eq(int, send_number(p.producer, number, 10, 0), GYRE_OK));
			cr_assert(le(u64, totals_of(p.key).producers_wakeups, deaths));
			p.consumer = attach(p.key, GYRE_CONSUMER);
			for (uint64_t number = 0; number < 50; number++)
				cr_assert(eq(i64, receive_number(p.consumer, number, 0), 10));
			gyre_ring_detach(p.consumer);
			p.consumer = NULL;
		}
		pair_close(&p);
	}
}

/* ---- Deaths ---- */

/* A consumer that sleeps until a message comes, and says when it had it. */
struct ear {
	const char *key;
	_Atomic uint64_t heard_ns;
	_Atomic uint64_t heard;
	uint64_t expected;
};

static const char *listen(void *context)
{
	struct ear *const ear = context;
	struct gyre_ring *const ring = attach_sleepy(ear->key, GYRE_CONSUMER);
	char buffer[BYTES];

	if (ring == NULL)
		return "cannot attach";
	while (gyre_ring_receive(ring, buffer, BYTES, GYRE_FOREVER, NULL) >= 0) {
		atomic_store(&ear->heard_ns, now_ns());
		atomic_fetch_add(&ear->heard, 1);
	}
	return "the wait has ended";
}

static bool has_heard(void *context)
{
	struct ear *const ear = context;

	return atomic_load(&ear->heard) >= ear->expected;
}

static const char *reserve_one(struct gyre_ring *ring, void *context)
{
	void *data;

	(void)context;
	return gyre_ring_reserve(ring, BYTES, 0, &data) == GYRE_OK ? NULL : "cannot reserve";
}

/* From the sending of a message to its arrival; behind one whose writer died if that is asked for.
 */
static uint64_t time_message(struct pair *p, struct ear *ear, bool dies)
{
	uint64_t start;

	/* It has just fallen asleep, for a whole slice. */
	cr_assert(until_all_slept(p->key, GYRE_CONSUMER, totals_of(p->key).consumers_sleeps + 1));
	if (dies)
		live_and_die(p->key, GYRE_PRODUCER, reserve_one, NULL);
	ear->expected++;
	start = now_ns();
	cr_assert(eq(int, gyre_ring_send(p->producer, "x", 1, 0, 0), GYRE_OK));
	cr_assert(eventually(has_heard, ear));
	return atomic_load(&ear->heard_ns) - start;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

enum { TIMES = 9 };

static uint64_t median(uint64_t times[TIMES])
{
	qsort(times, TIMES, sizeof *times, compare);
	return times[TIMES / 2];
}

/* A slice of an idle sleeper is some thousand wakes long. */
Test(mpmc_waiting, a_death_in_front_of_a_message_delays_it_by_little_more_than_a_wake)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		struct ear *const ear = shared_memory(sizeof *ear);
		uint64_t plain[TIMES], behind[TIMES];
		struct child child;
		struct pair p;

		if (v->producers_max == 1)
			continue;
		p = mpmc_pair(v, MPMC_CELLS);
		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		ear->key = p.key;
		child = start_child(listen, ear);
		cr_assert(until_all_slept(p.key, GYRE_CONSUMER, 1));
		for (int i = 0; i < TIMES; i++) {
			plain[i] = time_message(&p, ear, false);
			behind[i] = time_message(&p, ear, true);
		}
		cr_assert(lt(u64, median(behind), 60 * median(plain)), "%lu us, else %lu us",
			(unsigned long)median(behind) / 1000, (unsigned long)median(plain) / 1000);
		kill_child(&child);
		pair_close(&p);
	}
}

/* ---- Idle ---- */

struct idle {
	char key[KEY_BYTES];
	enum gyre_role role;
	uint64_t cpu_ns, elapsed_ns;
	_Atomic uint32_t attached;
};

static uint64_t cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

static const char *be_idle(void *context)
{
	struct idle *const idle = context;
	struct gyre_ring *ring = NULL;
	uint64_t cpu, time;
	int64_t outcome;

	if (gyre_ring_attach(idle->key, idle->role, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	cpu = cpu_ns();
	time = now_ns();
	if (idle->role == GYRE_CONSUMER)
		outcome = receive_number(ring, 0, 1500 * (int64_t)NS_PER_MS);
	else
		outcome = send_number(ring, 0, BYTES, 1500 * (int64_t)NS_PER_MS);
	idle->cpu_ns = cpu_ns() - cpu;
	idle->elapsed_ns = now_ns() - time;
	gyre_ring_detach(ring);
	return outcome == GYRE_ETIMEDOUT ? NULL : complain("%s", gyre_errname((int)outcome));
}

static void fill_ring(const char *key)
{
	struct gyre_ring *const ring = attach(key, GYRE_PRODUCER);

	while (send_number(ring, 0, BYTES, 0) == GYRE_OK)
		;
	gyre_ring_detach(ring);
}

/* All modes wait at the same time. `writing`: behind a message that is never finished. */
static void expect_idle(enum gyre_role role, bool writing, uint64_t percent)
{
	struct idle *const idles = shared_memory(4 * sizeof *idles);
	struct child children[4];
	struct gyre_ring *writers[4] = {NULL};
	unsigned count = 0;
	void *data;

	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		const struct gyre_ring_options options = cells_of(v, MPMC_CELLS);
		char suffix[16];

		if (writing && v->producers_max == 1)
			continue; /* what the only producer writes is not in the ring */
		snprintf(suffix, sizeof suffix, "idle%u", count);
		key_of(v, suffix, idles[count].key);
		make_ring(idles[count].key, &options);
		idles[count].role = role;
		if (role == GYRE_PRODUCER)
			fill_ring(idles[count].key);
		if (writing) {
			writers[count] = attach(idles[count].key, GYRE_PRODUCER);
			cr_assert(eq(int, gyre_ring_reserve(writers[count], 1, 0, &data), GYRE_OK));
		}
		children[count] = start_child(be_idle, &idles[count]);
		count++;
	}
	for (unsigned i = 0; i < count; i++) {
		expect_well(end_child(&children[i]));
		cr_assert(le(u64, idles[i].cpu_ns * 100, idles[i].elapsed_ns * percent),
			"%s: %u us of CPU in %u us", idles[i].key,
			(unsigned)(idles[i].cpu_ns / 1000), (unsigned)(idles[i].elapsed_ns / 1000));
		gyre_ring_detach(writers[i]);
		gyre_ring_unlink(idles[i].key, NULL);
	}
}

Test(mpmc_waiting, an_idle_consumer_uses_no_cpu)
{
	expect_idle(GYRE_CONSUMER, false, 1);
}

/* They look more often: somebody may have died with it in his hands. */
Test(mpmc_waiting, a_producer_in_front_of_a_full_ring_uses_hardly_any_cpu)
{
	expect_idle(GYRE_PRODUCER, false, 4);
}

Test(mpmc_waiting, a_consumer_behind_an_unfinished_message_uses_hardly_any_cpu)
{
	expect_idle(GYRE_CONSUMER, true, 4);
}

/* ---- System calls ---- */

static volatile char dispatch;
static volatile sig_atomic_t system_calls;

static void count_system_call(int number)
{
	(void)number;
	dispatch = SYSCALL_DISPATCH_FILTER_ALLOW; /* the return from here is one, too */
	system_calls++;
}

/* From here on every system call raises SIGSYS; false where the kernel does not offer that. */
static bool watch_system_calls(void)
{
	struct sigaction action = {.sa_handler = count_system_call};

	sigaction(SIGSYS, &action, NULL);
	dispatch = SYSCALL_DISPATCH_FILTER_ALLOW;
	return prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &dispatch) == 0;
}

static void move_some(struct gyre_ring *producer, struct gyre_ring *consumer, unsigned i)
{
	static const char data[BYTES];
	static char buffer[BYTES];
	const struct gyre_message batch[2] = {{.data = data, .bytes = 5}, {.data = data}};
	struct gyre_message held[3];
	void *room;

	for (unsigned k = 0; k < 10; k++)
		gyre_ring_send(producer, data, (i + k) % BYTES, 1, 0);
	if (gyre_ring_reserve(producer, 50, 0, &room) == GYRE_OK)
		gyre_ring_commit(producer, 20, 2);
	if (gyre_ring_reserve(producer, 50, 0, &room) == GYRE_OK)
		gyre_ring_discard(producer);
	gyre_ring_send_batch(producer, batch, 2, 0);
	if (i % 3 == 0)
		return; /* full now and then */
	while (gyre_ring_receive(consumer, buffer, BYTES, 0, NULL) >= 0) {
		const int found = gyre_ring_peek_batch(consumer, 0, held, 3);

		if (found > 0 && gyre_ring_release(consumer, &held[found - 1]) == GYRE_OK)
			gyre_ring_release_batch(consumer, (unsigned)found - 1);
	}
}

static const char *move_without_system_calls(void *context)
{
	struct pair *const p = context;

	p->producer = p->consumer = NULL; /* inherited: this process attaches for itself */
	if (gyre_ring_attach(p->key, GYRE_PRODUCER, NULL, &p->producer, NULL) != 0 ||
		gyre_ring_attach(p->key, GYRE_CONSUMER, NULL, &p->consumer, NULL) != 0)
		return "cannot attach";
	if (!watch_system_calls())
		return SKIP "system calls cannot be dispatched to this process here";
	move_some(p->producer, p->consumer, 1); /* what the kernel has to map is mapped */
	dispatch = SYSCALL_DISPATCH_FILTER_BLOCK;
	for (unsigned i = 0; i < 8000; i++)
		move_some(p->producer, p->consumer, i);
	dispatch = SYSCALL_DISPATCH_FILTER_ALLOW;
	gyre_ring_detach(p->producer);
	gyre_ring_detach(p->consumer);
	return system_calls == 0 ? NULL : "a system call was made";
}

Test(mpmc_waiting, no_system_call_is_made_while_nobody_sleeps)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		struct pair p = mpmc_pair(v, MPMC_CELLS);
		struct totals totals;

		gyre_ring_detach(p.producer);
		gyre_ring_detach(p.consumer);
		p.producer = p.consumer = NULL;
		expect_well(in_child(move_without_system_calls, &p));
		totals = totals_of(p.key);
		cr_assert(eq(u64, totals.producers_wakeups + totals.consumers_wakeups, 0));
		cr_assert(eq(u64, totals.producers_sleeps + totals.consumers_sleeps, 0));
		cr_assert(gt(u64, totals.committed, 30000));
		pair_close(&p);
	}
}
