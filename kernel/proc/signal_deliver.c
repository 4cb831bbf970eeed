/*
 * Delivering signals on the way back to user mode: default actions, handlers, restarted calls.
 *
 * The frame that a handler runs on is Linux's struct rt_sigframe (arch/x86/include/asm/sigframe.h),
 * because C libraries and unwinders read it.
 */
#include "fs/file.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"

#define DEFAULT_IGNORE (SIGBIT(SIGCHLD) | SIGBIT(SIGCONT) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH))
#define DEFAULT_STOP (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))

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

#define RED_ZONE 128u
#define FPU_SIZE 512u
/* Flags that a program may change in its own frame. */
#define USER_RFLAGS 0x240dd5ull

static bool on_altstack(const struct stack_k *alt, u64 sp)
{
	return sp > alt->ss_sp && sp - alt->ss_sp <= alt->ss_size;
}

static void save_context(struct sigcontext_k *sc, const struct trapframe *tf, u64 fpstate,
			 sigset_k mask)
{
	*sc = (struct sigcontext_k){
		.r8 = tf->r8, .r9 = tf->r9, .r10 = tf->r10, .r11 = tf->r11, .r12 = tf->r12,
		.r13 = tf->r13, .r14 = tf->r14, .r15 = tf->r15, .rdi = tf->rdi, .rsi = tf->rsi,
		.rbp = tf->rbp, .rbx = tf->rbx, .rdx = tf->rdx, .rax = tf->rax, .rcx = tf->rcx,
		.rsp = tf->rsp, .rip = tf->rip, .eflags = tf->rflags, .cs = (u16)tf->cs,
		.ss = (u16)tf->ss, .trapno = tf->vector, .oldmask = mask, .fpstate = fpstate,
	};
}

int signal_setup_frame(struct trapframe *tf, int sig, const struct sigaction_k *act,
		       const struct siginfo_k *info, sigset_k old_mask)
{
	struct process *p = current_process();
	const struct stack_k *alt = &p->sig.altstack;
	struct rt_sigframe frame = { .pretcode = act->restorer };
	u64 sp = tf->rsp - RED_ZONE, fpstate;

	if (!(act->flags & SA_RESTORER))
		return -EFAULT;
	frame.uc_stack = *alt;
	if ((act->flags & SA_ONSTACK) && !((u32)alt->ss_flags & SS_DISABLE) &&
	    !on_altstack(alt, tf->rsp))
		sp = alt->ss_sp + alt->ss_size;
	fpstate = ALIGN_DOWN(sp - FPU_SIZE, 64);
	arch_fpu_save(&current->arch);
	if (copy_to_user(USERPTR(fpstate), current->arch.fpu, FPU_SIZE))
		return -EFAULT;
	/* The psABI wants rsp + 8 aligned to 16 at a function's entry. */
	sp = ALIGN_DOWN(fpstate - sizeof(frame), 16) - 8;
	save_context(&frame.uc_mcontext, tf, fpstate, old_mask);
	frame.uc_sigmask = old_mask;
	frame.info = *info;
	if (copy_to_user(USERPTR(sp), &frame, sizeof(frame)))
		return -EFAULT;
	tf->rip = act->handler;
	tf->rsp = sp;
	tf->rdi = (u64)sig;
	tf->rsi = sp + __builtin_offsetof(struct rt_sigframe, info);
	tf->rdx = sp + __builtin_offsetof(struct rt_sigframe, uc_flags);
	tf->rax = 0;
	tf->rflags &= ~0x500ull; /* direction and trap flag */
	return 0;
}

static void restore_context(struct trapframe *tf, const struct sigcontext_k *sc)
{
	tf->r8 = sc->r8;
	tf->r9 = sc->r9;
	tf->r10 = sc->r10;
	tf->r11 = sc->r11;
	tf->r12 = sc->r12;
	tf->r13 = sc->r13;
	tf->r14 = sc->r14;
	tf->r15 = sc->r15;
	tf->rdi = sc->rdi;
	tf->rsi = sc->rsi;
	tf->rbp = sc->rbp;
	tf->rbx = sc->rbx;
	tf->rdx = sc->rdx;
	tf->rax = sc->rax;
	tf->rcx = sc->rcx;
	tf->rsp = sc->rsp;
	tf->rip = sc->rip;
	tf->rflags = (sc->eflags & USER_RFLAGS) | X86_FLAGS_IF;
}

u64 signal_return(struct trapframe *tf)
{
	struct rt_sigframe frame;
	u8 fpu[FPU_SIZE];
	u64 at = tf->rsp - sizeof(frame.pretcode); /* the handler's ret popped it */

	if (copy_from_user(&frame, USERPTR(at), sizeof(frame)) ||
	    (frame.uc_mcontext.fpstate &&
	     copy_from_user(fpu, USERPTR(frame.uc_mcontext.fpstate), sizeof(fpu))) ||
	    signal_procmask(SIG_SETMASK, &frame.uc_sigmask, NULL)) {
		signal_force_fault(SIGSEGV, SEGV_MAPERR, at);
		return 0;
	}
	restore_context(tf, &frame.uc_mcontext);
	if (frame.uc_mcontext.fpstate) {
		/* Reserved MXCSR bits would fault in the kernel (SDM vol. 1, 10.5.1.2). */
		u32 mxcsr;

		memcpy(&mxcsr, fpu + 24, sizeof(mxcsr));
		mxcsr &= 0xffbf;
		memcpy(fpu + 24, &mxcsr, sizeof(mxcsr));
		memcpy(current->arch.fpu, fpu, sizeof(fpu));
		arch_fpu_restore(&current->arch);
	}
	tf->vector = TRAP_BP; /* its rax is a result: never restart it */
	return tf->rax;
}

/* Take the next deliverable signal, or 0. */
static int dequeue(struct siginfo_k *info, struct sigaction_k *act, sigset_k *old_mask)
{
	struct process *p = current_process();
	struct sighand *sh = &p->sig;
	u64 flags = spin_lock_irqsave(&proc_lock);
	sigset_k ready = sh->pending & ~sh->blocked;
	int sig = 0;

	if (ready) {
		sig = ready & SIGBIT(SIGKILL) ? SIGKILL : __builtin_ctzll(ready) + 1;
		sh->pending &= ~SIGBIT(sig);
		*info = sh->info[sig - 1];
		*act = sh->action[sig - 1];
		*old_mask = sh->restore_mask ? sh->saved_mask : sh->blocked;
		if (act->handler > SIG_IGN) {
			if (act->flags & SA_RESETHAND)
				sh->action[sig - 1].handler = SIG_DFL;
			sh->blocked |= act->mask;
			if (!(act->flags & SA_NODEFER))
				sh->blocked |= SIGBIT(sig);
			sh->restore_mask = false;
		}
	}
	signal_recalc_locked(p);
	spin_unlock_irqrestore(&proc_lock, flags);
	return sig;
}

/* A system call that a signal interrupted: again, or EINTR. handler: one will run. */
static void restart_or_fail(struct trapframe *tf, bool restart)
{
	if (tf->vector != TRAP_SYSCALL || (s64)tf->rax != -ERESTARTSYS)
		return;
	if (!restart) {
		tf->rax = (u64)-EINTR;
		return;
	}
	tf->rax = tf->error; /* the call's number */
	tf->rip -= 2; /* length of the syscall instruction */
	tf->vector = TRAP_BP;
}

/* Back to the mask from before sigsuspend when no handler ran. */
static void restore_saved_mask(void)
{
	struct sighand *sh = &current_process()->sig;

	if (sh->restore_mask && signal_procmask(SIG_SETMASK, &sh->saved_mask, NULL) == 0)
		sh->restore_mask = false;
}

static void default_action(int sig)
{
	u64 flags;
	bool orphaned;

	if (SIGBIT(sig) & DEFAULT_IGNORE)
		return;
	if (!(SIGBIT(sig) & DEFAULT_STOP))
		process_exit(sig);
	flags = spin_lock_irqsave(&proc_lock);
	orphaned = pgrp_is_orphaned_locked(current_process()->pgid);
	spin_unlock_irqrestore(&proc_lock, flags);
	/* Nobody could continue it: only SIGSTOP stops an orphaned group (POSIX 2.4.3). */
	if (sig == SIGSTOP || !orphaned)
		process_stop(sig);
}

void signal_deliver(struct trapframe *tf)
{
	struct sigaction_k act;
	struct siginfo_k info;
	sigset_k old_mask;
	int sig;

	while ((sig = dequeue(&info, &act, &old_mask)) != 0) {
		if (act.handler == SIG_IGN)
			continue;
		if (act.handler == SIG_DFL) {
			default_action(sig);
			continue;
		}
		restart_or_fail(tf, (act.flags & SA_RESTART) != 0);
		if (signal_setup_frame(tf, sig, &act, &info, old_mask)) {
			printk("%s[%d]: no stack for signal %d\n", current_process()->comm,
			       current_process()->pid, sig);
			process_exit(SIGSEGV);
		}
		return;
	}
	restart_or_fail(tf, true);
	restore_saved_mask();
}
