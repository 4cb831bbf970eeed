# Sets of sources for host tests: a test names them in its head, as `// uses: block fakes`.
# A new source file of the kernel is added to its set here, and nowhere else. Sets may overlap.

# What stands for printk, the allocators and the scheduler.
SET_fakes := tests/host/fakes/printk.c tests/host/fakes/fail.c tests/host/fakes/kmalloc.c \
	tests/host/fakes/page.c tests/host/fakes/sched.c

# Copies to and from programs' memory.
SET_user-copies := kernel/mm/iov_iter.c tests/host/fakes/uaccess.c

# Strings and formats.
SET_text := kernel/lib/string.c kernel/lib/vsnprintf.c

# The whole block layer, without a driver.
SET_block := block/bio.c block/blk-core.c block/blk-mq.c block/blk-dispatch.c \
	block/blk-tag.c block/blk-plug.c block/blk-poll.c block/blk-queue.c block/blk-freeze.c \
	block/blk-stat.c block/blk-merge.c block/blk-flush.c block/elevator.c block/deadline.c block/genhd.c \
	block/add_disk.c block/bdev.c block/partitions.c kernel/lib/bitmap.c \
	kernel/lib/cmdline.c kernel/mm/mempool.c

# A driver of the tests' own below it.
SET_fake-driver := tests/host/fakes/fake_driver.c

# Disks made of disks.
SET_dm := block/dm/dm.c block/dm/dm-targets.c block/dm/dm-mirror.c block/dm/dm-table.c

# Page cache, write-back and direct I/O.
SET_fs-cache := fs/cache/filemap.c fs/cache/filemap_rw.c fs/cache/readahead.c \
	fs/cache/page_wait.c fs/cache/lru.c \
	fs/cache/truncate.c fs/cache/vmscan.c fs/cache/writeback.c fs/cache/throttle.c \
	fs/cache/bdev_cache.c fs/cache/buffer.c fs/cache/buffer_io.c fs/cache/direct_io.c \
	fs/vfs/flusher.c fs/vfs/generic_file.c fs/vfs/llseek.c fs/nodes/block_dev.c \
	fs/nodes/block_ioctl.c kernel/lib/radix_tree.c

# Paths, inodes, files.
SET_vfs := fs/vfs/attr.c fs/vfs/d_path.c fs/vfs/dcache.c fs/vfs/file.c fs/vfs/files.c \
	fs/vfs/fs_struct.c fs/vfs/inode.c fs/vfs/libfs.c fs/vfs/llseek.c fs/vfs/locks.c \
	fs/vfs/mount.c fs/vfs/namei.c fs/vfs/namei_ops.c fs/vfs/namespace.c fs/vfs/open.c \
	fs/vfs/read_write.c fs/vfs/seq_file.c fs/vfs/stat.c fs/vfs/super.c fs/nodes/special.c \
	kernel/lib/bitmap.c

# The filesystem, and the world around it.
SET_ext2 := fs/ext2/balloc.c fs/ext2/dir.c fs/ext2/file.c fs/ext2/ialloc.c \
	fs/ext2/indirect.c fs/ext2/inode.c fs/ext2/load.c fs/ext2/namei.c fs/ext2/super.c \
	fs/ext2/superblock.c fs/ext2/symlink.c fs/ext2/truncate.c tests/host/fakes/ext2_world.c \
	tests/host/fakes/fake_bdev.c

# The PCI bus, but for bus.c: machine.c includes it, to take the bus away again.
SET_pci := drivers/pci/pci.c drivers/pci/probe.c drivers/pci/setup.c drivers/pci/msix.c

# The disk driver down to PCI.
SET_virtio-blk := drivers/virtio/virtqueue.c drivers/virtio/virtio_interface.c \
	drivers/virtio/virtio_pci.c drivers/virtio/virtio_pci_common.c \
	drivers/virtio/virtio_pci_modern.c drivers/virtio/virtio_pci_legacy.c \
	drivers/block/virtio_blk.c drivers/block/virtio_blk_queue.c \
	drivers/block/virtio_blk_config.c $(SET_pci)

# A machine for it, and the request queue above it.
SET_virtio-machine := kernel/lib/string.c kernel/lib/bitmap.c kernel/lib/cmdline.c \
	tests/host/fakes/machine.c tests/host/fakes/vdev.c tests/host/fakes/vdev_regs.c \
	tests/host/fakes/bus.c tests/host/fakes/fake_queue.c tests/host/fakes/vblk_world.c \
	tests/host/permute.c

# The line discipline.
SET_tty := drivers/char/n_tty.c drivers/char/n_tty_read.c drivers/char/tty_driver.c \
	drivers/char/tty_io.c drivers/char/tty_ioctl.c drivers/char/tty_jobctrl.c

# Address spaces.
SET_vm := kernel/vm/mm.c kernel/vm/mm_fork.c kernel/vm/mmap.c kernel/vm/mremap.c \
	kernel/vm/madvise.c kernel/vm/vma.c kernel/vm/rmap.c kernel/vm/fault.c kernel/lib/rbtree.c
