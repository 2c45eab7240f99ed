/*
 * Up to three producers and three consumers of an mpmc ring, each killed sooner or later and
 * replaced by another; afterwards everything has to be accounted for.
 */
#ifndef GYRE_TESTS_MPMC_BATTLE_H
#define GYRE_TESTS_MPMC_BATTLE_H

#include "mpmc_rings.h"

/* In a ring that is there, and empty: until so many have died, or the time is over. Messages take
 * up to 600 bytes. */
void fight(const struct variant *v, const char *key, uint64_t deaths, uint64_t limit_ms);

#endif
