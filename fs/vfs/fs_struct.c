/*
 * Who calls, and from where: credentials, root and working directory.
 * Also there: who calls, and from where
 */
#include "fs/fs_struct.h"

#include "fs/super.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/sched/thread.h"

static const struct cred kernel_cred;
static struct fs_struct kernel_fs = {
	.refs = ATOMIC_INIT(1),
	.lock = MUTEX_INIT(kernel_fs.lock),
	.umask = 022,
};

const struct cred *current_cred(void)
{
	return current->cred ? current->cred : &kernel_cred;
}

struct fs_struct *current_fs(void)
{
	return current->fs ? current->fs : &kernel_fs;
}

bool in_group(const struct cred *cred, gid_t gid)
{
	if (cred->fsgid == gid)
		return true;
	for (u32 i = 0; i < cred->ngroups; i++)
		if (cred->groups[i] == gid)
			return true;
	return false;
}

struct fs_struct *fs_struct_copy(struct fs_struct *old)
{
	struct fs_struct *fs = kmalloc(sizeof(*fs), GFP_KERNEL);

	if (!fs)
		return NULL;
	if (!old)
		old = &kernel_fs;
	atomic_set(&fs->refs, 1);
	mutex_init(&fs->lock);
	mutex_lock(&old->lock);
	fs->root = old->root;
	fs->pwd = old->pwd;
	fs->umask = old->umask;
	path_get(&fs->root);
	path_get(&fs->pwd);
	mutex_unlock(&old->lock);
	return fs;
}

void fs_struct_put(struct fs_struct *fs)
{
	if (!fs || !atomic_dec_and_test(&fs->refs))
		return;
	path_put(&fs->root);
	path_put(&fs->pwd);
	kfree(fs);
}

static void copy_path(struct path *to, const struct path *from)
{
	struct fs_struct *fs = current_fs();

	mutex_lock(&fs->lock);
	*to = *from;
	path_get(to);
	mutex_unlock(&fs->lock);
}

void get_fs_root(struct path *root)
{
	copy_path(root, &current_fs()->root);
}

void get_fs_pwd(struct path *pwd)
{
	copy_path(pwd, &current_fs()->pwd);
}

static void replace_path(struct path *place, const struct path *path)
{
	struct fs_struct *fs = current_fs();
	struct path old;

	path_get(path);
	mutex_lock(&fs->lock);
	old = *place;
	*place = *path;
	mutex_unlock(&fs->lock);
	if (old.dentry)
		path_put(&old);
}

void set_fs_pwd(const struct path *pwd)
{
	replace_path(&current_fs()->pwd, pwd);
}

void set_fs_root(const struct path *root)
{
	replace_path(&current_fs()->root, root);
}
