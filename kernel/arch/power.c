/*
 * Off, reset, halt, and QEMU's debug exit.
 * Also there: the machine goes off
 */
#include "kernel/arch/power.h"

#include "kernel/arch/acpi.h"
#include "kernel/arch/acpi_spec.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/cpu.h"
#include "kernel/arch/earlycon.h"
#include "kernel/arch/internal.h"
#include "kernel/arch/io.h"
#include "kernel/lib/printk.h"

#define QEMU_EXIT_PORT	0xf4
#define POWER_OFF_CODE	0x10 /* QEMU's exit status 33, which tools/run-qemu knows */
#define KBD_COMMAND	0x64
#define KBD_PULSE_RESET 0xfe

static bool halted; /* [const once set] */

/* A sender that no one listens to waits for room, and QEMU then does not see its own Ctrl-A either.
 * So what comes is thrown away, by the interrupt that a processor takes at any time. */
bool power_halt_nmi(void)
{
	if (halted)
		earlycon_discard_input();
	return halted;
}

void power_halt(void)
{
	irq_disable();
	halted = true;
	ioapic_route_nmi(acpi.isa[COM1_IRQ].gsi);
	earlycon_discard_input();
	for (;;)
		__asm__ __volatile__("cli; hlt");
}

void power_off(void)
{
	irq_disable();
	if (acpi.pm1a_cnt && acpi.has_s5) {
		outw(acpi.pm1a_cnt, (u16)(PM1_SLP_EN | (u32)acpi.slp_typ_a << 10));
		if (acpi.pm1b_cnt)
			outw(acpi.pm1b_cnt, (u16)(PM1_SLP_EN | (u32)acpi.slp_typ_b << 10));
		udelay(100000);
	}
	/* QEMU's microvm, if it has the device: its user sees the machine end all the same. */
	outb(QEMU_EXIT_PORT, POWER_OFF_CODE);
	printk("power: this machine has no way to turn off; halted\n");
	power_halt();
}

void power_reset(void)
{
	static const struct {
		u16 limit;
		u64 base;
	} __packed no_idt;

	irq_disable();
	outb(KBD_COMMAND, KBD_PULSE_RESET);
	udelay(10000);
	__asm__ __volatile__("lidt %0; int3" ::"m"(no_idt));
	power_halt();
}

void power_exit_qemu(u8 code)
{
	outb(QEMU_EXIT_PORT, code);
	power_halt();
}
