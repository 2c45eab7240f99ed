/*
 * When there is too little of something: the error says how much was asked, how much there is and
 * what to change; nothing is left behind; and no later store or load raises SIGBUS.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "fdmap.h"
#include "support.h"

enum {
	KIB = 1 << 10,
	MIB = 1 << 20,
	BYTES = 4097,
};

TestSuite(limits, .timeout = 120, .fini = place_close);

static struct gyre_error error;

static int create(const struct gyre_key *key, size_t bytes, struct gyre_segment **ret_segment)
{
	error = (struct gyre_error){0};
	*ret_segment = NULL;
	return gyre_segment_create(key, bytes, NULL, ret_segment, &error);
}

static int attach(
	const struct gyre_key *key, enum gyre_access access, struct gyre_segment **ret_segment)
{
	error = (struct gyre_error){0};
	*ret_segment = NULL;
	return gyre_segment_attach(key, access, NULL, ret_segment, &error);
}

static uint64_t free_in(const char *directory)
{
	struct statvfs fs;

	return statvfs(directory, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
}

/* Stores to each page; a hole without room would kill. */
static void touch(struct gyre_segment *segment)
{
	volatile char *const data = gyre_segment_data(segment);

	for (size_t i = 0; i < gyre_segment_bytes(segment); i += 4096)
		data[i] = 1;
}

/* ---- A small /dev/shm ---- */

static const char *ask_too_much(void *context)
{
	static const char *const words[] = {"2 MiB (2097152 bytes) asked", "1 MiB free of 1 MiB",
		"remount,size=3M", "--shm-size=3m", "file:", NULL};
	const struct place *const p = context;
	struct gyre_segment *segment = NULL;
	const char *said = own_shm("size=1m,mode=1777");

	if (said == NULL)
		said = expect_code(create(&p->key, 2 * MIB, &segment), GYRE_ENORES, &error);
	if (said == NULL)
		said = expect_words(error.what, words);
	if (said == NULL && (error.os_code != ENOSPC || error.code != GYRE_ENORES))
		said = complain("codes %d, %d", error.code, error.os_code);
	if (said == NULL && free_in("/dev/shm") != MIB)
		said = "space is gone";
	if (said == NULL && place_count_names(p) != 0)
		said = "a name was left behind";
	return said;
}

Test(limits, a_small_dev_shm_gives_the_figures_and_the_cure)
{
	expect_well(in_child(ask_too_much, place_open(PLACE_POSIX)));
	place_end();
}

static const char *fill_to_the_last_page(void *context)
{
	static const char *const words[] = {"513 KiB (525312 bytes) asked", "512 KiB free", NULL};
	const struct place *const p = context;
	const struct gyre_key second = place_key(p, "-2");
	struct gyre_segment *a, *b;
	const char *said = own_shm("size=1m,mode=1777");

	if (said == NULL)
		said = expect_code(create(&p->key, 512 * KIB, &a), GYRE_OK, &error);
	if (said == NULL)
		said = expect_code(create(&second, 513 * KIB, &b), GYRE_ENORES, &error);
	if (said == NULL)
		said = expect_words(error.what, words);
	if (said == NULL)
		said = expect_code(create(&second, 512 * KIB, &b), GYRE_OK, &error);
	if (said != NULL)
		return said;
	touch(a);
	touch(b);
	return free_in("/dev/shm") == 0 ? NULL : "it should be full";
}

Test(limits, space_is_reserved_before_success_is_reported)
{
	expect_well(in_child(fill_to_the_last_page, place_open(PLACE_POSIX)));
	place_end();
}

static const char *be_refused_by_fallocate(void *context)
{
	static const char *const of_memory[] = {"512 KiB (524288 bytes) asked", "memory of", NULL};
	static const char *const of_disk[] = {"512 KiB (524288 bytes) asked", "free of", NULL};
	const struct place *const p = context;
	const unsigned descriptors = count_descriptors();
	struct gyre_segment *segment = NULL;
	const char *said = fail_syscall(SYS_fallocate, 0, 0, ENOSPC);

	if (said == NULL)
		said = expect_code(create(&p->key, 512 * KIB, &segment), GYRE_ENORES, &error);
	if (said == NULL)
		said = expect_words(error.what,
			p->kind == PLACE_FILE_ON_DISK && strstr(error.what, "memory of") == NULL
				? of_disk
				: of_memory);
	if (said == NULL && count_descriptors() != descriptors)
		said = "a descriptor was leaked";
	return said;
}

Test(limits, a_refusal_in_spite_of_the_figures_is_explained)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		expect_well(in_child(be_refused_by_fallocate, p));
		cr_assert(eq(uint, place_count_names(p), 0));
	}
}

/* Of the other errors of fallocate the user is told as well. */
struct refusal {
	const struct place *place;
	int os_code;
	int code;
	const char *words[3];
};

static const char *be_refused(void *context)
{
	const struct refusal *const refusal = context;
	struct gyre_segment *segment = NULL;
	const char *said = fail_syscall(SYS_fallocate, 0, 0, refusal->os_code);

	if (said == NULL)
		said = expect_code(
			create(&refusal->place->key, BYTES, &segment), refusal->code, &error);
	return said != NULL ? said : expect_words(error.what, refusal->words);
}

Test(limits, every_refusal_of_space_has_its_sentence)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct refusal refusals[] = {
			{p, EDQUOT, GYRE_ENORES, {"4097 bytes", "quota"}},
			{p, ENOMEM, GYRE_ENORES, {"4097 bytes", "memory"}},
			{p, EFBIG, GYRE_ESIZE, {"4097 bytes", "file system"}},
			{p, EIO, GYRE_ESYSTEM, {"4097 bytes", "nput/output error"}},
		};

		for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
			expect_well(in_child(be_refused, &refusals[i]));
		cr_assert(eq(uint, place_count_names(p), 0));
	}
}

static const char *use_up_the_names(void *context)
{
	static const char *const words[] = {"no room for another file", "nr_inodes=", NULL};
	const struct place *const p = context;
	const struct gyre_key second = place_key(p, "-2");
	struct gyre_segment *segment = NULL;
	const char *said = own_shm("size=1m,nr_inodes=2,mode=1777"); /* one is the directory's */

	if (said == NULL)
		said = expect_code(create(&p->key, BYTES, &segment), GYRE_OK, &error);
	if (said == NULL)
		said = expect_code(create(&second, BYTES, &segment), GYRE_ENORES, &error);
	return said != NULL ? said : expect_words(error.what, words);
}

Test(limits, running_out_of_inodes_is_told_from_running_out_of_space)
{
	expect_well(in_child(use_up_the_names, place_open(PLACE_POSIX)));
	place_end();
}

static const char *use_a_read_only_tmpfs(void *context)
{
	const struct place *const p = context;
	struct gyre_segment *segment = NULL;
	const char *said = own_shm("size=1m,mode=1777");

	if (said == NULL)
		said = expect_code(create(&p->key, BYTES, &segment), GYRE_OK, &error);
	if (said == NULL && mount(NULL, "/dev/shm", NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0) {
		/* A writable mapping keeps it busy. */
		gyre_segment_detach(segment);
		if (mount(NULL, "/dev/shm", NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
			return SKIP "a file system cannot be made read-only here";
	}
	if (said == NULL)
		said = expect_code(attach(&p->key, GYRE_READ_ONLY, &segment), GYRE_OK, &error);
	if (said == NULL)
		said = expect_code(attach(&p->key, GYRE_READ_WRITE, &segment), GYRE_EPERM, &error);
	if (said == NULL)
		said = expect_code(gyre_segment_unlink(&p->key, &error), GYRE_EPERM, &error);
	if (said == NULL)
		said = expect_code(create(&p->key, BYTES, &segment), GYRE_EEXIST, &error);
	return said;
}

Test(limits, a_read_only_file_system_denies)
{
	expect_well(in_child(use_a_read_only_tmpfs, place_open(PLACE_POSIX)));
	place_end();
}

/* ---- Holes ---- */

static const char *plant_holes(const struct place *p, off_t bytes)
{
	const int fd = open(p->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const bool planted = fd >= 0 && ftruncate(fd, bytes) == 0;

	close(fd);
	return planted ? NULL : "a sparse file cannot be made";
}

static const char *attach_to_too_many_holes(void *context)
{
	static const char *const words[] = {
		"8 MiB (8388608 bytes) asked", "1 MiB free of 1 MiB", "--shm-size", NULL};
	const struct place *const p = context;
	struct gyre_segment *segment = NULL;
	const char *said = own_shm("size=1m,mode=1777");

	if (said == NULL)
		said = plant_holes(p, 8 * MIB);
	for (int i = GYRE_READ_ONLY; said == NULL && i <= GYRE_READ_WRITE; i++) {
		said = expect_code(
			attach(&p->key, (enum gyre_access)i, &segment), GYRE_ENORES, &error);
		if (said == NULL)
			said = expect_words(error.what, words);
	}
	if (said == NULL && free_in("/dev/shm") != MIB)
		said = "the attempt took space";
	return said;
}

Test(limits, attaching_to_more_holes_than_there_is_room_is_an_error)
{
	expect_well(in_child(attach_to_too_many_holes, place_open(PLACE_POSIX)));
	place_end();
}

/* The kernel's own word, where the figures were too rosy. */
static const char *attach_while_others_take_the_space(void *context)
{
	const struct place *const p = context;
	struct gyre_segment *segment = NULL;
	const char *said = own_shm("size=1m,mode=1777");

	if (said == NULL)
		said = plant_holes(p, 512 * KIB);
	if (said == NULL)
		said = fail_syscall(SYS_fallocate, 0, 0, EOPNOTSUPP);
	if (said == NULL)
		said = fail_syscall(SYS_madvise, 2, 0x16, EFAULT); /* both MADV_POPULATE_ */
	for (int i = GYRE_READ_ONLY; said == NULL && i <= GYRE_READ_WRITE; i++)
		said = expect_code(
			attach(&p->key, (enum gyre_access)i, &segment), GYRE_ENORES, &error);
	return said;
}

Test(limits, where_a_touch_would_raise_sigbus_attach_is_an_error)
{
	expect_well(in_child(attach_while_others_take_the_space, place_open(PLACE_POSIX)));
	place_end();
}

static const char *attach_and_touch_holes(void *context)
{
	const struct place *const p = context;
	struct gyre_segment *segment = NULL;
	const char *said = own_shm("size=1m,mode=1777");
	volatile const char *data;

	if (said == NULL)
		said = plant_holes(p, 512 * KIB);
	if (said == NULL)
		said = expect_code(attach(&p->key, GYRE_READ_ONLY, &segment), GYRE_OK, &error);
	if (said == NULL && free_in("/dev/shm") != 512 * KIB)
		said = "holes were not given their room";
	if (said != NULL)
		return said;
	data = gyre_segment_data(segment);
	for (size_t i = 0; i < 512 * KIB; i += 4096)
		if (data[i] != 0)
			return "not zero";
	said = expect_code(attach(&p->key, GYRE_READ_WRITE, &segment), GYRE_OK, &error);
	if (said == NULL)
		touch(segment);
	return said;
}

Test(limits, holes_are_given_their_room_at_attach)
{
	expect_well(in_child(attach_and_touch_holes, place_open(PLACE_POSIX)));
	place_end();
}

static const char *attach_to_holes(void *context)
{
	const struct place *const p = context;
	struct gyre_segment *segment = NULL;
	struct stat st;
	const char *said = expect_code(attach(&p->key, GYRE_READ_WRITE, &segment), GYRE_OK, &error);

	if (said != NULL)
		return said;
	if (stat(p->path, &st) != 0 || st.st_blocks * 512 < 3 * MIB)
		return "holes are left";
	touch(segment);
	return NULL;
}

static const char *attach_to_holes_without_fallocate(void *context)
{
	const char *const said = fail_syscall(SYS_fallocate, 0, 0, EOPNOTSUPP);

	return said != NULL ? said : attach_to_holes(context);
}

static const char *attach_to_holes_with_an_old_kernel(void *context)
{
	const struct place *const p = context;
	struct gyre_segment *segment = NULL;
	const char *said = fail_syscall(SYS_fallocate, 0, 0, EOPNOTSUPP);

	if (said == NULL)
		said = fail_syscall(SYS_madvise, 2, 0x16, EINVAL);
	if (said == NULL)
		said = expect_code(
			attach(&p->key, GYRE_READ_WRITE, &segment), GYRE_ENOTSUP, &error);
	return said;
}

Test(limits, holes_are_filled_by_whatever_the_system_has)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		expect_well(plant_holes(p, 3 * MIB));
		expect_well(in_child(attach_to_holes_with_an_old_kernel, p));
		expect_well(in_child(attach_to_holes, p));
		gyre_segment_unlink(&p->key, NULL);
		expect_well(plant_holes(p, 3 * MIB));
		expect_well(in_child(attach_to_holes_without_fallocate, p));
	}
}

Test(limits, looking_at_holes_takes_no_memory)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		const int directory = open(p->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		const int wanted = gyre_fdmap_is_ram(directory) ? GYRE_EFORMAT : GYRE_OK;
		struct gyre_map map = {.fd = -1};
		struct stat st;

		close(directory);
		expect_well(plant_holes(p, 3 * MIB));
		expect_well(expect_code(p->backend->attach(&p->key, GYRE_READ_ONLY,
						&gyre_permissions_any, &map, &error),
			wanted, &error));
		p->backend->detach(&map);
		cr_assert(eq(int, stat(p->path, &st), 0));
		cr_assert(eq(i64, st.st_blocks, 0));
	}
}

/* ---- Without fallocate ---- */

static const char *create_without_fallocate(void *context)
{
	const struct place *const p = context;
	struct gyre_segment *segment = NULL;
	struct stat st;
	const char *said = fail_syscall(SYS_fallocate, 0, 0, EOPNOTSUPP);

	if (said == NULL)
		said = expect_code(create(&p->key, MIB + 1, &segment), GYRE_OK, &error);
	if (said != NULL)
		return said;
	if (stat(p->path, &st) != 0 || st.st_size != MIB + 1 || st.st_blocks * 512 < MIB + 1)
		return complain(
			"%jd bytes, %jd blocks", (intmax_t)st.st_size, (intmax_t)st.st_blocks);
	for (size_t i = 0; i < MIB + 1; i++)
		if (((char *)gyre_segment_data(segment))[i] != 0)
			return "not zero";
	return NULL;
}

Test(limits, space_is_reserved_where_fallocate_is_missing)
{
	for (struct place *p = place_first(); p != NULL; p = place_next())
		expect_well(in_child(create_without_fallocate, p));
}

/* Signals come so often that no call for 64 MiB ends; those for less do. */
static const char *create_under_signals(void *context)
{
	const struct place *const p = context;
	struct gyre_segment *segment = NULL;
	const char *said = fail_syscall(SYS_fallocate, 3, 64 * MIB, EINTR);

	if (said == NULL)
		said = expect_code(create(&p->key, 64 * MIB, &segment), GYRE_OK, &error);
	return said;
}

Test(limits, signals_delay_a_reservation_but_do_not_defeat_it)
{
	for (struct place *p = place_first(); p != NULL; p = place_next())
		expect_well(in_child(create_under_signals, p));
}

/* ---- Limits of the process ---- */

static const char *exceed_file_size(void *context)
{
	static const char *const words[] = {
		"1 MiB (1048576 bytes) asked", "64 KiB at most", "ulimit -f", NULL};
	const struct rlimit limit = {64 * KIB, 64 * KIB};
	const struct place *const p = context;
	const unsigned descriptors = count_descriptors();
	struct gyre_segment *segment = NULL;
	const char *said;

	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return SKIP "limits cannot be set here";
	said = expect_code(create(&p->key, MIB, &segment), GYRE_ENORES, &error);
	if (said == NULL)
		said = expect_words(error.what, words);
	if (said == NULL && count_descriptors() != descriptors)
		said = "a descriptor was leaked";
	if (said == NULL)
		said = expect_code(create(&p->key, 64 * KIB, &segment), GYRE_OK, &error);
	return said;
}

Test(limits, the_file_size_limit_gives_an_error_and_no_signal)
{
	for (struct place *p = place_first(); p != NULL; p = place_next())
		expect_well(in_child(exceed_file_size, p));
}

/* Every number of descriptors too few, up to just enough. */
static const char *run_out_of_descriptors(void *context)
{
	const struct place *const p = context;
	const struct gyre_key missing = place_key(p, "-2");
	const unsigned used = count_descriptors();
	struct rlimit limit = {used, 64};
	struct gyre_segment *segment = NULL;
	int err = GYRE_ENORES;
	const char *said = NULL;

	for (; said == NULL && err != GYRE_OK && limit.rlim_cur < used + 8; limit.rlim_cur++) {
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			return SKIP "limits cannot be set here";
		err = attach(&p->key, GYRE_READ_WRITE, &segment);
		if (err != GYRE_OK)
			said = expect_code(err, GYRE_ENORES, &error);
		gyre_segment_detach(segment);
		if (said == NULL && err != GYRE_OK && strstr(error.what, "ulimit -n") == NULL)
			said = complain("no cure: %s", error.what);
		err = create(&missing, BYTES, &segment);
		if (said == NULL && err != GYRE_OK)
			said = expect_code(err, GYRE_ENORES, &error);
		gyre_segment_detach(segment);
	}
	limit.rlim_cur = 64;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (said == NULL && err != GYRE_OK)
		said = complain("still not enough: %s", error.what);
	if (said == NULL && count_descriptors() != used)
		said = "a descriptor was leaked";
	return said;
}

Test(limits, running_out_of_descriptors_leaks_nothing)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_segment *segment = NULL;

		cr_assert(eq(int, create(&p->key, BYTES, &segment), GYRE_OK));
		expect_well(in_child(run_out_of_descriptors, p));
		cr_assert(eq(uint, place_count_names(p), 2));
		gyre_segment_detach(segment);
	}
}

/* What mmap(2) says when it gives nothing, and what the user is told. */
struct denial {
	const struct place *place;
	const char *(*deny)(void);
	const char *cure;
};

static const char *be_denied_memory(void *context)
{
	const struct denial *const denial = context;
	const char *const words[] = {"8388608 bytes", denial->cure, NULL};
	const struct gyre_key second = place_key(denial->place, "-2");
	const unsigned descriptors = count_descriptors();
	struct gyre_segment *segment = NULL;
	const char *said = denial->deny();

	if (said == NULL)
		said = expect_code(create(&second, 8 * MIB, &segment), GYRE_ENORES, &error);
	if (said == NULL)
		said = expect_words(error.what, words);
	if (said == NULL)
		said = expect_code(attach(&denial->place->key, GYRE_READ_WRITE, &segment),
			GYRE_ENORES, &error);
	if (said == NULL)
		said = expect_words(error.what, words);
	if (said == NULL && count_descriptors() != descriptors)
		said = "a descriptor was leaked";
	return said;
}

static uint64_t address_space(void)
{
	FILE *const file = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;

	if (file != NULL && fscanf(file, "%llu", &pages) != 1)
		pages = 0;
	if (file != NULL)
		fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* And what the limit leaves is taken. */
static const char *limit_address_space(void)
{
	const struct rlimit limit = {128 * MIB, 128 * MIB};

	if (address_space() > (uint64_t)1 << 40)
		return SKIP "a sanitizer takes terabytes of address space";
	if (setrlimit(RLIMIT_AS, &limit) != 0)
		return SKIP "limits cannot be set here";
	for (size_t bytes = 64 * MIB; bytes >= 4 * MIB; bytes /= 2)
		while (mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
			MAP_FAILED)
			;
	return NULL;
}

static const char *limit_locked_memory(void)
{
	return fail_syscall(SYS_mmap, 3, MAP_SHARED, EAGAIN); /* as after mlockall(2) */
}

static const char *limit_mappings(void)
{
	return fail_syscall(SYS_mmap, 3, MAP_SHARED, ENOMEM);
}

static void expect_denial(const char *(*deny)(void), const char *cure)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct denial denial = {p, deny, cure};
		struct gyre_segment *segment = NULL;

		cr_assert(eq(int, create(&p->key, 8 * MIB, &segment), GYRE_OK));
		gyre_segment_detach(segment);
		expect_well(in_child(be_denied_memory, &denial));
		cr_assert(eq(uint, place_count_names(p), 1));
	}
}

Test(limits, being_denied_address_space_leaks_nothing)
{
	expect_denial(limit_address_space, "ulimit -v");
}

Test(limits, being_denied_another_mapping_leaks_nothing)
{
	expect_denial(limit_mappings, "vm.max_map_count");
}

Test(limits, being_denied_locked_memory_leaks_nothing)
{
	expect_denial(limit_locked_memory, "ulimit -l");
}

/* ---- Limits of the machine ---- */

static const char *write_text(const char *path, const char *text)
{
	FILE *const file = fopen(path, "we");

	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		return complain("%s cannot be written", path);
	return NULL;
}

/* A container of cgroup version 2, told by files only. */
static const char *pretend_container(void)
{
	const char *said = own_mounts();

	if (said != NULL)
		return said;
	if (mount("gyre-test", "/sys/fs/cgroup", "tmpfs", 0, "size=1m") != 0 ||
		mkdir("/sys/fs/cgroup/inner", 0700) != 0)
		return SKIP "/sys/fs/cgroup cannot be mounted over here";
	said = write_text("/sys/fs/cgroup/self", "9:cpu:/x\n0::/inner/\n");
	if (said == NULL)
		said = write_text("/sys/fs/cgroup/memory.max", "33554432\n");
	if (said == NULL)
		said = write_text("/sys/fs/cgroup/memory.current", "25165824\n");
	if (said == NULL)
		said = write_text("/sys/fs/cgroup/memory.stat",
			"anon 1\nfile 20971520\nkernel 2\nshmem 16777216\n");
	if (said == NULL)
		said = write_text("/sys/fs/cgroup/inner/memory.max", "max\n");
	if (said == NULL)
		said = write_text("/sys/fs/cgroup/inner/memory.current", "4096\n");
	if (said == NULL)
		said = write_text("/sys/fs/cgroup/meminfo",
			"MemTotal: 1048576 kB\nMemAvailable: 524288 kB\nSwapFree: 0 kB\n");
	if (said == NULL &&
		(mount("/sys/fs/cgroup/self", "/proc/self/cgroup", NULL, MS_BIND, NULL) != 0 ||
			mount("/sys/fs/cgroup/meminfo", "/proc/meminfo", NULL, MS_BIND, NULL) != 0))
		said = SKIP "files of /proc cannot be mounted over here";
	return said;
}

static const char *exceed_the_container(void *context)
{
	static const char *const container[] = {"13 MiB (13631488 bytes) asked",
		"10 MiB left of the 32 MiB", "container", "--memory=", NULL};
	static const char *const machine[] = {"513 MiB (537919488 bytes) asked",
		"448 MiB left of the machine's memory of 1024 MiB", NULL};
	const struct place *const p = context;
	struct gyre_segment *segment = NULL;
	const char *said = pretend_container();

	if (said == NULL)
		said = expect_code(create(&p->key, 13 * MIB, &segment), GYRE_ENORES, &error);
	if (said == NULL)
		said = expect_words(error.what, container);
	if (said == NULL)
		said = expect_code(create(&p->key, 10 * MIB, &segment), GYRE_OK, &error);
	if (said == NULL)
		said = write_text("/sys/fs/cgroup/memory.max", "max\n");
	gyre_segment_detach(segment);
	gyre_segment_unlink(&p->key, NULL);
	if (said == NULL)
		said = expect_code(create(&p->key, 513 * MIB, &segment), GYRE_ENORES, &error);
	return said != NULL ? said : expect_words(error.what, machine);
}

Test(limits, more_memory_than_there_is_is_not_asked_of_the_kernel)
{
	for (struct place *p = place_first(); p != NULL; p = place_next())
		if (p->kind != PLACE_FILE_ON_DISK)
			expect_well(in_child(exceed_the_container, p));
}

/* ---- File systems ---- */

static const char *use_a_directory_as_dev_shm(void *context)
{
	static const char *const words[] = {"no tmpfs", "mount -t tmpfs", "file:", NULL};
	const struct place *const disk = context;
	struct place posix = *disk;
	struct gyre_segment *segment = NULL;
	struct stat st;
	const char *said = own_mounts();
	const int fd = open(disk->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (said == NULL && (fstat(fd, &st) != 0 || gyre_fdmap_is_ram(fd)))
		said = SKIP "temporary files are not on a disk here";
	if (said == NULL && mount(disk->directory, "/dev/shm", NULL, MS_BIND, NULL) != 0)
		said = SKIP "/dev/shm cannot be mounted over here";
	posix.kind = PLACE_POSIX;
	posix.key = place_key(&posix, "");
	if (said == NULL)
		said = expect_code(create(&posix.key, BYTES, &segment), GYRE_ENOTSUP, &error);
	if (said == NULL)
		said = expect_words(error.what, words);
	if (said == NULL)
		said = expect_code(
			attach(&posix.key, GYRE_READ_ONLY, &segment), GYRE_ENOTSUP, &error);
	return said;
}

Test(limits, dev_shm_on_a_disk_is_no_posix_shared_memory)
{
	expect_well(in_child(use_a_directory_as_dev_shm, place_open(PLACE_FILE_ON_DISK)));
	place_end();
}

/* A FUSE file system whose server does not answer: another user is told its type, and only that,
 * without a question to the server. */
static const char *use_fuse(void *context)
{
	static const char *const words[] = {"network file system (FUSE)", "posix:", NULL};
	const struct place *const p = context;
	const int server = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	struct gyre_segment *segment = NULL;
	char options[96];
	const char *said = own_mounts();

	if (said != NULL)
		return said;
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", server);
	if (server < 0 || mount("gyre-test", p->directory, "fuse", 0, options) != 0)
		return SKIP "FUSE is not there";
	if (setresuid(NOBODY, NOBODY, NOBODY) != 0)
		return SKIP "becoming another user is not allowed here";
	said = expect_code(create(&p->key, BYTES, &segment), GYRE_ENOTSUP, &error);
	if (said == NULL)
		said = expect_words(error.what, words);
	if (said == NULL)
		said = expect_code(attach(&p->key, GYRE_READ_ONLY, &segment), GYRE_ENOTSUP, &error);
	return said;
}

Test(limits, network_file_systems_are_refused)
{
	const uint32_t remote[] = {0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x65735546,
		0x00c36400, 0x73757245, 0x5346414f, 0x6b414653, 0x564c, 0x0bd00bd0};
	const uint32_t local[] = {
		0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0xf2f52010};

	for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
		cr_assert(ne(ptr, (void *)gyre_space_remote(remote[i]), NULL), "%x", remote[i]);
	for (size_t i = 0; i < sizeof local / sizeof *local; i++)
		cr_assert(eq(ptr, (void *)gyre_space_remote(local[i]), NULL), "%x", local[i]);
	if (geteuid() == 0)
		expect_well(in_child(use_fuse, place_open(PLACE_FILE_ON_DISK)));
	place_end();
}

Test(limits, it_is_known_what_lives_in_memory)
{
	int fd = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	cr_assert(gyre_fdmap_is_ram(fd));
	close(fd);
	fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(not(gyre_fdmap_is_ram(fd)));
	close(fd);
	cr_assert(not(gyre_fdmap_is_ram(-1)));
}
