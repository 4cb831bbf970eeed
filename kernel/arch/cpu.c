/*
 * The processor: private data, segments, TSS, and the features that we rely on.
 * Also there: the processor is set up
 */
#include "kernel/arch/cpu.h"

#include "kernel/arch/internal.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#define CR0_MP	       (1ull << 1)
#define CR0_EM	       (1ull << 2)
#define CR0_TS	       (1ull << 3)
#define CR0_NE	       (1ull << 5)
#define CR0_WP	       (1ull << 16)
#define CR4_PGE	       (1ull << 7)
#define CR4_OSFXSR     (1ull << 9)
#define CR4_OSXMMEXCPT (1ull << 10)
#define CR4_UMIP       (1ull << 11)
#define CR4_SMEP       (1ull << 20)
#define CR4_SMAP       (1ull << 21)
#define EFER_NX	       (1ull << 11)

#define IST_STACK_SIZE 4096

/* SDM vol. 3, figure 8-11. */
struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3, iomap;
} __packed;
static_assert(sizeof(struct tss) == 104, "tss");

/* Everything of one processor; the boot processor is the only one that runs. */
static struct {
	struct cpu cpu;
	struct tss tss;
	u64 gdt[10];
	u8 stacks[ISTS - 1][IST_STACK_SIZE] __aligned(16);
} boot_cpu;

/* Pairs of address and 3-byte instruction (asm.inc). */
struct altinstr {
	u64 addr, insn;
};
extern const struct altinstr __altinstr_start[], __altinstr_end[];

u32 cpu_mxcsr_mask;

static void load_gdt(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed ptr = {sizeof(boot_cpu.gdt) - 1, (u64)boot_cpu.gdt};
	u64 tss = (u64)&boot_cpu.tss;
	u64 *gdt = boot_cpu.gdt;

	gdt[KERNEL_CS / 8] = 0x00af9b000000ffff;
	gdt[KERNEL_DS / 8] = 0x00cf93000000ffff;
	gdt[USER_SEG_BASE / 8 + 1] = 0x00cff3000000ffff;
	gdt[USER_SEG_BASE / 8 + 2] = 0x00affb000000ffff;
	gdt[TSS_SEL / 8] = (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 | 0x89ull << 40 |
			   (tss >> 24 & 0xff) << 56;
	gdt[TSS_SEL / 8 + 1] = tss >> 32;

	__asm__ __volatile__("lgdt %0\n\t"
			     "pushq %1\n\t"
			     "leaq 1f(%%rip), %%rax\n\t"
			     "pushq %%rax\n\t"
			     "lretq\n"
			     "1:\tmov %2, %%ss\n\t"
			     "mov %3, %%ds\n\t"
			     "mov %3, %%es\n\t"
			     "mov %3, %%fs\n\t"
			     "mov %3, %%gs\n\t"
			     "ltr %w4"
			     :
			     : "m"(ptr), "i"(KERNEL_CS), "r"(KERNEL_DS), "r"(0), "r"(TSS_SEL)
			     : "rax", "memory");
}

void cpu_init_segments(void)
{
	struct cpu *cpu = &boot_cpu.cpu;

	for (unsigned int i = IST_NONE + 1; i < ISTS; i++)
		boot_cpu.tss.ist[i - 1] = (u64)boot_cpu.stacks[i - 1] + IST_STACK_SIZE;
	boot_cpu.tss.iomap = sizeof(struct tss);
	load_gdt();
	cpu->self = cpu;
	cpu->tss = &boot_cpu.tss;
	wrmsr(MSR_GS_BASE, (u64)cpu);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NX);
}

void cpu_set_kernel_stack(u64 top)
{
	struct cpu *cpu = this_cpu();

	cpu->kernel_stack = top;
	((struct tss *)cpu->tss)->rsp[0] = top;
}

void cpuid(u32 leaf, u32 reg[4])
{
	__asm__("cpuid"
		: "=a"(reg[0]), "=b"(reg[1]), "=c"(reg[2]), "=d"(reg[3])
		: "a"(leaf), "c"(0));
}

/* Turn the nops of asm.inc into stac and clac. Kernel text is writable until mm_init. */
static void patch_smap(void)
{
	for (const struct altinstr *a = __altinstr_start; a < __altinstr_end; a++)
		memcpy((void *)a->addr, &a->insn, 3);
}

void cpu_init_features(void)
{
	u8 fx[512] __aligned(16);
	u32 max[4], reg[4] = {0};
	u64 cr0, cr4;

	__asm__ __volatile__("mov %%cr0, %0" : "=r"(cr0));
	cr0 = (cr0 & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE | CR0_WP;
	__asm__ __volatile__("mov %0, %%cr0" ::"r"(cr0));

	cpuid(0, max);
	if (max[0] >= 7)
		cpuid(7, reg);
	__asm__ __volatile__("mov %%cr4, %0" : "=r"(cr4));
	cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_PGE;
	if (reg[1] & (1u << 7))
		cr4 |= CR4_SMEP;
	if (reg[2] & (1u << 2))
		cr4 |= CR4_UMIP;
	if (reg[1] & (1u << 20)) {
		patch_smap();
		cr4 |= CR4_SMAP;
	}
	__asm__ __volatile__("mov %0, %%cr4" ::"r"(cr4) : "memory");

	__asm__ __volatile__("fxsave64 %0" : "=m"(fx));
	memcpy(&cpu_mxcsr_mask, fx + 28, sizeof(cpu_mxcsr_mask));
	if (!cpu_mxcsr_mask)
		cpu_mxcsr_mask = 0xffbf; /* SDM vol. 1, 11.6.6 */
	printk("cpu: smep %d, smap %d, umip %d\n", !!(cr4 & CR4_SMEP), !!(cr4 & CR4_SMAP),
	       !!(cr4 & CR4_UMIP));
}
