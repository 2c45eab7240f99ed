/* Which backends there are, and which one a key belongs to. A new one is one line in each. */
#include <string.h>
#include "backend.h"

const struct gyre_backend *const gyre_backends[] = {
	&gyre_backend_posix,
	&gyre_backend_file,
	NULL,
};

const struct gyre_backend *gyre_backend_of(const struct gyre_key *key, struct gyre_error *reterr)
{
	if (memchr(key->native, '\0', sizeof key->native) == NULL) {
		gyre_fail(reterr, GYRE_EKEY, "the key has no end: %zu bytes without a NUL",
			sizeof key->native);
		return NULL;
	}
	char scheme[32];

	switch (key->type) {
	case GYRE_KEY_POSIX:
		return &gyre_backend_posix;
	case GYRE_KEY_FILE:
		return &gyre_backend_file;
	case 0:
		gyre_fail(reterr, GYRE_EKEY, "the key is not set: use posix:/name or file:/path");
		return NULL;
	default:
		gyre_key_type_text(key->type, scheme, sizeof scheme);
		gyre_fail(reterr, GYRE_ENOTSUP,
			"keys of type %s have no backend in this build: use posix:/name or "
			"file:/path",
			scheme);
		return NULL;
	}
}
