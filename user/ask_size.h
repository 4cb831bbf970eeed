/* The size of a terminal that nobody told us: it is asked where its last line and column are. */
#pragma once

#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* Bytes from a terminal, as long as each comes within ms. Returns: how many; ends after an 'R'. */
static inline size_t read_answer(int fd, char *buf, size_t max, int ms)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	size_t n = 0;

	while (n < max && poll(&pfd, 1, ms) == 1 && read(fd, &buf[n], 1) == 1)
		if (buf[n++] == 'R')
			break;
	return n;
}

/*
 * Ask by a cursor report (ECMA-48 8.3.14, CPR) from a far corner, and wait up to ms for the answer.
 * What was typed meanwhile is typed again. Returns: 0, or -1 if no terminal answers.
 */
static inline int ask_size(int fd, struct winsize *size, int ms)
{
	static const char ask[] = "\0337\033[999;999H\033[6n\0338";
	struct termios old, raw;
	char buf[256], end = '\0';
	size_t n, start = 0;

	if (tcgetattr(fd, &old) < 0)
		return -1;
	raw = old;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(fd, TCSANOW, &raw);
	n = write(fd, ask, sizeof(ask) - 1) < 0 ? 0 : read_answer(fd, buf, sizeof(buf) - 1, ms);
	buf[n] = '\0';
	*size = (struct winsize){0};
	while (start < n &&
	       (sscanf(&buf[start], "\033[%hu;%hu%c", &size->ws_row, &size->ws_col, &end) != 3 ||
		end != 'R'))
		start++;
	tcsetattr(fd, TCSANOW, &old);
	for (size_t i = 0; i < start; i++)
		ioctl(fd, TIOCSTI, &buf[i]);
	return start < n && size->ws_row && size->ws_col ? 0 : -1;
}
