/* The ring that pub sends to: found, or made where there is none. */
#ifndef GYRE_TOOLS_OPEN_H
#define GYRE_TOOLS_OPEN_H

#include <stdbool.h>
#include <stdint.h>
#include "gyre_ring.h"

/* Attach as producer. Where the stream before was closed and its consumer is still at it, waits for
 * at most wait_ns (or GYRE_FOREVER). Returns an exit status; what was not STATUS_OK has been
 * said. */
int open_ring(const char *key, const struct gyre_ring_options *options, int64_t wait_ns,
	struct gyre_ring **ret_ring, bool *ret_made);

#endif
