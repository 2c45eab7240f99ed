/* Becoming a participant: what pub and sub have in common. */
#ifndef GYRE_TOOLS_JOIN_H
#define GYRE_TOOLS_JOIN_H

#include <stdbool.h>
#include <stdint.h>
#include "gyre_ring.h"

/* Attach, with a moment's patience for a holder that is just leaving. 0 or a gyre_err. */
int join_ring(const char *key, enum gyre_role role, const struct gyre_ring_options *options,
	struct gyre_ring **ret_ring, struct gyre_error *reterr);

/* Sleeps, but not through a signal. */
void join_pause(int64_t ns);

#endif
