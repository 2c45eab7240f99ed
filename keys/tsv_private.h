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
	size_t line;            /* the one read last; the first is 1 */
	struct gyre_text store; /* for the fields of one line: its length and two bytes */
};

/* The next line, without its end (LF or CR LF); false after the last. */
bool gyre_tsv_next(struct gyre_tsv *tsv, struct gyre_span *ret_line);

/* Split a line into exactly so many fields and undo their escapes. The fields, each with a NUL
 * behind it, stay in the store until the next line. */
int gyre_tsv_fields(struct gyre_tsv *tsv, struct gyre_span line, struct gyre_span *fields,
	size_t columns, struct gyre_error *reterr);

#endif
