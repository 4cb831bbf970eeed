/*
 * What a mount finds on the device. Nothing here is believed before it was checked; what is wrong
 * is refused with one line that says what was found.
 */
#include "fs/ext2/ext2_load.h"

#include "block/genhd.h"
#include "fs/ext2/ext2.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

struct feature_name {
	u32 bit;
	const char *name;
};

static const struct feature_name incompat_names[] = {
	{0x1, "compression"},  {0x2, "filetype"},	{0x4, "recover (journal to replay)"},
	{0x8, "journal_dev"},  {0x10, "meta_bg"},	{0x40, "extents"},
	{0x80, "64bit"},       {0x100, "mmp"},		{0x200, "flex_bg"},
	{0x400, "ea_inode"},   {0x1000, "dirdata"},	{0x2000, "metadata_csum_seed"},
	{0x4000, "large_dir"}, {0x8000, "inline_data"}, {0x10000, "encrypt"},
	{0x20000, "casefold"},
};

static const struct feature_name ro_compat_names[] = {
	{0x1, "sparse_super"}, {0x2, "large_file"},	    {0x4, "btree_dir"},
	{0x8, "huge_file"},    {0x10, "uninit_bg"},	    {0x20, "dir_nlink"},
	{0x40, "extra_isize"}, {0x80, "has_snapshot"},	    {0x100, "quota"},
	{0x200, "bigalloc"},   {0x400, "metadata_csum"},    {0x800, "replica"},
	{0x1000, "read-only"}, {0x2000, "project"},	    {0x4000, "shared_blocks"},
	{0x8000, "verity"},    {0x10000, "orphan_present"},
};

void ext2_message(struct super_block *sb, const char *fmt, ...)
{
	char device[DISK_NAME_LEN + 8], message[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	bdev_name(sb->s_bdev, device, sizeof(device));
	printk("ext2: %s: %s\n", device, message);
}

bool ext2_options_ok(struct super_block *sb, const char *data)
{
	/* The one that says what we do anyway. */
	if (!data || !*data || strcmp(data, "errors=remount-ro") == 0)
		return true;
	ext2_message(sb, "unknown mount options \"%s\"", data);
	return false;
}

/* The names of the bits, with spaces between; bits without a name as a number. */
static void name_features(u32 bits, const struct feature_name *names, size_t count, char *buf,
			  size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < count && len < size; i++) {
		if (!(bits & names[i].bit))
			continue;
		bits &= ~names[i].bit;
		len += (size_t)snprintf(buf + len, size - len, " %s", names[i].name);
	}
	if (bits && len < size)
		snprintf(buf + len, size - len, " 0x%x", bits);
}

bool ext2_may_write(struct super_block *sb)
{
	const struct ext2_super_block *es = EXT2_SB(sb)->s_es;
	u32 unknown = le32_to_cpu(es->s_feature_ro_compat) & ~EXT2_FEATURE_RO_COMPAT_SUPP;
	char names[128];

	if (le32_to_cpu(es->s_rev_level) == EXT2_GOOD_OLD_REV || unknown == 0)
		return true;
	name_features(unknown, ro_compat_names, ARRAY_SIZE(ro_compat_names), names, sizeof(names));
	ext2_message(sb, "cannot be written because of features:%s", names);
	return false;
}

static int must_check check_features(struct super_block *sb)
{
	const struct ext2_super_block *es = EXT2_SB(sb)->s_es;
	u32 rev = le32_to_cpu(es->s_rev_level);
	u32 unknown = le32_to_cpu(es->s_feature_incompat) & ~EXT2_FEATURE_INCOMPAT_SUPP;
	char names[160];

	if (rev > EXT2_DYNAMIC_REV) {
		ext2_message(sb, "has revision %u, wanted 0 or 1", rev);
		return -EINVAL;
	}
	if (rev == EXT2_GOOD_OLD_REV || unknown == 0)
		return 0;
	name_features(unknown, incompat_names, ARRAY_SIZE(incompat_names), names, sizeof(names));
	ext2_message(sb, "cannot be mounted because of features that we lack:%s", names);
	return -EINVAL;
}

/* Read the superblock through buffers of `blocksize`. */
static int must_check read_super(struct super_block *sb, u32 blocksize)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct buffer_head *bh;
	int err = sb_set_blocksize(sb, blocksize);

	if (err) {
		ext2_message(sb, "has blocks of %u bytes, which the device cannot do", blocksize);
		return err;
	}
	bh = sb_bread(sb, EXT2_SB_OFFSET / blocksize);
	if (IS_ERR(bh)) {
		ext2_message(sb, "cannot read the superblock (%ld)", PTR_ERR(bh));
		return (int)PTR_ERR(bh);
	}
	sbi->s_sbh = bh;
	sbi->s_es = (void *)(bh->b_data + EXT2_SB_OFFSET % blocksize);
	return 0;
}

static int must_check find_super(struct super_block *sb, bool silent)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 blocksize = max(EXT2_MIN_BLOCK_SIZE, bdev_logical_block_size(sb->s_bdev));
	u32 log;
	int err = read_super(sb, blocksize);

	if (err)
		return err;
	if (le16_to_cpu(sbi->s_es->s_magic) != EXT2_SUPER_MAGIC) {
		if (!silent)
			ext2_message(sb, "holds no ext2 (magic 0x%04x, wanted 0x%04x)",
				     le16_to_cpu(sbi->s_es->s_magic), EXT2_SUPER_MAGIC);
		return -EINVAL;
	}
	log = le32_to_cpu(sbi->s_es->s_log_block_size);
	if (log > 2) {
		ext2_message(sb, "has blocks of 2^%u bytes, wanted 1, 2 or 4 KiB", log + 10);
		return -EINVAL;
	}
	if (EXT2_MIN_BLOCK_SIZE << log == blocksize)
		return 0;
	brelse(sbi->s_sbh);
	sbi->s_sbh = NULL;
	err = read_super(sb, EXT2_MIN_BLOCK_SIZE << log);
	if (!err && (le16_to_cpu(sbi->s_es->s_magic) != EXT2_SUPER_MAGIC ||
		     le32_to_cpu(sbi->s_es->s_log_block_size) != log))
		err = -EIO; /* it changed under us */
	return err;
}

/* Copy the geometry out of the superblock. Returns: what is wrong with it, or NULL. */
static const char *take_geometry(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	const struct ext2_super_block *es = sbi->s_es;
	bool old = le32_to_cpu(es->s_rev_level) == EXT2_GOOD_OLD_REV;
	u32 bs = sb->s_blocksize;
	u64 groups;

	sbi->s_inode_size = old ? EXT2_GOOD_OLD_INODE_SIZE : le16_to_cpu(es->s_inode_size);
	sbi->s_first_ino = old ? EXT2_GOOD_OLD_FIRST_INO : le32_to_cpu(es->s_first_ino);
	sbi->s_filetype = !old &&
			  (le32_to_cpu(es->s_feature_incompat) & EXT2_FEATURE_INCOMPAT_FILETYPE);
	sbi->s_blocks_count = le32_to_cpu(es->s_blocks_count);
	sbi->s_first_data_block = le32_to_cpu(es->s_first_data_block);
	sbi->s_blocks_per_group = le32_to_cpu(es->s_blocks_per_group);
	sbi->s_inodes_count = le32_to_cpu(es->s_inodes_count);
	sbi->s_inodes_per_group = le32_to_cpu(es->s_inodes_per_group);
	if (sbi->s_inode_size < EXT2_GOOD_OLD_INODE_SIZE || sbi->s_inode_size > bs ||
	    (sbi->s_inode_size & (sbi->s_inode_size - 1)) != 0)
		return "inode size";
	sbi->s_inodes_per_block = bs / sbi->s_inode_size;
	sbi->s_desc_per_block = bs / (u32)sizeof(struct ext2_group_desc);
	if (sbi->s_first_data_block != (bs == EXT2_MIN_BLOCK_SIZE ? 1 : 0) ||
	    sbi->s_blocks_count <= sbi->s_first_data_block)
		return "block count";
	if (sbi->s_blocks_per_group == 0 || sbi->s_blocks_per_group > bs * 8 ||
	    sbi->s_blocks_per_group % 8 != 0)
		return "blocks per group";
	if (sbi->s_inodes_per_group < sbi->s_inodes_per_block || sbi->s_inodes_per_group > bs * 8)
		return "inodes per group";
	sbi->s_itb_per_group = DIV_ROUND_UP(sbi->s_inodes_per_group, sbi->s_inodes_per_block);
	groups = DIV_ROUND_UP((u64)sbi->s_blocks_count - sbi->s_first_data_block,
			      sbi->s_blocks_per_group);
	if (groups * sbi->s_inodes_per_group != sbi->s_inodes_count)
		return "inode count";
	if (sbi->s_first_ino < EXT2_GOOD_OLD_FIRST_INO || sbi->s_first_ino > sbi->s_inodes_count)
		return "first inode";
	if (le32_to_cpu(es->s_r_blocks_count) > sbi->s_blocks_count)
		return "reserved block count";
	sbi->s_groups_count = (u32)groups;
	sbi->s_gdb_count = DIV_ROUND_UP(sbi->s_groups_count, sbi->s_desc_per_block);
	return NULL;
}

static int must_check check_geometry(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u64 device = bdev_nr_sectors(sb->s_bdev) / (sb->s_blocksize / SECTOR_SIZE);
	const char *wrong = take_geometry(sb);

	if (wrong) {
		ext2_message(sb, "has a superblock with an impossible %s", wrong);
		return -EUCLEAN;
	}
	if (sbi->s_blocks_count > device) {
		ext2_message(sb, "is truncated: the filesystem has %u blocks, the device %llu",
			     sbi->s_blocks_count, (unsigned long long)device);
		return -EUCLEAN;
	}
	sb->s_maxbytes = ext2_max_size(sb->s_blocksize_bits);
	if (le32_to_cpu(sbi->s_es->s_rev_level) == EXT2_GOOD_OLD_REV)
		sb->s_maxbytes = min(sb->s_maxbytes, (u64)INT32_MAX);
	return 0;
}

static int must_check read_descriptors(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);

	sbi->s_group_desc = kcalloc(sbi->s_gdb_count, sizeof(struct buffer_head *), GFP_KERNEL);
	if (!sbi->s_group_desc)
		return -ENOMEM;
	for (u32 i = 0; i < sbi->s_gdb_count; i++) {
		struct buffer_head *bh = sb_bread(sb, sbi->s_first_data_block + 1 + i);

		if (IS_ERR(bh)) {
			ext2_message(sb, "cannot read the group descriptors (%ld)", PTR_ERR(bh));
			return (int)PTR_ERR(bh);
		}
		sbi->s_group_desc[i] = bh;
	}
	sbi->s_overhead_blocks = sbi->s_first_data_block;
	for (u32 group = 0; group < sbi->s_groups_count; group++) {
		if (!ext2_group_desc_ok(sb, group)) {
			ext2_message(sb, "has an impossible descriptor of group %u", group);
			return -EUCLEAN;
		}
		sbi->s_overhead_blocks += 2 + sbi->s_itb_per_group;
		if (ext2_bg_has_super(sbi, group))
			sbi->s_overhead_blocks += 1 + sbi->s_gdb_count;
	}
	return 0;
}

void ext2_count_free(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);

	mutex_lock(&sbi->s_alloc_lock);
	sbi->s_free_blocks = sbi->s_free_inodes = 0;
	for (u32 group = 0; group < sbi->s_groups_count; group++) {
		const struct ext2_group_desc *desc = ext2_group_desc(sb, group, NULL);

		sbi->s_free_blocks += le16_to_cpu(desc->bg_free_blocks_count);
		sbi->s_free_inodes += le16_to_cpu(desc->bg_free_inodes_count);
	}
	mutex_unlock(&sbi->s_alloc_lock);
}

int ext2_load(struct super_block *sb, bool silent)
{
	struct ext2_sb_info *sbi = kzalloc(sizeof(*sbi), GFP_KERNEL);
	int err;

	if (!sbi)
		return -ENOMEM;
	mutex_init(&sbi->s_alloc_lock);
	sbi->s_next_generation = (u32)current_time().tv_nsec;
	sb->s_fs_info = sbi;
	err = find_super(sb, silent);
	if (!err)
		err = check_features(sb);
	if (!err)
		err = check_geometry(sb);
	if (!err)
		err = read_descriptors(sb);
	if (err) {
		ext2_unload(sb);
		return err;
	}
	ext2_count_free(sb);
	return 0;
}

void ext2_unload(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);

	for (u32 i = 0; sbi->s_group_desc && i < sbi->s_gdb_count; i++)
		brelse(sbi->s_group_desc[i]);
	kfree(sbi->s_group_desc);
	brelse(sbi->s_sbh);
	kfree(sbi);
	sb->s_fs_info = NULL;
}
