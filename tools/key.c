/* gyre key: what a segment or a semaphore is called. Its first operand may say what to do. */
#include <string.h>
#include "key.h"
#include "say.h"
#include "verb.h"

#define AT(field) offsetof(struct key_settings, field)

static const struct option_spec options[] = {
	{'k', "kind", OPTION_OBJECT, AT(kind), "KIND", "legacy, safe: shm (the default) or sem"},
	{'t', "type", OPTION_TYPE, AT(type), "TYPE", "legacy, safe: posix, systemv, systemv-7 .."},
	{0, "os", OPTION_OS, AT(os), "OS", "by whose rules: linux, apple, windows .. (this one's)"},
	{'q', "qt", OPTION_FLAG, AT(qt), NULL, "read KEY exactly as Qt does, oddities included"},
	{'J', "json", OPTION_FLAG, AT(json), NULL, "as JSON: see gyre-json(5)"},
	{0, NULL, OPTION_FLAG, 0, NULL, NULL},
};

static int usage(const char *text)
{
	say("%s", text);
	return STATUS_USAGE;
}

int key_env(struct gyre_key_env *ret_env)
{
	static char buffer[GYRE_KEY_ENV_SIZE];
	struct gyre_error error;

	if (gyre_key_env_discover(ret_env, buffer, sizeof buffer, &error) < 0)
		return say_error(NULL, &error);
	return STATUS_OK;
}

static bool makes_given(const struct key_settings *settings)
{
	return settings->kind != KEY_NOT_GIVEN || settings->type != GYRE_KEY_INVALID;
}

static int show(const char *text, const struct key_settings *settings)
{
	static struct gyre_key key;
	struct gyre_error error;
	int result;

	if (makes_given(settings))
		return usage("--kind and --type belong to gyre key legacy NAME and gyre key safe "
			     "NAME: a KEY says its type itself");
	result = settings->qt ? gyre_key_parse_qt(text, &key, &error)
			      : gyre_key_parse(text, &key, &error);
	if (result < 0)
		return say_error(NULL, &error);
	return key_show(&key,
		settings->os != KEY_NOT_GIVEN ? (enum gyre_os)settings->os : gyre_key_os_here(),
		settings->json);
}

static int check(const struct operands *operands, const struct key_settings *settings)
{
	if (operands->count < 2)
		return usage("check: which FILE? (A key of that name is written posix:/check)");
	if (makes_given(settings) || settings->os != KEY_NOT_GIVEN || settings->qt)
		return usage("check: the file says what is asked; there is only --json");
	return key_check(operands->words[1], settings->json);
}

static int make(const struct operands *operands, const struct key_settings *settings)
{
	const char *how = operands->words[0];

	if (operands->count < 2) {
		say("%s: of which NAME? (A key of that name is written posix:/%s)", how, how);
		return STATUS_USAGE;
	}
	if (settings->qt)
		return usage("--qt belongs to a KEY that is read");
	return key_make(operands->words[1], strcmp(how, "legacy") == 0, settings);
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct key_settings settings = {
		.kind = KEY_NOT_GIVEN, .os = KEY_NOT_GIVEN, .type = GYRE_KEY_INVALID};
	struct operands operands = options_parse(verb, argc, argv, &settings);
	const char *first = operands.count > 0 ? operands.words[0] : NULL;

	if (first == NULL)
		return usage("which KEY? Such as: gyre key cam0");
	if (strcmp(first, "check") == 0)
		return check(&operands, &settings);
	if (strcmp(first, "legacy") == 0 || strcmp(first, "safe") == 0)
		return make(&operands, &settings);
	if (operands.count > 1) {
		say("too many operands: usage is gyre key %s", verb->operands);
		return STATUS_USAGE;
	}
	return show(first, &settings);
}

const struct verb verb_key = {
	.name = "key",
	.operands = "KEY | legacy NAME | safe NAME | check FILE",
	.operands_min = 0,
	.operands_max = 2,
	.summary = "show a key in every notation, make one, check vectors",
	.text = "Show a key in every notation; make the key that Qt before 6.6 (legacy), or since\n"
		"(safe), makes of a name; put a file of test vectors to gyre.",
	.options = options,
	.examples = "  gyre key systemv:/run/user/1000/feed\n"
		    "  gyre key legacy feed --kind sem --type systemv --os linux\n"
		    "  gyre key check vectors/keys_tostring.tsv",
	.statuses = "0 done, 1 error (check: some failed), 2 usage, 3 no such FILE,\n"
		    "  7 FILE cannot be read or holds no test vectors",
	.run = run,
};
