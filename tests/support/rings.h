/*
 * For tests of rings: keys of the test's own, the variants that every behaviour is tested in,
 * pairs of handles, messages whose content proves their number, and looks from outside.
 *
 * Names begin with "gyretest-PID-". rings_open() and rings_close() are for .init and .fini: the
 * latter removes what a failed test left behind, the former what one left that was killed.
 */
#ifndef GYRE_TESTS_RINGS_H
#define GYRE_TESTS_RINGS_H

#include "../core/support.h"
#include "attachment.h"
#include "gyre_inspect.h"
#include "gyre_ring.h"
#include "messages.h"

enum {
	KEY_BYTES = 320,
	NS_PER_MS = 1000000,
};

/* A ring is the same thing in each of them. */
struct variant {
	const char *name;
	bool slots; /* else records */
	bool file;  /* else posix */
	uint32_t wake;
	uint32_t kind;                         /* 0: spsc, and */
	uint32_t producers_max, consumers_max; /* 0 */
};

void rings_open(void);
void rings_close(void);

/* for (const struct variant *v = variant_first(); v != NULL; v = variant_next()): all eight of
 * them. rings_close() says in which one a test ended. */
const struct variant *variant_first(void);
const struct variant *variant_next(void);

/* The same for mpmc rings: all sixteen of them, or one for each mode (one producer, one consumer,
 * both, neither), in other backends and wake modes. */
const struct variant *mpmc_first(void);
const struct variant *mode_first(void);
const struct variant *mpmc_next(void); /* after either */

/* A key that nobody else has. */
void key_of(const struct variant *v, const char *suffix, char key[KEY_BYTES]);

/* The path of the object behind a key. */
void path_of(const char *key, char path[KEY_BYTES]);

/* capacity_bytes as asked; slot_bytes only counts where the variant has slots. */
struct gyre_ring_options options_of(
	const struct variant *v, uint64_t capacity_bytes, uint32_t slot_bytes);

/* Each of these asserts that it succeeds. */
int make_ring(const char *key, const struct gyre_ring_options *options);
struct gyre_ring *attach(const char *key, enum gyre_role role);
struct gyre_ring *open_ring(
	const char *key, enum gyre_role role, const struct gyre_ring_options *options);

/* What attach says, without keeping the handle. */
int try_attach(const char *key, enum gyre_role role, struct gyre_error *reterr);

/* Whether the object is there. */
bool is_there(const char *key);

/* One process, both roles. */
struct pair {
	const struct variant *variant;
	char key[KEY_BYTES];
	struct gyre_ring *producer;
	struct gyre_ring *consumer;
};

struct pair pair_of(const struct variant *v, uint64_t capacity_bytes, uint32_t slot_bytes);
struct pair pair_with(const struct variant *v, const struct gyre_ring_options *options);
void pair_close(struct pair *pair); /* the name goes too */

/* ---- Messages ---- */

/* Send or receive message number n of so many bytes, with tag n. Outcomes as the ring's. */
int send_number(struct gyre_ring *ring, uint64_t number, size_t bytes, int64_t timeout_ns);

/* Receive and check it: its length, or the ring's outcome, or WRONG_MESSAGE. */
enum { WRONG_MESSAGE = -1000 };
int64_t receive_number(struct gyre_ring *ring, uint64_t number, int64_t timeout_ns);

/* ---- From outside ---- */

struct seen {
	struct gyre_ring_info info;
	struct gyre_participant producer; /* liveness GYRE_LIFE_NONE if there never was one */
	struct gyre_participant consumer;
};

struct seen look(const char *key);

/* The segment, to be read and poked; until gyre_view_close(). */
struct gyre_view view_of(const char *key);

/* The header as bytes; written back with a right checksum, or exactly as it is. */
void read_header(const char *key, struct gyre_header *ret_header);
void write_header(const char *key, struct gyre_header *header, bool with_checksum);

/* The 8-byte word at an offset of the segment, see docs/layout.md. */
_Atomic uint64_t *word_in(const struct gyre_view *view, uint64_t offset);

/* Polls until it holds; false after 20 s. */
bool eventually(bool (*holds)(void *), void *context);

/* Wait until the seat has slept so often. */
bool until_asleep(const char *key, enum gyre_role role, uint64_t sleeps);

uint64_t now_ns(void);

/* ---- Children, beside core/support.h ---- */

/* SIGKILL, and reap it. */
void kill_child(struct child *child);

/* Shared words to wait on: stores 1 and wakes; waits until it is 1 (false: 20 s have passed). */
void raise_flag(_Atomic uint32_t *flag);
bool await_flag(_Atomic uint32_t *flag);

#endif
