/* Spans and texts: reading pieces of a string, writing one without running over. */
#include <string.h>
#include "text_private.h"
#include "utf8_private.h"

struct gyre_span gyre_span_of(const char *string)
{
	return (struct gyre_span){string, strlen(string)};
}

bool gyre_span_split(struct gyre_span *head, char at, struct gyre_span *ret_tail)
{
	const char *const found = head->bytes == 0 ? NULL : memchr(head->at, at, head->bytes);
	const char *const end = head->at + head->bytes;

	*ret_tail = (struct gyre_span){end, 0};
	if (found == NULL)
		return false;
	*ret_tail = (struct gyre_span){found + 1, (size_t)(end - found) - 1};
	head->bytes = (size_t)(found - head->at);
	return true;
}

bool gyre_span_equals(struct gyre_span span, const char *string)
{
	return span.bytes == strlen(string) && gyre_span_starts(span, string);
}

bool gyre_span_starts(struct gyre_span span, const char *prefix)
{
	const size_t bytes = strlen(prefix);

	return span.bytes >= bytes && memcmp(span.at, prefix, bytes) == 0;
}

void gyre_text_put(struct gyre_text *text, struct gyre_span span)
{
	if (text->bytes < text->size) {
		const size_t room = text->size - text->bytes;

		memcpy(text->buf + text->bytes, span.at, span.bytes < room ? span.bytes : room);
	}
	text->bytes += span.bytes;
}

void gyre_text_puts(struct gyre_text *text, const char *string)
{
	gyre_text_put(text, gyre_span_of(string));
}

void gyre_text_putc(struct gyre_text *text, char c)
{
	gyre_text_put(text, (struct gyre_span){&c, 1});
}

void gyre_text_put_hex(struct gyre_text *text, const char *prefix, char c)
{
	static const char digits[] = "0123456789ABCDEF";

	gyre_text_puts(text, prefix);
	gyre_text_putc(text, digits[(unsigned char)c >> 4]);
	gyre_text_putc(text, digits[(unsigned char)c & 0xF]);
}

void gyre_text_put_units(struct gyre_text *text, struct gyre_span span, size_t units_max)
{
	bool split;
	const size_t bytes = gyre_utf8_floor_units(span.at, span.bytes, units_max, &split);

	gyre_text_put(text, (struct gyre_span){span.at, bytes});
	if (split)
		gyre_text_putc(text, '?');
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int gyre_hex_byte(const char *digits)
{
	const int high = hex_value(digits[0]);
	const int low = hex_value(digits[1]);

	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

size_t gyre_text_end(struct gyre_text *text)
{
	if (text->size > 0)
		text->buf[gyre_text_fits(text) ? text->bytes : text->size - 1] = '\0';
	return text->bytes;
}

bool gyre_text_fits(const struct gyre_text *text)
{
	return text->bytes < text->size;
}
