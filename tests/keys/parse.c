#include "support.h"

TestSuite(parse, .timeout = 10);

static void assert_reads(const char *text, uint16_t type, const char *native, const char *legacy)
{
	const struct gyre_key expected = key_of(type, native, legacy);
	struct gyre_error error = untouched_error();
	struct gyre_key key, again;

	cr_assert(eq(int, gyre_key_parse(text, &key, &error), GYRE_OK), "%s: %s", text, error.what);
	cr_assert(gyre_key_equal(&key, &expected), "%s: \"%s\", \"%s\"", text, key.native,
		key.legacy);
	cr_assert(eq(str, error.what, "untouched"));
	cr_assert(eq(int, gyre_key_parse(print(&key).text, &again, NULL), GYRE_OK));
	cr_assert(gyre_key_equal(&again, &key));
}

static void assert_refuses(const char *text, const char *part)
{
	const struct gyre_key before = key_of(7, "before", "before");
	struct gyre_error error = untouched_error();
	struct gyre_key key = before;

	cr_assert(eq(int, gyre_key_parse(text, &key, &error), GYRE_EKEY), "%s", text);
	cr_assert(gyre_key_equal(&key, &before));
	assert_explained(&error, GYRE_EKEY, part);
}

Test(parse, a_bare_name_is_a_key_of_the_default_type)
{
	assert_reads("cam0", GYRE_KEY_POSIX, "/cam0", "");
	assert_reads("/cam0", GYRE_KEY_POSIX, "/cam0", "");
	assert_reads("posix", GYRE_KEY_POSIX, "/posix", "");
	assert_reads("\u00E9\u20AC \U0001F600", GYRE_KEY_POSIX, "/\u00E9\u20AC \U0001F600", "");
	assert_reads("...", GYRE_KEY_POSIX, "/...", "");
}

Test(parse, a_bare_name_is_taken_literally)
{
	const struct gyre_key key = key_of(GYRE_KEY_POSIX, "/a%41#b?legacyKey=c", "");

	assert_reads("a%41#b?legacyKey=c", GYRE_KEY_POSIX, "/a%41#b?legacyKey=c", "");
	cr_assert(eq(str, print(&key).text, "posix:/a%2541%23b%3FlegacyKey=c"));
}

Test(parse, a_bare_name_that_cannot_be_one_is_explained)
{
	assert_refuses("", "names nothing");
	assert_refuses("/", "names nothing");
	assert_refuses(".", "directory");
	assert_refuses("/..", "directory");
	assert_refuses("a/b", "slash");
	assert_refuses("./a", "slash");
	assert_refuses("/dev/shm/cam0", "file:");
	assert_refuses("//cam0", "file:");
	assert_refuses("cam0/", "slash");
	assert_refuses("cam:0", "posix:/NAME");
	assert_refuses("C:\\ring", "no scheme \"C\"");
	assert_refuses("cam\xFF", "not UTF-8");
}

Test(parse, names_end_where_the_lock_semaphore_still_fits)
{
	const struct printed longest = repeat("n", 251);
	const struct printed too_long = repeat("n", 252);

	assert_reads(longest.text, GYRE_KEY_POSIX, join("/", longest.text).text, "");
	assert_reads(join("posix:", longest.text).text, GYRE_KEY_POSIX, longest.text, "");
	assert_refuses(too_long.text, "may have 251 bytes, this one has 252");
	assert_refuses(join("posix:/", too_long.text).text, "251 bytes");
}

Test(parse, the_proposal_for_a_name_that_is_too_long_is_accepted)
{
	struct gyre_error error = untouched_error();
	struct gyre_key key;

	cr_assert(eq(int, gyre_key_parse(repeat("\u20AC", 84).text, &key, &error), GYRE_EKEY));
	cr_assert(eq(int, gyre_key_parse(strstr(error.what, "\u20AC"), &key, NULL), GYRE_OK));
}

Test(parse, qts_keys_are_read)
{
	assert_reads("systemv:/run/user/1000/x", GYRE_KEY_SYSTEMV, "/run/user/1000/x", "");
	assert_reads("SYSTEMV-007:/x?legacyKey=y", 7, "/x", "y");
	assert_reads(
		"systemv:relative/is/qts/affair", GYRE_KEY_SYSTEMV, "relative/is/qts/affair", "");
	assert_reads("windows:Global\\x", GYRE_KEY_WINDOWS, "Global\\x", "");
	assert_reads("posix:x", GYRE_KEY_POSIX, "x", "");
	assert_reads("posix:/%2Fx", GYRE_KEY_POSIX, "//x", "");
	assert_reads("posix:///x", GYRE_KEY_POSIX, "/x", "");
	assert_reads("posix:/100%", GYRE_KEY_POSIX, "/100%", "");
}

Test(parse, what_the_system_would_choke_on_is_explained)
{
	assert_refuses("posix:", "names nothing");
	assert_refuses("posix:/", "nothing follows the slash");
	assert_refuses("posix:///", "nothing follows the slash");
	assert_refuses("posix:/a/b", "file:/PATH");
	assert_refuses("posix:/.", "directory");
	assert_refuses("posix:..", "directory");
	assert_refuses("posix:/a%00", "NUL");
	assert_refuses("systemv:", "names nothing");
	assert_refuses("posix:?legacyKey=x", "names nothing");
}

Test(parse, what_would_quietly_be_another_object_is_refused)
{
	assert_refuses("posix:/cam#1", "%23");
	assert_refuses("file:/dev/shm/cam#1", "%23");
	assert_refuses("posix:/%FF", "not UTF-8");
	assert_refuses("file:/tmp/%E9t%E9", "not UTF-8");
	assert_refuses("posix:/x?legacyKey=%FF", "not UTF-8");
}

Test(parse, a_file_is_named_by_an_absolute_path)
{
	assert_reads("file:/dev/shm/cam0", GYRE_KEY_FILE, "/dev/shm/cam0", "");
	assert_reads("file:///dev/shm/cam0", GYRE_KEY_FILE, "/dev/shm/cam0", "");
	assert_reads("File:/tmp/a%23%3F%25%0A b", GYRE_KEY_FILE, "/tmp/a#?%\n b", "");
	assert_reads("file:/tmp/../tmp/x", GYRE_KEY_FILE, "/tmp/../tmp/x", "");
	assert_refuses("file:cam0", "absolute");
	assert_refuses("file:./cam0", "absolute");
	assert_refuses("file:~/cam0", "absolute");
	assert_refuses("file:", "names nothing");
	assert_refuses("file:/", "directory");
	assert_refuses("file:/tmp/", "directory");
	assert_refuses("file:/tmp/..", "directory");
	assert_refuses("file://host/x", "host");
	assert_refuses("file:/x?legacyKey=y", "legacyKey");
}

Test(parse, no_file_name_in_a_path_is_longer_than_file_systems_take)
{
	const struct printed longest = join("/a/", repeat("f", 255).text);
	const struct printed too_long = join("/a/", repeat("f", 256).text);
	const struct printed below = join(longest.text, "/b");

	assert_reads(join("file:", longest.text).text, GYRE_KEY_FILE, longest.text, "");
	assert_reads(join("systemv:", below.text).text, GYRE_KEY_SYSTEMV, below.text, "");
	assert_refuses(join("file:", too_long.text).text, "256");
	assert_refuses(join("systemv:", join(too_long.text, "/b").text).text, "256");
}

Test(parse, a_memfd_is_named_by_number_or_socket)
{
	const struct printed longest = join("/run/", repeat("s", 102).text);

	assert_reads("memfd:7", GYRE_KEY_MEMFD, "7", "");
	assert_reads("memfd:/run/cam0.sock", GYRE_KEY_MEMFD, "/run/cam0.sock", "");
	assert_reads(join("memfd:", longest.text).text, GYRE_KEY_MEMFD, longest.text, "");
	assert_refuses(
		join("memfd:/run/", repeat("s", 103).text).text, "107 bytes, this one has 108");
	assert_refuses("memfd:", "names nothing");
	assert_refuses("memfd:07", "memfd:7");
	assert_refuses("memfd:-1", "memfd:7");
	assert_refuses("memfd:cam0", "absolute path");
	assert_refuses("memfd:99999999999", "number");
	assert_refuses("memfd:/run/", "directory");
}

TestSuite(check, .timeout = 10);

static void assert_check(const char *native, uint16_t type, enum gyre_os os, const char *part)
{
	const struct gyre_key key = key_of(type, native, "");
	struct gyre_error error = untouched_error();

	if (part == NULL) {
		cr_assert(eq(int, gyre_key_check(&key, os, &error), GYRE_OK), "%s", error.what);
	} else {
		cr_assert(eq(int, gyre_key_check(&key, os, &error), GYRE_EKEY), "%s", native);
		assert_explained(&error, GYRE_EKEY, part);
	}
}

Test(check, only_linux_skips_leading_slashes)
{
	assert_check("x", GYRE_KEY_POSIX, GYRE_OS_LINUX, NULL);
	assert_check("//x", GYRE_KEY_POSIX, GYRE_OS_LINUX, NULL);
	assert_check("/x", GYRE_KEY_POSIX, GYRE_OS_FREEBSD, NULL);
	assert_check("x", GYRE_KEY_POSIX, GYRE_OS_FREEBSD, "one slash");
	assert_check("//x", GYRE_KEY_POSIX, GYRE_OS_QNX, "one slash");
}

Test(check, apple_takes_30_bytes_and_inner_slashes)
{
	assert_check("/group/own", GYRE_KEY_POSIX, GYRE_OS_APPLE, NULL);
	assert_check("DEVTEAMID.app-group/shared", GYRE_KEY_POSIX, GYRE_OS_APPLE_SANDBOXED, NULL);
	assert_check(repeat("a", 30).text, GYRE_KEY_POSIX, GYRE_OS_APPLE, NULL);
	assert_check(repeat("a", 31).text, GYRE_KEY_POSIX, GYRE_OS_APPLE, "30 bytes");
	assert_check(repeat("\u00E9", 16).text, GYRE_KEY_POSIX, GYRE_OS_APPLE, "30 bytes");
	assert_check("/", GYRE_KEY_POSIX, GYRE_OS_APPLE, "nothing follows");
}

Test(check, windows_counts_utf16_units)
{
	assert_check(repeat("\u20AC", 260).text, GYRE_KEY_WINDOWS, GYRE_OS_WINDOWS, NULL);
	assert_check(repeat("w", 261).text, GYRE_KEY_WINDOWS, GYRE_OS_WINDOWS, "260");
	assert_check(repeat("\U0001F600", 130).text, GYRE_KEY_WINDOWS, GYRE_OS_LINUX, NULL);
	assert_check(repeat("\U0001F600", 131).text, GYRE_KEY_WINDOWS, GYRE_OS_LINUX, "260");
}

Test(check, socket_paths_are_shorter_on_the_bsds)
{
	const struct printed path = join("/", repeat("s", 103).text);

	assert_check(path.text, GYRE_KEY_MEMFD, GYRE_OS_LINUX, NULL);
	assert_check(path.text, GYRE_KEY_MEMFD, GYRE_OS_FREEBSD, "103 bytes");
}

Test(check, a_key_written_by_hand_is_not_trusted)
{
	struct gyre_key key = {.type = GYRE_KEY_POSIX};

	memset(key.native, 'x', sizeof key.native);
	cr_assert(eq(int, gyre_key_check(&key, GYRE_OS_LINUX, NULL), GYRE_EKEY));
	strcpy(key.native, "/\xFF");
	cr_assert(eq(int, gyre_key_check(&key, GYRE_OS_LINUX, NULL), GYRE_EKEY));
	strcpy(key.native, "/x");
	memset(key.legacy, 'x', sizeof key.legacy);
	cr_assert(eq(int, gyre_key_check(&key, GYRE_OS_LINUX, NULL), GYRE_EKEY));
	assert_check("/x", GYRE_KEY_INVALID, GYRE_OS_LINUX, "no type");
	assert_check("/x", 258, GYRE_OS_LINUX, "258");
}

Test(print, gyres_own_types_have_a_string_form)
{
	const struct gyre_key file = key_of(GYRE_KEY_FILE, "//a?b#%", "");
	const struct gyre_key memfd = key_of(GYRE_KEY_MEMFD, "7", "");
	const struct gyre_key posix = key_of(GYRE_KEY_POSIX, "/a", "b");
	const struct gyre_key none = key_of(GYRE_KEY_INVALID, "/a", "b");

	cr_assert(eq(str, print(&file).text, "file:/%2Fa%3Fb%23%25"));
	cr_assert(eq(str, print(&memfd).text, "memfd:7"));
	cr_assert(eq(str, print(&posix).text, "posix:/a?legacyKey=b"));
	cr_assert(eq(str, print(&none).text, ""));
}
