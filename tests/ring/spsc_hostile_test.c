/*
 * Peers that lie. Whatever stands in the segment: every call ends, touches nothing outside the
 * mapping (its neighbours are made inaccessible here) and says at worst that the ring is damaged.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "neighbours.h"
#include "rings.h"

TestSuite(spsc_hostile, .timeout = 240, .init = rings_open, .fini = rings_close);

/* Offsets of docs/layout.md. */
enum {
	WAKE_CONSUMERS = 0x1100,
	WAKE_PRODUCERS = 0x1180,
	PRODUCERS_PAGE = 0x2000,
	HEAD_SHOWN = 0x3000,
	ENDED = 0x3080,
	PRODUCER_SEAT = 0x4000,
	CONSUMER_SEAT = 0x5000,
	DATA = 0x6000,
	LEDGER = 0x80, /* in a seat: position, messages, bytes; twice */
	OPERATION = 0xb0,
};

enum {
	CAPACITY = 4096,
	SLOT = 56, /* a stride of 64, as records of that size have */
	SPAN = 64,
};

enum word_type { NONE, MESSAGE, PAD, CLOSE };

static uint64_t word_of(unsigned type, unsigned phase, uint64_t bytes, uint64_t tag)
{
	return tag << 32 | (bytes & 0xfffffff) << 4 | phase << 3 | type;
}

/* The lies are the same whatever the backend and the wake mode. */
static const struct variant *next_shape(const struct variant *v)
{
	while (v != NULL && (v->file || v->wake != GYRE_WAKE_FENCE))
		v = variant_next();
	return v;
}

static const struct variant *first_shape(void)
{
	return next_shape(variant_first());
}

static const struct variant *other_shape(void)
{
	return next_shape(variant_next());
}

static uint64_t capacity_of(const struct pair *p)
{
	return look(p->key).info.capacity_bytes;
}

/* ---- Using a ring, whatever it is ---- */

static void expect_possible(int64_t outcome)
{
	if (outcome >= 0)
		return;
	switch (outcome) {
	case GYRE_EAGAIN:
	case GYRE_ETIMEDOUT:
	case GYRE_ECORRUPT:
	case GYRE_ECLOSED:
	case GYRE_ELEFT:
	case GYRE_EDIED:
	case GYRE_EMSGSIZE:
	case GYRE_ESTATE:
	case GYRE_EBUSY:
		return;
	default:
		cr_fatal("%s", gyre_errname((int)outcome));
	}
}

static void consume_something(struct gyre_ring *ring, uint64_t *state)
{
	struct gyre_message got[4];
	static char buffer[3 * CAPACITY];
	const int64_t timeout_ns = next_random(state) % 8 == 0 ? 1 : 0;
	int found;

	switch (next_random(state) % 5) {
	case 0:
		expect_possible(gyre_ring_receive(
			ring, buffer, next_random(state) % sizeof buffer, timeout_ns, got));
		break;
	case 1:
		expect_possible(gyre_ring_receive_batch(
			ring, buffer, next_random(state) % sizeof buffer, timeout_ns, got, 4));
		break;
	case 2:
		found = gyre_ring_peek_batch(ring, timeout_ns, got, 4);
		expect_possible(found);
		for (int i = 0; i < found; i++)
			touch(got[i].data, got[i].bytes);
		if (found > 0)
			expect_possible(gyre_ring_release(ring, &got[0]));
		break;
	case 3:
		expect_possible(gyre_ring_release_batch(ring, 1 + next_random(state) % 3));
		break;
	default:
		found = gyre_ring_peek(ring, timeout_ns, got);
		expect_possible(found);
		if (found == GYRE_OK)
			touch(got[0].data, got[0].bytes);
		break;
	}
}

static void produce_something(struct gyre_ring *ring, uint64_t *state)
{
	static char buffer[3 * CAPACITY];
	const size_t bytes = next_random(state) % (next_random(state) % 4 ? SLOT + 1 : CAPACITY);
	const int64_t timeout_ns = next_random(state) % 8 == 0 ? 1 : 0;
	const struct gyre_message batch[] = {
		{.data = buffer, .bytes = bytes}, {.data = buffer, .bytes = 3}, {.data = buffer}};
	void *data;

	switch (next_random(state) % 6) {
	case 0:
	case 1:
		expect_possible(gyre_ring_send(ring, buffer, bytes, 1, timeout_ns));
		break;
	case 2:
		expect_possible(gyre_ring_send_batch(ring, batch, 3, timeout_ns));
		break;
	case 3:
		expect_possible(gyre_ring_discard(ring));
		break;
	default:
		if (gyre_ring_reserve(ring, bytes, timeout_ns, &data) != GYRE_OK)
			break;
		touch(data, bytes);
		memset(data, 0x44, bytes);
		if (next_random(state) % 2 == 0)
			expect_possible(gyre_ring_commit(ring, bytes / 2, 2));
		break;
	}
}

static struct gyre_ring *attach_again(const char *key, enum gyre_role role)
{
	struct gyre_ring *ring = NULL;
	const int outcome = gyre_ring_attach(key, role, NULL, &ring, NULL);

	if (outcome != GYRE_OK && outcome != GYRE_ECORRUPT && outcome != GYRE_EBUSY &&
		outcome != GYRE_ESUSPECT && outcome != GYRE_ENOTFOUND)
		cr_fatal("attach: %s", gyre_errname(outcome));
	return ring;
}

/* So many calls of either side, a look from outside, and successors of both. */
static void use(struct pair *p, unsigned calls, uint64_t seed)
{
	struct gyre_participant seats[2];
	struct gyre_ring_info info;
	uint64_t state = seed;
	unsigned count = 2;
	int outcome;

	for (unsigned generation = 0; generation < 2; generation++) {
		for (unsigned i = 0; i < calls; i++) {
			if (p->producer != NULL)
				produce_something(p->producer, &state);
			if (p->consumer != NULL)
				consume_something(p->consumer, &state);
		}
		outcome = gyre_inspect(p->key, NULL, &info, seats, &count, NULL);
		cr_assert(outcome == GYRE_OK || outcome == GYRE_ENOTFOUND, "%s",
			gyre_errname(outcome));
		gyre_ring_detach(p->producer);
		gyre_ring_detach(p->consumer);
		p->producer = attach_again(p->key, GYRE_PRODUCER);
		p->consumer = attach_again(p->key, GYRE_CONSUMER);
	}
	if (p->producer != NULL)
		expect_possible(gyre_ring_close(p->producer));
}

/* ---- One lie each ---- */

static const uint64_t lies[] = {0, 1, 2, 3, 4, 7, 8, 9, 64, 2048, 4095, 4096, 4097, 8192, 1 << 20,
	0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
	0xfffffffffffff000, 0xfffffffffffffff8, 0xffffffffffffffff};

static const struct {
	uint64_t offset, bytes;
} liars[] = {
	{0x1000, 0x200},
	{PRODUCERS_PAGE, 0x100},
	{HEAD_SHOWN, 0x100},
	{PRODUCER_SEAT, 0x100},
	{CONSUMER_SEAT, 0x100},
	{DATA, 4 * SPAN},
};

enum { LIARS = sizeof liars / sizeof *liars };

/* In the middle of things: some messages wait, one is held, the positions are not 0. */
static struct pair begin(const struct variant *v)
{
	struct pair p = pair_of(v, CAPACITY, SLOT);
	struct gyre_message held;

	for (uint64_t number = 0; number < 5; number++)
		cr_assert(eq(int, send_number(p.producer, number, SLOT, 0), GYRE_OK));
	cr_assert(eq(i64, receive_number(p.consumer, 0, 0), SLOT));
	cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &held), GYRE_OK));
	guard(p.key);
	return p;
}

static void lie_at(const struct variant *v, uint64_t offset, uint64_t value, bool relative)
{
	struct pair p = begin(v);
	struct gyre_view view = view_of(p.key);
	_Atomic uint64_t *const word = word_in(&view, offset);

	atomic_store(word, relative ? atomic_load(word) + value : value);
	use(&p, 40, offset ^ value);
	gyre_view_close(&view);
	pair_close(&p);
}

Test(spsc_hostile, any_word_may_have_any_value)
{
	for (const struct variant *v = first_shape(); v != NULL; v = other_shape())
		for (int i = 0; i < LIARS; i++)
			for (uint64_t at = 0; at < liars[i].bytes; at += 8)
				for (size_t k = 0; k < sizeof lies / sizeof *lies; k++)
					lie_at(v, liars[i].offset + at, lies[k], k % 2 == 0);
}

Test(spsc_hostile, any_bit_may_flip)
{
	static const uint64_t words[] = {WAKE_CONSUMERS, WAKE_PRODUCERS, WAKE_PRODUCERS + 8,
		HEAD_SHOWN, ENDED, PRODUCER_SEAT, PRODUCER_SEAT + LEDGER,
		PRODUCER_SEAT + LEDGER + 24, PRODUCER_SEAT + OPERATION, CONSUMER_SEAT,
		CONSUMER_SEAT + LEDGER, CONSUMER_SEAT + LEDGER + 24, CONSUMER_SEAT + OPERATION,
		DATA + SPAN, DATA + 2 * SPAN, DATA + 5 * SPAN};

	for (const struct variant *v = first_shape(); v != NULL; v = other_shape()) {
		for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
			for (unsigned bit = 0; bit < 64; bit++) {
				struct pair p = begin(v);
				struct gyre_view view = view_of(p.key);

				atomic_fetch_xor(word_in(&view, words[i]), (uint64_t)1 << bit);
				use(&p, 40, words[i] + bit);
				gyre_view_close(&view);
				pair_close(&p);
			}
		}
	}
}

/* ---- The head ---- */

/* Sends until it cannot; at most as much as the ring holds. */
static int send_all(struct pair *p)
{
	const uint64_t limit = capacity_of(p) / 8;

	for (uint64_t i = 0; i <= limit; i++) {
		const int outcome = gyre_ring_send(p->producer, "12345678", 8, 0, 0);

		if (outcome != GYRE_OK)
			return outcome;
	}
	return GYRE_OK;
}

static void set_head(const struct gyre_view *view, uint64_t position)
{
	atomic_store(word_in(view, CONSUMER_SEAT + LEDGER), position);
	atomic_store(word_in(view, CONSUMER_SEAT + LEDGER + 24), position);
	atomic_store(word_in(view, HEAD_SHOWN), position);
}

static uint64_t tail_of(const struct gyre_view *view)
{
	const uint64_t a = atomic_load(word_in(view, PRODUCER_SEAT + LEDGER));
	const uint64_t b = atomic_load(word_in(view, PRODUCER_SEAT + LEDGER + 24));

	return a > b ? a : b;
}

Test(spsc_hostile, an_impossible_head_stops_the_producer)
{
	for (const struct variant *v = first_shape(); v != NULL; v = other_shape()) {
		const uint64_t unit = v->slots ? 1 : 8;
		const uint64_t from_tail[] = {unit, 100 * unit, (uint64_t)1 << 32,
			(uint64_t)1 << 62, (uint64_t)1 << 63, (uint64_t)-CAPACITY,
			(uint64_t)-2 * CAPACITY, (uint64_t)-1 << 40,
			v->slots ? unit : (uint64_t)-3};

		for (size_t i = 0; i < sizeof from_tail / sizeof *from_tail; i++) {
			struct pair p = begin(v);
			struct gyre_view view = view_of(p.key);

			cr_assert(eq(int, send_all(&p), GYRE_EAGAIN));
			set_head(&view, tail_of(&view) + from_tail[i]);
			for (int again = 0; again < 3; again++) {
				cr_assert(eq(int, send_number(p.producer, 0, 8, 0), GYRE_ECORRUPT),
					"%llx from the tail", (unsigned long long)from_tail[i]);
				cr_assert(eq(int, send_number(p.producer, 0, 8, NS_PER_MS),
					GYRE_ECORRUPT));
				cr_assert(eq(int, send_number(p.producer, 0, 8, GYRE_FOREVER),
					GYRE_ECORRUPT));
			}
			gyre_view_close(&view);
			pair_close(&p);
		}
	}
}

/* It may lag behind, or be garbage: the exact one decides. */
Test(spsc_hostile, an_impossible_shown_head_alone_stops_nobody)
{
	for (const struct variant *v = first_shape(); v != NULL; v = other_shape()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct gyre_view view = view_of(p.key);
		uint64_t state = 5, sent = 0, received = 0;

		while (received < 5000) {
			/* Behind by more than a ring, or before its time: never believed. */
			atomic_store(word_in(&view, HEAD_SHOWN),
				((uint64_t)1 << 40) + next_random(&state) % ((uint64_t)1 << 62));
			while (send_number(p.producer, sent, SLOT, 0) == GYRE_OK)
				sent++;
			cr_assert(eq(int, send_number(p.producer, sent, SLOT, 0), GYRE_EAGAIN));
			cr_assert(eq(i64, receive_number(p.consumer, received++, 0), SLOT));
		}
		gyre_view_close(&view);
		pair_close(&p);
	}
}

Test(spsc_hostile, a_frozen_head_only_fills_the_ring)
{
	for (const struct variant *v = first_shape(); v != NULL; v = other_shape()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);

		cr_assert(eq(int, send_all(&p), GYRE_EAGAIN));
		cr_assert(eq(int, send_number(p.producer, 0, 8, NS_PER_MS), GYRE_ETIMEDOUT));
		pair_close(&p);
	}
}

/* ---- Words ---- */

/* The word of the next message (records and slots stand at the same places here). */
static void expect_corrupt_word(const struct variant *v, uint64_t word)
{
	struct pair p = pair_of(v, CAPACITY, SLOT);
	struct gyre_view view = view_of(p.key);
	struct gyre_message message;
	static char buffer[2 * CAPACITY];

	for (uint64_t number = 0; number < 3; number++)
		cr_assert(eq(int, send_number(p.producer, number, SLOT, 0), GYRE_OK));
	cr_assert(eq(i64, receive_number(p.consumer, 0, 0), SLOT));
	atomic_store(word_in(&view, DATA + SPAN), word);
	for (int i = 0; i < 3; i++) {
		cr_assert(eq(int, gyre_ring_peek(p.consumer, 0, &message), GYRE_ECORRUPT),
			"word %llx", (unsigned long long)word);
		cr_assert(eq(i64, gyre_ring_receive(p.consumer, buffer, sizeof buffer, 0, NULL),
			GYRE_ECORRUPT));
		cr_assert(eq(i64,
			gyre_ring_receive(p.consumer, buffer, sizeof buffer, GYRE_FOREVER, NULL),
			GYRE_ECORRUPT));
		cr_assert(eq(int,
			gyre_ring_receive_batch(p.consumer, buffer, sizeof buffer, 0, &message, 1),
			GYRE_ECORRUPT));
	}
	cr_assert(eq(u64, look(p.key).consumer.counters.messages, 1));
	gyre_view_close(&view);
	pair_close(&p);
}

Test(spsc_hostile, an_impossible_word_is_told_and_not_followed)
{
	const struct variant *v = first_shape();

	cr_assert(not(v->slots));
	for (unsigned type = 4; type < 8; type++)
		expect_corrupt_word(v, word_of(type, 0, 8, 0));
	expect_corrupt_word(v, word_of(MESSAGE, 1, 8, 0));
	expect_corrupt_word(v, word_of(PAD, 1, 0, 0));
	expect_corrupt_word(v, word_of(CLOSE, 1, 0, 0));
	expect_corrupt_word(v, word_of(MESSAGE, 0, CAPACITY, 0));
	expect_corrupt_word(v, word_of(MESSAGE, 0, CAPACITY - SPAN + 9, 0)); /* past the slack */
	expect_corrupt_word(v, word_of(MESSAGE, 0, 0xfffffff, 0));
	v = other_shape();
	cr_assert(v->slots);
	for (unsigned type = 4; type < 8; type++)
		expect_corrupt_word(v, word_of(type, 1, 8, 0));
	expect_corrupt_word(v, word_of(PAD, 1, 0, 0));
	expect_corrupt_word(v, word_of(MESSAGE, 1, SLOT + 1, 0));
	expect_corrupt_word(v, word_of(MESSAGE, 1, 0xfffffff, 0));
	cr_assert(eq(ptr, (void *)other_shape(), NULL));
}

/* A pad that leads to a pad would lead round for ever. */
Test(spsc_hostile, a_pad_at_the_start_is_not_followed)
{
	const struct variant *v = first_shape();
	struct pair p = pair_of(v, CAPACITY, SLOT);
	struct gyre_view view = view_of(p.key);

	atomic_store(word_in(&view, DATA), word_of(PAD, 0, 0, 0));
	cr_assert(eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER), GYRE_ECORRUPT));
	atomic_store(word_in(&view, DATA), 0);
	cr_assert(eq(int, send_number(p.producer, 0, SLOT, 0), GYRE_OK));
	cr_assert(eq(i64, receive_number(p.consumer, 0, 0), SLOT));
	atomic_store(word_in(&view, DATA + SPAN), word_of(PAD, 0, 0, 0));
	atomic_store(word_in(&view, DATA), word_of(PAD, 0, 0, 0));
	cr_assert(eq(i64, receive_number(p.consumer, 0, GYRE_FOREVER), GYRE_ECORRUPT));
	gyre_ring_detach(p.producer);
	p.producer = attach_again(p.key, GYRE_PRODUCER); /* walks the words, too */
	look(p.key);
	gyre_view_close(&view);
	pair_close(&p);
	while (other_shape() != NULL)
		;
}

Test(spsc_hostile, words_that_change_while_held_cost_at_most_the_messages)
{
	for (const struct variant *v = first_shape(); v != NULL; v = other_shape()) {
		const unsigned phase = v->slots ? 1 : 0;
		const uint64_t words[] = {0, word_of(MESSAGE, phase, 0, 0),
			word_of(MESSAGE, phase, 8, 0), word_of(MESSAGE, phase, SLOT + 1, 0),
			word_of(MESSAGE, phase, 3 * SPAN - 8, 0),
			word_of(MESSAGE, phase, 4 * SPAN, 0), word_of(MESSAGE, phase, 0xfffffff, 0),
			word_of(MESSAGE, !phase, 8, 0), word_of(PAD, phase, 0, 0),
			word_of(CLOSE, phase, 0, 0), word_of(7, phase, 8, 0), UINT64_MAX};

		for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
			for (int which = 0; which < 3; which++) {
				struct pair p = pair_of(v, CAPACITY, SLOT);
				struct gyre_view view = view_of(p.key);
				struct gyre_message held[3];

				for (uint64_t number = 0; number < 4; number++)
					cr_assert(eq(int, send_number(p.producer, number, SLOT, 0),
						GYRE_OK));
				cr_assert(eq(i64, receive_number(p.consumer, 0, 0), SLOT));
				cr_assert(eq(int, gyre_ring_peek_batch(p.consumer, 0, held, 3), 3));
				guard(p.key);
				atomic_store(word_in(&view, DATA + (uint64_t)(which + 1) * SPAN),
					words[i]);
				for (int k = 0; k < 3; k++)
					expect_possible(gyre_ring_release(p.consumer, &held[k]));
				for (int k = 0; k < 5; k++)
					expect_possible(gyre_ring_release_batch(p.consumer, 1));
				expect_possible(receive_number(p.consumer, 0, 0));
				/* It never went past what was held: the producer finds its head. */
				cr_assert(ne(int, send_all(&p), GYRE_ECORRUPT),
					"word %llx in place of message %d",
					(unsigned long long)words[i], which + 1);
				use(&p, 40, i);
				gyre_view_close(&view);
				pair_close(&p);
			}
		}
	}
}

/* ---- Everything, all the time ---- */

struct scribbler {
	const char *key;
	uint64_t segment_bytes;
	_Atomic uint32_t started;
};

static const char *scribble(void *context)
{
	struct scribbler *const scribbler = context;
	struct gyre_view view = view_of(scribbler->key);
	uint64_t state = 3;

	raise_flag(&scribbler->started);
	while (atomic_load(&scribbler->started) != 0) {
		const uint64_t random = next_random(&state);
		const bool anywhere = random % 4 == 0;
		const uint64_t offset = anywhere ? next_random(&state) % view.map.bytes
						 : DATA + next_random(&state) % (8 * SPAN);
		_Atomic uint64_t *const word = word_in(&view, offset / 8 * 8);

		switch (next_random(&state) % 4) {
		case 0:
			atomic_store(word, next_random(&state));
			break;
		case 1:
			atomic_store(word, lies[random / 4 % (sizeof lies / sizeof *lies)]);
			break;
		case 2:
			atomic_fetch_xor(word, (uint64_t)1 << random / 4 % 64);
			break;
		default:
			atomic_store(word, word_of(random / 8 % 4, random / 64 % 2,
						   random / 256 % CAPACITY, 0));
			break;
		}
	}
	return NULL;
}

Test(spsc_hostile, a_peer_that_writes_everywhere_all_the_time_crashes_nobody)
{
	for (const struct variant *v = first_shape(); v != NULL; v = other_shape()) {
		for (uint64_t round = 0; round < 20; round++) {
			struct pair p = pair_of(v, CAPACITY, SLOT);
			struct scribbler *const scribbler = shared_memory(sizeof *scribbler);
			struct child child;
			uint64_t state = round;

			guard(p.key);
			scribbler->key = p.key;
			child = start_child(scribble, scribbler);
			cr_assert(await_flag(&scribbler->started), "%s", child.complaint);
			for (unsigned i = 0; i < 3000; i++) {
				struct gyre_ring_info info;

				produce_something(p.producer, &state);
				consume_something(p.consumer, &state);
				if (i % 500 == 0)
					gyre_inspect(p.key, NULL, &info, NULL, NULL, NULL);
			}
			kill_child(&child);
			pair_close(&p);
		}
	}
}
