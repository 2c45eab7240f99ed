/* "Did you mean": the word that takes the fewest typing errors. */
#ifndef GYRE_TOOLS_NEAREST_H
#define GYRE_TOOLS_NEAREST_H

#include <stddef.h>

/* NULL if none is near. */
const char *nearest_word(const char *typed, const char *const *words, size_t count);

#endif
