/* resize: after the window of a serial terminal changed, ask it for its size and set that; the
 * foreground programs get SIGWINCH. */
#include "user/ask_size.h"

#include <fcntl.h>

int main(void)
{
	struct winsize size;
	int fd = open("/dev/tty", O_RDWR);

	if (fd < 0) {
		perror("resize: /dev/tty");
		return 1;
	}
	if (ask_size(fd, &size, 2000) < 0) {
		fprintf(stderr, "resize: the terminal does not answer\n");
		return 1;
	}
	if (ioctl(fd, TIOCSWINSZ, &size) < 0) {
		perror("resize: TIOCSWINSZ");
		return 1;
	}
	printf("%d rows, %d columns\n", size.ws_row, size.ws_col);
	return 0;
}
