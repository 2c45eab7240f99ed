/* From a name to keys, and from a key to what the system calls it. */
#include "support.h"

TestSuite(safe, .timeout = 10);
TestSuite(legacy, .timeout = 10);
TestSuite(lock_key, .timeout = 10);
TestSuite(shorten, .timeout = 10);
TestSuite(os_name, .timeout = 10);
TestSuite(ftok, .timeout = 10);

static const char foo_digest[] = "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33"; /* SHA-1 of foo */

static struct gyre_key safe(
	const char *name, uint16_t type, enum gyre_key_kind kind, enum gyre_os os)
{
	struct gyre_error error = untouched_error();
	struct gyre_key key = {0};

	cr_assert(eq(int, gyre_key_safe(name, type, kind, os, &test_env, &key, &error), GYRE_OK),
		"%s", error.what);
	cr_assert(eq(u16, key.type, type));
	cr_assert(eq(str, key.legacy, ""));
	return key;
}

static struct gyre_key legacy(
	const char *name, uint16_t type, enum gyre_key_kind kind, enum gyre_os os)
{
	struct gyre_error error = untouched_error();
	struct gyre_key key = {0};

	cr_assert(eq(int, gyre_key_legacy(name, type, kind, os, &test_env, &key, &error), GYRE_OK),
		"%s", error.what);
	cr_assert(eq(u16, key.type, type));
	return key;
}

Test(safe, a_type_that_the_system_has_not_gives_an_empty_key)
{
	for (int os = GYRE_OS_LINUX; os <= GYRE_OS_INTEGRITY; os++) {
		static const uint16_t types[] = {1, GYRE_KEY_SYSTEMV, GYRE_KEY_POSIX,
			GYRE_KEY_WINDOWS, GYRE_KEY_FILE, GYRE_KEY_MEMFD};

		for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
			const bool exists = gyre_key_type_exists(types[i], (enum gyre_os)os);
			const struct gyre_key key =
				safe("x", types[i], GYRE_KEY_SHM, (enum gyre_os)os);

			cr_assert(eq(int, gyre_key_empty(&key), !exists));
		}
	}
}

Test(safe, qnx_and_freebsd_follow_the_common_rules)
{
	cr_assert(eq(str, safe("/a", GYRE_KEY_POSIX, GYRE_KEY_SEM, GYRE_OS_QNX).native, "//a"));
	cr_assert(eq(str, safe("a", 7, GYRE_KEY_SHM, GYRE_OS_FREEBSD).native, "/run/user/1000/a"));
}

Test(safe, apple_cuts_at_29_units_and_never_inside_utf8)
{
	const struct printed pairs = join("x", repeat("\U0001F600", 14).text);
	struct gyre_key key;

	key = safe(repeat("\u20AC", 30).text, GYRE_KEY_POSIX, GYRE_KEY_SHM, GYRE_OS_APPLE);
	cr_assert(eq(str, key.native, join("/", repeat("\u20AC", 29).text).text));
	key = safe(join(pairs.text, "more").text, GYRE_KEY_POSIX, GYRE_KEY_SEM, GYRE_OS_APPLE);
	cr_assert(eq(str, key.native, join("/", pairs.text).text));
}

Test(safe, half_a_surrogate_pair_becomes_a_question_mark)
{
	const struct printed pairs = repeat("\U0001F600", 200);
	struct gyre_key key;

	key = safe(pairs.text, GYRE_KEY_POSIX, GYRE_KEY_SHM, GYRE_OS_APPLE_SANDBOXED);
	cr_assert(
		eq(str, key.native, join("/", join(repeat("\U0001F600", 14).text, "?").text).text));
	key = safe(join("y", pairs.text).text, GYRE_KEY_WINDOWS, GYRE_KEY_SHM, GYRE_OS_WINDOWS);
	cr_assert(eq(str, key.native,
		join("shm_y", join(repeat("\U0001F600", 127).text, "?").text).text));
}

Test(safe, windows_counts_its_prefixes_into_the_260_units)
{
	const struct printed pairs = repeat("\U0001F600", 126);
	const struct printed kept = repeat("\U0001F600", 125);
	const struct gyre_key key = safe(
		join("Local\\", pairs.text).text, GYRE_KEY_WINDOWS, GYRE_KEY_SEM, GYRE_OS_WINDOWS);

	cr_assert(eq(str, (char *)key.native, join("Local\\sem_", kept.text).text));
}

Test(safe, gyres_own_types_have_memory_in_the_runtime_directory_and_no_semaphores)
{
	cr_assert(eq(str, safe("a", GYRE_KEY_FILE, GYRE_KEY_SHM, GYRE_OS_LINUX).native,
		"/run/user/1000/a"));
	cr_assert(eq(str, safe("/x/a", GYRE_KEY_FILE, GYRE_KEY_SHM, GYRE_OS_LINUX).native, "/x/a"));
	cr_assert(eq(str, safe("7", GYRE_KEY_MEMFD, GYRE_KEY_SHM, GYRE_OS_LINUX).native,
		"/run/user/1000/7"));
	cr_assert(eq(str, safe("a", GYRE_KEY_FILE, GYRE_KEY_SEM, GYRE_OS_LINUX).native, ""));
	cr_assert(eq(str, safe("a", GYRE_KEY_MEMFD, GYRE_KEY_SEM, GYRE_OS_LINUX).native, ""));
}

Test(safe, no_runtime_directory_makes_a_path_in_the_root)
{
	const struct gyre_key_env none = {"", "", NULL};
	struct gyre_key key;

	cr_assert(eq(int, gyre_key_safe("a", 81, GYRE_KEY_SHM, GYRE_OS_LINUX, &none, &key, NULL),
		GYRE_OK));
	cr_assert(eq(str, key.native, "/a"));
	cr_assert(
		eq(int, gyre_key_legacy("foo", 81, GYRE_KEY_SEM, GYRE_OS_LINUX, &none, &key, NULL),
			GYRE_OK));
	cr_assert(
		eq(str, key.native, "/qipc_systemsem_foo0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33"));
}

typedef int make_key_fn(const char *name, uint16_t type, enum gyre_key_kind kind, enum gyre_os os,
	const struct gyre_key_env *env, struct gyre_key *ret_key, struct gyre_error *reterr);

static void assert_refused(make_key_fn *make_key, const char *name, uint16_t type,
	const struct gyre_key_env *env, int code, const char *part)
{
	const struct gyre_key before = key_of(7, "before", "before");
	struct gyre_error error = untouched_error();
	struct gyre_key key = before;

	cr_assert(eq(
		int, make_key(name, type, GYRE_KEY_SHM, GYRE_OS_LINUX, env, &key, &error), code));
	cr_assert(gyre_key_equal(&key, &before));
	assert_explained(&error, code, part);
}

Test(safe, what_cannot_be_answered_is_refused)
{
	const struct gyre_key_env nothing = {NULL, NULL, NULL};

	assert_refused(gyre_key_safe, "a\xFF", GYRE_KEY_POSIX, &test_env, GYRE_EKEY, "UTF-8");
	assert_refused(gyre_key_safe, "a", GYRE_KEY_INVALID, &test_env, GYRE_EKEY, "type 0");
	assert_refused(gyre_key_safe, "a", 258, &test_env, GYRE_EKEY, "type 258");
	assert_refused(gyre_key_safe, "a", 81, NULL, GYRE_EINVAL, "runtime directory");
	assert_refused(gyre_key_safe, "a", 81, &nothing, GYRE_EINVAL, "runtime directory");
	assert_refused(
		gyre_key_safe, repeat("a", 4095).text, GYRE_KEY_POSIX, NULL, GYRE_EKEY, "4096");
}

Test(legacy, what_cannot_be_answered_is_refused)
{
	const struct gyre_key_env nothing = {NULL, NULL, NULL};

	assert_refused(gyre_key_legacy, "a\xFF", GYRE_KEY_POSIX, &test_env, GYRE_EKEY, "UTF-8");
	assert_refused(gyre_key_legacy, "a", GYRE_KEY_INVALID, &test_env, GYRE_EKEY, "type 0");
	assert_refused(gyre_key_legacy, "a", GYRE_KEY_FILE, &test_env, GYRE_EKEY, "Qt's");
	assert_refused(gyre_key_legacy, "a", 81, NULL, GYRE_EINVAL, "temporary directory");
	assert_refused(gyre_key_legacy, "a", 81, &nothing, GYRE_EINVAL, "temporary directory");
	assert_refused(gyre_key_legacy, repeat("1", 1024).text, 256, NULL, GYRE_EKEY, "1024");
}

Test(legacy, the_name_is_remembered_where_there_is_a_key)
{
	struct gyre_key key = legacy("foo", GYRE_KEY_POSIX, GYRE_KEY_SHM, GYRE_OS_LINUX);

	cr_assert(eq(str, key.legacy, "foo"));
	cr_assert(eq(str, print(&key).text,
		"posix:/"
		"qipc_sharedmemory_foo0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33?legacyKey=foo"));
	cr_assert(eq(str, legacy("foo", GYRE_KEY_WINDOWS, GYRE_KEY_SHM, GYRE_OS_LINUX).legacy, ""));
	cr_assert(eq(str, legacy("", GYRE_KEY_POSIX, GYRE_KEY_SHM, GYRE_OS_LINUX).legacy, ""));
	cr_assert(eq(str, legacy("foo", 7, GYRE_KEY_SHM, GYRE_OS_APPLE_SANDBOXED).native, ""));
}

Test(legacy, every_ftok_id_gives_the_same_path)
{
	const char expected[] =
		"/tmp/qipc_sharedmemory_foo0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33";

	for (uint16_t id = 1; id <= 255; id++)
		cr_assert(eq(str, legacy("foo", id, GYRE_KEY_SHM, GYRE_OS_LINUX).native,
			(char *)expected));
}

Test(legacy, no_length_limit_is_applied)
{
	const struct gyre_key key = legacy(repeat("x", 1023).text, 81, GYRE_KEY_SHM, GYRE_OS_LINUX);

	cr_assert(eq(sz, strlen(key.native), strlen("/tmp/qipc_sharedmemory_") + 1023 + 40));
	cr_assert(eq(int, gyre_key_check(&key, GYRE_OS_LINUX, NULL), GYRE_EKEY));
}

static void assert_lock(const struct gyre_key *memory, enum gyre_key_qt peer, enum gyre_os os,
	uint16_t type, const char *native, const char *legacy_key)
{
	const struct gyre_key expected = key_of(type, native, legacy_key);
	struct gyre_error error = untouched_error();
	struct gyre_key key;

	cr_assert(eq(int, gyre_key_lock_key(memory, peer, os, &test_env, &key, &error), GYRE_OK),
		"%s", error.what);
	cr_assert(gyre_key_equal(&key, &expected), "\"%s\"", key.native);
}

Test(lock_key, a_legacy_key_decides_whatever_the_native_key_and_the_peer)
{
	const struct gyre_key posix = key_of(GYRE_KEY_POSIX, "/whatever", "foo");
	const struct gyre_key systemv = key_of(7, "/what/ever", "foo");
	const struct gyre_key windows = key_of(GYRE_KEY_WINDOWS, "whatever", "foo");
	const struct printed native = join("/qipc_systemsem_foo", foo_digest);
	const struct printed path = join("/tmp", native.text);

	for (int peer = GYRE_KEY_QT_NEW; peer <= GYRE_KEY_QT_LEGACY; peer++) {
		const enum gyre_key_qt qt = (enum gyre_key_qt)peer;

		assert_lock(&posix, qt, GYRE_OS_LINUX, GYRE_KEY_POSIX, native.text, "foo");
		assert_lock(&systemv, qt, GYRE_OS_LINUX, 7, path.text, "foo");
		assert_lock(
			&windows, qt, GYRE_OS_WINDOWS, GYRE_KEY_WINDOWS, native.text + 1, "foo");
		assert_lock(&posix, qt, GYRE_OS_APPLE, GYRE_KEY_POSIX,
			"/0beec7b5ea3f0fdbc95d0dd47f3c5", "foo");
		assert_lock(&posix, qt, GYRE_OS_APPLE_SANDBOXED, GYRE_KEY_POSIX, "foo", "foo");
	}
}

Test(lock_key, without_one_new_qt_uses_the_same_native_key)
{
	const struct gyre_key posix = key_of(GYRE_KEY_POSIX, "/a", "");
	const struct gyre_key systemv = key_of(200, "/run/a", "");

	assert_lock(&posix, GYRE_KEY_QT_NEW, GYRE_OS_LINUX, GYRE_KEY_POSIX, "/a", "");
	assert_lock(&systemv, GYRE_KEY_QT_NEW, GYRE_OS_LINUX, 200, "/run/a", "");
}

Test(lock_key, on_windows_a_suffix_follows_at_most_255_units)
{
	const struct gyre_key a = key_of(GYRE_KEY_WINDOWS, "shm_a", "");
	const struct gyre_key longest = key_of(GYRE_KEY_WINDOWS, repeat("w", 255).text, "");
	const struct gyre_key longer = key_of(GYRE_KEY_WINDOWS, repeat("w", 256).text, "");
	const struct gyre_key pairs = key_of(GYRE_KEY_WINDOWS, repeat("\U0001F600", 128).text, "");
	struct printed expected = join(longest.native, "_sem");

	assert_lock(&a, GYRE_KEY_QT_NEW, GYRE_OS_WINDOWS, GYRE_KEY_WINDOWS, "shm_a_sem", "");
	assert_lock(
		&longest, GYRE_KEY_QT_NEW, GYRE_OS_WINDOWS, GYRE_KEY_WINDOWS, expected.text, "");
	assert_lock(&longer, GYRE_KEY_QT_NEW, GYRE_OS_WINDOWS, GYRE_KEY_WINDOWS, expected.text, "");
	expected = join(repeat("\U0001F600", 127).text, "?_sem");
	assert_lock(&pairs, GYRE_KEY_QT_NEW, GYRE_OS_WINDOWS, GYRE_KEY_WINDOWS, expected.text, "");
}

Test(lock_key, where_there_is_no_lock_it_says_so)
{
	const struct gyre_key posix = key_of(GYRE_KEY_POSIX, "/a", "");
	const struct gyre_key file = key_of(GYRE_KEY_FILE, "/a", "");
	struct gyre_error error = untouched_error();
	struct gyre_key key;

	cr_assert(eq(int,
		gyre_key_lock_key(&posix, GYRE_KEY_QT_LEGACY, GYRE_OS_LINUX, NULL, &key, &error),
		GYRE_ELOCK));
	assert_explained(&error, GYRE_ELOCK, "legacyKey");
	cr_assert(eq(int,
		gyre_key_lock_key(&file, GYRE_KEY_QT_NEW, GYRE_OS_LINUX, NULL, &key, &error),
		GYRE_ENOTSUP));
	assert_explained(&error, GYRE_ENOTSUP, "posix:");
}

Test(shorten, a_name_that_fits_is_unchanged)
{
	char buf[300];

	cr_assert(eq(int, gyre_key_shorten("cam0", 4, buf, sizeof buf), 4));
	cr_assert(eq(str, buf, "cam0"));
	cr_assert(eq(int, gyre_key_shorten("", 0, buf, 1), 0));
	cr_assert(eq(str, buf, ""));
	cr_assert(eq(int, gyre_key_shorten(repeat("n", 251).text, 251, buf, 252), 251));
}

/* The form is stored by users: these values must never change. */
Test(shorten, the_result_is_the_same_for_ever)
{
	char buf[300];

	cr_assert(eq(int, gyre_key_shorten("the-left-camera-of-the-front-rig", 29, buf, 30), 29));
	cr_assert(eq(str, buf, "the-left-cam-a8be8d30256cbdb8"));
	cr_assert(eq(int, gyre_key_shorten("eighteen characters", 17, buf, 18), 17));
	cr_assert(eq(str, buf, "-e6bf94db414ee6e8"));
}

Test(shorten, names_with_one_beginning_stay_apart)
{
	const struct printed head = repeat("n", 300);
	char a[252], b[252];

	cr_assert(eq(int, gyre_key_shorten(join(head.text, "1").text, 251, a, sizeof a), 251));
	cr_assert(eq(int, gyre_key_shorten(join(head.text, "2").text, 251, b, sizeof b), 251));
	cr_assert(ne(str, a, b));
	cr_assert(eq(int, strncmp(a, b, 251 - GYRE_KEY_SHORTENED_BYTES), 0));
}

Test(shorten, no_utf8_sequence_is_split)
{
	for (size_t max = GYRE_KEY_SHORTENED_BYTES; max < 60; max++) {
		struct gyre_key key = {.type = GYRE_KEY_POSIX};
		char buf[100];
		const int bytes =
			gyre_key_shorten(repeat("\U0001F600", 20).text, max, buf, sizeof buf);

		cr_assert(eq(int, bytes, (int)(max - (max - GYRE_KEY_SHORTENED_BYTES) % 4)));
		cr_assert(eq(int, gyre_key_set_native(&key, buf, NULL), GYRE_OK));
	}
}

Test(shorten, too_little_room_is_an_error)
{
	char buf[32] = "untouched";

	cr_assert(eq(int, gyre_key_shorten(repeat("n", 20).text, 16, buf, 32), GYRE_EINVAL));
	cr_assert(eq(int, gyre_key_shorten("n", SIZE_MAX, buf, 32), GYRE_EINVAL));
	cr_assert(eq(int, gyre_key_shorten(repeat("n", 20).text, 17, buf, 17), GYRE_ESIZE));
	cr_assert(eq(int, gyre_key_shorten("n", 17, buf, 1), GYRE_ESIZE));
	cr_assert(eq(int, gyre_key_shorten("", 17, NULL, 0), GYRE_ESIZE));
	cr_assert(eq(str, buf, "untouched"));
}

Test(shorten, the_limits_of_names_are_those_of_their_keys)
{
	for (int os = GYRE_OS_LINUX; os <= GYRE_OS_WINDOWS; os++) {
		const enum gyre_os system = (enum gyre_os)os;
		const uint16_t type = gyre_key_default_type(system);
		const struct printed name = repeat("n", gyre_key_name_bytes_max(system));
		const struct gyre_key key = safe(name.text, type, GYRE_KEY_SHM, system);

		cr_assert(ne(ptr, strstr(key.native, name.text), NULL));
		cr_assert(eq(int, gyre_key_check(&key, system, NULL), GYRE_OK));
	}
}

static void assert_os_name(const char *expected, uint16_t type, const char *native,
	enum gyre_key_kind kind, enum gyre_os os)
{
	const struct gyre_key key = key_of(type, native, "");
	char buf[100] = "?";

	cr_assert(eq(sz, gyre_key_os_name(&key, kind, os, buf, sizeof buf), strlen(expected)));
	cr_assert(eq(str, buf, (char *)expected));
}

Test(os_name, linux_shows_posix_objects_in_dev_shm)
{
	assert_os_name("/dev/shm/a", GYRE_KEY_POSIX, "/a", GYRE_KEY_SHM, GYRE_OS_LINUX);
	assert_os_name("/dev/shm/sem.a", GYRE_KEY_POSIX, "/a", GYRE_KEY_SEM, GYRE_OS_LINUX);
	assert_os_name("/dev/shm/a", GYRE_KEY_POSIX, "a", GYRE_KEY_SHM, GYRE_OS_LINUX);
	assert_os_name("/dev/shm/a", GYRE_KEY_POSIX, "///a", GYRE_KEY_SHM, GYRE_OS_LINUX);
}

Test(os_name, elsewhere_the_name_is_what_the_system_is_given)
{
	assert_os_name("/a", GYRE_KEY_POSIX, "/a", GYRE_KEY_SHM, GYRE_OS_FREEBSD);
	assert_os_name("/a", GYRE_KEY_POSIX, "/a", GYRE_KEY_SEM, GYRE_OS_APPLE);
	assert_os_name("Global\\a", GYRE_KEY_WINDOWS, "Global\\a", GYRE_KEY_SHM, GYRE_OS_WINDOWS);
	assert_os_name("/k", 7, "/k", GYRE_KEY_SEM, GYRE_OS_LINUX);
	assert_os_name("/f", GYRE_KEY_FILE, "/f", GYRE_KEY_SHM, GYRE_OS_LINUX);
	assert_os_name("/s.sock", GYRE_KEY_MEMFD, "/s.sock", GYRE_KEY_SHM, GYRE_OS_LINUX);
	assert_os_name("/proc/self/fd/7", GYRE_KEY_MEMFD, "7", GYRE_KEY_SHM, GYRE_OS_LINUX);
	assert_os_name("/dev/fd/7", GYRE_KEY_MEMFD, "7", GYRE_KEY_SHM, GYRE_OS_FREEBSD);
}

Test(os_name, where_there_is_no_object_there_is_no_name)
{
	assert_os_name("", GYRE_KEY_WINDOWS, "a", GYRE_KEY_SHM, GYRE_OS_LINUX);
	assert_os_name("", GYRE_KEY_POSIX, "/a", GYRE_KEY_SHM, GYRE_OS_ANDROID);
	assert_os_name("", GYRE_KEY_POSIX, "", GYRE_KEY_SHM, GYRE_OS_LINUX);
	assert_os_name("", GYRE_KEY_POSIX, "//", GYRE_KEY_SHM, GYRE_OS_LINUX);
	assert_os_name("", GYRE_KEY_INVALID, "/a", GYRE_KEY_SHM, GYRE_OS_LINUX);
	assert_os_name("", GYRE_KEY_FILE, "/a", GYRE_KEY_SEM, GYRE_OS_LINUX);
	assert_os_name("", GYRE_KEY_MEMFD, "7", GYRE_KEY_SEM, GYRE_OS_LINUX);
}

Test(ftok, only_the_low_bits_count)
{
	cr_assert(eq(u32, gyre_key_ftok(0xFFFFFFFFFFFFFF12, 0xFFFFFFFFFFFF3456, 0x51), 0x51123456));
	cr_assert(eq(u32, gyre_key_ftok(0, 0, -1), 0xFF000000));
	cr_assert(eq(u32, gyre_key_ftok(0x801, 65538, 0x151), 0x51010002));
}
