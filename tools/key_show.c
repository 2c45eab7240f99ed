/* One key in every notation: first all of them are gathered, then shown as a table or as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "facts.h"
#include "gyre_system.h"
#include "json.h"
#include "key.h"
#include "say.h"
#include "view.h"
#include "view_json.h"

enum { NAME_BYTES = GYRE_KEY_NATIVE_SIZE + 64 }; /* what an operating system calls it */

/* The lock of a segment, as its peers of one class of Qt find it. */
struct lock {
	char key[GYRE_KEY_TEXT_SIZE]; /* "": there is none */
	char name[NAME_BYTES];
	struct gyre_error none; /* why */
};

struct notations {
	const struct gyre_key *key;
	enum gyre_os os;
	bool here;                      /* os is this system */
	bool exists;                    /* os has keys of the type */
	char whole[GYRE_KEY_TEXT_SIZE]; /* canonical */
	char qt[GYRE_KEY_TEXT_SIZE];    /* "": none of Qt's types */
	char type[16];
	char memory[NAME_BYTES], semaphore[NAME_BYTES]; /* "": no such object */
	struct lock lock, legacy_lock; /* for peers with Qt 6.6 and later; before it */
	bool is_systemv, has_ftok;
	uint32_t ftok;
	struct gyre_error problem; /* code GYRE_OK: none */
};

static void find_lock(struct lock *lock, const struct notations *n, enum gyre_key_qt peer,
	const struct gyre_key_env *env)
{
	static struct gyre_key key;

	if (gyre_key_lock_key(n->key, peer, n->os, env, &key, &lock->none) < 0)
		return;
	gyre_key_print(&key, lock->key, sizeof lock->key);
	gyre_key_os_name(&key, GYRE_KEY_SEM, n->os, lock->name, sizeof lock->name);
}

static int find_locks(struct notations *n)
{
	struct gyre_key_env env;
	const bool needs_env = n->is_systemv && n->key->legacy[0] != '\0';
	const int status = needs_env ? key_env(&env) : STATUS_OK;

	if (status != STATUS_OK)
		return status;
	find_lock(&n->lock, n, GYRE_KEY_QT_NEW, needs_env ? &env : NULL);
	find_lock(&n->legacy_lock, n, GYRE_KEY_QT_LEGACY, needs_env ? &env : NULL);
	return STATUS_OK;
}

static void find_ftok(struct notations *n)
{
	struct stat st;

	if (!n->is_systemv || !n->here || stat(n->key->native, &st) != 0)
		return;
	n->has_ftok = true;
	n->ftok = gyre_key_ftok(st.st_dev, st.st_ino, n->key->type);
}

static int gather(struct notations *n, const struct gyre_key *key, enum gyre_os os)
{
	n->key = key;
	n->os = os;
	n->here = os == gyre_key_os_here();
	n->exists = gyre_key_type_exists(key->type, os);
	n->is_systemv = key->type >= 1 && key->type <= 255;
	gyre_key_print(key, n->whole, sizeof n->whole);
	gyre_key_print_qt(key, n->qt, sizeof n->qt);
	gyre_key_type_text(key->type, n->type, sizeof n->type);
	gyre_key_os_name(key, GYRE_KEY_SHM, os, n->memory, sizeof n->memory);
	gyre_key_os_name(key, GYRE_KEY_SEM, os, n->semaphore, sizeof n->semaphore);
	gyre_key_check(key, os, &n->problem);
	find_ftok(n);
	return find_locks(n);
}

/* ---- As a table ---- */

static const char *or_none(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static void lock_fact(struct table *t, const char *what, const struct lock *lock)
{
	if (lock->key[0] == '\0')
		fact(t, what, "none: %s", lock->none.what);
	else if (lock->name[0] == '\0') /* of a type that the system has not */
		fact(t, what, "%s", lock->key);
	else
		fact(t, what, "%s (%s)", lock->key, lock->name);
}

/* A System V object has no name: its number comes from a file that has one. */
static void systemv_facts(struct table *t, const struct notations *n)
{
	static const struct {
		const char *what, *option;
	} objects[] = {{"shared memory", "-m"}, {"semaphore", "-s"}};
	size_t i;

	fact(t, "key file", "%s%s", or_none(n->memory),
		n->here && !n->has_ftok ? ", which is not there yet" : "");
	for (i = 0; n->has_ftok && i < sizeof objects / sizeof objects[0]; i++)
		fact(t, objects[i].what, "0x%08" PRIx32 " (ipcs %s)", n->ftok, objects[i].option);
}

static void here_fact(struct table *t, const struct notations *n)
{
	const bool memory = gyre_system_has_type(n->key->type, GYRE_KEY_SHM);
	const bool semaphores = gyre_system_has_type(n->key->type, GYRE_KEY_SEM);

	if (!n->exists)
		fact(t, "works", "no: %s has no keys of this type", gyre_key_os_text(n->os));
	else if (!n->here)
		fact(t, "works", "on %s", gyre_key_os_text(n->os));
	else
		fact(t, "works", "%s",
			memory && semaphores ? "here, for memory and semaphores"
			: memory             ? "here, for memory"
			: semaphores         ? "here, for semaphores"
					     : "no: this kernel does without it");
}

static int as_table(const struct notations *n)
{
	struct table *t = facts_new();

	if (t == NULL)
		return STATUS_ERROR;
	fact(t, "key", "%s", n->whole);
	fact(t, "to be typed", "%s", short_key(n->whole));
	fact(t, "in Qt", "%s", n->qt[0] != '\0' ? n->qt : "-: Qt has not this type");
	fact(t, "type", "%s (%u)", n->type, (unsigned)n->key->type);
	fact(t, "native key", "%s", or_none(n->key->native));
	fact(t, "legacy key", "%s", or_none(n->key->legacy));
	if (n->is_systemv) {
		systemv_facts(t, n);
	} else {
		fact(t, "shared memory", "%s", or_none(n->memory));
		fact(t, "semaphore", "%s", or_none(n->semaphore));
	}
	lock_fact(t, "lock", &n->lock);
	if (n->qt[0] != '\0')
		lock_fact(t, "lock, old Qt", &n->legacy_lock);
	here_fact(t, n);
	if (n->problem.code != GYRE_OK)
		fact(t, "problem", "%s", n->problem.what);
	return table_end(t);
}

/* ---- As JSON ---- */

static const char *or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static void json_lock(struct json *json, const char *name, const struct lock *lock)
{
	json_open(json, name, '{');
	json_text(json, "key", or_null(lock->key));
	json_text(json, "name", or_null(lock->name));
	json_text(json, "none", lock->key[0] == '\0' ? lock->none.what : NULL);
	json_close(json, '}');
}

/* What runs is asked only of the system that runs. */
static void json_supported(struct json *json, const struct notations *n)
{
	if (!n->here) {
		json_text(json, "memory_supported", NULL);
		json_text(json, "semaphore_supported", NULL);
		return;
	}
	json_bool(json, "memory_supported", gyre_system_has_type(n->key->type, GYRE_KEY_SHM));
	json_bool(json, "semaphore_supported", gyre_system_has_type(n->key->type, GYRE_KEY_SEM));
}

static int as_json(const struct notations *n)
{
	struct json json = {0, false};

	json_open(&json, NULL, '{');
	json_number(&json, "version", JSON_VERSION);
	json_open(&json, "key", '{');
	json_text(&json, "key", n->whole);
	json_text(&json, "user", short_key(n->whole));
	json_text(&json, "qt", or_null(n->qt));
	json_text(&json, "type", n->type);
	json_number(&json, "type_number", n->key->type);
	json_text(&json, "native_key", n->key->native);
	json_text(&json, "legacy_key", or_null(n->key->legacy));
	json_text(&json, "os", gyre_key_os_text(n->os));
	json_text(&json, "memory", or_null(n->memory));
	json_text(&json, "semaphore", or_null(n->semaphore));
	json_lock(&json, "lock", &n->lock);
	json_lock(&json, "legacy_lock", &n->legacy_lock);
	if (n->has_ftok)
		json_number(&json, "ftok", n->ftok);
	else
		json_text(&json, "ftok", NULL);
	json_bool(&json, "exists", n->exists);
	json_supported(&json, n);
	json_text(&json, "problem", n->problem.code != GYRE_OK ? n->problem.what : NULL);
	json_close(&json, '}');
	json_close(&json, '}');
	return STATUS_OK;
}

int key_show(const struct gyre_key *key, enum gyre_os os, bool json)
{
	static struct notations notations; /* large, and all of it starts as 0 */
	const int status = gather(&notations, key, os);

	if (status != STATUS_OK)
		return status;
	return json ? as_json(&notations) : as_table(&notations);
}
