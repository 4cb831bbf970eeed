/*
 * /proc/PID: the files that ps, top, pstree, fuser and C libraries read, in Linux's formats
 * (proc(5)).
 *
 * What can be told under proc_lock is printed there (seq_printf does not sleep); for the rest a
 * reference is taken under it (kernel/proc/process.h, invariant 3).
 */
#include "drivers/char/tty.h"
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/inode.h"
#include "fs/procfs.h"
#include "fs/super.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/proc/process.h"

#define TICK (1000000000ul / 100) /* USER_HZ */

static const struct {
	char letter;
	const char *name;
} states[] = {{'R', "running"},
	      {'S', "sleeping"},
	      {'D', "disk sleep"},
	      {'T', "stopped"},
	      {'Z', "zombie"}};

static u32 state_of(const struct process *p)
{
	if (p->state != PROC_ALIVE)
		return p->state == PROC_STOPPED ? 3 : 4;
	return p->thread ? min((u32)p->thread->state, 2u) : 0;
}

static struct rusage_times times_of(const struct process *p)
{
	return p->thread ? (struct rusage_times){p->thread->utime_ns, p->thread->stime_ns} :
			   p->times;
}

/* The sets of ignored and of caught signals. */
static void handler_sets(const struct process *p, sigset_k *ignored, sigset_k *caught)
{
	*ignored = *caught = 0;
	for (int sig = 1; sig <= NSIG; sig++) {
		if (p->sig.action[sig - 1].handler == SIG_IGN)
			*ignored |= SIGBIT(sig);
		else if (p->sig.action[sig - 1].handler != SIG_DFL)
			*caught |= SIGBIT(sig);
	}
}

static int show_stat(pid_t pid, struct seq_file *m)
{
	static const struct mm no_mm;
	const struct process *p;
	const struct mm *mm;
	struct rusage_times t;
	sigset_k ignored, caught;

	PROC_GUARD();
	p = process_find(pid);
	if (!p)
		return -ESRCH;
	mm = p->mm ? p->mm : &no_mm;
	t = times_of(p);
	handler_sets(p, &ignored, &caught);
	seq_printf(m, "%d (%s) %c %d %d %d %d %d 0 0 0 0 0 ", p->pid, p->comm,
		   states[state_of(p)].letter, p->parent ? p->parent->pid : 0, p->pgid, p->sid,
		   (int)tty_devnum(p->ctty), tty_foreground_pgrp(p->ctty));
	seq_printf(m, "%lu %lu %lu %lu 20 0 1 0 %lu %lu %lu %lu ", t.utime_ns / TICK,
		   t.stime_ns / TICK, p->child_times.utime_ns / TICK,
		   p->child_times.stime_ns / TICK, p->start_ns / TICK, mm->total_bytes, mm->rss,
		   ~0ul);
	/* Code and stack addresses are not told, as for a program of another user. */
	seq_printf(m, "1 1 0 0 0 %lu %lu %lu %lu 0 0 0 17 0 0 0 0 0 0 0 0 ", p->sig.pending,
		   p->sig.blocked, ignored, caught);
	seq_printf(m, "%lu %lu %lu %lu %lu %d\n", mm->layout.brk_start, mm->layout.arg_start,
		   mm->layout.arg_end, mm->layout.env_start, mm->layout.env_end,
		   p->state == PROC_ZOMBIE ? p->status : 0);
	return 0;
}

static void show_ids(const struct process *p, struct seq_file *m)
{
	const struct cred *c = p->thread ? p->thread->cred : NULL;

	if (!c)
		return;
	seq_printf(m, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nGroups:\t", c->uid, c->euid,
		   c->suid, c->fsuid, c->gid, c->egid, c->sgid, c->fsgid);
	for (u32 i = 0; i < c->ngroups; i++)
		seq_printf(m, "%u ", c->groups[i]);
	seq_printf(m, "\n");
}

static int show_status(pid_t pid, struct seq_file *m)
{
	const struct process *p;
	sigset_k ignored, caught;

	PROC_GUARD();
	p = process_find(pid);
	if (!p)
		return -ESRCH;
	handler_sets(p, &ignored, &caught);
	seq_printf(m, "Name:\t%s\nState:\t%c (%s)\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n",
		   p->comm, states[state_of(p)].letter, states[state_of(p)].name, p->pid, p->pid,
		   p->parent ? p->parent->pid : 0);
	show_ids(p, m);
	if (p->mm)
		seq_printf(m, "VmSize:\t%8lu kB\nVmRSS:\t%8lu kB\n", p->mm->total_bytes >> 10,
			   p->mm->rss << (PAGE_SHIFT - 10));
	seq_printf(m, "Threads:\t1\nSigPnd:\t%016lx\nSigBlk:\t%016lx\n", p->sig.pending,
		   p->sig.blocked);
	seq_printf(m, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", ignored, caught);
	return 0;
}

static int show_statm(pid_t pid, struct seq_file *m)
{
	const struct process *p;

	PROC_GUARD();
	p = process_find(pid);
	if (!p)
		return -ESRCH;
	seq_printf(m, "%lu %lu 0 0 0 0 0\n", p->mm ? p->mm->total_bytes >> PAGE_SHIFT : 0,
		   p->mm ? p->mm->rss : 0);
	return 0;
}

static int show_comm(pid_t pid, struct seq_file *m)
{
	const struct process *p;

	PROC_GUARD();
	p = process_find(pid);
	if (!p)
		return -ESRCH;
	seq_printf(m, "%s\n", p->comm);
	return 0;
}

static int show_mounts(pid_t pid, struct seq_file *m)
{
	(void)pid;
	m->count = mounts_show(m->buf, m->size);
	m->overflow = m->count >= m->size;
	return 0;
}

/* May the caller look into p's memory and files? */
static bool may_inspect(const struct process *p)
{
	const struct cred *me = current_cred(), *it = p->thread ? p->thread->cred : NULL;

	return me->euid == 0 || (it && me->euid == it->uid && me->euid == it->suid);
}

/* The process's memory with a reference, or ERR_PTR; NULL for a zombie. */
static struct mm *get_mm(pid_t pid, bool private)
{
	const struct process *p;

	PROC_GUARD();
	p = process_find(pid);
	if (!p)
		return ERR_PTR(-ESRCH);
	if (private && !may_inspect(p))
		return ERR_PTR(-EACCES);
	if (p->mm)
		atomic_inc(&p->mm->refs);
	return p->mm;
}

static int show_range(pid_t pid, struct seq_file *m, bool environment)
{
	struct mm *mm = get_mm(pid, environment);
	char part[128];
	u64 at, end;
	size_t n;

	if (IS_ERR(mm) || !mm)
		return (int)PTR_ERR(mm);
	at = environment ? mm->layout.env_start : mm->layout.arg_start;
	end = environment ? mm->layout.env_end : mm->layout.arg_end;
	for (; at < end; at += n) {
		n = mm_access(mm, at, part, min(end - at, sizeof(part)), false);
		if (n == 0)
			break;
		seq_write(m, part, n);
	}
	mm_put(mm);
	return 0;
}

static int show_cmdline(pid_t pid, struct seq_file *m)
{
	return show_range(pid, m, false);
}

static int show_environ(pid_t pid, struct seq_file *m)
{
	return show_range(pid, m, true);
}

static void show_vma(struct seq_file *m, const struct mm *mm, const struct vma *vma, char *buf)
{
	const struct inode *inode = vma->file ? vma->file->f_inode : NULL;
	u32 dev = inode ? (u32)inode->i_sb->s_dev : 0;
	const char *name = "";
	struct path root;

	if (inode) {
		get_fs_root(&root);
		name = d_path(&vma->file->f_path, &root, buf, PATH_MAX_LEN);
		path_put(&root);
	} else if (vma->end == STACK_TOP) {
		name = "[stack]";
	} else if (vma->start <= mm->layout.brk && vma->end >= mm->layout.brk_start) {
		name = "[heap]";
	}
	seq_printf(m, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu %s\n", vma->start, vma->end,
		   vma->prot & PROT_READ ? 'r' : '-', vma->prot & PROT_WRITE ? 'w' : '-',
		   vma->prot & PROT_EXEC ? 'x' : '-', vma->shared ? 's' : 'p', vma->offset,
		   dev >> 8 & 0xfff, dev & 0xff, inode ? inode->i_ino : 0,
		   IS_ERR(name) ? "?" : name);
}

static int show_maps(pid_t pid, struct seq_file *m)
{
	struct mm *mm = get_mm(pid, true);
	char *buf = kmalloc(PATH_MAX_LEN, GFP_KERNEL);
	const struct vma *vma;
	int err = buf ? 0 : -ENOMEM;

	if (IS_ERR(mm) || !mm)
		err = (int)PTR_ERR(mm);
	else {
		if (buf) {
			MM_GUARD(mm);
			list_for_each_entry(vma, &mm->vmas, list)
				show_vma(m, mm, vma, buf);
		}
		mm_put(mm);
	}
	kfree(buf);
	return err;
}

static int link_exe(pid_t pid, struct path *path)
{
	struct mm *mm = get_mm(pid, true);
	int err = -ENOENT;

	if (IS_ERR(mm) || !mm)
		return mm ? (int)PTR_ERR(mm) : err;
	if (mm->exe) {
		*path = mm->exe->f_path;
		path_get(path);
		err = 0;
	}
	mm_put(mm);
	return err;
}

/* The process's fs or files with a reference. Returns: 0, -ESRCH, -EACCES. */
static int get_tables(pid_t pid, struct fs_struct **fs, struct files_struct **files)
{
	const struct process *p;
	const struct thread *t;

	PROC_GUARD();
	p = process_find(pid);
	t = p ? p->thread : NULL;
	if (!t || !t->fs || !t->files)
		return -ESRCH;
	if (!may_inspect(p))
		return -EACCES;
	if (fs) {
		*fs = t->fs;
		atomic_inc(&t->fs->refs);
	}
	if (files) {
		*files = t->files;
		atomic_inc(&t->files->refs);
	}
	return 0;
}

static int link_fs(pid_t pid, struct path *path, bool root)
{
	struct fs_struct *fs;
	int err = get_tables(pid, &fs, NULL);

	if (err)
		return err;
	mutex_lock(&fs->lock);
	*path = root ? fs->root : fs->pwd;
	path_get(path);
	mutex_unlock(&fs->lock);
	fs_struct_put(fs);
	return 0;
}

static int link_cwd(pid_t pid, struct path *path)
{
	return link_fs(pid, path, false);
}

static int link_root(pid_t pid, struct path *path)
{
	return link_fs(pid, path, true);
}

static int pid_fd_next(pid_t pid, int from)
{
	struct files_struct *files;
	int fd;

	if (get_tables(pid, NULL, &files))
		return -1;
	fd = files_next(files, from);
	files_put(files);
	return fd;
}

static int pid_fd_link(pid_t pid, int fd, struct path *path)
{
	struct files_struct *files;
	struct file *file;
	int err = get_tables(pid, NULL, &files);

	if (err)
		return err;
	file = files_get(files, fd);
	files_put(files);
	if (!file)
		return -ENOENT;
	*path = file->f_path;
	path_get(path);
	fput(file);
	return 0;
}

static pid_t next_pid(pid_t after)
{
	const struct process *p;

	PROC_GUARD();
	p = process_next(after);
	return p ? p->pid : 0;
}

static bool pid_exists(pid_t pid, uid_t *uid, gid_t *gid)
{
	const struct process *p;

	PROC_GUARD();
	p = process_find(pid);
	*uid = p && p->thread ? p->thread->cred->euid : 0;
	*gid = p && p->thread ? p->thread->cred->egid : 0;
	return p;
}

static pid_t self_pid(void)
{
	return current_process() ? current_process()->pid : 0;
}

void proc_procfs_init(void)
{
	static const struct proc_pid_entry entries[] = {
		{.name = "stat", .mode = S_IFREG | 0444, .show = show_stat},
		{.name = "status", .mode = S_IFREG | 0444, .show = show_status},
		{.name = "statm", .mode = S_IFREG | 0444, .show = show_statm},
		{.name = "comm", .mode = S_IFREG | 0444, .show = show_comm},
		{.name = "cmdline", .mode = S_IFREG | 0444, .show = show_cmdline},
		{.name = "environ", .mode = S_IFREG | 0400, .show = show_environ},
		{.name = "maps", .mode = S_IFREG | 0444, .show = show_maps},
		{.name = "mounts", .mode = S_IFREG | 0444, .show = show_mounts},
		{.name = "exe", .mode = S_IFLNK | 0777, .get_link = link_exe},
		{.name = "cwd", .mode = S_IFLNK | 0777, .get_link = link_cwd},
		{.name = "root", .mode = S_IFLNK | 0777, .get_link = link_root},
		{.name = "fd", .mode = S_IFDIR | 0500},
		{.name = NULL},
	};
	static const struct proc_pid_ops ops = {
		.entries = entries,
		.next_pid = next_pid,
		.exists = pid_exists,
		.self = self_pid,
		.fd_next = pid_fd_next,
		.fd_link = pid_fd_link,
	};

	procfs_set_pid_ops(&ops);
}
