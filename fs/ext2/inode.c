/*
 * Inodes between disk and memory: reading, writing, the end of a deleted one, and attributes.
 */
#include "fs/ext2/ext2.h"

#include "block/genhd.h"
#include "fs/ext2/ext2_meta.h"
#include "fs/file.h"

#define EVICT_TRIES 8

/* Is the field within the part of the raw inode that is in use? */
#define EXT2_FITS(raw, extra_isize, field)                            \
	(offsetof(struct ext2_inode, field) + sizeof((raw)->field) <= \
	 EXT2_GOOD_OLD_INODE_SIZE + (u32)(extra_isize))

struct ext2_inode *ext2_raw_inode(struct super_block *sb, ino_t ino, struct buffer_head **bh)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 nr = (u32)ino - 1, index = nr % sbi->s_inodes_per_group;
	u32 table = le32_to_cpu(
		ext2_group_desc(sb, nr / sbi->s_inodes_per_group, NULL)->bg_inode_table);

	*bh = sb_bread(sb, table + index / sbi->s_inodes_per_block);
	if (IS_ERR(*bh))
		return ERR_CAST(*bh);
	return (void *)((*bh)->b_data + index % sbi->s_inodes_per_block * sbi->s_inode_size);
}

/* Bytes behind the first 128 that are in use, 0 when what the inode says is impossible. */
static u32 extra_isize_of(const struct ext2_sb_info *sbi, const struct ext2_inode *raw)
{
	u32 extra;

	if (sbi->s_inode_size == EXT2_GOOD_OLD_INODE_SIZE)
		return 0;
	extra = le16_to_cpu(raw->i_extra_isize);
	return EXT2_GOOD_OLD_INODE_SIZE + extra <= sbi->s_inode_size ? extra : 0;
}

static struct timespec64 decode_time(le32_t seconds, u32 extra)
{
	return (struct timespec64){
		.tv_sec = (s32)le32_to_cpu(seconds) + ((s64)(extra & 3) << 32),
		.tv_nsec = min(extra >> 2, 999999999u),
	};
}

static le32_t encode_time(const struct timespec64 *t, bool wide)
{
	s64 max_sec = wide ? INT32_MAX + (3ll << 32) : INT32_MAX;

	return cpu_to_le32((u32)max(min(t->tv_sec, max_sec), (s64)INT32_MIN));
}

static le32_t encode_extra(const struct timespec64 *t)
{
	u32 epoch = (u32)((t->tv_sec - (s32)t->tv_sec) >> 32) & 3;

	return cpu_to_le32(epoch | (u32)t->tv_nsec << 2);
}

static void read_times(struct inode *inode, const struct ext2_inode *raw, u32 extra)
{
	u32 a = 0, m = 0, c = 0;

	if (EXT2_FITS(raw, extra, i_atime_extra)) {
		a = le32_to_cpu(raw->i_atime_extra);
		m = le32_to_cpu(raw->i_mtime_extra);
		c = le32_to_cpu(raw->i_ctime_extra);
	}
	inode->i_atime = decode_time(raw->i_atime, a);
	inode->i_mtime = decode_time(raw->i_mtime, m);
	inode->i_ctime = decode_time(raw->i_ctime, c);
}

static void write_times(const struct inode *inode, struct ext2_inode *raw, u32 extra)
{
	bool wide = EXT2_FITS(raw, extra, i_atime_extra);

	raw->i_atime = encode_time(&inode->i_atime, wide);
	raw->i_mtime = encode_time(&inode->i_mtime, wide);
	raw->i_ctime = encode_time(&inode->i_ctime, wide);
	if (!wide)
		return;
	raw->i_atime_extra = encode_extra(&inode->i_atime);
	raw->i_mtime_extra = encode_extra(&inode->i_mtime);
	raw->i_ctime_extra = encode_extra(&inode->i_ctime);
}

/* Does the inode make sense? Returns: what is wrong, or NULL. */
static const char *check_inode(struct inode *inode, u32 flags)
{
	u64 size = (u64)inode->i_size;
	u32 blocksize = inode->i_sb->s_blocksize;

	if (inode->i_nlink == 0)
		return "is deleted but has a name";
	if (flags & (EXT2_EXTENTS_FL | EXT2_INLINE_DATA_FL))
		return "has a format that ext2 has not";
	if (size > inode->i_sb->s_maxbytes)
		return "has an impossible size";
	switch (inode->i_mode & S_IFMT) {
	case S_IFDIR:
		/* Directories have no holes. */
		return size == 0 || size % blocksize || size / SECTOR_SIZE > inode->i_blocks ?
			       "is a directory of a wrong size" :
			       NULL;
	case S_IFLNK:
		return size == 0 || size >= blocksize ? "is a link of a wrong size" : NULL;
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return NULL;
	default:
		return "has no known type";
	}
}

/* As Linux: 16 bits, or if the first word is 0, the wider form in the second one. */
static dev_t decode_dev(const struct ext2_inode_info *ei)
{
	u32 old = le32_to_cpu(ei->i_data[0]), new = le32_to_cpu(ei->i_data[1]);

	if (old)
		return MKDEV(old >> 8 & 0xff, old & 0xff);
	return MKDEV(new >> 8 & 0xfff, (new & 0xff) | (new >> 12 & 0xfff00));
}

static void encode_dev(struct ext2_inode_info *ei, dev_t dev)
{
	u32 major = MAJOR(dev), minor = MINOR(dev);

	ei->i_data[0] = ei->i_data[1] = ei->i_data[2] = cpu_to_le32(0);
	if (major < 256 && minor < 256)
		ei->i_data[0] = cpu_to_le32(major << 8 | minor);
	else
		ei->i_data[1] = cpu_to_le32((minor & 0xff) | major << 8 | (minor & 0xfff00) << 12);
}

static void decode_inode(struct inode *inode, const struct ext2_inode *raw)
{
	struct ext2_inode_info *ei = EXT2_I(inode);

	inode->i_mode = le16_to_cpu(raw->i_mode);
	inode->i_uid = le16_to_cpu(raw->i_uid) | (u32)le16_to_cpu(raw->i_uid_high) << 16;
	inode->i_gid = le16_to_cpu(raw->i_gid) | (u32)le16_to_cpu(raw->i_gid_high) << 16;
	inode->i_nlink = le16_to_cpu(raw->i_links_count);
	inode->i_size = le32_to_cpu(raw->i_size);
	if (S_ISREG(inode->i_mode))
		inode->i_size |= (loff_t)((u64)le32_to_cpu(raw->i_size_high) << 32);
	inode->i_blocks = le32_to_cpu(raw->i_blocks);
	inode->i_blkbits = inode->i_sb->s_blocksize_bits;
	inode->i_generation = le32_to_cpu(raw->i_generation);
	read_times(inode, raw, extra_isize_of(EXT2_SB(inode->i_sb), raw));
	ei->i_flags = le32_to_cpu(raw->i_flags);
	ei->i_file_acl = le32_to_cpu(raw->i_file_acl);
	ei->i_dtime = 0;
	memcpy(ei->i_data, raw->i_block, sizeof(ei->i_data));
}

struct inode *ext2_iget(struct super_block *sb, u32 ino)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct ext2_inode *raw;
	struct buffer_head *bh;
	struct inode *inode;
	const char *wrong;
	int err;

	if ((ino != EXT2_ROOT_INO && ino < sbi->s_first_ino) || ino > sbi->s_inodes_count) {
		ext2_error(sb, "inode number %u is out of range", ino);
		return ERR_PTR(-EUCLEAN);
	}
	inode = iget_locked(sb, ino);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (!test_bit(I_NEW, &inode->i_state))
		return inode;
	raw = ext2_raw_inode(sb, ino, &bh);
	if (IS_ERR(raw)) {
		err = (int)PTR_ERR(raw);
		goto err_iget;
	}
	decode_inode(inode, raw);
	brelse(bh);
	wrong = check_inode(inode, EXT2_I(inode)->i_flags);
	if (wrong) {
		ext2_error(sb, "inode %u %s", ino, wrong);
		err = -EUCLEAN;
		goto err_iget;
	}
	EXT2_I(inode)->i_on_disk = true;
	if (S_ISCHR(inode->i_mode) || S_ISBLK(inode->i_mode))
		inode->i_rdev = decode_dev(EXT2_I(inode));
	ext2_set_inode_ops(inode);
	unlock_new_inode(inode);
	return inode;

err_iget:
	iget_failed(inode);
	return ERR_PTR(err);
}

void ext2_set_inode_ops(struct inode *inode)
{
	if (S_ISREG(inode->i_mode)) {
		inode->i_op = &ext2_file_inode_operations;
		inode->i_fop = &ext2_file_operations;
		inode->i_data.a_ops = &ext2_aops;
	} else if (S_ISDIR(inode->i_mode)) {
		inode->i_op = &ext2_dir_inode_operations;
		inode->i_fop = &ext2_dir_operations;
	} else if (S_ISLNK(inode->i_mode)) {
		inode->i_op = &ext2_symlink_inode_operations;
	} else {
		inode->i_op = &ext2_special_inode_operations;
		init_special_inode(inode, inode->i_mode, inode->i_rdev);
	}
}

static void encode_inode(struct inode *inode, struct ext2_inode *raw, bool fresh)
{
	struct ext2_sb_info *sbi = EXT2_SB(inode->i_sb);
	struct ext2_inode_info *ei = EXT2_I(inode);

	if (fresh) {
		memset(raw, 0, sbi->s_inode_size);
		if (sbi->s_inode_size >= sizeof(*raw)) {
			raw->i_extra_isize = cpu_to_le16(sizeof(*raw) - EXT2_GOOD_OLD_INODE_SIZE);
			raw->i_crtime = encode_time(&inode->i_ctime, true);
			raw->i_crtime_extra = encode_extra(&inode->i_ctime);
		}
	}
	raw->i_mode = cpu_to_le16((u16)inode->i_mode);
	raw->i_uid = cpu_to_le16((u16)inode->i_uid);
	raw->i_uid_high = cpu_to_le16((u16)(inode->i_uid >> 16));
	raw->i_gid = cpu_to_le16((u16)inode->i_gid);
	raw->i_gid_high = cpu_to_le16((u16)(inode->i_gid >> 16));
	raw->i_links_count = cpu_to_le16((u16)inode->i_nlink);
	raw->i_size = cpu_to_le32((u32)inode->i_size);
	if (S_ISREG(inode->i_mode))
		raw->i_size_high = cpu_to_le32((u32)((u64)inode->i_size >> 32));
	raw->i_blocks = cpu_to_le32((u32)inode->i_blocks);
	raw->i_generation = cpu_to_le32(inode->i_generation);
	write_times(inode, raw, extra_isize_of(sbi, raw));
	raw->i_dtime = cpu_to_le32(ei->i_dtime);
	raw->i_flags = cpu_to_le32(ei->i_flags);
	raw->i_file_acl = cpu_to_le32(ei->i_file_acl);
	if (S_ISCHR(inode->i_mode) || S_ISBLK(inode->i_mode))
		encode_dev(ei, inode->i_rdev);
	memcpy(raw->i_block, ei->i_data, sizeof(ei->i_data));
}

int ext2_update_inode(struct inode *inode, bool wait, bool fresh)
{
	struct super_block *sb = inode->i_sb;
	struct buffer_head *bh;
	struct ext2_inode *raw = ext2_raw_inode(sb, inode->i_ino, &bh);
	int err;

	if (IS_ERR(raw))
		return (int)PTR_ERR(raw);
	err = ext2_get_write_access(sb, bh);
	if (!err && S_ISREG(inode->i_mode) && inode->i_size > INT32_MAX)
		err = ext2_need_large_file(sb);
	if (!err) {
		encode_inode(inode, raw, fresh);
		ext2_dirty_metadata(NULL, bh);
		if (wait)
			err = sync_dirty_buffer(bh);
	}
	brelse(bh);
	return err;
}

int ext2_write_inode(struct inode *inode, bool wait)
{
	return EXT2_I(inode)->i_on_disk ? ext2_update_inode(inode, wait, false) : 0;
}

/* Free a deleted inode and all that belongs to it. */
static int must_check delete_inode(struct inode *inode)
{
	struct ext2_inode_info *ei = EXT2_I(inode);
	int err;

	ei->i_dtime = (u32)max(current_time().tv_sec, (s64)1);
	inode->i_size = 0;
	err = ext2_truncate_blocks(inode, 0);
	if (!err)
		err = ext2_free_xattr_block(inode);
	if (!err) {
		ei->i_file_acl = 0;
		err = ext2_update_inode(inode, false, false);
	}
	return err ? err : ext2_free_inode(inode);
}

void ext2_evict_inode(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	int err;

	truncate_inode_pages(&inode->i_data, 0);
	if (inode->i_nlink || !EXT2_I(inode)->i_on_disk || sb_rdonly(sb))
		return;
	for (int tries = 0; tries < EVICT_TRIES; tries++) {
		err = delete_inode(inode);
		if (err != -ENOMEM)
			break;
	}
	if (err && !READ_ONCE(EXT2_SB(sb)->s_aborted))
		ext2_error(sb, "inode %llu could not be freed (%d)",
			   (unsigned long long)inode->i_ino, err);
}

int ext2_setattr(struct inode *inode, const struct iattr *attr)
{
	if (attr->ia_valid & ATTR_SIZE) {
		int err = -EINVAL;

		if (S_ISREG(inode->i_mode))
			err = ext2_setsize(inode, attr->ia_size);
		if (err)
			return err;
	}
	inode_setattr_copy(inode, attr);
	mark_inode_dirty(inode);
	return 0;
}
