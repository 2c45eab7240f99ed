/*
 * What the files of keys/ share with each other about a key.
 */
#ifndef GYRE_KEY_PRIVATE_H
#define GYRE_KEY_PRIVATE_H

#include "error_private.h"
#include "gyre_key.h"
#include "text_private.h"

/* Qt knows the type: System V, POSIX or Windows. */
bool gyre_type_is_qt(uint16_t type);

/* System V, with whatever ftok id. */
bool gyre_type_is_systemv(uint16_t type);

/* The type of a scheme, in any case; GYRE_KEY_INVALID if there is none. */
uint16_t gyre_type_of_scheme(struct gyre_span scheme);

/* What was put into a text fits and is one UTF-8 string without a NUL: terminates it. Else
 * GYRE_EKEY, the text being called "what". */
int gyre_key_finish(struct gyre_text *text, const char *what, struct gyre_error *reterr);

/* What was read, and what Qt passes over in silence. */
struct gyre_reading {
	struct gyre_key key;
	bool lossy;    /* an escape was not UTF-8 and became U+FFFD */
	bool fragment; /* a '#', and what follows it, was cut off */
};

/* The grammar that both readers share, gyre's schemes included. */
int gyre_key_read(const char *text, struct gyre_reading *ret_reading, struct gyre_error *reterr);

/* GYRE_EKEY for a name longer than bytes_max, proposing a shortened one. "where" says whose
 * limit it is: "a POSIX name". */
int gyre_key_too_long(
	const char *name, size_t bytes_max, const char *where, struct gyre_error *reterr);

/* GYRE_EKEY for a name that is no UTF-8, or a type that exists nowhere. */
int gyre_key_check_name(const char *name, uint16_t type, struct gyre_error *reterr);

#endif
