/* Credentials: user and group ids, rights that are given up, and others' files. */
#include "tests/user/tap.h"

#include <sys/prctl.h>

TEST(credentials)
{
	uid_t r, e, s;
	gid_t groups[3] = {5, 6, 7};

	if (getuid() != 0)
		return;
	CHECK(setgroups(3, groups) == 0 && getgroups(0, NULL) == 3);
	FAILS(getgroups(2, groups), EINVAL);
	CHECK(setresgid(10, 11, 12) == 0 && getgid() == 10 && getegid() == 11);
	CHECK(setresuid(1000, 1001, 1002) == 0);
	CHECK(getresuid(&r, &e, &s) == 0 && r == 1000 && e == 1001 && s == 1002);
	FAILS(setuid(5), EPERM);
	FAILS(setresuid(-1, 0, -1), EPERM);
	FAILS(setgroups(0, NULL), EPERM);
	FAILS(kill(1, SIGTERM), EPERM);
	CHECK(seteuid(1002) == 0 && geteuid() == 1002);
	CHECK(setreuid(1002, 1000) == 0 && getresuid(&r, &e, &s) == 0);
	CHECK(r == 1002 && e == 1000 && s == 1000);
}

TEST(privileges_are_given_up)
{
	FAILS(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	FAILS(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0), EINVAL);
	FAILS(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0), EINVAL);
	FAILS(prctl(12345), EINVAL);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(IN_CHILD(CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)) == 0);
	CHECK(syscall(SYS_personality, -1) == 0);
	CHECK(syscall(SYS_personality, 0x40000) == 0 && syscall(SYS_personality, -1) == 0x40000);
	CHECK(IN_CHILD(CHECK(syscall(SYS_personality, 0) == 0x40000)) == 0);
}

TEST(permissions_of_others)
{
	fresh_dir();
	if (getuid() != 0)
		return;
	write_file("secret", "x");
	chmod("secret", 0600);
	chmod(".", 0755);
	CHECK(setgid(100) == 0 && setuid(1000) == 0);
	FAILS(open("secret", O_RDONLY), EACCES);
	FAILS(open("new", O_WRONLY | O_CREAT, 0600), EACCES);
	FAILS(unlink("secret"), EACCES);
	FAILS(chmod("secret", 0777), EPERM);
	FAILS(chown("secret", 1000, 100), EPERM);
	CHECK(access("secret", F_OK) == 0);
	FAILS(access("secret", R_OK), EACCES);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
