/*
 * Who lives, who is dead, and who is neither: the table of docs/participants.md, line by line.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "process.h"
#include "rings.h"

TestSuite(participants, .timeout = 240, .init = rings_open, .fini = rings_close);

enum {
	CAPACITY = 4096,
	SLOT = 64,
	FIRST_FREE_DESCRIPTOR = 3,
};

/* Liveness does not depend on the shape. */
static const struct variant *next_life(const struct variant *v)
{
	while (v != NULL && v->slots)
		v = variant_next();
	return v;
}

static const struct variant *first_life(void)
{
	return next_life(variant_first());
}

static const struct variant *other_life(void)
{
	return next_life(variant_next());
}

static void make(const struct variant *v, char key[KEY_BYTES])
{
	const struct gyre_ring_options options = options_of(v, CAPACITY, SLOT);

	key_of(v, "life", key);
	make_ring(key, &options);
}

/* ---- A process that attaches as producer, and then something happens to it ---- */

struct life;
typedef const char *fate_fn(struct life *life, struct gyre_ring *ring);

struct life {
	const char *key;
	fate_fn *fate;
	_Atomic uint32_t attached;
	_Atomic uint32_t happened; /* whatever it was */
	_Atomic uint32_t go_on;
	_Atomic int other_pid;
	const char *path;
};

static const char *live(void *context)
{
	struct life *const life = context;
	struct gyre_ring *ring = NULL;
	struct gyre_error error = {0};

	if (gyre_ring_attach(life->key, GYRE_PRODUCER, NULL, &ring, &error) != GYRE_OK)
		return complain("attach: %s", error.what);
	raise_flag(&life->attached);
	return life->fate(life, ring);
}

static struct child begin(struct life *life)
{
	struct child child = start_child(live, life);

	cr_assert(await_flag(&life->attached), "%s", child.complaint);
	return child;
}

static struct life *life_of(const char *key, fate_fn *fate)
{
	struct life *const life = shared_memory(sizeof *life);

	life->key = key;
	life->fate = fate;
	return life;
}

static const char *just_wait(struct life *life, struct gyre_ring *ring)
{
	(void)ring;
	return await_flag(&life->go_on) ? NULL : "nobody came";
}

static const char *send_when_told(struct life *life, struct gyre_ring *ring)
{
	if (!await_flag(&life->go_on))
		return "nobody came";
	return send_number(ring, 5, 50, 0) == GYRE_OK ? NULL : "cannot send";
}

static enum gyre_liveness liveness(const char *key)
{
	return (enum gyre_liveness)look(key).producer.liveness;
}

/* What a dead one leaves: inspection says so, its seat is free, a consumer is told once. */
static void expect_dead(const char *key)
{
	struct gyre_ring *const consumer = attach(key, GYRE_CONSUMER);

	cr_assert(eq(int, liveness(key), GYRE_LIFE_DEAD));
	cr_assert(eq(int, try_attach(key, GYRE_PRODUCER, NULL), GYRE_OK));
	gyre_ring_detach(consumer);
	cr_assert(eq(u32, look(key).producer.generation, 2));
}

static void expect_alive(const char *key)
{
	struct gyre_ring *const consumer = attach(key, GYRE_CONSUMER);
	struct gyre_error error = {0};
	char pid[32];

	cr_assert(eq(int, liveness(key), GYRE_LIFE_ALIVE));
	cr_assert(eq(int, try_attach(key, GYRE_PRODUCER, &error), GYRE_EBUSY));
	snprintf(pid, sizeof pid, "pid %u", look(key).producer.pid);
	cr_assert(ne(ptr, strstr(error.what, pid), NULL), "%s", error.what);
	cr_assert(eq(i64, receive_number(consumer, 0, 300 * NS_PER_MS), GYRE_ETIMEDOUT));
	cr_assert(eq(int, liveness(key), GYRE_LIFE_ALIVE)); /* nor was it repaired */
	gyre_ring_detach(consumer);
	cr_assert(eq(int, gyre_clean(key, GYRE_CLEAN_FORCE, NULL), 0));
}

/* Whether or not its lock survived: it lives, and its seat is not given away. */
static void expect_protected(const char *key)
{
	struct gyre_ring *const consumer = attach(key, GYRE_CONSUMER);
	const bool alive = liveness(key) == GYRE_LIFE_ALIVE;
	struct gyre_error error = {0};
	char pid[32];

	cr_assert(alive || liveness(key) == GYRE_LIFE_SUSPECT);
	cr_assert(eq(u32, look(key).info.participants, 2));
	cr_assert(eq(
		int, try_attach(key, GYRE_PRODUCER, &error), alive ? GYRE_EBUSY : GYRE_ESUSPECT));
	snprintf(pid, sizeof pid, "pid %u", look(key).producer.pid);
	cr_assert(ne(ptr, strstr(error.what, pid), NULL), "%s", error.what);
	cr_assert(eq(i64, receive_number(consumer, 0, 300 * NS_PER_MS), GYRE_ETIMEDOUT));
	gyre_ring_detach(consumer);
	cr_assert(eq(int, liveness(key), alive ? GYRE_LIFE_ALIVE : GYRE_LIFE_SUSPECT));
	cr_assert(eq(u32, look(key).producer.generation, 1));
	cr_assert(eq(int, gyre_clean(key, GYRE_CLEAN_FORCE, NULL), 0));
	cr_assert(is_there(key));
}

static void finish(struct life *life, struct child *child)
{
	raise_flag(&life->go_on);
	expect_well(end_child(child));
}

/* ---- Killed, stopped, not reaped ---- */

Test(participants, a_killed_one_is_dead)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		char key[KEY_BYTES];
		struct child child;

		make(v, key);
		child = begin(life_of(key, just_wait));
		expect_alive(key);
		kill_child(&child);
		expect_dead(key);
		gyre_ring_unlink(key, NULL);
	}
}

Test(participants, a_stopped_one_is_alive_and_goes_on)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		char key[KEY_BYTES];
		struct life *life;
		struct gyre_ring *consumer;
		struct child child;
		int status;

		make(v, key);
		life = life_of(key, send_when_told);
		child = begin(life);
		cr_assert(eq(int, kill(child.pid, SIGSTOP), 0));
		cr_assert(eq(int, waitpid(child.pid, &status, WUNTRACED), child.pid));
		expect_alive(key);
		cr_assert(eq(int, kill(child.pid, SIGCONT), 0));
		finish(life, &child);
		consumer = attach(key, GYRE_CONSUMER);
		cr_assert(eq(i64, receive_number(consumer, 5, 0), 50));
		gyre_ring_detach(consumer);
		gyre_ring_unlink(key, NULL);
	}
}

Test(participants, a_zombie_is_dead)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		char key[KEY_BYTES];
		struct child child;
		siginfo_t info;

		make(v, key);
		child = begin(life_of(key, just_wait));
		cr_assert(eq(int, kill(child.pid, SIGKILL), 0));
		cr_assert(eq(int, waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), 0));
		cr_assert(eq(int, kill(child.pid, 0), 0)); /* its pid is still there */
		expect_dead(key);
		cr_assert(eq(int, waitpid(child.pid, NULL, 0), child.pid));
		gyre_ring_unlink(key, NULL);
	}
}

static const char *exit_without_detaching(struct life *life, struct gyre_ring *ring)
{
	(void)life;
	return send_number(ring, 5, 50, 0) == GYRE_OK ? NULL : "cannot send";
}

Test(participants, one_that_exited_without_detaching_is_dead)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		char key[KEY_BYTES];
		struct child child;

		make(v, key);
		child = begin(life_of(key, exit_without_detaching));
		expect_well(end_child(&child));
		cr_assert(eq(u64, look(key).info.messages, 1));
		cr_assert(eq(int, liveness(key), GYRE_LIFE_DEAD));
		gyre_ring_unlink(key, NULL);
	}
}

/* ---- fork ---- */

static const char *judge_inherited(struct gyre_ring *ring)
{
	struct gyre_message message = {.data = "x", .bytes = 1};
	struct gyre_ring_info info;
	char buffer[8];
	void *data;

	if (gyre_ring_send(ring, "x", 1, 0, GYRE_FOREVER) != GYRE_ESTALE ||
		gyre_ring_send_batch(ring, &message, 1, GYRE_FOREVER) != GYRE_ESTALE ||
		gyre_ring_reserve(ring, 1, GYRE_FOREVER, &data) != GYRE_ESTALE ||
		gyre_ring_commit(ring, 0, 0) != GYRE_ESTALE ||
		gyre_ring_discard(ring) != GYRE_ESTALE || gyre_ring_close(ring) != GYRE_ESTALE)
		return "an inherited handle produces";
	if (gyre_ring_peek(ring, GYRE_FOREVER, &message) != GYRE_ESTALE ||
		gyre_ring_peek_batch(ring, GYRE_FOREVER, &message, 1) != GYRE_ESTALE ||
		gyre_ring_release(ring, &message) != GYRE_ESTALE ||
		gyre_ring_release_batch(ring, 1) != GYRE_ESTALE ||
		gyre_ring_receive(ring, buffer, 8, GYRE_FOREVER, NULL) != GYRE_ESTALE ||
		gyre_ring_receive_batch(ring, buffer, 8, GYRE_FOREVER, &message, 1) != GYRE_ESTALE)
		return "an inherited handle consumes";
	if (gyre_ring_inspect(ring, &info, NULL, NULL, NULL) != GYRE_ESTALE)
		return "an inherited handle inspects";
	if (gyre_ring_fd(ring) != -1)
		return "an inherited handle has a descriptor";
	return NULL;
}

static const char *detach_inherited(void *context)
{
	struct pair *const p = context;
	const char *complaint = judge_inherited(p->producer);

	if (complaint == NULL)
		complaint = judge_inherited(p->consumer);
	gyre_ring_detach(p->producer);
	gyre_ring_detach(p->consumer);
	return complaint;
}

Test(participants, a_child_that_detaches_what_it_inherited_disturbs_nobody)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct seen seen;

		cr_assert(eq(int, send_number(p.producer, 0, 10, 0), GYRE_OK));
		expect_well(in_child(detach_inherited, &p));
		seen = look(p.key);
		cr_assert(eq(u32, seen.producer.liveness, GYRE_LIFE_ALIVE));
		cr_assert(eq(u32, seen.consumer.liveness, GYRE_LIFE_ALIVE));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), 10));
		/* Nor does it unlink what looks drained from where it stands. */
		cr_assert(eq(int, gyre_ring_close(p.producer), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ECLOSED));
		expect_well(in_child(detach_inherited, &p));
		cr_assert(is_there(p.key));
		pair_close(&p);
	}
}

/* The ring's memory is not the child's; what the child puts in its place is. */
struct inheritance {
	struct pair pair;
	const void *held; /* a message */
};

static const char *reuse_address_and_detach(void *context)
{
	struct inheritance *const i = context;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	void *const address = (void *)((uintptr_t)i->held & ~(uintptr_t)(GYRE_PAGE - 1));
	volatile unsigned char *const page =
		mmap(address, GYRE_PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (page == MAP_FAILED)
		return "the mapping was inherited: a lock would live as long as the child";
	page[0] = 7;
	gyre_ring_detach(i->pair.producer);
	gyre_ring_detach(i->pair.consumer);
	return page[0] == 7 ? NULL : "not what was stored";
}

Test(participants, a_child_does_not_inherit_the_memory_and_unmaps_nothing_of_its_own)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		struct inheritance i = {.pair = pair_of(v, CAPACITY, SLOT)};
		struct gyre_message message;

		cr_assert(eq(int, send_number(i.pair.producer, 0, 10, 0), GYRE_OK));
		cr_assert(eq(int, gyre_ring_peek(i.pair.consumer, 0, &message), GYRE_OK));
		i.held = message.data;
		expect_well(in_child(reuse_address_and_detach, &i));
		cr_assert(is_message_of(message.data, 10, 0));
		cr_assert(eq(int, gyre_ring_release(i.pair.consumer, &message), GYRE_OK));
		pair_close(&i.pair);
	}
}

static const char *attach_again(void *context)
{
	struct pair *const p = context;
	struct gyre_ring *ring = NULL;
	struct gyre_error error = {0};

	if (gyre_ring_attach(p->key, GYRE_PRODUCER, NULL, &ring, NULL) != GYRE_EBUSY)
		return "the parent's seat was given away";
	if (gyre_ring_attach(p->key, GYRE_CONSUMER, NULL, &ring, &error) != GYRE_OK)
		return complain("attach: %s", error.what);
	if (receive_number(ring, 1, 0) != 10)
		return "no message";
	gyre_ring_detach(ring);
	return NULL;
}

Test(participants, a_child_attaches_for_itself)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);

		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		cr_assert(eq(int, send_number(p.producer, 1, 10, 0), GYRE_OK));
		expect_well(in_child(attach_again, &p));
		cr_assert(eq(u64, look(p.key).consumer.counters.messages, 1));
		pair_close(&p);
	}
}

/* Its child outlives it, with everything it inherited. */
static const char *fork_and_wait(struct life *life, struct gyre_ring *ring)
{
	const pid_t pid = fork();

	(void)ring;
	if (pid < 0)
		return "cannot fork";
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, 0);
		raise_flag(&life->happened);
		await_flag(&life->go_on);
		_exit(0);
	}
	atomic_store(&life->other_pid, pid);
	for (;;)
		pause();
}

Test(participants, one_whose_child_lives_on_is_dead)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		char key[KEY_BYTES];
		struct life *life;
		struct child child;

		make(v, key);
		life = life_of(key, fork_and_wait);
		child = begin(life);
		cr_assert(await_flag(&life->happened));
		expect_alive(key);
		kill_child(&child);
		cr_assert(eq(int, kill(atomic_load(&life->other_pid), 0), 0));
		expect_dead(key);
		raise_flag(&life->go_on);
		gyre_ring_unlink(key, NULL);
	}
}

/* ---- exec ---- */

static const char *become_another_program(struct life *life, struct gyre_ring *ring)
{
	(void)ring;
	(void)life;
	execl("/bin/sleep", "sleep", "60", (char *)NULL);
	return "cannot exec";
}

/* What it starts does not inherit its seat, though no fork handler runs. */
static const char *spawn_and_wait(struct life *life, struct gyre_ring *ring)
{
	char *const arguments[] = {"sleep", "60", NULL};
	pid_t pid;

	(void)ring;
	if (posix_spawn(&pid, "/bin/sleep", NULL, NULL, arguments, NULL) != 0)
		return "cannot spawn";
	atomic_store(&life->other_pid, pid);
	raise_flag(&life->happened);
	for (;;)
		pause();
}

Test(participants, one_that_started_another_program_which_lives_on_is_dead)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		char key[KEY_BYTES];
		struct life *life;
		struct child child;

		make(v, key);
		life = life_of(key, spawn_and_wait);
		child = begin(life);
		cr_assert(await_flag(&life->happened), "%s", child.complaint);
		expect_alive(key);
		kill_child(&child);
		cr_assert(eq(int, kill(atomic_load(&life->other_pid), 0), 0));
		expect_dead(key);
		cr_assert(eq(int, kill(atomic_load(&life->other_pid), SIGKILL), 0));
		gyre_ring_unlink(key, NULL);
	}
}

static bool is_dead(void *key)
{
	return liveness(key) == GYRE_LIFE_DEAD;
}

Test(participants, one_that_became_another_program_is_dead)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		char key[KEY_BYTES];
		struct child child;

		make(v, key);
		child = begin(life_of(key, become_another_program));
		cr_assert(eventually(is_dead, key), "%s", child.complaint);
		cr_assert(eq(int, kill(child.pid, 0), 0)); /* lives, and under the same pid */
		expect_dead(key);
		kill_child(&child);
		gyre_ring_unlink(key, NULL);
	}
}

/* ---- closefrom ---- */

static const char *close_all(struct life *life, struct gyre_ring *ring)
{
	(void)ring;
	closefrom(FIRST_FREE_DESCRIPTOR);
	raise_flag(&life->happened);
	return await_flag(&life->go_on) ? NULL : "nobody came";
}

/* Its mapping may keep the lock; if not it is a suspect. Dead it is not. */
Test(participants, one_that_closed_all_descriptors_keeps_its_seat_until_it_ends)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		char key[KEY_BYTES];
		struct life *life;
		struct child child;

		make(v, key);
		life = life_of(key, close_all);
		child = begin(life);
		cr_assert(await_flag(&life->happened));
		expect_protected(key);
		finish(life, &child);
		expect_dead(key);
		gyre_ring_unlink(key, NULL);
	}
}

static const char *close_all_and_detach(struct life *life, struct gyre_ring *ring)
{
	closefrom(FIRST_FREE_DESCRIPTOR);
	if (send_number(ring, 5, 50, 0) != GYRE_OK)
		return "cannot send";
	gyre_ring_detach(ring);
	raise_flag(&life->happened);
	return await_flag(&life->go_on) ? NULL : "nobody came";
}

Test(participants, a_suspect_that_detaches_has_left)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		char key[KEY_BYTES];
		struct life *life;
		struct child child;
		struct gyre_ring *consumer;

		make(v, key);
		life = life_of(key, close_all_and_detach);
		child = begin(life);
		cr_assert(await_flag(&life->happened), "%s", child.complaint);
		cr_assert(eq(int, liveness(key), GYRE_LIFE_LEFT));
		consumer = attach(key, GYRE_CONSUMER);
		cr_assert(eq(i64, receive_number(consumer, 5, 0), 50));
		cr_assert(eq(i64, receive_number(consumer, 0, GYRE_FOREVER), GYRE_ELEFT));
		cr_assert(eq(int, try_attach(key, GYRE_PRODUCER, NULL), GYRE_OK));
		gyre_ring_detach(consumer);
		finish(life, &child);
		gyre_ring_unlink(key, NULL);
	}
}

static struct flock lock_of_all(void)
{
	return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 64};
}

/* What was closed is another file's descriptor by now, and that file's locks are its owner's. */
static const char *reuse_descriptors(struct life *life, struct gyre_ring *ring)
{
	const int number = gyre_ring_fd(ring);
	struct flock lock = lock_of_all();
	struct gyre_ring_info info;
	struct stat before, after;
	int fd, status;
	pid_t pid;

	closefrom(FIRST_FREE_DESCRIPTOR);
	fd = open(life->path, O_RDWR);
	if (fd < 0 || dup2(fd, number) != number || fstat(number, &before) != 0)
		return "the foreign file cannot be opened";
	if (fcntl(number, F_OFD_SETLK, &lock) != 0)
		return "the foreign file cannot be locked";
	pid = fork(); /* whose handler closes what it inherited */
	if (pid == 0)
		_exit(fstat(number, &after) == 0 && after.st_ino == before.st_ino ? 0 : 1);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return "a forked child closed a foreign descriptor";
	while (send_number(ring, 1, 60, 0) == GYRE_OK)
		;
	send_number(ring, 1, 60, 30 * NS_PER_MS); /* asks whether the consumer lives */
	gyre_ring_inspect(ring, &info, NULL, NULL, NULL);
	gyre_ring_detach(ring);
	if (fstat(number, &after) != 0 || after.st_ino != before.st_ino)
		return "a foreign descriptor was closed";
	raise_flag(&life->happened);
	return await_flag(&life->go_on) ? NULL : "nobody came";
}

Test(participants, descriptors_and_locks_of_others_under_the_old_numbers_are_left_alone)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		char key[KEY_BYTES], path[KEY_BYTES + 8];
		struct gyre_ring *consumer;
		struct flock lock = lock_of_all();
		struct life *life;
		struct child child;
		int fd;

		make(v, key);
		path_of(key, path);
		strcat(path, "-file");
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		cr_assert(ge(int, fd, 0));
		consumer = attach(key, GYRE_CONSUMER);
		life = life_of(key, reuse_descriptors);
		life->path = path;
		child = begin(life);
		cr_assert(await_flag(&life->happened), "%s", child.complaint);
		cr_assert(eq(int, fcntl(fd, F_OFD_GETLK, &lock), 0));
		cr_assert(eq(int, lock.l_type, F_WRLCK));
		cr_assert(eq(i64, lock.l_start, 0));
		cr_assert(eq(i64, lock.l_len, 64));
		finish(life, &child);
		gyre_ring_detach(consumer);
		gyre_ring_unlink(key, NULL);
		close(fd);
		unlink(path);
	}
}

/* ---- Descriptors that were handed over ---- */

static bool send_descriptor(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof fd)] = {0};
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control};
	struct cmsghdr *const header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
	return sendmsg(socket, &message, 0) == 1;
}

static int receive_descriptor(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control};
	const struct cmsghdr *header;
	int fd = -1;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (header != NULL && header->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(header), sizeof fd);
	return fd;
}

struct handover {
	int socket;
	_Atomic uint32_t attached;
	_Atomic uint32_t go_on;
};

static const char *attach_received(void *context)
{
	struct handover *const handover = context;
	const int fd = receive_descriptor(handover->socket);
	struct gyre_ring *ring = NULL, *other = NULL;
	struct gyre_error error = {0};

	if (fd < 0)
		return "no descriptor came";
	if (gyre_ring_attach_fd(fd, GYRE_CONSUMER, NULL, &ring, &error) != GYRE_OK)
		return complain("attach_fd: %s", error.what);
	if (gyre_ring_attach_fd(fd, GYRE_PRODUCER, NULL, &other, NULL) != GYRE_EBUSY)
		return "the sender's seat was given away";
	if (fcntl(fd, F_GETFD) < 0 || gyre_ring_fd(ring) == fd)
		return "the descriptor did not stay the caller's";
	raise_flag(&handover->attached);
	if (!await_flag(&handover->go_on))
		return "nobody came";
	return receive_number(ring, 3, GYRE_FOREVER) == 30 ? NULL : "no message";
}

Test(participants, a_received_descriptor_has_a_lock_of_its_own)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct handover *const handover = shared_memory(sizeof *handover);
		struct child child;
		int sockets[2];

		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0));
		handover->socket = sockets[1];
		child = start_child(attach_received, handover);
		cr_assert(send_descriptor(sockets[0], gyre_ring_fd(p.producer)));
		cr_assert(await_flag(&handover->attached), "%s", child.complaint);
		cr_assert(eq(u32, look(p.key).consumer.liveness, GYRE_LIFE_ALIVE));
		cr_assert(eq(u32, look(p.key).consumer.pid, (uint32_t)child.pid));
		cr_assert(eq(int, send_number(p.producer, 3, 30, 0), GYRE_OK));
		gyre_ring_detach(p.producer); /* with the description it handed over */
		p.producer = NULL;
		cr_assert(eq(u32, look(p.key).consumer.liveness, GYRE_LIFE_ALIVE));
		cr_assert(eq(u32, look(p.key).producer.liveness, GYRE_LIFE_LEFT));
		raise_flag(&handover->go_on);
		expect_well(end_child(&child));
		cr_assert(eq(u32, look(p.key).consumer.liveness, GYRE_LIFE_DEAD));
		close(sockets[0]);
		close(sockets[1]);
		pair_close(&p);
	}
}

Test(participants, a_receiver_that_dies_is_dead_though_the_sender_has_the_descriptor_still)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct handover *const handover = shared_memory(sizeof *handover);
		struct child child;
		int sockets[2];

		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0));
		handover->socket = sockets[1];
		child = start_child(attach_received, handover);
		cr_assert(send_descriptor(sockets[0], gyre_ring_fd(p.producer)));
		cr_assert(await_flag(&handover->attached), "%s", child.complaint);
		kill_child(&child);
		cr_assert(eq(u32, look(p.key).consumer.liveness, GYRE_LIFE_DEAD));
		cr_assert(eq(u32, look(p.key).producer.liveness, GYRE_LIFE_ALIVE));
		p.consumer = attach(p.key, GYRE_CONSUMER);
		close(sockets[0]);
		close(sockets[1]);
		pair_close(&p);
	}
}

Test(participants, a_descriptor_leads_to_a_ring_that_lost_its_name)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct gyre_ring_info info;

		gyre_ring_unlink(p.key, NULL);
		gyre_ring_detach(p.consumer);
		p.consumer = NULL;
		cr_assert(eq(int,
			gyre_ring_attach_fd(
				gyre_ring_fd(p.producer), GYRE_CONSUMER, NULL, &p.consumer, NULL),
			GYRE_OK));
		cr_assert(eq(int, send_number(p.producer, 1, 10, 0), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 1, 0), 10));
		cr_assert(eq(int, gyre_ring_inspect(p.consumer, &info, NULL, NULL, NULL), GYRE_OK));
		cr_assert(eq(u32, info.participants, 2));
		pair_close(&p);
	}
}

Test(participants, descriptors_of_other_things_are_refused)
{
	const char *const paths[] = {"/dev/null", "/dev/zero", "/", "/proc/self/status"};
	struct gyre_ring *ring = NULL;
	int pipes[2], sockets[2];

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		const int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		struct gyre_error error = {0};

		cr_assert(ge(int, fd, 0));
		cr_assert(lt(int, gyre_ring_attach_fd(fd, GYRE_CONSUMER, NULL, &ring, &error), 0),
			"%s", paths[i]);
		cr_assert(ne(chr, error.what[0], '\0'));
		close(fd);
	}
	cr_assert(eq(int, pipe(pipes), 0));
	cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0));
	cr_assert(lt(int, gyre_ring_attach_fd(pipes[0], GYRE_CONSUMER, NULL, &ring, NULL), 0));
	cr_assert(lt(int, gyre_ring_attach_fd(pipes[1], GYRE_PRODUCER, NULL, &ring, NULL), 0));
	cr_assert(lt(int, gyre_ring_attach_fd(sockets[0], GYRE_CONSUMER, NULL, &ring, NULL), 0));
	cr_assert(eq(int, gyre_ring_attach_fd(-1, GYRE_CONSUMER, NULL, &ring, NULL), GYRE_EINVAL));
	cr_assert(eq(int, gyre_ring_attach_fd(999, GYRE_CONSUMER, NULL, &ring, NULL), GYRE_EINVAL));
	cr_assert(eq(ptr, ring, NULL));
}

/* ---- Without procfs ---- */

static const char *hide_procfs(void)
{
	const char *const refused = own_mounts();

	if (refused != NULL)
		return refused;
	return mount("gyre-test", "/proc", "tmpfs", 0, NULL) == 0 ? NULL
								  : SKIP
		       "a tmpfs cannot be mounted over /proc here";
}

static const char *use_received_without_procfs(void *context)
{
	struct handover *const handover = context;
	const char *const words[] = {"procfs", "mount", NULL};
	const char *const refused = hide_procfs();
	const int fd = receive_descriptor(handover->socket);
	struct gyre_ring *ring = NULL;
	struct gyre_error error = {0};
	int outcome;

	if (refused != NULL)
		return refused;
	outcome = gyre_ring_attach_fd(fd, GYRE_CONSUMER, NULL, &ring, &error);
	if (outcome != GYRE_ENOTSUP)
		return complain("%s: %s", gyre_errname(outcome), error.what);
	return expect_words(error.what, words);
}

Test(participants, without_procfs_a_received_descriptor_is_refused_clearly)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct handover *const handover = shared_memory(sizeof *handover);
		struct child child;
		int sockets[2];

		cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0));
		handover->socket = sockets[1];
		child = start_child(use_received_without_procfs, handover);
		cr_assert(send_descriptor(sockets[0], gyre_ring_fd(p.producer)));
		expect_well(end_child(&child));
		close(sockets[0]);
		close(sockets[1]);
		pair_close(&p);
	}
}

static const char *live_without_procfs(void *life)
{
	const char *const refused = hide_procfs();

	return refused != NULL ? refused : live(life);
}

Test(participants, without_procfs_the_lock_alone_decides)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		char key[KEY_BYTES];
		struct life *life;
		struct child child;

		make(v, key);
		life = life_of(key, just_wait);
		child = start_child(live_without_procfs, life);
		while (atomic_load(&life->attached) == 0 && child.complaint[0] == '\0')
			sched_yield();
		if (child.complaint[0] != '\0')
			expect_well(end_child(&child)); /* skips */
		expect_alive(key);
		kill_child(&child);
		expect_dead(key);
		gyre_ring_unlink(key, NULL);
	}
}

static const char *do_all_without_procfs(void *context)
{
	const char *const refused = hide_procfs();
	struct gyre_ring *producer = NULL, *consumer = NULL;
	struct gyre_ring_info info;
	struct gyre_error error = {0};

	if (refused != NULL)
		return refused;
	if (gyre_ring_open(context, GYRE_PRODUCER, NULL, &producer, &error) != GYRE_OK ||
		gyre_ring_attach(context, GYRE_CONSUMER, NULL, &consumer, &error) != GYRE_OK)
		return complain("%s", error.what);
	if (send_number(producer, 1, 10, 0) != GYRE_OK || receive_number(consumer, 1, 0) != 10)
		return "no message";
	if (gyre_ring_inspect(consumer, &info, NULL, NULL, NULL) != 0 || info.participants != 2)
		return "the participants are not seen";
	gyre_ring_close(producer);
	gyre_ring_detach(producer);
	if (receive_number(consumer, 0, GYRE_FOREVER) != GYRE_ECLOSED)
		return "no end";
	gyre_ring_detach(consumer);
	return is_there(context) ? "the ring is still there" : NULL;
}

Test(participants, without_procfs_rings_are_made_and_used_by_key)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		char key[KEY_BYTES];

		key_of(v, "noproc", key);
		expect_well(in_child(do_all_without_procfs, key));
		cr_assert(not(is_there(key)));
	}
}

/* ---- Pids that were used again ---- */

/* A seat as its holder's death left it, or as it never was. */
static void plant(const char *key, uint32_t pid, uint64_t start_ticks, uint64_t pid_namespace)
{
	struct gyre_view view = view_of(key);
	struct gyre_seat *const seat = gyre_seat_at(&view, 0);
	const uint32_t generation = gyre_seat_generation_of(atomic_load(&seat->state));

	atomic_store(&seat->pid, pid);
	atomic_store(&seat->start_ticks, start_ticks);
	atomic_store(&seat->pid_namespace, pid_namespace);
	atomic_store(&seat->role, GYRE_PRODUCER);
	atomic_store(&seat->state, gyre_seat_word(generation + 1, GYRE_SEAT_LIVE));
	gyre_view_close(&view);
}

static void expect_free(const char *key, const char *why)
{
	cr_assert(eq(int, liveness(key), GYRE_LIFE_DEAD), "%s", why);
	cr_assert(eq(int, try_attach(key, GYRE_PRODUCER, NULL), GYRE_OK), "%s", why);
}

/* Lives and maps the ring, but its lock is free: reported, and left alone. */
static void expect_suspect(const char *key)
{
	struct gyre_error error = {0};
	char pid[32];

	cr_assert(eq(int, liveness(key), GYRE_LIFE_SUSPECT));
	for (int i = 0; i < 2; i++) {
		cr_assert(eq(int, try_attach(key, GYRE_PRODUCER, &error), GYRE_ESUSPECT));
		snprintf(pid, sizeof pid, "pid %u", look(key).producer.pid);
		cr_assert(ne(ptr, strstr(error.what, pid), NULL), "%s", error.what);
	}
	cr_assert(eq(int, liveness(key), GYRE_LIFE_SUSPECT));
	cr_assert(eq(u32, look(key).producer.generation, 1));
	cr_assert(eq(u32, look(key).info.participants, 2));
}

static const char *consume_until_told(void *context)
{
	struct life *const life = context;
	struct gyre_ring *ring = NULL;

	if (gyre_ring_attach(life->key, GYRE_CONSUMER, NULL, &ring, NULL) != GYRE_OK)
		return "cannot attach";
	raise_flag(&life->attached);
	return await_flag(&life->go_on) ? NULL : "nobody came";
}

Test(participants, a_pid_proves_nothing_without_its_start_time_and_mapping)
{
	const struct gyre_process self = gyre_process_self();

	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		char key[KEY_BYTES];
		struct life *life;
		struct child child;
		uint64_t start;
		uint32_t pid;

		make(v, key);
		life = life_of(key, NULL);
		child = start_child(consume_until_told, life); /* lives and maps the ring */
		cr_assert(await_flag(&life->attached));
		start = look(key).consumer.start_ticks;
		pid = (uint32_t)child.pid;
		plant(key, pid, start, self.pid_namespace);
		expect_suspect(key);
		plant(key, pid, start + 1, self.pid_namespace);
		expect_free(key, "another start time");
		plant(key, pid, start - 1, self.pid_namespace);
		expect_free(key, "another start time");
		plant(key, pid, 0, self.pid_namespace);
		expect_free(key, "no start time: the lock decides");
		plant(key, pid, start, self.pid_namespace + 1);
		expect_free(key, "another pid namespace: the lock decides");
		plant(key, (uint32_t)getppid(), 1, self.pid_namespace);
		expect_free(key, "somebody else's pid");
		plant(key, self.pid, self.start_ticks, self.pid_namespace);
		expect_free(key, "this very process, which does not sit there");
		plant(key, 0, 0, 0);
		expect_free(key, "no pid");
		plant(key, 0x7fffffff, 5, self.pid_namespace);
		expect_free(key, "a pid that does not exist");
		plant(key, UINT32_MAX, UINT64_MAX, self.pid_namespace);
		expect_free(key, "a pid that cannot be");
		finish(life, &child);
		gyre_ring_unlink(key, NULL);
	}
}

struct mapper {
	const char *key;
	struct gyre_process self;
	_Atomic uint32_t mapped;
	_Atomic uint32_t go_on;
};

/* Maps the ring and has no lock of it: as one that closed all descriptors may be. */
static const char *map_without_locks(void *context)
{
	struct mapper *const mapper = context;
	char path[KEY_BYTES];
	void *base;
	int fd;

	path_of(mapper->key, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	base = mmap(NULL, GYRE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return "cannot map";
	mapper->self = gyre_process_self();
	raise_flag(&mapper->mapped);
	return await_flag(&mapper->go_on) ? NULL : "nobody came";
}

Test(participants, a_suspect_is_reported_and_neither_repaired_nor_cleaned_away)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		struct mapper *const mapper = shared_memory(sizeof *mapper);
		struct gyre_ring *consumer;
		char key[KEY_BYTES];
		struct child child;

		make(v, key);
		mapper->key = key;
		child = start_child(map_without_locks, mapper);
		cr_assert(await_flag(&mapper->mapped), "%s", child.complaint);
		plant(key, mapper->self.pid, mapper->self.start_ticks, mapper->self.pid_namespace);
		for (unsigned flags = 0; flags < 4; flags++)
			cr_assert(eq(int, gyre_clean(key, flags, NULL), 0));
		cr_assert(is_there(key));
		consumer = attach(key, GYRE_CONSUMER);
		expect_suspect(key);
		cr_assert(eq(i64, receive_number(consumer, 0, 300 * NS_PER_MS), GYRE_ETIMEDOUT));
		expect_suspect(key);
		raise_flag(&mapper->go_on);
		expect_well(end_child(&child));
		cr_assert(eq(i64, receive_number(consumer, 0, GYRE_FOREVER), GYRE_EDIED));
		gyre_ring_detach(consumer);
		cr_assert(eq(int, gyre_clean(key, GYRE_CLEAN_FORCE, NULL), 1));
	}
}

Test(participants, a_living_process_that_does_not_map_the_ring_is_not_its_holder)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		const struct gyre_process self = gyre_process_self();
		char key[KEY_BYTES], other[KEY_BYTES];
		struct life *life;
		struct child child;

		make(v, key);
		key_of(v, "another", other);
		make_ring(other, NULL);
		life = life_of(other, just_wait);
		child = begin(life);
		plant(key, (uint32_t)child.pid, look(other).producer.start_ticks,
			self.pid_namespace);
		expect_free(key, "maps another ring");
		finish(life, &child);
		gyre_ring_unlink(key, NULL);
		gyre_ring_unlink(other, NULL);
	}
}

/* ---- Another pid namespace ---- */

static const char *live_elsewhere(void *context)
{
	struct life *const life = context;
	const char *complaint;
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID) != 0)
		return SKIP "a pid namespace of one's own is not allowed here";
	pid = fork();
	if (pid < 0)
		return "cannot fork";
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		complaint = live(life);
		_exit(complaint == NULL ? 0 : 1);
	}
	atomic_store(&life->other_pid, pid);
	if (waitpid(pid, &status, 0) != pid)
		return "cannot wait";
	return WIFEXITED(status) && WEXITSTATUS(status) != 0 ? "could not live elsewhere" : NULL;
}

Test(participants, a_death_in_another_pid_namespace_is_seen)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		char key[KEY_BYTES];
		struct gyre_ring *consumer;
		struct life *life;
		struct child child;

		make(v, key);
		life = life_of(key, just_wait);
		child = start_child(live_elsewhere, life);
		while (atomic_load(&life->attached) == 0 && child.complaint[0] == '\0')
			sched_yield();
		if (child.complaint[0] != '\0')
			expect_well(end_child(&child));
		cr_assert(eq(u32, look(key).producer.pid, 1)); /* as it sees itself */
		expect_alive(key);
		consumer = attach(key, GYRE_CONSUMER);
		cr_assert(eq(int, kill(atomic_load(&life->other_pid), SIGKILL), 0));
		cr_assert(eq(i64, receive_number(consumer, 0, GYRE_FOREVER), GYRE_EDIED));
		gyre_ring_detach(consumer);
		expect_dead(key);
		expect_well(end_child(&child));
		gyre_ring_unlink(key, NULL);
	}
}

/* ---- In one process ---- */

static void *attach_in_thread(void *key)
{
	struct gyre_ring *ring = NULL;

	return gyre_ring_attach(key, GYRE_PRODUCER, NULL, &ring, NULL) == GYRE_OK ? ring : NULL;
}

Test(participants, one_whose_thread_ended_is_alive_as_long_as_its_process)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		char key[KEY_BYTES];
		pthread_t thread;
		void *ring = NULL;

		make(v, key);
		cr_assert(eq(int, pthread_create(&thread, NULL, attach_in_thread, key), 0));
		cr_assert(eq(int, pthread_join(thread, &ring), 0));
		cr_assert(ne(ptr, ring, NULL));
		expect_alive(key);
		gyre_ring_detach(ring);
		cr_assert(eq(int, liveness(key), GYRE_LIFE_LEFT));
		gyre_ring_unlink(key, NULL);
	}
}

Test(participants, two_handles_in_one_process_live_and_leave_on_their_own)
{
	for (const struct variant *v = first_life(); v != NULL; v = other_life()) {
		struct pair p = pair_of(v, CAPACITY, SLOT);
		struct gyre_ring_info info;
		struct gyre_participant seats[2];
		unsigned count = 2;

		cr_assert(eq(int, gyre_ring_inspect(p.producer, &info, seats, &count, NULL), 0));
		cr_assert(eq(u32, info.participants, 2));
		gyre_ring_detach(p.producer);
		p.producer = NULL;
		cr_assert(eq(i64, receive_number(p.consumer, 0, 0), GYRE_ELEFT));
		cr_assert(eq(u32, look(p.key).consumer.liveness, GYRE_LIFE_ALIVE));
		p.producer = attach(p.key, GYRE_PRODUCER);
		cr_assert(eq(int, try_attach(p.key, GYRE_PRODUCER, NULL), GYRE_EBUSY));
		cr_assert(eq(int, send_number(p.producer, 1, 10, 0), GYRE_OK));
		cr_assert(eq(i64, receive_number(p.consumer, 1, 0), 10));
		pair_close(&p);
	}
}
