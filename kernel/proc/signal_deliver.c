/*
 * Delivering signals on the way back to user mode: default actions, handlers, restarted calls; and
 * the faults of a program itself.
 *
 * The frame that a handler runs on is Linux's struct rt_sigframe (arch/x86/include/asm/sigframe.h),
 * because C libraries and unwinders read it.
 * Also there: processes
 */
#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sched/ratelimit.h"

/* Sent by the program's own instruction: before all others, so that its handler sees the place. */
#define SYNCHRONOUS \
	(SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGFPE))
#define RED_ZONE     128u
#define FPU_SIZE     512u
#define SYSCALL_SIZE 2u /* bytes of the syscall instruction */
#define FLAGS_DF_TF  0x500ull

/* struct sigcontext_64 */
struct sigcontext_k {
	u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip;
	u64 eflags;
	u16 cs, gs, fs, ss;
	u64 err, trapno, oldmask, cr2;
	u64 fpstate; /* user pointer to the FXSAVE area */
	u64 reserved[8];
};
static_assert(sizeof(struct sigcontext_k) == 256, "sigcontext");

struct rt_sigframe {
	u64 pretcode; /* return address of the handler: the C library's restorer */
	u64 uc_flags, uc_link;
	struct stack_k uc_stack;
	struct sigcontext_k uc_mcontext;
	sigset_k uc_sigmask;
	struct siginfo_k info;
};
static_assert(sizeof(struct siginfo_k) == 128, "siginfo");
static_assert(__builtin_offsetof(struct rt_sigframe, uc_mcontext) == 48, "ucontext");

/* The registers that both structures have under the same name: X(member). */
#define SHARED_REGISTERS(X) \
	X(r8)               \
	X(r9)               \
	X(r10)              \
	X(r11)              \
	X(r12) X(r13) X(r14) X(r15) X(rdi) X(rsi) X(rbp) X(rbx) X(rdx) X(rax) X(rcx) X(rsp) X(rip)
#define SAVE(reg)    sc->reg = tf->reg;
#define RESTORE(reg) tf->reg = sc->reg;

bool signal_on_altstack(u64 sp)
{
	const struct stack_k *alt = &current_process()->sig.altstack;

	return !(alt->ss_flags & SS_DISABLE) && sp > alt->ss_sp && sp - alt->ss_sp <= alt->ss_size;
}

static int must_check setup_frame(struct trapframe *tf, int sig, const struct sigaction_k *act,
				  const struct sig_cause *cause, sigset_k old_mask)
{
	const struct stack_k *alt = &current_process()->sig.altstack;
	struct rt_sigframe frame = {.pretcode = act->restorer, .uc_stack = *alt};
	struct sigcontext_k *sc = &frame.uc_mcontext;
	u64 sp = tf->rsp - RED_ZONE;

	if (!(act->flags & SA_RESTORER))
		return -EFAULT;
	if (act->flags & SA_ONSTACK && !(alt->ss_flags & SS_DISABLE) &&
	    !signal_on_altstack(tf->rsp))
		sp = alt->ss_sp + alt->ss_size;
	SHARED_REGISTERS(SAVE)
	sc->eflags = tf->rflags;
	sc->cs = (u16)tf->cs;
	sc->ss = (u16)tf->ss;
	sc->trapno = tf->vector;
	sc->oldmask = frame.uc_sigmask = old_mask;
	sc->fpstate = ALIGN_DOWN(sp - FPU_SIZE, 64);
	/* The psABI wants rsp + 8 aligned to 16 at a function's entry. */
	sp = ALIGN_DOWN(sc->fpstate - sizeof(frame), 16) - 8;
	signal_fill_info(&frame.info, sig, cause);
	arch_fpu_save(&current->arch);
	if (copy_to_user(USERPTR(sc->fpstate), current->arch.fpu, FPU_SIZE) ||
	    copy_to_user(USERPTR(sp), &frame, sizeof(frame)))
		return -EFAULT;
	tf->rip = act->handler;
	tf->rsp = sp;
	tf->rdi = (u64)sig;
	tf->rsi = sp + __builtin_offsetof(struct rt_sigframe, info);
	tf->rdx = sp + __builtin_offsetof(struct rt_sigframe, uc_flags);
	tf->rax = 0;
	tf->rflags &= ~FLAGS_DF_TF;
	return 0;
}

void signal_force_fault(int sig, int code, u64 addr)
{
	struct process *p = current_process();

	{
		PROC_GUARD();
		p->sig.cause[sig - 1] = (struct sig_cause){.code = code, .addr = addr};
		p->sig.pending |= SIGBIT(sig);
		signal_recalc_locked(p);
		if (p->sig.action[sig - 1].handler > SIG_IGN && !(p->sig.blocked & SIGBIT(sig)))
			return;
	}
	process_exit(sig);
}

u64 signal_return(struct trapframe *tf)
{
	struct arch_thread *at = &current->arch;
	struct rt_sigframe frame;
	struct sigcontext_k *sc = &frame.uc_mcontext;
	u64 pos = tf->rsp - sizeof(frame.pretcode); /* the handler's ret popped it */
	sigset_k old;

	if (copy_from_user(&frame, USERPTR(pos), sizeof(frame)) ||
	    signal_procmask(SIG_SETMASK, &frame.uc_sigmask, &old)) {
		signal_force_fault(SIGSEGV, SEGV_MAPERR, pos);
		return 0;
	}
	SHARED_REGISTERS(RESTORE)
	tf->rflags = sc->eflags; /* what a program may not set is cleared at the exit */
	tf->vector = TRAP_BP;	 /* its rax is a result: never make that call again */
	if (sc->fpstate) {
		u8 fpu[FPU_SIZE];

		if (copy_from_user(fpu, USERPTR(sc->fpstate), sizeof(fpu))) {
			signal_force_fault(SIGSEGV, SEGV_MAPERR, sc->fpstate);
			return 0;
		}
		memcpy(at->fpu, fpu, sizeof(fpu));
		arch_fpu_restore(at);
	}
	return tf->rax;
}

/* Take the next deliverable signal, or 0. */
static int dequeue(struct sig_cause *cause, struct sigaction_k *act, sigset_k *old_mask)
{
	struct process *p = current_process();
	struct sighand *sh = &p->sig;
	sigset_k ready;
	int sig;

	PROC_GUARD();
	ready = sh->pending & ~sh->blocked;
	if (ready & SIGBIT(SIGKILL))
		ready = SIGBIT(SIGKILL);
	else if (ready & SYNCHRONOUS)
		ready &= SYNCHRONOUS;
	sig = ready ? __builtin_ctzll(ready) + 1 : 0;
	if (sig) {
		sh->pending &= ~SIGBIT(sig);
		*cause = sh->cause[sig - 1];
		*act = sh->action[sig - 1];
		*old_mask = sh->restore_mask ? sh->saved_mask : sh->blocked;
		if (act->handler > SIG_IGN) {
			if (act->flags & SA_RESETHAND)
				sh->action[sig - 1].handler = SIG_DFL;
			sh->blocked |= act->mask | (act->flags & SA_NODEFER ? 0 : SIGBIT(sig));
			sh->restore_mask = false;
		}
	}
	signal_recalc_locked(p);
	return sig;
}

bool signal_call_interrupted(const struct trapframe *tf)
{
	s64 ret = (s64)tf->rax;

	return tf->vector == TRAP_SYSCALL && (ret == -ERESTARTSYS || ret == -ERESTARTNOHAND);
}

/* The interrupted system call: again, or EINTR. act: of the handler that will run, or NULL. */
static void settle_call(struct trapframe *tf, const struct sigaction_k *act)
{
	bool again = !act || ((s64)tf->rax == -ERESTARTSYS && act->flags & SA_RESTART);

	if (!signal_call_interrupted(tf))
		return;
	tf->vector = TRAP_BP; /* settled */
	tf->rax = again ? tf->error : (u64)-EINTR;
	tf->rip -= again ? SYSCALL_SIZE : 0;
	current_process()->restarted = true; /* ... with what is left of its time */
}

static void default_action(int sig)
{
	struct process *self = current_process();
	bool orphaned;

	/* Init is never killed or stopped by a signal that it has no handler for, but at the
	 * end. */
	if (SIGBIT(sig) & SIG_IGNORED_BY_DEFAULT || (self->pid == 1 && !READ_ONCE(system_ending)))
		return;
	if (!(SIGBIT(sig) & SIG_STOPS))
		process_exit(sig);
	{
		PROC_GUARD();
		orphaned = pgrp_is_orphaned_locked(self->pgid);
	}
	/* Nobody could continue it: only SIGSTOP stops an orphaned group (POSIX 2.4.3). */
	if (sig == SIGSTOP || !orphaned)
		process_stop(sig);
}

void signal_deliver(struct trapframe *tf)
{
	static struct ratelimit_state rs = RATELIMIT_STATE_INIT("signal stacks");
	struct sigaction_k act;
	struct sig_cause cause;
	sigset_k old_mask;
	u32 missed;
	int sig;

	while ((sig = dequeue(&cause, &act, &old_mask)) != 0) {
		if (act.handler == SIG_IGN)
			continue;
		if (act.handler == SIG_DFL) {
			default_action(sig);
			continue;
		}
		settle_call(tf, &act);
		current_process()->restarted = false; /* the handler's own calls come first */
		if (setup_frame(tf, sig, &act, &cause, old_mask)) {
			if (ratelimit(&rs, &missed))
				printk("%s[%d]: no stack for signal %d\n", current_process()->comm,
				       current_process()->pid, sig);
			process_exit(SIGSEGV);
		}
		return;
	}
	settle_call(tf, NULL);
	signal_restore_mask();
}
