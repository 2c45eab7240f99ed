/*
 * gyre: the command. Finds the verb; what it does not know may be a program gyre-VERB on the PATH.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "nearest.h"
#include "say.h"
#include "verb.h"

static const struct verb *const verbs[] = {&verb_pub, &verb_sub, &verb_create, &verb_rm, &verb_ls,
	&verb_info, &verb_clean, &verb_repair, &verb_plan, &verb_doctor, &verb_key};

enum { VERBS = sizeof verbs / sizeof verbs[0] };

static const struct verb *find(const char *name)
{
	size_t i;

	for (i = 0; i < VERBS; i++) {
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	}
	return NULL;
}

static void usage(FILE *to)
{
	size_t i;

	fprintf(to,
		"Usage: gyre VERB [OPTION...] [OPERAND...]\n"
		"Pass messages between the processes of this machine through shared memory.\n\n");
	for (i = 0; i < VERBS; i++)
		fprintf(to, "  %-8s%s\n", verbs[i]->name, verbs[i]->summary);
	fprintf(to,
		"  help    show a verb's options and examples: gyre help VERB\n\n"
		"A KEY names a ring: cam0, posix:/cam0, file:/run/user/1000/cam0.\n"
		"An unknown VERB runs the program gyre-VERB, where there is one.\n\n"
		"  gyre sub hello &                      # waits for the ring\n"
		"  gyre pub hello \"hi there\"\n\n"
		"Exit status: 0 ok, 1 error, 2 usage, 3 not found, 4 nothing to do, 5 time-out,\n"
		"  6 data lost or producer gone, 7 unreadable file, 129 to 143 ended by a "
		"signal.\n");
}

static int unknown(const char *name)
{
	const char *names[VERBS + 1];
	const char *close;
	size_t i;

	for (i = 0; i < VERBS; i++)
		names[i] = verbs[i]->name;
	names[VERBS] = "help";
	close = nearest_word(name, names, VERBS + 1);
	if (close != NULL)
		say("no verb '%s', and no program gyre-%s on the PATH. Did you mean: gyre %s", name,
			name, close);
	else
		say("no verb '%s', and no program gyre-%s on the PATH. gyre help lists the verbs",
			name, name);
	return STATUS_USAGE;
}

/* Returns only if there is no such program. */
static int run_program(char **argv)
{
	char name[256];

	if (strchr(argv[0], '/') != NULL || argv[0][0] == '-' || argv[0][0] == '\0' ||
		snprintf(name, sizeof name, "gyre-%s", argv[0]) >= (int)sizeof name)
		return unknown(argv[0]);
	execvp(name, argv);
	if (errno == ENOENT)
		return unknown(argv[0]);
	say("%s: %s", name, strerror(errno));
	return STATUS_ERROR;
}

static int help(int argc, char **argv)
{
	const struct verb *verb;

	if (argc < 2) {
		usage(stdout);
		return STATUS_OK;
	}
	verb = find(argv[1]);
	if (verb == NULL)
		return unknown(argv[1]);
	verb_help(verb);
	return STATUS_OK;
}

static int dispatch(int argc, char **argv)
{
	const struct verb *verb;

	if (argc < 1) {
		usage(stderr);
		return STATUS_USAGE;
	}
	verb = find(argv[0]);
	if (verb != NULL) {
		say_as(verb->name);
		return verb->run(verb, argc, argv);
	}
	if (strcmp(argv[0], "help") == 0 || strcmp(argv[0], "--help") == 0 ||
		strcmp(argv[0], "-h") == 0)
		return help(argc, argv);
	if (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "-V") == 0) {
		printf("gyre %s\n", GYRE_VERSION);
		return STATUS_OK;
	}
	return run_program(argv);
}

/* A closed descriptor 0, 1 or 2 would be given to the next file opened, a ring for instance.
 * Opened the wrong way round, so that using it fails as it should. */
static void occupy_standard_descriptors(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 &&
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			exit(STATUS_ERROR);
	}
}

int main(int argc, char **argv)
{
	int status;

	occupy_standard_descriptors();
	setlocale(LC_CTYPE, ""); /* only so that tables know how wide characters are */
	status = dispatch(argc - 1, argv + 1);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno != EPIPE)
		say("writing to standard output: %s", strerror(errno));
	return status == STATUS_OK ? STATUS_ERROR : status;
}
