/* Test vectors: every difference on a line of its own, and the count last. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "gyre_key_vectors.h"
#include "json.h"
#include "key.h"
#include "say.h"
#include "view_json.h"

#define FILE_BYTES_MAX ((size_t)256 << 20) /* no such file is larger; a device may be endless */

struct report {
	const char *path;
	struct json *json; /* NULL: lines */
};

/* Only once the file has been found to be one: nothing is printed before. */
static void json_start(struct json *json)
{
	json_open(json, NULL, '{');
	json_number(json, "version", JSON_VERSION);
	json_open(json, "mismatches", '[');
}

static void put_mismatch(void *context, const struct gyre_key_mismatch *m)
{
	const struct report *report = context;
	struct json *json = report->json;

	if (json == NULL) {
		printf("%s:%zu: %s%s%s: expected \"%s\", got \"%s\"\n", report->path, m->line,
			m->id, m->id[0] != '\0' ? ": " : "", m->column, m->expected, m->actual);
		return;
	}
	if (json->depth == 0)
		json_start(json);
	json_open(json, NULL, '{');
	json_number(json, "line", m->line);
	json_text(json, "id", m->id);
	json_text(json, "column", m->column);
	json_text(json, "expected", m->expected);
	json_text(json, "actual", m->actual);
	json_close(json, '}');
}

static int fail(const char *path, const char *why)
{
	say("%s: %s", path, why);
	return STATUS_UNREADABLE;
}

/* All of a file, to be freed. */
static int read_all(int fd, const char *path, char **ret_text, size_t *ret_bytes)
{
	size_t room = 1 << 16, bytes = 0;
	char *text = NULL, *larger;
	ssize_t got;

	do {
		if (text == NULL || bytes == room) {
			room = text == NULL ? room : 2 * room;
			larger = room > FILE_BYTES_MAX ? NULL : realloc(text, room);
			if (larger == NULL) {
				free(text);
				return fail(path, "too large to be a file of test vectors");
			}
			text = larger;
		}
		got = read(fd, text + bytes, room - bytes);
		bytes += got > 0 ? (size_t)got : 0;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0) {
		free(text);
		return fail(path, strerror(errno));
	}
	*ret_text = text;
	*ret_bytes = bytes;
	return STATUS_OK;
}

static int load(const char *path, char **ret_text, size_t *ret_bytes)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int status;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		say("%s: there is no such file", path);
		return STATUS_NOT_FOUND;
	}
	if (fd < 0)
		return fail(path, strerror(errno));
	status = read_all(fd, path, ret_text, ret_bytes);
	close(fd);
	return status;
}

static void put_count(struct json *json, const struct gyre_key_vectors_count *count)
{
	if (json == NULL) {
		printf("%zu passed, %zu failed\n", count->passed, count->failed);
		return;
	}
	if (json->depth == 0)
		json_start(json);
	json_close(json, ']');
	json_number(json, "passed", count->passed);
	json_number(json, "failed", count->failed);
	json_close(json, '}');
}

static int compare(const char *path, const char *text, size_t bytes, struct json *json)
{
	struct report report = {path, json};
	struct gyre_key_env env;
	const struct gyre_key_vectors_options options = {&env, put_mismatch, &report};
	struct gyre_key_vectors_count count;
	struct gyre_error error;

	if (key_env(&env) != STATUS_OK)
		return STATUS_ERROR;
	if (gyre_key_check_vectors(text, bytes, &options, &count, &error) < 0)
		return fail(path, error.what);
	put_count(json, &count);
	return count.failed > 0 ? STATUS_ERROR : STATUS_OK;
}

int key_check(const char *path, bool as_json)
{
	struct json json = {0, false};
	char *text;
	size_t bytes;
	int status = load(path, &text, &bytes);

	if (status != STATUS_OK)
		return status;
	status = compare(path, text, bytes, as_json ? &json : NULL);
	free(text);
	return status;
}
