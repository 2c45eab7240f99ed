/*
 * kill -9 at random moments, and a successor. The account is kept in memory shared with the
 * victims: what they were about to do, and what the ring told them it had done. Whatever lies
 * between the two may have happened or not; all else is certain.
 */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "rings.h"

TestSuite(spsc_takeover, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	CAPACITY = 4096,
	SLOT = 200,
	ROUNDS = 200,
	BATCH = 8,
};

static size_t size_of(uint64_t number)
{
	uint64_t state = number;
	const uint64_t random = next_random(&state);

	return random % 3 == 0 ? (random >> 8) % (SLOT + 1) : (random >> 8) % 30;
}

static uint64_t bytes_of(uint64_t count)
{
	uint64_t bytes = 0;

	for (uint64_t number = 0; number < count; number++)
		bytes += size_of(number);
	return bytes;
}

struct account {
	const char *key;
	uint64_t seed;
	/* A producer's: all below this number were acknowledged; none from that on was begun. */
	_Atomic uint64_t acknowledged, begun;
	/* A consumer's: all below this were released; none from that on was begun to be. */
	_Atomic uint64_t released, releasing;
	_Atomic uint32_t started;
	bool both_die; /* so the consumer may be told of the producer's death, and goes on */
};

/* ---- The producer ---- */

static int send_next_batch(struct gyre_ring *ring, struct account *account, uint64_t number)
{
	static unsigned char payload[BATCH][SLOT];
	struct gyre_message batch[BATCH];

	for (uint64_t i = 0; i < BATCH; i++) {
		const size_t bytes = size_of(number + i);

		fill_message(payload[i], bytes, number + i);
		batch[i] = (struct gyre_message){
			.data = payload[i], .bytes = bytes, .tag = (uint32_t)(number + i)};
	}
	atomic_store(&account->begun, number + BATCH);
	return gyre_ring_send_batch(ring, batch, BATCH, GYRE_FOREVER);
}

static int send_next(
	struct gyre_ring *ring, struct account *account, uint64_t number, uint64_t *state)
{
	const size_t bytes = size_of(number);
	void *data;
	int outcome;

	switch (next_random(state) % 4) {
	case 0:
		return send_next_batch(ring, account, number);
	case 1: /* reserves more than it needs */
		outcome = gyre_ring_reserve(ring, SLOT, GYRE_FOREVER, &data);
		if (outcome != GYRE_OK)
			return outcome;
		memset(data, 0xcc, SLOT);
		fill_message(data, bytes, number);
		atomic_store(&account->begun, number + 1);
		outcome = gyre_ring_commit(ring, bytes, (uint32_t)number);
		return outcome == GYRE_OK ? 1 : outcome;
	case 2: /* changes its mind */
		outcome = gyre_ring_reserve(ring, SLOT, GYRE_FOREVER, &data);
		if (outcome == GYRE_OK)
			outcome = gyre_ring_discard(ring);
		return outcome;
	default:
		atomic_store(&account->begun, number + 1);
		outcome = send_number(ring, number, bytes, GYRE_FOREVER);
		return outcome == GYRE_OK ? 1 : outcome;
	}
}

static const char *produce(void *context)
{
	struct account *const account = context;
	struct gyre_ring *ring = NULL;
	struct gyre_error error = {0};
	uint64_t number = atomic_load(&account->acknowledged), state = account->seed;

	if (gyre_ring_attach(account->key, GYRE_PRODUCER, NULL, &ring, &error) != GYRE_OK)
		return complain("attach: %s", error.what);
	raise_flag(&account->started);
	for (;;) {
		const int outcome = send_next(ring, account, number, &state);

		if (outcome < 0)
			return complain("message %u: %s", (unsigned)number, gyre_errname(outcome));
		number += (uint64_t)outcome;
		atomic_store(&account->acknowledged, number);
	}
}

/* ---- The consumer ---- */

static const char *judge(const struct gyre_message *message, uint64_t number)
{
	if (message->tag == (uint32_t)number && message->bytes == size_of(number) &&
		is_message_of(message->data, message->bytes, number))
		return NULL;
	return complain("message %u of %zu bytes where %u was to come", message->tag,
		message->bytes, (unsigned)number);
}

static bool is_to_be_told(const struct account *account, int64_t outcome)
{
	return outcome == GYRE_EDIED && account->both_die;
}

/* The first message says where the predecessor stopped. */
static const char *find_start(struct gyre_ring *ring, struct account *account)
{
	const uint64_t released = atomic_load(&account->released);
	const uint64_t releasing = atomic_load(&account->releasing);
	struct gyre_message message;
	int outcome;

	do
		outcome = gyre_ring_peek(ring, GYRE_FOREVER, &message);
	while (is_to_be_told(account, outcome));
	if (outcome != GYRE_OK)
		return complain("peek: %s", gyre_errname(outcome));
	if (message.tag < released || message.tag > releasing)
		return complain("begins at %u: %u were released, %u perhaps", message.tag,
			(unsigned)released, (unsigned)releasing);
	atomic_store(&account->released, message.tag);
	atomic_store(&account->releasing, message.tag + 1);
	if (judge(&message, message.tag) != NULL)
		return judge(&message, message.tag);
	if (gyre_ring_release(ring, &message) != GYRE_OK)
		return "cannot release";
	atomic_store(&account->released, message.tag + 1);
	return NULL;
}

static const char *take_some(struct gyre_ring *ring, struct account *account, uint64_t *state)
{
	const uint64_t number = atomic_load(&account->released);
	const unsigned count = 1 + (unsigned)(next_random(state) % BATCH);
	struct gyre_message held[BATCH];
	int64_t outcome;
	int found;

	if (next_random(state) % 2 == 0) {
		const uint64_t bytes = size_of(number);

		atomic_store(&account->releasing, number + 1);
		outcome = receive_number(ring, number, GYRE_FOREVER);
		if (is_to_be_told(account, outcome))
			return NULL;
		if (outcome != (int64_t)bytes)
			return complain("message %u: %s", (unsigned)number,
				outcome < 0 ? gyre_errname((int)outcome) : "not whole");
		atomic_store(&account->released, number + 1);
		return NULL;
	}
	found = gyre_ring_peek_batch(ring, GYRE_FOREVER, held, count);
	if (is_to_be_told(account, found))
		return NULL;
	if (found < 1)
		return complain("peek: %s", gyre_errname(found));
	for (uint64_t i = 0; i < (uint64_t)found; i++)
		if (judge(&held[i], number + i) != NULL)
			return judge(&held[i], number + i);
	atomic_store(&account->releasing, number + (uint64_t)found);
	if (gyre_ring_release_batch(ring, (unsigned)found) != GYRE_OK)
		return "cannot release";
	atomic_store(&account->released, number + (uint64_t)found);
	return NULL;
}

static const char *consume(void *context)
{
	struct account *const account = context;
	struct gyre_ring *ring = NULL;
	struct gyre_error error = {0};
	uint64_t state = account->seed;
	const char *complaint;

	if (gyre_ring_attach(account->key, GYRE_CONSUMER, NULL, &ring, &error) != GYRE_OK)
		return complain("attach: %s", error.what);
	raise_flag(&account->started);
	complaint = find_start(ring, account);
	while (complaint == NULL)
		complaint = take_some(ring, account, &state);
	return complaint;
}

/* ---- Killing ---- */

/* Some time that has nothing to do with what the victim does. */
static void let_it_run(uint64_t *state)
{
	const uint64_t until = now_ns() + next_random(state) % 300000;

	while (now_ns() < until)
		sched_yield();
}

/* It must have lived until now. */
static void kill_in_mid_life(struct child *child)
{
	int status = 0;

	cr_assert(eq(int, kill(child->pid, SIGKILL), 0));
	cr_assert(eq(int, waitpid(child->pid, &status, 0), child->pid));
	cr_assert(eq(int, status, SIGKILL), "%s", child->complaint);
	cr_assert(eq(str, child->complaint, ""));
}

static struct account *account_of(const char *key)
{
	struct account *const account = shared_memory(sizeof *account);

	account->key = key;
	return account;
}

struct start {
	struct account *account;
	const struct child *child;
};

static bool has_started(void *context)
{
	const struct start *const start = context;

	return atomic_load(&start->account->started) != 0 || start->child->complaint[0] != '\0';
}

static void await_life(struct account *account, struct child *child)
{
	struct start start = {account, child};

	cr_assert(eventually(has_started, &start));
	cr_assert(eq(str, child->complaint, ""));
}

static struct child start_with(child_fn *body, struct account *account, uint64_t seed)
{
	struct child child;

	account->seed = seed;
	atomic_store(&account->started, 0);
	child = start_child(body, account);
	await_life(account, &child);
	return child;
}

/* Everything that is there, in order; until the death is told. */
static void drain_until_death(struct gyre_ring *consumer, uint64_t *received)
{
	for (;;) {
		const int64_t outcome = receive_number(consumer, *received, 1);

		if (outcome == GYRE_EDIED)
			return;
		cr_assert(eq(i64, outcome, (int64_t)size_of(*received)), "message %u",
			(unsigned)*received);
		++*received;
	}
}

Test(spsc_takeover, nothing_that_was_sent_is_lost_with_its_producer)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct account *const account = account_of(p.key);
		uint64_t received = 0, state = 99;
		struct seen seen;

		gyre_ring_detach(p.producer);
		p.producer = NULL;
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ELEFT));
		for (int round = 0; round < ROUNDS; round++) {
			struct child child = start_with(produce, account, next_random(&state));
			const uint64_t before_death = next_random(&state) % 200;

			for (uint64_t i = 0; i < before_death; i++, received++)
				cr_assert(
					eq(i64, receive_number(p.consumer, received, GYRE_FOREVER),
						(int64_t)size_of(received)));
			if (round % 2 == 0)
				let_it_run(&state);
			kill_in_mid_life(&child);
			drain_until_death(p.consumer, &received);
			cr_assert(ge(u64, received, atomic_load(&account->acknowledged)));
			cr_assert(le(u64, received, atomic_load(&account->begun)));
			atomic_store(&account->acknowledged, received);
			seen = look(p.key);
			cr_assert(eq(u64, seen.producer.counters.messages, received));
			cr_assert(eq(u64, seen.consumer.counters.messages, received));
			cr_assert(eq(u64, seen.info.messages, 0));
		}
		seen = look(p.key);
		cr_assert(eq(u64, seen.producer.counters.bytes, bytes_of(received)));
		cr_assert(eq(u64, seen.consumer.counters.bytes, bytes_of(received)));
		pair_close(&p);
	}
}

Test(spsc_takeover, nothing_that_a_dead_consumer_released_comes_again_and_all_else_does)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct account *const account = account_of(p.key);
		uint64_t sent = 0, state = 77;
		struct seen seen;

		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		for (int round = 0; round < ROUNDS; round++) {
			struct child child = start_with(consume, account, next_random(&state));
			const uint64_t until = sent + next_random(&state) % 200;

			while (sent < until) {
				const int outcome = send_number(
					p.producer, sent, size_of(sent), 20 * NS_PER_MS);

				if (outcome == GYRE_OK)
					sent++;
				else
					cr_assert(eq(int, outcome, GYRE_ETIMEDOUT));
				cr_assert(eq(chr, child.complaint[0], '\0'), "%s", child.complaint);
			}
			if (round % 2 == 0)
				let_it_run(&state);
			kill_in_mid_life(&child);
		}
		p.consumer = attach(p.key, GYRE_CONSUMER);
		seen = look(p.key);
		cr_assert(
			ge(u64, seen.consumer.counters.messages, atomic_load(&account->released)));
		cr_assert(
			le(u64, seen.consumer.counters.messages, atomic_load(&account->releasing)));
		cr_assert(eq(u64, seen.info.messages, sent - seen.consumer.counters.messages));
		cr_assert(eq(u64, seen.consumer.counters.bytes,
			bytes_of(seen.consumer.counters.messages)));
		for (uint64_t number = seen.consumer.counters.messages; number < sent; number++)
			cr_assert(eq(i64, receive_number(p.consumer, number, 0),
				(int64_t)size_of(number)));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_EAGAIN));
		cr_assert(eq(u64, look(p.key).consumer.counters.messages, sent));
		pair_close(&p);
	}
}

/* Where a new producer has to go on: at what was published so far. */
static uint64_t published(const char *key)
{
	const struct seen seen = look(key);

	return seen.consumer.counters.messages + seen.info.messages;
}

Test(spsc_takeover, a_ring_both_of_whose_sides_die_again_and_again_stays_whole)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct account *const account = account_of(p.key);
		uint64_t state = 55;

		account->both_die = true;
		pair_close(&p);
		make_ring(p.key, &(struct gyre_ring_options){.wake = v->wake,
					 .slot_bytes = v->slots ? SLOT : 0,
					 .capacity_bytes = CAPACITY});
		for (int round = 0; round < ROUNDS / 2; round++) {
			struct child producer = start_with(produce, account, next_random(&state));
			struct child consumer = start_with(consume, account, next_random(&state));
			uint64_t count;

			let_it_run(&state);
			kill_in_mid_life(round % 2 == 0 ? &producer : &consumer);
			if (round % 3 == 0)
				let_it_run(&state);
			kill_in_mid_life(round % 2 == 0 ? &consumer : &producer);
			count = published(p.key);
			cr_assert(ge(u64, count, atomic_load(&account->acknowledged)));
			cr_assert(le(u64, count, atomic_load(&account->begun)));
			atomic_store(&account->acknowledged, count);
		}
		cr_assert(eq(u64, look(p.key).info.participants, 0));
		cr_assert(eq(u32, look(p.key).producer.liveness, GYRE_LIFE_DEAD));
		cr_assert(eq(u32, look(p.key).consumer.liveness, GYRE_LIFE_DEAD));
		gyre_ring_unlink(p.key, NULL);
	}
}
