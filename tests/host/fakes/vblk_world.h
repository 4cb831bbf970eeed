/* The disk driver over fakes/vdev.h's devices, with the fake request queue above. */
#pragma once

#include "tests/host/fakes/fake_queue.h"
#include "tests/host/fakes/vdev.h"
#include "tests/host/permute.h"

#define MMIO_LINE "virtio_mmio.device=0x200@0xfeb00000:5 "

/* Every transport, as an axis of combinations: enum vdev_kind. */
#define EVERY_KIND                                            \
	{                                                     \
		"kind", VDEV_MMIO_LEGACY + 1, {0}, kind_names \
	}
extern const char *const kind_names[VDEV_MMIO_LEGACY + 1];

extern struct vdev dev, dev2; /* dev2 is there only if a test plugs it */
extern u8 buf[VDEV_SECTORS * 512];

/* A machine that is off, with `dev` of this kind, to be changed by the test before up(). */
void fresh(enum vdev_kind kind);
/* Plug `dev` and boot. */
void up(const char *cmdline);
/* Unbind all. Asserts that nothing is left, and that the driver has let go of `dev`. */
void down(void);
/* The same of a device that may have failed. Returns: what is still held. */
int take_down(void);

/* One request, and its end. Returns: its status. */
int io(enum req_op op, sector_t sector, void *p, u32 len, u32 piece);
/* Random reads and writes, many in flight, each compared; and at the end the whole disk. */
void storm(u32 rounds);
/* Whether it was printed; if not, says what was. */
bool logged(const char *text);
