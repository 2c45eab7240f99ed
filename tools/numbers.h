/* Numbers as people type and read them: 64K, 1.5 s, 0640; 10.6M, 812k/s. */
#ifndef GYRE_TOOLS_NUMBERS_H
#define GYRE_TOOLS_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each reads the whole text or answers false and leaves *ret_value alone. */
bool number_bytes(const char *text, uint64_t *ret_value);     /* 4096, 64K, 1M, 2G */
bool number_count(const char *text, uint64_t *ret_value);     /* digits */
bool number_seconds_ns(const char *text, int64_t *ret_value); /* 2, 0.5 */
bool number_mode(const char *text, uint32_t *ret_value);      /* octal, no execute bits */

/* Each fills a caller's buffer and returns it, so that it can stand in an argument list. */
#define NUMBER_TEXT_BYTES 24
const char *text_bytes(char *buffer, uint64_t bytes); /* "10.6M", "512B" */
const char *text_exact(char *buffer, uint64_t value); /* "11114496" */
const char *text_count(char *buffer, double count);   /* "812k" */
const char *text_duration(char *buffer, uint64_t ns); /* "3 min" */

uint64_t clock_now_ns(void); /* CLOCK_MONOTONIC, as the library stamps */

#endif
