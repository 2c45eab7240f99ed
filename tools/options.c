/*
 * Options of a verb: one table says what getopt_long() accepts, where the value goes and what
 * --help prints, so the three cannot disagree.
 */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gyre_ring.h"
#include "numbers.h"
#include "say.h"
#include "tag.h"
#include "verb.h"
#include "words.h"

enum {
	OPTIONS_MAX = 24,
	LONG_BASE = 256, /* getopt_long() answers LONG_BASE + index, beyond every letter */
	LONG_HELP = LONG_BASE + OPTIONS_MAX,
};

static void refuse(const struct verb *verb)
{
	fprintf(stderr, "Try 'gyre %s --help'.\n", verb->name);
	exit(STATUS_USAGE);
}

static const char *expected(enum option_type type)
{
	switch (type) {
	case OPTION_COUNT:
		return "give a number, such as 1000";
	case OPTION_COUNT32:
		return "give a number from 1 on";
	case OPTION_BYTES:
	case OPTION_BYTES32:
		return "give a number of bytes with K, M or G if wanted, such as 64K";
	case OPTION_TAG:
		return "give a number from 0 to 2147483647";
	case OPTION_SECONDS:
		return "give seconds, such as 2 or 0.5";
	case OPTION_KIND:
		return "there are: spsc, mpmc";
	case OPTION_WAKE:
		return "there are: fence, membarrier";
	case OPTION_MODE:
		return "give an octal mode without execute bits, such as 0640";
	case OPTION_OWNER:
		return "give the name or number of a user of this machine";
	case OPTION_TYPE:
		return "there are: posix, systemv, systemv-1 to systemv-255, windows, file, memfd";
	case OPTION_OBJECT:
		return "there are: shm, sem";
	case OPTION_OS:
		return "there are: linux, freebsd, qnx, apple, apple-sandboxed, windows, android, "
		       "integrity";
	case OPTION_FLAG:
	case OPTION_TEXT:
		break;
	}
	return "give a text";
}

static bool read_owner(const char *text, struct gyre_permissions *permissions)
{
	const struct passwd *user = getpwnam(text);
	uint64_t uid;

	if (user != NULL)
		permissions->trusted_uid = user->pw_uid;
	else if (number_count(text, &uid) && uid < UINT32_MAX)
		permissions->trusted_uid = (uint32_t)uid;
	else
		return false;
	permissions->trust_uid = 1;
	return true;
}

static bool narrow(uint64_t value, uint64_t max, uint32_t *ret_value)
{
	if (value > max)
		return false;
	*ret_value = (uint32_t)value;
	return true;
}

static bool store(const struct option_spec *option, const char *text, void *at)
{
	uint64_t value = 0;

	switch (option->type) {
	case OPTION_FLAG:
		*(bool *)at = true;
		return true;
	case OPTION_TEXT:
		*(const char **)at = text;
		return true;
	case OPTION_COUNT:
		return number_count(text, at);
	case OPTION_COUNT32:
		return number_count(text, &value) && value > 0 && narrow(value, UINT32_MAX, at);
	case OPTION_BYTES:
		return number_bytes(text, at) && *(uint64_t *)at > 0;
	case OPTION_BYTES32:
		return number_bytes(text, &value) && value > 0 && narrow(value, UINT32_MAX, at);
	case OPTION_TAG:
		return number_count(text, &value) && narrow(value, TAG_USER_MAX, at);
	case OPTION_SECONDS:
		return number_seconds_ns(text, at);
	case OPTION_KIND:
		return word_to_kind(text, at);
	case OPTION_WAKE:
		return word_to_wake(text, at);
	case OPTION_MODE:
		return number_mode(text, at);
	case OPTION_OWNER:
		return read_owner(text, at);
	case OPTION_TYPE:
		*(uint32_t *)at = gyre_key_type_from_text(text);
		return *(uint32_t *)at != GYRE_KEY_INVALID;
	case OPTION_OBJECT:
		return word_to_key_kind(text, at);
	case OPTION_OS:
		return word_to_os(text, at);
	}
	return false;
}

static int count_options(const struct option_spec *options)
{
	int count = 0;

	while (options[count].name != NULL)
		count++;
	return count;
}

/* Both forms getopt_long() wants; ret_letters has room for two characters an option and "+h". */
static void tables(const struct option_spec *options, struct option *ret_long, char *ret_letters)
{
	const int count = count_options(options);
	int i;

	for (i = 0; i < count; i++) {
		ret_long[i] = (struct option){options[i].name,
			options[i].argument != NULL ? required_argument : no_argument, NULL,
			LONG_BASE + i};
		if (options[i].letter == 0)
			continue;
		*ret_letters++ = options[i].letter;
		if (options[i].argument != NULL)
			*ret_letters++ = ':';
	}
	ret_long[count] = (struct option){"help", no_argument, NULL, LONG_HELP};
	ret_long[count + 1] = (struct option){NULL, 0, NULL, 0};
	*ret_letters++ = 'h';
	*ret_letters = '\0';
}

static const struct option_spec *find(const struct verb *verb, int answer)
{
	const struct option_spec *option;

	if (answer >= LONG_BASE)
		return &verb->options[answer - LONG_BASE];
	for (option = verb->options; option->name != NULL; option++) {
		if (option->letter == answer)
			return option;
	}
	return NULL;
}

static void check_operands(const struct verb *verb, int count)
{
	if (count < verb->operands_min) {
		say("%s", verb->operands_min == 1 ? "which ring? Give its KEY, such as: cam0"
						  : "too few operands");
		refuse(verb);
	}
	if (verb->operands_max >= 0 && count > verb->operands_max) {
		say("too many operands: usage is gyre %s %s", verb->name, verb->operands);
		refuse(verb);
	}
}

struct operands options_parse(const struct verb *verb, int argc, char **argv, void *settings)
{
	struct option long_options[OPTIONS_MAX + 2];
	char letters[2 * OPTIONS_MAX + 2], name[64];
	const struct option_spec *option;
	int answer;

	tables(verb->options, long_options, letters);
	/* getopt_long() prints its complaints after argv[0]; they should name verb and command. */
	snprintf(name, sizeof name, "gyre %s", verb->name);
	argv[0] = name;
	optind = 1;
	while ((answer = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		if (answer == 'h' || answer == LONG_HELP) {
			verb_help(verb);
			exit(STATUS_OK);
		}
		option = find(verb, answer);
		if (option == NULL)
			refuse(verb);
		else if (!store(option, optarg, (char *)settings + option->offset)) {
			say("--%s %s: %s", option->name, optarg, expected(option->type));
			refuse(verb);
		}
	}
	argv[0] = (char *)verb->name;
	check_operands(verb, argc - optind);
	return (struct operands){argc - optind, argv + optind};
}

void verb_help(const struct verb *verb)
{
	const struct option_spec *option;
	char left[40];

	printf("Usage: gyre %s [OPTION...]%s%s\n%s\n\n", verb->name,
		verb->operands[0] == '\0' ? "" : " ", verb->operands, verb->text);
	for (option = verb->options; option->name != NULL; option++) {
		if (option->help == NULL)
			continue;
		snprintf(left, sizeof left, "%c%c%s --%s%s%s", option->letter != 0 ? '-' : ' ',
			option->letter != 0 ? option->letter : ' ', option->letter != 0 ? "," : " ",
			option->name, option->argument != NULL ? " " : "",
			option->argument != NULL ? option->argument : "");
		printf("  %-24s%s\n", left, option->help);
	}
	printf("  -h, --help              show this\n\nExamples:\n%s\nExit status: %s\n",
		verb->examples, verb->statuses);
}
