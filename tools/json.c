/*
 * A document of indented lines. Text comes from other processes: control characters are escaped and
 * what is not UTF-8 becomes U+FFFD, so the result is valid JSON whatever a ring holds.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include "json.h"

static void indent(const struct json *json)
{
	if (json->depth > 0)
		printf("\n%*s", (int)(2 * json->depth), "");
}

static void start(struct json *json, const char *name)
{
	if (json->filled)
		putchar(',');
	indent(json);
	if (name != NULL)
		printf("\"%s\": ", name);
	json->filled = true;
}

void json_open(struct json *json, const char *name, char bracket)
{
	start(json, name);
	putchar(bracket);
	json->depth++;
	json->filled = false;
}

void json_close(struct json *json, char bracket)
{
	const bool empty = !json->filled;

	json->depth--;
	if (!empty)
		printf("\n%*s", (int)(2 * json->depth), "");
	putchar(bracket);
	json->filled = true;
	if (json->depth == 0)
		putchar('\n');
}

void json_number(struct json *json, const char *name, uint64_t value)
{
	start(json, name);
	printf("%" PRIu64, value);
}

void json_bool(struct json *json, const char *name, bool value)
{
	start(json, name);
	fputs(value ? "true" : "false", stdout);
}

/* Length of the well-formed UTF-8 character at text, or 0. A NUL ends every check in time. */
static size_t character(const unsigned char *text)
{
	static const struct {
		unsigned char first_min, first_max, second_min, second_max, length;
	} forms[] = {
		{0x01, 0x7f, 0, 0xff, 1},
		{0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	size_t i, k;

	for (i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		if (text[0] < forms[i].first_min || text[0] > forms[i].first_max)
			continue;
		if (forms[i].length == 1)
			return 1;
		if (text[1] < forms[i].second_min || text[1] > forms[i].second_max)
			return 0;
		for (k = 2; k < forms[i].length; k++) {
			if ((text[k] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].length;
	}
	return 0;
}

void json_text(struct json *json, const char *name, const char *value)
{
	const unsigned char *at = (const unsigned char *)value;
	size_t length;

	start(json, name);
	if (value == NULL) {
		fputs("null", stdout);
		return;
	}
	putchar('"');
	for (; *at != '\0'; at += length > 0 ? length : 1) {
		length = character(at);
		if (length == 0)
			fputs("\\ufffd", stdout);
		else if (*at < 0x20 || *at == 0x7f)
			printf("\\u%04x", (unsigned)*at);
		else if (*at == '"' || *at == '\\')
			printf("\\%c", *at);
		else
			fwrite(at, 1, length, stdout);
	}
	putchar('"');
}
