/* The hidden cases of step 1. */
#include "irq_kit.h"

/* With few vectors, rings take them in turn. */
static void vectors_of(u16 rings, u16 vectors)
{
	u16 shared = (u16)(vectors - 1);

	irq_up(1, rings, vectors, "");
	for (u16 q = 0; q < rings; q++) {
		irq_clear();
		vdev_interrupt_queue(&dev[0], q);
		CHECK(told[0][q] == 1,
		      "ring %u of %u raised its vector (of %u), and its driver was "
		      "told %u times",
		      q, rings, vectors, told[0][q]);
		for (u16 other = 0; other < rings; other++)
			CHECK(told[0][other] == (other % shared == q % shared),
			      "ring %u raised its vector of %u, and ring %u was told %u times", q,
			      vectors, other, told[0][other]);
		CHECK(changed[0] == 0,
		      "ring %u raised its vector, and the configuration is said to "
		      "have changed",
		      q);
	}
	irq_down();
}

CASE(irq_vectors)
{
	for (u16 rings = 1; rings <= 8; rings++)
		for (u16 vectors = 2; vectors <= rings + 1; vectors++)
			vectors_of(rings, vectors);
}

CASE(irq_config)
{
	for (int msix = 0; msix < 2; msix++) {
		irq_up(1, 2, 3, msix ? "" : "virtio.msix=0");
		vdev_config_changed(&dev[0]);
		CHECK(changed[0] == 1,
		      "the configuration changed once, and the driver was told %u "
		      "times",
		      changed[0]);
		CHECK(told[0][0] + told[0][1] == 0,
		      "the configuration changed, and a ring's driver was told");
		CHECK(fake_irq_claimed == 1, "the interrupt was this device's: IRQ_HANDLED");
		irq_down();
	}
}

CASE(irq_shared)
{
	irq_up(2, 2, 3, "virtio.msix=0");
	for (u32 i = 0; i < 2; i++) {
		irq_clear();
		vdev_interrupt_queue(&dev[i], (u16)lab_random(2));
		CHECK(told[i][0] == 1 && told[i][1] == 1,
		      "the ISR does not say which ring: both must look");
		CHECK(told[!i][0] + told[!i][1] + changed[!i] == 0,
		      "the other device of the line raised it, and this one was told");
		CHECK(fake_irq_claimed == 1,
		      "%u of two devices on the line said IRQ_HANDLED; one had "
		      "raised it",
		      fake_irq_claimed);
	}
	irq_down();
}

static u32 late;

/* The device finishes one more while the driver drains: the line is raised again. */
static void finish_late(struct vdev *d)
{
	if (late && late--)
		d->isr |= VIRTIO_ISR_QUEUE;
}

CASE(irq_acknowledge)
{
	u32 rounds = 1 + lab_random(4);

	irq_up(1, 1, 2, "virtio.msix=0");
	late = rounds;
	callback_hook = finish_late;
	vdev_interrupt_queue(&dev[0], 0);
	for (u32 i = 0; dev[0].isr && i < 20; i++) /* the line is still up */
		fake_irq_gsi(irq_pci_gsi(0, dev[0].pci.slot, 1, 0));
	CHECK(dev[0].isr == 0, "the line stays up for ever");
	CHECK(told[0][0] == rounds + 1,
	      "the device finished %u more while the driver drained, and the driver was told %u "
	      "times in all: acknowledge before the drain, not after it",
	      rounds, told[0][0]);
	irq_down();
}
