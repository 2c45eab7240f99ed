/* Writes JSON to standard output. Names are ours and plain; values may be anything. */
#ifndef GYRE_TOOLS_JSON_H
#define GYRE_TOOLS_JSON_H

#include <stdbool.h>
#include <stdint.h>

struct json {
	unsigned depth;
	bool filled; /* something stands in the current object or array: a comma comes first */
};

/* name is NULL inside an array, and for the document itself. */
void json_open(struct json *json, const char *name, char bracket); /* '{' or '[' */
void json_close(struct json *json, char bracket);                  /* '}' or ']' */
void json_number(struct json *json, const char *name, uint64_t value);
void json_bool(struct json *json, const char *name, bool value);
void json_text(struct json *json, const char *name, const char *value); /* NULL: null */

#endif
