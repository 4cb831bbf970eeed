/*
 * Inodes between disk and memory: reading, writing, and attributes.
 * Also there: inodes on the disk
 */
#include "fs/ext2/ext2.h"

#include "block/genhd.h"
#include "fs/ext2/ext2_meta.h"
#include "fs/file.h"
#include "fs/nodes/special.h"

/* By enum dirent_type: FIFO, char device, directory, block device, file, symlink, socket. */
#define KNOWN_TYPES 0x1556u

/* The inode's bytes in the inode table; brelse(*bh). Returns: ERR_PTR. */
static struct ext2_inode *raw_inode(struct super_block *sb, ino_t ino, struct buffer_head **bh)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	u32 nr = (u32)ino - 1, index = nr % sbi->s_inodes_per_group;
	u32 table =
		le32_to_cpu(ext2_group_desc(sb, nr / sbi->s_inodes_per_group, bh)->bg_inode_table);

	*bh = sb_bread(sb, table + index / sbi->s_inodes_per_block);
	if (IS_ERR(*bh))
		return ERR_CAST(*bh);
	return (void *)((*bh)->b_data + index % sbi->s_inodes_per_block * sbi->s_inode_size);
}

/* Are the nanoseconds of the times within the part of the raw inode that is in use? */
static bool has_wide_times(const struct ext2_sb_info *sbi, const struct ext2_inode *raw)
{
	u32 end = offsetof(struct ext2_inode, i_atime_extra) + sizeof(raw->i_atime_extra);

	return sbi->s_inode_size > EXT2_GOOD_OLD_INODE_SIZE &&
	       EXT2_GOOD_OLD_INODE_SIZE + le16_to_cpu(raw->i_extra_isize) >= end;
}

static struct timespec64 decode_time(le32_t seconds, const le32_t *extra)
{
	u32 x = extra ? le32_to_cpu(*extra) : 0;

	return (struct timespec64){
		.tv_sec = (s32)le32_to_cpu(seconds) + ((s64)(x & 3) << 32),
		.tv_nsec = min(x >> 2, 999999999u),
	};
}

/* What of a time the disk keeps, as Linux's timestamp_truncate: seconds of 32 bits, or with the
 * wide form of 34 and nanoseconds. */
static struct timespec64 kept_time(struct timespec64 t, bool wide)
{
	s64 last = wide ? INT32_MAX + (3ll << 32) : INT32_MAX;
	s64 sec = max(min(t.tv_sec, last), (s64)INT32_MIN);

	return (struct timespec64){sec, wide && sec != last && sec != INT32_MIN ? t.tv_nsec : 0};
}

static void encode_time(const struct timespec64 *time, le32_t *seconds, le32_t *extra)
{
	struct timespec64 t = kept_time(*time, extra);
	s64 sec = t.tv_sec;

	*seconds = cpu_to_le32((u32)sec);
	if (extra)
		*extra = cpu_to_le32(((u32)((sec - (s32)sec) >> 32) & 3) | (u32)t.tv_nsec << 2);
}

static bool is_device(const struct inode *inode)
{
	return S_ISCHR(inode->i_mode) || S_ISBLK(inode->i_mode);
}

/* Does the inode make sense? Returns: 0 or -EUCLEAN. */
static int check_inode(struct inode *inode)
{
	struct ext2_inode_info *ei = EXT2_I(inode);
	u64 size = (u64)inode->i_size;
	u32 blocksize = inode->i_sb->s_blocksize;
	const char *wrong = NULL;

	if (inode->i_nlink == 0)
		wrong = "is deleted but has a name";
	else if (ei->i_flags & (EXT2_EXTENTS_FL | EXT2_INLINE_DATA_FL))
		wrong = "has a format that ext2 has not";
	else if (S_ISDIR(inode->i_mode) && /* these have no holes */
		 (!size || size % blocksize || size / SECTOR_SIZE > inode->i_blocks))
		wrong = "is a directory of a wrong size";
	else if (S_ISLNK(inode->i_mode) &&
		 (!size || size >= blocksize ||
		  (ext2_is_fast_symlink(inode) && size >= sizeof(ei->i_data))))
		wrong = "is a link of a wrong size";
	else if (size > inode->i_sb->s_maxbytes)
		wrong = "has an impossible size";
	else if (!(KNOWN_TYPES >> mode_to_dtype(inode->i_mode) & 1))
		wrong = "has no known type";
	return wrong ? ext2_inode_error(inode, "%s", wrong) : 0;
}

/* As Linux: 16 bits, or if the first word is 0, the wider form in the second one. */
static dev_t decode_dev(const struct ext2_inode_info *ei)
{
	u32 old = le32_to_cpu(ei->i_data[0]), new = le32_to_cpu(ei->i_data[1]);

	return old ? MKDEV(old >> 8 & 0xff, old & 0xff) :
		     MKDEV(new >> 8 & 0xfff, (new & 0xff) | (new >> 12 & 0xfff00));
}

static void encode_dev(struct ext2_inode_info *ei, u32 major, u32 minor)
{
	bool fits = major < 256 && minor < 256;
	u32 wide = (minor & 0xff) | major << 8 | (minor & 0xfff00) << 12;

	ei->i_data[0] = cpu_to_le32(fits ? major << 8 | minor : 0);
	ei->i_data[1] = cpu_to_le32(fits ? 0 : wide);
}

static void decode_inode(struct inode *inode, const struct ext2_inode *raw)
{
	struct ext2_inode_info *ei = EXT2_I(inode);
	bool wide = has_wide_times(EXT2_SB(inode->i_sb), raw);

	inode->i_mode = le16_to_cpu(raw->i_mode);
	inode->i_uid = le16_to_cpu(raw->i_uid) | (u32)le16_to_cpu(raw->i_uid_high) << 16;
	inode->i_gid = le16_to_cpu(raw->i_gid) | (u32)le16_to_cpu(raw->i_gid_high) << 16;
	inode->i_nlink = le16_to_cpu(raw->i_links_count);
	inode->i_size = le32_to_cpu(raw->i_size);
	if (S_ISREG(inode->i_mode))
		inode->i_size |= (loff_t)((u64)le32_to_cpu(raw->i_size_high) << 32);
	inode->i_blocks = le32_to_cpu(raw->i_blocks);
	inode->i_atime = decode_time(raw->i_atime, wide ? &raw->i_atime_extra : NULL);
	inode->i_mtime = decode_time(raw->i_mtime, wide ? &raw->i_mtime_extra : NULL);
	inode->i_ctime = decode_time(raw->i_ctime, wide ? &raw->i_ctime_extra : NULL);
	ei->i_wide_times = wide;
	ei->i_flags = le32_to_cpu(raw->i_flags);
	ei->i_file_acl = le32_to_cpu(raw->i_file_acl);
	memcpy(ei->i_data, raw->i_block, sizeof(ei->i_data));
}

void ext2_set_inode_ops(struct inode *inode)
{
	const struct ext2_inode_tables *tables = EXT2_SB(inode->i_sb)->s_inode_tables;

	if (S_ISREG(inode->i_mode)) {
		inode->i_op = tables->file_inode;
		inode->i_fop = tables->file;
		inode->i_data.a_ops = tables->aops;
	} else if (S_ISDIR(inode->i_mode)) {
		inode->i_op = tables->dir_inode;
		inode->i_fop = tables->dir;
	} else if (S_ISLNK(inode->i_mode)) {
		inode->i_op = tables->symlink_inode;
	} else {
		inode->i_op = tables->file_inode;
		init_special_inode(inode, inode->i_mode, inode->i_rdev);
	}
}

struct inode *ext2_iget(struct super_block *sb, u32 ino)
{
	struct ext2_sb_info *sbi = EXT2_SB(sb);
	struct ext2_inode *raw;
	struct buffer_head *bh;
	struct inode *inode;
	int err;

	if ((ino != EXT2_ROOT_INO && ino < sbi->s_first_ino) || ino > sbi->s_inodes_count) {
		return ERR_PTR(ext2_error(sb, "inode number %u is out of range", ino));
	}
	inode = iget_locked(sb, ino);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (!test_bit(I_NEW, &inode->i_state))
		return inode;
	raw = raw_inode(sb, ino, &bh);
	err = IS_ERR(raw) ? (int)PTR_ERR(raw) : 0;
	if (!err) {
		decode_inode(inode, raw);
		brelse(bh);
		err = check_inode(inode);
	}
	if (err) {
		iget_failed(inode);
		return ERR_PTR(err);
	}
	EXT2_I(inode)->i_on_disk = true;
	if (is_device(inode))
		inode->i_rdev = decode_dev(EXT2_I(inode));
	ext2_set_inode_ops(inode);
	unlock_new_inode(inode);
	return inode;
}

static void encode_inode(struct inode *inode, struct ext2_inode *raw)
{
	struct ext2_sb_info *sbi = EXT2_SB(inode->i_sb);
	struct ext2_inode_info *ei = EXT2_I(inode);
	bool wide;

	if (!ei->i_on_disk) {
		memset(raw, 0, sbi->s_inode_size);
		if (sbi->s_inode_size >= sizeof(*raw)) {
			raw->i_extra_isize = cpu_to_le16(sizeof(*raw) - EXT2_GOOD_OLD_INODE_SIZE);
			encode_time(&inode->i_ctime, &raw->i_crtime, &raw->i_crtime_extra);
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
	ei->i_wide_times = wide = has_wide_times(sbi, raw);
	encode_time(&inode->i_atime, &raw->i_atime, wide ? &raw->i_atime_extra : NULL);
	encode_time(&inode->i_mtime, &raw->i_mtime, wide ? &raw->i_mtime_extra : NULL);
	encode_time(&inode->i_ctime, &raw->i_ctime, wide ? &raw->i_ctime_extra : NULL);
	raw->i_dtime = cpu_to_le32(ei->i_dtime);
	raw->i_flags = cpu_to_le32(ei->i_flags);
	raw->i_file_acl = cpu_to_le32(ei->i_file_acl);
	if (is_device(inode))
		encode_dev(ei, MAJOR(inode->i_rdev), MINOR(inode->i_rdev));
	memcpy(raw->i_block, ei->i_data, sizeof(ei->i_data));
}

int ext2_write_inode(struct inode *inode, bool wait)
{
	struct super_block *sb = inode->i_sb;
	struct buffer_head *bh;
	struct ext2_inode *raw = raw_inode(sb, inode->i_ino, &bh);
	int err;

	if (IS_ERR(raw))
		return (int)PTR_ERR(raw);
	err = ext2_get_write_access(sb, bh);
	if (!err && S_ISREG(inode->i_mode) && inode->i_size > INT32_MAX)
		err = ext2_allow_large_file(sb);
	if (!err) {
		encode_inode(inode, raw);
		ext2_dirty_metadata(NULL, bh);
		if (wait)
			err = sync_dirty_buffer(bh);
	}
	brelse(bh);
	return err;
}

int ext2_getattr(struct inode *inode, struct kstat *stat)
{
	bool wide = EXT2_I(inode)->i_wide_times;

	generic_fillattr(inode, stat);
	stat->atime = kept_time(stat->atime, wide);
	stat->mtime = kept_time(stat->mtime, wide);
	stat->ctime = kept_time(stat->ctime, wide);
	return 0;
}

int ext2_setattr(struct inode *inode, const struct iattr *attr)
{
	int err = attr->ia_valid & ATTR_SIZE ? ext2_setsize(inode, attr->ia_size) : 0;

	if (!err)
		inode_setattr_copy(inode, attr);
	return err;
}
