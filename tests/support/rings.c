#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>
#include "rings.h"

static const char PREFIX[] = "gyretest-";

enum {
	PATIENCE_S = 60, /* of a loaded machine, too */
	BUFFER_BYTES = 1 << 21,
};

static const struct variant variants[] = {
	{"records, posix, fence", false, false, GYRE_WAKE_FENCE, 0, 0, 0},
	{"records, posix, membarrier", false, false, GYRE_WAKE_MEMBARRIER, 0, 0, 0},
	{"records, file, fence", false, true, GYRE_WAKE_FENCE, 0, 0, 0},
	{"records, file, membarrier", false, true, GYRE_WAKE_MEMBARRIER, 0, 0, 0},
	{"slots, posix, fence", true, false, GYRE_WAKE_FENCE, 0, 0, 0},
	{"slots, posix, membarrier", true, false, GYRE_WAKE_MEMBARRIER, 0, 0, 0},
	{"slots, file, fence", true, true, GYRE_WAKE_FENCE, 0, 0, 0},
	{"slots, file, membarrier", true, true, GYRE_WAKE_MEMBARRIER, 0, 0, 0},
};

enum {
	SEVERAL = 6, /* at a time */
	MPMC_VARIANTS = 16,
};

static struct variant mpmc;
static unsigned mpmc_number, mpmc_step;
static const struct variant *current;
static char file_directory[KEY_BYTES / 2];

/* ---- Names ---- */

static bool is_ours(const char *name)
{
	char prefix[64];

	snprintf(prefix, sizeof prefix, "%s%d-", PREFIX, (int)getpid());
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* A test that was killed could not clear away; its pid says whether it lives. */
static bool is_of_the_dead(const char *name)
{
	int pid;

	return strncmp(name, PREFIX, sizeof PREFIX - 1) == 0 &&
	       sscanf(name + sizeof PREFIX - 1, "%d-", &pid) == 1 && kill(pid, 0) != 0 &&
	       errno == ESRCH;
}

static const char *temporary_directory(void)
{
	const char *const directory = getenv("TMPDIR");

	return directory != NULL ? directory : "/tmp";
}

static void remove_all_in(const char *path)
{
	DIR *const directory = opendir(path);
	const struct dirent *entry;

	if (directory == NULL)
		return;
	while ((entry = readdir(directory)) != NULL)
		unlinkat(dirfd(directory), entry->d_name, 0); /* refuses "." and ".." */
	closedir(directory);
	rmdir(path);
}

static void clear_away(const char *parent, bool (*which)(const char *name))
{
	DIR *const directory = opendir(parent);
	const struct dirent *entry;
	char path[KEY_BYTES * 2];

	if (directory == NULL)
		return;
	while ((entry = readdir(directory)) != NULL) {
		if (!which(entry->d_name))
			continue;
		snprintf(path, sizeof path, "%s/%s", parent, entry->d_name);
		if (unlink(path) != 0)
			remove_all_in(path);
	}
	closedir(directory);
}

void rings_open(void)
{
	clear_away("/dev/shm", is_of_the_dead);
	clear_away(temporary_directory(), is_of_the_dead);
	snprintf(file_directory, sizeof file_directory, "%s/%s%d-files", temporary_directory(),
		PREFIX, (int)getpid());
	cr_assert(eq(int, mkdir(file_directory, 0700), 0), "%s cannot be made", file_directory);
}

void rings_close(void)
{
	if (current != NULL)
		cr_log_warn("the test ended in: %s", current->name);
	clear_away("/dev/shm", is_ours);
	clear_away(temporary_directory(), is_ours);
}

const struct variant *variant_first(void)
{
	current = variants;
	return current;
}

const struct variant *variant_next(void)
{
	current = current + 1 == variants + sizeof variants / sizeof *variants ? NULL : current + 1;
	return current;
}

/* A bit of the number each: file, fence, one producer, one consumer. */
static const struct variant *mpmc_of(unsigned number)
{
	static char name[80];

	mpmc = (struct variant){
		.name = name,
		.file = (number & 1) != 0,
		.wake = (number & 2) != 0 ? GYRE_WAKE_FENCE : GYRE_WAKE_MEMBARRIER,
		.kind = GYRE_RING_MPMC,
		.producers_max = (number & 4) != 0 ? 1 : SEVERAL,
		.consumers_max = (number & 8) != 0 ? 1 : SEVERAL,
	};
	snprintf(name, sizeof name, "mpmc, %s, %s, producers %u, consumers %u",
		mpmc.file ? "file" : "posix", mpmc.wake == GYRE_WAKE_FENCE ? "fence" : "membarrier",
		mpmc.producers_max, mpmc.consumers_max);
	return &mpmc;
}

const struct variant *mpmc_first(void)
{
	mpmc_number = 0;
	mpmc_step = 1;
	return current = mpmc_of(mpmc_number);
}

/* Every fifth: 0, 5, 10, 15 have each mode, backend and wake mode once or twice. */
const struct variant *mode_first(void)
{
	current = mpmc_first();
	mpmc_step = 5;
	return current;
}

const struct variant *mpmc_next(void)
{
	mpmc_number += mpmc_step;
	return current = mpmc_number < MPMC_VARIANTS ? mpmc_of(mpmc_number) : NULL;
}

void key_of(const struct variant *v, const char *suffix, char key[KEY_BYTES])
{
	if (v->file)
		snprintf(key, KEY_BYTES, "file:%s/%s%d-%s", file_directory, PREFIX, (int)getpid(),
			suffix);
	else
		snprintf(key, KEY_BYTES, "posix:/%s%d-%s", PREFIX, (int)getpid(), suffix);
}

void path_of(const char *key, char path[KEY_BYTES])
{
	if (strncmp(key, "file:", 5) == 0)
		snprintf(path, KEY_BYTES, "%s", key + 5);
	else
		snprintf(path, KEY_BYTES, "/dev/shm%s", key + strlen("posix:"));
}

bool is_there(const char *key)
{
	char path[KEY_BYTES];

	path_of(key, path);
	return access(path, F_OK) == 0;
}

/* ---- Rings ---- */

struct gyre_ring_options options_of(
	const struct variant *v, uint64_t capacity_bytes, uint32_t slot_bytes)
{
	return (struct gyre_ring_options){
		.capacity_bytes = capacity_bytes,
		.slot_bytes = v->slots ? slot_bytes : 0,
		.wake = v->wake,
		.kind = v->kind,
		.producers_max = v->producers_max,
		.consumers_max = v->consumers_max,
	};
}

int make_ring(const char *key, const struct gyre_ring_options *options)
{
	struct gyre_error error = {0};
	const int outcome = gyre_ring_create(key, options, &error);

	cr_assert(ge(int, outcome, 0), "%s", error.what);
	return outcome;
}

struct gyre_ring *attach(const char *key, enum gyre_role role)
{
	struct gyre_ring *ring = NULL;
	struct gyre_error error = {0};

	cr_assert(eq(int, gyre_ring_attach(key, role, NULL, &ring, &error), GYRE_OK), "%s",
		error.what);
	return ring;
}

struct gyre_ring *open_ring(
	const char *key, enum gyre_role role, const struct gyre_ring_options *options)
{
	struct gyre_ring *ring = NULL;
	struct gyre_error error = {0};

	cr_assert(eq(int, gyre_ring_open(key, role, options, &ring, &error), GYRE_OK), "%s",
		error.what);
	return ring;
}

int try_attach(const char *key, enum gyre_role role, struct gyre_error *reterr)
{
	struct gyre_ring *ring = NULL;
	const int outcome = gyre_ring_attach(key, role, NULL, &ring, reterr);

	gyre_ring_detach(ring);
	return outcome;
}

struct pair pair_with(const struct variant *v, const struct gyre_ring_options *options)
{
	static unsigned number;
	struct pair pair = {.variant = v};
	char suffix[16];

	snprintf(suffix, sizeof suffix, "%u", number++);
	key_of(v, suffix, pair.key);
	cr_assert(eq(int, make_ring(pair.key, options), 0));
	pair.producer = attach(pair.key, GYRE_PRODUCER);
	pair.consumer = attach(pair.key, GYRE_CONSUMER);
	return pair;
}

struct pair pair_of(const struct variant *v, uint64_t capacity_bytes, uint32_t slot_bytes)
{
	const struct gyre_ring_options options = options_of(v, capacity_bytes, slot_bytes);

	return pair_with(v, &options);
}

void pair_close(struct pair *pair)
{
	gyre_ring_detach(pair->producer);
	gyre_ring_detach(pair->consumer);
	gyre_ring_unlink(pair->key, NULL);
	pair->producer = pair->consumer = NULL;
}

/* ---- Messages ---- */

static unsigned char buffer[BUFFER_BYTES];

int send_number(struct gyre_ring *ring, uint64_t number, size_t bytes, int64_t timeout_ns)
{
	fill_message(buffer, bytes, number);
	return gyre_ring_send(ring, buffer, bytes, (uint32_t)number, timeout_ns);
}

int64_t receive_number(struct gyre_ring *ring, uint64_t number, int64_t timeout_ns)
{
	struct gyre_message message;
	const int64_t bytes = gyre_ring_receive(ring, buffer, sizeof buffer, timeout_ns, &message);

	if (bytes < 0)
		return bytes;
	if ((size_t)bytes != message.bytes || message.data != buffer || message.flags != 0 ||
		message.tag != (uint32_t)number || !is_message_of(buffer, message.bytes, number))
		return WRONG_MESSAGE;
	return bytes;
}

/* ---- From outside ---- */

struct seen look(const char *key)
{
	struct gyre_participant seats[2];
	struct seen seen = {0};
	struct gyre_error error = {0};
	unsigned count = 2;

	cr_assert(eq(int, gyre_inspect(key, NULL, &seen.info, seats, &count, &error), GYRE_OK),
		"%s", error.what);
	cr_assert(le(uint, count, 2));
	for (unsigned i = 0; i < count; i++)
		*(seats[i].role == GYRE_PRODUCER ? &seen.producer : &seen.consumer) = seats[i];
	return seen;
}

struct gyre_view view_of(const char *key)
{
	struct gyre_error error = {0};
	struct gyre_key parsed;
	struct gyre_view view;

	cr_assert(eq(int, gyre_key_parse(key, &parsed, NULL), GYRE_OK));
	cr_assert(eq(int, gyre_view_open(&parsed, GYRE_READ_WRITE, NULL, &view, &error), GYRE_OK),
		"%s", error.what);
	return view;
}

static int open_object(const char *key)
{
	char path[KEY_BYTES];
	int fd;

	path_of(key, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	cr_assert(ge(int, fd, 0), "%s: %s", path, strerror(errno));
	return fd;
}

void read_header(const char *key, struct gyre_header *ret_header)
{
	const int fd = open_object(key);

	cr_assert(eq(i64, pread(fd, ret_header, sizeof *ret_header, 0), sizeof *ret_header));
	close(fd);
}

void write_header(const char *key, struct gyre_header *header, bool with_checksum)
{
	const int fd = open_object(key);

	if (with_checksum)
		header->checksum = XXH3_64bits(header, offsetof(struct gyre_header, checksum));
	cr_assert(eq(i64, pwrite(fd, header, sizeof *header, 0), sizeof *header));
	close(fd);
}

_Atomic uint64_t *word_in(const struct gyre_view *view, uint64_t offset)
{
	return (_Atomic uint64_t *)(void *)gyre_view_at(view, offset);
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool eventually(bool (*holds)(void *), void *context)
{
	const struct timespec pause = {.tv_nsec = NS_PER_MS};
	const uint64_t limit = now_ns() + (uint64_t)PATIENCE_S * 1000000000u;

	for (unsigned looks = 0; !holds(context); looks++) {
		if (now_ns() > limit)
			return false;
		if (looks < 100)
			sched_yield(); /* mostly it is a matter of microseconds */
		else
			nanosleep(&pause, NULL);
	}
	return true;
}

struct sleeper {
	const char *key;
	enum gyre_role role;
	uint64_t sleeps;
};

static bool has_slept(void *context)
{
	const struct sleeper *const sleeper = context;
	const struct seen seen = look(sleeper->key);

	return (sleeper->role == GYRE_PRODUCER ? seen.producer : seen.consumer).counters.sleeps >=
	       sleeper->sleeps;
}

bool until_asleep(const char *key, enum gyre_role role, uint64_t sleeps)
{
	struct sleeper sleeper = {key, role, sleeps};

	return eventually(has_slept, &sleeper);
}

/* ---- Children ---- */

void kill_child(struct child *child)
{
	cr_assert(eq(int, kill(child->pid, SIGKILL), 0));
	cr_assert(eq(int, waitpid(child->pid, NULL, 0), child->pid));
}

void raise_flag(_Atomic uint32_t *flag)
{
	atomic_store(flag, 1);
	syscall(SYS_futex, (uint32_t *)flag, FUTEX_WAKE, 1000, NULL, NULL, 0);
}

bool await_flag(_Atomic uint32_t *flag)
{
	const struct timespec slice = {.tv_sec = 1};
	const uint64_t limit = now_ns() + (uint64_t)PATIENCE_S * 1000000000u;

	while (atomic_load(flag) == 0) {
		if (now_ns() > limit)
			return false;
		syscall(SYS_futex, (uint32_t *)flag, FUTEX_WAIT, 0, &slice, NULL, 0);
	}
	return true;
}
