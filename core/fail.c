/* The one way a struct gyre_error is filled. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "backend.h"
#include "utf8_private.h"

void gyre_make_harmless(char *text)
{
	size_t step;

	for (char *c = text; *c != '\0'; c += step) {
		uint32_t codepoint = 0;

		step = gyre_utf8_sequence(c, strnlen(c, 4), &codepoint);
		if (step == 0)
			step = 1;
		if (codepoint < ' ' || (codepoint >= 0x7f && codepoint < 0xa0))
			memset(c, '?', step);
	}
}

static int fail_with(
	struct gyre_error *reterr, int code, int os_code, const char *format, va_list args)
{
	if (reterr == NULL)
		return code;
	reterr->code = code;
	reterr->os_code = os_code;
	vsnprintf(reterr->what, sizeof reterr->what, format, args);
	gyre_make_harmless(reterr->what); /* names in it may be anybody's */
	return code;
}

int gyre_fail(struct gyre_error *reterr, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail_with(reterr, code, 0, format, args);
	va_end(args);
	return code;
}

int gyre_fail_os(struct gyre_error *reterr, int code, const char *format, ...)
{
	const int os_code = errno;
	va_list args;

	va_start(args, format);
	fail_with(reterr, code, os_code, format, args);
	va_end(args);
	return code;
}
