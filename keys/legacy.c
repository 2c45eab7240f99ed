/*
 * The keys of Qt 4.4 to 6.5: a digest of the name, behind its letters.
 */
#include <sha1.h>
#include <string.h>
#include "key_private.h"

enum { APPLE_DIGITS = 29 }; /* with the slash 30 bytes */

struct digest {
	char hex[SHA1_DIGEST_STRING_LENGTH]; /* 40 lower-case digits */
};

static struct digest digest_of(struct gyre_span name)
{
	struct digest digest;

	(void)SHA1Data((const uint8_t *)name.at, name.bytes, digest.hex);
	return digest;
}

static void put_letters(struct gyre_text *native, struct gyre_span name)
{
	for (size_t i = 0; i < name.bytes; i++) {
		const char c = name.at[i];

		if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
			gyre_text_putc(native, c);
	}
}

static void put_base(struct gyre_text *native, struct gyre_span name, enum gyre_key_kind kind)
{
	gyre_text_puts(native, kind == GYRE_KEY_SHM ? "qipc_sharedmemory_" : "qipc_systemsem_");
	put_letters(native, name);
	gyre_text_puts(native, digest_of(name).hex);
}

static void put_posix(
	struct gyre_text *native, struct gyre_span name, enum gyre_key_kind kind, enum gyre_os os)
{
	if (os == GYRE_OS_APPLE_SANDBOXED) { /* it has to be <group id>/<own id> already */
		gyre_text_put(native, name);
	} else if (os == GYRE_OS_APPLE) { /* memory and semaphore get the same name */
		gyre_text_putc(native, '/');
		gyre_text_put(native, (struct gyre_span){digest_of(name).hex, APPLE_DIGITS});
	} else {
		gyre_text_putc(native, '/');
		put_base(native, name, kind);
	}
}

/* The native key of a key whose legacy key is the name. */
static int put_native(struct gyre_key *key, enum gyre_key_kind kind, enum gyre_os os,
	const struct gyre_key_env *env, struct gyre_error *reterr)
{
	const struct gyre_span name = gyre_span_of(key->legacy);
	struct gyre_text native = {key->native, sizeof key->native, 0};

	if (key->type == GYRE_KEY_POSIX) {
		put_posix(&native, name, kind, os);
	} else if (key->type == GYRE_KEY_WINDOWS) {
		put_base(&native, name, kind);
	} else if (env != NULL && env->temp_dir != NULL) {
		gyre_text_puts(&native, env->temp_dir);
		gyre_text_putc(&native, '/');
		put_base(&native, name, kind);
	} else {
		return gyre_error_set(reterr, GYRE_EINVAL, 0,
			"the name %s needs a temporary directory, and none was given",
			gyre_quote(name).text);
	}
	return gyre_key_finish(&native, "native key", reterr);
}

int gyre_key_legacy(const char *name, uint16_t type, enum gyre_key_kind kind, enum gyre_os os,
	const struct gyre_key_env *env, struct gyre_key *ret_key, struct gyre_error *reterr)
{
	struct gyre_key key = {.type = type};
	struct gyre_text legacy = {key.legacy, sizeof key.legacy, 0};
	int r = gyre_key_check_name(name, type, reterr);

	if (r != GYRE_OK)
		return r;
	if (!gyre_type_is_qt(type))
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"legacy keys are Qt's: their type is systemv, posix or windows");
	if (name[0] != '\0' && gyre_key_type_exists(type, os)) {
		gyre_text_puts(&legacy, name);
		r = gyre_key_finish(&legacy, "name", reterr);
		if (r == GYRE_OK)
			r = put_native(&key, kind, os, env, reterr);
	}
	if (r == GYRE_OK)
		*ret_key = key;
	return r;
}
