/* The words that stand for the library's enumerations: in tables, in JSON, on the command line. */
#ifndef GYRE_TOOLS_WORDS_H
#define GYRE_TOOLS_WORDS_H

#include <stdbool.h>
#include <stdint.h>

/* Unknown numbers, which a newer ring may hold, give "?". */
const char *kind_word(uint32_t kind);
const char *wake_word(uint32_t wake);
const char *role_word(uint32_t role);
const char *state_word(uint32_t state);
const char *life_word(uint32_t liveness);

bool word_to_kind(const char *word, uint32_t *ret_kind);
bool word_to_wake(const char *word, uint32_t *ret_wake);
bool word_to_key_kind(const char *word, uint32_t *ret_kind); /* enum gyre_key_kind */
bool word_to_os(const char *word, uint32_t *ret_os);         /* enum gyre_os */

#endif
