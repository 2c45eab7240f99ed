/*
 * A signal that arrives between the look at the flag and a blocking read(2) would go unseen until
 * the next input. The handler therefore starts an alarm that interrupts system calls once a second
 * until the process has ended; the calls of the library, which signals do not interrupt, are made
 * in slices.
 */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>
#include "stop.h"

static volatile sig_atomic_t asked;

static void on_signal(int number)
{
	if (number == SIGALRM) {
		alarm(1);
		return;
	}
	if (asked != 0) {
		signal(number, SIG_DFL);
		raise(number);
		return;
	}
	asked = number;
	alarm(1);
}

void stop_catch(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
	struct sigaction action = {.sa_handler = on_signal}, before;
	size_t i;

	for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		/* What a shell or nohup(1) made us ignore stays ignored. */
		if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN)
			continue;
		sigaction(numbers[i], &action, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}

int stop_asked(void)
{
	return asked;
}
