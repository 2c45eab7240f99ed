/* What rings need of the kernel, tried on objects of this process alone. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "doctor.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

/* ---- Who is alive ---- */

enum lock_outcome {
	LOCK_SEEN,
	LOCK_NO_OBJECT,
	LOCK_NO_REOPEN, /* through /proc/self/fd */
	LOCK_NOT_SEEN,
};

static struct flock first_byte(void)
{
	return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
}

/* A lock on one description of a nameless object, looked for through another one. */
static enum lock_outcome try_locks(int fd)
{
	struct flock mine = first_byte(), seen = first_byte();
	char path[40];
	int other;
	enum lock_outcome outcome;

	if (fd < 0)
		return LOCK_NO_OBJECT;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	other = open(path, O_RDWR | O_CLOEXEC);
	if (other < 0)
		return LOCK_NO_REOPEN;
	outcome = fcntl(fd, F_OFD_SETLK, &mine) == 0 && fcntl(other, F_OFD_GETLK, &seen) == 0 &&
				  seen.l_type == F_WRLCK
			  ? LOCK_SEEN
			  : LOCK_NOT_SEEN;
	close(other);
	return outcome;
}

void doctor_liveness(struct doctor *d)
{
	const int fd = memfd_create("gyre-doctor", MFD_CLOEXEC);

	switch (try_locks(fd)) {
	case LOCK_SEEN:
		finding(d, HEALTH_OK, "liveness", "file locks and /proc show who is alive");
		break;
	case LOCK_NO_OBJECT:
		finding(d, HEALTH_OK, "liveness", "not tried: there is no memfd to try it on");
		break;
	case LOCK_NO_REOPEN:
		finding(d, HEALTH_PROBLEM, "liveness",
			"/proc/self/fd does not work (%s): rings cannot be attached to by "
			"descriptor, nor made in one step",
			strerror(errno));
		cure(d, "mount -t proc proc /proc");
		break;
	case LOCK_NOT_SEEN:
		finding(d, HEALTH_PROBLEM, "liveness",
			"this kernel does not show open-file-description locks: a death would go "
			"unnoticed");
		cure(d, "run under Linux itself, and not what emulates it (runtimeClassName, "
			"--runtime)");
		break;
	}
	if (fd >= 0)
		close(fd);
}

/* ---- Sleeping and waking ---- */

/* Nobody can sleep on a word of this stack. */
static bool has_futex(void)
{
	uint32_t word = 0;

	return syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0;
}

static bool has_futex_waitv(void)
{
	return syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0) == 0 || errno == EINVAL;
}

static bool has_membarrier(void)
{
	const int needed =
		MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED;
	const long offered = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	return offered > 0 && ((int)offered & needed) == needed;
}

void doctor_wakeup(struct doctor *d)
{
	const bool waitv = has_futex_waitv(), membarrier = has_membarrier();

	if (!has_futex()) {
		finding(d, HEALTH_PROBLEM, "futex", "not allowed: %s: nobody can sleep on a ring",
			strerror(errno));
		cure(d, "allow futex(2) in the container's seccomp profile");
	} else {
		finding(d, HEALTH_OK, "futex", "sleeping and waking works%s",
			waitv ? ", futex_waitv too" : "; no futex_waitv (Linux 5.16), not needed");
	}
	figure(d, "futex_waitv", waitv);
	if (membarrier) {
		finding(d, HEALTH_OK, "membarrier", "offered: a message costs its sender no fence");
	} else {
		finding(d, HEALTH_WARN, "membarrier",
			"not offered: rings are made with wake mode fence, which costs every "
			"message some nanoseconds");
		cure(d, "allow membarrier(2) in the container's seccomp profile (Linux 4.16 and "
			"later have it)");
	}
	figure(d, "offered", membarrier);
}

/* ---- Sealed memory ---- */

static bool try_seal(int fd, unsigned seal)
{
	return fcntl(fd, F_ADD_SEALS, seal) == 0;
}

static bool has_noexec_seal(void)
{
	const int fd =
		memfd_create("gyre-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void say_seals(struct doctor *d, int fd)
{
	const bool future = try_seal(fd, F_SEAL_FUTURE_WRITE), noexec = has_noexec_seal();

	finding(d, HEALTH_OK, "memfd",
		"sealed memory works, %s FUTURE_WRITE (Linux 5.1), %s NOEXEC_SEAL (6.3)",
		future ? "with" : "without", noexec ? "with" : "without");
	figure(d, "future_write", future);
	figure(d, "noexec_seal", noexec);
}

void doctor_seals(struct doctor *d)
{
	int fd = memfd_create("gyre-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0) /* sysctl vm.memfd_noexec=2 */
		fd = memfd_create("gyre-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0) {
		finding(d, HEALTH_WARN, "memfd", "cannot be made (%s): no memfd: keys",
			strerror(errno));
		cure(d, "allow memfd_create(2) in the container's seccomp profile, or use posix: "
			"keys");
		return;
	}
	if (try_seal(fd, F_SEAL_SHRINK | F_SEAL_GROW)) {
		say_seals(d, fd);
	} else {
		finding(d, HEALTH_WARN, "memfd", "cannot be sealed (%s): no memfd: keys",
			strerror(errno));
		cure(d, "use posix: keys");
	}
	close(fd);
}
