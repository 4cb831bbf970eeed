/* nnp run|give PROGRAM ARG: as the real user, with or without PR_SET_NO_NEW_PRIVS; nnp show. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "show") == 0) {
		printf("%d\n", (int)geteuid());
		return 0;
	}
	if (argc != 4 || setuid(getuid()))
		return 1;
	if (strcmp(argv[1], "give") == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 2;
	execl(argv[2], argv[2], argv[3], (char *)NULL);
	perror(argv[2]);
	return 3;
}
