/*
 * Pinning pages of the current program, so that a device can read or write them where they are.
 *
 * A pin is a reference to the page. It keeps the page, not its place in the address space: after
 * munmap or exit the transfer still ends in memory that nobody else has got. A page that a device
 * writes stays the program's own, by PTE_OWN (kernel/vm/mm.h), which was set when it was pinned. A
 * write then never moves the program to another page, even if the page was write-protected
 * meanwhile. fork gives the child a copy of a pinned page at once.
 * Also there: direct I/O pins a program's pages
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"
#include "kernel/mm/page.h"

/* The page at a user address, brought in if it is not there; `write`: its memory will be written
 * (by a read from a device). Returns: 0 or -EFAULT. Context: thread of a program, may sleep.
 * Owns: the caller, until unpin_user_page. */
int must_check pin_user_page(userptr_t p, bool write, struct page **page);
/* Context: any. */
static inline void unpin_user_page(struct page *page)
{
	put_page(page);
}
