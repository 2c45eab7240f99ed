/*
 * Anybody's bytes as text for people: in error messages, and in the notation of test vectors.
 */
#include "text_private.h"
#include "utf8_private.h"

/* The letter of a two-character escape, or 0. */
static char escape_letter(char c)
{
	switch (c) {
	case '\\':
		return '\\';
	case '\t':
		return 't';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	default:
		return 0;
	}
}

static bool is_printable(struct gyre_span sequence, bool ascii_only)
{
	if (sequence.bytes == 1)
		return (unsigned char)sequence.at[0] >= 0x20 && sequence.at[0] != 0x7F;
	return sequence.bytes > 1 && !ascii_only;
}

void gyre_text_put_escaped(struct gyre_text *text, struct gyre_span span, bool ascii_only)
{
	size_t done = 0;

	while (done < span.bytes) {
		const char *const at = span.at + done;
		uint32_t codepoint;
		struct gyre_span one = {at, gyre_utf8_sequence(at, span.bytes - done, &codepoint)};
		const char letter = escape_letter(*at);

		if (letter != 0) {
			gyre_text_putc(text, '\\');
			gyre_text_putc(text, letter);
		} else if (is_printable(one, ascii_only)) {
			gyre_text_put(text, one);
		} else {
			one.bytes = 1;
			gyre_text_put_hex(text, "\\x", *at);
		}
		done += one.bytes;
	}
}

struct gyre_quoted gyre_quote(struct gyre_span span)
{
	enum { TAIL = sizeof "...\"" }; /* what is put after a cut, and the NUL */
	struct gyre_quoted quoted;
	struct gyre_text text = {quoted.text, sizeof quoted.text, 0};

	gyre_text_putc(&text, '"');
	gyre_text_put_escaped(&text, span, false);
	gyre_text_putc(&text, '"');
	if (gyre_text_fits(&text)) {
		(void)gyre_text_end(&text);
		return quoted;
	}
	text.bytes = gyre_utf8_floor(quoted.text, sizeof quoted.text - TAIL);
	gyre_text_puts(&text, "...\"");
	(void)gyre_text_end(&text);
	return quoted;
}
