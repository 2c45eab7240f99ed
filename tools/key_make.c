/* From a name to a key, by Qt's rules: its string form alone on a line, for scripts. */
#include <stdio.h>
#include <string.h>
#include "key.h"
#include "say.h"

static uint16_t type_for(const struct key_settings *settings, bool legacy, enum gyre_os os)
{
	if (settings->type != GYRE_KEY_INVALID)
		return (uint16_t)settings->type;
	return legacy ? gyre_key_legacy_default_type(os, false) : gyre_key_default_type(os);
}

/* Qt's answer may be one that does not work, or that other names have too. */
static void warn(const char *name, const struct gyre_key *key, bool legacy, enum gyre_os os)
{
	const size_t in_front = key->type == GYRE_KEY_WINDOWS ? 4 : 1; /* shm_, sem_; a slash */
	char shorter[GYRE_KEY_LEGACY_SIZE];
	struct gyre_error error;

	if (gyre_key_check(key, os, &error) < 0) {
		say("note: no system takes this key: %s", error.what);
		return;
	}
	if (legacy || (key->type != GYRE_KEY_POSIX && key->type != GYRE_KEY_WINDOWS) ||
		strlen(key->native) >= strlen(name) + in_front)
		return;
	if (gyre_key_shorten(name, gyre_key_name_bytes_max(os), shorter, sizeof shorter) >= 0)
		say("note: Qt cuts this name, and others that begin like it become the same key; "
		    "a key of its own has: %s",
			shorter);
}

/* The same name makes another key where the environment is another. */
static void warn_of_environment(const struct gyre_key *key, const struct gyre_key_env *env)
{
	const size_t length = strlen(env->runtime_dir);

	if (env->runtime_note != NULL && strncmp(key->native, env->runtime_dir, length) == 0)
		say("note: XDG_RUNTIME_DIR %s, so this key is in %s: hand on the key, not the name",
			env->runtime_note, length > 0 ? env->runtime_dir : "/");
}

int key_make(const char *name, bool legacy, const struct key_settings *settings)
{
	static struct gyre_key key;
	static char text[GYRE_KEY_TEXT_SIZE];
	const enum gyre_os os =
		settings->os != KEY_NOT_GIVEN ? (enum gyre_os)settings->os : gyre_key_os_here();
	const enum gyre_key_kind kind =
		settings->kind != KEY_NOT_GIVEN ? (enum gyre_key_kind)settings->kind : GYRE_KEY_SHM;
	const uint16_t type = type_for(settings, legacy, os);
	const bool in_directory = type != GYRE_KEY_POSIX && type != GYRE_KEY_WINDOWS;
	struct gyre_key_env env;
	struct gyre_error error;
	int result;

	if (in_directory && key_env(&env) != STATUS_OK)
		return STATUS_ERROR;
	result = (legacy ? gyre_key_legacy : gyre_key_safe)(
		name, type, kind, os, in_directory ? &env : NULL, &key, &error);
	if (result < 0)
		return say_error(NULL, &error);
	gyre_key_type_text(type, text, sizeof text);
	if (gyre_key_empty(&key)) {
		say(name[0] == '\0' ? "an empty name has an empty key"
				    : "%s has no %s of type %s: Qt's answer is an empty key",
			gyre_key_os_text(os), kind == GYRE_KEY_SHM ? "memory" : "semaphore", text);
		return STATUS_ERROR;
	}
	warn(name, &key, legacy, os);
	if (in_directory && !legacy)
		warn_of_environment(&key, &env);
	if (settings->json)
		return key_show(&key, os, true);
	gyre_key_print(&key, text, sizeof text);
	puts(text);
	return STATUS_OK;
}
