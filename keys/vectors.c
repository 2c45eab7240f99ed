/*
 * Test vectors: one table of file kinds, one function for each that puts a case to gyre and
 * compares the answers.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gyre_key_vectors.h"
#include "key_private.h"
#include "tsv_private.h"

enum { COLUMNS_MAX = 9 };

struct checker {
	struct gyre_key_vectors_options options;
	struct gyre_tsv tsv;
	const char *id;
	struct gyre_span fields[COLUMNS_MAX]; /* of the current line; each has a NUL behind it */
	bool failed;                          /* the current line */
	struct gyre_key key;
	char text[GYRE_KEY_TEXT_SIZE];     /* gyre's answer */
	char filled[GYRE_KEY_TEXT_SIZE];   /* the expected one, directories filled in */
	char expected[GYRE_KEY_TEXT_SIZE]; /* both again, escaped */
	char actual[GYRE_KEY_TEXT_SIZE];
	char store[]; /* what fields point into: as long as the whole file, and two bytes */
};

static void escape(struct gyre_span span, char buf[GYRE_KEY_TEXT_SIZE])
{
	struct gyre_text text = {buf, GYRE_KEY_TEXT_SIZE, 0};

	gyre_text_put_escaped(&text, span, true);
	(void)gyre_text_end(&text);
}

static void compare(
	struct checker *c, const char *column, struct gyre_span expected, const char *actual)
{
	const struct gyre_key_mismatch mismatch = {
		c->tsv.line, c->id, column, c->expected, c->actual};

	if (gyre_span_equals(expected, actual))
		return;
	c->failed = true;
	if (c->options.mismatch == NULL)
		return;
	escape(expected, c->expected);
	escape(gyre_span_of(actual), c->actual);
	c->options.mismatch(c->options.context, &mismatch);
}

/* gyre refused what it should have answered. */
static void compare_error(struct checker *c, const char *column, struct gyre_span expected,
	const struct gyre_error *error)
{
	(void)snprintf(c->text, sizeof c->text, "error: %s", error->what);
	compare(c, column, expected, c->text);
}

static int bad_value(
	const struct checker *c, const char *column, size_t field, struct gyre_error *reterr)
{
	return gyre_error_set(reterr, GYRE_EINVAL, 0, "line %zu: %s cannot be %s", c->tsv.line,
		column, gyre_quote(c->fields[field]).text);
}

static int read_type(
	const struct checker *c, size_t field, uint16_t *ret_type, struct gyre_error *reterr)
{
	*ret_type = gyre_type_of_scheme(c->fields[field]);
	if (*ret_type == GYRE_KEY_INVALID && !gyre_span_equals(c->fields[field], "invalid"))
		return bad_value(c, "type", field, reterr);
	return GYRE_OK;
}

static bool has_nul(struct gyre_span field)
{
	return memchr(field.at, '\0', field.bytes) != NULL;
}

static int check_tostring(struct checker *c, struct gyre_error *reterr)
{
	enum { TYPE = 1, NATIVE, LEGACY, EXPECTED };
	struct gyre_text native = {c->key.native, sizeof c->key.native, 0};
	struct gyre_text legacy = {c->key.legacy, sizeof c->key.legacy, 0};
	struct gyre_error error;
	int r = read_type(c, TYPE, &c->key.type, reterr);

	if (r != GYRE_OK || has_nul(c->fields[NATIVE]) || has_nul(c->fields[LEGACY]))
		return r;
	gyre_text_put(&native, c->fields[NATIVE]);
	gyre_text_put(&legacy, c->fields[LEGACY]);
	r = gyre_key_finish(&native, "native key", &error);
	if (r == GYRE_OK)
		r = gyre_key_finish(&legacy, "legacy key", &error);
	if (r != GYRE_OK) {
		compare_error(c, "expected", c->fields[EXPECTED], &error);
		return GYRE_OK;
	}
	(void)gyre_key_print_qt(&c->key, c->text, sizeof c->text);
	compare(c, "expected", c->fields[EXPECTED], c->text);
	return GYRE_OK;
}

static int check_fromstring(struct checker *c, struct gyre_error *reterr)
{
	enum { INPUT = 2, VALID, TYPE, NATIVE, LEGACY, CANONICAL };
	const bool refusable = has_nul(c->fields[INPUT]) || has_nul(c->fields[NATIVE]) ||
			       has_nul(c->fields[LEGACY]);
	const bool valid = gyre_span_equals(c->fields[VALID], "1");
	int r;

	if (!valid && !gyre_span_equals(c->fields[VALID], "0"))
		return bad_value(c, "valid", VALID, reterr);
	if (has_nul(c->fields[INPUT])) /* no C string can even ask */
		return GYRE_OK;
	r = gyre_key_parse_qt(c->fields[INPUT].at, &c->key, NULL);
	if (refusable || !valid) {
		compare(c, "valid", gyre_span_of("0"), r == GYRE_OK ? "1" : "0");
		return GYRE_OK;
	}
	compare(c, "valid", c->fields[VALID], r == GYRE_OK ? "1" : "0");
	if (r != GYRE_OK)
		return GYRE_OK;
	(void)gyre_key_type_text(c->key.type, c->text, sizeof c->text);
	compare(c, "type", c->fields[TYPE], c->text);
	compare(c, "native_key", c->fields[NATIVE], c->key.native);
	compare(c, "legacy_key", c->fields[LEGACY], c->key.legacy);
	(void)gyre_key_print_qt(&c->key, c->text, sizeof c->text);
	compare(c, "canonical", c->fields[CANONICAL], c->text);
	return GYRE_OK;
}

/* An expected name with a directory in front of it. */
static struct gyre_span fill_in(struct checker *c, struct gyre_span name)
{
	static const char runtime[] = "${RUNTIME}";
	static const char temp[] = "${TMP}";
	const struct gyre_key_env *const env = c->options.env;
	struct gyre_text text = {c->filled, sizeof c->filled, 0};
	size_t skip = 0;

	if (env != NULL && env->runtime_dir != NULL && gyre_span_starts(name, runtime)) {
		gyre_text_puts(&text, env->runtime_dir);
		skip = sizeof runtime - 1;
	} else if (env != NULL && env->temp_dir != NULL && gyre_span_starts(name, temp)) {
		gyre_text_puts(&text, env->temp_dir);
		skip = sizeof temp - 1;
	}
	gyre_text_put(&text, (struct gyre_span){name.at + skip, name.bytes - skip});
	(void)gyre_text_end(&text);
	return gyre_span_of(c->filled);
}

typedef int make_key_fn(const char *name, uint16_t type, enum gyre_key_kind kind, enum gyre_os os,
	const struct gyre_key_env *env, struct gyre_key *ret_key, struct gyre_error *reterr);

/* Both files of names have the same columns, and both functions the same arguments. */
static int check_name(struct checker *c, make_key_fn *make_key, struct gyre_error *reterr)
{
	enum { OS = 1, TYPE, KIND, INPUT, EXPECTED };
	const struct gyre_span *const f = c->fields;
	struct gyre_error error;
	enum gyre_key_kind kind;
	enum gyre_os os;
	uint16_t type;
	int r;

	if (gyre_key_os_from_text(f[OS].at, &os) != GYRE_OK)
		return bad_value(c, "os", OS, reterr);
	if (gyre_key_kind_from_text(f[KIND].at, &kind) != GYRE_OK)
		return bad_value(c, "kind", KIND, reterr);
	r = read_type(c, TYPE, &type, reterr);
	if (r != GYRE_OK || has_nul(f[INPUT]))
		return r;
	r = make_key(f[INPUT].at, type, kind, os, c->options.env, &c->key, &error);
	if (r == GYRE_OK)
		compare(c, "expected", fill_in(c, f[EXPECTED]), c->key.native);
	else
		compare_error(c, "expected", fill_in(c, f[EXPECTED]), &error);
	return GYRE_OK;
}

static int check_safe(struct checker *c, struct gyre_error *reterr)
{
	return check_name(c, gyre_key_safe, reterr);
}

static int check_legacy(struct checker *c, struct gyre_error *reterr)
{
	return check_name(c, gyre_key_legacy, reterr);
}

/* Decimal, or hexadecimal after 0x. */
static bool read_number(struct gyre_span field, uint64_t *ret_number)
{
	const int base = gyre_span_starts(field, "0x") ? 16 : 10;
	char *end;

	if (field.bytes == 0 || field.at[0] < '0' || field.at[0] > '9')
		return false;
	errno = 0;
	*ret_number = strtoull(field.at, &end, base);
	return errno == 0 && end == field.at + field.bytes;
}

static int check_ftok(struct checker *c, struct gyre_error *reterr)
{
	static const char *const columns[] = {"st_dev", "st_ino", "proj_id", "expected_key"};
	uint64_t number[4];
	uint32_t key;

	c->id = "";
	for (size_t i = 0; i < 4; i++)
		if (!read_number(c->fields[i], &number[i]))
			return bad_value(c, columns[i], i, reterr);
	key = gyre_key_ftok(number[0], number[1], (int)(number[2] & INT32_MAX));
	if (key == number[3])
		return GYRE_OK;
	(void)snprintf(c->text, sizeof c->text, "0x%08" PRIx32, key);
	compare(c, columns[3], c->fields[3], c->text);
	return GYRE_OK;
}

static const struct kind {
	const char *header;
	size_t columns;
	int (*check)(struct checker *c, struct gyre_error *reterr);
} kinds[] = {
	{"id\ttype\tnative_key\tlegacy_key\texpected\tsource", 6, check_tostring},
	{"id\tclass\tinput\tvalid\ttype\tnative_key\tlegacy_key\tcanonical\tsource", 9,
		check_fromstring},
	{"id\tos\ttype\tkind\tinput\texpected\tsource", 7, check_safe},
	{"id\tos\ttype\tkind\tinput\texpected\tsource", 7, check_legacy},
	{"st_dev\tst_ino\tproj_id\texpected_key\tsource", 5, check_ftok},
};

/* Every line of a file, its first one being the header. */
static int check_lines(struct checker *c, const struct kind *kind, struct gyre_span file,
	struct gyre_key_vectors_count *ret_count, struct gyre_error *reterr)
{
	struct gyre_key_vectors_count count = {0, 0};
	struct gyre_span line;

	c->tsv = (struct gyre_tsv){file, 0, {c->store, file.bytes + 2, 0}};
	(void)gyre_tsv_next(&c->tsv, &line);
	while (gyre_tsv_next(&c->tsv, &line)) {
		int r = gyre_tsv_fields(&c->tsv, line, c->fields, kind->columns, reterr);

		c->failed = false;
		c->id = c->fields[0].at;
		if (r == GYRE_OK)
			r = kind->check(c, reterr);
		if (r != GYRE_OK)
			return r;
		count.passed += !c->failed;
		count.failed += c->failed;
	}
	*ret_count = count;
	return GYRE_OK;
}

/* Two kinds have one header: of these it is the one that gyre contradicts less often. */
static int find_kind(struct checker *c, struct gyre_span file, const struct kind **ret_kind,
	struct gyre_key_vectors_count *ret_count, struct gyre_error *reterr)
{
	struct gyre_tsv tsv = {.rest = file};
	struct gyre_span header = file;

	*ret_kind = NULL;
	(void)gyre_tsv_next(&tsv, &header);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct gyre_key_vectors_count count;
		int r;

		if (!gyre_span_equals(header, kinds[i].header))
			continue;
		r = check_lines(c, &kinds[i], file, &count, reterr);
		if (r != GYRE_OK)
			return r;
		if (*ret_kind == NULL || count.failed < ret_count->failed) {
			*ret_kind = &kinds[i];
			*ret_count = count;
		}
	}
	if (*ret_kind != NULL)
		return GYRE_OK;
	return gyre_error_set(reterr, GYRE_EINVAL, 0,
		"line 1: %s is the header of no vector file: it has to name the columns, as in "
		"%s",
		gyre_quote(header).text, gyre_quote(gyre_span_of(kinds[0].header)).text);
}

int gyre_key_check_vectors(const char *text, size_t bytes,
	const struct gyre_key_vectors_options *options, struct gyre_key_vectors_count *ret_count,
	struct gyre_error *reterr)
{
	const struct gyre_span file = {text, bytes};
	struct checker *const c = calloc(1, sizeof *c + bytes + 2);
	struct gyre_key_vectors_count count;
	const struct kind *kind;
	int r;

	if (c == NULL)
		return gyre_error_set(reterr, GYRE_ENORES, ENOMEM,
			"no memory to check a file of %zu bytes", bytes);
	c->options.env = options->env; /* first in silence */
	r = find_kind(c, file, &kind, &count, reterr);
	if (r == GYRE_OK && count.failed > 0) {
		c->options = *options;
		r = check_lines(c, kind, file, &count, reterr);
	}
	if (r == GYRE_OK)
		*ret_count = count;
	free(c);
	return r;
}
