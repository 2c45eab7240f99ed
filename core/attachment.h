/*
 * A participant's hold on a ring segment: mapping, lock bytes, seat; from the first open to the
 * last unlink. Everything above it (ring/) works on bytes that are mapped and checked.
 *
 *	open the object -> share the name lock -> still named? -> check the header
 *	-> take a seat (repairing its last holder) -> registered
 */
#ifndef GYRE_ATTACHMENT_H
#define GYRE_ATTACHMENT_H

#include "seat.h"

struct gyre_attachment {
	struct gyre_view view;
	struct gyre_seat *seat;
	unsigned number; /* of the seat */
	struct gyre_key key;
	bool has_key;    /* false: attached by descriptor */
	bool membarrier; /* this process is registered: publishers need no fence */
	bool poisoned;   /* inherited over fork() */
	void (*poison)(struct gyre_attachment *attachment); /* called in a forked child */
	struct gyre_attachment *next;                       /* all of this process */
};

/* Which seats a role may take, by the kind of ring. */
typedef void gyre_seat_range_fn(
	const struct gyre_header *header, uint32_t role, unsigned *ret_first, unsigned *ret_end);

struct gyre_attach_request {
	const struct gyre_key *key; /* or NULL and */
	int fd;                     /* a descriptor of the object */
	uint32_t role;
	const char *name;
	const struct gyre_permissions *permissions;
	gyre_seat_range_fn *seat_range;
	gyre_settle_fn *settle;
	int (*check)(const struct gyre_header *header, struct gyre_error *reterr);
};

/* Attach. On failure nothing is left behind. attachment->poison is to be set before. */
int gyre_attach(const struct gyre_attach_request *request, struct gyre_attachment *attachment,
	struct gyre_error *reterr);

/* False once the application closed our descriptor (closefrom): its number may be another file's
 * now, so nothing may be locked, unlocked or asked through it. */
bool gyre_attachment_has_lock(const struct gyre_attachment *attachment);

/* Leave the seat: from here on a successor may take it. */
void gyre_leave(struct gyre_attachment *attachment);

/* Unmap. is_finished: asked, under the exclusive name lock, by the last to
 * leave, whether the name should go too. */
void gyre_detach(struct gyre_attachment *attachment, bool (*is_finished)(const struct gyre_view *));

/* Whether a handle of this process sits on that seat of that object. */
bool gyre_attached_here(const struct gyre_map *map, unsigned number);

/* Map a ring without becoming a participant. Shares no lock. */
int gyre_view_open(const struct gyre_key *key, enum gyre_access access,
	const struct gyre_permissions *permissions, struct gyre_view *ret_view,
	struct gyre_error *reterr);
void gyre_view_close(struct gyre_view *view);

/* Build a segment for a planned header and give it its name. GYRE_EEXIST: there is one.
 * ret_held: NULL, or what keeps others from removing it: a share of the name lock, held from before
 * it has its name until gyre_let_go(). */
int gyre_make(const struct gyre_key *key, const struct gyre_permissions *permissions,
	struct gyre_header *header, struct gyre_view *ret_held, struct gyre_error *reterr);

/* As a participant that leaves: the last one to do so unlinks what is finished. */
void gyre_let_go(const struct gyre_key *key, struct gyre_view *held,
	bool (*is_finished)(const struct gyre_view *));

/* Unlink under the exclusive name lock if nobody is attached and removable() agrees.
 * 1: removed, 0: not. */
int gyre_remove_if(const struct gyre_key *key, struct gyre_view *view,
	bool (*removable)(const struct gyre_view *), struct gyre_error *reterr);

/* Zeroed memory for a handle, aligned to GYRE_LINE. */
void *gyre_handle_alloc(size_t bytes);
void gyre_handle_free(void *handle);

#endif
