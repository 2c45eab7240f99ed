/*
 * What the tests of keys/ share: short ways to make keys and to ask for their string form.
 */
#ifndef GYRE_TESTS_KEYS_SUPPORT_H
#define GYRE_TESTS_KEYS_SUPPORT_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>
#include "gyre_key.h"

#pragma GCC diagnostic ignored "-Wconversion" /* Criterion's macros put an int into one bit */

static const struct gyre_key_env test_env = {"/run/user/1000", "/tmp", NULL};

struct printed {
	char text[GYRE_KEY_TEXT_SIZE];
};

static inline struct gyre_key key_of(uint16_t type, const char *native, const char *legacy)
{
	struct gyre_key key = {.type = type};

	cr_assert(lt(sz, strlen(native), sizeof key.native));
	cr_assert(lt(sz, strlen(legacy), sizeof key.legacy));
	strcpy(key.native, native);
	strcpy(key.legacy, legacy);
	return key;
}

static inline struct printed print(const struct gyre_key *key)
{
	struct printed printed;

	cr_assert(lt(
		sz, gyre_key_print(key, printed.text, sizeof printed.text), sizeof printed.text));
	return printed;
}

/* A text of so many times the same piece. */
static inline struct printed repeat(const char *piece, size_t times)
{
	struct printed text = {""};

	cr_assert(lt(sz, strlen(piece) * times, sizeof text.text));
	for (size_t i = 0; i < times; i++)
		memcpy(text.text + i * strlen(piece), piece, strlen(piece));
	return text;
}

static inline struct printed join(const char *head, const char *tail)
{
	struct printed text;

	cr_assert(lt(sz, strlen(head) + strlen(tail), sizeof text.text));
	strcat(strcpy(text.text, head), tail);
	return text;
}

/* A detail that was left alone shows that nothing was written. */
static inline struct gyre_error untouched_error(void)
{
	return (struct gyre_error){.code = 77, .os_code = 77, .what = "untouched"};
}

static inline void assert_explained(const struct gyre_error *error, int code, const char *part)
{
	cr_assert(eq(int, error->code, code));
	cr_assert(eq(int, error->os_code, 0));
	cr_assert(ne(ptr, strstr(error->what, part), NULL), "\"%s\" is not in: %s", part,
		error->what);
	cr_assert(eq(ptr, strchr(error->what, '\n'), NULL), "more than one line: %s", error->what);
}

#endif
