#include "tests/host/fakes/memfs.h"
#include "fs/cache/pagemap.h"
#include "tests/host/host.h"

#include "block/genhd.h"
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/inode.h"
#include "fs/nodes/block_dev.h"
#include "fs/nodes/char_dev.h"
#include "fs/nodes/special.h"
#include "fs/super.h"
#include "fs/vfs/internal.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"

#define NODES 65536

struct entry {
	struct entry *next;
	ino_t ino;
	char name[256];
};
struct node {
	mode_t mode;
	u32 nlink;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	char *target;
	struct entry *entries;
} nodes[NODES];

bool memfs_fail;
static const struct inode_operations memfs_ops, memfs_link_ops;
static const struct file_operations memfs_dir_fops, memfs_file_fops;

static struct node *node_of(const struct inode *inode)
{
	return &nodes[inode->i_ino];
}

static struct inode *memfs_iget(struct super_block *sb, ino_t ino)
{
	struct inode *inode = iget_locked(sb, ino);
	struct node *n = &nodes[ino];

	if (!inode || !test_bit(I_NEW, &inode->i_state))
		return inode;
	inode->i_mode = n->mode;
	inode->i_nlink = n->nlink;
	inode->i_uid = n->uid;
	inode->i_gid = n->gid;
	inode->i_op = S_ISLNK(n->mode) ? &memfs_link_ops : &memfs_ops;
	if (S_ISDIR(n->mode))
		inode->i_fop = &memfs_dir_fops;
	else if (S_ISREG(n->mode))
		inode->i_fop = &memfs_file_fops;
	else
		init_special_inode(inode, n->mode, n->rdev);
	unlock_new_inode(inode);
	return inode;
}

static struct entry **find(const struct inode *dir, const struct qstr *name)
{
	struct entry **e = &node_of(dir)->entries;

	while (*e &&
	       (strlen((*e)->name) != name->len || memcmp((*e)->name, name->name, name->len) != 0))
		e = &(*e)->next;
	return e;
}

static void add(struct inode *dir, const struct qstr *name, ino_t ino)
{
	struct entry *e = calloc(1, sizeof(*e));

	memcpy(e->name, name->name, name->len);
	e->ino = ino;
	e->next = node_of(dir)->entries;
	node_of(dir)->entries = e;
}

static void del(struct inode *dir, const struct qstr *name)
{
	struct entry **e = find(dir, name), *gone = *e;

	assert_non_null(gone);
	*e = gone->next;
	free(gone);
}

static void links(struct inode *inode, int n)
{
	inode->i_nlink += (u32)n;
	node_of(inode)->nlink = inode->i_nlink;
	inode->i_ctime = current_time();
	mark_inode_dirty(inode);
}

static int failed(void)
{
	bool fail = memfs_fail;

	memfs_fail = false;
	return fail ? -EIO : 0;
}

static int memfs_lookup(struct inode *dir, struct dentry *dentry)
{
	struct entry *e = *find(dir, &dentry->d_name);
	struct inode *inode = NULL;

	assert_true(dir->i_mutex.owner != NULL);
	if (failed())
		return -EIO;
	if (e) {
		inode = memfs_iget(dir->i_sb, e->ino);
		if (!inode)
			return -ENOMEM;
	}
	d_add(dentry, inode);
	return 0;
}

static int make(struct inode *dir, struct dentry *dentry, mode_t mode, dev_t rdev,
		const char *target)
{
	ino_t ino = 1;
	struct inode *inode;
	struct node *n;

	assert_true(dir->i_mutex.owner != NULL);
	while (nodes[ino].mode)
		ino++;
	if (failed())
		return -EIO;
	n = &nodes[ino];
	*n = (struct node){.mode = mode, .nlink = S_ISDIR(mode) ? 2 : 1, .rdev = rdev};
	inode = memfs_iget(dir->i_sb, ino);
	if (!inode) {
		*n = (struct node){.mode = 0};
		return -ENOMEM;
	}
	inode_init_owner(inode, dir, mode);
	n->mode = inode->i_mode;
	n->uid = inode->i_uid;
	n->gid = inode->i_gid;
	n->target = target ? strdup(target) : NULL;
	add(dir, &dentry->d_name, ino);
	if (S_ISDIR(mode))
		links(dir, 1);
	d_instantiate(dentry, inode);
	return 0;
}

static int memfs_create(struct inode *dir, struct dentry *dentry, mode_t mode)
{
	return make(dir, dentry, mode, 0, NULL);
}

static int memfs_mkdir(struct inode *dir, struct dentry *dentry, mode_t mode)
{
	return make(dir, dentry, mode, 0, NULL);
}

static int memfs_mknod(struct inode *dir, struct dentry *dentry, mode_t mode, dev_t rdev)
{
	return make(dir, dentry, mode, rdev, NULL);
}

static int memfs_symlink(struct inode *dir, struct dentry *dentry, const char *target)
{
	return make(dir, dentry, S_IFLNK | 0777, 0, target);
}

static int memfs_link(struct inode *dir, struct dentry *dentry, struct inode *inode)
{
	if (failed())
		return -EIO;
	assert_true(inode->i_mutex.owner != NULL);
	add(dir, &dentry->d_name, inode->i_ino);
	links(inode, 1);
	d_instantiate(dentry, igrab(inode));
	return 0;
}

static int memfs_unlink(struct inode *dir, struct dentry *dentry)
{
	if (failed())
		return -EIO;
	assert_true(dentry->d_inode->i_mutex.owner != NULL);
	del(dir, &dentry->d_name);
	links(dentry->d_inode, -1);
	return 0;
}

static int memfs_rmdir(struct inode *dir, struct dentry *dentry)
{
	if (node_of(dentry->d_inode)->entries)
		return -ENOTEMPTY;
	if (failed())
		return -EIO;
	del(dir, &dentry->d_name);
	links(dentry->d_inode, -2);
	links(dir, -1);
	return 0;
}

static int memfs_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir,
			struct dentry *new)
{
	bool is_dir = S_ISDIR(old->d_inode->i_mode);
	int err = 0;

	assert_true(old_dir->i_mutex.owner != NULL);
	assert_true(new_dir->i_mutex.owner != NULL);
	if (new->d_inode)
		err = is_dir ? memfs_rmdir(new_dir, new) : memfs_unlink(new_dir, new);
	else
		err = failed();
	if (err)
		return err;
	del(old_dir, &old->d_name);
	add(new_dir, &new->d_name, old->d_inode->i_ino);
	if (is_dir && old_dir != new_dir) {
		links(old_dir, -1);
		links(new_dir, 1);
	}
	return 0;
}

static ssize_t memfs_readlink(struct inode *inode, char *buf, size_t size)
{
	return snprintf(buf, size, "%s", node_of(inode)->target);
}

static int memfs_iterate(struct file *file, struct dir_context *ctx)
{
	struct entry *e = node_of(file->f_inode)->entries;
	loff_t at = 2;

	if (!dir_emit_dots(file, ctx))
		return 0;
	for (; e; e = e->next) {
		if (at++ < ctx->pos)
			continue;
		if (!ctx->actor(ctx, e->name, (u32)strlen(e->name), ctx->pos, e->ino, 0))
			return 0;
		ctx->pos++;
	}
	return 0;
}

static int memfs_write_inode(struct inode *inode, bool wait)
{
	struct node *n = node_of(inode);

	(void)wait;
	n->mode = inode->i_mode;
	n->uid = inode->i_uid;
	n->gid = inode->i_gid;
	return 0;
}

static void memfs_evict(struct inode *inode)
{
	struct node *n = node_of(inode);

	truncate_inode_pages(&inode->i_data, 0);
	if (inode->i_nlink == 0) {
		assert_null(n->entries);
		free(n->target);
		*n = (struct node){.nlink = 0};
	}
}

static const struct inode_operations memfs_ops = {
	.lookup = memfs_lookup,
	.create = memfs_create,
	.link = memfs_link,
	.unlink = memfs_unlink,
	.symlink = memfs_symlink,
	.mkdir = memfs_mkdir,
	.rmdir = memfs_rmdir,
	.mknod = memfs_mknod,
	.rename = memfs_rename,
};
static const struct inode_operations memfs_link_ops = {.readlink = memfs_readlink};
static const struct file_operations memfs_dir_fops = {.iterate = memfs_iterate};
static const struct file_operations memfs_file_fops = {.open = NULL};
static const struct super_operations memfs_super_ops = {
	.evict_inode = memfs_evict,
	.write_inode = memfs_write_inode,
};

static int memfs_fill_super(struct super_block *sb, const char *data, bool silent)
{
	static const char *const others[] = {"second", "third", "fourth"};
	ino_t root = NODES - 1;

	(void)silent;
	for (u32 i = 0; data && i < ARRAY_SIZE(others); i++)
		if (strcmp(data, others[i]) == 0)
			root = NODES - 2 - i;
	sb->s_op = &memfs_super_ops;
	nodes[root] = (struct node){.mode = S_IFDIR | 0755, .nlink = 2};
	sb->s_root = d_make_root(memfs_iget(sb, root));
	return sb->s_root ? 0 : -ENOMEM;
}

void memfs_world_start(void)
{
	static struct file_system_type type = {.name = "memfs", .fill_super = memfs_fill_super};
	static bool registered;

	if (!registered) {
		dcache_init();
		inode_init();
		register_filesystem(&type);
		assert_int_equal(mount_root("none", "memfs", 0, NULL), 0);
	}
	registered = true;
}

static void clear_dir(struct node *dir)
{
	while (dir->entries) {
		struct entry *e = dir->entries;
		struct node *n = &nodes[e->ino];

		dir->entries = e->next;
		clear_dir(n);
		if (n->mode) {
			free(n->target);
			*n = (struct node){.nlink = 0};
		}
		free(e);
	}
}

void memfs_world_end(void)
{
	struct path root;

	get_fs_root(&root);
	set_fs_pwd(&root);
	sync_all();
	memfs_drop_caches();
	/* The mount, and twice the caller: root and working directory. */
	assert_int_equal(atomic_read(&root.mnt->mnt_count), 4);
	assert_int_equal(atomic_read(&root.dentry->d_count), 5);
	assert_int_equal(files_nr_open(), 0);
	clear_dir(&nodes[NODES - 1]);
	node_of(root.dentry->d_inode)->nlink = root.dentry->d_inode->i_nlink = 2;
	path_put(&root);
}

size_t memfs_inodes(void)
{
	size_t n = 0;

	for (u32 i = 0; i < NODES; i++)
		n += nodes[i].mode != 0;
	return n;
}

void memfs_drop_caches(void)
{
	sync_all();
	shrink_dcache(~0ul);
	shrink_icache(~0ul);
}

/* --- below the VFS --- */

const struct file_operations def_blk_fops;

void address_space_init(struct address_space *m, struct inode *host)
{
	memset(m, 0, sizeof(*m));
	m->host = host;
	spin_lock_init(&m->tree_lock, "tree", LOCK_MAPPING);
}

void (*file_too_big_hook)(void);

void (*inode_dirtied_hook)(struct inode *inode, u64 state);

void truncate_inode_pages(struct address_space *m, loff_t start)
{
	(void)m;
	(void)start;
}

int filemap_fdatawrite_range(struct address_space *m, loff_t start, loff_t end, bool sync)
{
	(void)m;
	(void)start;
	(void)end;
	(void)sync;
	return 0;
}

void filemap_fdatawait_range(struct address_space *m, loff_t start, loff_t end)
{
	(void)m;
	(void)start;
	(void)end;
}

bool radix_tree_tagged(const struct radix_tree *tree, enum radix_tag tag)
{
	(void)tree;
	(void)tag;
	return false;
}

int set_blocksize(struct block_device *bdev, u32 bytes)
{
	(void)bdev;
	(void)bytes;
	return -EINVAL;
}

struct address_space *bdev_mapping(struct block_device *bdev)
{
	(void)bdev;
	return NULL;
}

int sync_blockdev(struct block_device *bdev)
{
	(void)bdev;
	return 0;
}

void sync_bdevs(bool wait, ktime_t before)
{
	(void)wait;
	(void)before;
}

void bdev_close(struct block_device *bdev, bool write, void *holder)
{
	(void)bdev;
	(void)write;
	(void)holder;
}

bool bdev_read_only(const struct block_device *bdev)
{
	(void)bdev;
	return false;
}

struct block_device *blkdev_get_by_dev(dev_t dev, bool write, void *holder)
{
	(void)dev;
	(void)write;
	(void)holder;
	return ERR_PTR(-ENXIO);
}

void blkdev_put(struct block_device *bdev, void *holder)
{
	(void)bdev;
	(void)holder;
}

void (*bdev_removed)(const char *name);
dev_t blk_lookup_devt(const char *name)
{
	(void)name;
	return 0;
}

int blk_for_each_device(int (*fn)(struct block_device *bdev, void *arg), void *arg)
{
	(void)fn;
	(void)arg;
	return 0;
}

void bdev_name(const struct block_device *bdev, char *buf, size_t size)
{
	(void)bdev;
	snprintf(buf, size, "disk");
}
