/*
 * logind.conf(5): the main file, then drop-ins in the order of their names, of which the last that
 * says something counts. Of drop-ins with one name only that of the first directory is read.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "logind.h"

enum {
	DROPINS_MAX = 128,
	PATH_BYTES = 512,
};

static const char *const directories[] = {"/etc/systemd/logind.conf.d",
	"/run/systemd/logind.conf.d", "/usr/local/lib/systemd/logind.conf.d",
	"/usr/lib/systemd/logind.conf.d"};

struct dropin {
	char path[PATH_BYTES];
	size_t name_at; /* in path */
};

struct answer {
	bool removes;
	char *where;
	size_t size;
};

/* A line without blanks around it. */
static char *trim(char *line)
{
	size_t length;

	line += strspn(line, " \t");
	length = strlen(line);
	while (length > 0 && strchr(" \t\r\n", line[length - 1]) != NULL)
		line[--length] = '\0';
	return line;
}

/* A boolean in systemd's words; what is none changes nothing. */
static bool read_boolean(const char *text, bool *ret_value)
{
	static const char *const words[2][6] = {
		{"0", "no", "n", "false", "f", "off"}, {"1", "yes", "y", "true", "t", "on"}};
	size_t value, i;

	for (value = 0; value < 2; value++) {
		for (i = 0; i < 6; i++) {
			if (strcasecmp(text, words[value][i]) == 0) {
				*ret_value = value == 1;
				return true;
			}
		}
	}
	return false;
}

static void read_line(char *line, const char *path, bool *in_login, struct answer *answer)
{
	static const char key[] = "RemoveIPC";
	char *equals;

	line = trim(line);
	if (line[0] == '[') {
		*in_login = strcmp(line, "[Login]") == 0;
		return;
	}
	equals = strchr(line, '=');
	if (!*in_login || equals == NULL)
		return;
	*equals = '\0';
	if (strcmp(trim(line), key) == 0 && read_boolean(trim(equals + 1), &answer->removes))
		snprintf(answer->where, answer->size, "%s", path);
}

static void read_file(const char *path, struct answer *answer)
{
	FILE *file = fopen(path, "re");
	bool in_login = false;
	char *line = NULL;
	size_t room = 0;

	if (file == NULL)
		return;
	while (getline(&line, &room, file) >= 0)
		read_line(line, path, &in_login, answer);
	free(line);
	fclose(file);
}

static bool is_dropin(const char *name)
{
	const size_t length = strlen(name);

	return length > 5 && name[0] != '.' && strcmp(name + length - 5, ".conf") == 0;
}

static const char *name_of(const struct dropin *dropin)
{
	return dropin->path + dropin->name_at;
}

static bool is_known(const struct dropin *dropins, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(name_of(&dropins[i]), name) == 0)
			return true;
	}
	return false;
}

static size_t collect(struct dropin *dropins)
{
	const struct dirent *entry;
	size_t i, count = 0;
	DIR *directory;

	for (i = 0; i < sizeof directories / sizeof directories[0]; i++) {
		directory = opendir(directories[i]);
		if (directory == NULL)
			continue;
		while (count < DROPINS_MAX && (entry = readdir(directory)) != NULL) {
			if (!is_dropin(entry->d_name) || is_known(dropins, count, entry->d_name))
				continue;
			snprintf(dropins[count].path, sizeof dropins[count].path, "%s/%s",
				directories[i], entry->d_name);
			dropins[count++].name_at = strlen(directories[i]) + 1;
		}
		closedir(directory);
	}
	return count;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(name_of(a), name_of(b));
}

bool logind_removes_ipc(char *ret_where, size_t size)
{
	static struct dropin dropins[DROPINS_MAX];
	struct answer answer = {true, ret_where, size};
	const size_t count = collect(dropins);
	size_t i;

	snprintf(ret_where, size, "%s", "");
	read_file("/etc/systemd/logind.conf", &answer);
	qsort(dropins, count, sizeof dropins[0], by_name);
	for (i = 0; i < count; i++)
		read_file(dropins[i].path, &answer);
	return answer.removes;
}
