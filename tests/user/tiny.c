/* The smallest program that uses its stack, its data and the C library: the ELF fuzzer's base. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char data[] = "tiny";
static char zeros[20000];

int main(int argc, char **argv)
{
	memset(zeros, argc, sizeof(zeros));
	return write(1, data, strlen(data)) < 0 || strlen(argv[0]) == 0 ? EXIT_FAILURE :
									  EXIT_SUCCESS;
}
