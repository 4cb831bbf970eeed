/*
 * Signals: numbers and structures of Linux's x86-64 ABI, sending, and delivery.
 *
 * Invariants:
 * 1. All of struct sighand changes only under proc_lock, and only its owner blocks and takes.
 * 2. thread->sigpending is true whenever a signal is pending that is not blocked or is awaited.
 * Also there: processes
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct process;
struct trapframe;

#define NSIG 64
/* Those that the kernel itself sends or treats in a way of its own. */
#define SIGHUP	  1
#define SIGILL	  4
#define SIGTRAP	  5
#define SIGBUS	  7
#define SIGFPE	  8
#define SIGKILL	  9
#define SIGSEGV	  11
#define SIGPIPE	  13
#define SIGALRM	  14
#define SIGCHLD	  17
#define SIGCONT	  18
#define SIGSTOP	  19
#define SIGTSTP	  20
#define SIGTTIN	  21
#define SIGTTOU	  22
#define SIGURG	  23
#define SIGXFSZ	  25
#define SIGVTALRM 26
#define SIGPROF	  27
#define SIGWINCH  28

typedef u64 sigset_k; /* bit n - 1 is signal n */
#define SIGBIT(n) (1ull << ((n)-1))

#define SA_NOCLDSTOP 0x1u
#define SA_NOCLDWAIT 0x2u
#define SA_RESTORER  0x04000000u
#define SA_ONSTACK   0x08000000u
#define SA_RESTART   0x10000000u
#define SA_NODEFER   0x40000000u
#define SA_RESETHAND 0x80000000u
#define SIG_DFL	     0ull
#define SIG_IGN	     1ull

/* Inside the kernel: a system call is to be made again unless a handler runs. */
#define ERESTARTNOHAND 514

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
	u32 ss_flags, pad;
	u64 ss_size;
};

/* Why a signal was sent: what becomes siginfo_t. */
#define SI_USER	      0
#define SI_KERNEL     0x80
#define SI_TKILL      (-6)
#define SEGV_MAPERR   1
#define SEGV_ACCERR   2
#define BUS_ADRERR    2
#define CLD_EXITED    1
#define CLD_KILLED    2
#define CLD_STOPPED   5
#define CLD_CONTINUED 6
struct sig_cause {
	s32 code, pid; /* pid, uid: who sent it, or the child it is about */
	u32 uid;
	s32 status; /* of the child */
	u64 addr;   /* of the fault; else 0 */
};

/* siginfo_t. Source: Linux include/uapi/asm-generic/siginfo.h */
struct siginfo_k {
	s32 si_signo, si_errno, si_code, pad;
	union {
		struct {
			s32 pid;
			u32 uid;
			s32 status;
		} from;
		u64 addr;
		u8 room[112];
	};
};

struct sighand {
	struct sigaction_k action[NSIG];
	sigset_k blocked, pending;
	sigset_k awaited;    /* sigtimedwait takes these although they are blocked */
	sigset_k saved_mask; /* sigsuspend: what was blocked before, if restore_mask */
	bool restore_mask;
	struct sig_cause cause[NSIG]; /* of the pending ones */
	struct stack_k altstack;
};

/* Send; cause NULL: the kernel. Context: any. The _locked forms want proc_lock. */
void signal_send(struct process *p, int sig, const struct sig_cause *cause);
void signal_send_locked(struct process *p, int sig, const struct sig_cause *cause);
/* To all of a group. */
void signal_pgrp_locked(pid_t pgrp, int sig);
/* kill(2), with its permission checks; code: SI_USER or SI_TKILL; sig 0 only checks. */
int must_check signal_kill(pid_t pid, int sig, s32 code);
/* A fault of the current program: its handler runs next, or, without one that may, it ends here. */
void signal_force_fault(int sig, int code, u64 addr);
/* Is sig ignored or blocked by the current program? For background terminal I/O. */
bool signal_is_ignored(int sig);

/* On the way back to user mode: deliver what is pending, stop, or end the program; settle whether
 * an interrupted system call is made again. */
void signal_deliver(struct trapframe *tf);
/* Did the system call of this frame end with a request to be made again? */
bool signal_call_interrupted(const struct trapframe *tf);
/* Undo the frame that a handler ran on (rt_sigreturn). Returns: the value of rax. */
u64 signal_return(struct trapframe *tf);
/* Is this stack pointer of the current program on its alternate stack? */
bool signal_on_altstack(u64 sp);

/* rt_sigaction and rt_sigprocmask, on kernel copies; the old state is always told. */
int must_check signal_action(int sig, const struct sigaction_k *act, struct sigaction_k *old);
#define SIG_BLOCK   0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2
int must_check signal_procmask(int how, const sigset_k *set, sigset_k *old);
/* Block exactly these, which may be any. Returns: what was blocked. */
sigset_k signal_swap_mask(sigset_k mask);
/* Another mask until the end of this system call (sigsuspend, ppoll) / back to the one before.
 * A call that ends in -ERESTARTNOHAND leaves the second to signal_deliver. */
void signal_set_temporary_mask(sigset_k mask);
void signal_restore_mask(void);
/* rt_sigtimedwait: take one pending signal of the set, waiting at most timeout_ns.
 * Returns: its number, -EAGAIN, -EINTR. */
int must_check signal_timedwait(sigset_k set, struct siginfo_k *info, u64 timeout_ns);
void signal_fill_info(struct siginfo_k *info, int sig, const struct sig_cause *cause);
/* Handlers back to default at exec; ignored ones stay. */
void signal_exec(void);
/* Recompute thread->sigpending. proc_lock held. */
void signal_recalc_locked(struct process *p);
/* Default actions other than to end the program. */
#define SIG_IGNORED_BY_DEFAULT \
	(SIGBIT(SIGCHLD) | SIGBIT(SIGCONT) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH))
#define SIG_STOPS (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
