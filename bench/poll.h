/*
 * What everybody does between two looks at a word that the other core is about to write.
 *
 * One pause, for peers and references alike. Without it the poller keeps pulling the line away
 * while the writer is still filling it.
 */
#ifndef BENCH_POLL_H
#define BENCH_POLL_H

#include <ck_pr.h>

static inline void poll_wait(void)
{
	ck_pr_stall();
}

#endif
