/*
 * Sleeping and waking between processes: nobody waits in vain, nobody burns CPU, and nobody makes
 * a system call for a sleeper who is not there.
 */
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include "rings.h"

TestSuite(wakeup, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	CAPACITY = 4096,
	SLOT = 100,
	WAKE_CONSUMERS = 0x1100, /* docs/layout.md */
	WAKE_PRODUCERS = 0x1180,
	SLICE_NS = 100 * NS_PER_MS, /* a consumer looks by itself so often */
};

/* ---- Idle ---- */

struct idle {
	char key[KEY_BYTES];
	enum gyre_role role;
	uint64_t cpu_ns, elapsed_ns;
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
		outcome = receive_number(ring, 0, 2000 * (int64_t)NS_PER_MS);
	else
		outcome = send_number(ring, 0, SLOT, 2000 * (int64_t)NS_PER_MS);
	idle->cpu_ns = cpu_ns() - cpu;
	idle->elapsed_ns = now_ns() - time;
	return outcome == GYRE_ETIMEDOUT ? NULL : complain("%s", gyre_errname((int)outcome));
}

/* Leaves a ring without this process as a participant; full for a producer to wait in front of. */
static void prepare_idle(
	const struct variant *v, enum gyre_role role, const char *suffix, char *key)
{
	const struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);

	key_of(v, suffix, key);
	make_ring(key, &options);
	if (role == GYRE_PRODUCER) {
		struct gyre_ring *const ring = attach(key, GYRE_PRODUCER);

		while (send_number(ring, 0, SLOT, 0) == GYRE_OK)
			;
		gyre_ring_detach(ring);
	}
}

/* All of them wait at the same time. */
static void expect_idle(enum gyre_role role, uint64_t percent)
{
	struct idle *const idles = shared_memory(8 * sizeof *idles);
	struct child children[8];
	unsigned count = 0;

	for (const struct variant *v = variant_first(); v != NULL; v = variant_next(), count++) {
		char suffix[16];

		snprintf(suffix, sizeof suffix, "idle%u", count);
		prepare_idle(v, role, suffix, idles[count].key);
		idles[count].role = role;
		children[count] = start_child(be_idle, &idles[count]);
	}
	for (unsigned i = 0; i < count; i++) {
		expect_well(end_child(&children[i]));
		cr_assert(le(u64, idles[i].cpu_ns * 100, idles[i].elapsed_ns * percent),
			"%s: %u us of CPU in %u us", idles[i].key,
			(unsigned)(idles[i].cpu_ns / 1000), (unsigned)(idles[i].elapsed_ns / 1000));
		gyre_ring_unlink(idles[i].key, NULL);
	}
}

Test(wakeup, an_idle_consumer_uses_no_cpu)
{
	expect_idle(GYRE_CONSUMER, 1);
}

/* It looks more often: somebody may have died with room in his hands. */
Test(wakeup, a_producer_in_front_of_a_full_ring_uses_hardly_any_cpu)
{
	expect_idle(GYRE_PRODUCER, 4);
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

static const char *move_without_system_calls(void *context)
{
	struct pair *const p = context;
	static const char data[SLOT];
	static char buffer[SLOT];
	const struct gyre_message batch[2] = {{.data = data, .bytes = 5}, {.data = data}};
	struct gyre_message held[3];
	void *room;

	p->producer = p->consumer = NULL; /* inherited: this process attaches for itself */
	if (gyre_ring_attach(p->key, GYRE_PRODUCER, NULL, &p->producer, NULL) != 0 ||
		gyre_ring_attach(p->key, GYRE_CONSUMER, NULL, &p->consumer, NULL) != 0)
		return "cannot attach";
	if (!watch_system_calls())
		return SKIP "system calls cannot be dispatched to this process here";
	dispatch = SYSCALL_DISPATCH_FILTER_BLOCK;
	for (int i = 0; i < 25000; i++) {
		for (int k = 0; k < 10; k++)
			gyre_ring_send(p->producer, data, (size_t)(i + k) % SLOT, 1, 0);
		if (gyre_ring_reserve(p->producer, 50, 0, &room) == GYRE_OK)
			gyre_ring_commit(p->producer, 20, 2);
		gyre_ring_send_batch(p->producer, batch, 2, 0);
		if (i % 3 == 0)
			continue; /* full now and then */
		while (gyre_ring_receive(p->consumer, buffer, SLOT, 0, NULL) >= 0)
			if (gyre_ring_peek_batch(p->consumer, 0, held, 3) > 0)
				gyre_ring_release(p->consumer, &held[0]),
					gyre_ring_release_batch(p->consumer, 1),
					gyre_ring_release_batch(p->consumer, 1);
	}
	dispatch = SYSCALL_DISPATCH_FILTER_ALLOW;
	gyre_ring_detach(p->producer);
	gyre_ring_detach(p->consumer);
	return system_calls == 0 ? NULL : "a system call was made";
}

Test(wakeup, no_system_call_is_made_while_nobody_sleeps)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct seen seen;

		gyre_ring_detach(p.producer);
		gyre_ring_detach(p.consumer);
		p.producer = p.consumer = NULL;
		/* Both left: the words say that somebody may be asleep until it is found out. */
		expect_well(in_child(move_without_system_calls, &p));
		seen = look(p.key);
		cr_assert(eq(u64, seen.producer.counters.wakeups, 0));
		cr_assert(eq(u64, seen.consumer.counters.wakeups, 0));
		cr_assert(eq(u64, seen.producer.counters.sleeps, 0));
		cr_assert(eq(u64, seen.consumer.counters.sleeps, 0));
		cr_assert(gt(u64, seen.producer.counters.messages, 100000));
		pair_close(&p);
	}
}

/* ---- Sleepers ---- */

struct sleeper {
	const char *key;
	uint64_t messages;
	uint64_t seed;
	uint64_t late; /* waits of a slice and more */
};

static void think(uint64_t *state, uint64_t ns_max)
{
	const uint64_t until = now_ns() + next_random(state) % (ns_max + 1);

	while (now_ns() < until)
		;
}

static const char *receive_thoughtfully(void *context)
{
	struct sleeper *const s = context;
	struct gyre_ring *ring = NULL;
	uint64_t state = s->seed;

	if (gyre_ring_attach(s->key, GYRE_CONSUMER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	for (uint64_t number = 0; number < s->messages; number++) {
		const uint64_t start = now_ns();
		const int64_t outcome = receive_number(ring, number, GYRE_FOREVER);

		if (outcome < 0)
			return complain(
				"message %u: %s", (unsigned)number, gyre_errname((int)outcome));
		if (now_ns() - start >= SLICE_NS)
			s->late++;
		if (next_random(&state) % 8 == 0)
			think(&state, next_random(&state) % 64 == 0 ? 300000 : 3000);
	}
	gyre_ring_detach(ring);
	return NULL;
}

/* A wakeup that was lost costs a slice, and there are many to lose. */
Test(wakeup, of_a_hundred_thousand_messages_none_is_waited_for_in_vain)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct sleeper *const s = shared_memory(sizeof *s);
		struct child child;
		uint64_t state = 4;

		if (v->file) { /* the words are memory, wherever that came from */
			pair_close(&p);
			continue;
		}
		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		*s = (struct sleeper){p.key, 100000, 9, 0};
		child = start_child(receive_thoughtfully, s);
		for (uint64_t number = 0; number < s->messages; number++) {
			cr_assert(eq(int,
				send_number(p.producer, number, number % SLOT, GYRE_FOREVER), 0));
			if (next_random(&state) % 8 == 0)
				think(&state, next_random(&state) % 64 == 0 ? 300000 : 3000);
		}
		expect_well(end_child(&child));
		/* The machine may be busy elsewhere for a slice, too, but not often. */
		cr_assert(le(u64, s->late, s->messages / 1000));
		pair_close(&p);
	}
}

struct table {
	const char *there, *back;
	uint64_t rounds;
};

static const char *return_the_ball(void *context)
{
	const struct table *const table = context;
	struct gyre_ring *in = NULL, *out = NULL;

	if (gyre_ring_attach(table->there, GYRE_CONSUMER, NULL, &in, NULL) != GYRE_OK ||
		gyre_ring_attach(table->back, GYRE_PRODUCER, NULL, &out, NULL) != GYRE_OK)
		return "cannot attach";
	for (uint64_t number = 0; number < table->rounds; number++) {
		const int64_t outcome = receive_number(in, number, GYRE_FOREVER);

		if (outcome != 8)
			return complain(
				"ball %u: %s", (unsigned)number, gyre_errname((int)outcome));
		if (send_number(out, number, 8, GYRE_FOREVER) != GYRE_OK)
			return "the ball cannot be returned";
	}
	gyre_ring_detach(in);
	gyre_ring_detach(out);
	return NULL;
}

/* Each waits for the other with every message, and sleeps at once. */
static uint64_t play(const struct variant *v, uint64_t rounds)
{
	const struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);
	const struct gyre_ring_options sleepy = {.flags = GYRE_RING_NO_SPIN};
	char there[KEY_BYTES], back[KEY_BYTES];
	struct gyre_ring *out = NULL, *in = NULL;
	struct table *const table = shared_memory(sizeof *table);
	uint64_t late = 0, state = 8;
	struct child child;

	key_of(v, "there", there);
	key_of(v, "back", back);
	make_ring(there, &options);
	make_ring(back, &options);
	cr_assert(eq(int, gyre_ring_attach(there, GYRE_PRODUCER, &sleepy, &out, NULL), 0));
	cr_assert(eq(int, gyre_ring_attach(back, GYRE_CONSUMER, &sleepy, &in, NULL), 0));
	*table = (struct table){there, back, rounds};
	child = start_child(return_the_ball, table);
	for (uint64_t number = 0; number < rounds; number++) {
		const uint64_t start = now_ns();

		cr_assert(eq(int, send_number(out, number, 8, GYRE_FOREVER), GYRE_OK));
		cr_assert(eq(i64, receive_number(in, number, GYRE_FOREVER), 8), "%s",
			child.complaint);
		if (now_ns() - start >= SLICE_NS)
			late++;
		think(&state, 2000);
	}
	expect_well(end_child(&child));
	gyre_ring_detach(out);
	gyre_ring_detach(in);
	gyre_ring_unlink(there, NULL);
	gyre_ring_unlink(back, NULL);
	return late;
}

Test(wakeup, two_that_wait_for_each_other_never_wait_for_long)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next())
		if (!v->file)
			cr_assert(le(u64, play(v, 20000), 20));
}

/* ---- Deaths ---- */

static const char *sleep_for_ever(void *key)
{
	struct gyre_ring *ring = NULL;

	if (gyre_ring_attach(key, GYRE_CONSUMER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	receive_number(ring, 0, GYRE_FOREVER);
	return "woken";
}

Test(wakeup, a_sleeper_that_was_killed_costs_at_most_one_wake)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, 1 << 16, SLOT);
		struct child child;

		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		for (uint64_t deaths = 1; deaths <= 5; deaths++) {
			child = start_child(sleep_for_ever, p.key);
			cr_assert(until_asleep(p.key, GYRE_CONSUMER, deaths));
			kill_child(&child);
			for (uint64_t number = 0; number < 50; number++)
				cr_assert(eq(int, send_number(p.producer, number, 10, 0), GYRE_OK));
			cr_assert(le(u64, look(p.key).producer.counters.wakeups, deaths));
			p.consumer = attach(p.key, GYRE_CONSUMER);
			for (uint64_t number = 0; number < 50; number++)
				cr_assert(eq(i64, receive_number(p.consumer, number, 0), 10));
			gyre_ring_detach(p.consumer);
			p.consumer = NULL;
		}
		pair_close(&p);
	}
}

enum {
	BURSTS = 10,
	BURST = 10, /* messages */
};

struct heavy_sleeper {
	const char *key;
	_Atomic uint32_t sent[BURSTS];
};

/* Once woken, it does not announce another sleep while the rest of the burst is being sent. */
static const char *receive_bursts(void *context)
{
	struct heavy_sleeper *const s = context;
	struct gyre_ring *ring = NULL;

	if (gyre_ring_attach(s->key, GYRE_CONSUMER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	for (uint64_t number = 0; number < BURSTS * BURST; number++) {
		if (receive_number(ring, number, GYRE_FOREVER) != 10)
			return complain("message %u", (unsigned)number);
		if (!await_flag(&s->sent[number / BURST]))
			return complain("burst %u is not sent", (unsigned)(number / BURST));
	}
	gyre_ring_detach(ring);
	return NULL;
}

Test(wakeup, a_sleeper_that_lives_costs_at_most_two)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct heavy_sleeper *const s = shared_memory(sizeof *s);
		struct child child;
		struct seen seen;

		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		s->key = p.key;
		child = start_child(receive_bursts, s);
		for (uint64_t burst = 0; burst < BURSTS; burst++) {
			cr_assert(until_asleep(p.key, GYRE_CONSUMER, burst + 1));
			for (uint64_t i = 0; i < BURST; i++)
				cr_assert(eq(int, send_number(p.producer, burst * BURST + i, 10, 0),
					GYRE_OK));
			raise_flag(&s->sent[burst]);
		}
		expect_well(end_child(&child));
		seen = look(p.key);
		cr_assert(
			le(u64, seen.producer.counters.wakeups, 2 * seen.consumer.counters.sleeps));
		pair_close(&p);
	}
}

/* ---- Signals, stray wakes, lies ---- */

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

/* Neither shorter than asked nor ended by anything but its time. */
static void expect_whole_waits(struct pair *p)
{
	uint64_t start = now_ns();

	cr_assert(eq(i64, receive_number(p->consumer, 0, 150 * NS_PER_MS), GYRE_ETIMEDOUT));
	cr_assert(ge(u64, now_ns() - start, 150 * NS_PER_MS));
	while (send_number(p->producer, 0, SLOT, 0) == GYRE_OK)
		;
	start = now_ns();
	cr_assert(eq(int, send_number(p->producer, 0, SLOT, 150 * NS_PER_MS), GYRE_ETIMEDOUT));
	cr_assert(ge(u64, now_ns() - start, 150 * NS_PER_MS));
	while (receive_number(p->consumer, 0, 0) >= 0)
		;
}

Test(wakeup, signals_neither_end_nor_shorten_a_wait)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);

		start_alarms(1000);
		expect_whole_waits(&p);
		start_alarms(0);
		pair_close(&p);
	}
}

static const char *receive_under_signals(void *context)
{
	const struct sigaction action = {.sa_handler = on_signal};
	const struct itimerval timer = {{0, 1000}, {0, 1000}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	return receive_thoughtfully(context);
}

Test(wakeup, signals_keep_no_message_from_arriving)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct sleeper *const s = shared_memory(sizeof *s);
		struct child child;

		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		*s = (struct sleeper){p.key, 50, 9, 0};
		child = start_child(receive_under_signals, s);
		for (uint64_t number = 0; number < s->messages; number++) {
			/* Only to one that sleeps, ever again. */
			if (number % 5 == 0)
				cr_assert(until_asleep(p.key, GYRE_CONSUMER, number + 1));
			cr_assert(eq(int, send_number(p.producer, number, 10, 0), GYRE_OK));
		}
		expect_well(end_child(&child));
		pair_close(&p);
	}
}

struct troublemaker {
	const char *key;
	bool lies; /* writes the words; else only wakes */
	_Atomic uint32_t started;
};

static const char *make_trouble(void *context)
{
	struct troublemaker *const t = context;
	struct gyre_view view = view_of(t->key);
	uint64_t state = 6;

	raise_flag(&t->started);
	while (atomic_load(&t->started) != 0) {
		_Atomic uint64_t *const at = word_in(
			&view, next_random(&state) % 2 == 0 ? WAKE_CONSUMERS : WAKE_PRODUCERS);
		_Atomic uint32_t *const word = (_Atomic uint32_t *)(void *)at;

		if (t->lies)
			atomic_store(word, (uint32_t)next_random(&state));
		syscall(SYS_futex, (uint32_t *)word, FUTEX_WAKE, 1 << 30, NULL, NULL, 0);
	}
	return NULL;
}

Test(wakeup, stray_wakes_and_lying_words_neither_end_nor_shorten_a_wait)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (int lies = 0; lies < 2; lies++) {
			struct pair p = pair_of(v, CAPACITY, SLOT);
			struct troublemaker *const t = shared_memory(sizeof *t);
			struct child child;

			*t = (struct troublemaker){p.key, lies != 0, 0};
			child = start_child(make_trouble, t);
			cr_assert(await_flag(&t->started), "%s", child.complaint);
			expect_whole_waits(&p);
			kill_child(&child);
			pair_close(&p);
		}
	}
}

/* ---- The word's epoch ---- */

Test(wakeup, the_epoch_of_a_word_may_wrap)
{
	static const uint32_t starts[] = {
		UINT32_MAX - 3, UINT32_MAX - 2, UINT32_MAX - 1, UINT32_MAX, 0x7ffffffe};

	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
			struct pair p = pair_of(v, CAPACITY, SLOT);
			struct sleeper *const s = shared_memory(sizeof *s);
			struct gyre_view view = view_of(p.key);
			struct child child;

			for (int word = 0; word < 2; word++)
				atomic_store((_Atomic uint32_t *)(void *)word_in(&view,
						     word == 0 ? WAKE_CONSUMERS : WAKE_PRODUCERS),
					starts[i]);
			gyre_view_close(&view);
			gyre_ring_detach(p.consumer);
			p.consumer = NULL;
			*s = (struct sleeper){p.key, 300, 9, 0};
			child = start_child(receive_thoughtfully, s);
			for (uint64_t number = 0; number < s->messages; number++) {
				if (number < 8)
					cr_assert(until_asleep(p.key, GYRE_CONSUMER, number + 1));
				cr_assert(eq(int,
					send_number(p.producer, number, SLOT, GYRE_FOREVER), 0));
			}
			expect_well(end_child(&child));
			pair_close(&p);
		}
	}
}
