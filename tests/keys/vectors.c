/* The files under tests/vectors, found by $GYRE_VECTORS_DIR; and files that are not in order. */
#include <stdlib.h>
#include "gyre_key_vectors.h"
#include "support.h"

TestSuite(vectors, .timeout = 30);

struct seen {
	size_t count;
	struct gyre_key_mismatch last;
	char column[32], expected[256], actual[256], id[32];
};

static void remember(void *context, const struct gyre_key_mismatch *mismatch)
{
	struct seen *const seen = context;

	seen->count++;
	seen->last = *mismatch;
	snprintf(seen->id, sizeof seen->id, "%s", mismatch->id);
	snprintf(seen->column, sizeof seen->column, "%s", mismatch->column);
	snprintf(seen->expected, sizeof seen->expected, "%s", mismatch->expected);
	snprintf(seen->actual, sizeof seen->actual, "%s", mismatch->actual);
}

static void complain(void *context, const struct gyre_key_mismatch *mismatch)
{
	cr_log_error("%s:%zu: %s: %s: expected \"%s\", got \"%s\"", (const char *)context,
		mismatch->line, mismatch->id, mismatch->column, mismatch->expected,
		mismatch->actual);
}

static void check_file(const char *name, size_t cases)
{
	struct gyre_key_vectors_options options = {&test_env, complain, (void *)(uintptr_t)name};
	const char *const directory = getenv("GYRE_VECTORS_DIR");
	struct gyre_key_vectors_count count;
	struct gyre_error error = untouched_error();
	static char text[1 << 20];
	char path[4096];
	FILE *file;
	size_t bytes;

	cr_assert(ne(ptr, (void *)(uintptr_t)directory, NULL), "GYRE_VECTORS_DIR is not set");
	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "r");
	cr_assert(ne(ptr, file, NULL), "cannot open %s", path);
	bytes = fread(text, 1, sizeof text, file);
	cr_assert(lt(sz, bytes, sizeof text));
	cr_assert(eq(int, fclose(file), 0));
	cr_assert(eq(int, gyre_key_check_vectors(text, bytes, &options, &count, &error), GYRE_OK),
		"%s: %s", name, error.what);
	cr_assert(eq(sz, count.failed, 0));
	cr_assert(eq(sz, count.passed, cases));
}

Test(vectors, every_row_of_every_file_passes)
{
	check_file("keys_tostring.tsv", 207);
	check_file("keys_fromstring.tsv", 356);
	check_file("platform_safe_key.tsv", 173);
	check_file("legacy_native_key.tsv", 186);
	check_file("ftok.tsv", 44);
}

#define TOSTRING "id\ttype\tnative_key\tlegacy_key\texpected\tsource\n"
#define FROMSTRING "id\tclass\tinput\tvalid\ttype\tnative_key\tlegacy_key\tcanonical\tsource\n"
#define NAMES "id\tos\ttype\tkind\tinput\texpected\tsource\n"
#define FTOK "st_dev\tst_ino\tproj_id\texpected_key\tsource\n"

static struct gyre_key_vectors_count check_text(const char *text, struct seen *seen)
{
	const struct gyre_key_vectors_options options = {&test_env, remember, seen};
	struct gyre_key_vectors_count count = {99, 99};
	struct gyre_error error = untouched_error();

	*seen = (struct seen){.count = 0};
	cr_assert(eq(int, gyre_key_check_vectors(text, strlen(text), &options, &count, &error), 0),
		"%s", error.what);
	cr_assert(eq(str, error.what, "untouched"));
	return count;
}

static void assert_counts(const char *text, size_t passed, size_t failed, size_t reported)
{
	struct seen seen;
	const struct gyre_key_vectors_count count = check_text(text, &seen);

	cr_assert(eq(sz, count.passed, passed));
	cr_assert(eq(sz, count.failed, failed));
	cr_assert(eq(sz, seen.count, reported));
}

Test(vectors, a_header_alone_is_a_file_without_cases)
{
	assert_counts(TOSTRING, 0, 0, 0);
	assert_counts("st_dev\tst_ino\tproj_id\texpected_key\tsource", 0, 0, 0);
}

Test(vectors, line_ends_may_be_crlf_and_the_last_may_be_missing)
{
	assert_counts("st_dev\tst_ino\tproj_id\texpected_key\tsource\r\n1\t2\t3\t0x03010002\tx\r\n"
		      "0x1\t0x2\t0x3\t50397186\tx",
		2, 0, 0);
}

Test(vectors, every_kind_reports_what_differs)
{
	struct seen seen;

	(void)check_text(TOSTRING "a\tposix\t/x\\ty\t\tposix:/x\\ty\t-\n", &seen);
	cr_assert(eq(sz, seen.count, 1));
	cr_assert(eq(sz, seen.last.line, 2));
	cr_assert(eq(str, seen.id, "a"));
	cr_assert(eq(str, seen.column, "expected"));
	cr_assert(eq(str, seen.expected, "posix:/x\\ty"));
	cr_assert(eq(str, seen.actual, "posix:/x%09y"));
	(void)check_text(
		FROMSTRING "a\tc\tposix:\\xC3\\xA9\t1\tposix\te\t\tposix:\\xC3\\xA9\t-\n", &seen);
	cr_assert(eq(str, seen.column, "native_key"));
	cr_assert(eq(str, seen.actual, "\\xC3\\xA9"));
	(void)check_text(NAMES "a\tlinux\tsystemv\tshm\tx\t${RUNTIME}/y\t-\n", &seen);
	cr_assert(eq(str, seen.expected, "/run/user/1000/y"));
	cr_assert(eq(str, seen.actual, "/run/user/1000/x"));
	(void)check_text(FTOK "1\t2\t3\t4\t-\n", &seen);
	cr_assert(eq(str, seen.id, ""));
	cr_assert(eq(str, seen.column, "expected_key"));
	cr_assert(eq(str, seen.actual, "0x03010002"));
}

Test(vectors, a_case_that_differs_in_several_columns_fails_once)
{
	assert_counts(FROMSTRING "a\tc\tposix:x\t1\tsystemv\ty\tz\tw\t-\n"
				 "b\tc\tposix:x\t1\tposix\tx\t\tposix:x\t-\n",
		1, 1, 4);
}

Test(vectors, validity_is_compared_both_ways)
{
	assert_counts(FROMSTRING "a\tc\tposix:x\t0\tinvalid\t\t\t\t-\n", 0, 1, 1);
	assert_counts(FROMSTRING "a\tc\tjunk:x\t1\tposix\tx\t\tposix:x\t-\n", 0, 1, 1);
	assert_counts(FROMSTRING "a\tc\tjunk:x\t0\tinvalid\t\t\t\t-\n", 1, 0, 0);
}

Test(vectors, both_files_of_names_are_known_by_their_rows)
{
	assert_counts(NAMES "a\tlinux\tposix\tshm\tfoo\t/foo\t-\n"
			    "b\tlinux\tposix\tshm\tbar\t/wrong\t-\n",
		1, 1, 1);
	assert_counts(NAMES "a\tapple\tposix\tsem\tfoo\t/0beec7b5ea3f0fdbc95d0dd47f3c5\t-\n"
			    "b\tlinux\tsystemv\tsem\tfoo\t${TMP}/qipc_systemsem_foo0beec7b5ea3f0fd"
			    "bc95d0dd47f3c5bc275da8a33\t-\n"
			    "c\tlinux\tposix\tshm\tbar\t/wrong\t-\n",
		2, 1, 1);
}

Test(vectors, a_key_with_a_nul_passes_if_it_is_refused)
{
	assert_counts(FROMSTRING "a\tc\tposix:%00\t1\tposix\t\\x00\t\tposix:%00\t-\n"
				 "b\tc\tposix:\\x00\t1\tposix\t\\x00\t\tposix:%00\t-\n"
				 "c\tc\tposix:a\t1\tposix\t\\x00\t\tposix:%00\t-\n",
		2, 1, 1);
	assert_counts(TOSTRING "a\tposix\t\\x00\t\tposix:%00\t-\n", 1, 0, 0);
	assert_counts(NAMES "a\tlinux\tposix\tshm\ta\\x00\t/a\\x00\t-\n", 1, 0, 0);
}

Test(vectors, names_that_gyre_refuses_fail_with_the_reason)
{
	struct seen seen;

	(void)check_text(TOSTRING "a\tposix\t\\xFF\t\tposix:%FF\t-\n", &seen);
	cr_assert(eq(sz, seen.count, 1));
	cr_assert(eq(int, strncmp(seen.actual, "error: ", 7), 0));
	(void)check_text(NAMES "a\tlinux\tinvalid\tshm\ta\ta\t-\n", &seen);
	cr_assert(eq(sz, seen.count, 1));
	cr_assert(eq(int, strncmp(seen.actual, "error: ", 7), 0));
}

static void assert_bad(const char *text, size_t bytes, const char *part)
{
	const struct gyre_key_vectors_options options = {&test_env, complain, NULL};
	struct gyre_key_vectors_count count = {99, 99};
	struct gyre_error error = untouched_error();

	cr_assert(eq(
		int, gyre_key_check_vectors(text, bytes, &options, &count, &error), GYRE_EINVAL));
	assert_explained(&error, GYRE_EINVAL, part);
	cr_assert(eq(sz, count.passed, 99));
}

static void assert_bad_text(const char *text, const char *part)
{
	assert_bad(text, strlen(text), part);
}

Test(vectors, a_file_that_is_none_names_the_line)
{
	assert_bad_text("", "line 1");
	assert_bad_text("\n", "line 1");
	assert_bad_text("id\ttype\n", "line 1");
	assert_bad_text(TOSTRING "a\tposix\n", "line 2: 2 columns, where the header has 6");
	assert_bad_text(TOSTRING "\n", "line 2: 1 columns");
	assert_bad_text(FTOK "1\t2\t3\t0x03010002\tx\n1\t2\t3\t4\t5\t6\n", "line 3: 6 columns");
	assert_bad_text(TOSTRING "a\tposix\t\\q\t\t\t\n", "line 2: bad escape at \"\\\\q");
	assert_bad_text(TOSTRING "a\tposix\t\\x4\t\t\t\n", "bad escape");
	assert_bad_text(TOSTRING "a\tposix\t\\xG0\t\t\t\n", "bad escape");
	assert_bad_text(TOSTRING "a\tposix\t\\\t\t\t\n", "bad escape");
	assert_bad_text(TOSTRING "a\tposix\t\xC3\xA9\t\t\t\n", "0xC3");
	assert_bad(TOSTRING "a\tposix\t\0\t\t\t\n", sizeof TOSTRING + 13, "0x00");
}

Test(vectors, a_value_that_cannot_be_is_named)
{
	assert_bad_text(TOSTRING "a\tpipe\t\t\t\t\n", "line 2: type cannot be \"pipe\"");
	assert_bad_text(FROMSTRING "a\tc\tx\t2\tinvalid\t\t\t\t-\n", "valid cannot be \"2\"");
	assert_bad_text(NAMES "a\tbeos\tposix\tshm\tx\t\t-\n", "os cannot be \"beos\"");
	assert_bad_text(NAMES "a\tlinux\tposix\tmem\tx\t\t-\n", "kind cannot be \"mem\"");
	assert_bad_text(FTOK "x\t2\t3\t4\t-\n", "st_dev cannot be \"x\"");
	assert_bad_text(FTOK "1\t2x\t3\t4\t-\n", "st_ino cannot be \"2x\"");
	assert_bad_text(FTOK "1\t2\t-3\t4\t-\n", "proj_id");
	assert_bad_text(FTOK "1\t2\t3\t99999999999999999999999\t-\n", "expected_key");
	assert_bad_text(FTOK "1\t2\t3\t\t-\n", "expected_key");
}

Test(vectors, nobody_has_to_listen)
{
	static const char text[] = TOSTRING "a\tposix\tx\t\ty\t-\n";
	const struct gyre_key_vectors_options options = {NULL, NULL, NULL};
	struct gyre_key_vectors_count count;

	cr_assert(
		eq(int, gyre_key_check_vectors(text, sizeof text - 1, &options, &count, NULL), 0));
	cr_assert(eq(sz, count.failed, 1));
}
