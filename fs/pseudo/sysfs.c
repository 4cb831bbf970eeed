/*
 * /sys: what there is to know and to set about block devices, made from the list of them.
 *
 *	block/DISK/{size,stat,...}  block/DISK/queue/{scheduler,...}  block/DISK/PART/{start,...}
 *	class/block/NAME and dev/block/MAJOR:MINOR lead to those
 *
 * Nothing is kept: a name is looked up by walking what its directory has now, and an inode's number
 * says all about it, so a disk that has gone leaves nothing.
 * Also there: /dev, /proc and /sys
 */
#include "fs/pseudo/sysfs.h"

#include "block/genhd.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/pseudo/sysfs_internal.h"
#include "fs/super.h"
#include "fs/vfs/internal.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

#define SYSFS_MAGIC 0x62656572u

/* An inode number: what it is, which attribute, and of which device. */
enum node { ROOT = 1, BLOCK, CLASS, CLASS_BLOCK, DEV, DEV_BLOCK, DISK, QUEUE, ATTR, LINK };
#define INO(node, attr, dev) ((ino_t)(node) << 48 | (ino_t)(attr) << 40 | (ino_t)(dev))
#define INO_NODE(ino)	     ((enum node)((ino) >> 48))
#define INO_ATTR(ino)	     ((u32)((ino) >> 40) & 0xff)
#define INO_DEV(ino)	     ((dev_t)((ino)&0xffffffff))
/* A link's "attribute" is how many directories it lies deep. */
#define LINK_DEPTH 2

/* Who walks a directory: told each child; returns non-zero to stop. */
struct walk {
	int (*see)(struct walk *w, const char *name, ino_t ino, mode_t mode);
	ino_t dir;		 /* the directory walked */
	const struct qstr *name; /* lookup: wanted */
	ino_t ino;		 /* lookup: found */
	mode_t mode;
	struct dir_context *ctx; /* readdir */
	loff_t pos;
};

static int see_dir(struct walk *w, const char *name, enum node node)
{
	return w->see(w, name, INO(node, 0, 0), S_IFDIR | 0555);
}

static int walk_attrs(struct walk *w, u32 where, dev_t dev)
{
	const struct sysfs_attr *a;
	int ret = 0;

	for (u32 i = 0; !ret && (a = sysfs_attr_nth(i)) != NULL; i++)
		if (a->where & where)
			ret = w->see(w, a->name, INO(ATTR, i, dev), S_IFREG | a->mode);
	return ret;
}

/* One device, in a directory of devices. */
static int walk_device(struct block_device *bdev, void *arg)
{
	struct walk *w = arg;
	char name[DISK_NAME_LEN + 8];

	bdev_name(bdev, name, sizeof(name));
	switch (INO_NODE(w->dir)) {
	case BLOCK:
		return bdev->bd_partno ?
			       0 :
			       w->see(w, name, INO(DISK, 0, bdev->bd_dev), S_IFDIR | 0555);
	case DISK:
		return bdev->bd_partno && bdev->bd_disk->part[0]->bd_dev == INO_DEV(w->dir) ?
			       w->see(w, name, INO(DISK, 0, bdev->bd_dev), S_IFDIR | 0555) :
			       0;
	case DEV_BLOCK:
		snprintf(name, sizeof(name), "%u:%u", MAJOR(bdev->bd_dev), MINOR(bdev->bd_dev));
		break;
	default:
		break;
	}
	return w->see(w, name, INO(LINK, LINK_DEPTH, bdev->bd_dev), S_IFLNK | 0777);
}

static int walk_disk(struct walk *w)
{
	struct block_device *bdev = bdget(INO_DEV(w->dir));
	int ret;

	if (!bdev)
		return 0;
	ret = walk_attrs(w, bdev->bd_partno ? SYSFS_PART : SYSFS_DISK, bdev->bd_dev);
	if (!ret && !bdev->bd_partno)
		ret = w->see(w, "queue", INO(QUEUE, 0, bdev->bd_dev), S_IFDIR | 0555);
	if (!ret && !bdev->bd_partno)
		ret = blk_for_each_device(walk_device, w);
	bdput(bdev);
	return ret;
}

static int walk_dir(struct walk *w)
{
	int ret;

	switch (INO_NODE(w->dir)) {
	case ROOT:
		ret = see_dir(w, "block", BLOCK);
		ret = ret ? ret : see_dir(w, "class", CLASS);
		return ret ? ret : see_dir(w, "dev", DEV);
	case CLASS:
		return see_dir(w, "block", CLASS_BLOCK);
	case DEV:
		return see_dir(w, "block", DEV_BLOCK);
	case DISK:
		return walk_disk(w);
	case QUEUE:
		return walk_attrs(w, SYSFS_QUEUE, INO_DEV(w->dir));
	default:
		return blk_for_each_device(walk_device, w);
	}
}

/* --- directories and links ---------------------------------------------------------------- */

static const struct inode_operations dir_ops, link_ops, file_ops;
static const struct file_operations dir_fops, file_fops;

static struct inode *sysfs_inode(struct super_block *sb, ino_t ino, mode_t mode)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = ino;
	inode->i_mode = mode;
	inode->i_nlink = S_ISDIR(mode) ? 2 : 1;
	inode->i_size = S_ISREG(mode) ? PAGE_SIZE : 0;
	inode->i_op = S_ISDIR(mode) ? &dir_ops : S_ISLNK(mode) ? &link_ops : &file_ops;
	inode->i_fop = S_ISDIR(mode) ? &dir_fops : S_ISREG(mode) ? &file_fops : NULL;
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time();
	return inode;
}

static int see_lookup(struct walk *w, const char *name, ino_t ino, mode_t mode)
{
	if (strlen(name) != w->name->len || memcmp(name, w->name->name, w->name->len) != 0)
		return 0;
	w->ino = ino;
	w->mode = mode;
	return 1;
}

static int sysfs_lookup(struct inode *dir, struct dentry *dentry)
{
	struct walk w = {.see = see_lookup, .dir = dir->i_ino, .name = &dentry->d_name};
	struct inode *inode = NULL;

	if (walk_dir(&w)) {
		inode = sysfs_inode(dir->i_sb, w.ino, w.mode);
		if (!inode)
			return -ENOMEM;
	}
	d_add(dentry, inode);
	return 0;
}

static int see_readdir(struct walk *w, const char *name, ino_t ino, mode_t mode)
{
	struct dir_context *ctx = w->ctx;

	if (w->pos++ < ctx->pos)
		return 0;
	if (!ctx->actor(ctx, name, (u32)strlen(name), ctx->pos, ino, mode_to_dtype(mode)))
		return 1;
	ctx->pos++;
	return 0;
}

static int sysfs_iterate(struct file *file, struct dir_context *ctx)
{
	struct walk w = {.see = see_readdir, .dir = file->f_inode->i_ino, .ctx = ctx, .pos = 2};

	if (dir_emit_dots(file, ctx))
		(void)walk_dir(&w);
	return 0;
}

static ssize_t sysfs_readlink(struct inode *inode, char *buf, size_t size)
{
	struct block_device *bdev = bdget(INO_DEV(inode->i_ino));
	char name[DISK_NAME_LEN + 8];
	int len;

	if (!bdev)
		return -ENOENT;
	bdev_name(bdev, name, sizeof(name));
	len = snprintf(buf, size, "../../block/%s%s%s", bdev->bd_disk->disk_name,
		       bdev->bd_partno ? "/" : "", bdev->bd_partno ? name : "");
	bdput(bdev);
	return (size_t)len < size ? len : -ENAMETOOLONG;
}

/* --- attributes --------------------------------------------------------------------------- */

/* Run an attribute's op; the disk cannot go meanwhile. `text` NULL: show. */
static int attr_call(const struct inode *inode, struct seq_file *m, char *text)
{
	const struct sysfs_attr *a = sysfs_attr_nth(INO_ATTR(inode->i_ino));
	struct block_device *bdev = bdget(INO_DEV(inode->i_ino));
	int err = -ENODEV;

	if (!bdev)
		return -ENODEV;
	mutex_lock(&bdev->bd_disk->open_mutex);
	if (!bdev->bd_disk->dead)
		err = text ? a->store(bdev, text) : a->show(bdev, m);
	mutex_unlock(&bdev->bd_disk->open_mutex);
	bdput(bdev);
	return err;
}

static ssize_t attr_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct seq_file m = {.buf = kmalloc(PAGE_SIZE, GFP_KERNEL), .size = PAGE_SIZE};
	size_t want, n = 0;
	int err;

	if (!m.buf)
		return -ENOMEM;
	err = attr_call(iocb->ki_filp->f_inode, &m, NULL);
	if (!err && (u64)iocb->ki_pos < m.count) {
		want = min(m.count - (size_t)iocb->ki_pos, iov_iter_count(to));
		n = copy_to_iter(m.buf + iocb->ki_pos, want, to);
		err = n == 0 && want > 0 ? -EFAULT : 0;
	}
	kfree(m.buf);
	iocb->ki_pos += (loff_t)n;
	return err ? err : (ssize_t)n;
}

/* What is written ends at its newline, if it has one. */
static ssize_t attr_write(struct kiocb *iocb, struct iov_iter *from)
{
	const struct inode *inode = iocb->ki_filp->f_inode;
	size_t len = iov_iter_count(from);
	char text[64] = "", *end;
	int err;

	if (!sysfs_attr_nth(INO_ATTR(inode->i_ino))->store)
		return -EIO;
	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_iter(text, len, from) != len)
		return -EFAULT;
	end = strchr(text, '\n');
	if (end)
		*end = '\0';
	err = attr_call(inode, NULL, text);
	return err ? err : (ssize_t)len;
}

static int sysfs_setattr(struct inode *inode, const struct iattr *attr)
{
	if (!(attr->ia_valid & ATTR_SIZE)) /* `>` cuts a file first: nothing to do */
		inode_setattr_copy(inode, attr);
	return 0;
}

static const struct inode_operations dir_ops = {.lookup = sysfs_lookup};
static const struct inode_operations link_ops = {.readlink = sysfs_readlink};
static const struct inode_operations file_ops = {.setattr = sysfs_setattr};
static const struct file_operations dir_fops = {.iterate = sysfs_iterate};
static const struct file_operations file_fops = {.read_iter = attr_read, .write_iter = attr_write};
static const struct super_operations sysfs_super_ops = {.statfs = NULL};

static int sysfs_fill_super(struct super_block *sb, const char *data, bool silent)
{
	(void)data;
	(void)silent;
	sb->s_op = &sysfs_super_ops;
	sb->s_magic = SYSFS_MAGIC;
	sb->s_root = d_make_root(sysfs_inode(sb, INO(ROOT, 0, 0), S_IFDIR | 0555));
	if (!sb->s_root)
		return -ENOMEM;
	sb->s_root->d_volatile = true;
	return 0;
}

void sysfs_init(void)
{
	static struct file_system_type type = {
		.name = "sysfs", .single = true, .fill_super = sysfs_fill_super};

	register_filesystem(&type);
}
