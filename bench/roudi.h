/*
 * iceoryx's daemon, for as long as this program runs.
 */
#ifndef BENCH_ROUDI_H
#define BENCH_ROUDI_H

#include <stdbool.h>

/* Starts it unless that has been done. It ends with this process, however that ends. False when it
 * cannot be started, as when somebody else's is running. */
bool roudi_start(void);

#endif
