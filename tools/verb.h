/* A verb of the command, and its options: --help and parsing come from one table. */
#ifndef GYRE_TOOLS_VERB_H
#define GYRE_TOOLS_VERB_H

#include <stddef.h>

/* What an option's argument is, and thereby what stands at its offset in the settings. */
enum option_type {
	OPTION_FLAG,    /* bool */
	OPTION_TEXT,    /* const char * */
	OPTION_COUNT,   /* uint64_t */
	OPTION_COUNT32, /* uint32_t, at least 1 */
	OPTION_BYTES,   /* uint64_t */
	OPTION_BYTES32, /* uint32_t */
	OPTION_TAG,     /* uint32_t */
	OPTION_SECONDS, /* int64_t, nanoseconds */
	OPTION_KIND,    /* uint32_t, enum gyre_ring_kind */
	OPTION_WAKE,    /* uint32_t, enum gyre_wake */
	OPTION_MODE,    /* uint32_t, permission bits */
	OPTION_OWNER,   /* struct gyre_permissions: whom to trust */
	OPTION_TYPE,    /* uint32_t, enum gyre_key_type or 1 to 255 */
	OPTION_OBJECT,  /* uint32_t, enum gyre_key_kind */
	OPTION_OS,      /* uint32_t, enum gyre_os */
};

struct option_spec {
	char letter;      /* 0: long form only */
	const char *name; /* NULL ends the table */
	enum option_type type;
	size_t offset;        /* in the verb's settings */
	const char *argument; /* as --help calls it; NULL for a flag */
	const char *help;     /* NULL: understood, and described elsewhere */
};

struct verb {
	const char *name;
	const char *operands;
	int operands_min, operands_max; /* max -1: any number */
	const char *summary;            /* for the list of verbs */
	const char *text;               /* one or two lines */
	const struct option_spec *options;
	const char *examples;
	const char *statuses; /* which exit statuses, in short */
	int (*run)(const struct verb *verb, int argc, char **argv); /* argv[0] is the verb */
};

struct operands {
	int count;
	char **words;
};

/* Fills settings, whose defaults the caller has set, and returns the operands. Ends the process
 * on --help (0) and on what cannot be understood (2). */
struct operands options_parse(const struct verb *verb, int argc, char **argv, void *settings);

void verb_help(const struct verb *verb);

extern const struct verb verb_pub, verb_sub, verb_create, verb_rm, verb_ls, verb_info, verb_clean,
	verb_doctor, verb_key, verb_plan, verb_repair;

#endif
