/* Calls on the whole system: the log, names, the scheduler's questions. */
#include "tests/user/tap.h"

TEST(the_log_has_rules)
{
	static char buf[1 << 20];
	/* In a namespace, root may not either. */
	int may = syscall(SYS_syslog, 9, 0, 0) >= 0;

	for (int type = 0; type < 10; type++)
		if (type != 3 && !may)
			FAILS(syscall(SYS_syslog, type, buf, 1), EPERM);
	FAILS(syscall(SYS_syslog, 11, buf, 1), may ? EINVAL : EPERM);
	if (!may) { /* some systems do not even tell the size */
		CHECK(syscall(SYS_syslog, 10, 0, 0) >= 4096 || errno == EPERM);
		return;
	}
	CHECK(syscall(SYS_syslog, 10, 0, 0) >= 4096);
	CHECK(syscall(SYS_syslog, 0, 0, 0) == 0 && syscall(SYS_syslog, 1, 0, 0) == 0);
	for (int type = 2; type <= 4; type++) {
		FAILS(syscall(SYS_syslog, type, NULL, 10), EINVAL);
		FAILS(syscall(SYS_syslog, type, buf, -1), EINVAL);
		CHECK(syscall(SYS_syslog, type, buf, 0) == 0);
		FAILS(syscall(SYS_syslog, type, (char *)-4096, 10), EFAULT);
	}
	FAILS(syscall(SYS_syslog, 3, 8, 4096), EFAULT);
	FAILS(syscall(SYS_syslog, 8, NULL, 0), EINVAL);
	FAILS(syscall(SYS_syslog, 8, NULL, 9), EINVAL);
	/* Whole lines, each with its level. */
	memset(buf, 0, sizeof(buf));
	for (int size = 1000; size >= 200; size -= 100) {
		long n = syscall(SYS_syslog, 3, buf, size);

		CHECK(n >= 0 && n <= size);
		CHECK(n == 0 || (buf[0] == '<' && buf[2] == '>'));
		CHECK(n == 0 || buf[n - 1] == '\n');
	}
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
