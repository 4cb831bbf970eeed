/* The fuzzer's device: what its registers and its configuration space say, and what it was told. */
#pragma once

#include "tests/host/fakes/bus.h"
#include "tests/host/host.h"

#include "drivers/block/virtio_blk_spec.h"

#define QUEUES 8

struct fuzz_device {
	bool modern, mmio;
	bool obedient; /* registers read as a good device's; only the rings lie */
	struct fake_pci pci;
	struct virtio_blk_config config;
	u32 feature_select;
	u64 features;
	u8 status;
	u16 select;
	u32 max_size;
	struct {
		u64 desc, avail, used; /* physical, 0: not told */
		u32 size;
		u16 used_idx;
		bool torn; /* its descriptors were overwritten */
	} q[QUEUES];
};
extern struct fuzz_device dev;

/* The script: bytes that the fuzzer chose, and zeroes when they are used up. */
extern const u8 *script;
extern size_t left;
u8 next(void);
u32 next_n(u32 width);

/* Choose configuration space, features and the size of queues. */
void device_choose(void);
/* Put the device on its bus. */
void device_plug(void);
