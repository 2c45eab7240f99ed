#include "error_private.h"
#include "tsv_private.h"

bool gyre_tsv_next(struct gyre_tsv *tsv, struct gyre_span *ret_line)
{
	struct gyre_span line = tsv->rest;

	if (line.bytes == 0)
		return false;
	(void)gyre_span_split(&line, '\n', &tsv->rest);
	if (line.bytes > 0 && line.at[line.bytes - 1] == '\r')
		line.bytes--;
	tsv->line++;
	*ret_line = line;
	return true;
}

/* Put what the escape at the start of a span stands for. Returns its length, 0 if it is none. */
static size_t put_unescaped(struct gyre_text *text, struct gyre_span span)
{
	static const char letters[] = "\\tnr";
	static const char meanings[] = "\\\t\n\r";
	int value;

	if (span.bytes < 2)
		return 0;
	for (size_t i = 0; i < sizeof letters - 1; i++) {
		if (letters[i] == span.at[1]) {
			gyre_text_putc(text, meanings[i]);
			return 2;
		}
	}
	if (span.at[1] != 'x' || span.bytes < 4)
		return 0;
	value = gyre_hex_byte(span.at + 2);
	if (value < 0)
		return 0;
	gyre_text_putc(text, (char)value);
	return 4;
}

static int put_field(
	struct gyre_text *store, struct gyre_span field, size_t line, struct gyre_error *reterr)
{
	size_t done = 0;

	while (done < field.bytes) {
		const struct gyre_span rest = {field.at + done, field.bytes - done};
		const unsigned char c = (unsigned char)rest.at[0];
		size_t step = 1;

		if (c < 0x20 || c >= 0x7F)
			return gyre_error_set(reterr, GYRE_EINVAL, 0,
				"line %zu: byte 0x%02X is not printable ASCII: write \\x%02X", line,
				(unsigned)c, (unsigned)c);
		if (c == '\\')
			step = put_unescaped(store, rest);
		else
			gyre_text_putc(store, rest.at[0]);
		if (step == 0)
			return gyre_error_set(reterr, GYRE_EINVAL, 0,
				"line %zu: bad escape at %s: there are \\\\, \\t, \\n, \\r and "
				"\\xHH",
				line, gyre_quote(rest).text);
		done += step;
	}
	return GYRE_OK;
}

static size_t count_fields(struct gyre_span line)
{
	struct gyre_span tail;
	size_t count = 1;

	while (gyre_span_split(&line, '\t', &tail)) {
		line = tail;
		count++;
	}
	return count;
}

int gyre_tsv_fields(struct gyre_tsv *tsv, struct gyre_span line, struct gyre_span *fields,
	size_t columns, struct gyre_error *reterr)
{
	const size_t found = count_fields(line);

	if (found != columns)
		return gyre_error_set(reterr, GYRE_EINVAL, 0,
			"line %zu: %zu columns, where the header has %zu", tsv->line, found,
			columns);
	tsv->store.bytes = 0;
	for (size_t i = 0; i < columns; i++) {
		struct gyre_span field = line;
		const size_t start = tsv->store.bytes;
		int r;

		(void)gyre_span_split(&field, '\t', &line);
		r = put_field(&tsv->store, field, tsv->line, reterr);
		if (r != GYRE_OK)
			return r;
		fields[i] = (struct gyre_span){tsv->store.buf + start, tsv->store.bytes - start};
		gyre_text_putc(&tsv->store, '\0');
	}
	return GYRE_OK;
}
