/*
 * What lies in a ring segment: layout version 1, the C form of docs/layout.md.
 *
 * Little-endian, fixed widths, no pointers, the same for 32- and 64-bit programs. The page
 * numbers say who writes:
 *
 *	0x0000  identity and geometry     the creator, before the name exists; never again
 *	0x1000  wake words, shared words  everybody
 *	0x2000  producers' cursors        producers
 *	0x3000  consumers' cursors        consumers
 *	0x4000  producers' seats          the holder of each seat, or who repairs it
 *	...     consumers' seats          likewise
 *	...     side entries              (mpmc)
 *	...     data                      producers
 *
 * Each field that is written while others look is an _Atomic here; where its edges lead is in
 * docs/ordering.md.
 */
#ifndef GYRE_LAYOUT_H
#define GYRE_LAYOUT_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define GYRE_LAYOUT_VERSION 1u
#define GYRE_BYTE_ORDER 0x01020304u
#define GYRE_PAGE 4096u
#define GYRE_LINE 128u /* two lines: neighbouring ones are fetched in pairs */

/* Features without which a segment of this version cannot be used. None exist yet. */
#define GYRE_FEATURES_INCOMPATIBLE 0u

/* "gyre", then what a text-mode copy would damage. */
#define GYRE_MAGIC "gyre\r\n\x1a\n"

/* Flags in gyre_header.flags. */
#define GYRE_HEADER_KEEP 1u

struct gyre_header {
	uint8_t magic[8];
	uint32_t byte_order; /* GYRE_BYTE_ORDER as the creator stores it */
	uint32_t version;
	uint64_t features_incompatible; /* unknown bit: refuse */
	uint64_t features_compatible;   /* unknown bit: ignore */
	uint32_t header_bytes;          /* what the checksum covers, itself not included */
	uint32_t kind;                  /* enum gyre_ring_kind */
	uint64_t segment_bytes;
	uint64_t generation; /* random: another one for every segment ever made */
	uint64_t created_ns; /* CLOCK_MONOTONIC */
	uint8_t boot_id[16]; /* zero if it could not be told */
	uint32_t creator_pid;
	uint32_t creator_uid;
	uint64_t creator_start_ticks;
	uint64_t creator_pid_namespace;
	uint64_t capacity_bytes; /* of the data area, what positions run through */
	uint32_t slot_bytes;     /* largest payload of a fixed slot; 0: variable size */
	uint32_t slot_stride;    /* bytes from slot to slot; 0: variable size */
	uint32_t align_bytes;    /* of payloads */
	uint32_t wake;           /* enum gyre_wake: FENCE or MEMBARRIER */
	uint64_t data_offset;    /* of position 0, so that payloads come out aligned */
	uint32_t producers_max;  /* seats */
	uint32_t consumers_max;
	uint64_t producers_offset;
	uint64_t consumers_offset;
	uint64_t entries_offset; /* mpmc side entries; else 0 */
	uint32_t cell_bytes;     /* mpmc; else 0 */
	uint32_t delivery_limit; /* mpmc; else 0 */
	uint64_t flags;          /* GYRE_HEADER_* */
	uint64_t message_bytes_max;
	/* Room for what has a place but no use in this version; all 0. */
	uint64_t format_offset, format_bytes;       /* frames: format block */
	uint64_t histogram_offset, histogram_bytes; /* latency histograms */
	uint64_t readers_offset, readers_bytes;     /* broadcast: a word a reader */
	uint64_t payload_bytes, payload_id;         /* a second object for the payload */
	uint64_t reserved[31];
	uint64_t checksum; /* XXH3-64, seed 0, of the header_bytes bytes before it */
};

static_assert(offsetof(struct gyre_header, segment_bytes) == 0x28, "layout 1");
static_assert(offsetof(struct gyre_header, boot_id) == 0x40, "layout 1");
static_assert(offsetof(struct gyre_header, capacity_bytes) == 0x68, "layout 1");
static_assert(offsetof(struct gyre_header, data_offset) == 0x80, "layout 1");
static_assert(offsetof(struct gyre_header, flags) == 0xb0, "layout 1");
static_assert(offsetof(struct gyre_header, format_offset) == 0xc0, "layout 1");
static_assert(offsetof(struct gyre_header, checksum) == 0x1f8, "layout 1");
static_assert(sizeof(struct gyre_header) == 0x200, "layout 1");

/* An eventcount: see core/wakeup.c. wants is what the sleeper waits for, where it can say so. */
struct gyre_wake_word {
	alignas(GYRE_LINE) _Atomic uint32_t word; /* bit 0: somebody may sleep; the rest: epoch */
	uint32_t reserved;
	_Atomic uint64_t wants;
};

struct gyre_shared_page {
	alignas(GYRE_LINE) _Atomic uint64_t redo;      /* mpmc: a repair put something back */
	_Atomic uint64_t closed;                       /* mpmc: a hint, 1 once it was closed */
	alignas(GYRE_LINE) _Atomic uint64_t reclaimed; /* mpmc */
	struct gyre_wake_word consumers;               /* consumers sleep here: ring empty */
	struct gyre_wake_word producers;               /* producers sleep here: ring full */
	alignas(GYRE_LINE) _Atomic uint64_t
		departures; /* mpmc: of producers; a hint to count them */
};
static_assert(offsetof(struct gyre_shared_page, consumers) == 0x100, "layout 1");
static_assert(offsetof(struct gyre_shared_page, producers) == 0x180, "layout 1");
static_assert(offsetof(struct gyre_shared_page, departures) == 0x200, "layout 1");
static_assert(sizeof(struct gyre_shared_page) <= GYRE_PAGE, "layout 1");

/* The words of a side. Producers: cursor is the tail hint (mpmc). Consumers: cursor is the head,
 * shown lazily (spsc) or the head hint (mpmc); ended is 1 once a consumer took the closing record.
 */
struct gyre_cursor_page {
	alignas(GYRE_LINE) _Atomic uint64_t cursor;
	alignas(GYRE_LINE) _Atomic uint64_t ended;
};

/*
 * What one seat has done, over all its holders, as of position. Two of them alternate: the one
 * with the later position is whole, whatever instruction its writer died at, since position is
 * stored last. [LEDGER]
 */
struct gyre_ledger {
	_Atomic uint64_t position;
	_Atomic uint64_t messages;
	_Atomic uint64_t bytes;
};

/*
 * The books of an mpmc seat: two copies, of which `books_operation` says which one is right, and
 * when (docs/mpmc.md, Accounting). A producer's: committed; a consumer's: released.
 */
struct gyre_books {
	_Atomic uint64_t messages;
	_Atomic uint64_t bytes;
	_Atomic uint64_t discarded; /* reservations, by their producer */
};

/* What repairs of a seat did, over all its holders; written under its lock byte. */
struct gyre_repairs {
	_Atomic uint64_t aborted;     /* reservations of a dead producer */
	_Atomic uint64_t redelivered; /* messages given back, of a dead consumer */
	_Atomic uint64_t dropped;     /* messages, by policy or limit */
	_Atomic uint64_t dropped_bytes;
	_Atomic uint64_t released; /* messages of a dropped batch that had been released */
	_Atomic uint64_t released_bytes;
};

enum gyre_seat_state {
	GYRE_SEAT_UNUSED = 0,
	GYRE_SEAT_LIVE = 1, /* its holder holds the lock byte, or died */
	GYRE_SEAT_LEFT = 2, /* detached */
	GYRE_SEAT_DIED = 3, /* died, and was repaired */
};
#define GYRE_SEAT_STATE_BITS 2u

struct gyre_seat {
	/* Written by the holder when it sits down, by holder or repairer when it ends. */
	alignas(GYRE_LINE) _Atomic uint32_t state; /* generation << 2 | gyre_seat_state */
	_Atomic uint32_t pid;
	_Atomic uint64_t start_ticks;
	_Atomic uint64_t pid_namespace;
	_Atomic uint64_t attached_ns;
	_Atomic uint32_t role;
	_Atomic uint32_t repairer;        /* seat number + 1 of who repairs this one now */
	_Atomic uint32_t capabilities;    /* GYRE_CAN_* */
	_Atomic uint32_t asleep;          /* reserved: marks of semaphore sleepers */
	_Atomic uint64_t name[4];         /* bytes, NUL-padded */
	_Atomic uint64_t blocks_position; /* mpmc, by those who are stuck behind its message: */
	_Atomic uint64_t blocks_since_ns; /* when that was first noticed; CLOCK_MONOTONIC */
	_Atomic uint64_t departed_ns;     /* when its last holder left, or was found dead */
	uint64_t reserved[3];
	/* Written with every message; nobody else reads this line in normal running. */
	union {
		struct gyre_ledger ledger[2]; /* spsc */
		struct gyre_books books[2];   /* mpmc */
	};
	_Atomic uint64_t operation; /* aborted << 33 | low 32 bits of the position of an open
				       reservation << 1 | 1 if there is one (mpmc: one producer) */
	_Atomic uint64_t stalls;
	_Atomic uint64_t sleeps;
	_Atomic uint64_t wakeups;
	_Atomic uint64_t books_operation; /* mpmc: position << 2 | 2 if in flight | copy */
	uint64_t reserved_2[5];
	alignas(GYRE_LINE) struct gyre_repairs repairs[2]; /* mpmc, as books */
	_Atomic uint64_t repair_operation;
	uint64_t reserved_3[3];
};
static_assert(offsetof(struct gyre_seat, name) == 0x30, "layout 1");
static_assert(offsetof(struct gyre_seat, departed_ns) == 0x60, "layout 1");
static_assert(offsetof(struct gyre_seat, ledger) == 0x80, "layout 1");
static_assert(offsetof(struct gyre_seat, operation) == 0xb0, "layout 1");
static_assert(offsetof(struct gyre_seat, repairs) == 0x100, "layout 1");
static_assert(offsetof(struct gyre_seat, repair_operation) == 0x160, "layout 1");
static_assert(sizeof(struct gyre_seat) == 0x180, "layout 1");

#define GYRE_CAN_MEMBARRIER 1u /* registered: a sleeper may rely on its own membarrier */

/* mpmc: beside each cell; only a record's first one counts. Two arrays, since the second is touched
 * for batches and redeliveries only. */
struct gyre_entry {
	_Atomic uint64_t word; /* lap:34 | span:18 | phase:3 | owner:9 */
	_Atomic uint64_t info; /* tag:32 | GYRE_INFO_* | length in bytes:28 */
};
struct gyre_entry_more {
	_Atomic uint64_t released; /* a bit for each message of a batch */
	_Atomic uint32_t count;    /* messages in the record */
	_Atomic uint32_t again;    /* redeliveries begun */
};
#define GYRE_INFO_BATCH ((uint64_t)1 << 31) /* `more` holds count and released */
#define GYRE_INFO_AGAIN ((uint64_t)1 << 30) /* `more` holds again */
static_assert(sizeof(struct gyre_entry) == 16, "layout 1");
static_assert(sizeof(struct gyre_entry_more) == 16, "layout 1");

/* Behind the data area: what a lying word of a small message could reach. */
#define GYRE_SLACK 128u

#define GYRE_SHARED_OFFSET 0x1000u
#define GYRE_PRODUCER_PAGE_OFFSET 0x2000u
#define GYRE_CONSUMER_PAGE_OFFSET 0x3000u
#define GYRE_SEATS_OFFSET 0x4000u

/* Lock bytes of the segment's object: they need not exist as data. */
#define GYRE_LOCK_NAME 0 /* shared by participants, exclusive by whoever removes the name */
#define GYRE_LOCK_SEATS 16

static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
	"a lock hidden in an atomic would not be shared");

#endif
