/*
 * What the ring kinds share: the handle, the table each kind fills, the message word, the ledger,
 * waiting. No system calls here: those are core's.
 */
#ifndef GYRE_RING_PRIVATE_H
#define GYRE_RING_PRIVATE_H

#include <stdbool.h>
#include <string.h>
#include "attachment.h"
#include "gyre_inspect.h"
#include "gyre_ring.h"
#include "wakeup.h"

#define gyre_likely(x) __builtin_expect(!!(x), 1)
#define gyre_unlikely(x) __builtin_expect(!!(x), 0)

/* ---- The 8-byte word in front of every message; 0 means nothing is here yet ----
 *
 *	bits 0-2   type
 *	bit  3     phase: fixed slots flip it every lap; variable size leaves it 0
 *	bits 4-31  length in bytes
 *	bits 32-63 the user's tag
 */
enum gyre_word_type {
	GYRE_WORD_NONE = 0,
	GYRE_WORD_MESSAGE = 1,
	GYRE_WORD_PAD = 2, /* variable size: skip to the start of the data area */
	GYRE_WORD_CLOSE = 3,
};
#define GYRE_WORD_BYTES 8u
#define GYRE_WORD_LENGTH_MAX ((1u << 28) - 1)

static inline uint64_t gyre_word(enum gyre_word_type type, uint32_t phase, size_t bytes, uint32_t tag)
{
	return (uint64_t)tag << 32 | (uint32_t)bytes << 4 | phase << 3 | (uint32_t)type;
}

static inline enum gyre_word_type gyre_word_type(uint64_t word)
{
	return (enum gyre_word_type)(word & 7);
}

static inline uint32_t gyre_word_phase(uint64_t word)
{
	return (uint32_t)word >> 3 & 1;
}

static inline uint32_t gyre_word_length(uint64_t word)
{
	return (uint32_t)word >> 4;
}

static inline uint32_t gyre_word_tag(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

/* ---- The handle ---- */

struct gyre_producer_ops;
struct gyre_consumer_ops;
struct gyre_ring_shape;

struct gyre_ring {
	/* By kind; the side that this handle is not refuses, after fork() both do. */
	const struct gyre_producer_ops *producer;
	const struct gyre_consumer_ops *consumer;
	uint8_t *data;                   /* of position 0 */
	uint64_t mask;      /* of an index: in bytes (variable size) or slots (fixed) */
	uint64_t capacity;  /* in the unit of positions */
	uint64_t kept_free; /* of it: room for the end */
	uint64_t prefetch_ahead;
	uint64_t position;  /* producer: tail; consumer: head, all before it is released */
	uint64_t limit;     /* producer: may write up to here */
	uint64_t next;      /* consumer: the first one not yet peeked */
	uint64_t shown;     /* consumer: the head as the producer was told */
	uint64_t show_every;
	uint64_t need; /* producer: what it waits for */
	uint64_t reserved_limit; /* limit, while a reservation is open */
	uint64_t messages; /* of the ledger */
	uint64_t bytes;
	struct gyre_ledger *ledger; /* of the seat: the two */
	unsigned ledger_index;      /* the one to be written next */
	uint32_t align;             /* of payloads; records: of positions too */
	uint32_t stride;            /* slots */
	uint32_t message_bytes_max;
	bool fence;    /* publications need a fence before the look for sleepers */
	bool no_spin;
	bool open;     /* producer: a reservation */
	bool closed;   /* the close record was written, or seen */
	struct gyre_wake_word *wake; /* the other side sleeps here */
	uint64_t reserved_bytes;     /* of the open reservation */
	uint64_t aborted;

	/* Only when something is waited for. */
	struct gyre_wake_word *sleep; /* this side sleeps here */
	struct gyre_seat *seat;
	_Atomic uint64_t *head_shown;
	uint64_t ended_at;        /* consumer: the position of the end, once seen */
	uint32_t told_generation; /* consumer: of the producer whose departure was reported */
	uint32_t spin;            /* polls before sleeping; adapts */
	struct gyre_attachment attachment;
	char key_text[4096 + 1024];
};

/* What a kind does. timeout_ns and outcomes as in gyre_ring.h. */
struct gyre_producer_ops {
	int (*reserve)(struct gyre_ring *, size_t bytes_max, int64_t timeout_ns, void **ret_data);
	int (*commit)(struct gyre_ring *, size_t bytes_used, uint32_t tag);
	int (*discard)(struct gyre_ring *);
	int (*send)(struct gyre_ring *, const void *, size_t bytes, uint32_t tag, int64_t timeout_ns);
	int (*send_batch)(
		struct gyre_ring *, const struct gyre_message *, unsigned count, int64_t timeout_ns);
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

/* One kind of ring in one shape. */
struct gyre_ring_shape {
	const struct gyre_producer_ops *producer;
	const struct gyre_consumer_ops *consumer;
	void (*resume)(struct gyre_ring *); /* set positions from the segment after attach */
	gyre_settle_fn *settle;
	/* For inspection: messages, used_bytes, closed. */
	void (*measure)(const struct gyre_view *, struct gyre_ring_info *ret_info);
};

extern const struct gyre_producer_ops gyre_records_producer, gyre_slots_producer;
extern const struct gyre_consumer_ops gyre_records_consumer, gyre_slots_consumer;
/* All they answer is GYRE_EROLE, or GYRE_ESTALE in a forked child. */
extern const struct gyre_producer_ops gyre_no_producer;
extern const struct gyre_consumer_ops gyre_no_consumer;

extern const struct gyre_ring_shape gyre_shape_records, gyre_shape_slots;

/* The kind of a checked header. */
const struct gyre_ring_shape *gyre_ring_shape_of(const struct gyre_header *header);

/* ---- Geometry (ring/geometry.c) ---- */

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

/* ---- spsc: what records and slots share (ring/spsc.c) ---- */

#define GYRE_SPSC_PRODUCER_SEAT 0u
#define GYRE_SPSC_CONSUMER_SEAT 1u

/* The later of a seat's two ledgers. [LEDGER] */
struct gyre_ledger_copy {
	uint64_t position, messages, bytes;
	unsigned index;
};
struct gyre_ledger_copy gyre_ledger_read(const struct gyre_seat *seat);

/* Exact progress of a seat, as its peer may rely on it. */
uint64_t gyre_ledger_position(const struct gyre_seat *seat);

/* Take a ledger up into the handle. */
void gyre_ledger_resume(struct gyre_ring *r);

/* Write the next ledger: r->position, with so many messages and bytes more than before. Three
 * stores to a line that nobody else reads. Everything is loaded before the first store: what is
 * stored into the segment could, for all the compiler knows, change the handle. */
static inline void gyre_ledger_write(
	struct gyre_ring *r, uint64_t position, uint64_t messages_more, uint64_t bytes_more)
{
	const uint64_t messages = r->messages + messages_more;
	const uint64_t bytes = r->bytes + bytes_more;
	const unsigned index = r->ledger_index;
	struct gyre_ledger *const next = &r->ledger[index];

	r->position = position;
	r->messages = messages;
	r->bytes = bytes;
	r->ledger_index = index ^ 1;
	atomic_store_explicit(&next->messages, messages, memory_order_relaxed);
	atomic_store_explicit(&next->bytes, bytes, memory_order_relaxed);
	/* [LEDGER] release: pairs with the acquire in gyre_ledger_read(). The counts before it are
	 * whole; and on the consumer's side its last read of the room given back happens before
	 * the producer's next write there. */
	atomic_store_explicit(&next->position, position, memory_order_release);
}

/* System call slow path of gyre_published(), counted. Always GYRE_OK: fit for a tail call. */
int gyre_wake_peer(struct gyre_ring *r);

/* Wake a producer if it said that this much room is enough. GYRE_OK. */
int gyre_wake_if_room(struct gyre_ring *r);

/* After a publication: wake the other side if it may sleep. GYRE_OK. */
static inline int gyre_published(struct gyre_ring *r)
{
	/* [SLEEP] Either this fence or the sleeper's membarrier orders the publication before the
	 * look at the flag; the sleeper sets the flag before it looks at the ring again. */
	if (r->fence)
		atomic_thread_fence(memory_order_seq_cst);
	else
		atomic_signal_fence(memory_order_seq_cst);
	if (gyre_unlikely(gyre_somebody_sleeps(r->wake)))
		return gyre_wake_peer(r);
	return GYRE_OK;
}

/* Wait until look() says yes (1) or ends it (negative). See ring/wait.c. */
void gyre_wait_start(struct gyre_ring *r);
int gyre_wait(struct gyre_ring *r, int (*look)(struct gyre_ring *), int64_t timeout_ns);

/* A reservation was opened, or given up: accounted for if its owner dies. */
void gyre_reservation_open(struct gyre_ring *r);
void gyre_reservation_close(struct gyre_ring *r); /* committed */
void gyre_reservation_drop(struct gyre_ring *r);
/* The settled seat's reservation, if one was open at the death, counts as aborted. */
void gyre_reservation_settle(struct gyre_seat *seat);
uint64_t gyre_aborted(const struct gyre_seat *seat);

/* Consumer: the end was reached and nothing is held. */
void gyre_mark_ended(struct gyre_ring *r);

/* Whether the closing record of a ring was taken. */
bool gyre_is_ended(const struct gyre_view *view);

/* Head as the producer may use it: the one shown lazily, or, exact, the consumer's ledger. False
 * if it is impossible. */
bool gyre_refresh_limit(struct gyre_ring *r, bool exact);

/* Consumer: show the head, when it is time or the ring was found empty. */
static inline int gyre_show_head(struct gyre_ring *r)
{
	r->shown = r->position;
	/* [HEAD] release: pairs with the acquire in gyre_refresh_limit(). */
	atomic_store_explicit(r->head_shown, r->position, memory_order_release);
	return gyre_published(r);
}

/* Release everything before position: the exact progress, and every quarter of the ring the shown
 * head. GYRE_OK. */
static inline int gyre_progress(
	struct gyre_ring *r, uint64_t position, uint64_t messages, uint64_t bytes)
{
	const struct gyre_wake_word *const wake = r->wake;
	const bool show = position - r->shown >= r->show_every;

	gyre_ledger_write(r, position, messages, bytes);
	if (gyre_unlikely(show))
		return gyre_show_head(r);
	if (gyre_unlikely(gyre_somebody_sleeps(wake)))
		return gyre_wake_if_room(r);
	return GYRE_OK;
}

/* ---- Copying ---- */

/* Ask for ownership of a line that will be written soon: the one thing that makes a stream fast,
 * since stores commit in order and one missing line holds up all that follow. */
static inline void gyre_prefetch_write(const void *address)
{
#if defined(__x86_64__) || defined(__i386__)
	/* gcc has no builtin for it that works without -mprfchw. */
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
	__builtin_prefetch(address, 1, 3);
#endif
}

#define GYRE_PREFETCH_AHEAD 1024u

typedef uint64_t __attribute__((may_alias, aligned(1))) gyre_u64_any;
typedef uint32_t __attribute__((may_alias, aligned(1))) gyre_u32_any;

#define GYRE_SMALL 64u

/* Up to GYRE_SMALL bytes in words of eight: a wider load would stall on what the caller stored just
 * before in narrower ones (store forwarding). Reads and writes exactly bytes. */
static inline void gyre_copy_small(uint8_t *to, const uint8_t *from, size_t bytes)
{
	if (gyre_likely(bytes >= 8)) {
		size_t done = 0;

		do {
			uint64_t word = *(const gyre_u64_any *)(from + done);

			__asm__("" : "+r"(word)); /* keep gcc from making wider loads of it */
			*(gyre_u64_any *)(to + done) = word;
			done += 8;
		} while (done + 8 <= bytes);
		if (done < bytes) {
			const uint64_t word = *(const gyre_u64_any *)(from + bytes - 8);

			*(gyre_u64_any *)(to + bytes - 8) = word;
		}
	} else if (bytes >= 4) {
		const uint32_t first = *(const gyre_u32_any *)from;
		const uint32_t last = *(const gyre_u32_any *)(from + bytes - 4);

		*(gyre_u32_any *)to = first;
		*(gyre_u32_any *)(to + bytes - 4) = last;
	} else {
		for (size_t i = 0; i < bytes; i++)
			to[i] = from[i];
	}
}

static inline void gyre_copy(uint8_t *to, const uint8_t *from, size_t bytes)
{
	if (bytes <= GYRE_SMALL)
		gyre_copy_small(to, from, bytes);
	else
		memcpy(to, from, bytes);
}

#endif
