/*
 * Rings under the kill harness: a world with a ring in it, the public calls as victims, and what
 * must hold after any death.
 *
 * All messages of a ring are numbered from 1; number and length determine the content. What each
 * process did, and what it was about to do, stands on a board that all share and the harness does
 * not watch:
 *
 *	1 ...... received | ......... taken | ............. sent | ...... offered
 *	never again       | all gone, or all | must come, whole   | all, or none
 *	                  | come again       |                    |
 *
 * A process writes "offered" before it sends and "sent" when the call has returned, "taken" before
 * it releases and "received" after. The survivor holds the ring against that, and the ring's own
 * books too.
 */
#ifndef GYRE_TESTS_STEPKILL_RING_H
#define GYRE_TESTS_STEPKILL_RING_H

#include <pthread.h>
#include "stepkill_image.h"
#include "stepkill_tables.h"

enum {
	BATCH_MAX = 4,
	LENGTHS = 512, /* messages that are around at once */
	MESSAGE_MAX = 2048,
	CHAIN_MAX = 5,
	BOTH = 2, /* seats of a ring with one producer and one consumer */
};

/* The ring that each run begins with. */
struct beginning {
	bool absent;         /* there is none */
	bool unused;         /* nobody was ever attached; else both sides were there and left */
	uint32_t before_end; /* bytes (slots) from the next message to the wrap; 0: anywhere */
	uint32_t left;       /* messages that wait */
	uint32_t left_bytes; /* of each */
	bool full;           /* as many of them as fit */
	bool closed;
	bool drained;   /* and the end was seen: only if abandoned */
	bool abandoned; /* both sides died and nobody repaired it */
	bool reserved;  /* the producer with a reservation open */
};

/* Who is attached before any death, in the other role than the victim's. */
enum company {
	COMPANY_NONE,
	COMPANY_THERE,
	COMPANY_BLOCKED, /* and waits in a blocking call */
};

/* What a test wants to know about. */
struct scene {
	const char *name;
	struct beginning beginning;
	void (*prepare)(void *world); /* of the only victim */
	void (*call)(void *world);
	void (*wake)(void *world);
	struct stepkill_victim victims[CHAIN_MAX]; /* or several */
	enum stepkill_points points;
	uint64_t kills_max;

	size_t bytes;          /* of each message that victims move */
	size_t reserved_bytes; /* what is reserved for it; 0: the same */
	unsigned count;        /* how many one call moves */
	unsigned batch;        /* how many it is asked to; 0: the same */
	unsigned before;       /* moved by the victim first, at full speed */
	int64_t timeout_ns;

	enum company company;
	enum gyre_role victim; /* the role of the victim, or of the last one */
	enum gyre_role first;  /* who goes on first afterwards */
	bool comes_or_goes;    /* the victim may die without being attached */
	bool may_vanish;       /* the name may be gone afterwards */
	bool stale;            /* what is left of the ring gyre_clean() shall remove */
	bool file;             /* a file: key, in a directory of its own */
	bool only_records, only_slots;
};

/* State of a producer's reservation, on the board. */
enum reservation {
	RESERVATION_NONE,
	RESERVATION_ASKED,     /* open, or not */
	RESERVATION_OPEN,      /* counts as aborted, once */
	RESERVATION_COMMITTED, /* a message that arrives, or aborted */
};

struct board {
	_Atomic uint64_t received, taken, sent, offered; /* as above */
	_Atomic uint64_t reservation;                    /* aborted << 2 | enum reservation */
	_Atomic uint32_t closing, closed;                /* about to be, acknowledged */
	uint32_t lengths[LENGTHS];                       /* of message n at n % LENGTHS */

	/* What a victim received, for others to judge. */
	_Atomic uint32_t landed;
	uint64_t landed_after; /* the number before the first */
	struct gyre_message messages[BATCH_MAX];
	unsigned char landing[BATCH_MAX * MESSAGE_MAX];

	_Atomic uint32_t faults; /* enum stepkill_fault, of processes that have no report */
	char complaint[STEPKILL_TEXT_BYTES];
};

struct world {
	const struct scene *scene;
	struct gyre_ring_options options;
	struct ring_image ring; /* generation 0: there is none at the beginning */
	struct board *board;
	struct board *board_image; /* the harness's process */

	/* Each process's own. */
	struct stepkill_report *report; /* of the survivor; NULL: complaints go on the board */
	struct gyre_ring *producer, *consumer;
	struct gyre_message outgoing[BATCH_MAX];
	unsigned char payload[BATCH_MAX * MESSAGE_MAX];
	struct gyre_message held[BATCH_MAX];
	void *room; /* reserved */
	pthread_t thread;
	bool has_thread;
	int64_t thread_outcome;
	uint64_t messages_seen, released_seen; /* by the survivor's first look from outside */
};

/* ---- Scenes (stepkill_world.c) ---- */

/* The survivor's callback. (stepkill_check.c) */
void world_check(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report);

/* The role of who keeps the victim company. */
enum gyre_role company_role(const struct world *w);

/* In which ring, and before whom. */
struct setting {
	const char *name;
	bool slots;
	uint32_t wake;
	enum company company;
	enum gyre_role first;
};

/* Run them all as far as they suit the setting, print the table, fail if there is a fault. */
void run_scenes(const struct scene *scenes, size_t count, enum gyre_role victim,
	const struct setting *setting);

/* ---- Victims: prepare at full speed, then one call (stepkill_calls.c) ---- */

void prepare_producer(void *world); /* attached, `before` messages sent, the next ones at hand */
void prepare_consumer(void *world); /* attached, `before` messages received */
void prepare_reserved(void *world); /* a producer with a reservation open */
void prepare_holding(void *world);  /* a consumer that holds `count` messages */
void prepare_ended(void *world);    /* a consumer that has seen the end */
void prepare_named(void *world);    /* cannot make objects without a name */

void call_send(void *world);
void call_send_batch(void *world);
void call_reserve(void *world);
void call_reserve_commit(void *world);
void call_reserve_discard(void *world);
void call_close(void *world);
void call_receive(void *world);
void call_receive_batch(void *world);
void call_drain(void *world); /* until there is nothing: a repair, if the producer died */
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

/* ---- The board (stepkill_ring.c) ---- */

/* A fault. Always false. */
bool say(struct world *w, enum stepkill_fault fault, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Passes on what processes without a report found; true if it is nothing. */
bool hear_complaints(struct world *w);

/* Attach in a role; the books then say what became of what was in doubt. */
bool become(struct world *w, enum gyre_role role, uint32_t flags);
void leave(struct world *w);

/* Put so many messages of so many bytes at hand, numbered behind the last one sent. */
void write_messages(struct world *w, unsigned count, size_t bytes);

/* They are about to be sent; they were. */
void offer(struct world *w, unsigned count);
void acknowledge(struct world *w);

/* One whole turn. Outcomes as the ring's. */
int send_next(struct world *w, size_t bytes, int64_t timeout_ns);
int64_t receive_next(struct world *w, int64_t timeout_ns);

/* Whether what a victim received and acknowledged was right. */
bool judge_landing(struct world *w);

/* What a handle sees of its ring; counters by role. */
bool look_inside(struct world *w, const struct gyre_ring *ring, struct gyre_ring_info *ret_info,
	struct gyre_counters ret_counters[BOTH + 1]);

const char *role_name(enum gyre_role role);

/* Is this the next message, whole? Then it counts as received. */
bool accept(struct world *w, const struct gyre_message *message);

void set_reservation(struct world *w, enum reservation state, uint64_t more_aborted);

#endif
