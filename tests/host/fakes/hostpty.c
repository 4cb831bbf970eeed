#define _GNU_SOURCE
#include "tests/host/fakes/hostpty.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* The kernel's TCSETS, which the C library's headers hide. */
#define LINUX_TCSETS 0x5402

static int master = -1, slave = -1;

bool hostpty_open(const void *termios)
{
	master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (master >= 0 && unlockpt(master) == 0)
		slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (slave >= 0 && ioctl(slave, LINUX_TCSETS, termios) == 0)
		return true;
	hostpty_close();
	return false;
}

void hostpty_close(void)
{
	if (slave >= 0)
		close(slave);
	if (master >= 0)
		close(master);
	master = slave = -1;
}

void hostpty_type(const unsigned char *buf, size_t len)
{
	if (write(master, buf, len) != (ssize_t)len)
		abort();
}

void hostpty_write(const unsigned char *buf, size_t len)
{
	if (write(slave, buf, len) != (ssize_t)len)
		abort();
}

long hostpty_read(unsigned char *buf, size_t len)
{
	return read(slave, buf, len);
}

long hostpty_sent(unsigned char *buf, size_t len)
{
	return read(master, buf, len);
}

void hostpty_wait(unsigned int ms)
{
	struct timespec ts = {.tv_nsec = ms * 1000000l};

	nanosleep(&ts, NULL);
}
