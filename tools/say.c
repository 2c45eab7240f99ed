/*
 * Standard error: messages are whole lines that start with the command's name; a status line is
 * overwritten in place and taken away before any message, so the two never mix.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "say.h"

static const char *who = "";
static bool status_shown;

void say_as(const char *verb)
{
	who = verb;
}

bool say_is_watched(void)
{
	return isatty(STDERR_FILENO) == 1;
}

/* One write per line: messages of processes that share a terminal do not tear. */
static void put_line(const char *text)
{
	char line[1024];
	const char *erase = status_shown ? "\r\033[K" : "";
	int length;

	length = snprintf(
		line, sizeof line, "%sgyre%s%s: %s", erase, who[0] == '\0' ? "" : " ", who, text);
	if (length < 0)
		return;
	if ((size_t)length > sizeof line - 2)
		length = sizeof line - 2;
	line[length++] = '\n';
	status_shown = false;
	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		return; /* nowhere left to complain */
}

void say(const char *format, ...)
{
	char text[900];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	put_line(text);
}

void say_status(const char *format, ...)
{
	char line[256];
	int start;
	va_list args;

	if (format[0] == '\0' && !status_shown)
		return;
	start = snprintf(line, sizeof line, "\r\033[K");
	va_start(args, format);
	vsnprintf(line + start, sizeof line - (size_t)start, format, args);
	va_end(args);
	status_shown = format[0] != '\0';
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
		return;
}

int status_of(int code)
{
	switch (code) {
	case GYRE_ENOTFOUND:
		return STATUS_NOT_FOUND;
	case GYRE_ETIMEDOUT:
		return STATUS_TIMEOUT;
	case GYRE_ELEFT:
	case GYRE_EDIED:
		return STATUS_LOST;
	default:
		return code < 0 ? STATUS_ERROR : STATUS_OK;
	}
}

int say_error(const char *key, const struct gyre_error *error)
{
	if (key == NULL || strstr(error->what, key) != NULL)
		say("%s", error->what);
	else
		say("%s: %s", key, error->what);
	return status_of(error->code);
}

int say_code(const char *key, int code, const char *advice)
{
	if (advice == NULL)
		say("%s: %s", key, gyre_strerror(code));
	else
		say("%s: %s; %s", key, gyre_strerror(code), advice);
	return status_of(code);
}
