/*
 * virtio_blk, what the device says of itself: capacity and limits, each checked.
 * Source: virtio-1.2 §5.2.4.
 * Also there: the disk is set up
 */
#include "drivers/block/virtio_blk_impl.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"

/* Such a disk has bytes that no file offset reaches. */
#define MAX_SECTORS ((1ull << 63) >> SECTOR_SHIFT)

#define READ_FIELD(vblk, field, val)                                                       \
	virtio_config_read((vblk)->vdev, offsetof(struct virtio_blk_config, field), (val), \
			   (u32)sizeof(((struct virtio_blk_config *)0)->field))

static bool has(struct virtio_blk *vblk, u32 bit)
{
	return virtio_has_feature(vblk->vdev, bit);
}

int virtblk_read_capacity(struct virtio_blk *vblk, sector_t *sectors)
{
	le64_t capacity;
	int err = READ_FIELD(vblk, capacity, &capacity);

	if (err)
		return err;
	*sectors = le64_to_cpu(capacity);
	if (*sectors >= MAX_SECTORS) {
		printk("%s: capacity %#llx sectors is not possible\n", vblk->vdev->name,
		       (unsigned long long)*sectors);
		return -EINVAL;
	}
	if (*sectors == 0)
		printk("%s: capacity is 0\n", vblk->vdev->name);
	return 0;
}

/* Block sizes and the hints around them. */
static int read_topology(struct virtio_blk *vblk, struct queue_limits *lim)
{
	u32 size = SECTOR_SIZE;
	le32_t blk_size, opt;
	le16_t min_io;
	u8 exp, align;

	if (has(vblk, VIRTIO_BLK_F_BLK_SIZE)) {
		if (READ_FIELD(vblk, blk_size, &blk_size))
			return -EIO;
		size = le32_to_cpu(blk_size);
	}
	if (size < SECTOR_SIZE || size > PAGE_SIZE || (size & (size - 1)) != 0) {
		printk("%s: block size %u is not possible\n", vblk->vdev->name, size);
		return -EINVAL;
	}
	lim->logical_block_size = lim->physical_block_size = lim->io_min_bytes = size;
	if (!has(vblk, VIRTIO_BLK_F_TOPOLOGY))
		return 0;
	if (READ_FIELD(vblk, topology.physical_block_exp, &exp) ||
	    READ_FIELD(vblk, topology.alignment_offset, &align) ||
	    READ_FIELD(vblk, topology.min_io_size, &min_io) ||
	    READ_FIELD(vblk, topology.opt_io_size, &opt))
		return -EIO;
	/* Only hints: nonsense is left out. */
	if (exp < 16)
		lim->physical_block_size = size << exp;
	lim->alignment_offset_bytes = size * align;
	lim->io_min_bytes = max(size * le16_to_cpu(min_io), lim->physical_block_size);
	if (le32_to_cpu(opt) < UINT32_MAX / size)
		lim->io_opt_bytes = size * le32_to_cpu(opt);
	return 0;
}

/* How long a request and its pieces may be. Without SEG_MAX, one piece. */
static int read_segments(struct virtio_blk *vblk, struct queue_limits *lim)
{
	bool indirect = has(vblk, VIRTIO_F_INDIRECT_DESC);
	u32 ring = vblk->vdev->vqs[0]->size, segments = 1;
	le32_t val;

	lim->max_segment_size_bytes = ALIGN_DOWN(UINT32_MAX, SECTOR_SIZE);
	if (has(vblk, VIRTIO_BLK_F_SIZE_MAX)) {
		if (READ_FIELD(vblk, size_max, &val))
			return -EIO;
		lim->max_segment_size_bytes = le32_to_cpu(val);
	}
	if (has(vblk, VIRTIO_BLK_F_SEG_MAX)) {
		if (READ_FIELD(vblk, seg_max, &val))
			return -EIO;
		segments = min(le32_to_cpu(val), VIRTBLK_MAX_SEGMENTS);
	}
	for (u16 i = 1; i < vblk->nr_queues; i++)
		ring = min(ring, (u32)vblk->vdev->vqs[i]->size);
	/* §2.7.5.3.1: no chain is longer than the ring. In a ring of 2 a request would not be
	 * possible; there its table of 3 is, which devices take. */
	segments = min(segments, max(ring, 3u) - 2);
	if (ring + (indirect ? 1u : 0u) < 3 ||
	    (u64)segments * lim->max_segment_size_bytes < lim->logical_block_size) {
		printk("%s: no room for a block: %u segments of %u bytes, ring of %u\n",
		       vblk->vdev->name, segments, lim->max_segment_size_bytes, ring);
		return -EINVAL;
	}
	lim->max_segments = (u16)segments;
	lim->max_sectors = VIRTBLK_MAX_SECTORS;
	return 0;
}

static int read_discard(struct virtio_blk *vblk, struct queue_limits *lim)
{
	le32_t sectors, align;

	if (has(vblk, VIRTIO_BLK_F_DISCARD)) {
		if (READ_FIELD(vblk, max_discard_sectors, &sectors) ||
		    READ_FIELD(vblk, discard_sector_alignment, &align))
			return -EIO;
		/* A request's length is counted in bytes, 32 bits. */
		lim->max_discard_sectors = min(le32_to_cpu(sectors), UINT32_MAX >> SECTOR_SHIFT);
		lim->max_discard_segments = 1;
		lim->discard_granularity_bytes = lim->logical_block_size;
		if (le32_to_cpu(align) < UINT32_MAX / SECTOR_SIZE)
			lim->discard_granularity_bytes =
				max(le32_to_cpu(align) * SECTOR_SIZE, lim->logical_block_size);
	}
	if (has(vblk, VIRTIO_BLK_F_WRITE_ZEROES)) {
		if (READ_FIELD(vblk, max_write_zeroes_sectors, &sectors))
			return -EIO;
		lim->max_write_zeroes_sectors =
			min(le32_to_cpu(sectors), UINT32_MAX >> SECTOR_SHIFT);
	}
	return 0;
}

int virtblk_read_limits(struct virtio_blk *vblk, struct queue_limits *lim)
{
	int err = read_topology(vblk, lim);

	if (!err)
		err = read_segments(vblk, lim);
	if (!err)
		err = read_discard(vblk, lim);
	return err;
}
