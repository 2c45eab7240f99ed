/*
 * Several at the same time, in threads and in processes: every message arrives once, and of those
 * of one producer no consumer sees a later one first.
 */
#include <pthread.h>
#include <string.h>
#include "mpmc_rings.h"

TestSuite(mpmc_order, .timeout = 120, .init = rings_open, .fini = rings_close);

enum {
	SIDE_MAX = 4,
	MESSAGES = 12000, /* of each producer */
	BYTES_MAX = 200,
	BATCH = 70, /* more than go into a record */
};

/* What all of a run share; children see it, too. */
struct run {
	const char *key;
	int64_t timeout_ns; /* of all calls */
	unsigned producers;
	_Atomic uint32_t seen[SIDE_MAX][MESSAGES];
};

struct side {
	struct run *run;
	unsigned number;
	const char *complaint;
};

static struct run *start_run(const char *key, unsigned producers, int64_t timeout_ns)
{
	struct run *const run = shared_memory(sizeof *run);

	run->key = key;
	run->timeout_ns = timeout_ns;
	run->producers = producers;
	return run;
}

/* A tag says who sent it, and as which of its messages. */
static uint32_t tag_of(unsigned producer, uint32_t number)
{
	return producer << 24 | number;
}

static size_t size_of(uint32_t tag)
{
	uint64_t state = tag;
	const uint64_t random = next_random(&state);

	return (random >> 8) % (random % 16 == 0 ? BYTES_MAX + 1 : 20);
}

/* ---- Producing ---- */

/* How many of the messages from `number` on went. */
static int send_from(
	struct gyre_ring *ring, const struct side *side, uint32_t number, uint64_t random)
{
	const uint32_t tag = tag_of(side->number, number);
	static _Thread_local unsigned char payload[BATCH][BYTES_MAX];
	struct gyre_message batch[BATCH];
	uint32_t count = 1 + (uint32_t)(random >> 8) % BATCH;
	void *data;
	int outcome;

	if (random % 3 == 0) {
		outcome = gyre_ring_reserve(ring, BYTES_MAX, side->run->timeout_ns, &data);
		if (outcome != GYRE_OK)
			return outcome;
		if (random % 9 == 0)
			return gyre_ring_discard(ring);
		fill_message(data, size_of(tag), tag);
		return gyre_ring_commit(ring, size_of(tag), tag) == GYRE_OK ? 1 : GYRE_ESTATE;
	}
	if (random % 3 == 1 || count > MESSAGES - number)
		count = 1;
	for (uint32_t i = 0; i < count; i++) {
		fill_message(payload[i], size_of(tag + i), tag + i);
		batch[i] = (struct gyre_message){
			.data = payload[i], .bytes = size_of(tag + i), .tag = tag + i};
	}
	return gyre_ring_send_batch(ring, batch, count, side->run->timeout_ns);
}

static bool is_passing(int outcome)
{
	return outcome == GYRE_EAGAIN || outcome == GYRE_ETIMEDOUT;
}

static const char *produce(const struct side *side)
{
	struct gyre_ring *ring = NULL;
	uint64_t state = side->number;
	uint32_t number = 0;

	if (gyre_ring_attach(side->run->key, GYRE_PRODUCER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach a producer";
	while (number < MESSAGES) {
		const int sent = send_from(ring, side, number, next_random(&state));

		if (sent < 0 && !is_passing(sent))
			return complain("send: %s", gyre_errname(sent));
		if (sent > 0)
			number += (uint32_t)sent;
	}
	gyre_ring_detach(ring);
	return NULL;
}

/* ---- Consuming ---- */

static const char *note(struct run *run, const struct gyre_message *m, uint32_t last[SIDE_MAX])
{
	const unsigned producer = m->tag >> 24;
	const uint32_t number = m->tag & 0xffffff;

	if (producer >= run->producers || number >= MESSAGES || m->bytes != size_of(m->tag) ||
		!is_message_of(m->data, m->bytes, m->tag))
		return "a damaged message";
	if (number + 1 <= last[producer])
		return complain(
			"of producer %u number %u after %u", producer, number, last[producer] - 1);
	if (m->flags != 0 || m->deliveries != 1)
		return "marked as if it came again";
	last[producer] = number + 1;
	return atomic_fetch_add(&run->seen[producer][number], 1) == 0 ? NULL : "a message twice";
}

static int take(struct gyre_ring *ring, const struct run *run, struct gyre_message *got,
	unsigned char *buffer, uint64_t random)
{
	const unsigned count = 1 + (unsigned)(random >> 8) % BATCH;
	int64_t bytes;

	switch (random % 3) {
	case 0:
		bytes = gyre_ring_receive(ring, buffer, BYTES_MAX, run->timeout_ns, got);
		return bytes < 0 ? (int)bytes : 1;
	case 1:
		return gyre_ring_receive_batch(
			ring, buffer, BATCH * BYTES_MAX, run->timeout_ns, got, count);
	default:
		return gyre_ring_peek_batch(ring, run->timeout_ns, got, count);
	}
}

static const char *consume(const struct side *side)
{
	static _Thread_local unsigned char buffer[BATCH * BYTES_MAX];
	uint32_t last[SIDE_MAX] = {0};
	struct gyre_message got[BATCH];
	struct gyre_ring *ring = NULL;
	uint64_t state = 100 + side->number;

	if (gyre_ring_attach(side->run->key, GYRE_CONSUMER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach a consumer";
	for (;;) {
		const uint64_t random = next_random(&state);
		const int found = take(ring, side->run, got, buffer, random);

		if (found == GYRE_ECLOSED)
			break;
		if (found < 0 && !is_passing(found) && found != GYRE_ELEFT)
			return complain("take: %s", gyre_errname(found));
		for (int i = 0; i < found; i++) {
			const char *const complaint = note(side->run, &got[i], last);

			if (complaint != NULL)
				return complaint;
		}
		for (int i = found; random % 3 == 2 && i-- > 0;)
			if (gyre_ring_release(ring, &got[i]) != GYRE_OK)
				return "cannot release";
	}
	gyre_ring_detach(ring);
	return NULL;
}

/* ---- All together ---- */

static void close_it(const char *key)
{
	struct gyre_ring *const ring = attach(key, GYRE_PRODUCER);

	cr_assert(eq(int, gyre_ring_close(ring), GYRE_OK));
	gyre_ring_detach(ring);
}

static void expect_each_once(const struct run *run)
{
	for (unsigned producer = 0; producer < run->producers; producer++)
		for (uint32_t number = 0; number < MESSAGES; number++)
			cr_assert(eq(u32, run->seen[producer][number], 1),
				"message %u of producer %u", number, producer);
}

static const char *produce_in_child(void *context)
{
	return produce(context);
}

static const char *consume_in_child(void *context)
{
	return consume(context);
}

static void *produce_in_thread(void *context)
{
	struct side *const side = context;

	side->complaint = produce(side);
	return NULL;
}

static void *consume_in_thread(void *context)
{
	struct side *const side = context;

	side->complaint = consume(side);
	return NULL;
}

static void run_processes(struct run *run, unsigned consumers)
{
	struct child producing[SIDE_MAX], consuming[SIDE_MAX];

	for (unsigned i = 0; i < consumers; i++)
		consuming[i] = start_child(consume_in_child, &(struct side){run, i, NULL});
	for (unsigned i = 0; i < run->producers; i++)
		producing[i] = start_child(produce_in_child, &(struct side){run, i, NULL});
	for (unsigned i = 0; i < run->producers; i++)
		expect_well(end_child(&producing[i]));
	close_it(run->key);
	for (unsigned i = 0; i < consumers; i++)
		expect_well(end_child(&consuming[i]));
}

static void join(pthread_t thread, const struct side *side)
{
	cr_assert(eq(int, pthread_join(thread, NULL), 0));
	cr_assert(eq(ptr, (void *)side->complaint, NULL), "%s", side->complaint);
}

static void run_threads(struct run *run, unsigned consumers)
{
	pthread_t producing[SIDE_MAX], consuming[SIDE_MAX];
	struct side producer[SIDE_MAX], consumer[SIDE_MAX];

	for (unsigned i = 0; i < consumers; i++) {
		consumer[i] = (struct side){run, i, NULL};
		pthread_create(&consuming[i], NULL, consume_in_thread, &consumer[i]);
	}
	for (unsigned i = 0; i < run->producers; i++) {
		producer[i] = (struct side){run, i, NULL};
		pthread_create(&producing[i], NULL, produce_in_thread, &producer[i]);
	}
	for (unsigned i = 0; i < run->producers; i++)
		join(producing[i], &producer[i]);
	close_it(run->key);
	for (unsigned i = 0; i < consumers; i++)
		join(consuming[i], &consumer[i]);
}

static void expect_order(const struct variant *v, void (*go)(struct run *, unsigned consumers),
	unsigned side_max, int64_t timeout_ns)
{
	const unsigned producers = v->producers_max == 1 ? 1 : side_max;
	const unsigned consumers = v->consumers_max == 1 ? 1 : side_max;
	const struct gyre_ring_options options = cells_of(v, MPMC_CELLS);
	char key[KEY_BYTES];
	struct run *run;

	key_of(v, "order", key);
	make_ring(key, &options);
	run = start_run(key, producers, timeout_ns);
	go(run, consumers);
	expect_each_once(run);
	gyre_ring_unlink(key, NULL);
}

Test(mpmc_order, processes_that_block_get_every_message_once_and_in_order)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next())
		expect_order(v, run_processes, 2, GYRE_FOREVER);
}

Test(mpmc_order, processes_that_wait_for_a_moment_get_every_message_once_and_in_order)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next())
		expect_order(v, run_processes, SIDE_MAX, 20000);
}

Test(mpmc_order, threads_that_block_get_every_message_once_and_in_order)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next())
		expect_order(v, run_threads, 3, GYRE_FOREVER);
}

Test(mpmc_order, threads_that_poll_get_every_message_once_and_in_order)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next())
		expect_order(v, run_threads, 2, 0);
}
