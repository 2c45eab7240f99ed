/* The two sides of a stream: a sender that fills messages in place, a receiver that checks them. */
#ifndef DEMO_SIDE_H
#define DEMO_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <gyre_ring.h>
#include "tally.h"

/* No side waits longer than this for the other. */
#define PATIENCE_NS ((int64_t)10000000000)

struct sender {
	struct gyre_ring *ring;
	struct tally *tally;
	size_t offset; /* of what a message carries: at least sizeof(struct envelope) */
	unsigned char *message;
};

/* What is sent, and through what kind of ring. */
struct stream {
	const char *name; /* in the ring's name */
	struct gyre_ring_options ring;
	size_t offset;
	/* Sends all of it, the first `first` messages excepted; false: the tally says why not. */
	bool (*produce)(struct sender *sender, const void *source, uint64_t first);
	const void *source;
};

/* Room in shared memory for so many bytes; NULL: the tally says why not. */
void *sender_room(struct sender *sender, size_t bytes_max);
bool sender_commit(struct sender *sender, size_t bytes, uint32_t tag);

/* Each is a process's whole work; its result is the exit status. */
int produce(const char *key, const struct stream *stream, struct tally *tally);
int consume(const char *key, const struct stream *stream, struct tally *tally);

#endif
