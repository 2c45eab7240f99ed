/* What the system offers, and how much room there is: told without making anything. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "gyre_system.h"
#include "support.h"

enum { MIB = 1 << 20 };

TestSuite(system, .timeout = 120, .fini = place_close);

static struct gyre_error error;

static const uint16_t qt_types[] = {1, GYRE_KEY_SYSTEMV, 255, GYRE_KEY_POSIX};

/* ---- Types ---- */

Test(system, linux_has_qts_types_and_gyres)
{
	for (size_t i = 0; i < sizeof qt_types / sizeof *qt_types; i++) {
		cr_assert(gyre_system_has_type(qt_types[i], GYRE_KEY_SHM), "%u", qt_types[i]);
		cr_assert(gyre_system_has_type(qt_types[i], GYRE_KEY_SEM), "%u", qt_types[i]);
	}
	cr_assert(gyre_system_has_type(GYRE_KEY_FILE, GYRE_KEY_SHM));
	cr_assert(gyre_system_has_type(GYRE_KEY_MEMFD, GYRE_KEY_SHM));
}

Test(system, what_is_no_type_here_is_not_supported)
{
	static const uint16_t none[] = {GYRE_KEY_INVALID, GYRE_KEY_WINDOWS, 258, UINT16_MAX};

	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		cr_assert(not(gyre_system_has_type(none[i], GYRE_KEY_SHM)), "%u", none[i]);
		cr_assert(not(gyre_system_has_type(none[i], GYRE_KEY_SEM)), "%u", none[i]);
	}
	cr_assert(not(gyre_system_has_type(GYRE_KEY_FILE, GYRE_KEY_SEM)));
	cr_assert(not(gyre_system_has_type(GYRE_KEY_MEMFD, GYRE_KEY_SEM)));
}

static const char *lose_calls(void *context)
{
	const int errno_told = *(const int *)context;
	const bool there = errno_told != ENOSYS;
	const char *said = fail_syscall(SYS_shmget, 0, 0, errno_told);

	if (said == NULL)
		said = fail_syscall(SYS_memfd_create, 0, 0, errno_told);
	if (said != NULL)
		return said;
	if (gyre_system_has_type(GYRE_KEY_SYSTEMV, GYRE_KEY_SHM) != there)
		return complain("System V memory, errno %d", errno_told);
	if (gyre_system_has_type(GYRE_KEY_MEMFD, GYRE_KEY_SHM) != there)
		return complain("memfd, errno %d", errno_told);
	if (!gyre_system_has_type(GYRE_KEY_SYSTEMV, GYRE_KEY_SEM))
		return "semaphores went with the memory";
	return gyre_system_has_type(GYRE_KEY_POSIX, GYRE_KEY_SHM) ? NULL : "POSIX went too";
}

Test(system, only_a_call_that_does_not_exist_is_a_no)
{
	int outcomes[] = {ENOSYS, EINVAL, EPERM, EACCES};

	for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
		expect_well(in_child(lose_calls, &outcomes[i]));
}

/* ---- Room ---- */

Test(system, room_is_that_of_the_directory_and_of_memory)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_system_room room;
		struct statvfs fs;

		cr_assert(eq(int, gyre_system_room_of(&p->key, &room, &error), GYRE_OK));
		cr_assert(eq(int, statvfs(p->directory, &fs), 0));
		cr_assert(eq(u32, room.is_ram, p->kind != PLACE_FILE_ON_DISK));
		cr_assert(eq(u64, room.total_bytes,
			fs.f_blocks > 0 ? (uint64_t)fs.f_blocks * fs.f_frsize : UINT64_MAX));
		cr_assert(le(u64, room.free_bytes, room.total_bytes));
		cr_assert(le(u64, room.memory_free_bytes, room.memory_bytes));
		cr_assert(eq(uint, place_count_names(p), 0));
	}
}

static const char *look_at_small_shm(void *context)
{
	static const char *const words[] = {
		"2 MiB (2097152 bytes) asked", "1 MiB free of 1 MiB", "--shm-size=3m", NULL};
	const struct place *const p = context;
	const char *said = own_shm("size=1m,mode=1777");
	struct gyre_system_room room;

	if (said != NULL)
		return said;
	if (gyre_system_room_of(&p->key, &room, &error) != GYRE_OK)
		return complain("%s", error.what);
	if (room.total_bytes != MIB || room.free_bytes != MIB)
		return complain("%llu free", (unsigned long long)room.free_bytes);
	if (gyre_system_fits(&p->key, MIB, &error) != GYRE_OK)
		return complain("1 MiB does not fit: %s", error.what);
	said = expect_code(gyre_system_fits(&p->key, 2 * MIB, &error), GYRE_ENORES, &error);
	if (said == NULL)
		said = expect_words(error.what, words);
	if (said == NULL && place_count_names(p) != 0)
		said = "something was made";
	return said;
}

Test(system, what_does_not_fit_is_told_as_creation_tells_it)
{
	expect_well(in_child(look_at_small_shm, place_open(PLACE_POSIX)));
	place_end();
}

static const char *look_at_limitless_shm(void *context)
{
	const struct place *const p = context;
	const char *const said = own_shm("size=0,mode=1777");
	struct gyre_system_room room;

	if (said != NULL)
		return said;
	if (gyre_system_room_of(&p->key, &room, &error) != GYRE_OK)
		return complain("%s", error.what);
	return room.total_bytes == UINT64_MAX && room.free_bytes == UINT64_MAX ? NULL : "a limit";
}

Test(system, a_tmpfs_without_a_limit_has_none)
{
	expect_well(in_child(look_at_limitless_shm, place_open(PLACE_POSIX)));
	place_end();
}

static const char *look_with_a_limit(void *context)
{
	const struct place *const p = context;
	const struct rlimit limit = {MIB, MIB};

	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return SKIP "RLIMIT_FSIZE cannot be set";
	return expect_code(gyre_system_fits(&p->key, 2 * MIB, &error), GYRE_ENORES, &error);
}

Test(system, a_limit_on_the_size_of_files_counts)
{
	expect_well(in_child(look_with_a_limit, place_open(PLACE_POSIX)));
	place_end();
}

Test(system, more_than_all_memory_does_not_fit)
{
	const struct place *const p = place_open(PLACE_FILE_ON_TMPFS);
	struct gyre_system_room room;

	cr_assert(eq(int, gyre_system_room_of(&p->key, &room, &error), GYRE_OK));
	cr_assert(eq(int, gyre_system_fits(&p->key, (uint64_t)1 << 60, &error),
		room.memory_bytes == UINT64_MAX && room.free_bytes == UINT64_MAX ? GYRE_OK
										 : GYRE_ENORES));
	place_end();
}

Test(system, keys_without_a_place_are_refused)
{
	struct gyre_key key = {.type = GYRE_KEY_WINDOWS, .native = "x"};
	struct gyre_system_room room;

	cr_assert(eq(int, gyre_system_room_of(&key, &room, &error), GYRE_EKEY));
	cr_assert(eq(int, gyre_system_fits(&key, 1, NULL), GYRE_EKEY));
	key = (struct gyre_key){.type = GYRE_KEY_FILE, .native = "/no/such/directory/x"};
	cr_assert(eq(int, gyre_system_room_of(&key, &room, &error), GYRE_ENOTFOUND));
	cr_assert(eq(int, gyre_system_fits(&key, 1, &error), GYRE_ENOTFOUND));
}
