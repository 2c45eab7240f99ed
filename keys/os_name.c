/*
 * What people find with the system's own tools (ls, ipcs, lsof) when they look for a key.
 */
#include <string.h>
#include "key_private.h"

static void put_posix(
	struct gyre_text *text, const char *native, enum gyre_key_kind kind, enum gyre_os os)
{
	const char *const name = native + strspn(native, "/");

	if (os != GYRE_OS_LINUX) {
		gyre_text_puts(text, native);
	} else if (*name != '\0') {
		gyre_text_puts(text, kind == GYRE_KEY_SHM ? "/dev/shm/" : "/dev/shm/sem.");
		gyre_text_puts(text, name);
	}
}

static void put_memfd(struct gyre_text *text, const struct gyre_key *key, enum gyre_os os)
{
	const bool procfs = os == GYRE_OS_LINUX || os == GYRE_OS_ANDROID;

	if (gyre_key_descriptor(key) >= 0)
		gyre_text_puts(text, procfs ? "/proc/self/fd/" : "/dev/fd/");
	gyre_text_puts(text, key->native);
}

size_t gyre_key_os_name(const struct gyre_key *key, enum gyre_key_kind kind, enum gyre_os os,
	char *buf, size_t size)
{
	const bool has_kind = kind == GYRE_KEY_SHM || gyre_type_is_qt(key->type);
	struct gyre_text text = {buf, size, 0};

	if (!has_kind || gyre_key_empty(key) || !gyre_key_type_exists(key->type, os))
		return gyre_text_end(&text);
	if (key->type == GYRE_KEY_POSIX)
		put_posix(&text, key->native, kind, os);
	else if (key->type == GYRE_KEY_MEMFD)
		put_memfd(&text, key, os);
	else
		gyre_text_puts(&text, key->native);
	return gyre_text_end(&text);
}
