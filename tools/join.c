/*
 * A process that was killed holds its seat until the kernel has torn it down, which may take longer
 * than a shell takes to start its successor; the same goes for one that is leaving.
 */
#include <time.h>
#include "join.h"
#include "numbers.h"
#include "stop.h"

#define PATIENCE_NS 500000000u
#define FIRST_PAUSE_NS 500000

void join_pause(int64_t ns)
{
	const struct timespec time = {ns / 1000000000, ns % 1000000000};

	nanosleep(&time, NULL);
}

int join_ring(const char *key, enum gyre_role role, const struct gyre_ring_options *options,
	struct gyre_ring **ret_ring, struct gyre_error *reterr)
{
	const uint64_t end = clock_now_ns() + PATIENCE_NS;
	int64_t pause = FIRST_PAUSE_NS;
	int result;

	for (;;) {
		result = gyre_ring_attach(key, role, options, ret_ring, reterr);
		if (result != GYRE_EBUSY || stop_asked() != 0 || clock_now_ns() > end)
			return result;
		join_pause(pause);
		pause = pause < 20000000 ? 2 * pause : pause;
	}
}
