/*
 * The user's reader: Qt's grammar with gyre's schemes, and bare names; refuses what could not
 * work while it can still say what to type instead.
 */
#include <string.h>
#include "key_private.h"

static int parse_name(
	const char *name, enum gyre_os os, struct gyre_key *ret_key, struct gyre_error *reterr)
{
	const size_t bytes_max = gyre_key_name_bytes_max(os);

	if (strlen(name) > bytes_max) /* before Apple's and Windows' rules would cut it */
		return gyre_key_too_long(name, bytes_max, "a name", reterr);
	return gyre_key_safe(
		name, gyre_key_default_type(os), GYRE_KEY_SHM, os, NULL, ret_key, reterr);
}

/* "cam0", or "/cam0" as shm_open(3) has it; any other slash makes it a path. */
static int parse_bare(
	const char *text, enum gyre_os os, struct gyre_key *ret_key, struct gyre_error *reterr)
{
	const char *const name = text[0] == '/' ? text + 1 : text;

	if (name[0] == '\0')
		return gyre_error_set(
			reterr, GYRE_EKEY, 0, "the key names nothing: write a name such as cam0");
	if (strchr(name, '/') == NULL)
		return parse_name(name, os, ret_key, reterr);
	if (text[0] == '/')
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"%s is a path: write file: before it for a mapped file, or posix:/NAME",
			gyre_quote(gyre_span_of(text)).text);
	return gyre_error_set(reterr, GYRE_EKEY, 0,
		"the name %s has a slash inside: write another character there, or file: and an "
		"absolute path for a mapped file",
		gyre_quote(gyre_span_of(text)).text);
}

/* What Qt reads in silence would here be another object than the one that was typed. */
static int parse_schemed(const char *text, struct gyre_key *ret_key, struct gyre_error *reterr)
{
	const struct gyre_quoted quoted = gyre_quote(gyre_span_of(text));
	struct gyre_reading reading;
	const int r = gyre_key_read(text, &reading, reterr);

	if (r != GYRE_OK)
		return r;
	if (reading.fragment)
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"the key %s would end at the '#': write %%23 for one in a name",
			quoted.text);
	if (reading.lossy)
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"the escapes in %s are not UTF-8: write those of a UTF-8 name; a '%%' that "
			"stands for itself is %%25",
			quoted.text);
	*ret_key = reading.key;
	return GYRE_OK;
}

int gyre_key_parse(const char *text, struct gyre_key *ret_key, struct gyre_error *reterr)
{
	const enum gyre_os os = gyre_key_os_here();
	struct gyre_key key;
	int r;

	if (strchr(text, ':') != NULL)
		r = parse_schemed(text, &key, reterr);
	else
		r = parse_bare(text, os, &key, reterr);
	if (r == GYRE_OK)
		r = gyre_key_check(&key, os, reterr);
	if (r == GYRE_OK)
		*ret_key = key;
	return r;
}
