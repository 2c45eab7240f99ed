/*
 * How a struct gyre_error is filled: the one place that writes it.
 */
#ifndef GYRE_ERROR_PRIVATE_H
#define GYRE_ERROR_PRIVATE_H

#include <stdarg.h>
#include "gyre_error.h"

/* Fill *reterr, if not NULL, printf-style; os_code is errno, or 0. Returns code, so that a
 * failing function ends with "return gyre_error_set(...)". */
int gyre_error_set(struct gyre_error *reterr, int code, int os_code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
int gyre_error_vset(struct gyre_error *reterr, int code, int os_code, const char *format,
	va_list args) __attribute__((format(printf, 4, 0)));

#endif
