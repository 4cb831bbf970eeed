/* The disk driver with a device that the case plays itself, ring entry by ring entry. It is an
 * MMIO device, so that step 1 is not needed. */
#pragma once

#include "tools/labkit/case.h"

#include "drivers/block/virtio_blk_impl.h"
#include "kernel/arch/cpu.h"
#include "kernel/lib/errno.h"
#include "tests/host/fakes/vblk_world.h"

#define FLIGHT_MAX 80
#define PIECE	   4096u

extern struct flight {
	struct fake_rq *f;
	u16 queue, head;
} flight[FLIGHT_MAX];
extern u32 in_interrupt_done; /* requests completed within an interrupt */

/* Boot with a disk of so many rings; from here on it does only what the case says. */
void disk_up(enum vdev_kind kind, u16 queues, const char *cmdline);
void disk_down(void);
/* Put a request of PIECE bytes in flight as number i. */
void disk_send(u32 i, u16 queue, enum req_op op);
/* Finish it: status byte, used entry, and no interrupt yet. */
void disk_finish(u32 i, u8 status, u32 len);
/* A used entry of any kind. */
void disk_used(u16 queue, u32 id, u32 len);
/* Does the driver want an interrupt for the entry that comes next? */
bool disk_wanted(u16 queue);
/* Request i must have ended once, with this status. */
void disk_expect(u32 i, int status, const char *what);
