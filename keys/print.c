/*
 * The string form: scheme ":" native key ["?legacyKey=" legacy key], see gyre_key_parse_qt().
 */
#include <string.h>
#include "key_private.h"
#include "percent_private.h"

static struct gyre_span field(const char *at, size_t size)
{
	return (struct gyre_span){at, strnlen(at, size)};
}

size_t gyre_key_print(const struct gyre_key *key, char *buf, size_t size)
{
	struct gyre_span native = field(key->native, sizeof key->native);
	const struct gyre_span legacy = field(key->legacy, sizeof key->legacy);
	struct gyre_text text = {buf, size, 0};
	char scheme[16];

	if (gyre_key_type_text(key->type, scheme, sizeof scheme) == 0)
		return gyre_text_end(&text);
	gyre_text_puts(&text, scheme);
	gyre_text_putc(&text, ':');
	if (gyre_span_starts(native, "//")) { /* would be read as the start of an authority */
		gyre_text_puts(&text, "/%2F");
		native = (struct gyre_span){native.at + 2, native.bytes - 2};
	}
	gyre_percent_encode(&text, native, "#%?");
	if (legacy.bytes > 0) {
		gyre_text_puts(&text, "?legacyKey=");
		gyre_percent_encode(&text, legacy, "#%&=");
	}
	return gyre_text_end(&text);
}

size_t gyre_key_print_qt(const struct gyre_key *key, char *buf, size_t size)
{
	struct gyre_text nothing = {buf, size, 0};

	if (!gyre_type_is_qt(key->type))
		return gyre_text_end(&nothing);
	return gyre_key_print(key, buf, size);
}
