/*
 * fork, vfork and clone: a new process that continues where its parent is.
 *
 * A child gets copies of what belongs to the process (address space, files, signal actions) or
 * shares it where clone says so. Threads of one process (CLONE_THREAD) are not supported.
 * Also there: processes
 */
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sched/kthread.h"

#define CLONE_SUPPORTED                                                                    \
	(0xffull | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_VFORK | CLONE_PARENT_SETTID | \
	 CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_SETTLS)

/* First code of a child, on its own kernel stack. */
static void child_start(void *arg)
{
	struct process *p = arg;

	/* As in Linux, a bad pointer is the program's loss. CLONE_CHILD_CLEARTID would tell other
	 * threads of the end of this one: there are none. */
	if (p->child_tid_ptr && copy_to_user(USERPTR(p->child_tid_ptr), &p->pid, sizeof(p->pid)))
		p->child_tid_ptr = 0;
	trap_return_to_user(trap_user_frame(current->arch.kernel_stack_top));
}

/* What the thread carries: registers, files, credentials. The caller discards it on failure. */
static int must_check copy_thread(struct thread *t, const struct trapframe *tf,
				  const struct clone_args_k *args)
{
	struct trapframe *frame = trap_user_frame(t->arch.kernel_stack_top);

	*frame = *tf;
	frame->rax = 0;
	if (args->stack)
		frame->rsp = args->stack;
	arch_fpu_save(&current->arch);
	memcpy(t->arch.fpu, current->arch.fpu, sizeof(t->arch.fpu));
	t->arch.fs_base = args->flags & CLONE_SETTLS ? args->tls : current->arch.fs_base;
	t->arch.gs_base = current->arch.gs_base;
	t->arch.user = true;
	t->is_kernel = false;
	t->nice = current->nice;
	t->sched_policy = current->sched_policy;

	t->fs = args->flags & CLONE_FS ? current->fs : fs_struct_copy(current->fs);
	if (args->flags & CLONE_FS)
		atomic_inc(&t->fs->refs);
	t->files = args->flags & CLONE_FILES ? current->files : files_copy(current->files);
	if (args->flags & CLONE_FILES)
		atomic_inc(&t->files->refs);
	t->cred = kmalloc(sizeof(*t->cred), GFP_KERNEL);
	if (!t->fs || !t->files || !t->cred)
		return -ENOMEM;
	*t->cred = *current->cred;
	return 0;
}

static struct mm *must_check copy_mm(u64 flags)
{
	struct mm *mm = current_process()->mm;

	if (!(flags & CLONE_VM))
		return mm_copy(mm);
	atomic_inc(&mm->refs);
	return mm;
}

static void child_discard(struct process *p, struct thread *t, struct mm *mm)
{
	if (t) {
		fs_struct_put(t->fs);
		files_put(t->files);
		kfree(t->cred);
		thread_discard(t);
	}
	if (mm)
		mm_put(mm);
	process_free(p);
}

/* Sleep until the child has its own memory; of the signals only SIGKILL ends that. */
static void wait_for_vfork(struct process *self)
{
	sigset_k mask = signal_swap_mask(~SIGBIT(SIGKILL));

	(void)wait_event_interruptible(&self->child_wait, !READ_ONCE(self->vfork_child));
	(void)signal_swap_mask(mask);
	PROC_GUARD();
	self->vfork_child = NULL;
}

void vfork_release(struct process *child)
{
	PROC_GUARD();
	if (child->parent && child->parent->vfork_child == child) {
		child->parent->vfork_child = NULL;
		wake_up_all(&child->parent->child_wait);
	}
}

pid_t process_clone(const struct trapframe *tf, const struct clone_args_k *args)
{
	struct process *self = current_process(), *p;
	struct mm *mm = NULL;
	struct thread *t;
	pid_t pid;
	int err = -ENOMEM;

	if (args->flags & ~CLONE_SUPPORTED || (args->flags & CLONE_SETTLS && args->tls >= USER_MAX))
		return -EINVAL;
	p = process_alloc(self);
	if (!p)
		return -EAGAIN;
	pid = p->pid;
	t = thread_create(p->comm, child_start, p);
	if (!t)
		goto err_child;
	err = copy_thread(t, tf, args);
	if (err)
		goto err_child;
	mm = copy_mm(args->flags);
	if (IS_ERR(mm)) {
		err = (int)PTR_ERR(mm);
		mm = NULL;
		goto err_child;
	}
	err = args->flags & CLONE_PARENT_SETTID ?
		      copy_to_user(USERPTR(args->parent_tid), &pid, sizeof(pid)) :
		      0;
	if (err)
		goto err_child;
	if (args->flags & CLONE_CHILD_SETTID)
		p->child_tid_ptr = args->child_tid;
	t->arch.cr3 = mm->pml4.v;
	t->process = p;
	t->rlim = p->rlim;
	{
		PROC_GUARD();
		p->mm = mm;
		p->thread = t;
		signal_recalc_locked(p); /* what came while it was being made */
		if (args->flags & CLONE_VFORK)
			self->vfork_child = p;
	}
	thread_start(t);
	if (args->flags & CLONE_VFORK)
		wait_for_vfork(self);
	return pid;

err_child:
	child_discard(p, t, mm);
	return err;
}
