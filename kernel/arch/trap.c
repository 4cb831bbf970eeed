/*
 * Traps: system calls and the last steps before user mode; exceptions and page faults.
 *
 * 1. A frame that goes back to user mode has the user's selectors, sane flags and a rip in the user
 *    half, whatever the layers above put there: IRET and SYSRET in the kernel cannot fault.
 * Path: hop 1, 13
 */
#include "kernel/arch/trap.h"

#include "kernel/arch/cpu.h"
#include "kernel/arch/extable.h"
#include "kernel/arch/internal.h"
#include "kernel/arch/pte.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"

#define FLAGS_FIXED 0x2ull
#define FLAGS_TF    0x100ull
#define FLAGS_RF    0x10000ull
/* CF PF AF ZF SF TF DF OF RF AC ID: what a program may choose. */
#define FLAGS_USER 0x250dd5ull

struct trap_hooks trap_hooks;

/* Called from entry.asm only. */
void trap_handle(struct trapframe *tf);
void trap_handle_paranoid(struct trapframe *tf);
void trap_handle_syscall(struct trapframe *tf);
bool trap_exit_to_user(struct trapframe *tf);

void trap_handle_syscall(struct trapframe *tf)
{
	irq_enable();
	if (trap_hooks.syscall)
		trap_hooks.syscall(tf);
	else
		tf->rax = (u64)-ENOSYS;
}

/* Pending work, then interrupts off for good. Returns: whether SYSRET restores this frame: it takes
 * rip from rcx and flags from r11, and would trace itself with TF. */
bool trap_exit_to_user(struct trapframe *tf)
{
	do {
		irq_enable();
		if (trap_hooks.return_to_user)
			trap_hooks.return_to_user(tf);
		irq_disable();
	} while (this_cpu()->need_resched ||
		 (trap_hooks.user_work_pending && trap_hooks.user_work_pending()));

	tf->cs = USER_CS;
	tf->ss = USER_DS;
	tf->rflags = (tf->rflags & FLAGS_USER) | FLAGS_FIXED | X86_FLAGS_IF;
	if (tf->rip > USER_MAX)
		tf->rip = USER_MAX; /* never mapped: faults there, in user mode */
	return tf->vector == TRAP_SYSCALL && tf->rcx == tf->rip && tf->r11 == tf->rflags &&
	       !(tf->rflags & (FLAGS_TF | FLAGS_RF));
}

struct trapframe *trap_user_frame(u64 kernel_stack_top)
{
	return (struct trapframe *)kernel_stack_top - 1;
}

/* --- also: exceptions and page faults; hop 13 begins at trap_handle, below --------------- */

struct extable_entry {
	u64 rip, fixup;
};

extern const struct extable_entry __extable_start[], __extable_end[];

u64 extable_find(u64 rip)
{
	for (const struct extable_entry *e = __extable_start; e < __extable_end; e++)
		if (e->rip == rip)
			return e->fixup;
	return 0;
}

/* In the kernel: only a user copy may fault, and only on a user address. */
static void kernel_page_fault(struct trapframe *tf, u64 addr)
{
	u64 fixup = extable_find(tf->rip);
	int err = -EFAULT;

	if (!fixup)
		trap_die(tf, addr);
	if (addr < USER_MAX && !this_cpu()->pagefault_disabled && trap_hooks.user_page_fault) {
		ASSERT(tf->rflags & X86_FLAGS_IF);
		irq_enable();
		err = trap_hooks.user_page_fault(tf, addr, (u32)tf->error);
		irq_disable();
	}
	if (err)
		tf->rip = fixup;
}

static void page_fault(struct trapframe *tf)
{
	u64 addr;

	__asm__ __volatile__("mov %%cr2, %0" : "=r"(addr));
	if (!trap_from_user(tf)) {
		kernel_page_fault(tf, addr);
		return;
	}
	if (!trap_hooks.user_page_fault)
		trap_die(tf, addr);
	irq_enable();
	(void)trap_hooks.user_page_fault(tf, addr, (u32)tf->error);
	irq_disable();
}

static void exception(struct trapframe *tf)
{
	u64 fixup;

	if (trap_from_user(tf) && trap_hooks.user_exception) {
		irq_enable();
		trap_hooks.user_exception(tf);
		irq_disable();
		return;
	}
	fixup = extable_find(tf->rip);
	if (!fixup || trap_from_user(tf))
		trap_die(tf, 0);
	tf->rip = fixup;
}

void trap_handle(struct trapframe *tf)
{
	if (tf->vector >= VECTOR_DYNAMIC)
		irq_dispatch(tf);
	else if (tf->vector == TRAP_PF)
		page_fault(tf);
	else
		exception(tf);
}

/* NMI, double fault, machine check: on a stack of their own, between any two instructions. */
void trap_handle_paranoid(struct trapframe *tf)
{
	if (tf->vector == TRAP_NMI && power_halt_nmi())
		return;
	if (tf->vector != TRAP_NMI)
		trap_die(tf, 0);
	printk("nmi at rip %016lx\n", tf->rip);
}
