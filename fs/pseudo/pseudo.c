/*
 * The tree of entries as inodes and directories.
 * Also there: /dev, /proc and /sys
 */
#include "fs/pseudo/pseudo.h"

#include "fs/cache/pagemap.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/vfs/internal.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsnprintf.h"
#include "kernel/mm/iov_iter.h"
#include "kernel/mm/kmalloc.h"

#define WRITE_MAX    4095u
#define TEXT_MAX     (1u << 20)
#define POS_CHILDREN 0x10000 /* positions in a directory: entries from 2 on, then the numbered */

struct pseudo_inode {
	struct inode vfs;	 /* first: freed as any inode */
	struct pseudo_node node; /* [const] */
};

struct pseudo_node *pseudo_node(struct inode *inode)
{
	return &container_of(inode, struct pseudo_inode, vfs)->node;
}

static const struct pseudo_fs *fs_of(const struct super_block *sb)
{
	return container_of(sb->s_type, struct pseudo_fs, type);
}

void pseudo_add(struct pseudo_entry *dir, struct pseudo_entry *entries, size_t n)
{
	struct pseudo_entry **last = &dir->children;

	while (*last)
		last = &(*last)->sibling;
	for (size_t i = 0; i < n; i++, last = &(*last)->sibling)
		*last = &entries[i];
}

/* --- inodes --- */

static struct inode *pseudo_alloc_inode(struct super_block *sb)
{
	struct pseudo_inode *pi = kzalloc(sizeof(*pi), GFP_KERNEL);

	(void)sb;
	return pi ? &pi->vfs : NULL;
}

static void pseudo_evict_inode(struct inode *inode)
{
	truncate_inode_pages(&inode->i_data, 0);
	kfree(inode->i_private);
}

/* An entry's number is given when it is first asked for. */
static ino_t number_of(const struct pseudo_node *node)
{
	static u32 last;
	u32 none = 0, no = __atomic_load_n(&node->entry->no, __ATOMIC_RELAXED);

	if (!no) {
		no = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
		if (!__atomic_compare_exchange_n(&node->entry->no, &none, no, false,
						 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			no = none;
	}
	ASSERT(no < 1u << 12 && node->sub < 1u << 20);
	return (ino_t)node->id << 32 | node->sub << 12 | no;
}

/* Is what the inode is about still there? A check after a use covers all of the use, for what is
 * there now has been there all the time. */
static bool is_same(struct inode *inode)
{
	const struct pseudo_fs *fs = fs_of(inode->i_sb);
	const struct pseudo_node *node = pseudo_node(inode);
	uid_t uid;
	gid_t gid;

	return !node->id || !fs->birth || fs->birth(node->id, &uid, &gid) == node->birth;
}

static bool pseudo_d_revalidate(const struct dentry *d)
{
	return !d->d_inode || is_same(d->d_inode);
}

static int pseudo_setattr(struct inode *inode, const struct iattr *attr)
{
	if (!(attr->ia_valid & ATTR_SIZE)) /* `>` cuts a file first: nothing to do */
		inode_setattr_copy(inode, attr);
	return 0;
}

/* --- links --- */

static ssize_t text_readlink(struct inode *inode, char *buf, size_t size)
{
	struct seq_file m = {.buf = buf, .size = size, .private = pseudo_node(inode)};
	int err = pseudo_node(inode)->entry->show(&m);

	if (err)
		return err;
	return m.overflow ? -ENAMETOOLONG : (ssize_t)m.count;
}

static int magic_get_link(struct inode *inode, struct path *path)
{
	const struct pseudo_node *node = pseudo_node(inode);
	int err = node->entry->get_link(node, path);

	if (!err && !is_same(inode)) {
		path_put(path);
		err = -ESRCH;
	}
	return err;
}

/* --- directories --- */

static bool next_child(const struct pseudo_node *dir, u32 from, struct pseudo_child *child)
{
	*child = (struct pseudo_child){.node = *dir};
	if (!dir->entry->next || !dir->entry->next(dir, from, child))
		return false;
	if (!child->mode)
		child->mode = child->node.entry->mode;
	if (!child->name[0])
		snprintf(child->name, sizeof(child->name), "%u", child->number);
	return true;
}

/* A decimal number without leading zeros, or -1. */
static int parse_number(const char *name)
{
	s64 n = 0;

	if (!*name || (name[0] == '0' && name[1]) || strlen(name) > 7)
		return -1;
	for (; *name; name++) {
		if (*name < '0' || *name > '9')
			return -1;
		n = n * 10 + (*name - '0');
	}
	return (int)n;
}

static bool find_child(const struct pseudo_node *dir, const char *name, struct pseudo_child *child)
{
	struct pseudo_entry *e = dir->entry->children;
	int number;

	while (e && strcmp(e->name, name) != 0)
		e = e->sibling;
	if (e) {
		*child = (struct pseudo_child){.node = *dir, .mode = e->mode};
		child->node.entry = e;
		return true;
	}
	if (dir->entry->numbered) {
		number = parse_number(name);
		return number >= 0 && next_child(dir, (u32)number, child) &&
		       child->number == (u32)number;
	}
	for (u32 from = 0; next_child(dir, from, child); from = child->number + 1)
		if (strcmp(child->name, name) == 0)
			return true;
	return false;
}

static int pseudo_lookup(struct inode *dir, struct dentry *dentry)
{
	const struct pseudo_fs *fs = fs_of(dir->i_sb);
	const struct pseudo_node *parent = pseudo_node(dir);
	struct inode *inode = NULL;
	struct pseudo_child c;
	uid_t uid = 0;
	gid_t gid = 0;

	if (find_child(parent, dentry->d_name.name, &c)) {
		if (c.node.id && fs->birth) {
			c.node.birth = fs->birth(c.node.id, &uid, &gid);
			if (!c.node.birth ||
			    (c.node.id == parent->id && c.node.birth != parent->birth))
				return -ENOENT;
		}
		inode = pseudo_inode(dir->i_sb, &c.node, c.mode);
		if (!inode)
			return -ENOMEM;
		inode->i_uid = uid;
		inode->i_gid = gid;
	} else if (fs->absent_is_error) {
		return -ENOENT;
	}
	d_add(dentry, inode);
	return 0;
}

static bool emit(struct dir_context *ctx, const char *name, const struct pseudo_node *node,
		 mode_t mode)
{
	if (!ctx->actor(ctx, name, (u32)strlen(name), ctx->pos, number_of(node),
			mode_to_dtype(mode)))
		return false;
	ctx->pos++;
	return true;
}

static int pseudo_iterate(struct file *file, struct dir_context *ctx)
{
	const struct pseudo_node *dir = pseudo_node(file->f_inode);
	struct pseudo_node node = *dir;
	struct pseudo_child c;
	loff_t at = 2;

	if (!is_same(file->f_inode))
		return -ENOENT;
	if (!dir_emit_dots(file, ctx))
		return 0;
	for (node.entry = dir->entry->children; node.entry; node.entry = node.entry->sibling)
		if (at++ >= ctx->pos && !emit(ctx, node.entry->name, &node, node.entry->mode))
			return 0;
	ctx->pos = max(ctx->pos, (loff_t)POS_CHILDREN);
	while (next_child(dir, (u32)(ctx->pos - POS_CHILDREN), &c)) {
		ctx->pos = POS_CHILDREN + (loff_t)c.number;
		if (!emit(ctx, c.name, &c.node, c.mode))
			return 0;
	}
	return 0;
}

static const struct inode_operations dir_iop = {.lookup = pseudo_lookup, .setattr = pseudo_setattr};
static const struct inode_operations file_iop = {.setattr = pseudo_setattr};
static const struct inode_operations text_link_iop = {.readlink = text_readlink};
static const struct inode_operations magic_link_iop = {.get_link = magic_get_link};
static const struct file_operations dir_fop = {.iterate = pseudo_iterate};

struct inode *pseudo_inode(struct super_block *sb, const struct pseudo_node *node, mode_t mode)
{
	const struct pseudo_entry *e = node->entry;
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	*pseudo_node(inode) = *node;
	inode->i_ino = number_of(node);
	inode->i_mode = mode;
	inode->i_nlink = S_ISDIR(mode) ? 2 : 1;
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time();
	inode->i_op = e->iop;
	inode->i_fop = e->fop;
	if (S_ISREG(mode))
		inode->i_size = fs_of(sb)->file_bytes;
	if (!e->iop)
		inode->i_op = S_ISDIR(mode)  ? &dir_iop :
			      !S_ISLNK(mode) ? &file_iop :
			      e->get_link    ? &magic_link_iop :
					       &text_link_iop;
	if (!e->fop)
		inode->i_fop = S_ISDIR(mode) ? &dir_fop : S_ISREG(mode) ? &pseudo_text_fops : NULL;
	return inode;
}

int pseudo_fill_super(struct super_block *sb, const char *data, bool silent)
{
	static const struct super_operations op = {
		.alloc_inode = pseudo_alloc_inode,
		.evict_inode = pseudo_evict_inode,
		.d_revalidate = pseudo_d_revalidate,
	};
	struct pseudo_fs *fs = container_of(sb->s_type, struct pseudo_fs, type);
	const struct pseudo_node root = {.entry = &fs->root};

	(void)data;
	(void)silent;
	sb->s_op = &op;
	sb->s_magic = fs->magic;
	sb->s_root = d_make_root(pseudo_inode(sb, &root, fs->root.mode));
	if (!sb->s_root)
		return -ENOMEM;
	sb->s_root->d_volatile = true;
	return 0;
}

/* --- texts: made by a read at the start; later reads continue in it --- */

/* Make the text from a byte on, in as large a buffer as it takes, or as much as there may be. */
static int make_text(const struct pseudo_entry *e, struct seq_file *m, u64 from)
{
	size_t size = m->size ? m->size : 1024;
	int err;

	for (;; size *= 2) {
		if (size != m->size) {
			kfree(m->buf);
			m->buf = kmalloc(size, GFP_KERNEL);
			m->size = m->buf ? size : 0;
		}
		m->count = 0;
		m->from = m->skip = from;
		m->overflow = false;
		if (!m->buf)
			return -ENOMEM;
		err = e->show(m);
		if (err || !m->overflow || size == TEXT_MAX)
			return err;
	}
}

static int text_open(struct inode *inode, struct file *file)
{
	struct seq_file *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return -ENOMEM;
	m->private = pseudo_node(inode);
	file->private_data = m;
	return 0;
}

static void text_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	(void)inode;
	kfree(m->buf);
	kfree(m);
}

static ssize_t text_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = iocb->ki_filp->f_inode;
	const struct pseudo_entry *e = pseudo_node(inode)->entry;
	struct seq_file *m = iocb->ki_filp->private_data;
	u64 pos = (u64)iocb->ki_pos;
	size_t n = 0, want;
	int err;

	if (!e->show)
		return -EINVAL;
	if (pos == 0 || !m->buf || pos < m->from || (m->overflow && pos >= m->from + m->count)) {
		err = make_text(e, m, pos);
		if (!err && !is_same(inode)) /* of another with the same id by now? */
			err = -ESRCH;
		if (err) {
			m->count = 0;
			return err;
		}
	}
	if (pos < m->from + m->count) {
		pos -= m->from;
		want = min(m->count - (size_t)pos, iov_iter_count(to));
		n = copy_to_iter(m->buf + pos, want, to);
		if (n == 0 && want > 0)
			return -EFAULT;
	}
	iocb->ki_pos += (loff_t)n;
	return (ssize_t)n;
}

static ssize_t text_write(struct kiocb *iocb, struct iov_iter *from)
{
	const struct pseudo_node *node = pseudo_node(iocb->ki_filp->f_inode);
	size_t len = iov_iter_count(from);
	char *text;
	int err;

	if (!node->entry->write || len > WRITE_MAX)
		return -EINVAL;
	text = kzalloc(len + 1, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	err = copy_from_iter(text, len, from) != len ? -EFAULT :
						       node->entry->write(node, text, len);
	kfree(text);
	return err ? err : (ssize_t)len;
}

const struct file_operations pseudo_text_fops = {
	.read_iter = text_read,
	.write_iter = text_write,
	.open = text_open,
	.release = text_release,
};
