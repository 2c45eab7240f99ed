/*
 * Lines of tab-separated fields with backslash escapes, as test vectors are written.
 */
#ifndef GYRE_TSV_PRIVATE_H
#define GYRE_TSV_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include "gyre_error.h"
#include "text_private.h"

struct gyre_tsv {
	struct gyre_span rest;
	size_t line; /* the one read last; the first is 1 */
};

/* The next line, without its end (LF or CR LF); false after the last. */
bool gyre_tsv_next(struct gyre_tsv *tsv, struct gyre_span *ret_line);

/* Split a line into exactly so many fields and undo their escapes. The fields, each with a NUL
 * behind it, are written to store, which has to have room for the line and two bytes. */
int gyre_tsv_fields(const struct gyre_tsv *tsv, struct gyre_span line, struct gyre_text store,
	struct gyre_span *fields, size_t columns, struct gyre_error *reterr);

#endif
