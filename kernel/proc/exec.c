/*
 * execve: replace the program of the current process.
 *
 * Up to the point of no return (exec_commit) an error leaves the old program as it was; after it
 * the only way out of an error is SIGKILL.
 */
#include "kernel/proc/exec.h"

#include "fs/file.h"
#include "fs/fs_struct.h"
#include "fs/inode.h"
#include "kernel/lib/err.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"

#define MAX_INTERPRETERS 4

/* What execve was asked to run; a script's interpreter replaces it. */
struct exec {
	struct exec_strings strings;
	struct exec_image image;
	char *path; /* PATH_MAX_LEN bytes */
};

/* Double the room; most programs never need it, and big blocks are scarce when memory is short.
 * Returns: 0, -E2BIG or -ENOMEM. */
static int must_check grow_strings(struct exec_strings *s)
{
	size_t size = s->size ? s->size * 2 : PAGE_SIZE;
	char *buf;

	if (size > EXEC_ARG_MAX)
		return -E2BIG;
	buf = kmalloc(size, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	if (s->used)
		memcpy(buf, s->buf, s->used);
	kfree(s->buf);
	s->buf = buf;
	s->size = size;
	return 0;
}

static int must_check add_string(struct exec_strings *s, const char *str)
{
	ssize_t n;
	int err;

	while (s->used == s->size || (n = strscpy(s->buf + s->used, str, s->size - s->used)) < 0) {
		err = grow_strings(s);
		if (err)
			return err;
	}
	s->used += (size_t)n + 1;
	return 0;
}

static int must_check add_user_string(struct exec_strings *s, userptr_t str)
{
	ssize_t n;
	int err;

	for (;;) {
		n = s->used == s->size ?
			    -ENAMETOOLONG :
			    strncpy_from_user(s->buf + s->used, str, s->size - s->used);
		if (n >= 0)
			break;
		err = n == -ENAMETOOLONG ? grow_strings(s) : (int)n;
		if (err)
			return err;
	}
	s->used += (size_t)n + 1;
	return 0;
}

static int must_check add_user_strings(struct exec_strings *s, userptr_t list, u32 *count)
{
	for (; list.v; list = userptr_add(list, sizeof(u64))) {
		u64 ptr;
		int err;

		if (get_user_obj(&ptr, list))
			return -EFAULT;
		if (!ptr)
			break;
		err = add_user_string(s, USERPTR(ptr));
		if (err)
			return err;
		(*count)++;
	}
	return 0;
}

static int must_check add_kernel_strings(struct exec_strings *s, const char *const list[],
					 u32 *count)
{
	int err = 0;

	for (; *list && !err; list++, (*count)++)
		err = add_string(s, *list);
	return err;
}

/* Put `n` strings in front of (n_replaced of) the present arguments. */
static int must_check prepend_strings(struct exec_strings *s, const char *const add[], u32 n,
				      u32 n_replaced)
{
	size_t skip = 0, room = 0;

	for (u32 i = 0; i < n_replaced && i < s->argc; i++)
		skip += strlen(s->buf + skip) + 1;
	for (u32 i = 0; i < n; i++)
		room += strlen(add[i]) + 1;
	while (s->used - skip + room > s->size) {
		int err = grow_strings(s);

		if (err)
			return err;
	}
	memmove(s->buf + room, s->buf + skip, s->used - skip);
	s->used = s->used - skip + room;
	s->argc += n - min(n_replaced, s->argc);
	for (room = 0; n > 0; n--, add++) {
		memcpy(s->buf + room, *add, strlen(*add) + 1);
		room += strlen(*add) + 1;
	}
	return 0;
}

static struct file *must_check open_executable(const char *path)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	int err;

	if (IS_ERR(file))
		return file;
	err = S_ISREG(file->f_inode->i_mode) ? inode_permission(file->f_inode, MAY_EXEC) : -EACCES;
	if (!err)
		err = deny_write_access(file->f_inode);
	if (err) {
		fput(file);
		return ERR_PTR(err);
	}
	return file;
}

static void close_executable(struct file *file)
{
	allow_write_access(file->f_inode);
	fput(file);
}

/* "#! interpreter [argument]" in head: the interpreter runs with the script as its argument.
 * Returns: 0 with e->path replaced, -ENOEXEC if it is no script. Source: execve(2). */
static int must_check use_interpreter(struct exec *e, char *head)
{
	const char *add[3];
	char *interp, *arg, *end, *script;
	u32 n = 0;
	int err;

	if (head[0] != '#' || head[1] != '!')
		return -ENOEXEC;
	end = strchr(head, '\n');
	if (!end)
		return -ENOEXEC;
	while (end[-1] == ' ' || end[-1] == '\t')
		end--;
	*end = '\0';
	for (interp = head + 2; *interp == ' ' || *interp == '\t'; interp++)
		;
	if (*interp == '\0')
		return -ENOEXEC;
	for (arg = interp; *arg && *arg != ' ' && *arg != '\t'; arg++)
		;
	while (*arg == ' ' || *arg == '\t')
		*arg++ = '\0';
	script = kstrdup(e->path, GFP_KERNEL);
	if (!script)
		return -ENOMEM;
	add[n++] = interp;
	if (*arg)
		add[n++] = arg;
	add[n++] = script;
	err = prepend_strings(&e->strings, add, n, 1);
	kfree(script);
	return err ? err : (strscpy(e->path, interp, PATH_MAX_LEN) < 0 ? -ENAMETOOLONG : 0);
}

/* Open e->path, or the interpreter that it names, and map its segments into a new mm. */
static int must_check load_program(struct exec *e)
{
	char head[EXEC_HEAD + 1];
	struct file *file;
	ssize_t got;
	int err;

	for (int depth = 0; depth <= MAX_INTERPRETERS; depth++) {
		file = open_executable(e->path);
		if (IS_ERR(file))
			return (int)PTR_ERR(file);
		memset(head, 0, sizeof(head));
		got = kernel_read(file, head, EXEC_HEAD, 0);
		err = got < 0 ? (int)got : use_interpreter(e, head);
		if (err) {
			e->image.file = file;
			break;
		}
		close_executable(file);
	}
	if (!e->image.file)
		return -ELOOP;
	if (err != -ENOEXEC)
		return err;
	e->image.mm = mm_create();
	return e->image.mm ? elf_load(&e->image) : -ENOMEM;
}

static int must_check map_stack_and_brk(struct exec_image *image)
{
	struct mm *mm = image->mm;
	s64 at = mm_map(mm, STACK_TOP - STACK_SIZE, STACK_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_FIXED_NOREPLACE | MAP_ANONYMOUS, NULL, 0);

	if (at < 0)
		return (int)at;
	mm->stack_top = STACK_TOP;
	mm->brk_start = mm->brk = ALIGN_UP(image->load_end, PAGE_SIZE);
	return 0;
}

static void set_comm(struct process *p, const char *path)
{
	const char *slash = strrchr(path, '/');
	u64 flags = spin_lock_irqsave(&proc_lock);

	(void)strscpy(p->comm, slash ? slash + 1 : path, sizeof(p->comm));
	memcpy(current->name, p->comm, sizeof(p->comm));
	p->did_exec = true;
	memset(p->unknown_calls, 0, sizeof(p->unknown_calls));
	spin_unlock_irqrestore(&proc_lock, flags);
}

/* Set-user-ID and set-group-ID bits of the file (execve(2)). */
static void apply_suid(const struct inode *inode)
{
	struct cred *cred = current->cred;

	if (inode->i_mode & S_ISUID)
		cred->euid = inode->i_uid;
	if ((inode->i_mode & (S_ISGID | 0010)) == (S_ISGID | 0010))
		cred->egid = inode->i_gid;
	cred->suid = cred->fsuid = cred->euid;
	cred->sgid = cred->fsgid = cred->egid;
}

/* The point of no return: the new address space is live, the old one is gone. */
static void exec_commit(struct exec *e)
{
	struct process *p = current_process();
	struct mm *old = p->mm;
	u64 flags = spin_lock_irqsave(&proc_lock);

	p->mm = e->image.mm;
	spin_unlock_irqrestore(&proc_lock, flags);
	arch_set_cr3(&current->arch, p->mm->pml4.v);
	p->mm->exe = e->image.file; /* with its write denial */
	if (p->vfork_done)
		complete(p->vfork_done);
	p->vfork_done = NULL;
	p->clear_child_tid = 0;
	if (old)
		mm_put(old);
	signal_exec(p);
	files_close_on_exec(current->files);
	apply_suid(e->image.file->f_inode);
	set_comm(p, e->path);
	arch_fpu_init(&current->arch);
	arch_set_fs_base(&current->arch, 0);
	arch_set_gs_base(&current->arch, 0);
}

static int must_check exec_finish(struct trapframe *tf, struct exec *e)
{
	u64 sp = STACK_TOP;
	int err = 0;

	if (e->image.bss_end > e->image.bss_start)
		err = clear_user(USERPTR(e->image.bss_start),
				 e->image.bss_end - e->image.bss_start);
	if (!err)
		err = exec_build_stack(&e->image, &e->strings, e->path, &sp);
	if (err)
		return err;
	memset(tf, 0, sizeof(*tf));
	tf->vector = TRAP_BP; /* not a system call any more: nothing to restart */
	tf->rip = e->image.entry;
	tf->cs = USER_CS;
	tf->ss = USER_DS;
	tf->rsp = sp;
	tf->rflags = X86_FLAGS_IF;
	return 0;
}

static int must_check exec_run(struct trapframe *tf, struct exec *e)
{
	int err = load_program(e);

	if (!err)
		err = map_stack_and_brk(&e->image);
	if (err) {
		if (e->image.mm)
			mm_put(e->image.mm);
		if (e->image.file)
			close_executable(e->image.file);
		return err;
	}
	exec_commit(e);
	if (exec_finish(tf, e)) {
		printk("exec: %s: cannot build its stack\n", e->path);
		process_exit(SIGKILL);
	}
	return 0;
}

static struct exec *must_check exec_alloc(void)
{
	struct exec *e = kzalloc(sizeof(*e), GFP_KERNEL);

	if (!e)
		return NULL;
	e->path = kmalloc(PATH_MAX_LEN, GFP_KERNEL);
	return e;
}

static void exec_free(struct exec *e)
{
	kfree(e->path);
	kfree(e->strings.buf);
	kfree(e);
}

int process_exec(struct trapframe *tf, userptr_t path, userptr_t argv, userptr_t envp)
{
	struct exec *e = exec_alloc();
	ssize_t n;
	int err = -ENOMEM;

	if (!e)
		return -ENOMEM;
	if (!e->path)
		goto out;
	n = strncpy_from_user(e->path, path, PATH_MAX_LEN);
	err = n < 0 ? (int)n : add_user_strings(&e->strings, argv, &e->strings.argc);
	if (!err)
		err = add_user_strings(&e->strings, envp, &e->strings.envc);
	if (!err)
		err = exec_run(tf, e);
out:
	exec_free(e);
	return err;
}

int process_exec_kernel(struct trapframe *tf, const char *path, const char *const argv[],
			const char *const envp[])
{
	struct exec *e = exec_alloc();
	int err = -ENOMEM;

	if (!e)
		return -ENOMEM;
	if (!e->path)
		goto out;
	err = strscpy(e->path, path, PATH_MAX_LEN) < 0 ? -ENAMETOOLONG : 0;
	if (!err)
		err = add_kernel_strings(&e->strings, argv, &e->strings.argc);
	if (!err)
		err = add_kernel_strings(&e->strings, envp, &e->strings.envc);
	if (!err)
		err = exec_run(tf, e);
out:
	exec_free(e);
	return err;
}
