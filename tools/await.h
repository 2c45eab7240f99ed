/* Waiting for a ring that is not there yet. */
#ifndef GYRE_TOOLS_AWAIT_H
#define GYRE_TOOLS_AWAIT_H

#include <stdint.h>
#include "gyre_ring.h"

/* Attach as consumer as soon as there is a ring, for at most wait_ns (or GYRE_FOREVER). Returns an
 * exit status; what was not STATUS_OK has been said. */
int await_ring(const char *key, const struct gyre_ring_options *options, int64_t wait_ns,
	struct gyre_ring **ret_ring);

#endif
