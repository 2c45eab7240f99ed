/*
 * Percent-encoding as Qt's URL class does it for keys, odd corners included.
 */
#ifndef GYRE_PERCENT_PRIVATE_H
#define GYRE_PERCENT_PRIVATE_H

#include <stdbool.h>
#include "text_private.h"

/* Write %XX for control characters and for each character in "reserved", which has to contain
 * '%'; everything else, non-ASCII too, stands as it is. */
void gyre_percent_encode(struct gyre_text *text, struct gyre_span span, const char *reserved);

/* A '%' without two hex digits after it: then every '%' of the part stands for itself. */
bool gyre_percent_is_stray(struct gyre_span span);

/*
 * Decode %XX as UTF-8. A byte that is not part of a well-formed sequence of escapes becomes
 * U+FFFD; escaped noncharacters likewise, byte for byte, if noncharacters is false (Qt does
 * that in paths, not in queries). Returns false if anything was replaced.
 */
bool gyre_percent_decode(struct gyre_text *text, struct gyre_span span, bool noncharacters);

#endif
