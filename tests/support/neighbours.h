/*
 * For tests of peers that lie: what lies beside a ring's mapping is made inaccessible, and what the
 * library hands out is read to its last byte.
 */
#ifndef GYRE_TESTS_NEIGHBOURS_H
#define GYRE_TESTS_NEIGHBOURS_H

#include <stddef.h>

/* Where this process has the ring mapped; what guarded another mapping before goes. */
void guard(const char *key);

/* All of it is there, in the mapping guarded last. */
void touch(const void *data, size_t bytes);

#endif
