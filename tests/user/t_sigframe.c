/* The frame of a handler: faults, alternate stacks, registers, contexts, sigreturn. */
#include "tests/user/signals.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

static sigjmp_buf out;

static void jump(int sig, siginfo_t *info, void *context)
{
	note_info(sig, info, context);
	siglongjmp(out, 1);
}

TEST(faults_have_handlers)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
	volatile int zero = 0;
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *beyond;
	int fd;

	fresh_dir();
	for (int i = 0; i < 5; i++)
		on_info(signals[i], jump, 0);
	if (!sigsetjmp(out, 1))
		*(volatile char *)0x1234 = 1;
	CHECK(last == SIGSEGV && seen_code == SEGV_MAPERR && seen_addr == (void *)0x1234);
	if (!sigsetjmp(out, 1))
		*(volatile char *)(page + 5) = 1;
	CHECK(last == SIGSEGV && seen_code == SEGV_ACCERR && seen_addr == page + 5);
	if (!sigsetjmp(out, 1))
		*(volatile char *)0xffff888000000000 = 1;
	CHECK(last == SIGSEGV && count == 3);
	if (!sigsetjmp(out, 1))
		zero = 1000 / zero;
	CHECK(last == SIGFPE && count == 4);
	if (!sigsetjmp(out, 1))
		__asm__ volatile("ud2");
	CHECK(last == SIGILL && count == 5);
	if (!sigsetjmp(out, 1))
		__asm__ volatile("hlt");
	CHECK(last == SIGSEGV && count == 6);
	if (!sigsetjmp(out, 1))
		__asm__ volatile("int3");
	CHECK(last == SIGTRAP && count == 7);
	write_file("short", "x");
	fd = open("short", O_RDWR);
	beyond = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(beyond[0] == 'x' && beyond[1] == 0);
	if (!sigsetjmp(out, 1))
		zero = *(volatile char *)(beyond + 4096);
	CHECK(last == SIGBUS && count == 8 && seen_addr == beyond + 4096);
}

TEST(faults_kill_when_blocked_or_ignored)
{
	CHECK(WTERMSIG(IN_CHILD(signal(SIGSEGV, SIG_IGN); *(volatile char *)8 = 1)) == SIGSEGV);
	CHECK(WTERMSIG(IN_CHILD(on_signal(SIGSEGV, note, 0); block(SIGSEGV);
				*(volatile char *)8 = 1)) == SIGSEGV);
}

static char alternate[32768];
static void *volatile handler_stack;

static void on_alternate(int sig)
{
	int here;
	stack_t ss;

	note(sig);
	handler_stack = &here;
	CHECK(sigaltstack(NULL, &ss) == 0 && ss.ss_flags == SS_ONSTACK);
	ss.ss_flags = 0;
	FAILS(sigaltstack(&ss, NULL), EPERM);
}

static int recurse(int n)
{
	volatile char room[4096];

	room[0] = (char)n;
	return recurse(n + 1) + room[0];
}

TEST(alternate_stack)
{
	stack_t ss = {.ss_sp = alternate, .ss_size = sizeof(alternate)}, old;

	CHECK(sigaltstack(NULL, &old) == 0 && old.ss_flags == SS_DISABLE);
	CHECK(sigaltstack(&ss, NULL) == 0);
	on_signal(SIGUSR1, on_alternate, SA_ONSTACK);
	raise(SIGUSR1);
	CHECK(count == 1 && (char *)handler_stack > alternate &&
	      (char *)handler_stack < alternate + sizeof(alternate));
	/* It makes the overflow of the stack bearable. */
	CHECK(IN_CHILD(on_signal(SIGSEGV, leave, SA_ONSTACK); recurse(0)) == 21 << 8);
	ss.ss_size = 100;
	FAILS(sigaltstack(&ss, NULL), ENOMEM);
	ss.ss_size = sizeof(alternate);
	ss.ss_flags = 76;
	FAILS(syscall(SYS_sigaltstack, &ss, NULL), EINVAL);
	ss.ss_flags = SS_ONSTACK | SS_DISABLE;
	FAILS(syscall(SYS_sigaltstack, &ss, NULL), EINVAL);
	ss.ss_flags = SS_ONSTACK; /* means nothing, and is taken */
	CHECK(syscall(SYS_sigaltstack, &ss, NULL) == 0);
	CHECK(sigaltstack(NULL, &old) == 0 && old.ss_flags == 0 && old.ss_sp == alternate);
	ss.ss_flags = SS_DISABLE;
	CHECK(syscall(SYS_sigaltstack, &ss, &old) == 0 && old.ss_sp == alternate);
	CHECK(sigaltstack(NULL, &old) == 0 && old.ss_flags == SS_DISABLE);
	CHECK(old.ss_sp == NULL && old.ss_size == 0);
}

static void spoil(int sig)
{
	volatile double x = 3.5;

	note(sig);
	__asm__ volatile("pxor %%xmm0, %%xmm0; pxor %%xmm7, %%xmm7; fninit" ::: "xmm0", "xmm7");
	x *= 2;
	CHECK(x == 7);
}

TEST(registers_survive_handlers)
{
	register double a = 1.25, b = 2.5;
	pid_t pid, parent = getpid();
	volatile long sum = 0;

	on_signal(SIGUSR1, spoil, 0);
	CHILD(
		pid, for (int i = 0; i < 50; i++) {
			kill(parent, SIGUSR1);
			sleep_ms(1);
		});
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		double c = a;

		for (int i = 0; i < 1000; i++)
			c = c * b - a * (b - 1);
		CHECK(c == c && a == 1.25 && b == 2.5);
		CHECK(c == 0x1p0 || c != 0);
		sum++;
	}
	CHECK(count > 0 && sum > 0);
}

static void change_context(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	uc->uc_mcontext.gregs[REG_RIP] += 2; /* over the ud2 */
	uc->uc_mcontext.gregs[REG_RBX] = 4711;
	sigaddset(&uc->uc_sigmask, SIGHUP);
}

TEST(handler_may_change_the_context)
{
	sigset_t set;
	long rbx = 1;

	on_info(SIGILL, change_context, 0);
	__asm__ volatile("ud2" : "+b"(rbx));
	CHECK(rbx == 4711);
	sigprocmask(SIG_BLOCK, NULL, &set);
	CHECK(sigismember(&set, SIGHUP) && !sigismember(&set, SIGILL));
}

TEST(bad_sigreturn_kills)
{
	CHECK(WTERMSIG(IN_CHILD(__asm__ volatile("mov $0x1000, %%rsp; mov $15, %%eax; syscall" ::
							 : "rax", "rcx", "r11", "memory"))) ==
	      SIGSEGV);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
