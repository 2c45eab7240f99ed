/*
 * Two small tools that everything in keys/ is written with: a span is a piece of text to read,
 * a text is a buffer to write to, with snprintf's manners.
 */
#ifndef GYRE_TEXT_PRIVATE_H
#define GYRE_TEXT_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

/* bytes[0..bytes) of somebody else's memory; no NUL at its end. */
struct gyre_span {
	const char *at;
	size_t bytes;
};

/* What was put so far. Counts on beyond the end of the buffer, and never writes there. */
struct gyre_text {
	char *buf; /* may be NULL if size is 0 */
	size_t size;
	size_t bytes; /* how long the whole text is, whether it fits or not */
};

struct gyre_span gyre_span_of(const char *string);

/* Cut *head at the first byte "at"; *ret_tail is what follows it, empty if it is not there. */
bool gyre_span_split(struct gyre_span *head, char at, struct gyre_span *ret_tail);

bool gyre_span_equals(struct gyre_span span, const char *string);
bool gyre_span_starts(struct gyre_span span, const char *prefix);

void gyre_text_put(struct gyre_text *text, struct gyre_span span);
void gyre_text_puts(struct gyre_text *text, const char *string);
void gyre_text_putc(struct gyre_text *text, char c);
void gyre_text_put_hex(struct gyre_text *text, const char *prefix, char c); /* "%" 2F, "\x" 2F */

/* The byte that two hex digits of either case spell, or -1. */
int gyre_hex_byte(const char *digits);

/* Put a span, cut after units_max UTF-16 units as Qt cuts a QString. Half a surrogate pair that
 * is left there cannot be written in UTF-8 and becomes '?', as in QString::toUtf8(). */
void gyre_text_put_units(struct gyre_text *text, struct gyre_span span, size_t units_max);

/* Put a span with \\ \t \n \r and \xHH for what a line of text should not hold: control
 * characters, bytes that are no UTF-8, and with ascii_only every other non-ASCII byte. */
void gyre_text_put_escaped(struct gyre_text *text, struct gyre_span span, bool ascii_only);

/* Terminate; cut if it does not fit. Returns the length of the whole text, as snprintf does. */
size_t gyre_text_end(struct gyre_text *text);

/* The whole text and its NUL have room. */
bool gyre_text_fits(const struct gyre_text *text);

/* Somebody's input as it may stand in a line for people: in quotes, escaped, cut. */
struct gyre_quoted {
	char text[100];
};

/* Meant for the arguments of one call: gyre_error_set(..., gyre_quote(span).text). */
struct gyre_quoted gyre_quote(struct gyre_span span);

#endif
