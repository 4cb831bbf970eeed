/*
 * Special files: device nodes and FIFOs.
 * Path: hop 2
 */
#pragma once

#include "kernel/lib/types.h"

struct inode;

/* Set i_mode, i_rdev and i_fop of a new inode that is a device node or a FIFO. A socket, or what is
 * none of them, can not be opened. Context: the inode is the caller's alone. */
void init_special_inode(struct inode *inode, mode_t mode, dev_t rdev);
