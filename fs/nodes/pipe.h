/*
 * Pipes and FIFOs: a ring of bytes between files, 64 KiB at first. A write of up to PIPE_BUF bytes
 * is atomic.
 * Also there: pipes
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct file;
struct file_operations;
#define PIPE_BUF_     4096u
#define PIPE_SIZE     65536u
#define PIPE_SIZE_MAX (1u << 20) /* that an ordinary user may have */

extern const struct file_operations fifo_fops; /* open of a FIFO node */
/* pipe2(2): files[0] reads, files[1] writes. flags: O_NONBLOCK, O_CLOEXEC ignored. */
int must_check create_pipe_files(struct file *files[2], u32 flags);
/* F_GETPIPE_SZ, or with set F_SETPIPE_SZ. Returns: bytes; -EBADF: no pipe; -EINVAL; -EPERM; -EBUSY:
 * more is in it; -ENOMEM. */
long must_check pipe_size(const struct file *file, bool set, u64 size);
void pipe_init(void);
