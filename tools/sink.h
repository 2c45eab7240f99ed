/* Where sub's bytes go: gathered into large writes, given back to the ring once written. */
#ifndef GYRE_TOOLS_SINK_H
#define GYRE_TOOLS_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "gyre_ring.h"
#include "progress.h"

struct sink {
	int output; /* -1: nowhere, messages are only counted */
	const char *output_name;
	bool raw; /* adds no newline to any message */
	struct gyre_ring *ring;
	const char *key;
	char *buffer;
	size_t used;
	unsigned held; /* messages whose bytes may not have been written yet */
	uint64_t held_bytes;
	struct progress progress;
};

/* All return an exit status; what was not STATUS_OK has been said. */
int sink_open(struct sink *sink, const char *file, bool quiet);
int sink_take(struct sink *sink, const struct gyre_message *messages, unsigned count);
int sink_flush(struct sink *sink); /* writes, then releases all that is held */
int sink_close(struct sink *sink, int status);

#endif
