/*
 * Switching threads: FPU, TLS, page tables and kernel stack; entry.asm changes the stack itself.
 * Also there: threads switch
 */
#include "kernel/arch/context.h"

#include "kernel/arch/cpu.h"
#include "kernel/arch/internal.h"
#include "kernel/arch/pte.h"
#include "kernel/arch/trap.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"

#define FPU_FCW	      0
#define FPU_MXCSR     24
#define FCW_DEFAULT   0x37fu
#define MXCSR_DEFAULT 0x1f80u

void arch_switch_stack(u64 *save_rsp, u64 new_rsp);
void arch_thread_entry(void);

void arch_thread_init(struct arch_thread *at, void *stack_top, void (*entry)(void *), void *arg)
{
	/* Below the place of a user frame, which fork fills before the thread runs. What lies here
	 * is what arch_switch_stack pops; entry.asm wants the stack aligned to 16 after it. */
	u64 *sp = (u64 *)(void *)trap_user_frame((u64)stack_top);

	ASSERT(IS_ALIGNED((u64)stack_top, 16));
	memset(at, 0, sizeof(*at));
	*--sp = 0;
	*--sp = 0;
	*--sp = (u64)arch_thread_entry;
	*--sp = 0;	    /* rbp */
	*--sp = 0;	    /* rbx */
	*--sp = (u64)entry; /* r12 */
	*--sp = (u64)arg;   /* r13 */
	*--sp = 0;	    /* r14 */
	*--sp = 0;	    /* r15 */
	at->rsp = (u64)sp;
	at->kernel_stack_top = (u64)stack_top;
}

void arch_fpu_init(struct arch_thread *at)
{
	memset(at->fpu, 0, sizeof(at->fpu));
	memcpy(at->fpu + FPU_FCW, &(u16){FCW_DEFAULT}, sizeof(u16));
	memcpy(at->fpu + FPU_MXCSR, &(u32){MXCSR_DEFAULT}, sizeof(u32));
}

void arch_fpu_save(struct arch_thread *at)
{
	__asm__ __volatile__("fxsave64 %0" : "=m"(at->fpu));
}

void arch_fpu_restore(struct arch_thread *at)
{
	u32 mxcsr;

	/* A program may have written the area (sigreturn): reserved bits would be a #GP. */
	memcpy(&mxcsr, at->fpu + FPU_MXCSR, sizeof(mxcsr));
	mxcsr &= cpu_mxcsr_mask;
	memcpy(at->fpu + FPU_MXCSR, &mxcsr, sizeof(mxcsr));
	__asm__ __volatile__("fxrstor64 %0" ::"m"(at->fpu));
}

void arch_switch(struct arch_thread *prev, struct arch_thread *next)
{
	if (prev->user)
		arch_fpu_save(prev);
	if (next->cr3 && next->cr3 != read_cr3())
		write_cr3(next->cr3);
	cpu_set_kernel_stack(next->kernel_stack_top);
	if (next->user) {
		wrmsr(MSR_FS_BASE, next->fs_base);
		wrmsr(MSR_KERNEL_GS_BASE, next->gs_base);
		arch_fpu_restore(next);
	}
	arch_switch_stack(&prev->rsp, next->rsp);
}

void arch_set_fs_base(struct arch_thread *at, u64 base)
{
	u64 flags = irq_save();

	at->fs_base = base;
	wrmsr(MSR_FS_BASE, base);
	irq_restore(flags);
}

void arch_set_gs_base(struct arch_thread *at, u64 base)
{
	u64 flags = irq_save();

	at->gs_base = base;
	wrmsr(MSR_KERNEL_GS_BASE, base);
	irq_restore(flags);
}

void arch_set_cr3(struct arch_thread *at, u64 cr3)
{
	u64 flags = irq_save();

	at->cr3 = cr3;
	write_cr3(cr3);
	irq_restore(flags);
}
