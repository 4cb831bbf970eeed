/*
 * Special files: device nodes and FIFOs.
 * Path: hop 3
 */
#pragma once

#include "kernel/lib/types.h"

struct inode;

/* Set i_mode and i_rdev of a new inode, and i_fop of a device node or a FIFO. Context: the inode is
 * the caller's alone. */
void init_special_inode(struct inode *inode, mode_t mode, dev_t rdev);
