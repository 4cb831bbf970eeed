/*
 * Locks on files: POSIX's of byte ranges (fcntl), the same for an open file (OFD), and flock's of a
 * whole file. They are advice: reads and writes do not look at them.
 *
 * The owner of a POSIX lock is a table of descriptors. It drops the lock when it closes any of its
 * descriptors of the file. The owner of the other locks is an open file. It drops them with its
 * last reference.
 * Also there: locks on files
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

struct file;

enum lock_type { LOCK_READ, LOCK_WRITE, LOCK_NONE }; /* as fcntl numbers them */

struct file_lock {
	struct list_head list;
	const void *owner;
	s32 pid; /* of the process that owns it by its table, or -1 */
	enum lock_type type;
	loff_t start, end; /* bytes, the last one included */
};

/* Set the owner's lock of want's range to want's type. What the owner had in the range goes. What
 * touches the range with the same type is joined. flock: in the other list, where a change of type
 * drops the old lock first. Returns: 0; -EAGAIN: another's is in the way, and !wait; -EDEADLK: its
 * owner waits for us (not of open files); -ERESTARTSYS; -ENOLCK: no memory. Context: sleeps. */
int must_check file_lock_set(struct file *file, const struct file_lock *want, bool flock,
			     bool wait);
/* Replace *want by the first range lock of another that is in its way, or set its type to
 * LOCK_NONE. */
void file_lock_get(struct file *file, struct file_lock *want);
/* Drop all locks of the file that the owner has. */
void file_locks_drop(struct file *file, const void *owner);
/* The inode goes, and its lists with it. */
struct inode;
void file_locks_evict(struct inode *inode);
