/* How pub leaves a ring that it has sent all to. */
#ifndef GYRE_TOOLS_LEAVE_H
#define GYRE_TOOLS_LEAVE_H

#include "gyre_ring.h"

/* Detach; of several producers the last one closes. What goes wrong is said. */
void leave_last_closes(
	const char *key, struct gyre_ring *ring, const struct gyre_ring_options *options);

#endif
