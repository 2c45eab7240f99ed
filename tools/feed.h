/* The sending end of a transfer: waits for room within bounds, counts, and says what is wrong. */
#ifndef GYRE_TOOLS_FEED_H
#define GYRE_TOOLS_FEED_H

#include <stdbool.h>
#include <stdint.h>
#include "gyre_ring.h"
#include "progress.h"

struct feed {
	struct gyre_ring *ring;
	const char *key;
	int64_t wait_ns; /* bound for room, or GYRE_FOREVER */
	uint32_t tag;
	bool quiet;
	bool shared; /* with other consumers in mind: a batch goes to one of them */
	struct progress progress;
	uint64_t blocked_since_ns, stopped_since_ns; /* 0: not */
	bool told_full;
};

/* Both return an exit status: STATUS_OK, or why the transfer ends, which has been said. */
int feed_send(struct feed *feed, const struct gyre_message *messages, unsigned count);
int feed_reserve(struct feed *feed, size_t bytes, void **ret_data);
int feed_commit(struct feed *feed, size_t bytes, uint32_t tag);

/* A message of so many bytes does not fit: says what would. Returns the exit status. */
int feed_too_long(const struct feed *feed, const char *what, uint64_t bytes);

/* The two ways input becomes messages; both read to its end or until a signal. The second one is
 * for pieces of at least so many bytes. */
#define FEED_IN_PLACE_BYTES ((size_t)16384)
int feed_divided(struct feed *feed, int input, size_t piece_bytes); /* 0: lines */
int feed_in_place(struct feed *feed, int input, size_t piece_bytes);

#endif
