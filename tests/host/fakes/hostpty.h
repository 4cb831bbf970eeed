/* A pseudo-terminal of the host's Linux, as the judge of our line discipline. The C library's
 * types: its headers and the kernel's do not mix. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* With the kernel's struct termios. Returns: false where the host has none. */
bool hostpty_open(const void *termios);
void hostpty_close(void);
/* As typed, and as written by a program. */
void hostpty_type(const unsigned char *buf, size_t len);
void hostpty_write(const unsigned char *buf, size_t len);
/* What a program reads, and what the terminal is sent; never waits. Returns: bytes, or -1. */
long hostpty_read(unsigned char *buf, size_t len);
long hostpty_sent(unsigned char *buf, size_t len);
/* Linux passes input on in a thread of its own: let it run. */
void hostpty_wait(unsigned int ms);
