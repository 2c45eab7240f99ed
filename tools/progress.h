/* A rate on the terminal for transfers that take longer than a moment. */
#ifndef GYRE_TOOLS_PROGRESS_H
#define GYRE_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool shown;
	uint64_t bytes_total; /* 0: not known */
	uint64_t messages, bytes;
	uint64_t start_ns, next_ns;
	uint64_t last_ns, last_messages, last_bytes;
};

void progress_start(struct progress *progress, bool shown, uint64_t bytes_total);

/* Counts, and refreshes the line a few times a second. */
void progress_add(struct progress *progress, uint64_t messages, uint64_t bytes);

/* Refreshes the line while nothing moves. */
void progress_idle(struct progress *progress);

void progress_end(struct progress *progress);

#define PROGRESS_SUMMARY_BYTES 160
/* "1000000 messages, 6.6M in 0.4 s (2.50M/s, 16.4M/s)" */
const char *progress_summary(const struct progress *progress, char *buffer);

#endif
