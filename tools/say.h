/* What the command tells people on standard error, and the exit statuses it ends with. */
#ifndef GYRE_TOOLS_SAY_H
#define GYRE_TOOLS_SAY_H

#include <stdbool.h>
#include "gyre_error.h"

/* Documented in every --help and in gyre(1): they are part of the interface. */
enum status {
	STATUS_OK = 0,
	STATUS_ERROR = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_FOUND = 3,
	STATUS_NOTHING = 4, /* nothing to do */
	STATUS_TIMEOUT = 5,
	STATUS_LOST = 6,       /* data lost, or the producer is gone */
	STATUS_UNREADABLE = 7, /* a file of test vectors that is none */
	STATUS_SIGNAL = 128,
};

/* Whose words these are: "pub", or "" before the verb is known. */
void say_as(const char *verb);

/* One line, prefixed "gyre VERB: ". */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* What the library said, with the key if the text does not name it. Returns the exit status. */
int say_error(const char *key, const struct gyre_error *error);

/* For calls that return only a code; advice may be NULL. Returns the exit status. */
int say_code(const char *key, int code, const char *advice);

/* The exit status that belongs to a gyre_err. */
int status_of(int code);

/* Show a line on the terminal that the next one replaces; "" takes it away. */
__attribute__((format(printf, 1, 2))) void say_status(const char *format, ...);

/* Whether somebody watches standard error. */
bool say_is_watched(void);

#endif
