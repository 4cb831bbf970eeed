/*
 * Disks on virtio: one gendisk a device, named vda, vdb, ... in order of discovery.
 *
 * Toggles on the command line: virtio.queues=N (rings a disk, at most), virtio.size=N (length of a
 * ring, at most).
 * Also there: the disk is set up
 */
#pragma once

/* Register the driver: every virtio block device, present or coming, becomes a disk. After
 * block_init(). Context: sleeps. */
void virtio_blk_init(void);
/* Undo: every such disk goes, its I/O waited for. Context: sleeps. */
void virtio_blk_exit(void);
