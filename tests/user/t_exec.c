/* Exec: arguments, scripts, errors, and what a new program keeps and loses. */
#include "tests/user/tap.h"

static char *self = "/proc/self/exe";

TEST(exec_passes_arguments)
{
	char *big = malloc(60001);
	char *args[] = {self, "@args", "one", "", big, NULL}, *env[] = {"A=1", "B=two", NULL};

	memset(big, 'x', 60000);
	big[60000] = 0;
	CHECK(IN_CHILD(execve(self, args, env)) == 0);
}

TEST(exec_takes_many_arguments)
{
	static char *args[20004];

	args[0] = self;
	args[1] = "@count";
	for (int i = 2; i < 20002; i++)
		args[i] = "some argument";
	CHECK(IN_CHILD(execv(self, args)) == 0);
}

TEST(exec_limits_arguments)
{
	char *big = malloc(130001);
	static char *args[102];

	memset(big, 'x', 130000);
	big[130000] = 0;
	for (int i = 0; i < 101; i++)
		args[i] = big;
	FAILS(execv(self, args), E2BIG);
}

TEST(exec_without_environment)
{
	char *args[] = {self, "@noenv", NULL};

	CHECK(IN_CHILD(execve(self, args, NULL)) == 0);
}

TEST(exec_scripts)
{
	char exe[200] = "", text[300];

	fresh_dir();
	CHECK(readlink(self, exe, sizeof(exe) - 1) > 0);
	snprintf(text, sizeof(text), "#! %s @script arg \nrest\n", exe);
	write_file("script", text);
	chmod("script", 0755);
	CHECK(IN_CHILD(execl("./script", "name", "x", "y", (char *)NULL)) == 0);
	/* A script may run by a script. */
	write_file("outer", "#!./script\n");
	chmod("outer", 0755);
	CHECK(IN_CHILD(execl("./outer", "name", "y", (char *)NULL)) == 0);
	write_file("bare", "#!./script"); /* the end of the file ends the line */
	chmod("bare", 0755);
	CHECK(IN_CHILD(execl("./bare", "name", "y", (char *)NULL)) == 0);
	write_file("loop", "#!./loop\n");
	chmod("loop", 0755);
	FAILS(execl("./loop", "loop", (char *)NULL), ELOOP);
	write_file("gone", "#!/no/such/interpreter\n");
	chmod("gone", 0755);
	FAILS(execl("./gone", "gone", (char *)NULL), ENOENT);
}

TEST(exec_errors)
{
	int fd;

	fresh_dir();
	FAILS(execl("./none", "x", (char *)NULL), ENOENT);
	FAILS(execl("/", "x", (char *)NULL), EACCES);
	write_file("text", "no program\n");
	FAILS(execl("./text", "x", (char *)NULL), EACCES);
	chmod("text", 0755);
	FAILS(execl("./text", "x", (char *)NULL), ENOEXEC);
	write_file("empty", "");
	chmod("empty", 0755);
	FAILS(execl("./empty", "x", (char *)NULL), ENOEXEC);
	FAILS(execl("./text/x", "x", (char *)NULL), ENOTDIR);
	fd = open("text", O_WRONLY);
	FAILS(execl("./text", "x", (char *)NULL), ETXTBSY);
	close(fd);
	FAILS(open(self, O_WRONLY), ETXTBSY); /* nor is a running program written */
	FAILS(execve(self, (char **)8, NULL), EFAULT);
	FAILS(execve(self, (char *[]){self, (char *)8, NULL}, NULL), EFAULT);
}

TEST(exec_looks_before_it_opens)
{
	char exe[200] = "", text[8192];
	int from, to;
	ssize_t n;

	fresh_dir();
	CHECK(mkfifo("fifo", 0777) == 0 && readlink(self, exe, sizeof(exe) - 1) > 0);
	FAILS(execl("./fifo", "x", (char *)NULL), EACCES);
	/* A program may be run by those who may not read it (all may, who are root). */
	from = open(exe, O_RDONLY);
	to = open("copy", O_WRONLY | O_CREAT, 0700);
	while ((n = read(from, text, sizeof(text))) > 0)
		CHECK(write(to, text, (size_t)n) == n);
	CHECK(n == 0 && fchmod(to, 0111) == 0 && close(to) == 0 && chmod(".", 0755) == 0);
	CHECK(IN_CHILD((void)setuid(65534); execl("./copy", "x", "@exit", "0", (char *)NULL);
		       _exit(1)) == 0);
}

TEST(exec_keeps_and_resets)
{
	char pid[20], fds[20];
	sigset_t set;
	int keep = dup(1), drop = dup(1);

	snprintf(pid, sizeof(pid), "%d", getpid());
	snprintf(fds, sizeof(fds), "%d", keep);
	fcntl(drop, F_SETFD, FD_CLOEXEC);
	snprintf(fds, sizeof(fds), "%d %d", keep, drop);
	signal(SIGUSR1, SIG_IGN);
	on_signal(SIGUSR2, nothing, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGHUP);
	CHECK(IN_CHILD(kill(getpid(), SIGHUP); execl(self, self, "@kept", fds, (char *)NULL)) == 0);
}

/* What the program does when a test executes it again. */
static int run_again(int argc, char **argv, char **envp)
{
	const char *what = argv[1];
	sigset_t set;
	struct sigaction act;
	int keep, drop;

	if (strcmp(what, "@exit") == 0)
		return atoi(argv[2]);
	if (strcmp(what, "@args") == 0)
		return !(argc == 5 && strcmp(argv[2], "one") == 0 && argv[3][0] == 0 &&
			 strlen(argv[4]) == 60000 && argv[5] == NULL &&
			 strcmp(envp[0], "A=1") == 0 && strcmp(envp[1], "B=two") == 0 && !envp[2]);
	if (strcmp(what, "@count") == 0)
		return !(argc == 20002 && strcmp(argv[20001], "some argument") == 0);
	if (strcmp(what, "@noenv") == 0)
		return envp[0] != NULL;
	if (strcmp(what, "@script arg") == 0)
		return !(strcmp(argv[2], "./script") == 0 || strcmp(argv[2], "./outer") == 0) ||
		       strcmp(argv[argc - 1], "y") != 0;
	if (strcmp(what, "@kept") == 0) {
		sscanf(argv[2], "%d %d", &keep, &drop);
		CHECK(fcntl(keep, F_GETFD) == 0);
		FAILS(fcntl(drop, F_GETFD), EBADF);
		CHECK(sigaction(SIGUSR1, NULL, &act) == 0 && act.sa_handler == SIG_IGN);
		CHECK(sigaction(SIGUSR2, NULL, &act) == 0 && act.sa_handler == SIG_DFL);
		CHECK(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGHUP));
		CHECK(sigpending(&set) == 0 && sigismember(&set, SIGHUP));
		return failed;
	}
	return 99;
}

int main(int argc, char **argv, char **envp)
{
	if (argc > 1 && argv[1][0] == '@')
		return run_again(argc, argv, envp);
	return run_tests(argc, argv);
}
