/*
 * Would the system take this key as a name? What it would answer with EINVAL, ENAMETOOLONG or
 * the wrong object is found here, where the words are still at hand.
 */
#include <string.h>
#include "key_private.h"
#include "utf8_private.h"

enum {
	FILE_NAME_MAX = 255,    /* bytes between two slashes */
	POSIX_NAME_MAX = 251,   /* the lock semaphore of the same name is a file "sem.NAME" */
	APPLE_NAME_MAX = 30,    /* all of the native key; the kernel's 31 are off by one */
	WINDOWS_NAME_MAX = 260, /* UTF-16 units */
};

size_t gyre_key_name_bytes_max(enum gyre_os os)
{
	/* On Windows 251 bytes leave room for "shm_", and the lock's key is cut at 255 units. */
	return os == GYRE_OS_APPLE || os == GYRE_OS_APPLE_SANDBOXED ? APPLE_NAME_MAX - 1
								    : POSIX_NAME_MAX;
}

int gyre_key_too_long(
	const char *name, size_t bytes_max, const char *where, struct gyre_error *reterr)
{
	char shorter[POSIX_NAME_MAX + 1];
	char escaped[sizeof shorter + 50];
	struct gyre_text proposal = {escaped, sizeof escaped, 0};

	if (gyre_key_shorten(name, bytes_max, shorter, sizeof shorter) >= 0)
		gyre_text_put_escaped(&proposal, gyre_span_of(shorter), false);
	(void)gyre_text_end(&proposal);
	return gyre_error_set(reterr, GYRE_EKEY, 0,
		"%s may have %zu bytes, this one has %zu: write for instance %s", where, bytes_max,
		strlen(name), escaped);
}

/* "." and ".." are directories, whatever they are meant to name. */
static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Apple's names are one flat text, a slash being a character like any other. */
static int check_apple(const char *native, struct gyre_error *reterr)
{
	if (strlen(native) > APPLE_NAME_MAX)
		return gyre_key_too_long(native, APPLE_NAME_MAX, "a POSIX name on Apple", reterr);
	return GYRE_OK;
}

static int check_posix(const char *native, enum gyre_os os, struct gyre_error *reterr)
{
	const size_t slashes = strspn(native, "/");
	const char *const name = native + slashes;
	const struct gyre_quoted quoted = gyre_quote(gyre_span_of(native));

	if (*name == '\0')
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"nothing follows the slash of the POSIX name %s: write posix:/NAME",
			quoted.text);
	if (os == GYRE_OS_APPLE || os == GYRE_OS_APPLE_SANDBOXED)
		return check_apple(native, reterr);
	if (slashes != 1 && os != GYRE_OS_LINUX) /* Linux alone skips any number of them */
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"the POSIX name %s has to begin with one slash: write posix:/NAME",
			quoted.text);
	if (strchr(name, '/') != NULL)
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"the POSIX name %s has a slash inside: write posix:/NAME with another "
			"character there, or file:/PATH for a mapped file",
			quoted.text);
	if (is_dots(name))
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"the POSIX name %s is a directory's: write posix:/NAME", quoted.text);
	if (strlen(name) > POSIX_NAME_MAX)
		return gyre_key_too_long(name, POSIX_NAME_MAX, "a POSIX name", reterr);
	return GYRE_OK;
}

static int check_windows(const char *native, struct gyre_error *reterr)
{
	const size_t units = gyre_utf8_units(native, strlen(native));

	if (units > WINDOWS_NAME_MAX)
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"a Windows name may have %d UTF-16 units, this one has %zu: write a "
			"shorter one",
			(int)WINDOWS_NAME_MAX, units);
	return GYRE_OK;
}

/* No name between two slashes is longer than file systems take. */
static int check_path(const char *path, struct gyre_error *reterr)
{
	struct gyre_span rest = gyre_span_of(path);

	while (rest.bytes > 0) {
		struct gyre_span name = rest;

		(void)gyre_span_split(&name, '/', &rest);
		if (name.bytes > FILE_NAME_MAX)
			return gyre_error_set(reterr, GYRE_EKEY, 0,
				"%s in the path is %zu bytes long, a file name may have %d: write "
				"a shorter one",
				gyre_quote(name).text, name.bytes, (int)FILE_NAME_MAX);
	}
	return GYRE_OK;
}

static int check_file(const char *path, struct gyre_error *reterr)
{
	const char *const slash = strrchr(path, '/');

	if (path[0] != '/')
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"%s is another file in every working directory: write an absolute path, "
			"such as file:/dev/shm/NAME",
			gyre_quote(gyre_span_of(path)).text);
	if (slash[1] == '\0' || is_dots(slash + 1))
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"%s is a directory: write the file's name after it",
			gyre_quote(gyre_span_of(path)).text);
	return check_path(path, reterr);
}

static int check_memfd(const struct gyre_key *key, enum gyre_os os, struct gyre_error *reterr)
{
	/* sizeof sun_path less the NUL */
	const size_t socket_max = os == GYRE_OS_LINUX || os == GYRE_OS_ANDROID ? 107 : 103;

	if (gyre_key_descriptor(key) >= 0)
		return GYRE_OK;
	if (key->native[0] != '/')
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"%s is neither a descriptor's number nor an absolute path: write memfd:7 "
			"or memfd:/run/user/UID/NAME.sock",
			gyre_quote(gyre_span_of(key->native)).text);
	if (strlen(key->native) > socket_max)
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"a socket's path may have %zu bytes, this one has %zu: write a shorter one",
			socket_max, strlen(key->native));
	return check_file(key->native, reterr);
}

static int check_native(const struct gyre_key *key, enum gyre_os os, struct gyre_error *reterr)
{
	if (gyre_type_is_systemv(key->type))
		return check_path(key->native, reterr);
	switch (key->type) {
	case GYRE_KEY_POSIX:
		return check_posix(key->native, os, reterr);
	case GYRE_KEY_WINDOWS:
		return check_windows(key->native, reterr);
	case GYRE_KEY_FILE:
		return check_file(key->native, reterr);
	case GYRE_KEY_MEMFD:
		return check_memfd(key, os, reterr);
	default:
		return gyre_error_set(
			reterr, GYRE_EKEY, 0, "there is no key type %u", (unsigned)key->type);
	}
}

/* One terminated UTF-8 string, as every key has that was not written by hand. */
static int check_field(const char *field, size_t size, const char *what, struct gyre_error *reterr)
{
	const size_t bytes = strnlen(field, size);

	if (bytes == size || gyre_utf8_valid_bytes(field, bytes) < bytes)
		return gyre_error_set(
			reterr, GYRE_EKEY, 0, "the %s is not a terminated UTF-8 string", what);
	return GYRE_OK;
}

int gyre_key_check(const struct gyre_key *key, enum gyre_os os, struct gyre_error *reterr)
{
	int r = check_field(key->native, sizeof key->native, "native key", reterr);

	if (r == GYRE_OK)
		r = check_field(key->legacy, sizeof key->legacy, "legacy key", reterr);
	if (r != GYRE_OK)
		return r;
	if (!gyre_key_valid(key))
		return gyre_error_set(reterr, GYRE_EKEY, 0, "the key is invalid: it has no type");
	if (gyre_key_empty(key))
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"the key names nothing: write a name after the scheme, as in posix:/cam0");
	if (key->legacy[0] != '\0' && !gyre_type_is_qt(key->type))
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"a legacyKey belongs to Qt's types only: write the key without it");
	return check_native(key, os, reterr);
}
