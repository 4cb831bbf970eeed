/*
 * execve: replace the program of the current process.
 *
 * Up to the point of no return (exec_commit) an error leaves the old program as it was; after it
 * the only way out of an error is SIGKILL. The strings are put on the new stack from its top down:
 * the name, the environment, the arguments; what an interpreter adds comes in front of those.
 * Also there: processes
 */
#include "kernel/proc/exec.h"

#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/inode.h"
#include "fs/rlimit.h"
#include "fs/super.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"

#define MAX_INTERPRETERS 4
#define HEAD_SIZE	 256u		  /* Linux's BINPRM_BUF_SIZE */
#define ARG_STRLEN_MAX	 (32 * PAGE_SIZE) /* Linux's MAX_ARG_STRLEN */
#define ARGS_LEAST	 0x20000ull	  /* strings and pointers to them, whatever the limit */
#define ARGS_MOST	 (6ull << 20)

/* Put len bytes of user or kernel memory on the new stack. Returns: 0, -E2BIG, -EFAULT, -ENOMEM. */
static int must_check push_bytes(struct exec_image *image, u64 from, size_t len, bool kernel)
{
	char part[256];
	size_t n;

	if (len > image->sp - (STACK_TOP - image->args_max))
		return -E2BIG;
	image->sp -= len;
	image->newest = len;
	for (size_t done = 0; done < len; done += n) {
		void *src = kernel ? (char *)from + done : part;

		n = kernel ? len : min(len - done, sizeof(part));
		if (!kernel && copy_from_user(part, USERPTR(from + done), n))
			return -EFAULT;
		if (mm_access(image->mm, image->sp + done, src, n, true) != n)
			return -ENOMEM;
	}
	return 0;
}

static int must_check push_kernel_string(struct exec_image *image, const char *s)
{
	return push_bytes(image, (u64)s, strlen(s) + 1, true);
}

static int must_check get_pointer(u64 list, u32 i, bool kernel, u64 *ptr)
{
	u64 slot = list + i * sizeof(u64);

	if (kernel)
		*ptr = *(const u64 *)slot;
	return kernel ? 0 : get_user_obj(ptr, USERPTR(slot));
}

/* Put all strings of a list on the new stack, the last one first. A list that is NULL is empty. */
static int must_check push_list(struct exec_image *image, u64 list, bool kernel, u32 *count)
{
	ssize_t len;
	u64 ptr;
	int err = 0;

	for (*count = 0; list; (*count)++) {
		err = get_pointer(list, *count, kernel, &ptr);
		if (err)
			return err;
		if (!ptr)
			break;
		if (*count == image->args_max / sizeof(u64))
			return -E2BIG;
	}
	for (u32 i = *count; i-- > 0 && !err;) {
		err = get_pointer(list, i, kernel, &ptr);
		if (err)
			break;
		if (kernel) {
			err = push_kernel_string(image, (const char *)ptr);
			continue;
		}
		len = strnlen_user(USERPTR(ptr), ARG_STRLEN_MAX - 1);
		/* The end is ours: the program may change the string meanwhile. */
		err = len < 0 ? (int)len : push_bytes(image, (u64) "", 1, true);
		if (!err)
			err = push_bytes(image, ptr, (size_t)len, false);
		image->newest = (size_t)len + 1;
	}
	return err;
}

static char *skip_blanks(char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

/* "#! interpreter [argument]" in head: the interpreter runs with the script as its argument.
 * Returns: 0 and its name within head, -ENOEXEC if this is no script. Source: execve(2). */
static int must_check use_interpreter(struct exec_image *image, char *head, const char *script,
				      const char **name)
{
	char *end = strchr(head, '\n'), *interp, *arg;
	bool cut = !end && strlen(head) == HEAD_SIZE; /* the line goes on */
	int err;

	if (head[0] != '#' || head[1] != '!')
		return -ENOEXEC;
	if (!end)
		end = head + strlen(head);
	while (end[-1] == ' ' || end[-1] == '\t')
		end--;
	*end = '\0';
	interp = arg = skip_blanks(head + 2);
	while (*arg && *arg != ' ' && *arg != '\t')
		arg++;
	if (arg == interp || (cut && !*arg))
		return -ENOEXEC;
	if (*arg) {
		*arg = '\0';
		arg = skip_blanks(arg + 1);
	}
	/* The script's own name in place of argv[0]. */
	if (image->argc > 0) {
		image->sp += image->newest;
		image->argc--;
	}
	err = push_kernel_string(image, script);
	if (!err && *arg)
		err = push_kernel_string(image, arg);
	if (!err)
		err = push_kernel_string(image, interp);
	image->argc += *arg ? 3 : 2;
	*name = interp;
	return err;
}

/* Open the program, or the interpreter that it names, and map its segments. */
static int must_check load_program(struct exec_image *image)
{
	char heads[2][HEAD_SIZE + 1] = {
		0}; /* the older one holds the name of the newer one's file */
	const char *name = image->name;
	int err;

	for (int depth = 0; depth <= MAX_INTERPRETERS; depth++) {
		char *head = heads[depth % 2];
		ssize_t got;

		image->file = open_executable(name);
		if (IS_ERR(image->file)) {
			err = (int)PTR_ERR(image->file);
			image->file = NULL;
			return err;
		}
		got = kernel_read(image->file, head, HEAD_SIZE, 0);
		if (got < 0)
			return (int)got;
		head[got] = '\0';
		err = use_interpreter(image, head, name, &name);
		if (err)
			return err == -ENOEXEC ? elf_load(image) : err;
		close_executable(image->file);
		image->file = NULL;
	}
	return -ELOOP;
}

/* Build the new address space beside the old one. */
static int must_check prepare_image(struct exec_image *image, u64 argv, u64 envp, bool kernel)
{
	int err;

	image->mm = mm_create();
	if (!image->mm)
		return -ENOMEM;
	image->args_max = max(min(rlimit(RLIMIT_STACK) / 4, ARGS_MOST), ARGS_LEAST);
	err = mm_map_stack(image->mm);
	if (!err)
		err = push_kernel_string(image, image->name);
	image->execfn = image->sp;
	if (!err)
		err = push_list(image, envp, kernel, &image->envc);
	if (!err)
		err = push_list(image, argv, kernel, &image->argc);
	if (!err && !image->argc) { /* Linux >= 5.18: no program need do without argv[0] */
		image->argc = 1;
		err = push_kernel_string(image, "");
	}
	if (!err &&
	    STACK_TOP - image->sp + (image->argc + image->envc) * sizeof(u64) > image->args_max)
		err = -E2BIG;
	if (!err)
		err = load_program(image);
	image->mm->layout.brk_start = ALIGN_UP(image->load_end, PAGE_SIZE);
	image->mm->layout.brk = image->mm->layout.brk_start;
	return err;
}

/* Set-user-ID and set-group-ID bits of the file (execve(2)). */
static void apply_suid(const struct file *file)
{
	const struct inode *inode = file->f_inode;
	struct cred *cred = current->cred;
	uid_t euid = cred->euid;
	gid_t egid = cred->egid;
	bool honoured = !(file->f_path.mnt->mnt_flags & MS_NOSUID) &&
			!current_process()->no_new_privs;

	if (honoured && inode->i_mode & S_ISUID)
		cred->euid = inode->i_uid;
	if (honoured && (inode->i_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		cred->egid = inode->i_gid;
	cred->suid = cred->fsuid = cred->euid;
	cred->sgid = cred->fsgid = cred->egid;
	if (cred->euid != euid || cred->egid != egid)
		current_process()->pdeath_signal = 0; /* it has become somebody else's business */
}

/* The point of no return: the new address space is live, the old one is gone. */
static void exec_commit(struct exec_image *image)
{
	struct process *p = current_process();
	const char *slash = strrchr(image->name, '/');
	struct mm *old = p->mm;

	ASSERT(image->file);
	image->mm->exe = image->file; /* with its write denial */
	{
		PROC_GUARD();
		p->mm = image->mm;
		p->did_exec = true;
		(void)strscpy(p->comm, slash ? slash + 1 : image->name, sizeof(p->comm));
		memcpy(current->name, p->comm, sizeof(p->comm));
	}
	arch_set_cr3(&current->arch, image->mm->pml4.v);
	vfork_release(p);
	if (old)
		mm_put(old);
	signal_exec();
	files_close_on_exec(current->files);
	apply_suid(image->file);
	arch_fpu_init(&current->arch);
	arch_fpu_restore(&current->arch);
	arch_set_fs_base(&current->arch, 0);
	arch_set_gs_base(&current->arch, 0);
}

int process_exec(struct trapframe *tf, const char *path, u64 argv, u64 envp, bool kernel)
{
	struct exec_image image = {.name = path, .sp = STACK_TOP};
	int err = prepare_image(&image, argv, envp, kernel);

	if (err) {
		if (image.mm)
			mm_put(image.mm);
		if (image.file)
			close_executable(image.file);
		return err;
	}
	exec_commit(&image);
	if (elf_build_stack(&image)) {
		printk("exec: %s: no memory for its stack\n", path);
		signal_send(current_process(), SIGKILL, NULL);
	}
	*tf = (struct trapframe){.vector = TRAP_BP, /* no system call any more: never restarted */
				 .rip = image.start,
				 .cs = USER_CS,
				 .ss = USER_DS,
				 .rsp = image.sp,
				 .rflags = X86_FLAGS_IF};
	return 0;
}
