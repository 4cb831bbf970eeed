/*
 * Files that a program is in, or its interpreter: while one is open here nobody writes to it.
 * Also there: processes
 */
#include "fs/file.h"
#include "fs/inode.h"
#include "kernel/lib/err.h"
#include "kernel/proc/exec.h"

struct file *open_executable(const char *path)
{
	struct file *file = open_exec(path);
	int err;

	if (IS_ERR(file))
		return file;
	err = deny_write_access(file->f_inode);
	if (err) {
		fput(file);
		return ERR_PTR(err);
	}
	return file;
}

void close_executable(struct file *file)
{
	allow_write_access(file->f_inode);
	fput(file);
}
