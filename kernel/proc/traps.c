/*
 * The program side of traps: faults become pages or signals; the last steps before user mode.
 * Also there: processes
 */
#include "kernel/arch/trap.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/proc/process.h"
#include "kernel/sched/ratelimit.h"
#include "kernel/sched/sched.h"

/* A fault of the program's own; one line on the console unless it has a handler for it, or too
 * many do so. */
static void fault_signal(const struct trapframe *tf, int sig, int code, u64 addr, const char *what)
{
	static struct ratelimit_state rs = RATELIMIT_STATE_INIT("faults");
	const struct process *p = current_process();
	u32 missed;

	if (p->sig.action[sig - 1].handler <= SIG_IGN && ratelimit(&rs, &missed))
		printk("%s[%d]: %s at %#lx ip %#lx sp %#lx\n", p->comm, p->pid, what, addr, tf->rip,
		       tf->rsp);
	signal_force_fault(sig, code, addr);
}

static int user_page_fault(struct trapframe *tf, u64 addr, u32 error)
{
	struct process *p = current_process();
	int err = -EFAULT;

	while (p && p->mm) {
		err = mm_fault(p->mm, addr, (error & PF_WRITE) != 0, (error & PF_INSTR) != 0);
		if (err != -ENOMEM || !out_of_memory())
			break;
	}
	if (!err || !trap_from_user(tf))
		return err;
	if (err == -EFAULT || err == -EACCES)
		fault_signal(tf, SIGSEGV, err == -EACCES ? SEGV_ACCERR : SEGV_MAPERR, addr,
			     "segfault");
	else if (err == -ENOMEM && p->sig.pending & SIGBIT(SIGKILL))
		return 0; /* it ends before it touches the page again */
	else if (err == -ENOMEM)
		fault_signal(tf, SIGKILL, SI_KERNEL, addr, "out of memory");
	else
		fault_signal(tf, SIGBUS, BUS_ADRERR, addr, "bus error");
	return err;
}

static void user_exception(struct trapframe *tf)
{
	static const u8 signals[] = {
		[TRAP_DE] = SIGFPE,  [TRAP_MF] = SIGFPE, [TRAP_XM] = SIGFPE, [TRAP_DB] = SIGTRAP,
		[TRAP_BP] = SIGTRAP, [TRAP_UD] = SIGILL, [TRAP_AC] = SIGBUS,
	};
	int sig = tf->vector < ARRAY_SIZE(signals) ? signals[tf->vector] : 0;

	fault_signal(tf, sig ? sig : SIGSEGV, SI_KERNEL, tf->rip, "exception");
}

static void return_to_user(struct trapframe *tf)
{
	while (this_cpu()->need_resched || signal_pending() || signal_call_interrupted(tf)) {
		if (this_cpu()->need_resched)
			yield();
		signal_deliver(tf);
	}
}

static bool user_work_pending(void)
{
	return signal_pending();
}

static void send_sigxfsz(void)
{
	if (current_process())
		signal_send(current_process(), SIGXFSZ, NULL);
}

void proc_init(void)
{
	rmap_init();
	file_too_big_hook = send_sigxfsz;
	trap_hooks.user_page_fault = user_page_fault;
	trap_hooks.user_exception = user_exception;
	trap_hooks.return_to_user = return_to_user;
	trap_hooks.user_work_pending = user_work_pending;
	proc_job_init();
	proc_itimer_init();
	proc_procfs_init();
}
