/*
 * For the tests of core/: places where segments can be, children that do what must not happen in
 * the test's own process, and system calls that fail on demand.
 *
 * A child reports in words: its function returns NULL if all is well, else a complaint, or a text
 * that begins with SKIP where the machine does not allow the test. Children die with their parent.
 */
#ifndef GYRE_TESTS_CORE_SUPPORT_H
#define GYRE_TESTS_CORE_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include "backend.h"

/* Criterion's assertions store an int in a field of one bit. */
#pragma GCC diagnostic ignored "-Wconversion"

#define SKIP "skip: "

enum {
	NOBODY = 65534,
	PATH_BYTES = 160,
};

/* Where the objects of a test are. Every behaviour is tested in all places. */
enum place_kind {
	PLACE_POSIX,         /* posix: */
	PLACE_FILE_ON_TMPFS, /* file: in a directory of /dev/shm */
	PLACE_FILE_ON_DISK,  /* file: in a directory of $TMPDIR or /tmp */
	PLACE_KINDS,
};

struct place {
	enum place_kind kind;
	const struct gyre_backend *backend;
	char directory[PATH_BYTES];
	char name[PATH_BYTES]; /* of the object the test is about */
	char path[2 * PATH_BYTES + 2];
	struct gyre_key key;
};

/* One place: names in it are the test's own, by its pid, and all go in place_end(). */
struct place *place_open(enum place_kind kind);
void place_end(void);

/* All places, one after the other: for (p = place_first(); p != NULL; p = place_next()). */
struct place *place_first(void);
struct place *place_next(void);

/* For the test's .fini: ends the place, and names it, if an assertion failed there. */
void place_close(void);

/* Another key of the place: its name with a suffix. */
struct gyre_key place_key(const struct place *place, const char *suffix);
void place_path(const struct place *place, const char *suffix, char path[2 * PATH_BYTES + 2]);

/* Names in the place that begin with the test's, and private names if they are the test's. */
unsigned place_count_names(const struct place *place);

/* Descriptors this process has open. */
unsigned count_descriptors(void);

typedef const char *child_fn(void *context);

struct child {
	pid_t pid;
	char *complaint; /* shared with it */
};

struct child start_child(child_fn *body, void *context);

/* Waits for its end; "" if all was well. */
const char *end_child(struct child *child);

/* Both. */
const char *in_child(child_fn *body, void *context);

/* The same as another user; SKIP if we are not root. */
const char *as_nobody(child_fn *body, void *context);

/* Fails the test with the complaint, or skips it; not by cr_skip(), which leaves the place. */
void expect_well(const char *complaint);

/* For children. printf-style; never NULL. */
const char *complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* NULL if got is the code wanted, else a complaint that has the error's text. */
const char *expect_code(int got, int wanted, const struct gyre_error *error);

/* NULL if the text has all these words (NULL-terminated), else a complaint. */
const char *expect_words(const char *text, const char *const *words);

/* A mount namespace of one's own; NULL, or a SKIP text. */
const char *own_mounts(void);

/* NULL, or a SKIP text. Makes /dev/shm a tmpfs with these mount options. */
const char *own_shm(const char *options);

/* From here on a system call fails with this errno in this process and its children, if all bits
 * of mask are set in its argument. mask 0: always. NULL, or a SKIP text. */
const char *fail_syscall(long number, unsigned argument, uint32_t mask, int error);

/* Processes that go on together. False if the others did not come within 10 s. */
struct meeting;
struct meeting *meeting_open(unsigned parties);
bool meeting_wait(struct meeting *meeting);

/* Memory that children share with the test. */
void *shared_memory(size_t bytes);

#endif
