#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "report.h"
#include "succession.h"

#define COLUMNS "NAME,FILL,MESSAGES,PRODUCER,CONSUMER,STATE"

enum { TEXT_TOTAL = 256 << 20 };

static bool show_rings(const char *gyre)
{
	int status;
	pid_t pid;

	printf("   $ gyre ls -o " COLUMNS "\n");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execlp(gyre, gyre, "ls", "-o", COLUMNS, (char *)NULL);
		fprintf(stderr, "%s: %s\n", gyre, strerror(errno));
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool kill_and_show(struct flow *flow, const char *gyre, uint64_t total)
{
	const pid_t victim = flow->producer.pid;
	struct account account;
	char a[TEXT_BYTES];

	report_start(flow);
	if (!flow_wait_for_messages(flow, total / 2) || !flow_kill_producer(flow))
		return false;
	printf("   $ kill -9 %d\n", (int)victim);
	if (!flow_wait_for_death_notice(flow) || !flow_account(flow, &account))
		return false;
	printf("   the consumer was told, after all that had been committed: %s lines\n",
		text_of_count(a, account.committed));
	return show_rings(gyre);
}

static bool go_on(struct flow *flow)
{
	char a[TEXT_BYTES];
	struct account before;

	if (!flow_account(flow, &before) || !flow_start_producer(flow))
		return false;
	printf("   process %d takes over and goes on with line %s, as the ring tells it\n",
		(int)flow->producer.pid, text_of_count(a, before.committed + 1));
	fflush(stdout);
	return flow_wait(flow);
}

bool succession(const char *gyre, const struct stream *stream, struct text *text)
{
	struct account account;
	struct flow flow;
	bool good;

	text->times = (unsigned)(TEXT_TOTAL / text->all.size) + 1;
	good = flow_open(&flow, stream) && flow_start_consumer(&flow) &&
	       flow_start_producer(&flow) &&
	       kill_and_show(&flow, gyre, text->lines * text->times) && go_on(&flow) &&
	       flow_account(&flow, &account);
	if (good)
		good = report_balance(&flow, &account, text_checksum(text));
	flow_close(&flow);
	return good;
}
