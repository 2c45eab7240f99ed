/*
 * UTF-8 as far as names need it: is it valid, where may it be cut, how long is it in UTF-16.
 * Well-formed means Unicode's: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef GYRE_UTF8_PRIVATE_H
#define GYRE_UTF8_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed sequence at the start of at[0..bytes), 1 to 4, and its code point;
 * 0 if there is none. */
size_t gyre_utf8_sequence(const char *at, size_t bytes, uint32_t *ret_codepoint);

/* How many bytes from the start are well-formed; equal to bytes if all are. */
size_t gyre_utf8_valid_bytes(const char *at, size_t bytes);

/* Of a well-formed text that is longer than bytes_max, the longest prefix that is not, and
 * splits no sequence. */
size_t gyre_utf8_floor(const char *at, size_t bytes_max);

/* UTF-16 code units of a well-formed text. */
size_t gyre_utf8_units(const char *at, size_t bytes);

/* The longest prefix of a well-formed text that has at most units_max UTF-16 code units and
 * splits no character. *ret_split: the limit falls inside a surrogate pair. */
size_t gyre_utf8_floor_units(const char *at, size_t bytes, size_t units_max, bool *ret_split);

/* Noncharacters: U+FDD0..U+FDEF and the last two of each plane. */
bool gyre_utf8_is_noncharacter(uint32_t codepoint);

#endif
