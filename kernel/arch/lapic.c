/*
 * The local APIC through its registers in memory. Source: SDM vol. 3, chapter 11.
 * Also there: interrupts reach the processor
 */
#include "kernel/arch/internal.h"

#include "kernel/arch/cpu.h"
#include "kernel/arch/io.h"
#include "kernel/arch/pte.h"
#include "kernel/lib/printk.h"

#define LAPIC_ID	    0x020
#define LAPIC_TPR	    0x080
#define LAPIC_EOI	    0x0b0
#define LAPIC_SVR	    0x0f0
#define LAPIC_LVT_TIMER	    0x320
#define LAPIC_LVT_LINT0	    0x350
#define LAPIC_LVT_LINT1	    0x360
#define LAPIC_LVT_ERROR	    0x370
#define LAPIC_TIMER_INITIAL 0x380
#define LAPIC_TIMER_CURRENT 0x390
#define LAPIC_TIMER_DIVIDE  0x3e0

#define APIC_BASE_ENABLE (1ull << 11)
#define SVR_ENABLE	 0x100u
#define LVT_NMI		 0x400u
#define LVT_MASKED	 0x10000u
#define LVT_PERIODIC	 0x20000u
#define DIVIDE_BY_16	 0x3u

#define PIC1_MASK 0x21 /* the 8259s */
#define PIC2_MASK 0xa1

static volatile char *regs; /* [const] */

static u32 lapic_read(u32 reg)
{
	return mmio_read32(regs + reg);
}

static void lapic_write(u32 reg, u32 v)
{
	mmio_write32(regs + reg, v);
}

void lapic_init(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	outb(PIC1_MASK, 0xff);
	outb(PIC2_MASK, 0xff);
	wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
	regs = arch_map_mmio(base & PTE_ADDR_MASK, PAGE_SIZE);
	if (!regs)
		panic("lapic: no room to map it");
	lapic_write(LAPIC_TPR, 0);
	lapic_write(LAPIC_LVT_TIMER, LVT_MASKED);
	lapic_write(LAPIC_LVT_ERROR, LVT_MASKED);
	lapic_write(LAPIC_LVT_LINT0, LVT_MASKED);
	lapic_write(LAPIC_LVT_LINT1, LVT_NMI);
	lapic_write(LAPIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
	this_cpu()->lapic_id = lapic_id();
}

void lapic_eoi(void)
{
	lapic_write(LAPIC_EOI, 0);
}

u32 lapic_id(void)
{
	return lapic_read(LAPIC_ID) >> 24;
}

void lapic_timer_start(u32 count, bool periodic)
{
	lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_16);
	lapic_write(LAPIC_LVT_TIMER, periodic ? LVT_PERIODIC | VECTOR_TIMER : LVT_MASKED);
	lapic_write(LAPIC_TIMER_INITIAL, count);
}

u32 lapic_timer_count(void)
{
	return lapic_read(LAPIC_TIMER_CURRENT);
}
