#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "support.h"

enum { COMPLAINT_BYTES = 2048 };

static struct place current;

/* ---- Places ---- */

static void make_directory(struct place *place, const char *parent)
{
	snprintf(place->directory, sizeof place->directory, "%s/gyre-test-XXXXXX", parent);
	cr_assert(ne(ptr, mkdtemp(place->directory), NULL), "%s cannot be made", place->directory);
}

struct place *place_open(enum place_kind kind)
{
	const char *const temporary = getenv("TMPDIR");

	memset(&current, 0, sizeof current);
	current.kind = kind;
	snprintf(current.name, sizeof current.name, "gyre-test-%d", (int)getpid());
	if (kind == PLACE_POSIX)
		snprintf(current.directory, sizeof current.directory, "/dev/shm");
	else if (kind == PLACE_FILE_ON_TMPFS)
		make_directory(&current, "/dev/shm");
	else
		make_directory(&current, temporary == NULL ? "/tmp" : temporary);
	current.backend = kind == PLACE_POSIX ? &gyre_backend_posix : &gyre_backend_file;
	place_path(&current, "", current.path);
	current.key = place_key(&current, "");
	return &current;
}

static bool is_of_place(const struct place *place, const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	return place->kind != PLACE_POSIX || strncmp(name, place->name, strlen(place->name)) == 0;
}

/* Calls unlink (or rmdir) for each of the test's names if remove_them; returns their number. */
static unsigned each_name(const struct place *place, bool remove_them)
{
	DIR *const directory = opendir(place->directory);
	const struct dirent *entry;
	unsigned names = 0;

	if (directory == NULL)
		return 0;
	while ((entry = readdir(directory)) != NULL) {
		if (!is_of_place(place, entry->d_name))
			continue;
		names++;
		if (remove_them && unlinkat(dirfd(directory), entry->d_name, 0) != 0)
			unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
	}
	closedir(directory);
	return names;
}

unsigned place_count_names(const struct place *place)
{
	return each_name(place, false);
}

void place_end(void)
{
	each_name(&current, true);
	if (current.kind != PLACE_POSIX)
		rmdir(current.directory);
	current.directory[0] = '\0';
}

void place_close(void)
{
	if (current.directory[0] == '\0')
		return;
	cr_log_warn("the test ended in %s", current.path);
	place_end();
}

struct place *place_first(void)
{
	return place_open(PLACE_POSIX);
}

struct place *place_next(void)
{
	const enum place_kind next = current.kind + 1;

	place_end();
	return next == PLACE_KINDS ? NULL : place_open(next);
}

void place_path(const struct place *place, const char *suffix, char path[2 * PATH_BYTES + 2])
{
	snprintf(path, 2 * PATH_BYTES + 2, "%s/%s%s", place->directory, place->name, suffix);
}

struct gyre_key place_key(const struct place *place, const char *suffix)
{
	struct gyre_key key = {0};

	if (place->kind == PLACE_POSIX) {
		key.type = GYRE_KEY_POSIX;
		snprintf(key.native, sizeof key.native, "/%s%s", place->name, suffix);
	} else {
		key.type = GYRE_KEY_FILE;
		snprintf(key.native, sizeof key.native, "%s/%s%s", place->directory, place->name,
			suffix);
	}
	return key;
}

unsigned count_descriptors(void)
{
	DIR *const directory = opendir("/proc/self/fd");
	unsigned count = 0;

	cr_assert(ne(ptr, directory, NULL));
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count - 3; /* ".", ".." and the directory's own */
}

/* ---- Children ---- */

void *shared_memory(size_t bytes)
{
	void *const memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert(ne(ptr, memory, MAP_FAILED));
	return memory;
}

const char *complain(const char *format, ...)
{
	static char text[COMPLAINT_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return text;
}

static _Noreturn void run_child(child_fn *body, void *context, char *complaint)
{
	const char *const said = body(context);

	if (said != NULL)
		snprintf(complaint, COMPLAINT_BYTES, "%s", said);
	_exit(0);
}

struct child start_child(child_fn *body, void *context)
{
	const pid_t parent = getpid();
	struct child child = {.complaint = shared_memory(COMPLAINT_BYTES)};

	child.pid = fork();
	cr_assert(ge(int, child.pid, 0));
	if (child.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			run_child(body, context, child.complaint);
		_exit(0);
	}
	return child;
}

const char *end_child(struct child *child)
{
	int status = 0;

	cr_assert(eq(int, waitpid(child->pid, &status, 0), child->pid));
	if (WIFSIGNALED(status))
		snprintf(child->complaint, COMPLAINT_BYTES, "the child died of signal %d",
			WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		snprintf(child->complaint, COMPLAINT_BYTES, "the child exited with %d",
			WEXITSTATUS(status));
	return child->complaint;
}

const char *in_child(child_fn *body, void *context)
{
	struct child child = start_child(body, context);

	return end_child(&child);
}

struct nobody {
	child_fn *body;
	void *context;
};

static const char *become_nobody(void *context)
{
	const struct nobody *const nobody = context;

	if (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
		return SKIP "becoming another user is not allowed here";
	return nobody->body(nobody->context);
}

const char *as_nobody(child_fn *body, void *context)
{
	struct nobody nobody = {body, context};

	if (geteuid() != 0)
		return SKIP "needs root, to become another user";
	return in_child(become_nobody, &nobody);
}

void expect_well(const char *complaint)
{
	if (complaint == NULL)
		return;
	if (strncmp(complaint, SKIP, strlen(SKIP)) == 0) {
		place_end(); /* a test that is skipped has no .fini */
		cr_skip("%s", complaint + strlen(SKIP));
	}
	cr_assert(eq(chr, complaint[0], '\0'), "%s", complaint);
}

const char *expect_code(int got, int wanted, const struct gyre_error *error)
{
	if (got == wanted)
		return NULL;
	return complain("code %d (%s) instead of %d", got,
		got == GYRE_OK || error == NULL ? "" : error->what, wanted);
}

const char *expect_words(const char *text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strstr(text, *words) == NULL)
			return complain("no \"%s\" in \"%s\"", *words, text);
	return NULL;
}

/* ---- The machine, as the test needs it ---- */

static bool write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const size_t bytes = strlen(text);
	const bool written = fd >= 0 && write(fd, text, bytes) == (ssize_t)bytes;

	if (fd >= 0)
		close(fd);
	return written;
}

/* Root of a user namespace of one's own, who may mount there. */
static bool become_root(void)
{
	const unsigned user = (unsigned)geteuid();
	const unsigned group = (unsigned)getegid();
	char users[64], groups[64];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	snprintf(users, sizeof users, "0 %u 1", user);
	snprintf(groups, sizeof groups, "0 %u 1", group);
	return write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/uid_map", users) && write_file("/proc/self/gid_map", groups);
}

const char *own_mounts(void)
{
	const bool alone = geteuid() == 0 ? unshare(CLONE_NEWNS) == 0 : become_root();

	if (!alone || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return SKIP "private mount namespaces are not allowed here";
	return NULL;
}

const char *own_shm(const char *options)
{
	const char *const refused = own_mounts();

	if (refused != NULL)
		return refused;
	if (mount("gyre-test", "/dev/shm", "tmpfs", 0, options) != 0)
		return SKIP "a tmpfs cannot be mounted here";
	return NULL;
}

const char *fail_syscall(long number, unsigned argument, uint32_t mask, int error)
{
	const uint32_t at = (uint32_t)offsetof(struct seccomp_data, args) + argument * 8 +
			    (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mask, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((uint32_t)error & 0xffff)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return SKIP "system call filters are not allowed here";
	return NULL;
}

/* ---- Meetings ---- */

struct meeting {
	pthread_mutex_t mutex;
	pthread_cond_t all_here;
	unsigned parties;
	unsigned here;
	unsigned number; /* of the meeting */
};

struct meeting *meeting_open(unsigned parties)
{
	struct meeting *const meeting = shared_memory(sizeof *meeting);
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;

	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&meeting->mutex, &mutex);
	pthread_condattr_init(&cond);
	pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
	pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
	pthread_cond_init(&meeting->all_here, &cond);
	meeting->parties = parties;
	return meeting;
}

bool meeting_wait(struct meeting *meeting)
{
	struct timespec limit;
	unsigned number;
	bool met;

	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += 60;
	pthread_mutex_lock(&meeting->mutex);
	number = meeting->number;
	if (++meeting->here == meeting->parties) {
		meeting->here = 0;
		meeting->number++;
		pthread_cond_broadcast(&meeting->all_here);
	}
	while (number == meeting->number)
		if (pthread_cond_timedwait(&meeting->all_here, &meeting->mutex, &limit) != 0)
			break;
	met = number != meeting->number;
	pthread_mutex_unlock(&meeting->mutex);
	return met;
}
