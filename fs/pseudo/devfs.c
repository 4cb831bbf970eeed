/*
 * /dev ("devtmpfs"): nodes for the registered devices, and what users make there.
 *
 * All of it lives in the dcache. A device's node appears when its name is looked up or the
 * directory is read, and goes with its disk or partition. What users made stays. A node without a
 * device gives ENXIO when it is opened.
 *
 * Invariants:
 * 1. A positive dentry is pinned by one reference until it is unlinked or the filesystem unmounted.
 * 2. A negative dentry is not kept: a device of that name may come (d_volatile).
 * 3. A device's node has its number as id; what users make is counted.
 * Also there: /dev, /proc and /sys
 */
#include "fs/pseudo/devfs.h"

#include "block/genhd.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/nodes/char_dev.h"
#include "fs/nodes/special.h"
#include "fs/pseudo/pseudo.h"
#include "fs/vfs/internal.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

#define DEVFS_MAGIC 0x01021994u /* tmpfs's, as Linux says of its devtmpfs */

static const struct inode_operations devfs_dir_ops, devfs_link_ops;
static const struct file_operations devfs_dir_fops;
static struct pseudo_entry char_node, block_node; /* of registered devices */
static struct pseudo_entry made_node, made_dir, made_link;
static struct pseudo_fs dev_fs;

/* dir NULL: the caller sets the owner. */
static struct inode *devfs_inode(struct super_block *sb, const struct inode *dir,
				 const struct pseudo_node *node, mode_t mode, dev_t rdev)
{
	struct inode *inode = pseudo_inode(sb, node, mode);

	if (!inode)
		return NULL;
	init_special_inode(inode, mode, rdev);
	inode_init_owner(inode, dir, mode);
	return inode;
}

/* --- the nodes of devices --- */

/* Where the nodes go, and the dentry under way whose name is looked up, or NULL. */
struct dev_search {
	struct dentry *dir, *wanted;
};

/* Make the node unless the name is taken. */
static int add_node(struct dev_search *s, const char *name, mode_t mode, dev_t dev)
{
	struct qstr q = {name, (u32)strlen(name), qstr_hash(name, (u32)strlen(name))};
	bool wanted = s->wanted && strcmp(s->wanted->d_name.name, name) == 0;
	struct dentry *dentry = wanted ? dget(s->wanted) : d_lookup(s->dir, &q);
	const struct pseudo_node node = {S_ISBLK(mode) ? &block_node : &char_node, (u32)dev, 0, 0};
	struct inode *inode;

	if (!dentry)
		dentry = d_alloc(s->dir, &q);
	if (!dentry)
		return -ENOMEM;
	if (dentry->d_inode) {
		dput(dentry);
		return 0;
	}
	inode = devfs_inode(s->dir->d_sb, NULL, &node, mode, dev);
	if (!inode) {
		dput(dentry);
		return -ENOMEM;
	}
	inode->i_uid = inode->i_gid = 0;
	if (dentry->d_unhashed)
		d_add(dentry, inode);
	else
		d_instantiate(dentry, inode);
	return 0; /* the reference is the pin */
}

static int add_chrdev(const char *name, dev_t dev, mode_t mode, void *arg)
{
	return add_node(arg, name, S_IFCHR | mode, dev);
}

static int add_bdev(struct block_device *bdev, void *arg)
{
	char name[DISK_NAME_LEN + 8];

	bdev_name(bdev, name, sizeof(name));
	return add_node(arg, name, S_IFBLK | 0660, bdev->bd_dev);
}

/* All nodes of devices that are missing in the root. Locks: its i_mutex. */
static int add_nodes(struct dentry *dir, struct dentry *wanted)
{
	struct dev_search s = {dir, wanted};
	int err;

	if (dir != dir->d_sb->s_root)
		return 0;
	err = chrdev_for_each(add_chrdev, &s);
	return err ? err : blk_for_each_device(add_bdev, &s);
}

static int devfs_lookup(struct inode *dir, struct dentry *dentry)
{
	int err = add_nodes(dentry->d_parent, dentry);

	(void)dir;
	if (!err && !dentry->d_inode)
		d_add(dentry, NULL);
	return err;
}

static int devfs_iterate(struct file *file, struct dir_context *ctx)
{
	int err = ctx->pos == 0 ? add_nodes(file->f_path.dentry, NULL) : 0;

	return err ? err : dcache_readdir(file, ctx);
}

/* --- what users make --- */

static int devfs_mknod(struct inode *dir, struct dentry *dentry, mode_t mode, dev_t rdev)
{
	static u32 last; /* [atomic] */
	const struct pseudo_node node = {S_ISDIR(mode) ? &made_dir :
					 S_ISLNK(mode) ? &made_link :
							 &made_node,
					 __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED), 0, 0};
	struct inode *inode = devfs_inode(dir->i_sb, dir, &node, mode, rdev);

	if (!inode)
		return -ENOMEM;
	if (S_ISDIR(mode))
		dir->i_nlink++;
	dir->i_mtime = dir->i_ctime = current_time();
	d_instantiate(dentry, inode);
	dget(dentry);
	return 0;
}

static int devfs_mkdir(struct inode *dir, struct dentry *dentry, mode_t mode)
{
	return devfs_mknod(dir, dentry, mode, 0);
}

static int devfs_symlink(struct inode *dir, struct dentry *dentry, const char *target)
{
	char *text = kstrdup(target, GFP_KERNEL);
	int err;

	if (!text)
		return -ENOMEM;
	err = devfs_mknod(dir, dentry, S_IFLNK | 0777, 0);
	if (err) {
		kfree(text);
		return err;
	}
	dentry->d_inode->i_private = text;
	dentry->d_inode->i_size = (loff_t)strlen(text);
	return 0;
}

static ssize_t devfs_readlink(struct inode *inode, char *buf, size_t size)
{
	return strscpy(buf, inode->i_private, size) < 0 ? -ENAMETOOLONG : inode->i_size;
}

static int devfs_unlink(struct inode *dir, struct dentry *dentry)
{
	dir->i_mtime = dir->i_ctime = dentry->d_inode->i_ctime = current_time();
	dentry->d_inode->i_nlink--;
	dput(dentry); /* the pin; the caller has its own reference */
	return 0;
}

/* The node of a disk or partition that has gone, unless another of its name has come. */
static int remove_node(struct super_block *sb, void *arg)
{
	const struct qstr *q = arg;
	struct dentry *dentry;
	struct inode *dir, *inode;

	if (sb->s_type != &dev_fs.type || !sb->s_root)
		return 0;
	dir = sb->s_root->d_inode;
	mutex_lock(&dir->i_mutex);
	dentry = d_lookup(sb->s_root, q);
	inode = dentry ? dentry->d_inode : NULL;
	if (inode && pseudo_node(inode)->entry == &block_node && !dentry->d_mounted &&
	    !blk_lookup_devt(q->name)) {
		(void)devfs_unlink(dir, dentry);
		d_drop(dentry);
	}
	mutex_unlock(&dir->i_mutex);
	if (dentry)
		dput(dentry);
	return 0;
}

static void device_removed(const char *name)
{
	struct qstr q = {name, (u32)strlen(name), qstr_hash(name, (u32)strlen(name))};

	(void)super_for_each(remove_node, &q);
}

static int devfs_rmdir(struct inode *dir, struct dentry *dentry)
{
	if (!d_is_empty(dentry))
		return -ENOTEMPTY;
	dir->i_nlink--;
	dentry->d_inode->i_nlink--; /* its "." */
	return devfs_unlink(dir, dentry);
}

static int devfs_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir,
			struct dentry *new)
{
	bool is_dir = S_ISDIR(old->d_inode->i_mode);
	int err = 0;

	if (new->d_inode)
		err = is_dir ? devfs_rmdir(new_dir, new) : devfs_unlink(new_dir, new);
	if (err)
		return err;
	if (is_dir) {
		old_dir->i_nlink--;
		new_dir->i_nlink++;
	}
	old_dir->i_mtime = old_dir->i_ctime = current_time();
	new_dir->i_mtime = new_dir->i_ctime = old_dir->i_mtime;
	return 0;
}

static const struct inode_operations devfs_dir_ops = {
	.lookup = devfs_lookup,
	.mknod = devfs_mknod,
	.mkdir = devfs_mkdir,
	.symlink = devfs_symlink,
	.unlink = devfs_unlink,
	.rmdir = devfs_rmdir,
	.rename = devfs_rename,
};
static const struct inode_operations devfs_link_ops = {.readlink = devfs_readlink};
static const struct file_operations devfs_dir_fops = {.iterate = devfs_iterate};
static struct pseudo_entry made_dir = {.iop = &devfs_dir_ops, .fop = &devfs_dir_fops};
static struct pseudo_entry made_link = {.iop = &devfs_link_ops};
static struct pseudo_fs dev_fs = {
	.type = {.name = "devtmpfs",
		 .in_memory = true,
		 .single = true,
		 .fill_super = pseudo_fill_super},
	.magic = DEVFS_MAGIC,
	.root = {.mode = S_IFDIR | 0755, .iop = &devfs_dir_ops, .fop = &devfs_dir_fops},
};

void devfs_init(void)
{
	bdev_removed = device_removed;
	register_filesystem(&dev_fs.type);
}
