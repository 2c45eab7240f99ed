/*
 * Two threads, each with a handle of its own: the two sides really at the same time.
 */
#include <pthread.h>
#include "exchange.h"
#include "rings.h"

TestSuite(spsc_threads, .timeout = 240, .init = rings_open, .fini = rings_close);

enum { CAPACITY = 4096 };

static void expect_exchange(
	const struct variant *v, int64_t producer_timeout_ns, int64_t consumer_timeout_ns)
{
	struct pair p = pair_of(v, CAPACITY, EXCHANGE_BYTES_MAX);
	const char *const complaint =
		exchange(p.producer, producer_timeout_ns, p.consumer, consumer_timeout_ns);

	cr_assert(eq(ptr, (void *)complaint, NULL), "%s", complaint);
	pair_close(&p);
}

Test(spsc_threads, two_threads_that_block_exchange_all_messages)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next())
		expect_exchange(v, GYRE_FOREVER, GYRE_FOREVER);
}

Test(spsc_threads, two_threads_that_wait_for_a_moment_exchange_all_messages)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next())
		expect_exchange(v, 20000, 20000);
}

Test(spsc_threads, a_thread_that_blocks_and_one_that_polls_exchange_all_messages)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		expect_exchange(v, 0, GYRE_FOREVER);
		expect_exchange(v, GYRE_FOREVER, 0);
	}
}

/* ---- Threads that come and go ---- */

struct lodger {
	const char *key;
	enum gyre_role role;
	unsigned sat;
	int outcome;
};

static void *come_and_go(void *context)
{
	struct lodger *const lodger = context;

	for (int i = 0; i < 300; i++) {
		struct gyre_ring *ring = NULL;

		lodger->outcome = gyre_ring_attach(lodger->key, lodger->role, NULL, &ring, NULL);
		if (lodger->outcome == GYRE_OK)
			lodger->sat++;
		else if (lodger->outcome != GYRE_EBUSY)
			return NULL;
		if (ring != NULL && lodger->role == GYRE_PRODUCER)
			gyre_ring_send(ring, "x", 1, 0, 0);
		else if (ring != NULL)
			gyre_ring_receive(ring, &(char){0}, 1, 0, NULL);
		gyre_ring_detach(ring);
	}
	lodger->outcome = GYRE_OK;
	return NULL;
}

Test(spsc_threads, handles_are_attached_and_detached_by_many_threads_at_once)
{
	for (const struct variant *v = variant_first(); v != NULL; v = variant_next()) {
		struct gyre_ring_options options = options_of(v, CAPACITY, 8);
		pthread_t threads[4];
		struct lodger lodgers[4];
		char key[KEY_BYTES];
		struct seen seen;

		key_of(v, "house", key);
		make_ring(key, &options);
		for (int i = 0; i < 4; i++) {
			lodgers[i] = (struct lodger){
				key, i % 2 == 0 ? GYRE_PRODUCER : GYRE_CONSUMER, 0, 0};
			cr_assert(eq(int,
				pthread_create(&threads[i], NULL, come_and_go, &lodgers[i]), 0));
		}
		for (int i = 0; i < 4; i++)
			cr_assert(eq(int, pthread_join(threads[i], NULL), 0));
		for (int i = 0; i < 4; i++)
			cr_assert(eq(int, lodgers[i].outcome, GYRE_OK));
		seen = look(key);
		cr_assert(eq(u32, seen.info.participants, 0));
		cr_assert(eq(u32, seen.producer.generation, lodgers[0].sat + lodgers[2].sat));
		cr_assert(eq(u32, seen.consumer.generation, lodgers[1].sat + lodgers[3].sat));
		gyre_ring_unlink(key, NULL);
	}
}
