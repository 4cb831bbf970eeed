/*
 * Attributes of an inode: they are read, checked against the caller's rights, and changed.
 * Also there: rights, owners and times
 */
#include "fs/inode.h"

#include "fs/cache/pagemap.h"
#include "fs/fs_struct.h"
#include "fs/vfs/internal.h"
#include "kernel/arch/clock.h"
#include "kernel/lib/errno.h"

#define DAY_SECONDS 86400

struct timespec64 current_time(void)
{
	u64 ns = clock_realtime_ns();

	return (struct timespec64){(s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC)};
}

/* Is a later than b? */
static bool later(const struct timespec64 *a, const struct timespec64 *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

void inode_update_atime(struct inode *inode)
{
	s64 now = (s64)clock_realtime_coarse_ns(); /* a day needs no better clock */

	if (inode->i_sb->s_flags & (MS_RDONLY | MS_NOATIME) || inode->i_sb->s_readonly_remount)
		return;
	if (later(&inode->i_atime, &inode->i_mtime) && later(&inode->i_atime, &inode->i_ctime) &&
	    now < (inode->i_atime.tv_sec + DAY_SECONDS) * (s64)NSEC_PER_SEC)
		return;
	inode->i_atime = current_time();
	mark_inode_dirty_sync(inode);
}

void file_update_time(struct file *file)
{
	struct inode *inode = file->f_inode;

	inode->i_mtime = inode->i_ctime = current_time();
	mark_inode_dirty_sync(inode);
}

/* May the caller set S_ISGID on a file of this group? */
static bool may_set_gid(gid_t gid)
{
	return cred_is_root(current_cred()) || in_group(current_cred(), gid);
}

/* Take the bits out of the mode that do not survive a write or a change of owner. Without group
 * execution S_ISGID is no privilege, and stays with who could set it. */
static void end_set_ids(const struct inode *inode, struct iattr *attr)
{
	mode_t mode = inode->i_mode, bits = mode & S_ISUID;

	if (mode & S_IXGRP || !may_set_gid(inode->i_gid))
		bits |= mode & S_ISGID;
	if (bits) {
		attr->ia_valid |= ATTR_MODE;
		attr->ia_mode = mode & ~bits;
	}
}

int notify_change(struct inode *inode, struct iattr *attr)
{
	if (attr->ia_valid & ATTR_SIZE && !cred_is_root(current_cred()))
		end_set_ids(inode, attr);
	if (!(attr->ia_valid & ATTR_CTIME)) {
		attr->ia_ctime = current_time();
		attr->ia_valid |= ATTR_CTIME;
	}
	if (inode->i_op && inode->i_op->setattr)
		return inode->i_op->setattr(inode, attr);
	if (attr->ia_valid & ATTR_SIZE && attr->ia_size != inode->i_size) {
		inode->i_size = attr->ia_size;
		truncate_inode_pages(&inode->i_data, attr->ia_size);
	}
	inode_setattr_copy(inode, attr);
	return 0;
}

int file_remove_privs(struct file *file)
{
	struct inode *inode = file->f_inode;
	struct iattr attr = {.ia_valid = 0};

	if (!(inode->i_mode & (S_ISUID | S_ISGID)) || !S_ISREG(inode->i_mode) ||
	    cred_is_root(current_cred()))
		return 0;
	end_set_ids(inode, &attr);
	return attr.ia_valid ? notify_change(inode, &attr) : 0;
}

void generic_fillattr(const struct inode *inode, struct kstat *stat)
{
	*stat = (struct kstat){
		.dev = inode->i_sb->s_dev,
		.rdev = inode->i_rdev,
		.ino = inode->i_ino,
		.mode = inode->i_mode,
		.nlink = inode->i_nlink,
		.uid = inode->i_uid,
		.gid = inode->i_gid,
		.size = inode->i_size,
		.blksize = (u32)PAGE_SIZE, /* the best unit of I/O, whatever the block size */
		.blocks = inode->i_blocks,
		.atime = inode->i_atime,
		.mtime = inode->i_mtime,
		.ctime = inode->i_ctime,
	};
}

void inode_init_owner(struct inode *inode, const struct inode *dir, mode_t mode)
{
	const struct cred *cred = current_cred();

	inode->i_uid = cred->fsuid;
	inode->i_gid = cred->fsgid;
	if (dir && dir->i_mode & S_ISGID) {
		inode->i_gid = dir->i_gid;
		if (S_ISDIR(mode))
			mode |= S_ISGID;
	}
	inode->i_mode = mode;
}

mode_t vfs_prepare_mode(const struct inode *dir, mode_t mode)
{
	const mode_t set_gid = S_ISGID | S_IXGRP;

	if (dir->i_mode & S_ISGID && (mode & set_gid) == set_gid && !may_set_gid(dir->i_gid))
		mode &= ~S_ISGID;
	return mode & ~current_fs()->umask;
}

bool inode_owner_or_root(const struct inode *inode)
{
	return cred_is_root(current_cred()) || current_cred()->fsuid == inode->i_uid;
}

int inode_change_ok(const struct inode *inode, struct iattr *attr)
{
	const struct cred *cred = current_cred();
	bool owner = cred->fsuid == inode->i_uid;
	gid_t gid = attr->ia_valid & ATTR_GID ? attr->ia_gid : inode->i_gid;

	if (attr->ia_valid & ATTR_CHOWN && !S_ISDIR(inode->i_mode))
		end_set_ids(inode, attr);
	if (cred_is_root(cred))
		return 0;
	if (attr->ia_valid & ATTR_UID && (!owner || attr->ia_uid != inode->i_uid))
		return -EPERM;
	if (attr->ia_valid & ATTR_GID &&
	    (!owner || (!in_group(cred, attr->ia_gid) && attr->ia_gid != inode->i_gid)))
		return -EPERM;
	if (attr->ia_valid & ATTR_MODE) {
		if (!owner)
			return -EPERM;
		if (!in_group(cred, gid))
			attr->ia_mode &= ~S_ISGID;
	}
	return 0;
}

void inode_setattr_copy(struct inode *inode, const struct iattr *attr)
{
	if (attr->ia_valid & ATTR_UID)
		inode->i_uid = attr->ia_uid;
	if (attr->ia_valid & ATTR_GID)
		inode->i_gid = attr->ia_gid;
	if (attr->ia_valid & ATTR_MODE)
		inode->i_mode = (inode->i_mode & S_IFMT) | (attr->ia_mode & ~S_IFMT);
	if (attr->ia_valid & ATTR_ATIME)
		inode->i_atime = attr->ia_atime;
	if (attr->ia_valid & ATTR_MTIME)
		inode->i_mtime = attr->ia_mtime;
	if (attr->ia_valid & ATTR_CTIME)
		inode->i_ctime = attr->ia_ctime;
	mark_inode_dirty(inode);
}

/* Permission as the three groups of bits give it; root may do all but execute what nobody may. */
int inode_permission(const struct inode *inode, int mask)
{
	const struct cred *cred = current_cred();
	mode_t mode = inode->i_mode;

	if (mask & MAY_WRITE && (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode)) &&
	    (sb_rdonly(inode->i_sb) || inode->i_sb->s_readonly_remount))
		return -EROFS;
	if (cred_is_root(cred))
		return mask & MAY_EXEC && !S_ISDIR(mode) && !(mode & 0111) ? -EACCES : 0;
	if (cred->fsuid == inode->i_uid)
		mode >>= 6;
	else if (in_group(cred, inode->i_gid))
		mode >>= 3;
	return (mode_t)mask & ~mode & 7 ? -EACCES : 0;
}

/* Move i_writecount by one in the direction that `step` says, unless it is on the other side. */
static int writecount_step(struct inode *inode, int step)
{
	int old = atomic_read(&inode->i_writecount);

	do {
		if (old * step < 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(&inode->i_writecount.v, &old, old + step, false,
					      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	return 0;
}

int get_write_access(struct inode *inode)
{
	return writecount_step(inode, 1);
}

void put_write_access(struct inode *inode)
{
	atomic_dec(&inode->i_writecount);
}

int deny_write_access(struct inode *inode)
{
	return writecount_step(inode, -1);
}

void allow_write_access(struct inode *inode)
{
	atomic_inc(&inode->i_writecount);
}
