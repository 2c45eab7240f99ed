/*
 * What the ring kinds share: the handle, the table each kind fills, the message word, the ledger,
 * waiting. No system calls here: those are core's.
 */
#ifndef GYRE_RING_PRIVATE_H
#define GYRE_RING_PRIVATE_H

#define GYRE_NO_INLINE /* the library is what the inlined ways fall back to */

#include <stdbool.h>
#include <string.h>
#include "attachment.h"
#include "gyre_inspect.h"
#include "gyre_ring.h"
#include "wakeup.h"

#define gyre_likely(x) gyre_likely_(x)
#define gyre_unlikely(x) gyre_unlikely_(x)

/* ---- The word in front of every message: see gyre_ring_inline.h ---- */
enum gyre_word_type {
	GYRE_WORD_NONE = 0,
	GYRE_WORD_MESSAGE = GYRE_WORD_MESSAGE_,
	GYRE_WORD_PAD = 2, /* variable size: skip to the start of the data area */
	GYRE_WORD_CLOSE = 3,
};
#define GYRE_WORD_LENGTH_MAX ((1u << 28) - 1)

static inline enum gyre_word_type gyre_word_type(uint64_t word)
{
	return (enum gyre_word_type)(word & 7);
}

static inline uint32_t gyre_word_tag(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

/* ---- The handle ---- */

struct gyre_producer_ops;
struct gyre_consumer_ops;
struct gyre_ring_shape;

/* What an mpmc handle keeps to itself. See ring/mpmc.h. */
struct gyre_mpmc {
	/* The ring, as its checked header says. */
	struct gyre_entry *entries;
	struct gyre_entry_more *more;
	uint8_t *data;
	struct gyre_shared_page *shared;
	_Atomic uint64_t *tail, *head; /* hints */
	uint64_t cells;
	unsigned cells_shift, cell_shift;
	uint32_t align;
	uint32_t deliveries_max;
	bool one_producer, one_consumer;
	uint32_t me; /* the owner in words */

	/* The reservation, or the record whose messages are being handed out. */
	uint64_t position;
	uint64_t word;
	uint64_t info;
	uint64_t offset;   /* in the record: behind the message handed out last */
	uint64_t released; /* of a batch: as its entry says */
	unsigned index;    /* of the next message in the record */
	unsigned pending;  /* messages not handed out yet */
	uint32_t again;    /* deliveries before this one */

	/* Producer. */
	uint64_t reclaimed; /* as last seen; one producer: what its room is judged by */
	bool waits;         /* in a call that may sleep */
	uint64_t woken_at;  /* `reclaimed` when it was last woken in vain */

	/* Consumer: see "Take" in docs/mpmc.md. */
	uint64_t redo_seen;
	uint64_t cursor, until; /* while own: it walks by its own cursor, up to there */
	bool own;
	bool step_over;
	uint64_t held_from;     /* no message that is held lies before it */
	uint32_t held;          /* records in hand */
	uint32_t messages_held; /* handed out by peek, and not released */

	struct gyre_books_copy {
		uint64_t messages, bytes, discarded;
		unsigned copy;
	} books;

	/* Whom it waits for: 0 nobody in particular. */
	uint32_t in_the_way;
	uint64_t in_the_way_at;
	uint32_t found_in_the_way; /* times in a row */
	uint64_t departures_seen;
};

struct gyre_ring {
	struct gyre_ring_hot_ hot; /* first: the inlined ways know it */

	/* By kind; the side that this handle is not refuses, after fork() both do. */
	const struct gyre_producer_ops *producer;
	const struct gyre_consumer_ops *consumer;
	uint64_t kept_free;      /* of the capacity: room for the end */
	uint64_t need;           /* producer: what it waits for */
	uint64_t reserved_bytes; /* producer: of the open reservation */
	uint64_t reserved_limit; /* hot.limit, while it is open */
	uint64_t aborted;
	uint32_t options_flags; /* enum gyre_ring_flags, as attached */
	uint64_t shown;         /* consumer: the head as the producer was told */
	uint64_t flushed;       /* producer: the position of the later ledger */
	unsigned ledger_index;  /* producer: the one to be written next */
	bool fence;             /* publications need a fence before the look for sleepers */
	bool open;              /* producer: a reservation */
	bool closed;            /* the close record was written, or seen */
	bool no_spin;           /* blocking calls sleep at once */
	uint32_t spin;          /* polls before sleeping; adapts */
	uint64_t slip_position, slip_ns; /* when it found nothing the last time */
	uint64_t largest_span;           /* records, consumer: found since then */
	uint64_t told_generation;     /* consumer: of the producer whose departure was reported */
	struct gyre_wake_word *sleep; /* this side sleeps here */
	struct gyre_wake_word *wake;  /* the other side sleeps here */
	struct gyre_seat *seat;
	_Atomic uint64_t *head_shown;
	struct gyre_mpmc mpmc;
	struct gyre_attachment attachment;
	char key_text[4096 + 1024];
};

/* What a kind does. timeout_ns and outcomes as in gyre_ring.h. */
struct gyre_producer_ops {
	int (*reserve)(struct gyre_ring *, size_t bytes_max, int64_t timeout_ns, void **ret_data);
	int (*commit)(struct gyre_ring *, size_t bytes_used, uint32_t tag);
	int (*discard)(struct gyre_ring *);
	int (*send)(
		struct gyre_ring *, const void *, size_t bytes, uint32_t tag, int64_t timeout_ns);
	int (*send_batch)(struct gyre_ring *, const struct gyre_message *, unsigned count,
		int64_t timeout_ns);
	int (*close)(struct gyre_ring *);
};

struct gyre_consumer_ops {
	int (*peek)(struct gyre_ring *, int64_t timeout_ns, struct gyre_message *, unsigned count);
	int (*release)(struct gyre_ring *, const struct gyre_message *expected, unsigned count);
	int64_t (*receive)(struct gyre_ring *, void *, size_t, int64_t timeout_ns,
		struct gyre_message *ret_message);
	int (*receive_batch)(struct gyre_ring *, void *, size_t, int64_t timeout_ns,
		struct gyre_message *, unsigned count);
};

/* Records in the hands of a seat's holder. */
struct gyre_hold {
	uint32_t records;
	uint64_t oldest_position;
	uint64_t blocks_since_ns; /* 0: none of them is in anybody's way */
};

/* One kind of ring in one shape. */
struct gyre_ring_shape {
	const struct gyre_producer_ops *producer;
	const struct gyre_consumer_ops *consumer;
	void (*resume)(struct gyre_ring *); /* set positions from the segment after attach */
	gyre_settle_fn *settle;
	/* For inspection: messages, used_bytes, closed; what a seat's holders did; whether the end
	 * was reached. */
	void (*measure)(const struct gyre_view *, struct gyre_ring_info *ret_info);
	void (*count)(
		const struct gyre_view *, unsigned number, struct gyre_counters *ret_counters);
	bool (*is_ended)(const struct gyre_view *);
	/* One for each seat, zero at first: what its holder has in hand. */
	void (*holds)(const struct gyre_view *, struct gyre_hold *ret_holds);
	/* For waiting. GYRE_ELEFT, GYRE_EDIED: no producer is left, and that was not told yet. */
	int (*gone)(struct gyre_ring *, uint64_t *ret_generation);
	void (*ask)(struct gyre_ring *); /* whether those it waits for live; repairs the dead */
	bool (*is_stuck)(const struct gyre_ring *); /* behind somebody's unfinished business */
	/* The seat, plus one, that the last call without success waited for; 0: none of them. */
	unsigned (*waits_for)(const struct gyre_ring *);
	void (*hand_on)(
		struct gyre_ring *, bool got); /* a woken one got what it waited for, or not */
	/* For leaving: before and after the seat is left. */
	void (*give_back)(struct gyre_ring *);
	void (*left)(struct gyre_ring *);
	/* Somebody without a handle repaired one: tell those who sleep. */
	void (*tell)(const struct gyre_view *);
};

extern const struct gyre_producer_ops gyre_records_producer, gyre_slots_producer;
extern const struct gyre_consumer_ops gyre_records_consumer, gyre_slots_consumer;
extern const struct gyre_producer_ops gyre_mpmc_producer;
extern const struct gyre_consumer_ops gyre_mpmc_consumer;
/* All they answer is GYRE_EROLE, or GYRE_ESTALE in a forked child. */
extern const struct gyre_producer_ops gyre_no_producer;
extern const struct gyre_consumer_ops gyre_no_consumer;

extern const struct gyre_ring_shape gyre_shape_records, gyre_shape_slots, gyre_shape_mpmc;

/* The kind of a checked header. */
const struct gyre_ring_shape *gyre_ring_shape_of(const struct gyre_header *header);

/* ---- Geometry (ring/geometry.c) ---- */

/* What create and attach demand alike of options: nothing in them that is not known here. */
int gyre_check_options(const struct gyre_ring_options *options, struct gyre_error *reterr);
/* Plan a header from options. */
int gyre_plan(const struct gyre_ring_options *options, struct gyre_header *ret_header,
	struct gyre_error *reterr);
/* The same kind and geometry, for a ring that is made anew. */
void gyre_plan_again(const struct gyre_header *old, struct gyre_header *ret_header);
/* What a kind demands of a header, beyond core's check. */
int gyre_check_geometry(const struct gyre_header *header, struct gyre_error *reterr);
/* Whether a ring fits what the options name (0 names nothing). */
int gyre_compare_geometry(const struct gyre_header *header, const struct gyre_ring_options *options,
	struct gyre_error *reterr);

/* What a header says of kind and geometry, as the tools are told it. */
void gyre_info_geometry(const struct gyre_header *header, struct gyre_ring_info *info);

/* ---- spsc: what records and slots share (ring/spsc.c) ---- */

#define GYRE_SPSC_PRODUCER_SEAT 0u
#define GYRE_SPSC_CONSUMER_SEAT 1u

/* Write the producer's ledger, unless nothing happened since. */
void gyre_ledger_flush(struct gyre_ring *r);

/* The consumer's exact progress. */
uint64_t gyre_consumer_position(const struct gyre_view *view);

/* After a publication: order it before the look for sleepers, look. GYRE_OK. */
static inline int gyre_published(struct gyre_ring *r)
{
	/* [SLEEP] Wake mode fence: this orders what the sleeper's membarrier does in the other. */
	if (r->fence)
		atomic_thread_fence(memory_order_seq_cst);
	return gyre_published_(&r->hot);
}

/* Wait until look() says yes (1) or ends it (negative). See ring/wait.c. */
/* Nothing to take, or no room: look away for a moment if it is the middle of a fast stream.
 * position counts what this side moved in all, per_message how far one message goes at most. */
void gyre_slip(struct gyre_ring *r, uint64_t position, uint64_t per_message);
void gyre_wait_start(struct gyre_ring *r);
int gyre_wait(struct gyre_ring *r, int (*look)(struct gyre_ring *), int64_t timeout_ns);

/* Consumer: show the head. */
int gyre_show_head(struct gyre_ring *r);

/* A reservation that no word in the ring names was opened, or given up: accounted for if its owner
 * dies. */
void gyre_reservation_open(struct gyre_ring *r, uint64_t position);
void gyre_reservation_close(struct gyre_ring *r); /* committed */
void gyre_reservation_drop(struct gyre_ring *r);
void gyre_reservation_settle(struct gyre_seat *seat, uint64_t tail); /* idempotent */
bool gyre_reservation_is_open(const struct gyre_seat *seat, uint64_t tail);
uint64_t gyre_aborted(const struct gyre_seat *seat);

/* Consumer: the end was reached and nothing is held. */
void gyre_mark_ended(struct gyre_ring *r);

/* Whether the end of a ring was reached, and nothing waits before it. */
static inline bool gyre_is_ended(const struct gyre_view *view)
{
	return gyre_ring_shape_of(&view->header)->is_ended(view);
}

static inline bool gyre_is_consumer(const struct gyre_ring *r)
{
	return r->attachment.number >= r->attachment.view.header.producers_max;
}

#endif
