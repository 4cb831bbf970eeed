/*
 * virtio over memory-mapped registers, announced on the command line (QEMU's microvm).
 * Also there: another transport
 */
#pragma once

/* Bind every `virtio_mmio.device=SIZE@ADDRESS:IRQ` of the command line, as Linux writes it.
 * Context: sleeps. */
void virtio_mmio_init(void);
