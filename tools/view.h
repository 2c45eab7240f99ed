/* A ring as the tools show it: the library's figures, the seats, and what follows from both. */
#ifndef GYRE_TOOLS_VIEW_H
#define GYRE_TOOLS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include "gyre_inspect.h"

struct ring_view {
	struct gyre_ring_info info;
	struct gyre_participant *participants;
	unsigned count;
};

/* 0, or a gyre_err with *reterr filled. To be given to view_free() on success. */
int view_take(struct ring_view *view, const char *key, struct gyre_error *reterr);

/* The same for a ring one is attached to, also when its name is gone. */
int view_attached(struct ring_view *view, const struct gyre_ring *ring, struct gyre_error *reterr);

void view_free(struct ring_view *view);

/* How many live participants have that role. */
unsigned view_alive(const struct ring_view *view, uint32_t role);

/* The last one of that role to have sat down, or NULL. */
const struct gyre_participant *view_last(const struct ring_view *view, uint32_t role);

/* Whether the name of a ring one is attached to is gone. */
bool view_is_orphaned(const struct gyre_ring *ring);

/* Whether others may produce, or consume, beside whoever has that handle. */
bool view_is_shared(const struct gyre_ring *ring);

/* Whoever has held somebody up the longest, and still does; NULL if nobody does. */
const struct gyre_participant *view_in_the_way(const struct ring_view *view);

/* "pid 4711 (gyre-sub), 3 messages in hand, in the way for 12 s" */
const char *view_hold(const struct gyre_participant *seat, char *buffer, size_t size);

/* Whether what stands there counts as nothing: the next who creates makes it anew. */
bool state_is_stale(uint32_t state);

/* Drained, but made to stay: not stale for being empty. */
bool ring_stays(const struct gyre_ring_info *info);

/* "live", "idle, producer died", "stale (closed and drained)" */
const char *view_state(const struct ring_view *view, char *buffer, size_t size);

/* What to type for this ring: "cam0" for "posix:/cam0". */
const char *short_key(const char *key);

/* All rings of this machine; their number, or a gyre_err. Free each, then the array. */
int view_all(struct ring_view **ret_views, unsigned *ret_hidden, struct gyre_error *reterr);

#endif
