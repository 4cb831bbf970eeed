/*
 * Directories: blocks of entries that are linked by their lengths.
 *
 * Invariants:
 * 1. The entries of a block fill it exactly; every entry is checked before it is used.
 * 2. A directory has no holes and its size is whole blocks; it does not shrink.
 */
#include "fs/ext2/ext2.h"

#include "fs/ext2/ext2_meta.h"
#include "fs/file.h"

/* By enum dirent_type, and back. */
static const u8 dtype_to_ft[16] = {
	[DT_FIFO_] = EXT2_FT_FIFO,  [DT_CHR_] = EXT2_FT_CHRDEV,	  [DT_DIR_] = EXT2_FT_DIR,
	[DT_BLK_] = EXT2_FT_BLKDEV, [DT_REG_] = EXT2_FT_REG_FILE, [DT_LNK_] = EXT2_FT_SYMLINK,
	[DT_SOCK_] = EXT2_FT_SOCK,
};
static const u8 ft_to_dtype[EXT2_FT_MAX] = {
	[EXT2_FT_REG_FILE] = DT_REG_, [EXT2_FT_DIR] = DT_DIR_,	 [EXT2_FT_CHRDEV] = DT_CHR_,
	[EXT2_FT_BLKDEV] = DT_BLK_,   [EXT2_FT_FIFO] = DT_FIFO_, [EXT2_FT_SOCK] = DT_SOCK_,
	[EXT2_FT_SYMLINK] = DT_LNK_,
};

static u32 dir_blocks(const struct inode *dir)
{
	return (u32)((u64)dir->i_size >> dir->i_sb->s_blocksize_bits);
}

static struct ext2_dir_entry *entry_at(struct buffer_head *bh, u32 offset)
{
	return (void *)(bh->b_data + offset);
}

/* Is there an entry that can be believed at this offset? Complains if not. */
static bool entry_ok(struct inode *dir, struct buffer_head *bh, u32 offset)
{
	const struct ext2_dir_entry *de = entry_at(bh, offset);
	u32 left = bh->b_size - offset, rec_len;

	if (left >= EXT2_DIR_REC_LEN(1)) {
		rec_len = le16_to_cpu(de->rec_len);
		if (rec_len >= EXT2_DIR_REC_LEN(max(de->name_len, (u8)1)) && rec_len % 4 == 0 &&
		    rec_len <= left && le32_to_cpu(de->inode) <= EXT2_SB(dir->i_sb)->s_inodes_count)
			return true;
	}
	ext2_error(dir->i_sb, "directory %llu: bad entry in block %llu at %u",
		   (unsigned long long)dir->i_ino, (unsigned long long)bh->b_blocknr, offset);
	return false;
}

/* Search one block. Returns: 0 with the entry, -ENOENT, -EUCLEAN. */
static int find_in_block(struct inode *dir, struct buffer_head *bh, const struct qstr *name,
			 struct ext2_dir_entry **result)
{
	for (u32 offset = 0; offset < bh->b_size;) {
		struct ext2_dir_entry *de = entry_at(bh, offset);

		if (!entry_ok(dir, bh, offset))
			return -EUCLEAN;
		if (le32_to_cpu(de->inode) && de->name_len == name->len &&
		    memcmp(de->name, name->name, name->len) == 0) {
			*result = de;
			return 0;
		}
		offset += le16_to_cpu(de->rec_len);
	}
	return -ENOENT;
}

int ext2_find_entry(struct inode *dir, const struct qstr *name, struct ext2_slot *slot)
{
	u32 blocks = dir_blocks(dir);

	for (u32 i = 0; i < blocks; i++) {
		struct buffer_head *bh = ext2_bread(dir, i, false);
		int err;

		if (IS_ERR(bh))
			return (int)PTR_ERR(bh);
		err = find_in_block(dir, bh, name, &slot->de);
		if (!err) {
			slot->bh = bh;
			return 0;
		}
		brelse(bh);
		if (err != -ENOENT)
			return err;
	}
	return -ENOENT;
}

void ext2_touch_dir(struct inode *dir)
{
	EXT2_I(dir)->i_flags &= ~EXT2_INDEX_FL;
	dir->i_mtime = dir->i_ctime = current_time();
	mark_inode_dirty(dir);
}

static void fill_entry(struct ext2_dir_entry *de, const struct inode *inode)
{
	de->inode = cpu_to_le32((u32)inode->i_ino);
	de->file_type =
		EXT2_SB(inode->i_sb)->s_filetype ? dtype_to_ft[mode_to_dtype(inode->i_mode)] : 0;
}

int ext2_set_link(struct inode *dir, struct ext2_slot *slot, struct inode *inode)
{
	int err = ext2_get_write_access(dir->i_sb, slot->bh);

	if (err)
		return err;
	fill_entry(slot->de, inode);
	ext2_dirty_metadata(dir, slot->bh);
	return 0;
}

/* Put the name into this block if it has room. Returns: 0, -ENOSPC, -EUCLEAN, -EROFS. */
static int add_to_block(struct inode *dir, struct buffer_head *bh, const struct qstr *name,
			const struct inode *inode)
{
	u32 need = EXT2_DIR_REC_LEN(name->len), used, rec_len;
	struct ext2_dir_entry *de;
	int err;

	for (u32 offset = 0;; offset += rec_len) {
		if (offset >= bh->b_size)
			return -ENOSPC;
		if (!entry_ok(dir, bh, offset))
			return -EUCLEAN;
		de = entry_at(bh, offset);
		rec_len = le16_to_cpu(de->rec_len);
		used = le32_to_cpu(de->inode) ? EXT2_DIR_REC_LEN(de->name_len) : 0;
		if (rec_len >= used + need)
			break;
	}
	err = ext2_get_write_access(dir->i_sb, bh);
	if (err)
		return err;
	if (used) {
		de->rec_len = cpu_to_le16((u16)used);
		de = (void *)((char *)de + used);
		de->rec_len = cpu_to_le16((u16)(rec_len - used));
	}
	de->name_len = (u8)name->len;
	memcpy(de->name, name->name, name->len);
	fill_entry(de, inode);
	ext2_dirty_metadata(dir, bh);
	ext2_touch_dir(dir);
	return 0;
}

/* One more block, with the name in it. */
static int add_block(struct inode *dir, const struct qstr *name, const struct inode *inode)
{
	u32 blocksize = dir->i_sb->s_blocksize;
	struct buffer_head *bh;
	int err;

	if (dir->i_size > INT32_MAX - (loff_t)blocksize)
		return -ENOSPC;
	bh = ext2_bread(dir, dir_blocks(dir), true);
	if (IS_ERR(bh)) {
		err = (int)PTR_ERR(bh);
		goto err_truncate;
	}
	err = ext2_get_write_access(dir->i_sb, bh);
	if (!err) {
		*entry_at(bh, 0) = (struct ext2_dir_entry){.rec_len = cpu_to_le16((u16)blocksize)};
		err = add_to_block(dir, bh, name, inode);
	}
	brelse(bh);
	if (err)
		goto err_truncate;
	dir->i_size += blocksize;
	mark_inode_dirty(dir);
	return 0;

err_truncate:
	(void)!ext2_truncate_blocks(dir, dir->i_size); /* a failure was reported there */
	mark_inode_dirty(dir);
	return err;
}

int ext2_add_link(struct inode *dir, const struct qstr *name, struct inode *inode)
{
	u32 blocks = dir_blocks(dir);

	if (name->len == 0 || name->len > EXT2_NAME_LEN)
		return name->len ? -ENAMETOOLONG : -EINVAL;
	if (dir->i_nlink == 0)
		return -ENOENT;
	for (u32 i = 0; i < blocks; i++) {
		struct buffer_head *bh = ext2_bread(dir, i, false);
		int err;

		if (IS_ERR(bh))
			return (int)PTR_ERR(bh);
		err = add_to_block(dir, bh, name, inode);
		brelse(bh);
		if (err != -ENOSPC)
			return err;
	}
	return add_block(dir, name, inode);
}

int ext2_delete_entry(struct inode *dir, struct ext2_slot *slot)
{
	u32 end = (u32)((char *)slot->de - slot->bh->b_data), rec_len;
	struct ext2_dir_entry *prev = NULL;
	int err;

	for (u32 offset = 0; offset < end; offset += le16_to_cpu(prev->rec_len)) {
		if (!entry_ok(dir, slot->bh, offset))
			return -EUCLEAN;
		prev = entry_at(slot->bh, offset);
	}
	if (!entry_ok(dir, slot->bh, end))
		return -EUCLEAN;
	err = ext2_get_write_access(dir->i_sb, slot->bh);
	if (err)
		return err;
	if (prev) {
		rec_len = (u32)le16_to_cpu(prev->rec_len) + le16_to_cpu(slot->de->rec_len);
		prev->rec_len = cpu_to_le16((u16)rec_len);
	}
	slot->de->inode = cpu_to_le32(0);
	ext2_dirty_metadata(dir, slot->bh);
	ext2_touch_dir(dir);
	return 0;
}

int ext2_make_empty(struct inode *inode, struct inode *parent)
{
	u32 blocksize = inode->i_sb->s_blocksize, dot_len = EXT2_DIR_REC_LEN(1);
	struct buffer_head *bh = ext2_bread(inode, 0, true);
	struct ext2_dir_entry *de;
	int err;

	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	err = ext2_get_write_access(inode->i_sb, bh);
	if (!err) {
		de = entry_at(bh, 0);
		de->rec_len = cpu_to_le16((u16)dot_len);
		de->name_len = 1;
		memcpy(de->name, ".", 1);
		fill_entry(de, inode);
		de = entry_at(bh, dot_len);
		de->rec_len = cpu_to_le16((u16)(blocksize - dot_len));
		de->name_len = 2;
		memcpy(de->name, "..", 2);
		fill_entry(de, parent);
		ext2_dirty_metadata(inode, bh);
		inode->i_size = blocksize;
		mark_inode_dirty(inode);
	}
	brelse(bh);
	return err;
}

static bool is_dot_or_dotdot(const struct ext2_dir_entry *de)
{
	return (de->name_len == 1 && de->name[0] == '.') ||
	       (de->name_len == 2 && de->name[0] == '.' && de->name[1] == '.');
}

int ext2_empty_dir(struct inode *dir)
{
	u32 blocks = dir_blocks(dir);
	int err = 0;

	for (u32 i = 0; !err && i < blocks; i++) {
		struct buffer_head *bh = ext2_bread(dir, i, false);
		const struct ext2_dir_entry *de;

		if (IS_ERR(bh))
			return (int)PTR_ERR(bh);
		for (u32 offset = 0; !err && offset < bh->b_size;
		     offset += le16_to_cpu(de->rec_len)) {
			de = entry_at(bh, offset);
			if (!entry_ok(dir, bh, offset))
				err = -EUCLEAN;
			else if (le32_to_cpu(de->inode) && !is_dot_or_dotdot(de))
				err = -ENOTEMPTY;
		}
		brelse(bh);
	}
	return err;
}

/* Pass the entries of one block on from `start`. Returns: 1 to go on, 0 when the sink is full,
 * -EUCLEAN. The offsets of entries may have changed since the last call: count from the front. */
static int emit_block(struct inode *dir, struct buffer_head *bh, struct dir_context *ctx, u32 start)
{
	bool typed = EXT2_SB(dir->i_sb)->s_filetype;
	loff_t base = ctx->pos - start;
	const struct ext2_dir_entry *de;

	for (u32 offset = 0; offset < bh->b_size; offset += le16_to_cpu(de->rec_len)) {
		u8 dtype = DT_UNKNOWN_;

		if (!entry_ok(dir, bh, offset))
			return -EUCLEAN;
		de = entry_at(bh, offset);
		if (offset < start)
			continue;
		ctx->pos = base + offset;
		if (typed && de->file_type < EXT2_FT_MAX)
			dtype = ft_to_dtype[de->file_type];
		if (le32_to_cpu(de->inode) && !ctx->actor(ctx, de->name, de->name_len, ctx->pos,
							  le32_to_cpu(de->inode), dtype))
			return 0;
	}
	ctx->pos = base + bh->b_size;
	return 1;
}

int ext2_readdir(struct file *file, struct dir_context *ctx)
{
	struct inode *dir = file->f_inode;
	u32 blocksize = dir->i_sb->s_blocksize;
	int ret = 1;

	if (ctx->pos < 0)
		return -EINVAL;
	while (ret > 0 && ctx->pos < dir->i_size) {
		u32 start = (u32)ctx->pos & (blocksize - 1);
		u32 block = (u32)(ctx->pos >> dir->i_sb->s_blocksize_bits);
		struct buffer_head *bh = ext2_bread(dir, block, false);

		if (IS_ERR(bh))
			return (int)PTR_ERR(bh);
		ret = emit_block(dir, bh, ctx, start);
		brelse(bh);
	}
	return min(ret, 0);
}

const struct file_operations ext2_dir_operations = {
	.llseek = generic_file_llseek,
	.iterate = ext2_readdir,
	.fsync = generic_file_fsync,
};
