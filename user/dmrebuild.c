/* dmrebuild: bring the failed legs of a mirror back, from the good ones and while it is in use. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define DM_MIRROR_REBUILD 0xfd40 /* block/dm/dm.h */

int main(int argc, char **argv)
{
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: dmrebuild /dev/dm-0\n");
		return 2;
	}
	fd = open(argv[1], O_RDONLY);
	if (fd < 0 || ioctl(fd, DM_MIRROR_REBUILD, 0) < 0) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
