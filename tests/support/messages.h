/* Messages whose content proves which ones they are. Needs no test framework. */
#ifndef GYRE_TESTS_MESSAGES_H
#define GYRE_TESTS_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stream of pseudo-random numbers; the same seed gives the same. */
uint64_t next_random(uint64_t *state);

/* Content that number and size determine. */
void fill_message(void *data, size_t bytes, uint64_t number);
bool is_message_of(const void *data, size_t bytes, uint64_t number);

#endif
