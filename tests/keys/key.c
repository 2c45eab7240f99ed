#include "support.h"

TestSuite(key, .timeout = 10);

Test(key, a_zeroed_key_is_invalid_and_empty)
{
	const struct gyre_key key = {0};

	cr_assert(not(gyre_key_valid(&key)));
	cr_assert(gyre_key_empty(&key));
}

Test(key, a_key_may_be_valid_and_empty)
{
	const struct gyre_key key = key_of(GYRE_KEY_POSIX, "", "legacy");

	cr_assert(gyre_key_valid(&key));
	cr_assert(gyre_key_empty(&key));
}

Test(key, equality_compares_type_native_and_legacy_key)
{
	const struct gyre_key key = key_of(GYRE_KEY_POSIX, "/a", "b");
	const struct gyre_key same = key_of(GYRE_KEY_POSIX, "/a", "b");
	const struct gyre_key type = key_of(GYRE_KEY_SYSTEMV, "/a", "b");
	const struct gyre_key native = key_of(GYRE_KEY_POSIX, "/A", "b");
	const struct gyre_key legacy = key_of(GYRE_KEY_POSIX, "/a", "");

	cr_assert(gyre_key_equal(&key, &same));
	cr_assert(not(gyre_key_equal(&key, &type)));
	cr_assert(not(gyre_key_equal(&key, &native)));
	cr_assert(not(gyre_key_equal(&key, &legacy)));
}

Test(key, setting_the_same_native_key_drops_the_legacy_key)
{
	struct gyre_key key = key_of(GYRE_KEY_POSIX, "/a", "b");
	const struct gyre_key expected = key_of(GYRE_KEY_POSIX, "/a", "");

	cr_assert(eq(int, gyre_key_set_native(&key, "/a", NULL), GYRE_OK));
	cr_assert(gyre_key_equal(&key, &expected));
}

Test(key, setting_the_type_keeps_the_rest)
{
	struct gyre_key key = key_of(GYRE_KEY_POSIX, "/a", "b");
	const struct gyre_key expected = key_of(7, "/a", "b");

	key.type = 7;
	cr_assert(gyre_key_equal(&key, &expected));
}

Test(key, a_native_key_fits_to_the_last_byte)
{
	struct gyre_key key = key_of(GYRE_KEY_SYSTEMV, "/old", "old");
	const struct gyre_key before = key;
	const struct printed longest = repeat("x", GYRE_KEY_NATIVE_SIZE - 1);
	const struct printed too_long = repeat("x", GYRE_KEY_NATIVE_SIZE);
	struct gyre_error error = untouched_error();

	cr_assert(eq(int, gyre_key_set_native(&key, too_long.text, &error), GYRE_EKEY));
	cr_assert(gyre_key_equal(&key, &before));
	assert_explained(&error, GYRE_EKEY, "4096");
	cr_assert(eq(int, gyre_key_set_native(&key, longest.text, NULL), GYRE_OK));
	cr_assert(eq(str, key.native, (char *)longest.text));
}

Test(key, a_native_key_has_to_be_utf8)
{
	static const char *const bad[] = {"/\xFF", "/\xC3", "/\xC0\x80", "/\xED\xA0\x80",
		"/\xF4\x90\x80\x80", "/\xE2\x82", "\x80"};
	struct gyre_key key = key_of(GYRE_KEY_POSIX, "/old", "old");
	const struct gyre_key before = key;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct gyre_error error = untouched_error();

		cr_assert(eq(int, gyre_key_set_native(&key, bad[i], &error), GYRE_EKEY));
		assert_explained(&error, GYRE_EKEY, "not UTF-8");
		cr_assert(gyre_key_equal(&key, &before));
	}
}

Test(key, noncharacters_and_the_highest_code_point_are_utf8)
{
	struct gyre_key key = {.type = GYRE_KEY_POSIX};

	cr_assert(eq(int, gyre_key_set_native(&key, "/\xEF\xBF\xBE\xF4\x8F\xBF\xBF", NULL), 0));
	cr_assert(eq(int, gyre_key_set_native(&key, "/\xED\x9F\xBF\xEE\x80\x80\xC2\x80", NULL), 0));
}

Test(key, types_and_schemes_map_both_ways)
{
	static const struct {
		uint16_t type;
		const char *scheme;
	} rows[] = {{81, "systemv"}, {1, "systemv-1"}, {80, "systemv-80"}, {255, "systemv-255"},
		{256, "posix"}, {257, "windows"}, {0x8001, "file"}, {0x8002, "memfd"}};
	char buf[16];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_assert(eq(sz, gyre_key_type_text(rows[i].type, buf, sizeof buf),
			strlen(rows[i].scheme)));
		cr_assert(eq(str, buf, (char *)rows[i].scheme));
		cr_assert(eq(u16, gyre_key_type_from_text(buf), rows[i].type));
	}
}

Test(key, unknown_types_have_no_scheme)
{
	static const uint16_t none[] = {0, 258, 0x8000, 0x8003, 0xFFFF};
	char buf[16] = "x";

	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		cr_assert(eq(sz, gyre_key_type_text(none[i], buf, sizeof buf), 0));
		cr_assert(eq(str, buf, ""));
	}
}

Test(key, schemes_are_read_in_any_case_and_with_leading_zeros)
{
	cr_assert(eq(u16, gyre_key_type_from_text("POSIX"), GYRE_KEY_POSIX));
	cr_assert(eq(u16, gyre_key_type_from_text("SystemV"), GYRE_KEY_SYSTEMV));
	cr_assert(eq(u16, gyre_key_type_from_text("systemv-81"), GYRE_KEY_SYSTEMV));
	cr_assert(eq(u16, gyre_key_type_from_text("sYSTEMV-0007"), 7));
	cr_assert(eq(u16, gyre_key_type_from_text("MemFd"), GYRE_KEY_MEMFD));
}

Test(key, everything_else_is_no_scheme)
{
	static const char *const none[] = {"", "x", "posix-1", "posixx", "posi", "systemv-",
		"systemv-0", "systemv-00", "systemv-256", "systemv-0x1", "systemv--1", "systemv-+1",
		"systemv-99999999999999999999999", "systemv1", "systemv+1", "systemv-1 ", " posix",
		"invalid", "systemv-4294967297", "windowsx", "memfd-"};

	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		cr_assert(eq(u16, gyre_key_type_from_text(none[i]), GYRE_KEY_INVALID));
}

Test(key, a_scheme_is_cut_like_snprintf_does)
{
	char buf[4] = "???";

	cr_assert(eq(sz, gyre_key_type_text(GYRE_KEY_POSIX, NULL, 0), 5));
	cr_assert(eq(sz, gyre_key_type_text(GYRE_KEY_POSIX, buf, sizeof buf), 5));
	cr_assert(eq(str, buf, "pos"));
}

Test(key, systems_and_kinds_map_both_ways)
{
	enum gyre_os os = GYRE_OS_QNX;
	enum gyre_key_kind kind = GYRE_KEY_SEM;

	for (int i = GYRE_OS_LINUX; i <= GYRE_OS_INTEGRITY; i++) {
		cr_assert(
			eq(int, gyre_key_os_from_text(gyre_key_os_text((enum gyre_os)i), &os), 0));
		cr_assert(eq(int, (int)os, i));
	}
	for (int i = GYRE_KEY_SHM; i <= GYRE_KEY_SEM; i++) {
		const char *const word = gyre_key_kind_text((enum gyre_key_kind)i);

		cr_assert(eq(int, gyre_key_kind_from_text(word, &kind), 0));
		cr_assert(eq(int, (int)kind, i));
	}
	cr_assert(eq(int, gyre_key_os_from_text("beos", &os), GYRE_EINVAL));
	cr_assert(eq(int, gyre_key_kind_from_text("mutex", &kind), GYRE_EINVAL));
	cr_assert(eq(str, (char *)gyre_key_os_text((enum gyre_os)99), ""));
	cr_assert(eq(str, (char *)gyre_key_kind_text((enum gyre_key_kind)2), ""));
}

Test(key, the_default_type_is_windows_on_windows_and_posix_elsewhere)
{
	for (int os = GYRE_OS_LINUX; os <= GYRE_OS_INTEGRITY; os++)
		cr_assert(eq(u16, gyre_key_default_type((enum gyre_os)os),
			os == GYRE_OS_WINDOWS ? GYRE_KEY_WINDOWS : GYRE_KEY_POSIX));
}

Test(key, the_legacy_default_type_depends_on_qts_configuration)
{
	static const struct {
		enum gyre_os os;
		uint16_t plain, posix_ipc;
	} rows[] = {{GYRE_OS_LINUX, GYRE_KEY_SYSTEMV, GYRE_KEY_POSIX},
		{GYRE_OS_FREEBSD, GYRE_KEY_SYSTEMV, GYRE_KEY_POSIX},
		{GYRE_OS_QNX, GYRE_KEY_POSIX, GYRE_KEY_POSIX},
		{GYRE_OS_APPLE, GYRE_KEY_SYSTEMV, GYRE_KEY_POSIX},
		{GYRE_OS_APPLE_SANDBOXED, GYRE_KEY_POSIX, GYRE_KEY_POSIX},
		{GYRE_OS_WINDOWS, GYRE_KEY_WINDOWS, GYRE_KEY_WINDOWS},
		{GYRE_OS_ANDROID, GYRE_KEY_SYSTEMV, GYRE_KEY_POSIX}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_assert(eq(u16, gyre_key_legacy_default_type(rows[i].os, false), rows[i].plain));
		cr_assert(
			eq(u16, gyre_key_legacy_default_type(rows[i].os, true), rows[i].posix_ipc));
	}
}

Test(key, systems_offer_what_their_documentation_says)
{
	cr_assert(gyre_key_type_exists(GYRE_KEY_POSIX, GYRE_OS_LINUX));
	cr_assert(gyre_key_type_exists(255, GYRE_OS_LINUX));
	cr_assert(gyre_key_type_exists(GYRE_KEY_MEMFD, GYRE_OS_LINUX));
	cr_assert(not(gyre_key_type_exists(GYRE_KEY_WINDOWS, GYRE_OS_LINUX)));
	cr_assert(not(gyre_key_type_exists(GYRE_KEY_SYSTEMV, GYRE_OS_QNX)));
	cr_assert(gyre_key_type_exists(GYRE_KEY_SYSTEMV, GYRE_OS_APPLE));
	cr_assert(not(gyre_key_type_exists(GYRE_KEY_SYSTEMV, GYRE_OS_APPLE_SANDBOXED)));
	cr_assert(not(gyre_key_type_exists(GYRE_KEY_POSIX, GYRE_OS_WINDOWS)));
	cr_assert(not(gyre_key_type_exists(GYRE_KEY_POSIX, GYRE_OS_ANDROID)));
	cr_assert(not(gyre_key_type_exists(GYRE_KEY_FILE, GYRE_OS_INTEGRITY)));
	cr_assert(not(gyre_key_type_exists(GYRE_KEY_INVALID, GYRE_OS_LINUX)));
	cr_assert(not(gyre_key_type_exists(258, GYRE_OS_LINUX)));
	cr_assert(not(gyre_key_type_exists(GYRE_KEY_POSIX, (enum gyre_os)99)));
}

Test(key, only_a_plain_number_is_a_descriptor)
{
	static const struct {
		const char *native;
		int descriptor;
	} rows[] = {{"7", 7}, {"0", 0}, {"2147483647", 2147483647}, {"2147483648", -1}, {"07", -1},
		{"", -1}, {"-1", -1}, {"7 ", -1}, {"/7", -1}, {"99999999999999999999", -1}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct gyre_key key = key_of(GYRE_KEY_MEMFD, rows[i].native, "");

		cr_assert(eq(int, gyre_key_descriptor(&key), rows[i].descriptor));
	}
	cr_assert(eq(int, gyre_key_descriptor(&(struct gyre_key){GYRE_KEY_FILE, "7", ""}), -1));
}
