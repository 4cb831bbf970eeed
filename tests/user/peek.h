/* Look at memory that may give a signal. */
#pragma once

#include "tests/user/tap.h"

#include <setjmp.h>

static sigjmp_buf out;

static void jump(int sig)
{
	siglongjmp(out, sig);
}

/* Read a byte. Returns: it, or minus the signal that it gave. */
static int peek(volatile char *p)
{
	int sig;

	on_signal(SIGSEGV, jump, 0);
	on_signal(SIGBUS, jump, 0);
	sig = sigsetjmp(out, 1);
	return sig ? -sig : *p;
}
