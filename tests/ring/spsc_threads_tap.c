/*
 * The exchange of two threads as a program of its own, reporting in TAP: what ThreadSanitizer is
 * run on. Its findings end the program, which fails the test.
 */
#include <stdio.h>
#include <unistd.h>
#include "exchange.h"

static int number;

static const char *run(const char *key, const struct gyre_ring_options *options,
	int64_t producer_timeout_ns, int64_t consumer_timeout_ns)
{
	struct gyre_ring *producer = NULL, *consumer = NULL;
	static struct gyre_error error;
	const char *complaint = error.what;

	if (gyre_ring_open(key, GYRE_PRODUCER, options, &producer, &error) == GYRE_OK &&
		gyre_ring_open(key, GYRE_CONSUMER, options, &consumer, &error) == GYRE_OK)
		complaint = exchange(producer, producer_timeout_ns, consumer, consumer_timeout_ns);
	gyre_ring_detach(producer);
	gyre_ring_detach(consumer); /* closed and drained: the name goes */
	gyre_ring_unlink(key, NULL);
	return complaint;
}

static int test(const struct gyre_ring_options *options, int64_t producer_timeout_ns,
	int64_t consumer_timeout_ns)
{
	const char *complaint;
	char key[64];

	snprintf(key, sizeof key, "gyretest-%d-threads", (int)getpid());
	complaint = run(key, options, producer_timeout_ns, consumer_timeout_ns);
	printf("%sok %d - %s, %s: timeouts %lld and %lld ns%s%s\n", complaint == NULL ? "" : "not ",
		++number, options->slot_bytes == 0 ? "records" : "slots",
		options->wake == GYRE_WAKE_FENCE ? "fence" : "membarrier",
		(long long)producer_timeout_ns, (long long)consumer_timeout_ns,
		complaint == NULL ? "" : " # ", complaint == NULL ? "" : complaint);
	fflush(stdout);
	return complaint == NULL ? 0 : 1;
}

int main(void)
{
	static const int64_t timeouts[][2] = {
		{GYRE_FOREVER, GYRE_FOREVER}, {20000, 20000}, {0, GYRE_FOREVER}, {GYRE_FOREVER, 0}};
	int failed = 0;

	printf("1..16\n");
	for (unsigned i = 0; i < 16; i++) {
		const struct gyre_ring_options options = {
			.capacity_bytes = 4096,
			.slot_bytes = i % 2 == 0 ? 0 : EXCHANGE_BYTES_MAX,
			.wake = i / 2 % 2 == 0 ? GYRE_WAKE_FENCE : GYRE_WAKE_MEMBARRIER,
		};

		failed += test(&options, timeouts[i / 4][0], timeouts[i / 4][1]);
	}
	return failed == 0 ? 0 : 1;
}
