/* Each test makes directories of its own; Criterion runs it in a process of its own. */
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "support.h"

static char base[64]; /* canonical */
static char buf[GYRE_KEY_ENV_SIZE];
static struct gyre_key_env env;

static void setup(void)
{
	strcpy(base, "/tmp/gyre-env-XXXXXX");
	cr_assert(ne(ptr, mkdtemp(base), NULL));
	cr_assert(eq(int, chdir(base), 0));
	cr_assert(eq(int, mkdir("tmp", 0755), 0));
	cr_assert(eq(int, setenv("TMPDIR", "tmp", 1), 0));
	cr_assert(eq(int, unsetenv("XDG_RUNTIME_DIR"), 0));
}

static void teardown(void)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf %s", base);
	cr_assert(eq(int, system(command), 0));
}

TestSuite(env, .timeout = 10, .init = setup, .fini = teardown);

static struct printed in_base(const char *path)
{
	struct printed printed;

	const int bytes = snprintf(printed.text, sizeof printed.text, "%s/%s", base, path);

	cr_assert(lt(sz, (size_t)bytes, sizeof printed.text));
	return printed;
}

static void discover(void)
{
	struct gyre_error error = untouched_error();

	cr_assert(eq(int, gyre_key_env_discover(&env, buf, sizeof buf, &error), GYRE_OK));
}

static void assert_temp(const char *value, const char *expected)
{
	/* A usable one: nothing is to be made in the directories asked about. */
	cr_assert(eq(int, setenv("XDG_RUNTIME_DIR", in_base("run").text, 1), 0));
	cr_assert(eq(int, setenv("TMPDIR", value, 1), 0));
	discover();
	cr_assert(eq(str, (char *)env.temp_dir, (char *)expected), "TMPDIR=%s", value);
}

Test(env, the_temporary_directory_is_cleaned_and_canonical)
{
	cr_assert(eq(int, mkdir("dir", 0755), 0));
	cr_assert(eq(int, mkdir("dir/sub", 0755), 0));
	cr_assert(eq(int, symlink("dir/sub", "link"), 0));

	assert_temp("", "/tmp");
	assert_temp(in_base("dir//./sub/").text, in_base("dir/sub").text);
	assert_temp(in_base("link").text, in_base("dir/sub").text);
	assert_temp("dir", in_base("dir").text);
	assert_temp("./dir/../dir/sub/..", in_base("dir").text);
	assert_temp("dir/..", base);
	assert_temp("dir/sub/../../..", "/tmp");
	assert_temp("../../..//.", "/");
	assert_temp("/", "/");
	assert_temp("/../..", "/");
	assert_temp("//tmp//", "/tmp");
	cr_assert(eq(int, unsetenv("TMPDIR"), 0));
	discover();
	cr_assert(eq(str, (char *)env.temp_dir, "/tmp"));
}

Test(env, dots_are_removed_by_the_text_before_links_are_followed)
{
	cr_assert(eq(int, mkdir("dir", 0755), 0));
	cr_assert(eq(int, mkdir("dir/sub", 0755), 0));
	cr_assert(eq(int, symlink("dir/sub", "link"), 0));
	assert_temp("link/..", base);
	assert_temp(in_base("link/../link").text, in_base("dir/sub").text);
}

Test(env, a_temporary_directory_that_does_not_exist_is_none)
{
	assert_temp(in_base("absent").text, "");
	assert_temp(repeat("x", 5000).text, "");
	assert_temp(repeat("/x", 2000).text, "");
}

/* What Qt does when $XDG_RUNTIME_DIR will not do. */
static void assert_fallback(const char *note)
{
	const struct passwd *const user = getpwuid(geteuid());
	struct stat status;
	char expected[200];

	snprintf(expected, sizeof expected, "%s/tmp/runtime-%s", base,
		user == NULL ? "" : user->pw_name);
	discover();
	cr_assert(eq(str, (char *)env.runtime_dir, expected));
	cr_assert(eq(str, (char *)env.runtime_note, (char *)note));
	cr_assert(eq(int, stat(expected, &status), 0));
	cr_assert(eq(u32, status.st_mode, S_IFDIR | 0700));
}

static void assert_runtime(const char *value)
{
	cr_assert(eq(int, setenv("XDG_RUNTIME_DIR", value, 1), 0));
	discover();
	cr_assert(eq(str, (char *)env.runtime_dir, (char *)value));
	cr_assert(eq(ptr, (void *)(uintptr_t)env.runtime_note, NULL));
}

Test(env, a_usable_runtime_directory_is_taken_as_it_is_spelled)
{
	cr_assert(eq(int, mkdir("run", 0700), 0));
	assert_runtime(in_base("run").text);
	assert_runtime(in_base("run/").text);
	assert_runtime(in_base("./run//").text);
}

Test(env, a_missing_runtime_directory_is_made)
{
	struct stat status;

	umask(0);
	assert_runtime(in_base("made").text);
	cr_assert(eq(int, stat("made", &status), 0));
	cr_assert(eq(u32, status.st_mode, S_IFDIR | 0700));
}

static void refuse_runtime(const char *value, const char *note)
{
	cr_assert(eq(int, setenv("XDG_RUNTIME_DIR", value, 1), 0));
	assert_fallback(note);
}

Test(env, an_unusable_runtime_directory_is_replaced_and_the_reason_told)
{
	assert_fallback("is not set");
	refuse_runtime("", "is not set");
	cr_assert(eq(int, mkdir("run", 0700), 0));
	refuse_runtime("run", "is not absolute");
	cr_assert(eq(int, symlink("run", "link"), 0));
	refuse_runtime(in_base("link").text, "is a symbolic link");
	refuse_runtime(in_base("absent/below").text, "does not exist, and could not be made");
	cr_assert(eq(int, mkdir("open", 0755), 0));
	refuse_runtime(in_base("open").text, "has other permissions than 0700");
	cr_assert(eq(int, fclose(fopen("file", "w")), 0));
	refuse_runtime(in_base("file").text, "is no directory");
	refuse_runtime(
		in_base(repeat("x", 5000).text).text, "does not exist, and could not be made");
}

Test(env, a_foreign_runtime_directory_is_refused)
{
	if (geteuid() != 0) {
		teardown(); /* a skipped test is not torn down */
		cr_skip_test("needs root to give a directory away");
	}
	cr_assert(eq(int, mkdir("run", 0700), 0));
	cr_assert(eq(int, chown("run", 12345, 12345), 0));
	refuse_runtime(in_base("run").text, "belongs to another user");
}

Test(env, without_any_usable_directory_there_is_none)
{
	const struct passwd *const user = getpwuid(geteuid());
	char planted[200];

	snprintf(planted, sizeof planted, "tmp/runtime-%s", user == NULL ? "" : user->pw_name);
	cr_assert(eq(int, symlink(".", planted), 0));
	discover();
	cr_assert(eq(str, (char *)env.runtime_dir, ""));
	cr_assert(eq(str, (char *)env.runtime_note, "is not set"));
}

Test(env, a_buffer_that_is_too_small_is_refused)
{
	struct gyre_error error = untouched_error();

	cr_assert(eq(int, gyre_key_env_discover(&env, buf, sizeof buf - 1, &error), GYRE_ESIZE));
	assert_explained(&error, GYRE_ESIZE, "8191");
}
