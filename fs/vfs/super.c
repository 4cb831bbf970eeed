/*
 * Filesystem types and superblocks: they are made, synced and taken apart.
 *
 * A superblock lives as long as s_active is above zero; each mount of it holds one. A walk over all
 * superblocks holds none. So umount itself always takes the superblock apart, and first waits for
 * the walkers (s_walkers).
 *
 * Lock order: mount_mutex, s_lock, then the device's open_mutex or pages. sb_lock is a spinlock;
 * only wait queues are touched under it.
 * Also there: filesystems are mounted, synced and unmounted
 */
#include "fs/super.h"

#include "block/genhd.h"
#include "fs/cache/bdev_cache.h"
#include "fs/vfs/internal.h"
#include "fs/vfs/seq_file.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsnprintf.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/ratelimit.h"

#define SB_FLAGS (MS_RDONLY | MS_SYNCHRONOUS | MS_NOATIME)

static LIST_HEAD(fs_types); /* grows only, at boot */
static struct spinlock sb_lock = SPINLOCK_INIT("superblocks", LOCK_FS);
static LIST_HEAD(super_blocks); /* [sb_lock] */
static struct wait_queue_head walkers_wait = WAIT_QUEUE_INIT(walkers_wait);
static dev_t next_anon_dev = MKDEV(0, 1); /* [sb_lock] for filesystems without a device */

void register_filesystem(struct file_system_type *type)
{
	list_add_tail(&type->list, &fs_types);
}

struct file_system_type *get_fs_type(const char *name)
{
	struct file_system_type *type;

	list_for_each_entry(type, &fs_types, list)
		if (strcmp(type->name, name) == 0)
			return type;
	return NULL;
}

struct file_system_type *next_dev_type(struct file_system_type *type)
{
	struct list_head *pos = type ? &type->list : &fs_types;

	while ((pos = pos->next) != &fs_types) {
		type = list_entry(pos, struct file_system_type, list);
		if (type->needs_dev)
			return type;
	}
	return NULL;
}

int filesystems_show(struct seq_file *m)
{
	struct file_system_type *type;

	list_for_each_entry(type, &fs_types, list)
		seq_printf(m, "%s\t%s\n", type->needs_dev ? "" : "nodev", type->name);
	return 0;
}

static struct super_block *alloc_super(struct file_system_type *type, u32 flags)
{
	struct super_block *sb = kzalloc(sizeof(*sb), GFP_KERNEL);

	if (!sb)
		return NULL;
	sb->s_type = type;
	sb->s_flags = flags & SB_FLAGS;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_maxbytes = INT64_MAX;
	atomic_set(&sb->s_active, 1);
	mutex_init(&sb->s_lock);
	mutex_init(&sb->s_rename_mutex);
	INIT_LIST_HEAD(&sb->s_inodes);
	INIT_LIST_HEAD(&sb->s_dirty);
	spin_lock(&sb_lock);
	if (!type->needs_dev)
		sb->s_dev = next_anon_dev++;
	spin_unlock(&sb_lock);
	INIT_LIST_HEAD(&sb->s_list);
	return sb;
}

/* From now on sync and the flusher see it. */
static void publish_super(struct super_block *sb)
{
	spin_lock(&sb_lock);
	list_add_tail(&sb->s_list, &super_blocks);
	spin_unlock(&sb_lock);
}

struct super_block *alloc_pseudo_super(struct file_system_type *type,
				       const struct super_operations *op)
{
	struct super_block *sb = alloc_super(type, 0);

	if (!sb)
		return ERR_PTR(-ENOMEM);
	sb->s_op = op;
	publish_super(sb);
	return sb;
}

int sb_set_blocksize(struct super_block *sb, u32 bytes)
{
	int err = set_blocksize(sb->s_bdev, bytes);

	if (err)
		return err;
	sb->s_blocksize = bytes;
	sb->s_blocksize_bits = (u32)__builtin_ctz(bytes);
	return 0;
}

bool sb_is_whole(struct super_block *sb)
{
	const struct address_space *m = bdev_mapping(sb->s_bdev);

	return !READ_ONCE(sb->s_lost) && !IS_ERR(m) &&
	       errseq_now(&m->wb_err) == sb->s_bdev_err_base;
}

static int sync_sb_bdev(struct super_block *sb)
{
	return sb->s_bdev && sb->s_bdev_write ? sync_blockdev(sb->s_bdev) : 0;
}

/* Take everything of a superblock apart; it may be half made. Returns: 0 or the error of
 * writing. */
static int kill_super(struct super_block *sb)
{
	int busy, err, err2;

	if (sb->s_root) {
		if (sb->s_type->in_memory)
			d_genocide(sb->s_root);
		dput(sb->s_root);
		shrink_dcache_sb(sb);
	}
	busy = evict_inodes(sb);
	if (busy)
		printk("VFS: %d inodes of %s are in use after umount\n", busy, sb->s_type->name);
	/* Only what is on the medium can be called clean, by put_super. */
	err = sync_sb_bdev(sb);
	if (busy)
		WRITE_ONCE(sb->s_lost, true);
	if (sb->s_root && sb->s_op->put_super)
		sb->s_op->put_super(sb);
	spin_lock(&sb_lock);
	list_del_init(&sb->s_list);
	spin_unlock(&sb_lock);
	err2 = sb->s_root ? sync_sb_bdev(sb) : 0;
	if (sb->s_bdev)
		bdev_close(sb->s_bdev, sb->s_bdev_write, sb);
	if (!busy)
		kfree(sb);
	return err ? err : err2;
}

static bool nobody_walks(struct super_block *sb)
{
	bool none;

	spin_lock(&sb_lock);
	none = sb->s_walkers == 0;
	spin_unlock(&sb_lock);
	return none;
}

int deactivate_super(struct super_block *sb)
{
	const struct file_system_type *type = sb->s_type;
	int err = 0, err2;

	if (atomic_read(&sb->s_active) == 1)
		err = sync_filesystem(sb);
	if (!atomic_dec_and_test(&sb->s_active))
		return 0;
	wait_event(&walkers_wait, nobody_walks(sb));
	err2 = kill_super(sb);
	err = err ? err : err2;
	if (err)
		printk("VFS: %s lost data at umount: error %d\n", type->name, -err);
	return err == -EUCLEAN ? 0 : err; /* corruption was told when it was found */
}

/* A mounted superblock of this device, or the only one of its type, or NULL. */
static struct super_block *find_super(struct file_system_type *type, dev_t dev)
{
	struct super_block *sb, *found = NULL;

	spin_lock(&sb_lock);
	list_for_each_entry(sb, &super_blocks, s_list)
		if (!found && sb->s_type == type && (type->single || sb->s_dev == dev) &&
		    atomic_inc_not_zero(&sb->s_active))
			found = sb;
	spin_unlock(&sb_lock);
	return found;
}

/* Open the device of a superblock. Returns: 0, -EACCES for writing a read-only one, ... */
static int open_bdev(struct super_block *sb, bool write)
{
	struct block_device *bdev = blkdev_get_by_dev(sb->s_dev, write, sb);
	struct address_space *m;

	if (IS_ERR(bdev))
		return bdev == ERR_PTR(-EROFS) ? -EACCES : (int)PTR_ERR(bdev);
	m = bdev_mapping(bdev);
	if (IS_ERR(m)) {
		blkdev_put(bdev, sb);
		return (int)PTR_ERR(m);
	}
	if (sb->s_bdev)
		blkdev_put(sb->s_bdev, sb); /* the one for reading */
	sb->s_bdev = bdev;
	sb->s_bdev_write = write;
	sb->s_bdev_err_base = sb->s_bdev_err_seen = errseq_now(&m->wb_err);
	return 0;
}

struct super_block *mount_fs(struct file_system_type *type, dev_t dev, u32 flags, const char *data,
			     bool silent)
{
	bool write = !(flags & MS_RDONLY);
	struct super_block *sb = type->needs_dev || type->single ? find_super(type, dev) : NULL;
	int err;

	if (sb) {
		if (type->single || sb_rdonly(sb) == !write)
			return sb;
		(void)deactivate_super(sb);
		return ERR_PTR(-EBUSY);
	}
	sb = alloc_super(type, flags);
	if (!sb)
		return ERR_PTR(-ENOMEM);
	if (type->needs_dev) {
		sb->s_dev = dev;
		err = open_bdev(sb, write);
		if (err) {
			kfree(sb);
			return ERR_PTR(err);
		}
	}
	err = type->fill_super(sb, data, silent);
	if (err) {
		(void)kill_super(sb);
		return ERR_PTR(err);
	}
	publish_super(sb);
	return sb;
}

/* --- who writes, and turning read-only --- */

int mnt_want_write(struct mount *mnt)
{
	struct super_block *sb = mnt->mnt_sb;

	atomic_inc(&sb->s_writers);
	if (!sb_rdonly(sb) && !sb->s_readonly_remount)
		return 0;
	atomic_dec(&sb->s_writers);
	return -EROFS;
}

void mnt_drop_write(struct mount *mnt)
{
	atomic_dec(&mnt->mnt_sb->s_writers);
}

/* Write all of a superblock, and wait. The first error counts. */
static int write_super(struct super_block *sb)
{
	int err = sync_inodes_sb(sb, true);
	int err2 = sb->s_op->sync_fs ? sb->s_op->sync_fs(sb, true) : 0;

	err = err ? err : err2;
	err2 = sync_sb_bdev(sb);
	return err ? err : err2;
}

/* From read-write to read-only. force: whatever fails, and whoever still is at it. */
static int make_readonly(struct super_block *sb, const char *data, bool force)
{
	u32 flags = sb->s_flags | MS_RDONLY;
	int err = 0, err2 = 0;

	sb->s_readonly_remount = true;
	barrier();
	if (atomic_read(&sb->s_writers) > 0 || inodes_orphaned(sb)) {
		err = -EBUSY;
		if (force)
			WRITE_ONCE(sb->s_lost, true);
	}
	if (!err || force)
		err2 = write_super(sb);
	err = err ? err : err2;
	if ((!err || force) && sb->s_op->remount_fs) {
		err2 = sb->s_op->remount_fs(sb, flags, data);
		err = err ? err : err2;
	}
	if (!err || force)
		sb->s_flags = flags;
	sb->s_readonly_remount = false;
	err2 = sync_sb_bdev(sb);
	return err ? err : err2;
}

static int remount_locked(struct super_block *sb, u32 flags, const char *data)
{
	int err = 0;

	if (!(flags & MS_RDONLY) && sb->s_bdev && !sb->s_bdev_write)
		err = open_bdev(sb, true);
	else if (flags & MS_RDONLY && !sb_rdonly(sb))
		err = make_readonly(sb, data, false);
	if (!err && sb->s_op->remount_fs)
		err = sb->s_op->remount_fs(sb, flags & SB_FLAGS, data);
	if (!err)
		sb->s_flags = (sb->s_flags & ~SB_FLAGS) | (flags & SB_FLAGS);
	return err;
}

int do_remount_sb(struct super_block *sb, u32 flags, const char *data)
{
	int err;

	mutex_lock(&sb->s_lock);
	err = remount_locked(sb, flags, data);
	mutex_unlock(&sb->s_lock);
	return err;
}

static int emergency_ro(struct super_block *sb, void *arg)
{
	(void)arg;
	mutex_lock(&sb->s_lock);
	if (sb->s_bdev && !sb_rdonly(sb) && make_readonly(sb, NULL, true))
		printk("VFS: %s could not be written whole\n", sb->s_type->name);
	mutex_unlock(&sb->s_lock);
	return 0;
}

void super_emergency_remount_ro(void)
{
	sync_all();
	super_for_each(emergency_ro, NULL);
}

void sb_error(struct super_block *sb, const char *fmt, ...)
{
	static struct ratelimit_state rs = RATELIMIT_STATE_INIT("filesystem errors");
	char dev[DISK_NAME_LEN + 8] = "none", text[160];
	u32 missed = 0;
	va_list args;

	/* The one that turns a filesystem read-only is told. A program can have others found
	 * again. */
	if (sb_rdonly(sb) && !ratelimit(&rs, &missed))
		return;
	if (missed)
		printk("%u more errors of filesystems\n", missed);
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (sb->s_bdev)
		bdev_name(sb->s_bdev, dev, sizeof(dev));
	printk("%s: error on %s: %s%s\n", sb->s_type->name, dev, text,
	       sb_rdonly(sb) ? "" : "; now read-only");
	sb->s_flags |= MS_RDONLY;
	errseq_set(&sb->s_wb_err, -EUCLEAN);
}

/* --- sync --- */

static void end_walk_locked(struct super_block *sb)
{
	if (sb && --sb->s_walkers == 0)
		wake_up_all(&walkers_wait);
}

int super_for_each(int (*fn)(struct super_block *sb, void *arg), void *arg)
{
	struct super_block *sb, *prev = NULL;
	int ret = 0;

	spin_lock(&sb_lock);
	list_for_each_entry(sb, &super_blocks, s_list) {
		if (atomic_read(&sb->s_active) == 0)
			continue;
		sb->s_walkers++;
		end_walk_locked(prev);
		prev = sb; /* keeps our place in the list */
		spin_unlock(&sb_lock);
		ret = fn(sb, arg);
		spin_lock(&sb_lock);
		if (ret)
			break;
	}
	end_walk_locked(prev);
	spin_unlock(&sb_lock);
	return ret;
}

static int sync_and_wait(struct super_block *sb)
{
	int err;

	if (sb_rdonly(sb))
		return 0;
	mutex_lock(&sb->s_lock);
	err = write_super(sb);
	mutex_unlock(&sb->s_lock);
	return err;
}

int sync_filesystem(struct super_block *sb)
{
	int err = sync_and_wait(sb);
	int old = errseq_take(&sb->s_wb_err);

	return err ? err : old;
}

static int start_sync(struct super_block *sb, void *arg)
{
	int err = sb_rdonly(sb) ? 0 : sync_inodes_sb(sb, false);

	(void)arg;
	(void)err; /* the second pass reports */
	return 0;
}

static int wait_sync(struct super_block *sb, void *arg)
{
	static struct ratelimit_state rs = RATELIMIT_STATE_INIT("errors of sync");
	int err = sync_and_wait(sb);

	(void)arg;
	if (err && ratelimit(&rs, &(u32){0}))
		printk("VFS: sync of %s failed: error %d\n", sb->s_type->name, -err);
	return 0;
}

void sync_all(void)
{
	super_for_each(start_sync, NULL);
	super_for_each(wait_sync, NULL);
	sync_bdevs(true, ~0ull);
}

int vfs_statfs(const struct path *path, struct kstatfs *buf)
{
	struct super_block *sb = path->dentry->d_sb;

	*buf = (struct kstatfs){.f_type = sb->s_magic,
				.f_bsize = sb->s_blocksize,
				.f_namelen = NAME_MAX_LEN,
				.f_fsid = sb->s_dev};
	return sb->s_op->statfs ? sb->s_op->statfs(sb, buf) : 0;
}
