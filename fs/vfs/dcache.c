/*
 * The dentry cache: one hash of (parent, name), one lock, and a list of unused dentries.
 *
 * Invariants:
 * 1. d_count goes from or to zero under dcache_lock only.
 * 2. A dentry with count zero is on the LRU list, or its taker is freeing it.
 *
 * Lock order: mount.c. No other lock is taken under dcache_lock.
 * Also there: names that were looked up before
 */
#include "fs/dcache.h"

#include "fs/vfs/internal.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

#define DHASH_SIZE 1024u

struct spinlock dcache_lock = SPINLOCK_INIT("dcache", LOCK_FS);
static struct list_head dhash[DHASH_SIZE]; /* [dcache_lock] */
static LIST_HEAD(dentry_lru);		   /* [dcache_lock] oldest first */
static atomic_t nr_dentries;		   /* [atomic] */

void dcache_get_stats(struct cache_stats *stats)
{
	const struct dentry *d;

	*stats = (struct cache_stats){.nr = (u32)atomic_read(&nr_dentries)};
	spin_lock(&dcache_lock);
	list_for_each_entry(d, &dentry_lru, d_lru) {
		stats->unused++;
		stats->negative += !d->d_inode;
	}
	spin_unlock(&dcache_lock);
}

/* FNV-1a. */
u32 qstr_hash(const char *name, u32 len)
{
	u32 h = 2166136261u;

	for (u32 i = 0; i < len; i++)
		h = (h ^ (u8)name[i]) * 16777619u;
	return h;
}

static struct list_head *bucket(const struct dentry *parent, u32 hash)
{
	u64 p = (u64)parent / sizeof(void *);

	return &dhash[(hash ^ (u32)(p >> 3) ^ (u32)(p >> 13)) % DHASH_SIZE];
}

static struct dentry *d_new(struct super_block *sb, const char *name, u32 len)
{
	struct dentry *d = kzalloc(sizeof(*d), GFP_KERNEL);
	char *text;

	if (!d)
		return NULL;
	text = len < DNAME_INLINE_LEN ? d->d_iname : kmalloc((size_t)len + 1, GFP_KERNEL);
	if (!text) {
		kfree(d);
		return NULL;
	}
	atomic_inc(&nr_dentries);
	memcpy(text, name, len);
	text[len] = '\0';
	d->d_name = (struct qstr){text, len, qstr_hash(text, len)};
	atomic_set(&d->d_count, 1);
	d->d_unhashed = true;
	d->d_parent = d;
	d->d_sb = sb;
	INIT_LIST_HEAD(&d->d_hash);
	INIT_LIST_HEAD(&d->d_child);
	INIT_LIST_HEAD(&d->d_subdirs);
	INIT_LIST_HEAD(&d->d_lru);
	return d;
}

static void d_free(struct dentry *d)
{
	atomic_dec(&nr_dentries);
	if (d->d_name.name != d->d_iname)
		kfree(d->d_name.name);
	kfree(d);
}

struct dentry *d_alloc(struct dentry *parent, const struct qstr *name)
{
	struct dentry *d = d_new(parent->d_sb, name->name, name->len);

	if (!d)
		return NULL;
	spin_lock(&dcache_lock);
	atomic_inc(&parent->d_count);
	d->d_parent = parent;
	d->d_volatile = parent->d_volatile;
	list_add_tail(&d->d_child, &parent->d_subdirs);
	spin_unlock(&dcache_lock);
	return d;
}

struct dentry *d_alloc_pseudo(struct inode *inode, const char *name)
{
	struct dentry *d = d_new(inode->i_sb, name, (u32)strlen(name));

	if (d)
		d_instantiate(d, inode);
	else
		iput(inode);
	return d;
}

struct dentry *d_make_root(struct inode *inode)
{
	return inode ? d_alloc_pseudo(inode, "/") : NULL;
}

/* Give a negative dentry its inode. Returns: false for a directory that has a dentry already. */
static bool attach_locked(struct dentry *d, struct inode *inode)
{
	ASSERT(!d->d_inode);
	if (inode && S_ISDIR(inode->i_mode)) {
		if (inode->i_dentry)
			return false;
		inode->i_dentry = d;
	}
	d->d_inode = inode;
	return true;
}

void d_instantiate(struct dentry *d, struct inode *inode)
{
	bool only;

	spin_lock(&dcache_lock);
	only = attach_locked(d, inode);
	spin_unlock(&dcache_lock);
	ASSERT(only);
}

int d_splice(struct dentry *d, struct inode *inode)
{
	bool only;

	spin_lock(&dcache_lock);
	ASSERT(d->d_unhashed);
	only = attach_locked(d, inode);
	if (only) {
		d->d_unhashed = false;
		list_add(&d->d_hash, bucket(d->d_parent, d->d_name.hash));
	}
	spin_unlock(&dcache_lock);
	return only ? 0 : -EUCLEAN;
}

void d_add(struct dentry *d, struct inode *inode)
{
	int err = d_splice(d, inode);

	ASSERT(!err);
}

struct dentry *d_lookup(struct dentry *parent, const struct qstr *name)
{
	struct list_head *head = bucket(parent, name->hash);
	struct dentry *d, *found = NULL;

	spin_lock(&dcache_lock);
	list_for_each_entry(d, head, d_hash) {
		if (d->d_parent != parent || d->d_name.hash != name->hash ||
		    d->d_name.len != name->len ||
		    memcmp(d->d_name.name, name->name, name->len) != 0)
			continue;
		atomic_inc(&d->d_count);
		list_del_init(&d->d_lru);
		found = d;
		break;
	}
	spin_unlock(&dcache_lock);
	return found;
}

struct dentry *dget(struct dentry *d)
{
	ASSERT(atomic_read(&d->d_count) > 0);
	atomic_inc(&d->d_count);
	return d;
}

struct dentry *dget_parent(struct dentry *d)
{
	struct dentry *parent;

	spin_lock(&dcache_lock);
	parent = d->d_parent;
	atomic_inc(&parent->d_count);
	spin_unlock(&dcache_lock);
	return parent;
}

static void d_unhash_locked(struct dentry *d)
{
	list_del_init(&d->d_hash);
	d->d_unhashed = true;
}

/* Free a dentry of count zero. Takes and drops dcache_lock's hold of the caller.
 * Returns: the parent, of which the caller must drop the child's reference, or NULL. */
static struct dentry *d_kill(struct dentry *d)
{
	struct dentry *parent = d->d_parent != d ? d->d_parent : NULL;
	struct inode *inode = d->d_inode;

	d_unhash_locked(d);
	list_del_init(&d->d_child);
	list_del_init(&d->d_lru);
	if (inode && inode->i_dentry == d)
		inode->i_dentry = NULL;
	d->d_inode = NULL;
	spin_unlock(&dcache_lock);
	iput(inode);
	d_free(d);
	return parent;
}

void dput(struct dentry *d)
{
	while (d) {
		spin_lock(&dcache_lock);
		ASSERT(atomic_read(&d->d_count) > 0);
		if (!atomic_dec_and_test(&d->d_count)) {
			spin_unlock(&dcache_lock);
			return;
		}
		if (!d->d_unhashed && !d->d_volatile) {
			list_add_tail(&d->d_lru, &dentry_lru);
			spin_unlock(&dcache_lock);
			return;
		}
		d = d_kill(d);
	}
}

void d_drop(struct dentry *d)
{
	spin_lock(&dcache_lock);
	d_unhash_locked(d);
	spin_unlock(&dcache_lock);
}

void d_move(struct dentry *d, struct dentry *target)
{
	struct dentry *old_parent;
	bool own = d->d_name.name == d->d_iname, theirs = target->d_name.name == target->d_iname;
	struct qstr name = d->d_name;
	char iname[DNAME_INLINE_LEN];

	spin_lock(&dcache_lock);
	d_unhash_locked(d);
	d_unhash_locked(target);
	/* They swap names, and thus also who frees the text. */
	memcpy(iname, d->d_iname, sizeof(iname));
	memcpy(d->d_iname, target->d_iname, sizeof(iname));
	memcpy(target->d_iname, iname, sizeof(iname));
	d->d_name = target->d_name;
	target->d_name = name;
	if (theirs)
		d->d_name.name = d->d_iname;
	if (own)
		target->d_name.name = target->d_iname;
	/* The target keeps its parent: ".." of a replaced directory leads there. The caller
	 * holds both parents, so that this is not the last reference to one. */
	old_parent = d->d_parent;
	d->d_parent = target->d_parent;
	atomic_inc(&d->d_parent->d_count);
	atomic_dec(&old_parent->d_count);
	list_move_tail(&d->d_child, &d->d_parent->d_subdirs);
	d->d_unhashed = false;
	list_add(&d->d_hash, bucket(d->d_parent, d->d_name.hash));
	spin_unlock(&dcache_lock);
}

bool d_is_ancestor(const struct dentry *ancestor, const struct dentry *d)
{
	bool found = false;

	spin_lock(&dcache_lock);
	for (;; d = d->d_parent) {
		found = d == ancestor;
		if (found || d->d_parent == d)
			break;
	}
	spin_unlock(&dcache_lock);
	return found;
}

/* Free up to nr dentries of a list of unused ones, oldest first. */
static size_t shrink_list(struct list_head *list, size_t nr)
{
	size_t freed = 0;

	spin_lock(&dcache_lock);
	while (freed < nr && !list_empty(list)) {
		dput(d_kill(list_first_entry(list, struct dentry, d_lru)));
		freed++;
		spin_lock(&dcache_lock);
	}
	spin_unlock(&dcache_lock);
	return freed;
}

void shrink_dcache_parent(struct dentry *dir)
{
	struct dentry *d;
	LIST_HEAD(unused);

	spin_lock(&dcache_lock);
	list_for_each_entry(d, &dir->d_subdirs, d_child) {
		d_unhash_locked(d); /* who still has it is its last user */
		if (atomic_read(&d->d_count) == 0)
			list_move_tail(&d->d_lru, &unused);
	}
	spin_unlock(&dcache_lock);
	(void)shrink_list(&unused, ~0ul);
}

size_t shrink_dcache(size_t nr)
{
	return shrink_list(&dentry_lru, nr);
}

void shrink_dcache_sb(struct super_block *sb)
{
	struct dentry *d, *next;

	/* Freeing leaves makes their parents unused in turn. */
	for (;;) {
		LIST_HEAD(unused);

		spin_lock(&dcache_lock);
		list_for_each_entry_safe(d, next, &dentry_lru, d_lru)
			if (d->d_sb == sb)
				list_move_tail(&d->d_lru, &unused);
		spin_unlock(&dcache_lock);
		if (shrink_list(&unused, ~0ul) == 0)
			break;
	}
}

/* Dentries and inodes that nobody uses, about as many as fill nr_pages. */
static size_t shrink_caches(size_t nr_pages, gfp_t gfp)
{
	size_t freed;

	if (!(gfp & GFP_KERNEL))
		return 0;
	freed = shrink_dcache(nr_pages * 8);
	freed += shrink_icache(nr_pages * 4);
	return freed / 8;
}

void dcache_init(void)
{
	static struct shrinker shrinker = {.shrink = shrink_caches};

	for (u32 i = 0; i < DHASH_SIZE; i++)
		INIT_LIST_HEAD(&dhash[i]);
	shrinker_register(&shrinker);
}
