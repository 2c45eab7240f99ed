/*
 * Where this process keeps its runtime and temporary files, by Qt's rules: two processes that
 * are to make the same System V keys from the same names have to agree on these directories.
 * The one file of keys/ that asks the system.
 */
#include <assert.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "key_private.h"

static_assert(GYRE_KEY_ENV_SIZE >= 2 * PATH_MAX, "one path for each directory");

/* Remove ".", "name/.." and repeated slashes by the text alone, in place. */
static void clean_path(char *path)
{
	const bool absolute = path[0] == '/';
	struct gyre_span rest = gyre_span_of(path);
	size_t kept = 0;  /* bytes */
	size_t depth = 0; /* names that a ".." can take back */

	while (rest.bytes > 0) {
		struct gyre_span name = rest;

		(void)gyre_span_split(&name, '/', &rest);
		if (name.bytes == 0 || gyre_span_equals(name, "."))
			continue;
		if (gyre_span_equals(name, "..") && (absolute || depth > 0)) {
			while (kept > 0 && path[--kept] != '/')
				;
			depth -= depth > 0;
			continue;
		}
		depth += !gyre_span_equals(name, "..");
		if (absolute || kept > 0)
			path[kept++] = '/';
		memmove(path + kept, name.at, name.bytes);
		kept += name.bytes;
	}
	if (kept == 0)
		path[kept++] = absolute ? '/' : '.';
	path[kept] = '\0';
}

static void find_temp_dir(char buf[PATH_MAX])
{
	const char *const set = getenv("TMPDIR");
	const char *const path = set != NULL && set[0] != '\0' ? set : "/tmp";
	char clean[PATH_MAX];

	buf[0] = '\0';
	if (strlen(path) >= PATH_MAX)
		return;
	memcpy(clean, path, strlen(path) + 1);
	clean_path(clean);
	if (realpath(clean, buf) == NULL)
		buf[0] = '\0'; /* it may hold what could be resolved */
}

/* NULL if a directory is as a runtime directory has to be, made now if need be; else why not. */
static const char *refuse_runtime_dir(const char *path)
{
	struct stat status;

	(void)mkdir(path, 0700); /* whatever it says: what is there counts */
	if (lstat(path, &status) != 0)
		return "does not exist, and could not be made";
	if (S_ISLNK(status.st_mode))
		return "is a symbolic link";
	if (!S_ISDIR(status.st_mode))
		return "is no directory";
	if (status.st_uid != geteuid())
		return "belongs to another user";
	if ((status.st_mode & 0777) != 0700)
		return "has other permissions than 0700";
	return NULL;
}

static void put_user_name(struct gyre_text *text)
{
	char strings[16384]; /* what getpwuid_r(3) needs; large for users of large groups */
	struct passwd entry;
	struct passwd *found = NULL;

	if (getpwuid_r(geteuid(), &entry, strings, sizeof strings, &found) == 0 && found != NULL)
		gyre_text_puts(text, found->pw_name);
}

/* Returns NULL or why $XDG_RUNTIME_DIR is not what buf says. */
static const char *find_runtime_dir(const char *temp_dir, char buf[PATH_MAX])
{
	const char *const set = getenv("XDG_RUNTIME_DIR");
	struct gyre_text path = {buf, PATH_MAX, 0};
	const char *note = "is not set";

	if (set != NULL && set[0] != '\0')
		note = set[0] == '/' ? refuse_runtime_dir(set) : "is not absolute";
	if (note == NULL) {
		gyre_text_puts(&path, set);
	} else {
		gyre_text_puts(&path, temp_dir);
		gyre_text_puts(&path, "/runtime-");
		put_user_name(&path);
	}
	(void)gyre_text_end(&path);
	if (note != NULL && (!gyre_text_fits(&path) || refuse_runtime_dir(buf) != NULL))
		buf[0] = '\0';
	return note;
}

int gyre_key_env_discover(
	struct gyre_key_env *ret_env, char *buf, size_t size, struct gyre_error *reterr)
{
	char *const temp_dir = buf;
	char *const runtime_dir = buf + PATH_MAX;

	if (size < GYRE_KEY_ENV_SIZE)
		return gyre_error_set(reterr, GYRE_ESIZE, 0,
			"a buffer of %zu bytes is too small for two directories: give it "
			"GYRE_KEY_ENV_SIZE",
			size);
	find_temp_dir(temp_dir);
	ret_env->runtime_note = find_runtime_dir(temp_dir, runtime_dir);
	ret_env->runtime_dir = runtime_dir;
	ret_env->temp_dir = temp_dir;
	return GYRE_OK;
}
