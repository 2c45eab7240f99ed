/*
 * iceoryx's daemon, for as long as this program runs. See roudi.h.
 */
#include "roudi.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "team.h"

/* Room for messages of the sizes that are sent: as many as two queues and those in hand need. */
static const char pools[] = "[general]\n"
			    "version = 1\n"
			    "[[segment]]\n"
			    "[[segment.mempool]]\nsize = 128\ncount = 1200\n"
			    "[[segment.mempool]]\nsize = 1024\ncount = 1200\n"
			    "[[segment.mempool]]\nsize = 65536\ncount = 200\n"
			    "[[segment.mempool]]\nsize = 1048576\ncount = 32\n"
			    "[[segment.mempool]]\nsize = 6291456\ncount = 32\n";

static pid_t daemon_pid; /* 0: not started, or given up */
static pid_t owner_pid;  /* roles inherit what is to be done at the end */

_Noreturn static void be(pid_t parent, int config, int output)
{
	char path[32];

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", config);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	execlp("iox-roudi", "iox-roudi", "-l", "error", "-c", path, (char *)NULL);
	_exit(127);
}

/* It says so when it is ready; it ends when it cannot be. */
static bool becomes_ready(FILE *output)
{
	char line[256];

	while (fgets(line, sizeof(line), output) != NULL) {
		if (strstr(line, "ready for clients") != NULL)
			return true;
	}
	return false;
}

static FILE *spawn(void)
{
	const int config = memfd_create("roudi", 0);
	int ends[2] = {-1, -1};
	FILE *output = NULL;

	if (config >= 0 && write(config, pools, sizeof(pools) - 1) == (ssize_t)sizeof(pools) - 1 &&
		pipe2(ends, O_CLOEXEC) == 0) {
		owner_pid = getpid();
		daemon_pid = fork();
		if (daemon_pid == 0)
			be(owner_pid, config, ends[1]);
		close(ends[1]);
		output = daemon_pid > 0 ? fdopen(ends[0], "r") : NULL;
	}
	if (config >= 0)
		close(config);
	return output;
}

/* False when it did not end in good order. */
static bool end(void)
{
	int status = -1;

	if (daemon_pid > 0) {
		kill(daemon_pid, SIGTERM);
		waitpid(daemon_pid, &status, 0);
	}
	daemon_pid = 0;
	return status == 0;
}

/* Its output stays open: what it says later must not end it. */
static bool begin(void)
{
	FILE *const output = spawn();

	if (output != NULL && becomes_ready(output))
		return true;
	end();
	return false;
}

/* It aborts over a role that was killed; the next one removes what it left behind. */
static void stop(void)
{
	if (owner_pid == getpid() && !end() && begin())
		end();
}

bool roudi_start(void)
{
	static bool tried;

	if (!tried && begin())
		team_at_end(stop);
	tried = true;
	return daemon_pid > 0;
}
