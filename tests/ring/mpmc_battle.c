#include <string.h>
#include <time.h>
#include "mpmc_battle.h"

enum {
	CHILDREN = 6,
	BYTES_MAX = 600,
	BATCH = 12,
};

static size_t size_of(uint32_t tag)
{
	uint64_t state = tag;
	const uint64_t random = next_random(&state);

	return (random >> 8) % (random % 8 == 0 ? BYTES_MAX : 40);
}

struct soldier {
	const char *key;
	enum gyre_role role;
	uint64_t seed;
};

static unsigned char payload[BATCH][BYTES_MAX];

static int produce(struct gyre_ring *ring, uint64_t *state)
{
	struct gyre_message batch[BATCH];
	const uint32_t tag = (uint32_t)next_random(state);
	void *data;
	int outcome;

	switch (next_random(state) % 3) {
	case 0:
		outcome = gyre_ring_reserve(ring, BYTES_MAX, NS_PER_MS, &data);
		if (outcome != GYRE_OK)
			return outcome;
		fill_message(data, size_of(tag), tag);
		return tag % 4 == 0 ? gyre_ring_discard(ring)
				    : gyre_ring_commit(ring, size_of(tag), tag);
	case 1:
		for (uint32_t i = 0; i < BATCH; i++) {
			fill_message(payload[i], size_of(tag + i), tag + i);
			batch[i] = (struct gyre_message){
				.data = payload[i], .bytes = size_of(tag + i), .tag = tag + i};
		}
		return gyre_ring_send_batch(ring, batch, 1 + tag % BATCH, NS_PER_MS);
	default:
		return send_number(ring, tag, size_of(tag), NS_PER_MS);
	}
}

static bool is_right(const struct gyre_message *m)
{
	return m->bytes == size_of(m->tag) && is_message_of(m->data, m->bytes, m->tag) &&
	       m->deliveries >= 1 && m->deliveries <= 3;
}

/* NULL, or a complaint. */
static const char *consume(struct gyre_ring *ring, uint64_t *state)
{
	static unsigned char buffer[BYTES_MAX];
	struct gyre_message held[BATCH];
	int found;

	if (next_random(state) % 2 == 0) {
		const int64_t bytes =
			gyre_ring_receive(ring, buffer, sizeof buffer, NS_PER_MS, held);

		return bytes < 0 || is_right(held) ? NULL : "a damaged message";
	}
	found = gyre_ring_peek_batch(
		ring, NS_PER_MS, held, 1 + (unsigned)(next_random(state) % BATCH));
	for (int i = 0; i < found; i++)
		if (!is_right(&held[i]))
			return "a damaged message";
	while (found-- > 0)
		if (gyre_ring_release(ring, &held[found]) != GYRE_OK)
			return "cannot release";
	return NULL;
}

static const char *serve(void *context)
{
	const struct soldier *const soldier = context;
	struct gyre_ring *ring = NULL;
	uint64_t state = soldier->seed;
	struct gyre_error error = {0};
	const char *complaint = NULL;

	if (gyre_ring_attach(soldier->key, soldier->role, NULL, &ring, &error) != GYRE_OK)
		return complain("cannot attach: %s", error.what);
	while (complaint == NULL) {
		if (soldier->role == GYRE_CONSUMER) {
			complaint = consume(ring, &state);
		} else {
			const int outcome = produce(ring, &state);

			if (outcome < 0 && outcome != GYRE_ETIMEDOUT)
				complaint = complain("produce: %s", gyre_errname(outcome));
		}
	}
	return complaint;
}

static struct child enlist(const char *key, unsigned number, uint64_t seed)
{
	struct soldier soldier = {key, number % 2 == 0 ? GYRE_PRODUCER : GYRE_CONSUMER, seed};

	return start_child(serve, &soldier);
}

/* In modes of one there is one of a role, else three. */
static bool is_wanted(const struct variant *v, unsigned number)
{
	return number < 2 || (number % 2 == 0 ? v->producers_max : v->consumers_max) > 1;
}

static void fall(struct child *child)
{
	kill_child(child);
	cr_assert(eq(str, child->complaint, ""));
	child->pid = 0;
}

/* Whoever sits down repairs what was left there. */
static void repair_all(const struct variant *v, const char *key)
{
	struct gyre_ring *rings[12] = {NULL};
	unsigned count = 0;

	for (uint32_t i = 0; i < v->producers_max; i++)
		rings[count++] = attach(key, GYRE_PRODUCER);
	for (uint32_t i = 0; i < v->consumers_max; i++)
		rings[count++] = attach(key, GYRE_CONSUMER);
	while (count > 0)
		gyre_ring_detach(rings[--count]);
}

static void drain(const char *key)
{
	struct gyre_ring *const ring = attach(key, GYRE_CONSUMER);
	uint64_t state = 1;

	while (totals_of(key).info.messages > 0)
		cr_assert(eq(ptr, (void *)consume(ring, &state), NULL));
	gyre_ring_detach(ring);
}

/* No cell is lost. */
static void expect_all_room(const char *key)
{
	struct gyre_ring *const ring = attach(key, GYRE_PRODUCER);
	struct gyre_header header;
	uint64_t cells, count = 0;

	read_header(key, &header);
	cells = header.capacity_bytes / header.cell_bytes;

	while (gyre_ring_send(ring, NULL, 0, 0, 0) == GYRE_OK)
		count++;
	cr_assert(eq(u64, count, cells - 1));
	gyre_ring_detach(ring);
}

static void expect_accounts_of(const char *key)
{
	const struct totals totals = totals_of(key);

	expect_accounts(&totals);
}

static void expect_all_accounted_for(const struct variant *v, const char *key)
{
	struct totals totals;

	repair_all(v, key);
	totals = totals_of(key);
	expect_accounts(&totals);
	cr_assert(gt(u64, totals.released, 0));
	drain(key);
	expect_accounts_of(key);
	expect_all_room(key);
	expect_accounts_of(key);
}

void fight(const struct variant *v, const char *key, uint64_t deaths, uint64_t limit_ms)
{
	const uint64_t limit = now_ns() + limit_ms * NS_PER_MS;
	struct child children[CHILDREN] = {{0}};
	uint64_t state = v->producers_max + 10 * v->consumers_max;

	while (deaths > 0 && now_ns() < limit) {
		const unsigned number = (unsigned)(next_random(&state) % CHILDREN);
		const struct timespec nap = {
			.tv_nsec = (long)(next_random(&state) % (2 * NS_PER_MS))};

		if (!is_wanted(v, number))
			continue;
		if (children[number].pid != 0) {
			nanosleep(&nap, NULL); /* it dies at a random moment */
			fall(&children[number]);
			deaths--;
		}
		children[number] = enlist(key, number, next_random(&state));
	}
	for (unsigned number = 0; number < CHILDREN; number++)
		if (children[number].pid != 0)
			fall(&children[number]);
	expect_all_accounted_for(v, key);
}
