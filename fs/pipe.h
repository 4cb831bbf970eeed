/* Pipes and FIFOs: a ring of 64 KiB between files. Writes of up to PIPE_BUF bytes are atomic. */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct file;
struct file_operations;
#define PIPE_BUF_ 4096u
#define PIPE_SIZE 65536u

extern const struct file_operations fifo_fops; /* open of a FIFO node */
/* pipe2(2): files[0] reads, files[1] writes. flags: O_NONBLOCK, O_CLOEXEC ignored. */
int must_check create_pipe_files(struct file *files[2], u32 flags);
void pipe_init(void);
