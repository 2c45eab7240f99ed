/*
 * Rings under the kill harness: a world with a ring in it, the public operations as victims, and
 * what must hold after any death.
 *
 * All messages of a ring are numbered from 1; number and length determine the content. What each
 * process did, and what it was about to do, stands on a board that all share and the harness does
 * not watch:
 *
 *	1 ....... received | ....... taken | ............. sent | ...... offered
 *	never again        | gone, or all  | must come, whole   | all, or none
 *	                   | come again    |                    |
 *
 * A process writes "offered" before it sends and "sent" when the call has returned, "taken" before
 * it releases and "received" after. A survivor holds the ring against that, and its books too.
 *
 * A ring in the wanted state is made once, in a process of its own; each run begins with a copy of
 * its bytes under the name.
 */
#ifndef GYRE_TESTS_STEPKILL_RING_H
#define GYRE_TESTS_STEPKILL_RING_H

#include <pthread.h>
#include "../support/rings.h"
#include "stepkill.h"

enum {
	BATCH_MAX = 8,
	LENGTHS = 512, /* numbers that are around at once */
	MESSAGE_MAX = 4096,
	COMPLAINT_BYTES = 160,
};

/* State of a producer's reservation, with the count of those that were given up. */
enum reservation {
	RESERVATION_NONE,
	RESERVATION_ASKED,     /* open, or not */
	RESERVATION_OPEN,      /* counts as aborted, once */
	RESERVATION_COMMITTED, /* a message that arrives, or aborted */
};

struct board {
	uint64_t received, taken, sent, offered; /* as above */
	uint64_t reservation;                    /* aborted << 2 | enum reservation */
	uint32_t closing, closed;                /* about to be, acknowledged */
	uint32_t lengths[LENGTHS];               /* of message n at n % LENGTHS */

	/* What victims received, for others to judge. */
	uint32_t landed;
	struct gyre_message messages[BATCH_MAX];
	unsigned char landing[BATCH_MAX * MESSAGE_MAX];

	unsigned faults; /* enum stepkill_fault that a process found which has no report */
	char complaint[COMPLAINT_BYTES];
};

/* The ring that each run begins with. */
struct beginning {
	bool absent;     /* there is none */
	bool unused;     /* nobody ever attached; else producer and consumer were there and left */
	uint32_t before_end; /* where the first message lies: bytes (slots) to the wrap; 0: anywhere */
	uint32_t left;       /* messages that wait */
	uint32_t left_bytes; /* of each */
	bool full;           /* as many as fit */
	bool closed;
	bool drained;   /* and the end was taken */
	bool abandoned; /* its participants died, not left */
	bool reserved;  /* and the producer with a reservation open */
};

/* Who survives. */
enum company {
	COMPANY_NONE,    /* nobody is attached besides the victims */
	COMPANY_THERE,   /* the other role is, before any death */
	COMPANY_BLOCKED, /* and waits in a blocking call */
};

struct world {
	/* What a test sets. */
	struct variant variant;
	uint64_t capacity_bytes;
	uint32_t slot_bytes;
	uint32_t flags; /* of creation */
	struct beginning beginning;
	enum company company;
	enum gyre_role victim;   /* the role that dies; 0: none, or several */
	enum gyre_role first;    /* who goes on first afterwards */
	bool dies_attached;      /* a producer is attached from its operation's begin to its end */
	bool may_vanish;         /* the name may be gone afterwards */
	bool other_place;        /* names of objects on their way are needed: see calls_create() */
	size_t bytes;            /* of each message the victims move */
	size_t reserved_bytes;   /* what is reserved for it; 0: the same */
	unsigned count;          /* how many */
	unsigned batch;          /* how many are asked for; 0: count */
	unsigned before;         /* moved by the victim first, at full speed */
	int64_t timeout_ns;

	/* Everyone's. */
	char key[KEY_BYTES];
	char path[KEY_BYTES];
	struct board *board;

	/* The harness's process. */
	unsigned char *image;
	size_t image_bytes;
	struct board *board_image;
	void *mapped;
	int fd; /* of the object */

	/* Each process's own. */
	struct gyre_ring *producer, *consumer;
	struct gyre_message outgoing[BATCH_MAX];
	unsigned char payload[BATCH_MAX * MESSAGE_MAX];
	struct gyre_message held[BATCH_MAX];
	unsigned held_count;
	void *room;
	pthread_t thread;
	bool has_thread;
	int thread_outcome;
};

/* Names the key; NULL on success. Between rings_open() and rings_close(). */
void world_open(struct world *world, const char *suffix);
void world_close(struct world *world);

/* For struct stepkill_scenario. */
bool world_setup(void *world);
size_t world_ranges(void *world, struct stepkill_range *ret_ranges);
void world_company(void *world); /* survivor_prepare */
void world_check(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report);

/*
 * Victims: prepare at full speed, then the operation. The world's bytes, count and timeout_ns say
 * of what.
 */
void prepare_producer(void *world); /* attached, `before` messages sent, the next ones at hand */
void prepare_consumer(void *world); /* attached, `before` messages received */
void prepare_reserved(void *world); /* a producer with a reservation open */
void prepare_holding(void *world);  /* a consumer that holds `count` messages */
void prepare_told(void *world);     /* a consumer that knows that the last producer left */
void prepare_awaiting(void *world); /* a producer, when the consumer sleeps; and the reverse */

void call_send(void *world);
void call_send_batch(void *world);
void call_reserve(void *world);
void call_reserve_commit(void *world);
void call_reserve_discard(void *world);
void call_close(void *world);
void call_receive(void *world);
void call_receive_batch(void *world);
void call_peek(void *world);
void call_peek_release(void *world);
void call_peek_release_batch(void *world);
void call_attach_producer(void *world);
void call_attach_consumer(void *world);
void call_attach_fd(void *world);
void call_detach(void *world);
void call_create(void *world);
void call_open(void *world);
void call_unlink(void *world);
void call_clean(void *world);
void call_inspect(void *world);
void call_list(void *world);

/* In the harness's process, when a victim sleeps: what it waits for. */
void wake_by_sending(void *world);
void wake_by_receiving(void *world);

#endif
