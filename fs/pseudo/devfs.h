/*
 * /dev: nodes of the registered char devices and disks, as they come and go, and what users make
 * there (links, directories).
 * Also there: /dev, /proc and /sys
 */
#pragma once
void devfs_init(void);
