/* A driver that only counts, for the cases of step 1: no virtio_blk is there. */
#pragma once

#include "tools/labkit/case.h"

#include "drivers/virtio/virtio.h"
#include "tests/host/fakes/bus.h"
#include "tests/host/fakes/machine.h"
#include "tests/host/fakes/vdev.h"

#define IRQ_DEVICES 2

extern struct vdev dev[IRQ_DEVICES];
/* What the drivers were told: of a ring's interrupts, and of changes of the configuration. */
extern u32 told[IRQ_DEVICES][VDEV_QUEUES], changed[IRQ_DEVICES];
/* Called when a ring's callback runs; NULL: nobody. */
extern void (*callback_hook)(struct vdev *d);

/* Boot with `nr` devices of so many rings and vectors. */
void irq_up(u32 nr, u16 queues, u16 vectors, const char *cmdline);
void irq_down(void);
/* Forget what was told. */
void irq_clear(void);
