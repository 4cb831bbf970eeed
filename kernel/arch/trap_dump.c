/*
 * A dying kernel prints its registers and the backtrace by frame pointers. Then it halts or leaves
 * QEMU.
 * Also there: what a dying kernel prints
 */
#include "kernel/arch/internal.h"

#include "kernel/arch/cpu.h"
#include "kernel/arch/power.h"
#include "kernel/arch/pte.h"
#include "kernel/arch/trapframe.h"
#include "kernel/arch/usercopy.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/ksyms.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#define BACKTRACE_MAX 32
#define PANIC_STATUS  1

static const char *const names[32] = {
	[0] = "divide error",
	[1] = "debug",
	[2] = "NMI",
	[3] = "breakpoint",
	[4] = "overflow",
	[5] = "bound range",
	[6] = "invalid opcode",
	[7] = "device not available",
	[8] = "double fault",
	[10] = "invalid TSS",
	[11] = "segment not present",
	[12] = "stack fault",
	[13] = "general protection",
	[14] = "page fault",
	[16] = "x87 error",
	[17] = "alignment check",
	[18] = "machine check",
	[19] = "SIMD error",
};

static bool dumped; /* the panic that follows needs no backtrace of its own */

static void print_symbol(u64 addr)
{
	u64 offset;
	const char *name = ksym_lookup(addr, &offset);

	if (name)
		printk("  %016lx %s+%#lx\n", addr, name, offset);
	else
		printk("  %016lx\n", addr);
}

static void backtrace_print(u64 rip, u64 rbp)
{
	u64 frame[2]; /* caller's rbp, return address */

	printk("backtrace:\n");
	print_symbol(rip);
	for (int i = 0; i < BACKTRACE_MAX; i++) {
		/* Frames lie in kernel memory, at ascending addresses; a wild pointer ends it. */
		if (rbp < DIRECT_MAP || rbp % sizeof(u64) != 0 ||
		    arch_copy_user(frame, (const void *)rbp, sizeof(frame)) != 0 || !frame[1])
			return;
		/* A return address points behind the call, which may be the next function. */
		print_symbol(frame[1] - 1);
		if (frame[0] <= rbp)
			return;
		rbp = frame[0];
	}
}

/* Print registers and a symbolised backtrace. Context: any. */
static void trap_dump(const struct trapframe *tf)
{
	u64 cr2, cr3;

	__asm__ __volatile__("mov %%cr2, %0; mov %%cr3, %1" : "=r"(cr2), "=r"(cr3));
	printk("vector %lu error %lx cr2 %016lx cr3 %lx\n", tf->vector, tf->error, cr2, cr3);
	printk("rip %04lx:%016lx rsp %04lx:%016lx flags %lx\n", tf->cs, tf->rip, tf->ss, tf->rsp,
	       tf->rflags);
	printk("rax %016lx rbx %016lx rcx %016lx\n", tf->rax, tf->rbx, tf->rcx);
	printk("rdx %016lx rsi %016lx rdi %016lx\n", tf->rdx, tf->rsi, tf->rdi);
	printk("rbp %016lx r8  %016lx r9  %016lx\n", tf->rbp, tf->r8, tf->r9);
	printk("r10 %016lx r11 %016lx r12 %016lx\n", tf->r10, tf->r11, tf->r12);
	printk("r13 %016lx r14 %016lx r15 %016lx\n", tf->r13, tf->r14, tf->r15);
	if (!trap_from_user(tf))
		backtrace_print(tf->rip, tf->rbp);
}

void trap_die(const struct trapframe *tf, u64 addr)
{
	const char *name = tf->vector < ARRAY_SIZE(names) ? names[tf->vector] : NULL;
	u64 cr2;

	irq_disable();
	if (!name)
		name = "unknown exception";
	__asm__ __volatile__("mov %%cr2, %0" : "=r"(cr2));
	if (tf->vector == TRAP_DF && cr2 <= tf->rsp && tf->rsp - cr2 < PAGE_SIZE)
		name = "stack overflow"; /* the push that failed hit the guard page */
	printk("kernel fault: %s\n", name);
	trap_dump(tf);
	dumped = true;
	if (tf->vector == TRAP_PF)
		panic("%s: %s of address %#lx", name,
		      tf->error & PF_WRITE ? "write" :
		      tf->error & PF_INSTR ? "execution" :
					     "read",
		      addr);
	panic("%s in %s mode", name, trap_from_user(tf) ? "user" : "kernel");
}

static void panic_end(void)
{
	const char *mode = cmdline_get("panic");

	irq_disable();
	if (!dumped)
		backtrace_print((u64)panic_end, (u64)__builtin_frame_address(0));
	if (mode && strcmp(mode, "exit") == 0)
		power_exit_qemu(PANIC_STATUS);
	power_halt();
}

void trap_dump_init(void)
{
	panic_set_handler(panic_end);
}
