/* The size of a terminal that nobody told us: it is asked where its last line and column are. */
#pragma once

#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* Look for a cursor report (ECMA-48 8.3.14, CPR). Returns: where it starts, or n. */
static inline size_t find_report(const char *buf, size_t n, struct winsize *size)
{
	size_t start;
	char end;

	for (start = 0; start < n; start++)
		if (sscanf(&buf[start], "\033[%hu;%hu%c", &size->ws_row, &size->ws_col, &end) ==
			    3 &&
		    end == 'R')
			break;
	return start;
}

/*
 * Bytes from a terminal, as long as each comes within ms, up to a cursor report: an 'R' may also
 * have been typed. Returns: how many; *start is where the report starts, or their number.
 */
static inline size_t read_answer(int fd, char *buf, size_t max, int ms, size_t *start,
				 struct winsize *size)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	size_t n = 0;

	*start = 0;
	while (*start == n && n < max - 1 && poll(&pfd, 1, ms) == 1 && read(fd, &buf[n], 1) == 1) {
		buf[++n] = '\0';
		*start = buf[n - 1] == 'R' ? find_report(buf, n, size) : n;
	}
	return n;
}

/*
 * Ask by a cursor report from a far corner, and wait up to ms for the answer.
 * What was typed meanwhile is typed again. Returns: 0, or -1 if no terminal answers.
 */
static inline int ask_size(int fd, struct winsize *size, int ms)
{
	static const char ask[] = "\0337\033[999;999H\033[6n\0338";
	struct termios old, raw;
	size_t n = 0, start = 0;
	char buf[256];

	if (tcgetattr(fd, &old) < 0)
		return -1;
	raw = old;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(fd, TCSANOW, &raw);
	*size = (struct winsize){0};
	if (write(fd, ask, sizeof(ask) - 1) > 0)
		n = read_answer(fd, buf, sizeof(buf), ms, &start, size);
	tcsetattr(fd, TCSANOW, &old);
	for (size_t i = 0; i < start; i++)
		ioctl(fd, TIOCSTI, &buf[i]);
	return start < n && size->ws_row && size->ws_col ? 0 : -1;
}
