/*
 * A creator dies: its name is absent or complete, and nothing of it is left in the directory.
 *
 * It is stopped before and after each of its system calls and killed there; between them nothing
 * changes that anyone else could see. Where a private name is needed (no O_TMPFILE, no procfs) a
 * death may leave that name: it is known by its look, and goes with the next creator there or
 * when it is unlinked, but not while its maker lives.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <dirent.h>
#include "fdmap.h"
#include "support.h"

enum {
	BYTES = 8193,
	CONTENT = 0x5a,
	STOPS_MAX = 1000, /* a creation makes some 20 system calls */
};

TestSuite(crash, .timeout = 120, .fini = place_close);

static const char *create_and_publish(const struct place *p)
{
	struct gyre_error error = {0};
	struct gyre_map map;

	if (p->backend->create(&p->key, BYTES, NULL, &map, &error) != GYRE_OK)
		return complain("create: %s", error.what);
	memset(map.base, CONTENT, BYTES);
	if (p->backend->publish(&p->key, &map, &error) != GYRE_OK)
		return complain("publish: %s", error.what);
	p->backend->detach(&map);
	return NULL;
}

/* The name is absent, or leads to all of the segment. */
static const char *expect_absent_or_complete(const struct place *p, bool *ret_there)
{
	struct gyre_error error = {0};
	struct gyre_map map;
	const char *said = NULL;

	switch (p->backend->attach(&p->key, GYRE_READ_WRITE, NULL, &map, &error)) {
	case GYRE_ENOTFOUND:
		*ret_there = false;
		return NULL;
	case GYRE_OK:
		*ret_there = true;
		break;
	default:
		return complain("attach: %s", error.what);
	}
	if (map.bytes != BYTES)
		said = complain("%zu bytes", map.bytes);
	for (size_t i = 0; i < map.bytes && said == NULL; i++)
		if (((const unsigned char *)map.base)[i] != CONTENT)
			said = "the content is not all there";
	p->backend->detach(&map);
	return said;
}

/* ---- Private names ---- */

/* How many there are in the place's directory, and one of them. Others may use /dev/shm, too; but
 * there they have O_TMPFILE. */
static unsigned count_private(const struct place *p, char name[GYRE_NAME_BYTES])
{
	DIR *const directory = opendir(p->directory);
	const struct dirent *entry;
	unsigned count = 0;

	if (directory == NULL)
		return 0;
	while ((entry = readdir(directory)) != NULL) {
		if (!gyre_name_is_private(entry->d_name))
			continue;
		snprintf(name, GYRE_NAME_BYTES, "%s", entry->d_name);
		count++;
	}
	closedir(directory);
	return count;
}

static struct gyre_key private_key(const struct place *p, const char *name)
{
	struct gyre_key key = {.type = p->key.type};

	snprintf(key.native, sizeof key.native, "%s/%s", p->kind == PLACE_POSIX ? "" : p->directory,
		name);
	return key;
}

/* ---- Killing at system calls ---- */

struct killing {
	struct place place;
	const char *(*before)(void); /* makes private names necessary; NULL: nothing to do */
};

/* The victim: stops itself where the parent is to begin counting. */
static _Noreturn void be_victim(const struct killing *killing)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(2);
	if (killing->before != NULL && killing->before() != NULL)
		_exit(3);
	raise(SIGSTOP);
	_exit(create_and_publish(&killing->place) == NULL ? 0 : 1);
}

/* Lets a new victim make so many stops at system calls, and kills it. True if it was killed, false
 * if it came to its end; -1 if that was not a good one. */
static int kill_at_stop(const struct killing *killing, unsigned stops)
{
	const pid_t victim = fork();
	int status = 0;

	if (victim == 0)
		be_victim(killing);
	if (waitpid(victim, &status, 0) != victim || !WIFSTOPPED(status))
		return -1;
	ptrace(PTRACE_SETOPTIONS, victim, NULL, (void *)PTRACE_O_EXITKILL);
	for (unsigned i = 0; i < stops; i++) {
		if (ptrace(PTRACE_SYSCALL, victim, NULL, NULL) != 0)
			return -1;
		if (waitpid(victim, &status, 0) != victim)
			return -1;
		if (!WIFSTOPPED(status))
			return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
	}
	kill(victim, SIGKILL);
	waitpid(victim, &status, 0);
	return 1;
}

static bool may_trace(void)
{
	const pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : 1);
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct tally {
	unsigned absent;
	unsigned complete;
	unsigned leftovers;
};

static const char *look_after_death(const struct killing *killing, struct tally *tally)
{
	const struct place *const p = &killing->place;
	const unsigned allowed = killing->before != NULL ? 1 : 0;
	char name[GYRE_NAME_BYTES];
	bool there = false;
	unsigned private_names, names;
	const char *said = expect_absent_or_complete(p, &there);

	if (said != NULL)
		return said;
	private_names = count_private(p, name);
	names = place_count_names(p) - (p->kind == PLACE_POSIX ? 0 : private_names);
	if (private_names > allowed || names != (there ? 1 : 0))
		return complain("%u names and %u private ones are there", names, private_names);
	tally->absent += there ? 0 : 1;
	tally->complete += there ? 1 : 0;
	tally->leftovers += private_names;
	if (there && gyre_segment_unlink(&p->key, NULL) != GYRE_OK)
		return "the name cannot be removed";
	return NULL;
}

/* What was left goes when it is unlinked: the first half of them; or with the next creator. */
static const char *clean_after_death(const struct killing *killing, bool by_unlink)
{
	const struct place *const p = &killing->place;
	char name[GYRE_NAME_BYTES];
	struct gyre_key key;

	if (!by_unlink || count_private(p, name) == 0)
		return NULL;
	key = private_key(p, name);
	if (!gyre_is_leftover(&key))
		return complain("%s is not known as a leftover", name);
	if (p->backend->is_abandoned(&key, NULL) != GYRE_OK || count_private(p, name) != 1)
		return complain("%s is not known to be abandoned", name);
	if (gyre_segment_unlink(&key, NULL) != GYRE_OK)
		return complain("%s cannot be removed", name);
	return count_private(p, name) == 0 ? NULL : "the leftover is still there";
}

static const char *kill_at_every_stop(
	const struct place *p, const char *(*before)(void), struct tally *tally)
{
	const struct killing killing = {.place = *p, .before = before};
	char name[GYRE_NAME_BYTES];

	*tally = (struct tally){0};
	for (unsigned stops = 0; stops < STOPS_MAX; stops++) {
		const int killed = kill_at_stop(&killing, stops);
		const char *said;

		if (killed < 0)
			return complain("the victim fails by itself at stop %u", stops);
		said = look_after_death(&killing, tally);
		if (said == NULL)
			said = clean_after_death(&killing, stops % 2 == 0);
		if (said != NULL)
			return complain("stop %u: %s", stops, said);
		if (killed == 0)
			return count_private(p, name) == 0 ? NULL : "a leftover stays for good";
	}
	return complain("a creation takes more than %d system calls", STOPS_MAX / 2);
}

Test(crash, a_creator_killed_at_any_system_call_leaves_nothing_or_all)
{
	if (!may_trace())
		expect_well(SKIP "ptrace is not allowed here");
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct tally tally;

		expect_well(kill_at_every_stop(p, NULL, &tally));
		cr_assert(gt(uint, tally.absent, 10));
		cr_assert(gt(uint, tally.complete, 2));
		cr_assert(eq(uint, tally.leftovers, 0));
	}
}

/* A file system without O_TMPFILE. Its bits are those of O_DIRECTORY and one more. */
static const char *deny_nameless_files(void)
{
	return fail_syscall(SYS_openat, 2, O_TMPFILE, EOPNOTSUPP);
}

/* The same place in a /dev/shm of one's own: in the machine's, private names could be swept away
 * by others. */
static const char *own_place(const struct place *p)
{
	const char *const said =
		p->kind == PLACE_FILE_ON_DISK ? NULL : own_shm("size=4m,mode=1777");

	if (said == NULL && p->kind == PLACE_FILE_ON_TMPFS && mkdir(p->directory, 0700) != 0)
		return "the directory cannot be made";
	return said;
}

static const char *kill_with_private_names(void *context)
{
	const struct place *const p = context;
	const char *said = own_place(p);
	struct tally tally = {0};

	if (said == NULL)
		said = kill_at_every_stop(p, deny_nameless_files, &tally);
	if (said == NULL && (tally.absent < 10 || tally.complete < 2 || tally.leftovers < 5))
		said = complain("%u absent, %u complete, %u leftovers", tally.absent,
			tally.complete, tally.leftovers);
	return said;
}

Test(crash, without_nameless_files_a_death_leaves_one_name_that_is_known)
{
	if (!may_trace())
		expect_well(SKIP "ptrace is not allowed here");
	for (struct place *p = place_first(); p != NULL; p = place_next())
		expect_well(in_child(kill_with_private_names, p));
}

/* ---- Private names of the living ---- */

struct listing {
	unsigned leftovers;
};

static int count_leftovers(void *context, const struct gyre_key *key)
{
	struct listing *const listing = context;

	listing->leftovers += gyre_is_leftover(key) ? 1 : 0;
	return 0;
}

static const char *make_two_at_once(void *context)
{
	const struct place *const p = context;
	const struct gyre_key second_key = place_key(p, "-2");
	char name[GYRE_NAME_BYTES];
	struct gyre_map first, second;
	struct listing listing = {0};
	unsigned hidden = 0;
	struct gyre_key key;
	const char *said = own_place(p);

	if (said == NULL)
		said = deny_nameless_files();
	if (said != NULL)
		return said;
	if (p->backend->create(&p->key, BYTES, NULL, &first, NULL) != GYRE_OK ||
		p->backend->create(&second_key, BYTES, NULL, &second, NULL) != GYRE_OK)
		return "create failed";
	if (count_private(p, name) != 2)
		return "the second creator took the first one's away";
	key = private_key(p, name);
	if (p->backend->is_abandoned(&key, NULL) != GYRE_ELOCK)
		return "it is taken for abandoned while its maker lives";
	if (p->backend->unlink(&key, NULL, NULL) != GYRE_ELOCK)
		return "it can be unlinked while its maker lives";
	if (p->kind == PLACE_POSIX) {
		p->backend->list(count_leftovers, &listing, &hidden, NULL);
		if (listing.leftovers != 2)
			return complain("%u private names are listed", listing.leftovers);
	}
	if (p->backend->publish(&p->key, &first, NULL) != GYRE_OK || count_private(p, name) != 1)
		return "publish failed";
	if (p->backend->unlink(&p->key, &first, NULL) != GYRE_OK)
		return "what was published cannot be unlinked";
	p->backend->detach(&second);
	p->backend->detach(&first);
	return count_private(p, name) == 0 ? NULL : "a private name was left by detach";
}

Test(crash, private_names_of_the_living_are_left_alone)
{
	for (struct place *p = place_first(); p != NULL; p = place_next())
		expect_well(in_child(make_two_at_once, p));
}

static const char *race_with_private_names(void *context)
{
	const struct place *const p = context;
	char name[GYRE_NAME_BYTES];
	struct gyre_map first, second;
	const char *said = own_place(p);

	if (said == NULL)
		said = deny_nameless_files();
	if (said != NULL)
		return said;
	if (p->backend->create(&p->key, BYTES, NULL, &first, NULL) != GYRE_OK ||
		p->backend->create(&p->key, BYTES, NULL, &second, NULL) != GYRE_OK)
		return "create failed";
	if (p->backend->publish(&p->key, &second, NULL) != GYRE_OK)
		return "publish failed";
	if (p->backend->publish(&p->key, &first, NULL) != GYRE_EEXIST)
		return "two can publish";
	p->backend->detach(&first);
	p->backend->detach(&second);
	if (count_private(p, name) != 0)
		return "the loser left its private name";
	return p->backend->create(&p->key, BYTES, NULL, &first, NULL) == GYRE_EEXIST
		       ? NULL
		       : "the winner's segment is gone";
}

Test(crash, without_nameless_files_one_creator_wins_too)
{
	for (struct place *p = place_first(); p != NULL; p = place_next())
		expect_well(in_child(race_with_private_names, p));
}

/* A file system that can do neither: the error comes at publish, and nothing is left. */
static const char *make_on_a_poor_file_system(void *context)
{
	const struct place *const p = context;
	struct gyre_segment *segment = NULL;
	struct gyre_error error = {0};
	char name[GYRE_NAME_BYTES];
	const char *said = own_place(p);

	if (said == NULL)
		said = deny_nameless_files();
	if (said == NULL)
		said = fail_syscall(SYS_renameat2, 0, 0, EINVAL);
	if (said == NULL)
		said = expect_code(gyre_segment_create(&p->key, BYTES, NULL, &segment, &error),
			GYRE_ENOTSUP, &error);
	if (said == NULL && (count_private(p, name) != 0 || place_count_names(p) != 0))
		said = "a name was left behind";
	return said;
}

Test(crash, a_file_system_that_cannot_publish_in_one_step_is_refused)
{
	for (struct place *p = place_first(); p != NULL; p = place_next())
		expect_well(in_child(make_on_a_poor_file_system, p));
}

/* ---- Without procfs ---- */

static const char *live_without_procfs(void *context)
{
	const struct place *const p = context;
	struct gyre_error error = {0};
	struct gyre_map map, again;
	bool there = false;
	const char *said = own_mounts();

	if (said == NULL && mount("gyre-test", "/proc", "tmpfs", 0, "size=4k") != 0)
		said = SKIP "/proc cannot be mounted over here";
	if (said == NULL)
		said = create_and_publish(p);
	if (said == NULL)
		said = expect_absent_or_complete(p, &there);
	if (said == NULL && !there)
		said = "the segment is not there";
	if (said == NULL)
		said = expect_code(p->backend->attach(&p->key, GYRE_READ_WRITE, NULL, &map, &error),
			GYRE_OK, &error);
	if (said == NULL)
		said = expect_code(
			gyre_fdmap_attach_fd(map.fd, GYRE_READ_WRITE, NULL, &again, &error),
			GYRE_ENOTSUP, &error);
	return said;
}

Test(crash, without_procfs_segments_work_and_descriptors_are_refused_clearly)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		expect_well(in_child(live_without_procfs, p));
		cr_assert(eq(uint, place_count_names(p), 1));
	}
}
