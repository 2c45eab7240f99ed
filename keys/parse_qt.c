/*
 * The grammar of keys, as Qt's URL class reads it:
 *
 *     scheme ":" ["//" authority] path ["?" query] ["#" fragment]
 *
 * The path, decoded, is the native key; the query may set the legacy key; the authority has to
 * be an empty one; the fragment is cut off unread.
 */
#include "key_private.h"
#include "percent_private.h"
#include "utf8_private.h"

struct parts {
	struct gyre_span scheme;
	struct gyre_span path;
	struct gyre_span query;
	bool fragment; /* there was one */
};

/* Take "//authority" off the path. Empty authorities: Qt lets these four pass. */
static bool skip_empty_authority(struct gyre_span *path)
{
	struct gyre_span authority = {path->at + 2, path->bytes - 2};
	struct gyre_span rest;

	if (gyre_span_split(&authority, '/', &rest)) /* the path begins with that slash */
		rest = (struct gyre_span){rest.at - 1, rest.bytes + 1};
	*path = rest;
	return authority.bytes == 0 || gyre_span_equals(authority, "@") ||
	       gyre_span_equals(authority, ":") || gyre_span_equals(authority, "@:");
}

static int split(struct gyre_span text, struct parts *parts, struct gyre_error *reterr)
{
	struct gyre_span fragment;

	parts->scheme = text;
	if (!gyre_span_split(&parts->scheme, ':', &parts->path))
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"key %s has no scheme: write posix:/ in front of the name",
			gyre_quote(text).text);
	parts->fragment = gyre_span_split(&parts->path, '#', &fragment);
	(void)gyre_span_split(&parts->path, '?', &parts->query);
	if (gyre_span_starts(parts->path, "//") && !skip_empty_authority(&parts->path))
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"key %s names a host: write one slash after the colon, or /%%2F for two",
			gyre_quote(text).text);
	return GYRE_OK;
}

static int read_type(struct gyre_span scheme, uint16_t *ret_type, struct gyre_error *reterr)
{
	*ret_type = gyre_type_of_scheme(scheme);
	if (*ret_type != GYRE_KEY_INVALID)
		return GYRE_OK;
	return gyre_error_set(reterr, GYRE_EKEY, 0,
		"there is no scheme %s: there are posix:, systemv:, systemv-1: to systemv-255:, "
		"windows:, file: and memfd:; a name that has a colon is written posix:/NAME",
		gyre_quote(scheme).text);
}

/* Decode one part of a key; all of "whole" decides whether its '%' are literal. */
static bool decode(
	struct gyre_text *text, struct gyre_span part, struct gyre_span whole, bool noncharacters)
{
	if (!gyre_percent_is_stray(whole))
		return gyre_percent_decode(text, part, noncharacters);
	gyre_text_put(text, part);
	return true;
}

/* Items between '&'; the last one wins. An empty item at the very end is none. */
static int read_query(
	struct gyre_span query, struct gyre_reading *reading, struct gyre_error *reterr)
{
	struct gyre_text legacy = {reading->key.legacy, sizeof reading->key.legacy, 0};
	struct gyre_span rest = query;
	bool lossy = false;

	while (rest.bytes > 0) {
		struct gyre_span item = rest;
		struct gyre_span value;
		char buf[sizeof "legacyKey"];
		struct gyre_text name = {buf, sizeof buf, 0};

		(void)gyre_span_split(&item, '&', &rest);
		(void)gyre_span_split(&item, '=', &value);
		(void)decode(&name, item, query, true);
		if (!gyre_span_equals((struct gyre_span){buf, name.bytes}, "legacyKey"))
			return gyre_error_set(reterr, GYRE_EKEY, 0,
				"unknown item %s after the '?': only legacyKey=NAME may stand "
				"there; "
				"a '?' in a name is written %%3F",
				gyre_quote(item).text);
		legacy.bytes = 0;
		lossy = !decode(&legacy, value, query, true);
	}
	reading->lossy = reading->lossy || lossy;
	return gyre_key_finish(&legacy, "legacy key", reterr);
}

int gyre_key_read(const char *text, struct gyre_reading *ret_reading, struct gyre_error *reterr)
{
	const struct gyre_span whole = gyre_span_of(text);
	struct gyre_reading reading = {.lossy = false};
	struct gyre_text native = {reading.key.native, sizeof reading.key.native, 0};
	struct parts parts;
	int r;

	if (gyre_utf8_valid_bytes(whole.at, whole.bytes) < whole.bytes)
		return gyre_error_set(
			reterr, GYRE_EKEY, 0, "key %s is not UTF-8", gyre_quote(whole).text);
	r = split(whole, &parts, reterr);
	if (r == GYRE_OK)
		r = read_type(parts.scheme, &reading.key.type, reterr);
	if (r != GYRE_OK)
		return r;
	reading.fragment = parts.fragment;
	reading.lossy = !decode(&native, parts.path, parts.path, false);
	r = gyre_key_finish(&native, "native key", reterr);
	if (r == GYRE_OK)
		r = read_query(parts.query, &reading, reterr);
	if (r == GYRE_OK)
		*ret_reading = reading;
	return r;
}

int gyre_key_parse_qt(const char *text, struct gyre_key *ret_key, struct gyre_error *reterr)
{
	struct gyre_reading reading;
	const int r = gyre_key_read(text, &reading, reterr);

	if (r != GYRE_OK)
		return r;
	if (!gyre_type_is_qt(reading.key.type))
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"key %s is one of gyre's own: Qt knows posix:, systemv: and windows: only",
			gyre_quote(gyre_span_of(text)).text);
	*ret_key = reading.key;
	return GYRE_OK;
}
