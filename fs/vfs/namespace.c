/*
 * The calls that change and show the tree of mounts: mount, umount, /proc/mounts, the first mount.
 *
 * Lock order: mount.c.
 * Also there: filesystems are mounted and unmounted
 */
#include "fs/super.h"

#include "block/genhd.h"
#include "fs/fs_struct.h"
#include "fs/vfs/internal.h"
#include "fs/vfs/namei.h"
#include "fs/vfs/seq_file.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/kmalloc.h"

#define MS_MGC_MSK     0xffff0000u
#define MS_MGC_VAL     0xc0ed0000u
#define MS_PROPAGATION (0xfu << 17) /* private, shared, ...: there is one namespace */
#define MNT_DETACH     2u

static struct mutex mount_mutex = MUTEX_INIT(mount_mutex);

int do_umount(const char *dir, u32 flags)
{
	struct path path, root;
	int err, write_err;

	if (!cred_is_root(current_cred()))
		return -EPERM;
	err = path_lookupat(AT_FDCWD, dir, LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	get_fs_root(&root);
	path_put(&root); /* only compared */
	mutex_lock(&mount_mutex);
	if (path.dentry != path.mnt->mnt_root || path.mnt == &pseudo_mount ||
	    (path.mnt->mnt_parent == path.mnt && path.mnt != root.mnt))
		err = -EINVAL;
	else if (path.mnt->mnt_parent == path.mnt)
		err = do_remount_sb(path.mnt->mnt_sb, path.mnt->mnt_sb->s_flags | MS_RDONLY, NULL);
	else
		err = detach_mount(path.mnt, flags & MNT_DETACH);
	mutex_unlock(&mount_mutex);
	dput(path.dentry);
	write_err = mntput_last(path.mnt);
	return err ? err : write_err;
}

static int do_remount(const struct path *path, u32 flags, const char *data)
{
	int err;

	if (path->dentry != path->mnt->mnt_root)
		return -EINVAL;
	err = do_remount_sb(path->mnt->mnt_sb, flags, data);
	if (!err)
		path->mnt->mnt_flags = flags & MNT_FLAGS;
	return err;
}

/* The number of the block device whose node is called name. */
static int lookup_bdev(const char *name, dev_t *dev)
{
	struct path path;
	int err = path_lookupat(AT_FDCWD, name, LOOKUP_FOLLOW, &path);

	if (err)
		return err;
	*dev = path.dentry->d_inode->i_rdev;
	if (!S_ISBLK(path.dentry->d_inode->i_mode))
		err = -ENOTBLK;
	else if (path.mnt->mnt_flags & MS_NODEV)
		err = -EACCES;
	path_put(&path);
	return err;
}

static int do_new_mount(const char *devname, const struct path *at, const char *type_name,
			u32 flags, const char *data)
{
	struct file_system_type *type = type_name ? get_fs_type(type_name) : NULL;
	struct mount *mnt;
	dev_t dev = 0;
	int err = 0;

	if (!type)
		return -ENODEV;
	if (type->needs_dev)
		err = lookup_bdev(devname ? devname : "", &dev);
	if (err)
		return err;
	mnt = alloc_mount(mount_fs(type, dev, flags, data, (flags & MS_SILENT) != 0),
			  devname ? devname : "none", flags);
	if (IS_ERR(mnt))
		return (int)PTR_ERR(mnt);
	err = attach_mount(mnt, at);
	if (err)
		mntput(mnt);
	return err;
}

int do_mount(const char *devname, const char *dir, const char *type, u32 flags, const char *data)
{
	struct path path;
	int err;

	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~MS_MGC_MSK;
	if (!cred_is_root(current_cred()))
		return -EPERM;
	if (flags & MS_BIND)
		return -EINVAL;
	err = path_lookupat(AT_FDCWD, dir, LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	mutex_lock(&mount_mutex);
	follow_mount(&path); /* what was mounted there meanwhile */
	if (flags & MS_REMOUNT)
		err = do_remount(&path, flags, data);
	else if (!(flags & MS_PROPAGATION))
		err = do_new_mount(devname, &path, type, flags, data);
	mutex_unlock(&mount_mutex);
	path_put(&path);
	return err;
}

/* In octal, as proc(5) has them: the columns stay columns. */
#define NO_COLUMN " \t\n\\"

/* Options of the mount, of the filesystem (Linux's names for ours), or of both. */
static void show_flags(struct seq_file *m, u32 flags, bool of_mount)
{
	static const struct {
		u32 flag;
		const char *text;
	} names[] = {{MS_NOSUID, ",nosuid"},
		     {MS_NODEV, ",nodev"},
		     {MS_NOEXEC, ",noexec"},
		     {MS_SYNCHRONOUS, ",sync"},
		     {MS_NOATIME, ",noatime"}};

	seq_printf(m, flags & MS_RDONLY ? " ro" : " rw");
	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			seq_printf(m, "%s", names[i].text);
	if (of_mount && !(flags & MS_NOATIME))
		seq_printf(m, ",relatime");
}

static void show_mount(const struct mount *mnt, const char *name, struct seq_file *m)
{
	seq_escape(m, mnt->mnt_devname, NO_COLUMN);
	seq_printf(m, " ");
	seq_escape(m, name, NO_COLUMN);
	seq_printf(m, " %s", mnt->mnt_sb->s_type->name);
	show_flags(m, mnt->mnt_flags | mnt->mnt_sb->s_flags, true);
	seq_printf(m, " 0 0\n");
}

static void show_mountinfo(const struct mount *mnt, const char *name, struct seq_file *m)
{
	const struct super_block *sb = mnt->mnt_sb;

	seq_printf(m, "%u %u %u:%u / ", mnt->mnt_id, mnt->mnt_parent->mnt_id, MAJOR(sb->s_dev),
		   MINOR(sb->s_dev));
	seq_escape(m, name, NO_COLUMN);
	show_flags(m, mnt->mnt_flags, true);
	seq_printf(m, " - %s ", sb->s_type->name);
	seq_escape(m, mnt->mnt_devname, NO_COLUMN);
	show_flags(m, sb->s_flags, false);
	seq_printf(m, "\n");
}

int mounts_show(struct seq_file *m, bool info)
{
	char *text = kmalloc(PATH_MAX_LEN, GFP_KERNEL), *name;
	struct mount *mnt;
	struct path root;

	if (!text)
		return -ENOMEM;
	get_fs_root(&root);
	mutex_lock(&mount_mutex); /* the list stands still */
	list_for_each_entry(mnt, &mounts, list) {
		struct path path = {mnt, mnt->mnt_root};

		name = d_path(&path, &root, text, PATH_MAX_LEN);
		if (!IS_ERR(name) && *name == '/')
			(info ? show_mountinfo : show_mount)(mnt, name, m);
	}
	mutex_unlock(&mount_mutex);
	path_put(&root);
	kfree(text);
	return 0;
}

/* --- the first mount --- */

static int list_disk(struct block_device *bdev, void *m)
{
	char name[DISK_NAME_LEN + 8];

	bdev_name(bdev, name, sizeof(name));
	seq_printf(m, " %s", name);
	return 0;
}

static struct super_block *mount_root_dev(dev_t dev, struct file_system_type *only, u32 *flags,
					  const char *data)
{
	struct super_block *sb = ERR_PTR(-ENODEV);
	struct file_system_type *type = only ? only : next_dev_type(NULL);

	for (; type && IS_ERR(sb); type = only ? NULL : next_dev_type(type)) {
		sb = mount_fs(type, dev, *flags, data, false);
		if (PTR_ERR(sb) == -EACCES) { /* a read-only disk */
			*flags |= MS_RDONLY;
			sb = mount_fs(type, dev, *flags, data, false);
		}
	}
	return sb;
}

int mount_root(const char *devname, const char *type_name, u32 flags, const char *data)
{
	struct file_system_type *type = type_name ? get_fs_type(type_name) : NULL;
	char disks[128] = " none";
	struct seq_file found = {.buf = disks, .size = sizeof(disks)};
	struct mount *mnt;
	struct path path;
	dev_t dev = 0;

	if (type_name && !type) {
		printk("VFS: cannot mount root: no filesystem type \"%s\"\n", type_name);
		return -ENODEV;
	}
	if (!type || type->needs_dev) {
		dev = blk_lookup_devt(devname);
		if (dev == 0) {
			blk_for_each_device(list_disk, &found);
			printk("VFS: cannot mount root: no disk \"%s\"; disks found:%s\n", devname,
			       disks);
			return -ENXIO;
		}
	}
	mnt = alloc_mount(mount_root_dev(dev, type, &flags, data), devname, flags);
	if (IS_ERR(mnt)) {
		printk("VFS: cannot mount root: no filesystem that we know on \"%s\" (error %ld)\n",
		       devname, -PTR_ERR(mnt));
		return (int)PTR_ERR(mnt);
	}
	spin_lock(&mount_lock);
	list_add_tail(&mnt->list, &mounts);
	spin_unlock(&mount_lock);
	path = (struct path){mnt, mnt->mnt_root};
	set_fs_root(&path);
	set_fs_pwd(&path);
	return 0;
}
