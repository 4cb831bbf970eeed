/*
 * eventfd(2): a counter that is an open file.
 * Also there: a counter as a file
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct eventfd;
struct file;

#define EFD_SEMAPHORE 1u /* a read takes 1, not all */

void eventfd_init(void);
/* flags: EFD_SEMAPHORE, O_NONBLOCK. Returns: ERR_PTR. Context: sleeps. */
struct file *must_check create_eventfd(u32 count, u32 flags);
/* The counter of such a file, with a reference. Returns: NULL if the file is none. */
struct eventfd *must_check eventfd_get(struct file *file);
/* Add 1, unless the count is the highest. / Drop the reference. Context: any, of both. */
void eventfd_signal(struct eventfd *e);
void eventfd_put(struct eventfd *e);
