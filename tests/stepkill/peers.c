/*
 * peers: what kill -9 at every instruction does to queues in common use.
 *
 * Two lock-free queues, put into shared memory: ck_ring of ConcurrencyKit (many producers, many
 * consumers), and Dmitry Vyukov's bounded queue. Each has 16 slots and messages of 48 bytes. Two
 * messages are committed; a victim sends a third, or takes the first, and is killed after each of
 * its instructions in turn. A survivor then sends four messages, receives all there are, and goes
 * on for 200 more rounds of one message each. It is
 *
 *	blocked	if a send or a receive does not come back, if the ring is "full" with less than
 *		16 messages in it, or "empty" with a message behind the dead one's;
 *	lost	if a committed message is never received, except by a victim that returned with
 *		it.
 *
 * Both tables come from the same harness: once a kill after every instruction, and once a kill per
 * group of instructions between which nothing shared changes, which stand for those in brackets.
 *
 * As a test it is the harness's control: deaths between claim and publication are known to block
 * both queues or to lose messages, so a harness that finds none would find none in gyre's rings.
 */
#include "stepkill.h"

#include <ck_ring.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	SLOTS = 16,
	COMMITTED = 2, /* messages 1 and 2 before the victim comes */
	VICTIMS_OWN = 3,
	SURVIVORS = 4, /* messages the survivor sends at once */
	SURVIVORS_FIRST = 100,
	ROUNDS = 200,
	ROUNDS_FIRST = 200,
	SKIPPED = 77, /* exit status, as automake and Meson have it */
};

struct message {
	uint64_t number;
	uint64_t pattern[5];
};

static struct message message_of(uint64_t number)
{
	struct message m = {.number = number};

	for (unsigned i = 0; i < 5; i++)
		m.pattern[i] = (number + i) * UINT64_C(0x9e3779b97f4a7c15);
	return m;
}

static bool is_whole(const struct message *m)
{
	const struct message want = message_of(m->number);

	return memcmp(m, &want, sizeof(want)) == 0;
}

/* --- Vyukov's bounded queue ----------------------------------------------------------------- */

/*
 * A slot's sequence says whose turn it is: position p may be written when it is p, and read when
 * it is p + 1; the reader leaves p + SLOTS, for the next lap. The cursors are claimed by CAS.
 */
struct vyukov_slot {
	_Atomic uint64_t sequence;
	struct message message;
};

struct vyukov {
	uint64_t message_bytes; /* a run-time length, so the copy is the C library's memcpy() */
	alignas(64) _Atomic uint64_t tail;
	alignas(64) _Atomic uint64_t head;
	alignas(64) struct vyukov_slot slots[SLOTS];
};

static void vyukov_init(void *queue)
{
	struct vyukov *q = queue;

	memset(q, 0, sizeof(*q));
	q->message_bytes = sizeof(struct message);
	for (uint64_t i = 0; i < SLOTS; i++)
		atomic_init(&q->slots[i].sequence, i);
}

/* Claims a position of the cursor whose slot shows position + `turn`. NULL: none at present. */
static inline struct vyukov_slot *vyukov_claim(
	struct vyukov *q, _Atomic uint64_t *cursor, uint64_t turn, uint64_t *ret_position)
{
	uint64_t position = atomic_load_explicit(cursor, memory_order_relaxed);

	for (;;) {
		struct vyukov_slot *slot = &q->slots[position % SLOTS];
		/* Acquire: pairs with the release of the other side's publication. */
		const uint64_t sequence =
			atomic_load_explicit(&slot->sequence, memory_order_acquire);
		const int64_t ahead = (int64_t)(sequence - (position + turn));

		if (ahead < 0)
			return NULL;
		if (ahead > 0) {
			position = atomic_load_explicit(cursor, memory_order_relaxed);
		} else if (atomic_compare_exchange_weak_explicit(cursor, &position, position + 1,
				   memory_order_relaxed, memory_order_relaxed)) {
			*ret_position = position;
			return slot;
		}
	}
}

static inline bool vyukov_send(void *queue, const struct message *m)
{
	struct vyukov *q = queue;
	uint64_t position;
	struct vyukov_slot *slot = vyukov_claim(q, &q->tail, 0, &position);

	if (slot == NULL)
		return false;
	memcpy(&slot->message, m, q->message_bytes);
	atomic_store_explicit(&slot->sequence, position + 1, memory_order_release);
	return true;
}

static inline bool vyukov_receive(void *queue, struct message *ret_m)
{
	struct vyukov *q = queue;
	uint64_t position;
	struct vyukov_slot *slot = vyukov_claim(q, &q->head, 1, &position);

	if (slot == NULL)
		return false;
	memcpy(ret_m, &slot->message, q->message_bytes);
	atomic_store_explicit(&slot->sequence, position + SLOTS, memory_order_release);
	return true;
}

/* --- ck_ring -------------------------------------------------------------------------------- */

CK_RING_PROTOTYPE(message, message)

struct ck_queue {
	alignas(64) ck_ring_t ring;
	alignas(64) struct message slots[SLOTS];
};

static void ck_init(void *queue)
{
	struct ck_queue *q = queue;

	memset(q, 0, sizeof(*q));
	ck_ring_init(&q->ring, SLOTS);
}

static inline bool ck_send(void *queue, const struct message *m)
{
	struct ck_queue *q = queue;
	struct message copy = *m;

	return CK_RING_ENQUEUE_MPMC(message, &q->ring, q->slots, &copy);
}

static inline bool ck_receive(void *queue, struct message *ret_m)
{
	struct ck_queue *q = queue;

	return CK_RING_DEQUEUE_MPMC(message, &q->ring, q->slots, ret_m);
}

/* --- the scenario --------------------------------------------------------------------------- */

struct queue {
	size_t bytes;
	void (*init)(void *queue);
	bool (*send)(void *queue, const struct message *m);
	bool (*receive)(void *queue, struct message *ret_m);
};

struct world {
	const struct queue *kind;
	void *queue;       /* the shared mapping */
	bool victim_sends; /* or receives */
	struct message message;
};

static bool setup(void *world)
{
	struct world *w = world;

	w->kind->init(w->queue);
	for (uint64_t i = 1; i <= COMMITTED; i++) {
		const struct message m = message_of(i);

		if (!w->kind->send(w->queue, &m))
			return false;
	}
	w->message = message_of(VICTIMS_OWN);
	return true;
}

static size_t ranges(void *world, struct stepkill_range *ret_ranges)
{
	const struct world *w = world;

	ret_ranges[0] = (struct stepkill_range){.base = w->queue, .bytes = w->kind->bytes};
	return 1;
}

static void vyukov_enqueue(void *world)
{
	struct world *w = world;

	(void)vyukov_send(w->queue, &w->message);
}

static void vyukov_dequeue(void *world)
{
	struct world *w = world;

	(void)vyukov_receive(w->queue, &w->message);
}

static void ck_enqueue(void *world)
{
	struct world *w = world;

	(void)CK_RING_ENQUEUE_MPMC(message, &((struct ck_queue *)w->queue)->ring,
		((struct ck_queue *)w->queue)->slots, &w->message);
}

static void ck_dequeue(void *world)
{
	struct world *w = world;

	(void)CK_RING_DEQUEUE_MPMC(message, &((struct ck_queue *)w->queue)->ring,
		((struct ck_queue *)w->queue)->slots, &w->message);
}

static bool survivor_sends(const struct world *w, uint64_t number, struct stepkill_report *report)
{
	const struct message m = message_of(number);

	if (w->kind->send(w->queue, &m))
		return true;
	stepkill_fault(report, STEPKILL_BLOCKED, "full, without being full");
	return false;
}

static bool survivor_receives(
	const struct world *w, struct message *ret_m, struct stepkill_report *report)
{
	if (!w->kind->receive(w->queue, ret_m)) {
		stepkill_fault(report, STEPKILL_BLOCKED, "empty, with a message in it");
		return false;
	}
	if (!is_whole(ret_m))
		stepkill_fault(report, STEPKILL_CORRUPT, "message %llu is damaged",
			(unsigned long long)ret_m->number);
	return true;
}

/* seen[n]: how often message n of the first three came. */
static void account(const struct world *w, const unsigned *seen,
	const struct stepkill_death *victim, struct stepkill_report *report)
{
	for (unsigned n = 1; n <= VICTIMS_OWN; n++) {
		const bool victims = n == (w->victim_sends ? VICTIMS_OWN : 1u);
		unsigned want = 1;

		if (!w->victim_sends && n == VICTIMS_OWN)
			continue; /* was never sent */
		if (victims && w->victim_sends && !victim->finished)
			want = 0; /* not acknowledged: may be there or not */
		if (victims && !w->victim_sends && victim->finished)
			want = 0; /* the victim has it */
		if (seen[n] < want)
			stepkill_fault(report, STEPKILL_LOST, "message %u is lost", n);
		if (seen[n] > 1 || (seen[n] > want && !w->victim_sends))
			stepkill_fault(report, STEPKILL_DUPLICATE, "message %u came twice", n);
	}
}

static void check(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report)
{
	const struct world *w = world;
	unsigned seen[VICTIMS_OWN + 1] = {0};
	struct message m = {0};

	(void)count;
	for (uint64_t i = 0; i < SURVIVORS; i++) {
		if (!survivor_sends(w, SURVIVORS_FIRST + i, report))
			return;
	}
	while (m.number != SURVIVORS_FIRST + SURVIVORS - 1) {
		if (!survivor_receives(w, &m, report))
			return;
		if (m.number <= VICTIMS_OWN)
			seen[m.number]++;
	}
	account(w, seen, &deaths[0], report);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		if (!survivor_sends(w, ROUNDS_FIRST + i, report) ||
			!survivor_receives(w, &m, report))
			return;
	}
}

static const struct queue vyukov = {
	.bytes = sizeof(struct vyukov),
	.init = vyukov_init,
	.send = vyukov_send,
	.receive = vyukov_receive,
};

static const struct queue ck = {
	.bytes = sizeof(struct ck_queue),
	.init = ck_init,
	.send = ck_send,
	.receive = ck_receive,
};

static const struct peer {
	const char *name;
	const struct queue *kind;
	bool victim_sends;
	void (*operation)(void *world);
} peers[] = {
	{"ck_ring mpmc enqueue", &ck, true, ck_enqueue},
	{"ck_ring mpmc dequeue", &ck, false, ck_dequeue},
	{"Vyukov enqueue", &vyukov, true, vyukov_enqueue},
	{"Vyukov dequeue", &vyukov, false, vyukov_dequeue},
};

static int run_peer(const struct peer *peer, enum stepkill_points points)
{
	struct world world = {.kind = peer->kind, .victim_sends = peer->victim_sends};
	const struct stepkill_victim victim = {.name = peer->name, .operation = peer->operation};
	const struct stepkill_scenario scenario = {
		.name = peer->name,
		.world = &world,
		.setup = setup,
		.ranges = ranges,
		.victims = &victim,
		.victim_count = 1,
		.survivor_check = check,
	};
	const struct stepkill_options options = {
		.points = points, .check_limit_ms = 200, /* ck_ring's producers spin for ever */
	};
	struct stepkill_result result;
	int outcome;

	world.queue = mmap(
		NULL, peer->kind->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (world.queue == MAP_FAILED) {
		perror("mmap");
		return STEPKILL_BROKEN;
	}
	outcome = stepkill_run(&scenario, &options, &result);
	stepkill_print_row(stdout, &result);
	if (outcome == STEPKILL_DONE && result.kills.ok == result.kills.total) {
		(void)printf("  %s: no death harms it, which is not so\n", peer->name);
		outcome = STEPKILL_BROKEN;
	}
	(void)fflush(stdout);
	(void)munmap(world.queue, peer->kind->bytes);
	return outcome;
}

int main(void)
{
	static const struct {
		const char *title;
		enum stepkill_points points;
	} tables[] = {
		{"kill -9 after every instruction", STEPKILL_EVERY},
		{"one kill per shared state (instructions it stands for)", STEPKILL_MERGED},
	};
	int worst = STEPKILL_DONE;

	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		(void)printf("%s%s\n", t > 0 ? "\n" : "", tables[t].title);
		stepkill_print_head(stdout);
		for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
			const int outcome = run_peer(&peers[i], tables[t].points);

			if (outcome == STEPKILL_SKIPPED)
				return SKIPPED;
			if (outcome != STEPKILL_DONE)
				worst = outcome;
		}
	}
	return worst == STEPKILL_DONE ? EXIT_SUCCESS : EXIT_FAILURE;
}
