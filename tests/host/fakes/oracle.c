#define _GNU_SOURCE
#include "tests/host/fakes/oracle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

static int to_child[2], from_child[2];
static pid_t child;
static char top[] = "/tmp/ringlet-oracle-XXXXXX";

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(const char *name, char *text)
{
	char *names[64];
	size_t n = 0;
	struct dirent *e;
	DIR *dir = opendir(name);

	struct stat st;

	if (!dir)
		return -1;
	/* The C library hides the ENOENT that a removed directory gives. */
	if (fstat(dirfd(dir), &st) == 0 && st.st_nlink == 0) {
		closedir(dir);
		errno = ENOENT;
		return -1;
	}
	while ((e = readdir(dir)) != NULL && n < 64)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			names[n++] = strdup(e->d_name);
	closedir(dir);
	qsort(names, n, sizeof(names[0]), compare);
	*text = '\0';
	for (size_t i = 0; i < n; i++) {
		strcat(strcat(text, names[i]), "\n");
		free(names[i]);
	}
	return 0;
}

static int fill_stat(const char *name, int flags, struct oracle_answer *r)
{
	struct stat st;

	if (fstatat(AT_FDCWD, name, &st, flags) != 0)
		return -1;
	r->mode = S_ISDIR(st.st_mode) ? S_IFDIR : st.st_mode;
	r->nlink = S_ISDIR(st.st_mode) ? 0 : (u32)st.st_nlink;
	return 0;
}

static int perform(const struct oracle_call *c, struct oracle_answer *r)
{
	int fd;

	switch (c->op) {
	case OP_MKDIR:
		return mkdir(c->a, 0755);
	case OP_RMDIR:
		return rmdir(c->a);
	case OP_UNLINK:
		return unlink(c->a);
	case OP_OPEN:
		fd = open(c->a, (int)c->flags, 0644);
		return fd < 0 ? -1 : close(fd);
	case OP_SYMLINK:
		return symlink(c->a, c->b);
	case OP_LINK:
		return linkat(AT_FDCWD, c->a, AT_FDCWD, c->b, c->flags ? AT_SYMLINK_FOLLOW : 0);
	case OP_RENAME:
		return (int)syscall(SYS_renameat2, AT_FDCWD, c->a, AT_FDCWD, c->b, c->flags);
	case OP_READLINK:
		return readlink(c->a, r->text, sizeof(r->text) - 1) < 0 ? -1 : 0;
	case OP_STAT:
		return fill_stat(c->a, 0, r);
	case OP_LSTAT:
		return fill_stat(c->a, AT_SYMLINK_NOFOLLOW, r);
	case OP_CHDIR:
		return chdir(c->a);
	case OP_GETCWD:
		return getcwd(r->text, sizeof(r->text)) ? 0 : -1;
	case OP_LIST:
		return list(c->a, r->text);
	default:
		errno = EINVAL;
		return -1;
	}
}

static void serve(void)
{
	static struct oracle_call call;
	static struct oracle_answer answer;

	umask(022);
	while (read(to_child[0], &call, sizeof(call)) == sizeof(call)) {
		memset(&answer, 0, sizeof(answer));
		if (perform(&call, &answer) != 0)
			answer.err = -errno;
		if (write(from_child[1], &answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	_exit(0);
}

/*
 * Shut the calling process up in `top`, as an ordinary user: what it does reaches nothing else
 * here. Returns: NULL, or why it cannot.
 */
static const char *confine(void)
{
	if (geteuid() == 0) {
		/* EINVAL: nobody has no number here, so this root is an ordinary user already. */
		bool drop = chown(top, NOBODY, NOBODY) == 0 || errno != EINVAL;

		if (chroot(top) != 0 || chdir("/") != 0)
			return "root may not chroot here";
		if (drop && (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
			     setresuid(NOBODY, NOBODY, NOBODY) != 0))
			return "root may not become another user here";
		return NULL;
	}
	if (unshare(CLONE_NEWUSER) != 0 || chroot(top) != 0 || chdir("/") != 0)
		return "no user namespaces here";
	return NULL;
}

/* Serve until the test ends, however that comes about; then remove what the calls have made. */
static void serve_and_clean(void)
{
	const char *why;
	pid_t server;
	char ok;

	close(to_child[1]);
	close(from_child[0]);
	server = fork();
	if (server == 0) {
		why = confine();
		ok = why == NULL;
		if (why)
			fprintf(stderr, "# no comparison with Linux: %s (%s)\n", why,
				strerror(errno));
		if (write(from_child[1], &ok, 1) != 1 || !ok)
			_exit(1);
		serve();
	}
	close(to_child[0]);
	close(from_child[1]);
	if (server > 0)
		waitpid(server, NULL, 0);
	execlp("rm", "rm", "-rf", top, (char *)NULL);
	_exit(1);
}

bool oracle_start(void)
{
	char ok = 0;

	/* A tmpfs, where there is one, is quick and keeps no link counts of its own. */
	if (access("/dev/shm", W_OK) == 0)
		memcpy(top, "/dev/shm/oracle-XXXXXXXXXX", sizeof(top) - 1);
	if (!mkdtemp(top) || pipe(to_child) != 0 || pipe(from_child) != 0)
		return false;
	child = fork();
	if (child == 0)
		serve_and_clean();
	close(to_child[0]);
	close(from_child[1]);
	if (child > 0 && read(from_child[0], &ok, 1) == 1 && ok)
		return true;
	oracle_stop();
	return false;
}

void oracle_stop(void)
{
	close(to_child[1]);
	close(from_child[0]);
	waitpid(child, NULL, 0);
}

void oracle_ask(const struct oracle_call *call, struct oracle_answer *answer)
{
	if (write(to_child[1], call, sizeof(*call)) != sizeof(*call) ||
	    read(from_child[0], answer, sizeof(*answer)) != (ssize_t)sizeof(*answer))
		abort();
}
