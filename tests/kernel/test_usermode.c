/* User mode and back: a tiny program under hooks of our own. */
#include "tests/kernel/ktest.h"

#include "kernel/arch/cpu.h"
#include "kernel/arch/pte.h"
#include "kernel/arch/trap.h"
#include "kernel/lib/err.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/pgtable.h"
#include "kernel/sched/kthread.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"

#define CODE_VA	    0x400000ull
#define STACK_VA    0x500000ull
#define FAULT_VA    0x123456789ull
#define MAX_REPORTS 4

extern const char user_code_start[], user_code_end[], user_code_fault[], user_code_after_fault[];

static struct {
	paddr_t pml4;
	struct page *code, *stack;
	struct completion done;
	u64 reports[MAX_REPORTS][6];
	unsigned int nr_reports, breakpoints, returns, reschedules;
	u64 fault_addr, fault_rip, end_rdi;
	u32 fault_error;
	bool frames_at_top;
	volatile bool other_ran;
} um;

static void end_thread(struct trapframe *tf)
{
	um.end_rdi = tf->rdi;
	current_thread()->arch.user = false;
	arch_set_cr3(&current_thread()->arch, pgtable_kernel().v);
	complete(&um.done);
	thread_exit();
}

static void on_syscall(struct trapframe *tf)
{
	if (tf != trap_user_frame(current_thread()->arch.kernel_stack_top) ||
	    tf->vector != TRAP_SYSCALL || tf->error != tf->rax)
		um.frames_at_top = false;
	switch (tf->rax) {
	case 1:
		if (um.nr_reports < MAX_REPORTS) {
			u64 args[6] = {tf->rdi, tf->rsi, tf->rdx, tf->r10, tf->r8, tf->r9};

			memcpy(um.reports[um.nr_reports++], args, sizeof(args));
		}
		tf->rax = 0xabc;
		break;
	case 2:
		yield();	  /* to the other thread, which spoils the FPU registers */
		tf->rcx = 0x9999; /* no longer rip: SYSRET would lose it */
		break;
	default:
		end_thread(tf);
	}
}

static int on_page_fault(struct trapframe *tf, u64 addr, u32 error)
{
	um.fault_addr = addr;
	um.fault_error = error;
	um.fault_rip = tf->rip;
	tf->rip += (u64)(user_code_after_fault - user_code_fault);
	return 0;
}

static void on_exception(struct trapframe *tf)
{
	if (tf->vector == TRAP_BP)
		um.breakpoints++;
	else
		end_thread(tf);
}

static void on_return(struct trapframe *tf)
{
	(void)tf;
	um.returns++;
	if (this_cpu()->need_resched) {
		um.reschedules++;
		schedule();
	}
}

static void user_thread(void *arg)
{
	struct trapframe tf = {.rip = CODE_VA, .rsp = STACK_VA + PAGE_SIZE};

	(void)arg;
	current_thread()->arch.user = true;
	arch_fpu_init(&current_thread()->arch);
	arch_fpu_restore(&current_thread()->arch);
	arch_set_cr3(&current_thread()->arch, um.pml4.v);
	trap_return_to_user(&tf);
}

static void other_thread(void *arg)
{
	(void)arg;
	__asm__ __volatile__("pcmpeqd %%xmm3, %%xmm3" ::: "memory");
	um.other_ran = true;
}

static bool map(u64 va, struct page **page, u64 bits)
{
	u64 *pte = pgtable_walk(um.pml4, va, true);

	*page = alloc_page(GFP_KERNEL | GFP_ZERO);
	if (!pte || !*page)
		return false;
	*pte = page_to_phys(*page).v | PTE_P | PTE_U | bits;
	return true;
}

static bool run_program(void)
{
	const struct trap_hooks old = trap_hooks;
	struct thread *t, *other;

	memset(&um, 0, sizeof(um));
	um.frames_at_top = true;
	init_completion(&um.done);
	um.pml4 = pgtable_create();
	if (!um.pml4.v)
		return false;
	if (!map(CODE_VA, &um.code, 0) || !map(STACK_VA, &um.stack, PTE_W | PTE_NX))
		return false;
	memcpy(page_address(um.code), user_code_start, (size_t)(user_code_end - user_code_start));
	trap_hooks.syscall = on_syscall;
	trap_hooks.user_page_fault = on_page_fault;
	trap_hooks.user_exception = on_exception;
	trap_hooks.return_to_user = on_return;
	trap_hooks.user_work_pending = NULL;
	t = kthread_run("user", user_thread, NULL);
	other = kthread_run("other", other_thread, NULL);
	if (!IS_ERR(t))
		wait_for_completion(&um.done);
	trap_hooks = old;
	pgtable_destroy(um.pml4);
	put_page(um.code);
	put_page(um.stack);
	return !IS_ERR(t) && !IS_ERR(other);
}

KTEST(usermode, a_program_goes_in_and_out_by_every_door)
{
	const u64 kept[6] = {0x1111, 0x2222, 0x3333, 0x4444, 0x5555, 0x6666};

	KEXPECT(run_program());
	KEXPECT(um.frames_at_top);
	KEXPECT(um.nr_reports == 3);
	KEXPECT(memcmp(um.reports[1], kept, sizeof(kept)) == 0);
	KEXPECT(um.reports[2][0] == 0xabc);
	KEXPECT(um.reports[2][1] == 0x9999);
	KEXPECT(um.reports[2][2] == 0x6666);
	KEXPECT(um.breakpoints == 1);
	KEXPECT(um.fault_addr == FAULT_VA);
	KEXPECT(um.fault_error == PF_USER);
	KEXPECT(um.fault_rip == CODE_VA + (u64)(user_code_fault - user_code_start));
	KEXPECT(um.end_rdi == 0x6666);
	KEXPECT(um.other_ran);
	KEXPECT(um.returns >= 6);
}
