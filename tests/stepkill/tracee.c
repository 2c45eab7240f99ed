/*
 * tracee: one victim under ptrace, between the begin and the end of its operation.
 *
 * The operation is called from a few lines of assembler between two breakpoints of its own, so
 * that begin and end are known to the instruction and nothing of the harness is stepped but the
 * call itself:
 *
 *	        int3
 *	begin:  call *operation      step 1
 *	        ...                  steps 2 to n, the last one is its ret
 *	end:    int3
 *
 * A victim that single-steps through ordinary instructions stops at once, so the harness simply
 * waits. Where it enters the kernel it may sleep, so there the harness looks from time to time.
 */
#include "tracee.h"

#if STEPKILL_HERE

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void stepkill_call(void (*operation)(void *), void *world);
extern const char stepkill_begin[];
extern const char stepkill_end[];

/* clang-format off */
__asm__(".pushsection .text\n"
	".globl stepkill_call, stepkill_begin, stepkill_end\n"
	".hidden stepkill_call, stepkill_begin, stepkill_end\n"
	".type stepkill_call, @function\n"
	"stepkill_call:\n"
	"	.cfi_startproc\n"
	"	subq $8, %rsp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	movq %rdi, %rax\n"
	"	movq %rsi, %rdi\n"
	"	int3\n"
	"stepkill_begin:\n"
	"	call *%rax\n"
	"stepkill_end:\n"
	"	int3\n"
	"	addq $8, %rsp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size stepkill_call, . - stepkill_call\n"
	".popsection\n");
/* clang-format on */

enum {
	CODE_BYTES = 4, /* of an instruction that are looked at: 66, REX, opcode, operand */
	SIGTRAP_SYSCALL = SIGTRAP | 0x80, /* PTRACE_O_TRACESYSGOOD */
	YIELDS = 64,    /* looks at a victim in the kernel, within a millisecond, before napping */
	NAP_NS = 50000, /* between two looks */
	NEVER_LIVED = -1, /* instead of a wait status: fork() failed */
	WAKES_MAX = 1000, /* of one sleeper, in case `wake` never gives it what it waits for */
};

uint64_t tracee_clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void resume(struct tracee *t, enum __ptrace_request how)
{
	const long signal = t->signal;

	t->signal = 0;
	(void)ptrace(how, t->pid, NULL, signal); /* fails only if it is gone: the wait tells */
}

/* S: sleeps in the kernel until something happens. */
static bool sleeps(pid_t pid)
{
	char path[32];
	char line[256];
	const char *state;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true; /* no procfs: time alone must do */
	n = read(fd, line, sizeof(line) - 1);
	(void)close(fd);
	if (n <= 0)
		return false;
	line[n] = '\0';
	state = strrchr(line, ')');
	return state != NULL && state[1] == ' ' && state[2] == 'S';
}

static bool is_job_control(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/* False: only a signal that is to be handed over; the victim has to go on. */
static bool judge(struct tracee *t, int status, enum tracee_stop *ret_stop)
{
	int signal;

	if (!WIFSTOPPED(status)) {
		t->wait_status = status;
		t->pid = 0;
		*ret_stop = TRACEE_DIED;
		return true;
	}

	signal = WSTOPSIG(status);
	if (signal != SIGTRAP && signal != SIGTRAP_SYSCALL) {
		t->signal = is_job_control(signal) ? 0 : signal;
		return false;
	}
	t->rip = (uint64_t)ptrace(PTRACE_PEEKUSER, t->pid, offsetof(struct user, regs.rip), NULL);
	if (signal == SIGTRAP_SYSCALL) {
		t->in_syscall = !t->in_syscall;
		*ret_stop = t->in_syscall ? TRACEE_AT_SYSCALL : TRACEE_AT_EXIT;
		return true;
	}
	*ret_stop = TRACEE_STOPPED;
	if (t->rip == (uint64_t)(uintptr_t)stepkill_end ||
		t->rip == (uint64_t)(uintptr_t)stepkill_end + 1)
		*ret_stop = TRACEE_FINISHED;
	return true;
}

/* The victim is asleep. True: report it; false: wait on. */
static bool report_sleep(struct tracee *t, unsigned *wakes)
{
	if (!t->began)
		return false; /* prepare may sleep as it likes, within its limit */
	t->slept = true;
	if (t->halt_asleep)
		return true;
	if (t->victim->wake != NULL && *wakes < WAKES_MAX) {
		*wakes += 1;
		t->victim->wake(t->world);
		return false;
	}
	return t->victim->may_sleep;
}

static void nap(void)
{
	const struct timespec pause = {.tv_nsec = NAP_NS};

	(void)nanosleep(&pause, NULL);
}

/* Waits for a victim that may be in the kernel, or run at full speed. */
static enum tracee_stop wait_patiently(struct tracee *t, enum __ptrace_request how)
{
	const uint64_t begin = tracee_clock_ms();
	uint64_t awake = begin;
	unsigned wakes = 0;

	for (unsigned looks = 0;; looks++) {
		enum tracee_stop stop;
		uint64_t now;
		int status;
		const pid_t pid = waitpid(t->pid, &status, __WALL | WNOHANG);

		if (pid == t->pid) {
			if (judge(t, status, &stop))
				return stop;
			resume(t, how);
			looks = 0;
			continue;
		}
		if (pid < 0 && errno != EINTR)
			return TRACEE_STUCK;

		/* Where the processor is busy a single yield takes longer than a sleeper's slice;
		 * one who napped is soon back. */
		if (looks < YIELDS && tracee_clock_ms() == begin) {
			(void)sched_yield();
			continue;
		}
		nap();
		now = tracee_clock_ms();
		if (now - begin >= t->limit_ms)
			return TRACEE_STUCK;
		if (now - awake >= t->asleep_ms) {
			if (sleeps(t->pid) && report_sleep(t, &wakes))
				return TRACEE_ASLEEP;
			awake = now;
		}
	}
}

/* Waits for a victim that executes one instruction outside the kernel. */
static enum tracee_stop wait_shortly(struct tracee *t)
{
	for (;;) {
		enum tracee_stop stop;
		int status;
		const pid_t pid = waitpid(t->pid, &status, __WALL);

		if (pid == t->pid) {
			if (judge(t, status, &stop))
				return stop;
			resume(t, PTRACE_SINGLESTEP);
		} else if (errno != EINTR) {
			return TRACEE_STUCK;
		}
	}
}

enum tracee_stop tracee_step(struct tracee *t, bool patient)
{
	resume(t, PTRACE_SINGLESTEP);
	t->stop = patient ? wait_patiently(t, PTRACE_SINGLESTEP) : wait_shortly(t);
	return t->stop;
}

enum tracee_stop tracee_run(struct tracee *t)
{
	resume(t, PTRACE_SYSCALL);
	t->stop = wait_patiently(t, PTRACE_SYSCALL);
	return t->stop;
}

static void move_to(struct tracee *t, uint64_t address)
{
	(void)ptrace(PTRACE_POKEUSER, t->pid, offsetof(struct user, regs.rip), address);
	t->rip = address;
}

/* The aligned word of text that holds `address`. False: there is none. */
static bool text_word(const struct tracee *t, uint64_t address, uint64_t *ret_word)
{
	errno = 0;
	*ret_word = (uint64_t)ptrace(PTRACE_PEEKTEXT, t->pid, address & ~UINT64_C(7), NULL);
	return errno == 0;
}

bool tracee_run_to(struct tracee *t, uint64_t address, uint64_t n)
{
	const uint64_t place = address & ~UINT64_C(7); /* a word within one page */
	const unsigned shift = (unsigned)(address & 7) * 8;
	uint64_t text, trap;

	if (!text_word(t, address, &text))
		return false; /* this victim is not on the way */
	trap = (text & ~(UINT64_C(0xff) << shift)) | UINT64_C(0xcc) << shift; /* int3 */

	for (uint64_t hits = 1;; hits++) {
		(void)ptrace(PTRACE_POKETEXT, t->pid, place, trap);
		if (tracee_run(t) != TRACEE_STOPPED || t->rip != address + 1)
			return false;
		(void)ptrace(PTRACE_POKETEXT, t->pid, place, text);
		move_to(t, address);
		if (hits == n)
			return true;
		if (tracee_step(t, false) != TRACEE_STOPPED)
			return false;
	}
}

static _Noreturn void become_victim(const struct tracee *t, pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(2);
	if (t->victim->prepare != NULL)
		t->victim->prepare(t->world);
	stepkill_call(t->victim->operation, t->world);
	_exit(0);
}

/* From the fork to the breakpoint in front of the operation. */
static enum tracee_stop start(struct tracee *t)
{
	const pid_t parent = getpid();
	enum tracee_stop stop;

	t->pid = fork();
	if (t->pid == 0)
		become_victim(t, parent);
	if (t->pid < 0) {
		t->pid = 0;
		t->wait_status = NEVER_LIVED;
		return TRACEE_DIED;
	}

	/* The first stop that is not a signal's is that breakpoint. */
	stop = wait_patiently(t, PTRACE_CONT);
	if (stop != TRACEE_STOPPED)
		return stop;
	if (t->rip != (uint64_t)(uintptr_t)stepkill_begin ||
		ptrace(PTRACE_SETOPTIONS, t->pid, NULL,
			PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) != 0)
		return TRACEE_STUCK;
	t->began = true;
	return TRACEE_STOPPED;
}

enum tracee_stop tracee_start(struct tracee *t)
{
	t->signal = 0;
	t->began = false;
	t->in_syscall = false;
	t->slept = false;
	t->stop = start(t);
	return t->stop;
}

/*
 * The commonest opcodes that write no memory but the stack, a row per upper and a bit per lower
 * half of the opcode. Everything that is not here counts as if it wrote.
 */
static const uint16_t reads_only[16] = {
	[0x0] = 0x3c3c, /* add, or: r, m and a, imm */
	[0x2] = 0x3c3c, /* and, sub */
	[0x3] = 0x3f3c, /* xor; cmp in all forms */
	[0x5] = 0xffff, /* push r, pop r */
	[0x6] = 0x0008, /* movsxd */
	[0x7] = 0xffff, /* jcc */
	[0x8] = 0x2c30, /* test; mov r, m; lea */
	[0x9] = 0x0001, /* nop */
	[0xa] = 0x0300, /* test a, imm */
	[0xb] = 0xffff, /* mov r, imm */
	[0xc] = 0x0008, /* ret */
	[0xe] = 0x0b00, /* call, jmp */
};

/* The same behind 0f. */
static const uint16_t reads_only_0f[16] = {
	[0x1] = 0x8000, /* nop */
	[0x4] = 0xffff, /* cmov */
	[0x8] = 0xffff, /* jcc */
	[0xa] = 0x8000, /* imul */
	[0xb] = 0xc0c0, /* movzx, movsx */
};

/* These write only a register if that is what their operand is. */
static const uint16_t writes_operand[16] = {
	[0x0] = 0x0202, /* add, or: m, r */
	[0x2] = 0x0202, /* and, sub */
	[0x3] = 0x0002, /* xor */
	[0x8] = 0x030b, /* arithmetic m, imm; mov m, r */
	[0xc] = 0x0003, /* shifts */
	[0xd] = 0x000f,
	[0xf] = 0xc0c0, /* test, not, neg, mul, div; inc, dec, call, jmp, push */
};

static bool is_in(const uint16_t map[16], uint8_t opcode)
{
	return (map[opcode >> 4] >> (opcode & 15) & 1) != 0;
}

static bool is_read_only(const uint8_t *code)
{
	const uint8_t *at = code;

	if (*at == 0x66)
		at++;
	if ((*at & 0xf0) == 0x40)
		at++; /* REX */
	if (*at == 0x0f)
		return is_in(reads_only_0f, at[1]);
	return is_in(reads_only, at[0]) || (is_in(writes_operand, at[0]) && at[1] >= 0xc0);
}

enum tracee_code tracee_code(const struct tracee *t)
{
	const size_t skip = (size_t)(t->rip & 7);
	uint64_t words[2] = {0};
	uint8_t code[sizeof(words)];

	/* The second word may be another page's, and that page not there. */
	if (!text_word(t, t->rip, &words[0]))
		return TRACEE_CODE_OTHER;
	if (skip > sizeof(words[0]) - CODE_BYTES && !text_word(t, t->rip + 8, &words[1]))
		words[1] = 0;
	memcpy(code, (const uint8_t *)words + skip, sizeof(code) - skip);
	memset(code + sizeof(code) - skip, 0, skip);
	if (code[0] == 0x0f && code[1] == 0x05)
		return TRACEE_CODE_SYSCALL;
	return is_read_only(code) ? TRACEE_CODE_READS : TRACEE_CODE_OTHER;
}

void tracee_kill(struct tracee *t)
{
	int status;

	if (t->pid <= 0)
		return;
	(void)kill(t->pid, SIGKILL);
	/* Stops that were on their way when the signal came are reported first. */
	while (waitpid(t->pid, &status, __WALL) == t->pid ? WIFSTOPPED(status) : errno == EINTR)
		;
	t->pid = 0;
}

void tracee_epitaph(const struct tracee *t, char *ret_text, size_t bytes)
{
	if (t->wait_status == NEVER_LIVED)
		(void)snprintf(ret_text, bytes, "victim %s: cannot fork", t->victim->name);
	else if (WIFSIGNALED(t->wait_status))
		(void)snprintf(ret_text, bytes, "victim %s died of signal %d (%s) by itself",
			t->victim->name, WTERMSIG(t->wait_status),
			strsignal(WTERMSIG(t->wait_status)));
	else
		(void)snprintf(ret_text, bytes,
			"victim %s exited with status %d before the end of its operation",
			t->victim->name, WEXITSTATUS(t->wait_status));
}

static void probe(void *world)
{
	*(volatile int *)world = 1;
}

const char *tracee_unavailable(void)
{
	static const struct stepkill_victim nobody = {.name = "probe", .operation = probe};
	static int here;
	struct tracee t = {.victim = &nobody, .world = &here, .limit_ms = 2000, .asleep_ms = 2000};
	bool works;

	works = tracee_start(&t) == TRACEE_STOPPED && tracee_step(&t, true) == TRACEE_STOPPED &&
		t.rip == (uint64_t)(uintptr_t)probe;
	tracee_kill(&t);
	return works ? NULL : "ptrace single-stepping is not permitted here";
}

#endif
