/*
 * Directories: blocks of entries that are linked by their lengths.
 *
 * Invariants:
 * 1. The entries of a block fill it exactly. Every entry is checked before it is used.
 * 2. A directory has no holes, its size is whole blocks, and it does not shrink.
 * Also there: directories
 */
#include "fs/ext2/ext2.h"

#include "fs/ext2/ext2_meta.h"
#include "fs/file.h"
#include "fs/vfs/generic_file.h"

/* From a file type on disk to enum dirent_type. */
static const u8 ft_to_dtype[EXT2_FT_MAX] = {DT_UNKNOWN_, DT_REG_,  DT_DIR_,  DT_CHR_,
					    DT_BLK_,	 DT_FIFO_, DT_SOCK_, DT_LNK_};

/* A walk over all entries, unused ones too. */
struct dir_iter {
	struct inode *dir;
	u32 block, offset;	/* of de */
	struct buffer_head *bh; /* referenced; NULL before, between and after blocks */
	struct ext2_dir_entry *de;
};

static u32 dir_blocks(const struct inode *dir)
{
	return (u32)((u64)dir->i_size >> dir->i_sb->s_blocksize_bits);
}

static struct ext2_dir_entry *entry_at(struct buffer_head *bh, u32 offset)
{
	return (void *)(bh->b_data + offset);
}

/* A path cannot say a name with a slash, but a program that reads the directory would walk it. */
static bool name_ok(const struct ext2_dir_entry *de)
{
	for (u32 i = 0; i < de->name_len; i++)
		if (de->name[i] == '/' || !de->name[i])
			return false;
	return de->name_len > 0;
}

/* Is there an entry that can be believed at this offset? Complains if not. */
static bool entry_ok(struct inode *dir, struct buffer_head *bh, u32 offset)
{
	const struct ext2_dir_entry *de = entry_at(bh, offset);
	u32 left = bh->b_size - offset, rec_len;
	const char *bad = "entry";

	if (left >= EXT2_DIR_REC_LEN(1)) {
		rec_len = le16_to_cpu(de->rec_len);
		if (rec_len >= EXT2_DIR_REC_LEN(max(de->name_len, (u8)1)) && rec_len % 4 == 0 &&
		    rec_len <= left &&
		    le32_to_cpu(de->inode) <= EXT2_SB(dir->i_sb)->s_inodes_count) {
			if (!le32_to_cpu(de->inode) || name_ok(de))
				return true;
			bad = "name";
		}
	}
	ext2_inode_error(dir, "bad %s in block %llu at %u", bad, (unsigned long long)bh->b_blocknr,
			 offset);
	return false;
}

/* Step to the next entry. Returns: 1, 0 after the last one, -errno; bh stays referenced on 1. */
static int next_entry(struct dir_iter *it)
{
	if (it->bh)
		it->offset += le16_to_cpu(it->de->rec_len);
	if (it->bh && it->offset >= it->bh->b_size) {
		brelse(it->bh);
		it->bh = NULL;
		it->offset = 0;
		it->block++;
	}
	if (!it->bh) {
		if (it->block >= dir_blocks(it->dir))
			return 0;
		it->bh = ext2_bread(it->dir, it->block, false);
		if (IS_ERR(it->bh))
			return min((int)PTR_ERR(it->bh), -1);
	}
	it->de = entry_at(it->bh, it->offset);
	if (entry_ok(it->dir, it->bh, it->offset))
		return 1;
	brelse(it->bh);
	return -EUCLEAN;
}

int ext2_find_entry(struct inode *dir, const struct qstr *name, struct ext2_slot *slot)
{
	struct dir_iter it = {.dir = dir};
	int ret;

	while ((ret = next_entry(&it)) > 0) {
		if (!le32_to_cpu(it.de->inode) || it.de->name_len != name->len ||
		    memcmp(it.de->name, name->name, name->len) != 0)
			continue;
		*slot = (struct ext2_slot){it.bh, it.de};
		return 0;
	}
	return ret ? ret : -ENOENT;
}

void ext2_touch_dir(struct inode *dir)
{
	EXT2_I(dir)->i_flags &= ~EXT2_INDEX_FL;
	dir->i_mtime = dir->i_ctime = current_time();
	mark_inode_dirty(dir);
}

static void name_inode(struct ext2_dir_entry *de, const struct inode *inode)
{
	u8 type = EXT2_FT_MAX - 1;

	while (type > 0 && ft_to_dtype[type] != mode_to_dtype(inode->i_mode))
		type--;
	de->inode = cpu_to_le32((u32)inode->i_ino);
	de->file_type = EXT2_SB(inode->i_sb)->s_filetype ? type : 0;
}

static void fill_entry(struct ext2_dir_entry *de, u32 rec_len, const char *name, u32 len,
		       const struct inode *inode)
{
	de->rec_len = cpu_to_le16((u16)rec_len);
	de->name_len = (u8)len;
	memcpy(de->name, name, len);
	name_inode(de, inode);
}

int ext2_set_link(struct inode *dir, struct ext2_slot *slot, struct inode *inode)
{
	int err = ext2_get_write_access(dir->i_sb, slot->bh);

	if (err)
		return err;
	name_inode(slot->de, inode);
	ext2_dirty_metadata(dir, slot->bh);
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
		ext2_write_failed(dir);
		return err;
	}
	fill_entry(entry_at(bh, 0), blocksize, name->name, name->len, inode);
	ext2_dirty_metadata(dir, bh);
	brelse(bh);
	dir->i_size += blocksize;
	ext2_touch_dir(dir);
	return 0;
}

int ext2_add_link(struct inode *dir, const struct qstr *name, struct inode *inode)
{
	u32 need = EXT2_DIR_REC_LEN(name->len), used, rec_len;
	struct dir_iter it = {.dir = dir};
	int ret;

	if (dir->i_nlink == 0)
		return -ENOENT;
	do {
		ret = next_entry(&it);
		if (ret <= 0)
			return ret ? ret : add_block(dir, name, inode);
		rec_len = le16_to_cpu(it.de->rec_len);
		used = le32_to_cpu(it.de->inode) ? EXT2_DIR_REC_LEN(it.de->name_len) : 0;
	} while (rec_len < used + need);
	ret = ext2_get_write_access(dir->i_sb, it.bh);
	if (!ret) {
		if (used)
			it.de->rec_len = cpu_to_le16((u16)used);
		fill_entry(entry_at(it.bh, it.offset + used), rec_len - used, name->name, name->len,
			   inode);
		ext2_dirty_metadata(dir, it.bh);
		ext2_touch_dir(dir);
	}
	brelse(it.bh);
	return ret;
}

int ext2_delete_entry(struct inode *dir, struct ext2_slot *slot)
{
	u32 end = (u32)((char *)slot->de - slot->bh->b_data);
	struct ext2_dir_entry *prev = NULL;
	int err = ext2_get_write_access(dir->i_sb, slot->bh);

	if (err)
		return err;
	for (u32 offset = 0; offset < end; offset += le16_to_cpu(prev->rec_len)) {
		if (!entry_ok(dir, slot->bh, offset))
			return -EUCLEAN;
		prev = entry_at(slot->bh, offset);
	}
	if (prev)
		ext2_add16(&prev->rec_len, le16_to_cpu(slot->de->rec_len));
	slot->de->inode = cpu_to_le32(0);
	ext2_dirty_metadata(dir, slot->bh);
	ext2_touch_dir(dir);
	return 0;
}

int ext2_make_empty(struct inode *inode, struct inode *parent)
{
	u32 blocksize = inode->i_sb->s_blocksize, dot_len = EXT2_DIR_REC_LEN(1);
	struct buffer_head *bh = ext2_bread(inode, 0, true);

	if (IS_ERR(bh))
		return (int)PTR_ERR(bh);
	fill_entry(entry_at(bh, 0), dot_len, ".", 1, inode);
	fill_entry(entry_at(bh, dot_len), blocksize - dot_len, "..", 2, parent);
	ext2_dirty_metadata(inode, bh);
	brelse(bh);
	inode->i_size = blocksize;
	mark_inode_dirty(inode);
	return 0;
}

int ext2_empty_dir(struct inode *dir)
{
	struct dir_iter it = {.dir = dir};
	int ret;

	while ((ret = next_entry(&it)) > 0) {
		u32 ino = le32_to_cpu(it.de->inode), len = it.de->name_len;

		/* A "." that is not the directory itself would be lost with it. */
		if (!ino || (len <= 2 && memcmp(it.de->name, "..", len) == 0 &&
			     (len == 2 || ino == (u32)dir->i_ino)))
			continue;
		brelse(it.bh);
		return -ENOTEMPTY;
	}
	return ret;
}

/* Entries may have come and gone since the last call: the position counts from the front of its
 * block, and the first entry at or behind it is the next. */
static int ext2_readdir(struct file *file, struct dir_context *ctx)
{
	struct inode *dir = file->f_inode;
	u32 bits = dir->i_sb->s_blocksize_bits;
	struct dir_iter it = {.dir = dir, .block = (u32)(ctx->pos >> bits)};
	int ret;

	if (ctx->pos < 0 || ctx->pos >= dir->i_size)
		return 0;
	while ((ret = next_entry(&it)) > 0) {
		loff_t pos = ((loff_t)it.block << bits) + it.offset;
		u8 type = it.de->file_type % EXT2_FT_MAX;

		if (pos < ctx->pos)
			continue;
		ctx->pos = pos;
		if (le32_to_cpu(it.de->inode) &&
		    !ctx->actor(ctx, it.de->name, it.de->name_len, pos, le32_to_cpu(it.de->inode),
				EXT2_SB(dir->i_sb)->s_filetype ? ft_to_dtype[type] : DT_UNKNOWN_)) {
			brelse(it.bh);
			return 0;
		}
		ctx->pos += le16_to_cpu(it.de->rec_len);
	}
	return ret;
}

const struct file_operations ext2_dir_operations = {
	.llseek = generic_file_llseek,
	.iterate = ext2_readdir,
	.fsync = generic_file_fsync,
};
