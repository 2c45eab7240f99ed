#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "mpmc_rings.h"

struct gyre_ring_options cells_of(const struct variant *v, uint64_t cells)
{
	struct gyre_ring_options options = options_of(v, cells * MPMC_CELL_BYTES, 0);

	options.cell_bytes = MPMC_CELL_BYTES;
	return options;
}

struct pair mpmc_pair(const struct variant *v, uint64_t cells)
{
	const struct gyre_ring_options options = cells_of(v, cells);

	return pair_with(v, &options);
}

int peek_number(struct gyre_ring *ring, uint64_t number, uint32_t deliveries, int64_t timeout_ns,
	struct gyre_message *ret_message)
{
	const int outcome = gyre_ring_peek(ring, timeout_ns, ret_message);

	if (outcome != GYRE_OK)
		return outcome;
	return ret_message->tag == (uint32_t)number && ret_message->deliveries == deliveries &&
			       ret_message->flags == (deliveries > 1 ? GYRE_MESSAGE_AGAIN : 0) &&
			       is_message_of(ret_message->data, ret_message->bytes, number)
		       ? GYRE_OK
		       : WRONG_MESSAGE;
}

/* ---- All seats ---- */

static void add(struct totals *t, const struct gyre_participant *p)
{
	const struct gyre_counters *const c = &p->counters;
	const unsigned alive = p->liveness == GYRE_LIFE_ALIVE;

	if (p->role == GYRE_PRODUCER) {
		t->committed += c->messages;
		t->committed_bytes += c->bytes;
		t->producers_sleeps += c->sleeps;
		t->producers_wakeups += c->wakeups;
		t->producers_alive += alive;
	} else {
		t->released += c->messages;
		t->released_bytes += c->bytes;
		t->consumers_sleeps += c->sleeps;
		t->consumers_wakeups += c->wakeups;
		t->consumers_alive += alive;
	}
	t->discarded += c->aborted;
	t->redelivered += c->redelivered;
	t->dropped += c->dropped;
	t->dropped_bytes += c->dropped_bytes;
}

struct totals totals_of(const char *key)
{
	static struct gyre_participant seats[510];
	struct totals totals = {0};
	struct gyre_error error = {0};
	unsigned count = sizeof seats / sizeof *seats;

	cr_assert(eq(int, gyre_inspect(key, NULL, &totals.info, seats, &count, &error), GYRE_OK),
		"%s", error.what);
	for (unsigned i = 0; i < count; i++)
		add(&totals, &seats[i]);
	totals.seats = count;
	return totals;
}

void expect_accounts(const struct totals *t)
{
	cr_assert(eq(u64, t->committed, t->released + t->dropped + t->info.messages),
		"%lu committed, %lu released, %lu dropped, %lu in the ring",
		(unsigned long)t->committed, (unsigned long)t->released, (unsigned long)t->dropped,
		(unsigned long)t->info.messages);
	if (t->info.messages == 0)
		cr_assert(eq(u64, t->committed_bytes, t->released_bytes + t->dropped_bytes));
}

struct sleepers {
	const char *key;
	enum gyre_role role;
	uint64_t sleeps;
};

static bool have_slept(void *context)
{
	const struct sleepers *const s = context;
	const struct totals totals = totals_of(s->key);

	return (s->role == GYRE_PRODUCER ? totals.producers_sleeps : totals.consumers_sleeps) >=
	       s->sleeps;
}

bool until_all_slept(const char *key, enum gyre_role role, uint64_t sleeps)
{
	struct sleepers sleepers = {key, role, sleeps};

	return eventually(have_slept, &sleepers);
}

/* ---- Those who die ---- */

struct doomed {
	const char *key;
	enum gyre_role role;
	doomed_fn *body;
	void *context;
	_Atomic uint32_t done;
};

static const char *live(void *context)
{
	struct doomed *const doomed = context;
	struct gyre_ring *ring = NULL;
	const char *complaint;

	if (gyre_ring_attach(doomed->key, doomed->role, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	complaint = doomed->body(ring, doomed->context);
	if (complaint != NULL)
		return complaint;
	raise_flag(&doomed->done);
	for (;;)
		pause();
}

struct child live_until_killed(const char *key, enum gyre_role role, doomed_fn *body, void *context)
{
	struct doomed *const doomed = shared_memory(sizeof *doomed);
	struct child child;

	*doomed = (struct doomed){key, role, body, context, 0};
	child = start_child(live, doomed);
	cr_assert(await_flag(&doomed->done), "%s", child.complaint);
	return child;
}

void live_and_die(const char *key, enum gyre_role role, doomed_fn *body, void *context)
{
	struct child child = live_until_killed(key, role, body, context);

	kill_child(&child);
}

bool is_pid_of(const struct gyre_participant *who, const struct child *child)
{
	return who->pid == (uint32_t)child->pid;
}
