/*
 * The file operations that files of most filesystems share, over the page cache.
 * Path: hop 3
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/types.h"

struct file;
struct iov_iter;
struct kiocb;

ssize_t must_check generic_file_read_iter(struct kiocb *iocb, struct iov_iter *iter);
ssize_t must_check generic_file_write_iter(struct kiocb *iocb, struct iov_iter *iter);
int must_check generic_file_fsync(struct file *file, loff_t start, loff_t end, bool datasync);
