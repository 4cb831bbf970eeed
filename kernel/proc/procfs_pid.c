/*
 * /proc/PID: the files that ps, top, pstree, fuser and C libraries read, in Linux's formats
 * (proc(5)), and what else of /proc tells about processes.
 *
 * What can be told under proc_lock is printed there (seq_printf does not sleep); for the rest a
 * reference is taken under it (kernel/proc/process.h, invariant 3).
 * Also there: processes
 */
#include "drivers/char/tty.h"
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/inode.h"
#include "fs/pseudo/procfs.h"
#include "fs/super.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/tick.h"

#define TICK	   (1000000000ul / 100) /* USER_HZ */
#define PF_KTHREAD 0x00200000u
#define FIXED_1	   2048ul /* of the load averages */

enum what { STAT, STATUS, STATM, COMM, CMDLINE, ENVIRON, MAPS, EXE, CWD, ROOT, MOUNTINFO, FD };

/* How a process is called in `stat` and in `status`. */
static const char *state_of(const struct process *p)
{
	static const char *const alive[] = {"R (running)", "S (sleeping)", "D (disk sleep)"};

	if (process_is_kernel(p) && p->thread->state == THREAD_UNINTERRUPTIBLE)
		return "I (idle)"; /* waits for work */
	if (p->state != PROC_ALIVE)
		return p->state == PROC_STOPPED ? "T (stopped)" : "Z (zombie)";
	return alive[p->thread ? min(p->thread->state, 2u) : 0];
}

/* The signals that have this handler, or one of their own (SIG_DFL: none). */
static sigset_k signals_with(const struct process *p, bool ignored)
{
	sigset_k set = 0;

	for (int sig = 1; sig <= NSIG; sig++) {
		u64 handler = p->sig.action[sig - 1].handler;

		if (ignored ? handler == SIG_IGN : handler > SIG_IGN)
			set |= SIGBIT(sig);
	}
	return set;
}

static void show_stat(const struct process *p, const struct mm *mm, struct seq_file *m)
{
	const struct rusage_times *t = &p->times, *c = &p->child_times,
				  now = {p->thread ? p->thread->utime_ns : 0,
					 p->thread ? p->thread->stime_ns : 0};

	const int nice = p->thread ? p->thread->nice : 0;

	if (p->thread)
		t = &now;
	seq_printf(m, "%d (%s) %c %d %d %d %d %d %u 0 0 0 0 %lu %lu %lu %lu %d %d 1 0 %lu %lu %lu ",
		   p->pid, p->comm, *state_of(p), p->parent ? p->parent->pid : 0, p->pgid, p->sid,
		   (int)tty_devnum(p->ctty), tty_foreground_pgrp(p->ctty),
		   process_is_kernel(p) ? PF_KTHREAD : 0, t->utime_ns / TICK, t->stime_ns / TICK,
		   c->utime_ns / TICK, c->stime_ns / TICK, 20 + nice, nice, p->start_ns / TICK,
		   mm->total_bytes, mm->rss);
	/* Code and stack addresses are not told, as of a program of another user. */
	seq_printf(
		m,
		"%lu 1 1 0 0 0 %lu %lu %lu %lu 0 0 0 17 0 0 %u 0 0 0 0 0 %lu %lu %lu %lu %lu %d\n",
		~0ul, p->sig.pending, p->sig.blocked, signals_with(p, true), signals_with(p, false),
		p->thread ? p->thread->sched_policy : 0u, mm->layout.brk_start,
		mm->layout.arg_start, mm->layout.arg_end, mm->layout.env_start, mm->layout.env_end,
		p->state == PROC_ZOMBIE ? p->status : 0);
}

static void show_status(const struct process *p, const struct mm *mm, struct seq_file *m)
{
	static const struct cred nobody;
	const struct cred *c = process_cred(p) ? process_cred(p) : &nobody;

	seq_printf(m, "Name:\t");
	for (const char *s = p->comm; *s; s++) /* in one line, whatever it holds */
		if (*s == '\n' || *s == '\\')
			seq_printf(m, "\\%c", *s == '\n' ? 'n' : '\\');
		else
			seq_write(m, s, 1);
	seq_printf(m, "\nState:\t%s\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", state_of(p),
		   p->pid, p->pid, p->parent ? p->parent->pid : 0);
	seq_printf(m, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nGroups:\t", c->uid, c->euid,
		   c->suid, c->fsuid, c->gid, c->egid, c->sgid, c->fsgid);
	for (u32 i = 0; i < c->ngroups; i++)
		seq_printf(m, "%u ", c->groups[i]);
	seq_printf(m, "\nVmSize:\t%8lu kB\nVmRSS:\t%8lu kB\nThreads:\t1\n", mm->total_bytes >> 10,
		   mm->rss << (PAGE_SHIFT - 10));
	seq_printf(m, "SigPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n",
		   p->sig.pending, p->sig.blocked, signals_with(p, true), signals_with(p, false));
}

static int show_process(struct seq_file *m)
{
	const struct pseudo_node *of = m->private;
	const int what = of->entry->what;
	static const struct mm no_mm;
	const struct process *p;
	const struct mm *mm;

	PROC_GUARD();
	p = process_find((pid_t)of->id);
	if (!p)
		return -ESRCH;
	mm = p->mm ? p->mm : &no_mm;
	if (what == STAT)
		show_stat(p, mm, m);
	else if (what == STATUS)
		show_status(p, mm, m);
	else if (what == STATM)
		seq_printf(m, "%lu %lu 0 0 0 0 0\n", mm->total_bytes >> PAGE_SHIFT, mm->rss);
	else
		seq_printf(m, "%s\n", p->comm);
	return 0;
}

/* Nobody but the process itself. */
static int write_comm(const struct pseudo_node *of, char *text, size_t len)
{
	if ((pid_t)of->id != current_process()->pid)
		return -EINVAL;
	process_set_comm(text, len);
	return 0;
}

static int show_mounts(struct seq_file *m)
{
	const struct pseudo_node *of = m->private;

	return mounts_show(m, of->entry->what == MOUNTINFO);
}

/* May the caller look into p's memory and files? */
static bool may_inspect(const struct process *p)
{
	const struct cred *me = current_cred(), *it = process_cred(p);

	return me->euid == 0 || (it && me->euid == it->uid && me->euid == it->suid);
}

static void show_strings(struct mm *mm, u64 at, u64 end, struct seq_file *m)
{
	char part[128];
	size_t n;

	for (; at < end; at += n) {
		n = mm_access(mm, at, part, min(end - at, sizeof(part)), false);
		if (n == 0)
			break;
		seq_write(m, part, n);
	}
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
	seq_printf(m, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", vma->start, vma->end,
		   vma->prot & PROT_READ ? 'r' : '-', vma->prot & PROT_WRITE ? 'w' : '-',
		   vma->prot & PROT_EXEC ? 'x' : '-', vma->shared ? 's' : 'p', vma->offset,
		   dev >> 8 & 0xfff, dev & 0xff, inode ? inode->i_ino : 0);
	seq_escape(m, IS_ERR(name) ? "?" : name, "\n");
	seq_printf(m, "\n");
}

static int show_maps(struct mm *mm, struct seq_file *m)
{
	char *buf = kmalloc(PATH_MAX_LEN, GFP_KERNEL);
	const struct vma *vma;

	if (!buf)
		return -ENOMEM;
	{
		MM_GUARD(mm);
		for (vma = vma_first(mm); vma; vma = vma_next(vma))
			show_vma(m, mm, vma, buf);
	}
	kfree(buf);
	return 0;
}

/* What is looked at of another process, with references. */
struct inspected {
	struct mm *mm; /* NULL: a zombie's */
	struct files_struct *files;
	struct fs_struct *fs;
};

/* open: of everybody. Returns: 0 and what is to be put, -ESRCH or -EACCES and nothing. */
static int inspect(pid_t pid, bool open, struct inspected *it)
{
	const struct process *p;
	const struct thread *t;

	PROC_GUARD();
	p = process_find(pid);
	if (!p)
		return -ESRCH;
	if (!open && !may_inspect(p))
		return -EACCES;
	t = p->thread;
	*it = (struct inspected){p->mm, t ? t->files : NULL, t ? t->fs : NULL};
	if (it->mm)
		atomic_inc(&it->mm->refs);
	if (it->files)
		atomic_inc(&it->files->refs);
	if (it->fs)
		atomic_inc(&it->fs->refs);
	return 0;
}

static void inspected_put(struct inspected *it)
{
	if (it->mm)
		mm_put(it->mm);
	files_put(it->files);
	fs_struct_put(it->fs);
}

static int show_memory(struct seq_file *m)
{
	const struct pseudo_node *of = m->private;
	const int what = of->entry->what;
	struct inspected it;
	int err = inspect((pid_t)of->id, what == CMDLINE, &it);

	if (err)
		return err;
	if (it.mm && what == MAPS)
		err = show_maps(it.mm, m);
	else if (it.mm && what == CMDLINE)
		show_strings(it.mm, it.mm->layout.arg_start, it.mm->layout.arg_end, m);
	else if (it.mm)
		show_strings(it.mm, it.mm->layout.env_start, it.mm->layout.env_end, m);
	inspected_put(&it);
	return err;
}

static int get_link(const struct pseudo_node *of, struct path *path)
{
	struct path none = {NULL, NULL}, *from = &none;
	const int what = of->entry->what;
	struct inspected it;
	struct file *file = NULL;
	int err = inspect((pid_t)of->id, false, &it);

	if (err)
		return err;
	if (what == FD)
		file = files_get(it.files, (int)of->sub);
	else if (what == EXE && it.mm && it.mm->exe)
		file = get_file(it.mm->exe);
	if (file)
		from = &file->f_path;
	else if (it.fs && (what == CWD || what == ROOT))
		from = what == CWD ? &it.fs->pwd : &it.fs->root;
	if (it.fs)
		mutex_lock(&it.fs->lock);
	*path = *from;
	if (path->dentry)
		path_get(path);
	if (it.fs)
		mutex_unlock(&it.fs->lock);
	if (file)
		fput(file);
	inspected_put(&it);
	return path->dentry ? 0 : -ENOENT;
}

/* --- directories --- */

/* The next open one. Its link's mode tells how it is open. */
static bool next_fd(const struct pseudo_node *dir, u32 from, struct pseudo_child *child)
{
	static struct pseudo_entry fd_link = {.mode = S_IFLNK, .what = FD, .get_link = get_link};
	struct inspected it;
	struct file *file = NULL;
	int fd = -1;

	if (inspect((pid_t)dir->id, false, &it))
		return false;
	if (it.files)
		fd = files_next(it.files, (int)from, &file);
	if (file) {
		child->node.entry = &fd_link;
		child->node.sub = child->number = (u32)fd;
		child->mode = S_IFLNK | (file->f_readable ? 0500 : 0) |
			      (file->f_writable ? 0300 : 0);
		fput(file);
	}
	inspected_put(&it);
	return fd >= 0;
}

static struct pseudo_entry pid_dir = {.mode = S_IFDIR | 0555};

static bool next_process(const struct pseudo_node *dir, u32 from, struct pseudo_child *child)
{
	const struct process *p;

	(void)dir;
	PROC_GUARD();
	p = process_next((pid_t)from - 1);
	if (p)
		child->node.id = child->number = (u32)p->pid;
	child->node.entry = &pid_dir;
	return p != NULL;
}

static u64 pid_birth(u32 pid, uid_t *uid, gid_t *gid)
{
	const struct process *p;
	const struct cred *c;

	PROC_GUARD();
	p = process_find((pid_t)pid);
	c = p ? process_cred(p) : NULL;
	*uid = c ? c->euid : 0;
	*gid = c ? c->egid : 0;
	return p ? max((u64)p->start_ns, (u64)1) : 0;
}

/* --- of all processes --- */

static int show_self(struct seq_file *m)
{
	seq_printf(m, "%d", current_process() ? current_process()->pid : 0);
	return 0;
}

static int show_loadavg(struct seq_file *m)
{
	const struct process *p = NULL;
	u32 total = 0;
	pid_t last = 0;
	u64 avg[3];

	sched_loadavg(avg);
	for (u32 i = 0; i < 3; i++)
		seq_printf(m, "%lu.%02lu ", avg[i] / FIXED_1, avg[i] % FIXED_1 * 100 / FIXED_1);
	PROC_GUARD();
	for (; (p = process_next(last)) != NULL; total++)
		last = p->pid;
	seq_printf(m, "%u/%u %d\n", sched_nr_running(), total, last);
	return 0;
}

static int show_pid_max(struct seq_file *m)
{
	seq_printf(m, "%d\n", pid_max);
	return 0;
}

static int write_pid_max(const struct pseudo_node *of, char *text, size_t len)
{
	int value, n = proc_parse_ints(text, &value, 1);

	(void)of;
	(void)len;
	if (n < 0 || value <= PIDS_RESERVED || value > PID_MAX_LIMIT)
		return -EINVAL;
	WRITE_ONCE(pid_max, value);
	return 0;
}

void proc_procfs_init(void)
{
	static struct pseudo_entry files[] = {
		{"stat", S_IFREG | 0444, STAT, .show = show_process},
		{"status", S_IFREG | 0444, STATUS, .show = show_process},
		{"statm", S_IFREG | 0444, STATM, .show = show_process},
		{"comm", S_IFREG | 0644, COMM, .show = show_process, .write = write_comm},
		{"cmdline", S_IFREG | 0444, CMDLINE, .show = show_memory},
		{"environ", S_IFREG | 0400, ENVIRON, .show = show_memory},
		{"maps", S_IFREG | 0444, MAPS, .show = show_memory},
		{"mounts", S_IFREG | 0444, 0, .show = show_mounts},
		{"mountinfo", S_IFREG | 0444, MOUNTINFO, .show = show_mounts},
		{"exe", S_IFLNK | 0777, EXE, .get_link = get_link},
		{"cwd", S_IFLNK | 0777, CWD, .get_link = get_link},
		{"root", S_IFLNK | 0777, ROOT, .get_link = get_link},
		{"fd", S_IFDIR | 0500, .next = next_fd, .numbered = true},
	};
	static struct pseudo_entry of_all[] = {
		{"loadavg", S_IFREG | 0444, .show = show_loadavg},
		{"self", S_IFLNK | 0777, .show = show_self},
	};
	static struct pseudo_entry max_file = {"pid_max", S_IFREG | 0644, .show = show_pid_max,
					       .write = write_pid_max};

	pseudo_add(&pid_dir, files, ARRAY_SIZE(files));
	pseudo_add(&proc_fs.root, of_all, ARRAY_SIZE(of_all));
	pseudo_add(&proc_sys_kernel, &max_file, 1);
	proc_fs.root.next = next_process;
	proc_fs.birth = pid_birth;
}
