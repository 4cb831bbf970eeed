/*
 * The first program: process 1.
 * Also there: processes
 */
#include "fs/file.h"
#include "fs/fs_struct.h"
#include "kernel/lib/err.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/pgtable.h"
#include "kernel/proc/process.h"
#include "kernel/sched/kthread.h"

static const char *const init_env[] = {"HOME=/root", "TERM=linux",
				       "PATH=/sbin:/usr/sbin:/bin:/usr/bin", NULL};

/* Standard input, output and error of process 1. Returns: 0 or -errno. */
static int must_check open_console(void)
{
	struct file *file = filp_open("/dev/console", O_RDWR | O_NOCTTY, 0);
	int fd = 0;

	if (IS_ERR(file))
		return (int)PTR_ERR(file);
	for (int i = 0; i < 3 && fd >= 0; i++) {
		fd = fd_install_new(get_file(file), i, false);
		if (fd < 0)
			fput(file);
	}
	fput(file);
	return min(fd, 0);
}

static void init_start(void *arg)
{
	const char *path = arg;
	const char *const argv[] = {path, NULL};
	struct trapframe tf;
	int err = open_console();

	if (err)
		printk("init: cannot open /dev/console: error %d\n", -err);
	err = process_exec(&tf, path, (u64)argv, (u64)init_env, true);
	if (err)
		panic("cannot run init %s: error %d (wanted: an x86-64 ELF program, and its loader)",
		      path, -err);
	trap_return_to_user(&tf);
}

void proc_start_init(const char *path)
{
	struct process *p = process_alloc(NULL);
	struct thread *t = p ? thread_create("init", init_start, (void *)(uintptr_t)path) : NULL;

	if (!t)
		panic("no memory for init");
	proc_kthreads_init();
	t->fs = fs_struct_copy(current_fs());
	t->files = files_alloc();
	t->cred = kzalloc(sizeof(*t->cred), GFP_KERNEL);
	if (!t->fs || !t->files || !t->cred)
		panic("no memory for init");
	arch_fpu_init(&t->arch);
	t->arch.cr3 = pgtable_kernel().v;
	t->arch.user = true;
	t->is_kernel = false;
	t->process = p;
	t->rlim = p->rlim;
	p->thread = t;
	thread_start(t);
}
