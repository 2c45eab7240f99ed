#include <string.h>
#include "percent_private.h"
#include "utf8_private.h"

enum { ESCAPE_BYTES = 3 }; /* "%2F" */

void gyre_percent_encode(struct gyre_text *text, struct gyre_span span, const char *reserved)
{
	for (size_t i = 0; i < span.bytes; i++) {
		const char c = span.at[i];
		const bool control = (unsigned char)c < 0x20 || c == 0x7F;

		if (control || strchr(reserved, c) != NULL)
			gyre_text_put_hex(text, "%", c);
		else
			gyre_text_putc(text, c);
	}
}

static bool is_escape(struct gyre_span span, size_t at)
{
	return span.bytes - at >= ESCAPE_BYTES && span.at[at] == '%' &&
	       gyre_hex_byte(span.at + at + 1) >= 0;
}

bool gyre_percent_is_stray(struct gyre_span span)
{
	for (size_t i = 0; i < span.bytes; i++)
		if (span.at[i] == '%' && !is_escape(span, i))
			return true;
	return false;
}

/* The bytes of up to four escapes in a row, as many as one UTF-8 sequence may need. */
static size_t escaped_bytes(struct gyre_span span, size_t at, char bytes[4])
{
	size_t count = 0;

	for (; count < 4 && is_escape(span, at); at += ESCAPE_BYTES)
		bytes[count++] = (char)gyre_hex_byte(span.at + at + 1);
	return count;
}

bool gyre_percent_decode(struct gyre_text *text, struct gyre_span span, bool noncharacters)
{
	bool faithful = true;
	size_t at = 0;

	while (at < span.bytes) {
		char bytes[4];
		const size_t count = escaped_bytes(span, at, bytes);
		uint32_t codepoint;
		const size_t step = gyre_utf8_sequence(bytes, count, &codepoint);

		if (count == 0) {
			gyre_text_putc(text, span.at[at++]);
		} else if (step == 0 || (!noncharacters && gyre_utf8_is_noncharacter(codepoint))) {
			gyre_text_puts(text, "\xEF\xBF\xBD");
			faithful = false;
			at += ESCAPE_BYTES;
		} else {
			gyre_text_put(text, (struct gyre_span){bytes, step});
			at += ESCAPE_BYTES * step;
		}
	}
	return faithful;
}
