/* The public cases of step 1. */
#include "irq_kit.h"

CASE(irq_msix)
{
	u32 rounds = 1 + lab_random(9);

	irq_up(1, 1, 2, "");
	for (u32 i = 0; i < rounds; i++)
		vdev_interrupt_queue(&dev[0], 0);
	CHECK(told[0][0] == rounds, "the ring had %u interrupts, and its driver was told of %u",
	      rounds, told[0][0]);
	CHECK(changed[0] == 0, "an interrupt of a ring is no change of the configuration");
	CHECK(fake_irq_claimed == rounds, "a vector of its own is always handled: IRQ_HANDLED");
	irq_down();
}

CASE(irq_line)
{
	irq_up(1, 1, 2, "virtio.msix=0");
	vdev_interrupt_queue(&dev[0], 0);
	CHECK(told[0][0] == 1,
	      "the line was raised once for the ring, and its driver was told %u "
	      "times",
	      told[0][0]);
	CHECK(dev[0].isr == 0, "the ISR was not read: the line stays up for ever");
	CHECK(fake_irq_claimed == 1, "the device had raised the line: IRQ_HANDLED");
	irq_down();
}
