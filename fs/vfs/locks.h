/*
 * Locks on files: POSIX's of byte ranges (fcntl), the same for an open file (OFD), and flock's of a
 * whole file. They are advice: reads and writes do not ask for them.
 *
 * The owner is what lets go of the lock: a table of descriptors (with any of its descriptors of the
 * file) for POSIX's, an open file (with its last reference) for the others.
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

/* Set the owner's lock of want's range to want's type. A part of what it had there goes, what
 * touches the range with the same type is joined. flock: in the other list, where a change of
 * type lets go first. Returns: 0, -EAGAIN: another's is in the way, and !wait; -EDEADLK: its
 * owner waits for us (not of open files); -ERESTARTSYS; -ENOLCK: no memory. Context: sleeps. */
int must_check file_lock_set(struct file *file, const struct file_lock *want, bool flock,
			     bool wait);
/* Replace *want by the first range lock of another that is in its way, or set its type to
 * LOCK_NONE. */
void file_lock_get(struct file *file, struct file_lock *want);
/* All locks that the owner has of the file. */
void file_locks_drop(struct file *file, const void *owner);
/* The inode goes: so does what held its lists. */
struct inode;
void file_locks_evict(struct inode *inode);
