/*
 * Signals: numbers and structures of Linux's x86-64 ABI, sending, and delivery.
 *
 * Invariants:
 * 1. pending, blocked and the actions change only under proc_lock.
 * 2. thread->sigpending is true whenever a signal is pending that is not blocked.
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct process;
struct trapframe;

#define NSIG 64
#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGUSR1 10
#define SIGSEGV 11
#define SIGUSR2 12
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19
#define SIGTSTP 20
#define SIGTTIN 21
#define SIGTTOU 22
#define SIGURG 23
#define SIGXCPU 24
#define SIGXFSZ 25
#define SIGWINCH 28
#define SIGSYS 31

typedef u64 sigset_k; /* bit n - 1 is signal n */
#define SIGBIT(n) (1ull << ((n)-1))

#define SA_NOCLDSTOP 0x1u
#define SA_NOCLDWAIT 0x2u
#define SA_SIGINFO 0x4u
#define SA_ONSTACK 0x08000000u
#define SA_RESTART 0x10000000u
#define SA_NODEFER 0x40000000u
#define SA_RESETHAND 0x80000000u
#define SA_RESTORER 0x04000000u

#define SIG_DFL 0ull
#define SIG_IGN 1ull

/* rt_sigaction(2)'s structure. */
struct sigaction_k {
	u64 handler, flags, restorer;
	sigset_k mask;
};

/* sigaltstack(2)'s structure. */
#define SS_ONSTACK 1u
#define SS_DISABLE 2u
struct stack_k {
	u64 ss_sp;
	s32 ss_flags;
	u32 pad;
	u64 ss_size;
};

/* siginfo_t, the fields that kill, faults and children use. Source: Linux asm-generic/siginfo.h */
struct siginfo_k {
	s32 si_signo, si_errno, si_code, pad0;
	union {
		struct {
			s32 pid;
			u32 uid;
			s32 status;
			s32 pad1;
		} child; /* kill: pid and uid */
		struct {
			u64 addr;
		} fault;
		u8 room[112];
	};
};
#define SI_USER 0
#define SI_KERNEL 0x80
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define BUS_ADRERR 2
#define CLD_EXITED 1
#define CLD_KILLED 2
#define CLD_STOPPED 5
#define CLD_CONTINUED 6

struct sighand {
	struct sigaction_k action[NSIG]; /* [proc_lock] */
	sigset_k blocked, pending; /* [proc_lock] */
	sigset_k saved_mask; /* [owner] sigsuspend: restored after the handler ran */
	bool restore_mask; /* [owner] */
	struct siginfo_k info[NSIG]; /* [proc_lock] of the pending ones */
	struct stack_k altstack; /* [owner] */
};

/* Send from anywhere. The _locked form wants proc_lock. Context: any. */
void signal_send(struct process *p, int sig, const struct siginfo_k *info);
void signal_send_locked(struct process *p, int sig, const struct siginfo_k *info);
/* All of a process group. Returns: 0 or -ESRCH. */
int signal_pgrp(pid_t pgrp, int sig, const struct siginfo_k *info);
int signal_pgrp_locked(pid_t pgrp, int sig, const struct siginfo_k *info);
/* kill(2) and tgkill(2) with their permission checks; sig 0 only checks. */
int must_check signal_kill(pid_t pid, int sig);
/* A fault of the current program: delivered even if blocked or ignored (then it kills). */
void signal_force_fault(int sig, int code, u64 addr);
/* Is sig ignored or blocked by the current program? For background terminal I/O. */
bool signal_is_ignored(int sig);

/* On the way back to user mode: deliver what is pending, stop, or end the program. */
void signal_deliver(struct trapframe *tf);
/* Undo the frame that a handler ran on (rt_sigreturn). Returns: the value of rax. */
u64 signal_return(struct trapframe *tf);
/* Build the frame for a handler on the user stack. Returns: 0 or -EFAULT. */
int must_check signal_setup_frame(struct trapframe *tf, int sig, const struct sigaction_k *act,
				  const struct siginfo_k *info, sigset_k old_mask);

/* rt_sigaction and rt_sigprocmask, on kernel copies; old may be NULL. */
int must_check signal_action(int sig, const struct sigaction_k *act, struct sigaction_k *old);
#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2
int must_check signal_procmask(int how, const sigset_k *set, sigset_k *old);
/* Wait with another mask until a handler ran. Returns: -ERESTARTSYS turned to -EINTR. */
int must_check signal_suspend(sigset_k mask);
sigset_k signal_pending_set(void);
/* rt_sigtimedwait: take one pending signal of the set, waiting at most timeout_ns.
 * Returns: its number, -EAGAIN, -EINTR. */
int must_check signal_timedwait(sigset_k set, struct siginfo_k *info, u64 timeout_ns);
/* Handlers back to default at exec; ignored ones stay. */
void signal_exec(struct process *p);
/* Recompute thread->sigpending of the current program, after its mask changed. proc_lock held. */
void signal_recalc_locked(struct process *p);
