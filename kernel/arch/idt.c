/*
 * Where the processor enters the kernel: the descriptor table, and the registers of `syscall`.
 * Also there: the ways into the kernel are set up
 */
#include "kernel/arch/trap.h"

#include "kernel/arch/cpu.h"
#include "kernel/arch/internal.h"
#include "kernel/lib/assert.h"

#define VECTORS	       256
#define GATE_INTERRUPT 0x8eu
#define GATE_USER      0x60u
#define STUB_SIZE      16
#define EFER_SCE       1ull
#define FLAGS_MASK     0x47700ull /* AC NT IOPL DF IF TF: off in a system call */

struct idt_gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_high, reserved;
} __packed;
static_assert(sizeof(struct idt_gate) == 16, "idt_gate");

static struct idt_gate idt[VECTORS] __aligned(16);

extern const char trap_stubs[]; /* entry.asm */
void syscall_entry(void);

static void set_gate(unsigned int vector, u8 ist, u8 type)
{
	u64 stub = (u64)trap_stubs + (u64)vector * STUB_SIZE;

	idt[vector] = (struct idt_gate){
		.offset_low = (u16)stub,
		.selector = KERNEL_CS,
		.ist = ist,
		.type = type,
		.offset_mid = (u16)(stub >> 16),
		.offset_high = (u32)(stub >> 32),
	};
}

static void init_syscall(void)
{
	/* The selectors of SYSCALL and SYSRET, the entry, and the flags that it clears. */
	wrmsr(MSR_STAR, (u64)(USER_SEG_BASE | 3) << 48 | (u64)KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, (u64)syscall_entry);
	wrmsr(MSR_SFMASK, FLAGS_MASK);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
}

void trap_init(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed ptr = {sizeof(idt) - 1, (u64)idt};

	cpu_init_segments();
	init_syscall();
	for (unsigned int i = 0; i < VECTORS; i++)
		set_gate(i, IST_NONE, GATE_INTERRUPT);
	set_gate(TRAP_BP, IST_NONE, GATE_INTERRUPT | GATE_USER);
	set_gate(TRAP_NMI, IST_NMI, GATE_INTERRUPT);
	set_gate(TRAP_DF, IST_DF, GATE_INTERRUPT);
	set_gate(TRAP_MC, IST_MC, GATE_INTERRUPT);
	__asm__ __volatile__("lidt %0" ::"m"(ptr));
	cpu_init_features();
	trap_dump_init();
}
