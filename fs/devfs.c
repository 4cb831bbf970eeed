/*
 * /dev ("devtmpfs"): nodes for the registered devices, and what users make there.
 *
 * All of it lives in the dcache. Nodes of devices appear when their name is looked up or the
 * directory is read; one whose device has gone stays, and gives ENXIO when it is opened.
 *
 * Invariants:
 * 1. A positive dentry is pinned by one reference until it is unlinked or the filesystem unmounted.
 * 2. A node's inode number is its device number with its kind; others count up from INO_FIRST.
 */
#include "fs/devfs.h"

#include "block/genhd.h"
#include "fs/char_dev.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/internal.h"
#include "fs/super.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

#define DEVFS_MAGIC 0x01021994u /* tmpfs's, as Linux says of its devtmpfs */
#define INO_ROOT    1ull
#define INO_CHAR    (1ull << 40)
#define INO_BLOCK   (1ull << 41)
#define INO_FIRST   (1ull << 42)

static const struct inode_operations devfs_dir_ops, devfs_link_ops, devfs_node_ops;
static const struct file_operations devfs_dir_fops;
static u64 next_ino = INO_FIRST; /* [atomic] */

static struct inode *devfs_inode(struct super_block *sb, const struct inode *dir, ino_t ino,
				 mode_t mode, dev_t rdev)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = ino ? ino : __atomic_fetch_add(&next_ino, 1, __ATOMIC_RELAXED);
	init_special_inode(inode, mode, rdev);
	inode_init_owner(inode, dir, mode);
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time();
	inode->i_op = &devfs_node_ops;
	if (S_ISDIR(mode)) {
		inode->i_op = &devfs_dir_ops;
		inode->i_fop = &devfs_dir_fops;
		inode->i_nlink = 2;
	} else if (S_ISLNK(mode)) {
		inode->i_op = &devfs_link_ops;
	}
	return inode;
}

/* --- the nodes of devices --- */

struct dev_search {
	const struct qstr *name; /* find this one, or */
	struct dentry *dir;	 /* make all that are missing here */
	struct {		 /* what was found */
		dev_t dev;
		mode_t mode;
	} hit;
};

static bool name_is(const struct qstr *q, const char *name)
{
	return strlen(name) == q->len && memcmp(name, q->name, q->len) == 0;
}

static struct inode *node_inode(struct super_block *sb, mode_t mode, dev_t dev)
{
	struct inode *inode =
		devfs_inode(sb, NULL, dev | (S_ISBLK(mode) ? INO_BLOCK : INO_CHAR), mode, dev);

	if (inode)
		inode->i_uid = inode->i_gid = 0;
	return inode;
}

/* Make the node unless the name is taken. */
static int add_node(struct dentry *dir, const char *name, mode_t mode, dev_t dev)
{
	struct qstr q = {name, (u32)strlen(name), qstr_hash(name, (u32)strlen(name))};
	struct dentry *dentry = d_lookup(dir, &q);
	struct inode *inode;

	if (dentry && dentry->d_inode) {
		dput(dentry);
		return 0;
	}
	inode = node_inode(dir->d_sb, mode, dev);
	if (!inode) {
		dput(dentry);
		return -ENOMEM;
	}
	if (dentry) {
		d_instantiate(dentry, inode);
		return 0; /* the reference is the pin */
	}
	dentry = d_alloc(dir, &q);
	if (!dentry) {
		iput(inode);
		return -ENOMEM;
	}
	d_add(dentry, inode);
	return 0;
}

static int visit(const char *name, dev_t dev, mode_t mode, void *arg)
{
	struct dev_search *s = arg;

	if (s->dir)
		return add_node(s->dir, name, mode, dev);
	if (!name_is(s->name, name))
		return 0;
	s->hit.dev = dev;
	s->hit.mode = mode;
	return 1;
}

static int visit_chrdev(const char *name, dev_t dev, mode_t mode, void *arg)
{
	return visit(name, dev, S_IFCHR | mode, arg);
}

static int visit_bdev(struct block_device *bdev, void *arg)
{
	char name[DISK_NAME_LEN + 8];

	bdev_name(bdev, name, sizeof(name));
	return visit(name, bdev->bd_dev, S_IFBLK | 0660, arg);
}

static int search(struct dev_search *s)
{
	int ret = chrdev_for_each(visit_chrdev, s);

	return ret ? ret : blk_for_each_device(visit_bdev, s);
}

static int devfs_lookup(struct inode *dir, struct dentry *dentry)
{
	struct dev_search s = {.name = &dentry->d_name};
	struct inode *inode = NULL;

	if (dir->i_ino == INO_ROOT && search(&s) == 1) {
		inode = node_inode(dir->i_sb, s.hit.mode, s.hit.dev);
		if (!inode)
			return -ENOMEM;
		dget(dentry); /* the pin */
	}
	d_add(dentry, inode);
	return 0;
}

static int devfs_iterate(struct file *file, struct dir_context *ctx)
{
	struct dev_search all = {.dir = file->f_path.dentry};
	int err;

	if (file->f_inode->i_ino == INO_ROOT && ctx->pos == 0) {
		err = search(&all);
		if (err)
			return err;
	}
	return dcache_readdir(file, ctx);
}

/* --- what users make --- */

static int devfs_mknod(struct inode *dir, struct dentry *dentry, mode_t mode, dev_t rdev)
{
	struct inode *inode = devfs_inode(dir->i_sb, dir, 0, mode, rdev);

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

static void devfs_evict(struct inode *inode)
{
	truncate_inode_pages(&inode->i_data, 0);
	kfree(inode->i_private);
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
static const struct inode_operations devfs_node_ops = {.setattr = NULL};
static const struct file_operations devfs_dir_fops = {.iterate = devfs_iterate};
static const struct super_operations devfs_super_ops = {.evict_inode = devfs_evict};

static int devfs_fill_super(struct super_block *sb, const char *data, bool silent)
{
	struct inode *root;

	(void)data;
	(void)silent;
	sb->s_op = &devfs_super_ops;
	sb->s_magic = DEVFS_MAGIC;
	root = devfs_inode(sb, NULL, INO_ROOT, S_IFDIR | 0755, 0);
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

void devfs_init(void)
{
	static struct file_system_type type = {
		.name = "devtmpfs",
		.in_memory = true,
		.single = true,
		.fill_super = devfs_fill_super,
	};

	register_filesystem(&type);
}
