/*
 * The platform-safe key of a name: Qt 6.6 and later. "Safe" is Qt's word; nothing is checked.
 */
#include <string.h>
#include "key_private.h"
#include "utf8_private.h"

enum {
	APPLE_UNITS_MAX = 29,    /* after the slash, in UTF-16 units, though the limit is bytes */
	WINDOWS_UNITS_MAX = 260, /* MAX_PATH */
};

int gyre_key_check_name(const char *name, uint16_t type, struct gyre_error *reterr)
{
	const struct gyre_span span = gyre_span_of(name);

	if (gyre_utf8_valid_bytes(span.at, span.bytes) < span.bytes)
		return gyre_error_set(
			reterr, GYRE_EKEY, 0, "the name %s is not UTF-8", gyre_quote(span).text);
	if (gyre_type_is_qt(type) || type == GYRE_KEY_FILE || type == GYRE_KEY_MEMFD)
		return GYRE_OK;
	return gyre_error_set(reterr, GYRE_EKEY, 0, "there is no key type %u", (unsigned)type);
}

static void put_posix(struct gyre_text *native, struct gyre_span name, enum gyre_os os)
{
	const bool apple = os == GYRE_OS_APPLE || os == GYRE_OS_APPLE_SANDBOXED;

	gyre_text_putc(native, '/'); /* also when the name begins with one */
	gyre_text_put_units(native, name, apple ? APPLE_UNITS_MAX : SIZE_MAX);
}

/* A leading Local\ or Global\, one of them and in this spelling, stays in front. */
static void put_windows(struct gyre_text *native, struct gyre_span name, enum gyre_key_kind kind)
{
	static const char *const spaces[] = {"Local\\", "Global\\"};
	const char *const mark = kind == GYRE_KEY_SHM ? "shm_" : "sem_";
	size_t space_bytes = 0;

	for (size_t i = 0; i < 2 && space_bytes == 0; i++)
		if (gyre_span_starts(name, spaces[i]))
			space_bytes = strlen(spaces[i]);
	gyre_text_put(native, (struct gyre_span){name.at, space_bytes});
	gyre_text_puts(native, mark);
	gyre_text_put_units(native,
		(struct gyre_span){name.at + space_bytes, name.bytes - space_bytes},
		WINDOWS_UNITS_MAX - space_bytes - strlen(mark));
}

static int put_path(struct gyre_text *native, struct gyre_span name, const struct gyre_key_env *env,
	struct gyre_error *reterr)
{
	if (!gyre_span_starts(name, "/")) {
		if (env == NULL || env->runtime_dir == NULL)
			return gyre_error_set(reterr, GYRE_EINVAL, 0,
				"the name %s needs a runtime directory, and none was given",
				gyre_quote(name).text);
		gyre_text_puts(native, env->runtime_dir);
		gyre_text_putc(native, '/');
	}
	gyre_text_put(native, name);
	return GYRE_OK;
}

static bool has_object(uint16_t type, enum gyre_key_kind kind, enum gyre_os os)
{
	return gyre_key_type_exists(type, os) && (kind == GYRE_KEY_SHM || gyre_type_is_qt(type));
}

int gyre_key_safe(const char *name, uint16_t type, enum gyre_key_kind kind, enum gyre_os os,
	const struct gyre_key_env *env, struct gyre_key *ret_key, struct gyre_error *reterr)
{
	const struct gyre_span span = gyre_span_of(name);
	struct gyre_key key = {.type = type};
	struct gyre_text native = {key.native, sizeof key.native, 0};
	int r = gyre_key_check_name(name, type, reterr);

	if (r != GYRE_OK)
		return r;
	if (span.bytes > 0 && has_object(type, kind, os)) {
		if (type == GYRE_KEY_POSIX)
			put_posix(&native, span, os);
		else if (type == GYRE_KEY_WINDOWS)
			put_windows(&native, span, kind);
		else
			r = put_path(&native, span, env, reterr);
	}
	if (r == GYRE_OK)
		r = gyre_key_finish(&native, "native key", reterr);
	if (r == GYRE_OK)
		*ret_key = key;
	return r;
}
