/*
 * fork, vfork and clone: a new process that continues where its parent is.
 *
 * A child gets copies of what belongs to the process (address space, files, signal actions) or
 * shares it where clone says so. Threads of one process (CLONE_THREAD) are not supported.
 */
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"

#define CLONE_SUPPORTED                                                                    \
	(0xffull | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_VFORK | CLONE_PARENT_SETTID | \
	 CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_SETTLS)

/* First code of a child, on its own kernel stack. */
static void child_start(void *arg)
{
	struct process *p = arg;

	if (p->child_tid_ptr &&
	    copy_to_user(USERPTR(p->child_tid_ptr), &p->pid, sizeof(p->pid)))
		printk("fork: bad child tid pointer in %s[%d]\n", p->comm, p->pid);
	trap_return_to_user(&p->start);
}

static int must_check copy_files(struct thread *t, u64 flags)
{
	if (flags & CLONE_FS) {
		atomic_inc(&current->fs->refs);
		t->fs = current->fs;
	} else {
		t->fs = fs_struct_copy(current->fs);
	}
	if (flags & CLONE_FILES) {
		atomic_inc(&current->files->refs);
		t->files = current->files;
	} else {
		t->files = files_copy(current->files);
	}
	t->cred = kmalloc(sizeof(*t->cred), GFP_KERNEL);
	if (!t->fs || !t->files || !t->cred)
		return -ENOMEM;
	*t->cred = *current->cred;
	return 0;
}

static int must_check copy_mm(struct process *p, u64 flags)
{
	struct mm *mm = current_process()->mm;

	if (flags & CLONE_VM) {
		atomic_inc(&mm->refs);
		p->mm = mm;
		return 0;
	}
	mm = mm_copy(mm);
	if (IS_ERR(mm))
		return (int)PTR_ERR(mm);
	p->mm = mm;
	return 0;
}

/* What the processor holds for the parent: FPU, TLS, page tables. */
static void copy_arch(struct thread *t, const struct process *p, const struct clone_args_k *args)
{
	arch_fpu_save(&current->arch);
	memcpy(t->arch.fpu, current->arch.fpu, sizeof(t->arch.fpu));
	t->arch.fs_base = args->flags & CLONE_SETTLS ? args->tls : current->arch.fs_base;
	t->arch.gs_base = current->arch.gs_base;
	t->arch.cr3 = p->mm->pml4.v;
	t->arch.user = true;
	t->is_kernel = false;
}

static void child_discard(struct process *p, struct thread *t)
{
	if (t) {
		if (t->fs)
			fs_struct_put(t->fs);
		if (t->files)
			files_put(t->files);
		kfree(t->cred);
		thread_discard(t);
	}
	if (p->mm)
		mm_put(p->mm);
	process_free(p);
}

static struct process *must_check child_create(const struct trapframe *tf,
					       const struct clone_args_k *args)
{
	struct process *p = process_alloc(current_process());
	struct thread *t;
	int err;

	if (!p)
		return ERR_PTR(-EAGAIN);
	t = thread_create(p->comm, child_start, p);
	err = t ? copy_mm(p, args->flags) : -ENOMEM;
	if (!err)
		err = copy_files(t, args->flags);
	if (err) {
		child_discard(p, t);
		return ERR_PTR(err);
	}
	copy_arch(t, p, args);
	t->process = p;
	p->thread = t;
	p->start = *tf;
	p->start.rax = 0;
	if (args->stack)
		p->start.rsp = args->stack;
	if (args->flags & CLONE_CHILD_SETTID)
		p->child_tid_ptr = args->child_tid;
	if (args->flags & CLONE_CHILD_CLEARTID)
		p->clear_child_tid = args->child_tid;
	return p;
}

pid_t process_clone(const struct trapframe *tf, const struct clone_args_k *args)
{
	struct completion vfork_done;
	struct process *p;
	pid_t pid;

	if (args->flags & ~CLONE_SUPPORTED)
		return -EINVAL;
	p = child_create(tf, args);
	if (IS_ERR(p))
		return (pid_t)PTR_ERR(p);
	pid = p->pid;
	if (args->flags & CLONE_VFORK) {
		init_completion(&vfork_done);
		p->vfork_done = &vfork_done;
	}
	if ((args->flags & CLONE_PARENT_SETTID) &&
	    copy_to_user(USERPTR(args->parent_tid), &pid, sizeof(pid))) {
		child_discard(p, p->thread);
		return -EFAULT;
	}
	process_publish(p);
	thread_start(p->thread);
	if (args->flags & CLONE_VFORK)
		wait_for_completion(&vfork_done);
	return pid;
}
