/*
 * without NAME ERRNO COMMAND [ARGUMENT...]: runs a command for which a system call fails, as under
 * a container's seccomp profile. Of futex(2) only what reaches other processes does: no program
 * starts without the rest. Exit status 77: filters are not allowed here.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	NOT_ALLOWED = 77,
	SECOND_ARGUMENT = offsetof(struct seccomp_data, args) + 8 +
			  (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0),
};

static const struct {
	const char *name;
	long number;
} calls[] = {{"futex", SYS_futex}, {"membarrier", SYS_membarrier},
	{"memfd_create", SYS_memfd_create}, {"shmget", SYS_shmget}};

static long number_of(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].number;
	}
	fprintf(stderr, "without: unknown system call %s\n", name);
	exit(2);
}

static int forbid(long number, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SECOND_ARGUMENT),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, FUTEX_PRIVATE_FLAG, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)error & 0xffff)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: without NAME ERRNO COMMAND [ARGUMENT...]\n");
		return 2;
	}
	if (!forbid(number_of(argv[1]), atoi(argv[2])))
		return NOT_ALLOWED;
	execvp(argv[3], argv + 3);
	fprintf(stderr, "without: %s: %s\n", argv[3], strerror(errno));
	return 127;
}
