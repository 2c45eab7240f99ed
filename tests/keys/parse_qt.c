/* Beyond the vectors: what they have no row for, and how a refusal is explained. */
#include "support.h"

TestSuite(parse_qt, .timeout = 10);

static void assert_reads(const char *text, uint16_t type, const char *native, const char *legacy)
{
	const struct gyre_key expected = key_of(type, native, legacy);
	struct gyre_error error = untouched_error();
	struct gyre_key key;

	cr_assert(eq(int, gyre_key_parse_qt(text, &key, &error), GYRE_OK), "%s", text);
	cr_assert(gyre_key_equal(&key, &expected), "%s: \"%s\", \"%s\"", text, key.native,
		key.legacy);
	cr_assert(eq(str, error.what, "untouched"));
}

static void assert_refuses(const char *text, const char *part)
{
	const struct gyre_key before = key_of(7, "before", "before");
	struct gyre_error error = untouched_error();
	struct gyre_key key = before;

	cr_assert(eq(int, gyre_key_parse_qt(text, &key, &error), GYRE_EKEY), "%s", text);
	cr_assert(gyre_key_equal(&key, &before));
	assert_explained(&error, GYRE_EKEY, part);
	cr_assert(eq(int, gyre_key_parse_qt(text, &key, NULL), GYRE_EKEY));
}

Test(parse_qt, an_authority_is_read_up_to_the_next_slash)
{
	assert_reads("posix://@:", GYRE_KEY_POSIX, "", "");
	assert_reads("posix://:", GYRE_KEY_POSIX, "", "");
	assert_reads("posix://@//x", GYRE_KEY_POSIX, "//x", "");
	assert_reads("posix:/%2F/host", GYRE_KEY_POSIX, "///host", "");
	assert_refuses("posix://@@/x", "host");
	assert_refuses("posix://::/x", "host");
	assert_refuses("posix://%/x", "host");
	assert_refuses("posix://a", "host");
}

Test(parse_qt, a_fragment_hides_whatever_it_holds)
{
	assert_reads("posix:/a#?legacyKey=b", GYRE_KEY_POSIX, "/a", "");
	assert_reads("posix:/a#%00%zz", GYRE_KEY_POSIX, "/a", "");
	assert_reads("posix:#//host", GYRE_KEY_POSIX, "", "");
	assert_reads("posix:/a?legacyKey=b#&x=1", GYRE_KEY_POSIX, "/a", "b");
	assert_refuses("posi#x:/a", "no scheme");
}

Test(parse_qt, a_stray_percent_makes_every_percent_of_its_part_literal)
{
	assert_reads("posix:%%41", GYRE_KEY_POSIX, "%%41", "");
	assert_reads("posix:%41%4", GYRE_KEY_POSIX, "%41%4", "");
	assert_reads("posix:/%41?legacyKey=%41&legacyKey=%zz", GYRE_KEY_POSIX, "/A", "%zz");
	assert_reads("posix:/x?legacyKey=%&legacyKey=%41", GYRE_KEY_POSIX, "/x", "%41");
	assert_reads("posix:%00%", GYRE_KEY_POSIX, "%00%", "");
	assert_refuses("posix:/x?%6CegacyKey=%", "legacyKey");
}

Test(parse_qt, escapes_that_are_no_utf8_become_replacement_characters)
{
	assert_reads("posix:%F0%90%80", GYRE_KEY_POSIX, "\uFFFD\uFFFD\uFFFD", "");
	assert_reads("posix:%E2%82%ACx%E2%82", GYRE_KEY_POSIX, "\u20ACx\uFFFD\uFFFD", "");
	assert_reads("posix:%C3\u00A9", GYRE_KEY_POSIX, "\uFFFD\u00A9", "");
	assert_reads("posix:%80%80", GYRE_KEY_POSIX, "\uFFFD\uFFFD", "");
	assert_reads("posix:%F8%88%80%80%80", GYRE_KEY_POSIX, "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD", "");
	assert_reads("posix:?legacyKey=%FFa%C3", GYRE_KEY_POSIX, "", "\uFFFDa\uFFFD");
}

Test(parse_qt, escaped_noncharacters_are_replaced_in_a_path_only)
{
	assert_reads("posix:%EF%B7%90", GYRE_KEY_POSIX, "\uFFFD\uFFFD\uFFFD", "");
	assert_reads("posix:%F0%9F%BF%BF", GYRE_KEY_POSIX, "\uFFFD\uFFFD\uFFFD\uFFFD", "");
	assert_reads("posix:%EF%B7%8F%EF%B7%B0", GYRE_KEY_POSIX, "\uFDCF\uFDF0", "");
	assert_reads("posix:\xEF\xB7\x90", GYRE_KEY_POSIX, "\xEF\xB7\x90", "");
	assert_reads("posix:?legacyKey=%EF%B7%90", GYRE_KEY_POSIX, "", "\xEF\xB7\x90");
}

Test(parse_qt, one_empty_item_at_the_end_of_the_query_is_none)
{
	assert_reads("posix:/a?legacyKey=b&legacyKey&", GYRE_KEY_POSIX, "/a", "");
	assert_refuses("posix:/a?legacyKey=b&&", "legacyKey");
	assert_refuses("posix:/a?legacyKey=b&x", "\"x\"");
	assert_refuses("posix:/a?legacyKeyx=b", "legacyKey");
	assert_refuses("posix:/a?legacyKe=b", "legacyKey");
	assert_refuses("posix:/a?LegacyKey=b", "legacyKey");
}

Test(parse_qt, a_nul_is_refused)
{
	assert_refuses("posix:/a%00b", "NUL");
	assert_refuses("posix:/a?legacyKey=a%00b", "NUL");
	assert_reads("posix:/a?legacyKey=%00&legacyKey=b", GYRE_KEY_POSIX, "/a", "b");
}

Test(parse_qt, input_that_is_no_utf8_is_refused)
{
	assert_refuses("posix:/\xFF", "not UTF-8");
	assert_refuses("posix:/a#\xC3", "not UTF-8");
	assert_refuses("posix:/\xED\xA0\x80", "not UTF-8");
}

Test(parse_qt, names_are_held_up_to_their_limits)
{
	const struct printed native = repeat("A", GYRE_KEY_NATIVE_SIZE - 1);
	const struct printed legacy = repeat("b", GYRE_KEY_LEGACY_SIZE - 1);

	assert_reads(join("posix:", repeat("%41", GYRE_KEY_NATIVE_SIZE - 1).text).text,
		GYRE_KEY_POSIX, native.text, "");
	assert_refuses(join("posix:", repeat("%41", GYRE_KEY_NATIVE_SIZE).text).text, "4096");
	assert_reads(join("posix:?legacyKey=", legacy.text).text, GYRE_KEY_POSIX, "", legacy.text);
	assert_refuses(join("posix:?legacyKey=b", legacy.text).text, "1024");
}

Test(parse_qt, gyres_own_forms_are_not_qts)
{
	assert_refuses("file:/dev/shm/a", "gyre's own");
	assert_refuses("memfd:7", "gyre's own");
	assert_refuses("cam0", "scheme");
	assert_refuses("/cam0", "scheme");
	assert_refuses("", "scheme");
	assert_refuses("systemv-300:/x", "systemv-255:");
}

Test(parse_qt, what_is_quoted_in_an_error_stays_one_short_line)
{
	struct gyre_error error = untouched_error();
	struct gyre_key key;

	assert_refuses("a\nb\x01\x7F", "a\\nb\\x01\\x7F");
	cr_assert(eq(int, gyre_key_parse_qt(repeat("\u20AC", 4000).text, &key, &error), GYRE_EKEY));
	assert_explained(&error, GYRE_EKEY, "\u20AC...\"");
}

static void assert_prints(uint16_t type, const char *native, const char *legacy, const char *text)
{
	const struct gyre_key key = key_of(type, native, legacy);
	char buf[256];

	cr_assert(eq(sz, gyre_key_print_qt(&key, buf, sizeof buf), strlen(text)));
	cr_assert(eq(str, buf, (char *)text));
}

Test(print_qt, types_that_qt_has_not_print_as_nothing)
{
	assert_prints(GYRE_KEY_INVALID, "/a", "b", "");
	assert_prints(258, "/a", "b", "");
	assert_prints(GYRE_KEY_FILE, "/a", "", "");
	assert_prints(GYRE_KEY_MEMFD, "7", "", "");
	assert_prints(0xFFFF, "/a", "", "");
}

Test(print_qt, a_legacy_key_stands_behind_an_empty_name_too)
{
	assert_prints(GYRE_KEY_WINDOWS, "", "?/+:", "windows:?legacyKey=?/+:");
	assert_prints(9, "//", "%&=#", "systemv-9:/%2F?legacyKey=%25%26%3D%23");
}

Test(print_qt, a_short_buffer_gets_the_beginning_and_the_length)
{
	const struct gyre_key key = key_of(GYRE_KEY_POSIX, "/a%", "b");
	static const char whole[] = "posix:/a%25?legacyKey=b";
	char buf[sizeof whole];

	cr_assert(eq(sz, gyre_key_print_qt(&key, NULL, 0), sizeof whole - 1));
	for (size_t size = 1; size <= sizeof buf; size++) {
		memset(buf, '!', sizeof buf);
		cr_assert(eq(sz, gyre_key_print_qt(&key, buf, size), sizeof whole - 1));
		cr_assert(eq(sz, strlen(buf), size - 1));
		cr_assert(eq(int, strncmp(buf, whole, size - 1), 0));
		if (size < sizeof buf)
			cr_assert(eq(chr, buf[size], '!'));
	}
}

Test(print_qt, the_longest_key_fits_the_text_size)
{
	struct gyre_key key = {.type = 255};
	char buf[GYRE_KEY_TEXT_SIZE];

	memset(key.native, '\x01', sizeof key.native - 1);
	memset(key.legacy, '\x01', sizeof key.legacy - 1);
	cr_assert(lt(sz, gyre_key_print_qt(&key, buf, sizeof buf), sizeof buf));
}
