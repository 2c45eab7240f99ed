/*
 * Files anywhere: the way out where /dev/shm is small or not shared between containers. Not on
 * network file systems (core/space.c). On a disk everything works too, but the kernel writes the
 * pages out every few seconds: see gyre_fdmap_is_ram().
 *
 * They cannot be listed: nobody can look through all directories.
 */
#include <string.h>
#include "backend.h"
#include "fdmap.h"

static int place(
	const struct gyre_key *key, struct gyre_place *ret_place, struct gyre_error *reterr)
{
	const char *const slash = strrchr(key->native, '/');
	size_t directory_bytes;

	if (key->native[0] != '/')
		return gyre_fail(reterr, GYRE_EKEY,
			"%.200s: the path of a file key must be absolute (file:/path)",
			key->native);
	directory_bytes = slash == key->native ? 1 : (size_t)(slash - key->native);
	return gyre_place_set(ret_place, key->native, directory_bytes, slash + 1, reterr);
}

const struct gyre_backend gyre_backend_file = {
	.scheme = "file",
	.caps = GYRE_CAP_NAMED | GYRE_CAP_FD,
	.create = gyre_fdmap_create,
	.publish = gyre_fdmap_publish,
	.attach = gyre_fdmap_attach,
	.detach = gyre_fdmap_detach,
	.unlink = gyre_fdmap_unlink,
	.is_abandoned = gyre_fdmap_is_abandoned,
	.is_named = gyre_fdmap_is_named,
	.place = place,
};
