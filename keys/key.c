/* A key as a value: predicates, comparison, and the one door through which names come in. */
#include <limits.h>
#include <string.h>
#include "key_private.h"
#include "utf8_private.h"

bool gyre_key_valid(const struct gyre_key *key)
{
	return key->type != GYRE_KEY_INVALID;
}

bool gyre_key_empty(const struct gyre_key *key)
{
	return key->native[0] == '\0';
}

bool gyre_key_equal(const struct gyre_key *a, const struct gyre_key *b)
{
	return a->type == b->type && strncmp(a->native, b->native, sizeof a->native) == 0 &&
	       strncmp(a->legacy, b->legacy, sizeof a->legacy) == 0;
}

int gyre_key_set_native(struct gyre_key *key, const char *native, struct gyre_error *reterr)
{
	struct gyre_key fresh = {.type = key->type};
	struct gyre_text text = {fresh.native, sizeof fresh.native, 0};
	int r;

	gyre_text_puts(&text, native);
	r = gyre_key_finish(&text, "native key", reterr);
	if (r == GYRE_OK)
		*key = fresh;
	return r;
}

int gyre_key_finish(struct gyre_text *text, const char *what, struct gyre_error *reterr)
{
	size_t valid;

	if (!gyre_text_fits(text))
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"the %s is %zu bytes long; at most %zu can be held", what, text->bytes,
			text->size - 1);
	if (memchr(text->buf, '\0', text->bytes) != NULL)
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"the %s holds a NUL (%%00), where the system would cut it", what);
	valid = gyre_utf8_valid_bytes(text->buf, text->bytes);
	if (valid < text->bytes)
		return gyre_error_set(reterr, GYRE_EKEY, 0,
			"the %s is not UTF-8: byte 0x%02X at offset %zu", what,
			(unsigned)(unsigned char)text->buf[valid], valid);
	(void)gyre_text_end(text);
	return GYRE_OK;
}

int gyre_key_descriptor(const struct gyre_key *key)
{
	const char *digit = key->native;
	int number = 0;

	if (key->type != GYRE_KEY_MEMFD || *digit == '\0' || (*digit == '0' && digit[1] != '\0'))
		return -1;
	for (; *digit != '\0'; digit++) {
		if (*digit < '0' || *digit > '9' || number > (INT_MAX - (*digit - '0')) / 10)
			return -1;
		number = number * 10 + (*digit - '0');
	}
	return number;
}
