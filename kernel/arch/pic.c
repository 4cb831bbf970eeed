/*
 * The two 8259 controllers: silenced where there is an IOAPIC, used where there is none.
 *
 * Source: Intel 8259A data sheet. Level or edge is as the firmware set it (ELCR).
 */
#include "kernel/arch/apic.h"
#include "kernel/arch/io.h"

#define PIC1	      0x20
#define PIC2	      0xa0
#define ICW1_INIT     0x11
#define ICW4_8086     0x01
#define OCW2_EOI      0x20
#define OCW3_READ_ISR 0x0b
#define CASCADE	      2

static u16 mask; /* [irq.c's lock] */

static void write_mask(void)
{
	outb(PIC1 + 1, (u8)mask);
	outb(PIC2 + 1, (u8)(mask >> 8));
}

void pic_init(void)
{
	outb(PIC1, ICW1_INIT);
	outb(PIC2, ICW1_INIT);
	outb(PIC1 + 1, VECTOR_PIC);
	outb(PIC2 + 1, VECTOR_PIC + 8);
	outb(PIC1 + 1, 1 << CASCADE);
	outb(PIC2 + 1, CASCADE);
	outb(PIC1 + 1, ICW4_8086);
	outb(PIC2 + 1, ICW4_8086);
	mask = 0xffff & ~(1u << CASCADE);
	write_mask();
}

void pic_mask(u32 irq, bool masked)
{
	u32 bit = 1u << irq;

	mask = (u16)(masked ? mask | bit : mask & ~bit);
	write_mask();
}

bool pic_eoi(u32 irq)
{
	/* Lines 7 and 15 also stand for "there was one, but it went away". */
	if (irq == 7 || irq == 15) {
		u16 port = irq == 7 ? PIC1 : PIC2;

		outb(port, OCW3_READ_ISR);
		if (!(inb(port) & 0x80)) {
			if (irq == 15)
				outb(PIC1, OCW2_EOI);
			return false;
		}
	}
	if (irq >= 8)
		outb(PIC2, OCW2_EOI);
	outb(PIC1, OCW2_EOI);
	return true;
}
