/*
 * One table holds what every code is called and what it means; one function fills the detail.
 */
#include <stddef.h>
#include <stdio.h>
#include "error_private.h"

static const struct {
	int code;
	const char *name;
	const char *phrase;
} outcomes[] = {
	{GYRE_OK, "GYRE_OK", "success"},
	{GYRE_EINVAL, "GYRE_EINVAL", "invalid argument"},
	{GYRE_EKEY, "GYRE_EKEY", "bad key"},
	{GYRE_EEXIST, "GYRE_EEXIST", "the name exists already"},
	{GYRE_ENOTFOUND, "GYRE_ENOTFOUND", "nothing of that name"},
	{GYRE_EPERM, "GYRE_EPERM", "permission denied"},
	{GYRE_ESIZE, "GYRE_ESIZE", "impossible size"},
	{GYRE_ELOCK, "GYRE_ELOCK", "lock not available"},
	{GYRE_ENORES, "GYRE_ENORES", "out of resources"},
	{GYRE_ESYSTEM, "GYRE_ESYSTEM", "system error"},
	{GYRE_ENOTSUP, "GYRE_ENOTSUP", "not supported here"},
	{GYRE_EUNSAFE, "GYRE_EUNSAFE", "wrong owner, mode or file type"},
	{GYRE_EFORMAT, "GYRE_EFORMAT", "not a gyre segment"},
	{GYRE_EVERSION, "GYRE_EVERSION", "a gyre segment this library is too old or too new for"},
	{GYRE_ECORRUPT, "GYRE_ECORRUPT", "corrupt segment"},
	{GYRE_ESTALE, "GYRE_ESTALE", "inherited over fork(), or of another boot"},
	{GYRE_EMISMATCH, "GYRE_EMISMATCH", "exists with another kind or geometry"},
	{GYRE_EAGAIN, "GYRE_EAGAIN", "nothing there, or no room, right now"},
	{GYRE_ETIMEDOUT, "GYRE_ETIMEDOUT", "timed out"},
	{GYRE_EMSGSIZE, "GYRE_EMSGSIZE", "message too large"},
	{GYRE_ECLOSED, "GYRE_ECLOSED", "the ring is closed"},
	{GYRE_ELEFT, "GYRE_ELEFT", "the last producer left without closing the ring"},
	{GYRE_EDIED, "GYRE_EDIED", "the last producer died"},
	{GYRE_EBUSY, "GYRE_EBUSY", "taken by another"},
	{GYRE_ESTATE, "GYRE_ESTATE", "called out of order"},
	{GYRE_EROLE, "GYRE_EROLE", "not this handle's role"},
	{GYRE_ESUSPECT, "GYRE_ESUSPECT", "a live process lost its lock and still maps the ring"},
};

static const size_t outcomes_count = sizeof outcomes / sizeof outcomes[0];

const char *gyre_strerror(int code)
{
	for (size_t i = 0; i < outcomes_count; i++)
		if (outcomes[i].code == code)
			return outcomes[i].phrase;
	return "unknown error";
}

const char *gyre_errname(int code)
{
	for (size_t i = 0; i < outcomes_count; i++)
		if (outcomes[i].code == code)
			return outcomes[i].name;
	return "GYRE_E?";
}

int gyre_error_vset(
	struct gyre_error *reterr, int code, int os_code, const char *format, va_list args)
{
	if (reterr == NULL)
		return code;
	reterr->code = code;
	reterr->os_code = os_code;
	(void)vsnprintf(reterr->what, sizeof reterr->what, format, args);
	return code;
}

int gyre_error_set(struct gyre_error *reterr, int code, int os_code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)gyre_error_vset(reterr, code, os_code, format, args);
	va_end(args);
	return code;
}
