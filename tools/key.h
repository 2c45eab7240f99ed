/* gyre key: its settings, and what it can be asked to do. */
#ifndef GYRE_TOOLS_KEY_H
#define GYRE_TOOLS_KEY_H

#include <stdbool.h>
#include <stdint.h>
#include "gyre_key.h"

#define KEY_NOT_GIVEN UINT32_MAX

struct key_settings {
	uint32_t kind; /* enum gyre_key_kind, or KEY_NOT_GIVEN */
	uint32_t os;   /* enum gyre_os, or KEY_NOT_GIVEN */
	uint32_t type; /* or GYRE_KEY_INVALID */
	bool json, qt;
};

/* Each returns an exit status, and has said what was wrong. */

/* One key in every notation, by the rules of a system. */
int key_show(const struct gyre_key *key, enum gyre_os os, bool json);

/* The platform-safe key of a name, or (legacy) the one that Qt before 6.6 makes of it. */
int key_make(const char *name, bool legacy, const struct key_settings *settings);

/* gyre's answers beside those of a file of test vectors. */
int key_check(const char *path, bool json);

/* This process's directories; they live as long as the process. */
int key_env(struct gyre_key_env *ret_env);

#endif
