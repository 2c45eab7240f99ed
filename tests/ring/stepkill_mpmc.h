/*
 * mpmc rings under the kill harness: a world with a ring in it, the public calls as victims, and
 * what must hold after any death.
 *
 * Messages are numbered; a number determines the content, and is the tag. What each process did,
 * and what it was about to do, is marked for each message on a board that all share and the harness
 * does not watch. The survivor holds the ring, and the ring's own books, against that:
 *
 *	offered            may come, whole; its batch comes with it or not at all
 *	sent               must come, unless it is dropped and counted, or was
 *	handed             comes again only with the mark
 *	releasing          may come again, may be done with
 *	released           never comes again
 */
#ifndef GYRE_TESTS_STEPKILL_MPMC_H
#define GYRE_TESTS_STEPKILL_MPMC_H

#include <pthread.h>
#include "stepkill_image.h"
#include "stepkill_tables.h"

enum {
	CELL = 64,
	CELLS = 64,
	SEATS = 8, /* of each role, where more than one may be attached */
	BATCH_MAX = 4,
	MESSAGE_MAX = 512,
	NUMBERS = 2048, /* messages of one run */
	SENDERS = 16,
	LANDINGS = 8, /* consumers of one run that receive copies */
	CHAIN_MAX = 5,
};

/* The ring that each run begins with. Whoever made it left, unless it was abandoned. */
struct beginning {
	bool unused;         /* nobody was ever attached */
	bool first_lap;      /* in the lap whose claims stamp; else in the third, among old words */
	uint32_t before_end; /* cells from the next message to the wrap; 0: anywhere */
	uint32_t left;       /* messages that wait */
	uint32_t left_bytes; /* of each */
	bool batch;          /* in one batch */
	bool full;           /* as many as fit */
	bool spent;          /* as many as fit, and all were received */
	uint32_t again;      /* so many of the first ones were given back unreleased... */
	uint32_t times;      /* ...so often */
	bool closed;
	bool abandoned; /* both sides died, and nobody repaired it */
	bool reserved;  /* with a reservation open */
	bool holding;   /* with the first message in the consumer's hands */
};

/* Who is attached before any death. */
enum company {
	COMPANY_NONE,
	COMPANY_THERE,   /* of each role one more, as far as the ring takes them */
	COMPANY_BLOCKED, /* one in the other role than the victim's, in a blocking call */
};

/* In which ring, and before whom. */
struct setting {
	const char *name;
	uint32_t producers, consumers; /* that may be attached */
	uint32_t wake;
	uint32_t deliveries;
	enum company company;
	enum gyre_role first; /* who goes on first afterwards */
	uint64_t kills_max;   /* of a scene with several victims; 0: as the scene says */
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
	unsigned count;        /* how many one call moves; 0: 1 */
	unsigned before;       /* moved by the victim first, at full speed */
	unsigned released;     /* of those held, in advance */
	int64_t timeout_ns;
	enum gyre_role victim; /* the role of the victim, or of the last one */
	bool may_find_no_room; /* the victim's send */
	bool may_find_nothing; /* the victim's receive */
	bool only_many;        /* not for rings with one producer or one consumer */
	bool step_over;        /* consumers do; then order is not kept */
};

/* What is known of a message. */
enum mark {
	OFFERED = 1,   /* about to be sent */
	SENT = 2,      /* the send returned, or its message or one of its batch came */
	RELEASING = 4, /* about to be released */
	RELEASED = 8,  /* the release returned */
};

/* Where a consumer that is going to die receives copies. */
struct landing {
	_Atomic uint32_t received; /* calls have returned so many */
	struct gyre_message messages[BATCH_MAX];
	unsigned char bytes[BATCH_MAX * MESSAGE_MAX];
};

struct board {
	_Atomic uint32_t numbers; /* drawn so far; they begin with 1 */
	_Atomic uint8_t marks[NUMBERS];
	_Atomic uint8_t handed[NUMBERS]; /* how often a user had it in hand */
	uint16_t lengths[NUMBERS];
	uint16_t batch[NUMBERS]; /* the first number of its batch */
	uint8_t sender[NUMBERS];

	_Atomic uint32_t senders, landings_used;
	_Atomic uint32_t aborted_least, aborted_most;
	_Atomic uint32_t closing, closed; /* about to be, acknowledged */
	struct landing landings[LANDINGS];

	_Atomic uint32_t faults; /* enum stepkill_fault, of processes that have no report */
	char complaint[STEPKILL_TEXT_BYTES];
};

struct consumer {
	struct gyre_ring *ring;
	uint32_t last[SENDERS]; /* number of each sender, of those without a mark */
};

struct world {
	const struct scene *scene;
	const struct setting *setting;
	struct gyre_ring_options options;
	struct ring_image ring;
	struct board *board;
	struct board *board_image; /* the harness's process */

	/* Each process's own. */
	struct stepkill_report *report; /* of the survivor; NULL: complaints go on the board */
	unsigned deaths;
	struct gyre_ring *producer;
	struct consumer consumer;
	uint8_t sender;
	struct landing *landing;
	struct gyre_message outgoing[BATCH_MAX];
	unsigned char payload[BATCH_MAX * MESSAGE_MAX];
	struct gyre_message held[BATCH_MAX];
	void *room; /* reserved */
	pthread_t thread;
	bool has_thread;
	int64_t thread_outcome;
};

/* ---- Scenes (stepkill_mpmc_world.c) ---- */

/* Run them all as far as they suit the setting, print the table, fail if there is a fault. */
void run_scenes(const struct scene *scenes, size_t count, enum gyre_role victim,
	const struct setting *setting);

/* The survivor's callback. (stepkill_mpmc_check.c) */
void world_check(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report);

/* ---- Victims: prepare at full speed, then one call (stepkill_mpmc_calls.c) ---- */

void prepare_producer(void *world); /* attached, `before` messages sent, the next ones at hand */
void prepare_consumer(void *world); /* attached, `before` messages received */
void prepare_reserved(void *world); /* a producer with a reservation open */
void prepare_holding(void *world);  /* a consumer that holds `count` messages, `released` of them
				       released: the first, the third, ... */

void call_send(void *world);
void call_send_batch(void *world);
void call_reserve(void *world);
void call_reserve_commit(void *world);
void call_reserve_discard(void *world);
void call_close(void *world);
void call_receive(void *world);
void call_receive_batch(void *world);
void call_drain(void *world); /* until there is nothing: it repairs the dead on the way */
void call_peek(void *world);
void call_peek_release(void *world); /* several held, released from the last to the first */
void call_peek_release_batch(void *world);
void call_attach_producer(void *world);
void call_attach_consumer(void *world);
void call_detach(void *world);
void call_repair(void *world); /* gyre_repair(), which takes no part in the ring */
void call_inspect(void *world);

/* In the harness's process, when a victim sleeps: what it waits for. */
void wake_by_sending(void *world);
void wake_by_receiving(void *world);

/* ---- The board (stepkill_mpmc_board.c) ---- */

/* A fault. Always false. */
bool say(struct world *w, enum stepkill_fault fault, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Passes on what processes without a report found; true if it is nothing. */
bool hear_complaints(struct world *w);

/* Attach in a role. */
bool become(struct world *w, enum gyre_role role, uint32_t flags);
void leave(struct world *w);

/* Put so many messages of so many bytes at hand; they are about to be sent; they were. */
void write_messages(struct world *w, unsigned count, size_t bytes);
void offer(struct world *w, unsigned count);
void acknowledge(struct world *w, unsigned count);
void withdraw(struct world *w, unsigned first, unsigned count); /* they were not */

/* In hand: is it one that may come, whole? */
bool accept(struct world *w, struct consumer *c, const struct gyre_message *m);

void mark(struct world *w, uint32_t number, enum mark what);

/* One whole turn. Outcomes as the ring's. */
int send_next(struct world *w, size_t bytes, int64_t timeout_ns);
int64_t receive_next(struct world *w, struct consumer *c, int64_t timeout_ns);

/* What consumers that died had received. */
bool judge_landings(struct world *w);

/* Messages that must still come, but for those that were dropped. */
unsigned count_outstanding(const struct world *w);

/* The ring's own books against the board, when nothing is left in it. */
bool judge_books(struct world *w, const struct gyre_ring *ring);

/* As the ring counts them. */
bool count_dropped(struct world *w, const struct gyre_ring *ring, uint64_t *ret_dropped);

const char *role_name(enum gyre_role role);

#endif
