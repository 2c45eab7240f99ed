/*
 * Random deaths: producers and consumers of one ring are killed and stopped at random and started
 * again, while every message is accounted for.
 *
 *	soak.c     the driver: who runs, who is killed, when it ends
 *	roles.c    what a producer and a consumer do
 *	account.c  who sent, got and released what; the verdict
 *
 * Each producer numbers its messages; a successor goes on with the next number. Number and producer
 * are the message's tag, and determine its length and content, so that one byte can be a message.
 * Bit maps in memory shared by all say which numbers were acknowledged (send returned), delivered
 * (peek returned), released (release returned). Each bit is set after the fact, so a death leaves a
 * bit too few, never one too many; how many at most is noted before each call.
 */
#ifndef GYRE_TESTS_SOAK_H
#define GYRE_TESTS_SOAK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "gyre_inspect.h"
#include "gyre_ring.h"

enum {
	SOAK_PRODUCERS_MAX = 8,
	SOAK_CONSUMERS_MAX = 8,
	SOAK_BATCH_MAX = 8,
	SOAK_MESSAGE_MAX = 2048,
	SOAK_FAULT_BYTES = 240,
};

struct soak_options {
	const char *key;
	struct gyre_ring_options ring;
	unsigned producers, consumers;
	double seconds;
	uint64_t kills; /* 0: as many as the time allows */
	uint64_t seed;
	uint64_t numbers; /* per producer */
	size_t message_bytes_max;
	unsigned kill_interval_us;
	bool blocking;
};

/* What a process is about to do, and has not marked yet: so many it may take along when it dies. */
struct soak_doubt {
	_Atomic uint32_t sending, releasing;
};

/* Shared by all processes of the run; zero at first. */
struct soak_account {
	_Atomic uint32_t stopping; /* producers: finish */
	_Atomic uint64_t next_number[SOAK_PRODUCERS_MAX];
	_Atomic uint64_t acknowledged, delivered, released, again, marked_again;
	struct soak_doubt producing[SOAK_PRODUCERS_MAX], consuming[SOAK_CONSUMERS_MAX];
	uint64_t sends_in_doubt, releases_in_doubt; /* of all who died */
	_Atomic uint32_t faulty;
	char fault[SOAK_FAULT_BYTES];
	uint64_t numbers;
	size_t map_words;        /* 64-bit words of one map */
	_Atomic uint64_t maps[]; /* [producer][acknowledged, delivered, released][map_words] */
};

struct soak_account *soak_account_new(const struct soak_options *options);

/* Set a bit; true if it was set already. */
enum soak_map { SOAK_ACKNOWLEDGED, SOAK_DELIVERED, SOAK_RELEASED };
bool soak_mark(struct soak_account *a, unsigned producer, enum soak_map map, uint64_t number);
bool soak_is_marked(
	const struct soak_account *a, unsigned producer, enum soak_map map, uint64_t number);

/* The first fault is kept; all processes then end. */
void soak_fault(struct soak_account *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Which message it is. */
enum { SOAK_PRODUCER_BITS = 4 };
static inline uint32_t soak_tag(unsigned producer, uint64_t number)
{
	return (uint32_t)(number << SOAK_PRODUCER_BITS | producer);
}

static inline unsigned soak_producer(uint32_t tag)
{
	return tag & ((1u << SOAK_PRODUCER_BITS) - 1);
}

static inline uint64_t soak_number(uint32_t tag)
{
	return tag >> SOAK_PRODUCER_BITS;
}

/* Its content; returns the length. */
size_t soak_fill(uint8_t *to, uint32_t tag, size_t bytes_max);
bool soak_check(const struct gyre_message *message, size_t bytes_max);

/* Run a role until told to stop, closed, or killed. Returns the exit status. */
int soak_produce(
	struct soak_account *a, const struct soak_options *o, unsigned self, uint64_t seed);
int soak_consume(
	struct soak_account *a, const struct soak_options *o, unsigned self, uint64_t seed);

/* After all have ended, and the dead were repaired: what the ring's own books say. Prints; true:
 * all messages accounted for. */
bool soak_verdict(
	struct soak_account *a, const struct soak_options *o, const struct gyre_ring_info *info);

static inline uint64_t soak_random(uint64_t *state)
{
	/* splitmix64: Steele, Lea, Flood, OOPSLA 2014. */
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

#endif
