/*
 * What a mount finds on the device. Nothing is believed before it was checked. A wrong value is
 * refused with one line that says what was found.
 * Also there: a superblock is read and checked
 */
#include "fs/ext2/ext2.h"

#include "block/genhd.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsnprintf.h"
#include "kernel/mm/kmalloc.h"

/* By bit; NULL where none is assigned. */
static const char *const incompat_names[32] = {
	"compression",
	"filetype",
	"recover (journal to replay)",
	"journal_dev",
	"meta_bg",
	NULL,
	"extents",
	"64bit",
	"mmp",
	"flex_bg",
	"ea_inode",
	NULL,
	"dirdata",
	"metadata_csum_seed",
	"large_dir",
	"inline_data",
	"encrypt",
	"casefold",
};
static const char *const ro_compat_names[32] = {
	"sparse_super", "large_file",	"btree_dir",	 "huge_file", "uninit_bg",	"dir_nlink",
	"extra_isize",	"has_snapshot", "quota",	 "bigalloc",  "metadata_csum",	"replica",
	"read-only",	"project",	"shared_blocks", "verity",    "orphan_present",
};

int ext2_refuse(struct super_block *sb, int err, const char *fmt, ...)
{
	char device[DISK_NAME_LEN + 8], message[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	bdev_name(sb->s_bdev, device, sizeof(device));
	printk("ext2: %s: %s\n", device, message);
	return err;
}

/* Returns: 0 without such bits (or features at all), -EINVAL with a line that names them. */
static int check_features(struct super_block *sb, u32 bits, const char *const *names,
			  const char *complaint)
{
	char list[160];
	size_t len = 0;

	if (!bits)
		return 0;
	for (u32 i = 0; i < 32 && len < sizeof(list); i++)
		if (bits >> i & 1)
			len += (size_t)snprintf(list + len, sizeof(list) - len, " %s",
						names[i] ? names[i] : "unknown");
	return ext2_refuse(sb, -EINVAL, "%s because of features that we lack:%s", complaint, list);
}

bool ext2_may_write(struct super_block *sb)
{
	u32 features = le32_to_cpu(EXT2_SB(sb)->s_es->s_feature_ro_compat);

	return !bdev_read_only(sb->s_bdev) &&
	       check_features(sb, features & ~EXT2_FEATURE_RO_COMPAT_SUPP, ro_compat_names,
			      "cannot be written") == 0;
}

/* Read the superblock through buffers of `blocksize`, its place known whatever its own size. */
static int read_super(struct super_block *sb, u32 blocksize)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	int err = sb_set_blocksize(sb, blocksize);

	brelse(sbi->s_sbh);
	sbi->s_sbh = err ? ERR_PTR(err) : sb_bread(sb, EXT2_SB_OFFSET / blocksize);
	if (IS_ERR(sbi->s_sbh)) {
		err = (int)PTR_ERR(sbi->s_sbh);
		sbi->s_sbh = NULL;
		return ext2_refuse(sb, err, "cannot read the superblock (error %d)", err);
	}
	sbi->s_es = (void *)(sbi->s_sbh->b_data + EXT2_SB_OFFSET % blocksize);
	return 0;
}

static int find_super(struct super_block *sb, bool silent)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 blocksize = max(EXT2_MIN_BLOCK_SIZE, bdev_logical_block_size(sb->s_bdev));
	u32 log, magic, rev;
	int err = read_super(sb, blocksize);

	if (err)
		return err;
	magic = le16_to_cpu(sbi->s_es->s_magic);
	log = le32_to_cpu(sbi->s_es->s_log_block_size);
	rev = le32_to_cpu(sbi->s_es->s_rev_level);
	if (magic != EXT2_SUPER_MAGIC)
		return silent ? -EINVAL :
				ext2_refuse(sb, -EINVAL,
					    "no ext2 here (magic 0x%04x, wanted 0x%04x)", magic,
					    EXT2_SUPER_MAGIC);
	err = check_features(
		sb, le32_to_cpu(sbi->s_es->s_feature_incompat) & ~EXT2_FEATURE_INCOMPAT_SUPP,
		incompat_names, "cannot be mounted");
	if (err)
		return err;
	if (rev > EXT2_DYNAMIC_REV || log > 2)
		return ext2_refuse(sb, -EINVAL, "has revision %u (wanted 0 or 1) or %u KiB blocks",
				   rev, 1u << log % 32);
	return EXT2_MIN_BLOCK_SIZE << log == blocksize ? 0 :
							 read_super(sb, EXT2_MIN_BLOCK_SIZE << log);
}

/* Copy the geometry out of the superblock. Returns: whether it makes sense. */
static bool take_geometry(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	const struct ext2_super_block *es = sbi->s_es;
	bool old = le32_to_cpu(es->s_rev_level) == EXT2_GOOD_OLD_REV;
	u32 bs = sb->s_blocksize;
	u64 groups;

	sbi->s_inode_size = old ? EXT2_GOOD_OLD_INODE_SIZE : le16_to_cpu(es->s_inode_size);
	sbi->s_first_ino = old ? EXT2_GOOD_OLD_FIRST_INO : le32_to_cpu(es->s_first_ino);
	sbi->s_filetype = le32_to_cpu(es->s_feature_incompat) & EXT2_FEATURE_INCOMPAT_FILETYPE;
	sbi->s_blocks_count = le32_to_cpu(es->s_blocks_count);
	sbi->s_first_data_block = le32_to_cpu(es->s_first_data_block);
	sbi->s_blocks_per_group = le32_to_cpu(es->s_blocks_per_group);
	sbi->s_inodes_count = le32_to_cpu(es->s_inodes_count);
	sbi->s_inodes_per_group = le32_to_cpu(es->s_inodes_per_group);
	sbi->s_desc_per_block = bs / (u32)sizeof(struct ext2_group_desc);
	if (sbi->s_inode_size < EXT2_GOOD_OLD_INODE_SIZE || sbi->s_inode_size > bs ||
	    (sbi->s_inode_size & (sbi->s_inode_size - 1)) != 0 ||
	    sbi->s_first_data_block != (bs == EXT2_MIN_BLOCK_SIZE ? 1 : 0) ||
	    sbi->s_blocks_count <= sbi->s_first_data_block || sbi->s_blocks_per_group == 0 ||
	    sbi->s_blocks_per_group > bs * 8 || sbi->s_blocks_per_group % 8 != 0)
		return false;
	groups = DIV_ROUND_UP((u64)sbi->s_blocks_count - sbi->s_first_data_block,
			      sbi->s_blocks_per_group);
	sbi->s_groups_count = (u32)groups;
	sbi->s_gdb_count = DIV_ROUND_UP(sbi->s_groups_count, sbi->s_desc_per_block);
	sbi->s_inodes_per_block = bs / sbi->s_inode_size;
	sbi->s_itb_per_group = DIV_ROUND_UP(sbi->s_inodes_per_group, sbi->s_inodes_per_block);
	return sbi->s_inodes_per_group >= sbi->s_inodes_per_block &&
	       sbi->s_inodes_per_group <= bs * 8 &&
	       groups * sbi->s_inodes_per_group == sbi->s_inodes_count &&
	       sbi->s_first_ino >= EXT2_GOOD_OLD_FIRST_INO &&
	       sbi->s_first_ino <= sbi->s_inodes_count;
}

static int check_geometry(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u64 device = bdev_nr_sectors(sb->s_bdev) / (sb->s_blocksize / SECTOR_SIZE);

	if (!take_geometry(sb))
		return ext2_refuse(sb, -EUCLEAN, "is impossible: %u blocks, %u inodes of %u bytes",
				   sbi->s_blocks_count, sbi->s_inodes_count, sbi->s_inode_size);
	if (sbi->s_blocks_count > device)
		return ext2_refuse(sb, -EUCLEAN, "is truncated: has %llu of the %u blocks",
				   (unsigned long long)device, sbi->s_blocks_count);
	sb->s_maxbytes = ext2_max_size(sb->s_blocksize_bits);
	return 0;
}

static int read_descriptors(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);

	sbi->s_group_desc = kcalloc(sbi->s_gdb_count, sizeof(struct buffer_head *), GFP_KERNEL);
	if (!sbi->s_group_desc)
		return -ENOMEM;
	for (u32 i = 0; i < sbi->s_gdb_count; i++) {
		struct buffer_head *bh = sb_bread(sb, sbi->s_first_data_block + 1 + i);

		if (IS_ERR(bh))
			return ext2_refuse(sb, (int)PTR_ERR(bh), "cannot read its descriptors");
		sbi->s_group_desc[i] = bh;
	}
	sbi->s_overhead_blocks = sbi->s_first_data_block;
	for (u32 group = 0; group < sbi->s_groups_count; group++) {
		if (!ext2_group_desc_ok(sb, group))
			return ext2_refuse(sb, -EUCLEAN, "has an impossible descriptor of group %u",
					   group);
		sbi->s_overhead_blocks += 2 + sbi->s_itb_per_group;
		if (ext2_bg_has_super(sbi, group))
			sbi->s_overhead_blocks += 1 + sbi->s_gdb_count;
	}
	return 0;
}

void ext2_count_free(struct super_block *sb)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	const struct ext2_group_desc *desc;
	struct buffer_head *bh;

	sbi->s_free_blocks = sbi->s_free_inodes = 0;
	for (u32 group = 0; group < sbi->s_groups_count; group++) {
		desc = ext2_group_desc(sb, group, &bh);
		sbi->s_free_blocks += le16_to_cpu(desc->bg_free_blocks_count);
		sbi->s_free_inodes += le16_to_cpu(desc->bg_free_inodes_count);
	}
}

int ext2_load(struct super_block *sb, bool silent)
{
	struct ext2_sb_info *sbi = kzalloc(sizeof(*sbi), GFP_KERNEL);
	int err;

	if (!sbi)
		return -ENOMEM;
	mutex_init(&sbi->s_alloc_lock);
	sb->s_fs_info = sbi;
	err = find_super(sb, silent) ?: check_geometry(sb) ?: read_descriptors(sb);
	if (err)
		ext2_unload(sb);
	else
		ext2_count_free(sb);
	return err;
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
