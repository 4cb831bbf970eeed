/*
 * Operations on names.
 *
 * Invariants:
 * 1. Steps that can fail for lack of space or memory come before the first change that cannot be
 *    undone. A new inode that gets no name has i_nlink 0, and iput frees it with its blocks.
 *
 * Locks: i_mutex of each directory is held by the caller.
 * Also there: names are made and removed
 */
#include "fs/ext2/ext2.h"

#include "fs/ext2/ext2_meta.h"

static void change_nlink(struct inode *inode, int by)
{
	if (inode->i_nlink == 0)
		ext2_inode_error(inode, "has more names than links");
	else
		inode->i_nlink += (u32)by;
	inode->i_ctime = current_time();
	mark_inode_dirty(inode);
}

/* The inode lost its name; a directory all of its links. */
static void drop_name(struct inode *inode)
{
	if (S_ISDIR(inode->i_mode)) {
		inode->i_nlink = 1;
		inode->i_size = 0;
	}
	change_nlink(inode, -1);
}

static int ext2_lookup(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = NULL;
	struct ext2_slot slot;
	int err;

	err = ext2_find_entry(dir, &dentry->d_name, &slot);
	if (!err) {
		inode = ext2_iget(dir->i_sb, le32_to_cpu(slot.de->inode));
		brelse(slot.bh);
		if (IS_ERR(inode))
			return (int)PTR_ERR(inode);
	}
	if (err && err != -ENOENT)
		return err;
	err = d_splice(dentry, inode);
	if (err) {
		iput(inode);
		err = ext2_inode_error(dir, "holds the second name of a directory");
	}
	return err;
}

/* Give the new inode its name, or free it, also when making it has failed before. */
static int add_name(struct inode *dir, struct dentry *dentry, struct inode *inode, int err)
{
	if (!err)
		err = ext2_add_link(dir, &dentry->d_name, inode);
	if (err)
		ext2_discard_inode(inode);
	else
		d_instantiate(dentry, inode);
	return err;
}

static int ext2_mknod(struct inode *dir, struct dentry *dentry, mode_t mode, dev_t rdev)
{
	struct inode *inode = ext2_new_inode(dir, mode);

	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	if (S_ISCHR(mode) || S_ISBLK(mode))
		inode->i_rdev = rdev;
	return add_name(dir, dentry, inode, 0);
}

static int ext2_create(struct inode *dir, struct dentry *dentry, mode_t mode)
{
	return ext2_mknod(dir, dentry, (mode & ~S_IFMT) | S_IFREG, 0);
}

static int ext2_symlink(struct inode *dir, struct dentry *dentry, const char *target)
{
	size_t len = strlen(target);
	struct inode *inode;

	if (len == 0 || len >= dir->i_sb->s_blocksize)
		return len ? -ENAMETOOLONG : -ENOENT;
	inode = ext2_new_inode(dir, S_IFLNK | 0777);
	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	return add_name(dir, dentry, inode, ext2_write_symlink(inode, target, len));
}

static int ext2_mkdir(struct inode *dir, struct dentry *dentry, mode_t mode)
{
	struct inode *inode;
	int err;

	if (dir->i_nlink >= EXT2_LINK_MAX)
		return -EMLINK;
	inode = ext2_new_inode(dir, (mode & ~S_IFMT) | S_IFDIR);
	if (IS_ERR(inode))
		return (int)PTR_ERR(inode);
	inode->i_nlink = 2;
	err = add_name(dir, dentry, inode, ext2_make_empty(inode, dir));
	if (!err)
		change_nlink(dir, 1);
	return err;
}

static int ext2_link(struct inode *dir, struct dentry *dentry, struct inode *inode)
{
	int err;

	if (inode->i_nlink >= EXT2_LINK_MAX)
		return -EMLINK;
	err = ext2_add_link(dir, &dentry->d_name, inode);
	if (err)
		return err;
	change_nlink(inode, 1);
	d_instantiate(dentry, igrab(inode));
	return 0;
}

static int ext2_unlink(struct inode *dir, struct dentry *dentry)
{
	struct ext2_slot slot;
	int err = ext2_find_entry(dir, &dentry->d_name, &slot);

	if (err)
		return err;
	err = ext2_delete_entry(dir, &slot);
	brelse(slot.bh);
	if (!err)
		drop_name(dentry->d_inode);
	return err;
}

static int ext2_rmdir(struct inode *dir, struct dentry *dentry)
{
	int err = ext2_empty_dir(dentry->d_inode) ?: ext2_unlink(dir, dentry);

	if (!err)
		change_nlink(dir, -1);
	return err;
}

/* Make new_dentry's name stand for `inode`: a new entry, or the victim's. */
static int place_name(struct inode *dir, struct dentry *dentry, struct inode *inode)
{
	struct inode *victim = dentry->d_inode;
	bool is_dir = S_ISDIR(inode->i_mode);
	struct ext2_slot slot;
	int err;

	if (!victim) {
		if (is_dir && dir->i_nlink >= EXT2_LINK_MAX)
			return -EMLINK;
		err = ext2_add_link(dir, &dentry->d_name, inode);
		if (!err && is_dir)
			change_nlink(dir, 1);
		return err;
	}
	err = S_ISDIR(victim->i_mode) ? ext2_empty_dir(victim) : 0;
	if (!err)
		err = ext2_find_entry(dir, &dentry->d_name, &slot);
	if (err)
		return err;
	err = ext2_set_link(dir, &slot, inode);
	brelse(slot.bh);
	if (err)
		return err;
	ext2_touch_dir(dir);
	drop_name(victim);
	return 0;
}

/* A directory that moves changes its ".." and the link counts of both parents. */
static int ext2_rename(struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir,
		       struct dentry *new_dentry)
{
	static const struct qstr dotdot_name = {.name = "..", .len = 2};
	struct inode *inode = old_dentry->d_inode;
	bool is_dir = S_ISDIR(inode->i_mode), moves = old_dir != new_dir;
	struct ext2_slot old, dotdot = {0};
	int err = ext2_find_entry(old_dir, &old_dentry->d_name, &old);

	if (err)
		return err;
	if (is_dir && moves) {
		err = ext2_find_entry(inode, &dotdot_name, &dotdot);
		if (err == -ENOENT)
			err = ext2_inode_error(inode, "has no \"..\"");
		if (err)
			goto out;
	}
	err = place_name(new_dir, new_dentry, inode);
	if (err)
		goto out;
	/* From here on only corruption can fail, and then nothing can be undone either. An entry
	 * keeps its place while others are added, so `old` is still right. */
	err = ext2_delete_entry(old_dir, &old);
	if (!err && dotdot.bh)
		err = ext2_set_link(inode, &dotdot, new_dir);
	if (err)
		goto out;
	if (is_dir)
		change_nlink(old_dir, -1);
	inode->i_ctime = current_time();
	mark_inode_dirty(inode);
out:
	brelse(dotdot.bh);
	brelse(old.bh);
	return err;
}

const struct inode_operations ext2_dir_inode_operations = {
	.lookup = ext2_lookup,
	.create = ext2_create,
	.link = ext2_link,
	.unlink = ext2_unlink,
	.symlink = ext2_symlink,
	.mkdir = ext2_mkdir,
	.rmdir = ext2_rmdir,
	.mknod = ext2_mknod,
	.rename = ext2_rename,
	.getattr = ext2_getattr,
	.setattr = ext2_setattr,
};
