/*
 * One operation on names, and what it answered: names NR OPERATION PATH [PATH2].
 * Prints "NR OK" or "NR ENOENT" and the like.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int put(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | flags, 0644), bad;

	if (fd < 0)
		return -1;
	bad = write(fd, text, strlen(text)) != (ssize_t)strlen(text) || write(fd, "\n", 1) != 1;
	return close(fd) < 0 || bad ? -1 : 0;
}

static int operate(const char *op, const char *a, const char *b)
{
	struct stat st;

	if (strcmp(op, "create") == 0)
		return put(a, b, O_CREAT | O_EXCL);
	if (strcmp(op, "append") == 0)
		return put(a, b, O_APPEND);
	if (strcmp(op, "look") == 0)
		return stat(a, &st);
	if (strcmp(op, "mkdir") == 0)
		return mkdir(a, 0755);
	if (strcmp(op, "rmdir") == 0)
		return rmdir(a);
	if (strcmp(op, "unlink") == 0)
		return unlink(a);
	if (strcmp(op, "mkfifo") == 0)
		return mkfifo(a, 0644);
	if (strcmp(op, "symlink") == 0)
		return symlink(b, a);
	if (strcmp(op, "link") == 0)
		return link(a, b);
	if (strcmp(op, "rename") == 0)
		return rename(a, b);
	errno = ENOSYS;
	return -1;
}

static const char *name_of(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {{ENOENT, "ENOENT"}, {EEXIST, "EEXIST"},	   {ENOTDIR, "ENOTDIR"},
		     {EISDIR, "EISDIR"}, {ENOTEMPTY, "ENOTEMPTY"}, {EINVAL, "EINVAL"},
		     {EXDEV, "EXDEV"},	 {EBUSY, "EBUSY"},	   {EPERM, "EPERM"},
		     {EROFS, "EROFS"},	 {ELOOP, "ELOOP"},	   {ENXIO, "ENXIO"},
		     {ENOSPC, "ENOSPC"}};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].error == error)
			return names[i].name;
	return strerror(error);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	printf("%s %s\n", argv[1], operate(argv[2], argv[3], argv[4]) == 0 ? "OK" : name_of(errno));
	return 0;
}
