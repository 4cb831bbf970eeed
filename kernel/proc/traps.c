/* The program side of traps: faults become pages or signals; the last steps before user mode. */
#include "kernel/arch/trap.h"

#include "kernel/arch/pte.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/proc/process.h"

static void report_kill(const struct trapframe *tf, const char *what, u64 addr)
{
	struct process *p = current_process();

	printk("%s[%d]: %s at %#lx ip %#lx sp %#lx\n", p->comm, p->pid, what, addr, tf->rip,
	       tf->rsp);
}

static bool has_handler(int sig) { return current_process()->sig.action[sig - 1].handler > SIG_IGN; }

static int user_page_fault(struct trapframe *tf, u64 addr, u32 error)
{
	struct process *p = current_process();
	int sig = SIGSEGV, code = SEGV_MAPERR;
	int err = -EFAULT;

	if (p && p->mm)
		err = mm_fault(p->mm, addr, (error & PF_WRITE) != 0, (error & PF_INSTR) != 0);
	if (!err || !trap_from_user(tf))
		return err;
	if (err == -EACCES)
		code = SEGV_ACCERR;
	if (err == -EIO) {
		sig = SIGBUS;
		code = BUS_ADRERR;
	}
	if (err == -ENOMEM) {
		report_kill(tf, "out of memory", addr);
		sig = SIGKILL;
	} else if (!has_handler(sig)) {
		report_kill(tf, sig == SIGBUS ? "bus error" : "segfault", addr);
	}
	signal_force_fault(sig, code, addr);
	return err;
}

static void user_exception(struct trapframe *tf)
{
	int sig;

	switch (tf->vector) {
	case TRAP_DE:
	case TRAP_MF:
	case TRAP_XM:
		sig = SIGFPE;
		break;
	case TRAP_DB:
	case TRAP_BP:
		sig = SIGTRAP;
		break;
	case TRAP_UD:
		sig = SIGILL;
		break;
	case TRAP_AC:
		sig = SIGBUS;
		break;
	default:
		sig = SIGSEGV;
		break;
	}
	if (!has_handler(sig))
		report_kill(tf, "exception", tf->vector);
	signal_force_fault(sig, SI_KERNEL, tf->rip);
}

static void return_to_user(struct trapframe *tf)
{
	while (this_cpu()->need_resched || signal_pending()) {
		if (this_cpu()->need_resched)
			yield();
		if (signal_pending())
			signal_deliver(tf);
	}
	/* A call that asked to be restarted although its signal went elsewhere. */
	if (tf->vector == TRAP_SYSCALL && (s64)tf->rax == -ERESTARTSYS)
		signal_deliver(tf);
}

static bool user_work_pending(void) { return signal_pending(); }

void proc_init(void)
{
	trap_hooks.user_page_fault = user_page_fault;
	trap_hooks.user_exception = user_exception;
	trap_hooks.return_to_user = return_to_user;
	trap_hooks.user_work_pending = user_work_pending;
	proc_job_init();
	proc_procfs_init();
}
