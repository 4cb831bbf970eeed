/*
 * The inode cache: a hash of (superblock, number), unused inodes in order of use, and the dirty
 * inodes of each superblock in the order in which they became dirty.
 *
 * Invariants:
 * 1. i_count goes from or to zero under inode_lock only. At zero the inode is on the LRU list or
 *    I_FREEING.
 * 2. An I_FREEING inode stays in the hash until its filesystem has let go of it. Who wants the same
 *    number waits for that.
 * 3. An inode is on s_dirty if it has I_DIRTY or a dirty page, unless it is I_FREEING.
 *
 * Lock order: inode_lock, then a mapping's tree_lock.
 * Also there: inodes in memory, and which are dirty
 */
#include "fs/inode.h"

#include "fs/cache/pagemap.h"
#include "fs/super.h"
#include "fs/vfs/locks.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"

#define IHASH_SIZE 512u

static struct spinlock inode_lock = SPINLOCK_INIT("inode", LOCK_FS);
static struct list_head ihash[IHASH_SIZE]; /* [inode_lock] */
static LIST_HEAD(inode_lru);		   /* [inode_lock] oldest first */
static u32 nr_inodes;			   /* [inode_lock] */
/* Who waits for I_NEW, I_SYNC or I_FREEING of some inode to end. */
static struct wait_queue_head inode_wq = WAIT_QUEUE_INIT(inode_wq);

void icache_get_stats(struct cache_stats *stats)
{
	const struct inode *inode;

	spin_lock(&inode_lock);
	*stats = (struct cache_stats){.nr = nr_inodes};
	list_for_each_entry(inode, &inode_lru, i_lru)
		stats->unused++;
	spin_unlock(&inode_lock);
}

static struct list_head *bucket(const struct super_block *sb, ino_t ino)
{
	return &ihash[(ino ^ ((u64)sb >> 6)) % IHASH_SIZE];
}

struct inode *new_inode(struct super_block *sb)
{
	struct inode *inode = sb->s_op->alloc_inode ? sb->s_op->alloc_inode(sb) :
						      kmalloc(sizeof(*inode), GFP_KERNEL);

	if (!inode)
		return NULL;
	memset(inode, 0, sizeof(*inode));
	inode->i_sb = sb;
	inode->i_nlink = 1;
	inode->i_blkbits = sb->s_blocksize_bits;
	atomic_set(&inode->i_count, 1);
	mutex_init(&inode->i_mutex);
	address_space_init(&inode->i_data, inode);
	inode->i_mapping = &inode->i_data;
	INIT_LIST_HEAD(&inode->i_hash);
	INIT_LIST_HEAD(&inode->i_dirty);
	INIT_LIST_HEAD(&inode->i_lru);
	spin_lock(&inode_lock);
	nr_inodes++;
	list_add_tail(&inode->i_sb_list, &sb->s_inodes);
	spin_unlock(&inode_lock);
	return inode;
}

static bool inode_idle(const struct inode *inode, enum inode_state bit)
{
	return !test_bit(bit, &inode->i_state);
}

/* Read, or found to be unreadable. */
static bool inode_settled(const struct inode *inode)
{
	return inode_idle(inode, I_NEW) || list_empty(&inode->i_hash);
}

static void grab_locked(struct inode *inode)
{
	list_del_init(&inode->i_lru);
	atomic_inc(&inode->i_count);
}

static struct inode *find_locked(struct super_block *sb, ino_t ino)
{
	struct list_head *head = bucket(sb, ino);
	struct inode *inode;

	list_for_each_entry(inode, head, i_hash)
		if (inode->i_sb == sb && inode->i_ino == ino)
			return inode;
	return NULL;
}

/* Whether the number is free of an inode that is being evicted. */
static bool not_freeing(struct super_block *sb, ino_t ino)
{
	struct inode *inode;
	bool free;

	spin_lock(&inode_lock);
	inode = find_locked(sb, ino);
	free = !inode || inode_idle(inode, I_FREEING);
	spin_unlock(&inode_lock);
	return free;
}

/* The hashed inode with a reference, read and alive, or NULL. */
static struct inode *find_inode(struct super_block *sb, ino_t ino)
{
	struct inode *inode;

	for (;;) {
		spin_lock(&inode_lock);
		inode = find_locked(sb, ino);
		if (inode && inode_idle(inode, I_FREEING)) {
			grab_locked(inode);
			spin_unlock(&inode_lock);
			wait_event(&inode_wq, inode_settled(inode));
			if (!list_empty(&inode->i_hash))
				return inode;
			iput(inode); /* reading it failed */
			continue;
		}
		spin_unlock(&inode_lock);
		if (!inode)
			return NULL;
		wait_event(&inode_wq, not_freeing(sb, ino));
	}
}

struct inode *iget_locked(struct super_block *sb, ino_t ino)
{
	struct inode *inode, *fresh;

	for (;;) {
		inode = find_inode(sb, ino);
		if (inode)
			return inode;
		fresh = new_inode(sb);
		if (!fresh)
			return NULL;
		fresh->i_ino = ino;
		spin_lock(&inode_lock);
		if (!find_locked(sb, ino)) {
			set_bit(I_NEW, &fresh->i_state);
			list_add(&fresh->i_hash, bucket(sb, ino));
			spin_unlock(&inode_lock);
			return fresh;
		}
		spin_unlock(&inode_lock);
		set_bit(I_NEW, &fresh->i_state); /* never read: nothing to evict */
		iput(fresh);
	}
}

void unlock_new_inode(struct inode *inode)
{
	clear_bit(I_NEW, &inode->i_state);
	wake_up_all(&inode_wq);
}

void iget_failed(struct inode *inode)
{
	spin_lock(&inode_lock);
	list_del_init(&inode->i_hash);
	spin_unlock(&inode_lock);
	wake_up_all(&inode_wq);
	iput(inode); /* I_NEW stays: its filesystem has nothing to evict */
}

void insert_inode_hash(struct inode *inode)
{
	spin_lock(&inode_lock);
	ASSERT(list_empty(&inode->i_hash));
	list_add(&inode->i_hash, bucket(inode->i_sb, inode->i_ino));
	spin_unlock(&inode_lock);
}

struct inode *igrab(struct inode *inode)
{
	spin_lock(&inode_lock);
	grab_locked(inode);
	spin_unlock(&inode_lock);
	return inode;
}

static void start_freeing_locked(struct inode *inode)
{
	set_bit(I_FREEING, &inode->i_state);
	list_del_init(&inode->i_lru);
	list_del_init(&inode->i_dirty);
}

/* I_FREEING is set: let the filesystem go of it, and free it. */
static void evict(struct inode *inode)
{
	const struct super_operations *op = inode->i_sb->s_op;

	if (op->evict_inode && !test_bit(I_NEW, &inode->i_state))
		op->evict_inode(inode);
	else
		truncate_inode_pages(&inode->i_data, 0);
	spin_lock(&inode_lock);
	list_del_init(&inode->i_hash);
	list_del_init(&inode->i_sb_list);
	nr_inodes--;
	spin_unlock(&inode_lock);
	wake_up_all(&inode_wq);
	file_locks_evict(inode);
	if (op->free_inode)
		op->free_inode(inode);
	else
		kfree(inode);
}

void iput(struct inode *inode)
{
	if (!inode)
		return;
	spin_lock(&inode_lock);
	ASSERT(atomic_read(&inode->i_count) > 0);
	if (!atomic_dec_and_test(&inode->i_count)) {
		spin_unlock(&inode_lock);
		return;
	}
	if (inode->i_nlink != 0 && !list_empty(&inode->i_hash)) {
		list_add_tail(&inode->i_lru, &inode_lru);
		spin_unlock(&inode_lock);
		return;
	}
	start_freeing_locked(inode);
	spin_unlock(&inode_lock);
	evict(inode);
}

/* Evict those of a list, linked by i_lru. */
static size_t dispose_list(struct list_head *list)
{
	size_t n = 0;

	while (!list_empty(list)) {
		struct inode *inode = list_first_entry(list, struct inode, i_lru);

		list_del_init(&inode->i_lru);
		evict(inode);
		n++;
	}
	return n;
}

size_t shrink_icache(size_t nr)
{
	struct inode *inode, *next;
	LIST_HEAD(dead);

	spin_lock(&inode_lock);
	list_for_each_entry_safe(inode, next, &inode_lru, i_lru) {
		if (nr == 0)
			break;
		if (!list_empty(&inode->i_dirty) || !inode_idle(inode, I_SYNC))
			continue;
		nr--;
		start_freeing_locked(inode);
		list_add_tail(&inode->i_lru, &dead);
	}
	spin_unlock(&inode_lock);
	return dispose_list(&dead);
}

/* Are no more than nr left? */
static bool inodes_left(struct super_block *sb, int nr)
{
	spin_lock(&inode_lock);
	for (const struct list_head *l = sb->s_inodes.next; l != &sb->s_inodes; l = l->next)
		nr--;
	spin_unlock(&inode_lock);
	return nr >= 0;
}

int evict_inodes(struct super_block *sb)
{
	struct inode *inode;
	LIST_HEAD(dead);
	int busy = 0;

	spin_lock(&inode_lock);
	list_for_each_entry(inode, &sb->s_inodes, i_sb_list) {
		if (atomic_read(&inode->i_count) > 0) {
			busy++;
		} else if (inode_idle(inode, I_FREEING)) {
			start_freeing_locked(inode);
			list_add_tail(&inode->i_lru, &dead);
		}
	}
	spin_unlock(&inode_lock);
	dispose_list(&dead);
	/* The shrinker may be at others. */
	wait_event(&inode_wq, inodes_left(sb, busy));
	return busy;
}

bool inodes_orphaned(struct super_block *sb)
{
	struct inode *inode;
	bool found = false;

	spin_lock(&inode_lock);
	list_for_each_entry(inode, &sb->s_inodes, i_sb_list)
		if (inode->i_nlink == 0 && atomic_read(&inode->i_count) > 0)
			found = true;
	spin_unlock(&inode_lock);
	return found;
}

/* --- dirty inodes --- */

static void mark_dirty(struct inode *inode, u64 bits)
{
	struct super_block *sb = inode->i_sb;

	if (bits && !sb->s_op->write_inode)
		return;
	spin_lock(&inode_lock);
	__atomic_fetch_or(&inode->i_state, bits, __ATOMIC_SEQ_CST);
	if (list_empty(&inode->i_dirty) && inode_idle(inode, I_FREEING)) {
		inode->i_dirtied_when = ktime_get_ns();
		list_add_tail(&inode->i_dirty, &sb->s_dirty);
	}
	spin_unlock(&inode_lock);
}

static bool has_dirty_pages(struct address_space *m)
{
	u64 flags = spin_lock_irqsave(&m->tree_lock);
	bool dirty = radix_tree_tagged(&m->pages, RADIX_TAG_DIRTY);

	spin_unlock_irqrestore(&m->tree_lock, flags);
	return dirty;
}

static void requeue_if_clean(struct inode *inode)
{
	spin_lock(&inode_lock);
	if (!(inode->i_state & I_DIRTY_ALL) && !has_dirty_pages(&inode->i_data))
		list_del_init(&inode->i_dirty);
	spin_unlock(&inode_lock);
}

struct inode *inode_next_dirty(struct super_block *sb, ktime_t older_than)
{
	struct inode *inode = NULL;

	spin_lock(&inode_lock);
	if (!list_empty(&sb->s_dirty)) {
		inode = list_first_entry(&sb->s_dirty, struct inode, i_dirty);
		if (inode->i_dirtied_when <= older_than) {
			grab_locked(inode);
			inode->i_dirtied_when = max(ktime_get_ns(), older_than + 1);
			list_move_tail(&inode->i_dirty, &sb->s_dirty);
		} else {
			inode = NULL;
		}
	}
	spin_unlock(&inode_lock);
	return inode;
}

static bool sync_trylock(struct inode *inode)
{
	return !test_and_set_bit(I_SYNC, &inode->i_state);
}

/* Write the metadata if a bit of `why` is set. */
static int write_inode_if(struct inode *inode, u64 why, bool wait)
{
	int err = 0;
	u64 state;

	if (inode->i_sb->s_op->write_inode) {
		wait_event(&inode_wq, sync_trylock(inode));
		state = __atomic_load_n(&inode->i_state, __ATOMIC_ACQUIRE);
		if (state & why) {
			__atomic_fetch_and(&inode->i_state, ~I_DIRTY_ALL, __ATOMIC_SEQ_CST);
			if (wait)
				clear_bit(I_UNSYNCED, &inode->i_state);
			else
				set_bit(I_UNSYNCED, &inode->i_state);
			err = inode->i_sb->s_op->write_inode(inode, wait);
			if (err)
				WRITE_ONCE(inode->i_sb->s_lost, true);
		}
		clear_bit(I_SYNC, &inode->i_state);
		wake_up_all(&inode_wq);
	}
	requeue_if_clean(inode);
	return err;
}

int write_inode_now(struct inode *inode, bool wait)
{
	return write_inode_if(inode, wait ? I_DIRTY_ALL | 1ull << I_UNSYNCED : I_DIRTY_ALL, wait);
}

int sync_inode_metadata(struct inode *inode, bool datasync)
{
	u64 why = 1ull << I_UNSYNCED | 1ull << I_DIRTY_DATASYNC;

	return write_inode_if(inode, datasync ? why : why | I_DIRTY_ALL, true);
}

/* Wait for the write-back of every file's pages. Their errors stay for fsync; syncfs learns of them
 * through s_wb_err. */
static void wait_sb_inodes(struct super_block *sb)
{
	struct inode *inode, *prev = NULL;

	spin_lock(&inode_lock);
	list_for_each_entry(inode, &sb->s_inodes, i_sb_list) {
		if (inode->i_data.nrpages == 0 || !inode_idle(inode, I_FREEING) ||
		    !inode_idle(inode, I_NEW))
			continue;
		grab_locked(inode);
		spin_unlock(&inode_lock);
		iput(prev);
		filemap_fdatawait_range(&inode->i_data, 0, INT64_MAX);
		prev = inode; /* keeps our place in the list */
		spin_lock(&inode_lock);
	}
	spin_unlock(&inode_lock);
	iput(prev);
}

int sync_inodes_sb(struct super_block *sb, bool wait)
{
	ktime_t now = ktime_get_ns();
	struct inode *inode;
	int err, first = 0;

	/* Data of all first: it is then under way while the metadata is written. */
	while ((inode = inode_next_dirty(sb, now)) != NULL) {
		err = filemap_fdatawrite_range(&inode->i_data, 0, INT64_MAX, wait);
		first = first ? first : err;
		err = write_inode_now(inode, false);
		first = first ? first : err;
		iput(inode);
	}
	if (wait)
		wait_sb_inodes(sb);
	return first;
}

void inode_init(void)
{
	for (u32 i = 0; i < IHASH_SIZE; i++)
		INIT_LIST_HEAD(&ihash[i]);
	inode_dirtied_hook = mark_dirty;
}
