/*
 * /proc: a tree of files made by proc_create(), and directories for the processes.
 *
 * Inodes and dentries live only while they are used, so a process that has gone leaves nothing. A
 * name that is not there is an error of the look-up, so that nothing can be made of it.
 *
 * Invariants:
 * 1. The tree of entries only grows, at boot; it needs no lock.
 * 2. Inode numbers: an entry's own below PID_INO(1); else PID_INO(pid) + what it is within.
 * Also there: /dev, /proc and /sys
 */
#include "fs/pseudo/procfs.h"

#include "fs/file.h"
#include "fs/inode.h"
#include "fs/pseudo/procfs_internal.h"
#include "fs/super.h"
#include "fs/vfs/internal.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/list.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

#define PROC_MAGIC    0x9fa0u
#define PROC_ROOT_INO 1u
#define INO_FD_LINK   0x10000u /* within a pid: plus the number of the descriptor */
/* Positions in the root directory: entries from 2 on, then "self", then the processes. */
#define POS_SELF 0x1000
#define POS_PIDS 0x1001

static struct proc_entry proc_root = {
	.children = LIST_HEAD_INIT(proc_root.children),
	.ino = PROC_ROOT_INO,
	.mode = S_IFDIR | 0555,
};
static ino_t next_ino = PROC_ROOT_INO + 2; /* between: "self" */
const struct proc_pid_ops *proc_pid_ops;

/* --- entries --- */

static struct proc_entry *find_child(struct proc_entry *dir, const char *name, size_t len)
{
	struct proc_entry *e;

	list_for_each_entry(e, &dir->children, list)
		if (strlen(e->name) == len && memcmp(e->name, name, len) == 0)
			return e;
	return NULL;
}

static struct proc_entry *add_child(struct proc_entry *dir, const char *name, size_t len,
				    mode_t mode)
{
	struct proc_entry *e;

	if (len >= sizeof(e->name))
		return NULL;
	e = kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return NULL;
	memcpy(e->name, name, len);
	e->mode = mode;
	e->ino = next_ino++;
	INIT_LIST_HEAD(&e->children);
	list_add_tail(&e->list, &dir->children);
	return e;
}

int proc_create(const char *name, mode_t mode, int (*show)(struct seq_file *m),
		int (*write)(const char *text, size_t len))
{
	struct proc_entry *dir = &proc_root, *e;
	const char *slash;

	for (; (slash = strchr(name, '/')) != NULL; name = slash + 1) {
		e = find_child(dir, name, (size_t)(slash - name));
		if (!e)
			e = add_child(dir, name, (size_t)(slash - name), S_IFDIR | 0555);
		if (!e)
			return -ENOMEM;
		dir = e;
	}
	e = add_child(dir, name, strlen(name), S_IFREG | (mode & 0777));
	if (!e)
		return -ENOMEM;
	e->show = show;
	e->write = write;
	return 0;
}

/* --- inodes. i_private: the proc_entry, or the proc_pid_entry, or NULL for /proc/PID itself --- */

static const struct inode_operations root_dir_ops, pid_dir_ops, fd_dir_ops, file_ops, self_link_ops,
	magic_link_ops;
static const struct file_operations root_dir_fops, pid_dir_fops, fd_dir_fops;

struct proc_inode {
	struct inode vfs; /* first: freed as any inode */
	u64 birth;	  /* [const] of its process */
};

static struct proc_inode *PROC_I(struct inode *inode)
{
	return container_of(inode, struct proc_inode, vfs);
}

static struct inode *proc_alloc_inode(struct super_block *sb)
{
	struct proc_inode *pi = kzalloc(sizeof(*pi), GFP_KERNEL);

	(void)sb;
	return pi ? &pi->vfs : NULL;
}

/* Is the process still there whose file, link or directory this is? True for what has none. A check
 * after the use is right for all of it: the process has lived all the time. */
static bool proc_is_same(struct inode *inode)
{
	pid_t pid = PID_OF(inode->i_ino);
	uid_t uid;
	gid_t gid;

	return !pid || proc_pid_ops->birth(pid, &uid, &gid) == PROC_I(inode)->birth;
}

static bool proc_d_revalidate(const struct dentry *d)
{
	return !d->d_inode || proc_is_same(d->d_inode);
}

/* Set whose it is. Returns: whether that process is there, the same as the directory's. */
static bool take_process(struct inode *inode, struct inode *dir)
{
	u64 birth = proc_pid_ops->birth(PID_OF(inode->i_ino), &inode->i_uid, &inode->i_gid);

	PROC_I(inode)->birth = birth;
	return birth && (!PID_OF(dir->i_ino) || PROC_I(dir)->birth == birth);
}

static int add_inode(struct dentry *dentry, ino_t ino, mode_t mode, const void *priv,
		     const struct inode_operations *op, const struct file_operations *fop)
{
	struct inode *inode = new_inode(dentry->d_sb);

	if (!inode)
		return -ENOMEM;
	inode->i_ino = ino;
	inode->i_mode = mode;
	inode->i_nlink = S_ISDIR(mode) ? 2 : 1;
	inode->i_op = op;
	inode->i_fop = fop;
	inode->i_private = (void *)(uintptr_t)priv;
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time();
	if (PID_OF(ino) && !take_process(inode, dentry->d_parent->d_inode)) {
		iput(inode);
		return -ENOENT;
	}
	d_add(dentry, inode);
	return 0;
}

static int add_entry_inode(struct dentry *dentry, struct proc_entry *e)
{
	bool dir = S_ISDIR(e->mode);

	return add_inode(dentry, e->ino, e->mode, e, dir ? &root_dir_ops : &file_ops,
			 dir ? &root_dir_fops : &proc_fops);
}

/* A decimal number without leading zeros, or -1. */
static int parse_number(const struct qstr *name)
{
	s64 n = 0;

	if (name->len == 0 || name->len > 7 || (name->name[0] == '0' && name->len > 1))
		return -1;
	for (u32 i = 0; i < name->len; i++) {
		if (name->name[i] < '0' || name->name[i] > '9')
			return -1;
		n = n * 10 + (name->name[i] - '0');
	}
	return (int)n;
}

static int root_lookup(struct inode *dir, struct dentry *dentry)
{
	const struct qstr *name = &dentry->d_name;
	struct proc_entry *e = find_child(dir->i_private, name->name, name->len);
	int pid, err = -ENOENT;

	if (e)
		return add_entry_inode(dentry, e);
	if (dir->i_private == &proc_root) {
		pid = parse_number(name);
		if (pid > 0)
			err = add_inode(dentry, PID_INO(pid), S_IFDIR | 0555, NULL, &pid_dir_ops,
					&pid_dir_fops);
		else if (strcmp(name->name, "self") == 0 && proc_pid_ops->self() > 0)
			err = add_inode(dentry, PROC_ROOT_INO + 1, S_IFLNK | 0777, NULL,
					&self_link_ops, NULL);
	}
	return err;
}

static int pid_lookup(struct inode *dir, struct dentry *dentry)
{
	const struct proc_pid_entry *e = proc_pid_ops->entries;
	const struct inode_operations *op = &file_ops;
	const struct file_operations *fop = &proc_fops;
	int err;

	while (e->name && strcmp(e->name, dentry->d_name.name) != 0)
		e++;
	if (S_ISDIR(e->mode)) {
		op = &fd_dir_ops;
		fop = &fd_dir_fops;
	} else if (S_ISLNK(e->mode)) {
		op = &magic_link_ops;
		fop = NULL;
	}
	err = !e->name ? -ENOENT :
			 add_inode(dentry, dir->i_ino + 1 + (ino_t)(e - proc_pid_ops->entries),
				   e->mode, e, op, fop);
	return err;
}

static int fd_lookup(struct inode *dir, struct dentry *dentry)
{
	pid_t pid = PID_OF(dir->i_ino);
	int fd = parse_number(&dentry->d_name), err = -ENOENT;
	mode_t mode;

	if (fd >= 0 && proc_pid_ops->fd_next(pid, fd, &mode) == fd)
		err = add_inode(dentry, PID_INO(pid) + INO_FD_LINK + (u32)fd, mode, NULL,
				&magic_link_ops, NULL);
	return err;
}

/* --- directories --- */

static bool emit(struct dir_context *ctx, const char *name, ino_t ino, mode_t mode)
{
	return ctx->actor(ctx, name, (u32)strlen(name), ctx->pos, ino, mode_to_dtype(mode));
}

static int root_iterate(struct file *file, struct dir_context *ctx)
{
	struct proc_entry *dir = file->f_inode->i_private, *e;
	loff_t at = 2;
	char name[12];
	pid_t pid;

	if (!dir_emit_dots(file, ctx))
		return 0;
	list_for_each_entry(e, &dir->children, list) {
		if (at++ < ctx->pos)
			continue;
		if (!emit(ctx, e->name, e->ino, e->mode))
			return 0;
		ctx->pos++;
	}
	if (dir != &proc_root)
		return 0;
	ctx->pos = max(ctx->pos, (loff_t)POS_SELF);
	if (ctx->pos == POS_SELF) {
		if (!emit(ctx, "self", PROC_ROOT_INO + 1, S_IFLNK))
			return 0;
		ctx->pos = POS_PIDS;
	}
	while ((pid = proc_pid_ops->next_pid((pid_t)(ctx->pos - POS_PIDS))) > 0) {
		snprintf(name, sizeof(name), "%d", pid);
		if (!emit(ctx, name, PID_INO(pid), S_IFDIR))
			return 0;
		ctx->pos = POS_PIDS + pid;
	}
	return 0;
}

static int pid_iterate(struct file *file, struct dir_context *ctx)
{
	const struct proc_pid_entry *e;
	ino_t ino = file->f_inode->i_ino + 1;
	loff_t at = 2;

	if (!proc_is_same(file->f_inode))
		return -ENOENT;
	if (!dir_emit_dots(file, ctx))
		return 0;
	for (e = proc_pid_ops->entries; e->name; e++, ino++) {
		if (at++ < ctx->pos)
			continue;
		if (!emit(ctx, e->name, ino, e->mode))
			return 0;
		ctx->pos++;
	}
	return 0;
}

static int fd_iterate(struct file *file, struct dir_context *ctx)
{
	pid_t pid = PID_OF(file->f_inode->i_ino);
	char name[12];
	mode_t mode;
	int fd;

	if (!proc_is_same(file->f_inode))
		return -ENOENT;
	if (!dir_emit_dots(file, ctx))
		return 0;
	while ((fd = proc_pid_ops->fd_next(pid, (int)(ctx->pos - 2), &mode)) >= 0) {
		snprintf(name, sizeof(name), "%d", fd);
		if (!emit(ctx, name, PID_INO(pid) + INO_FD_LINK + (u32)fd, S_IFLNK))
			return 0;
		ctx->pos = fd + 3;
	}
	return 0;
}

/* --- links --- */

static ssize_t self_readlink(struct inode *inode, char *buf, size_t size)
{
	(void)inode;
	return snprintf(buf, size, "%d", proc_pid_ops->self());
}

static int magic_get_link(struct inode *inode, struct path *path)
{
	const struct proc_pid_entry *e = inode->i_private;
	u32 within = (u32)(inode->i_ino & 0xffffff);
	pid_t pid = PID_OF(inode->i_ino);

	int err = e ? e->get_link(pid, e->what, path) :
		      proc_pid_ops->fd_link(pid, (int)(within - INO_FD_LINK), path);

	if (!err && !proc_is_same(inode)) {
		path_put(path);
		err = -ESRCH;
	}
	return err;
}

static const struct inode_operations root_dir_ops = {.lookup = root_lookup};
static const struct inode_operations pid_dir_ops = {.lookup = pid_lookup};
static const struct inode_operations fd_dir_ops = {.lookup = fd_lookup};
static const struct inode_operations file_ops = {.lookup = NULL};
static const struct inode_operations self_link_ops = {.readlink = self_readlink};
static const struct inode_operations magic_link_ops = {.get_link = magic_get_link};
static const struct file_operations root_dir_fops = {.iterate = root_iterate};
static const struct file_operations pid_dir_fops = {.iterate = pid_iterate};
static const struct file_operations fd_dir_fops = {.iterate = fd_iterate};
static const struct super_operations proc_super_ops = {
	.alloc_inode = proc_alloc_inode,
	.d_revalidate = proc_d_revalidate,
};

static int proc_fill_super(struct super_block *sb, const char *data, bool silent)
{
	struct inode *root;

	(void)data;
	(void)silent;
	sb->s_op = &proc_super_ops;
	sb->s_magic = PROC_MAGIC;
	root = new_inode(sb);
	if (!root)
		return -ENOMEM;
	root->i_ino = PROC_ROOT_INO;
	root->i_mode = proc_root.mode;
	root->i_nlink = 2;
	root->i_op = &root_dir_ops;
	root->i_fop = &root_dir_fops;
	root->i_private = &proc_root;
	sb->s_root = d_make_root(root);
	if (!sb->s_root)
		return -ENOMEM;
	sb->s_root->d_volatile = true;
	return 0;
}

void procfs_init(void)
{
	static struct file_system_type type = {
		.name = "proc", .single = true, .fill_super = proc_fill_super};

	register_filesystem(&type);
	proc_files_init();
}
