/* One stream under way: its ring, a producer process, a consumer process, their tallies. */
#ifndef DEMO_FLOW_H
#define DEMO_FLOW_H

#include <stdbool.h>
#include <sys/types.h>
#include "side.h"

/* A process that has ended has pid 0. */
struct worker {
	pid_t pid;
	int status; /* as waitpid() gives it; -1: not ended yet */
	struct tally *tally;
};

struct flow {
	const struct stream *stream;
	char key[64];
	struct worker producer, consumer;
};

/* What the ring itself says at the end. */
struct account {
	uint64_t committed, released, waiting, aborted;
};

/* What happened is said on standard error wherever the answer is false. */
bool flow_open(struct flow *flow, const struct stream *stream);
bool flow_start_producer(struct flow *flow); /* the first, or a successor with a new tally */
bool flow_start_consumer(struct flow *flow);
bool flow_wait_for_messages(struct flow *flow, uint64_t count); /* received */
bool flow_wait_for_death_notice(struct flow *flow);
bool flow_kill_producer(struct flow *flow); /* SIGKILL; it was running until then */
bool flow_wait(struct flow *flow);          /* for both to end well */
bool flow_account(const struct flow *flow, struct account *ret_account);
void flow_close(struct flow *flow); /* at any moment: nothing of it is left */

/* From now on SIGINT, SIGTERM and SIGHUP end every wait. */
void flow_catch_signals(void);
int flow_signal(void); /* which one came; 0: none */

#endif
