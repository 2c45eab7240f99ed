/*
 * Which semaphore locks a segment. Qt's peers never agree on it in words; each computes it.
 */
#include "key_private.h"

enum { WINDOWS_STEM_UNITS = 255 }; /* 260 less "_sem" and a NUL */

/* New Qt, no legacy name: the memory's own key, in the semaphores' name space. */
static int same_key(
	const struct gyre_key *memory, struct gyre_key *ret_key, struct gyre_error *reterr)
{
	struct gyre_key key = {.type = memory->type};
	struct gyre_text native = {key.native, sizeof key.native, 0};
	const bool windows = memory->type == GYRE_KEY_WINDOWS;
	int r;

	gyre_text_put_units(
		&native, gyre_span_of(memory->native), windows ? WINDOWS_STEM_UNITS : SIZE_MAX);
	gyre_text_puts(&native, windows ? "_sem" : "");
	r = gyre_key_finish(&native, "native key", reterr);
	if (r == GYRE_OK)
		*ret_key = key;
	return r;
}

int gyre_key_lock_key(const struct gyre_key *memory, enum gyre_key_qt peer, enum gyre_os os,
	const struct gyre_key_env *env, struct gyre_key *ret_key, struct gyre_error *reterr)
{
	if (!gyre_type_is_qt(memory->type))
		return gyre_error_set(reterr, GYRE_ENOTSUP, 0,
			"only posix:, systemv: and windows: segments have a lock semaphore");
	if (memory->legacy[0] != '\0') /* the native key plays no part then */
		return gyre_key_legacy(
			memory->legacy, memory->type, GYRE_KEY_SEM, os, env, ret_key, reterr);
	if (peer == GYRE_KEY_QT_LEGACY)
		return gyre_error_set(reterr, GYRE_ELOCK, 0,
			"before Qt 6.6 a segment opened by its native key has no lock: write "
			"?legacyKey=NAME behind the key if its peers use the name");
	return same_key(memory, ret_key, reterr);
}
