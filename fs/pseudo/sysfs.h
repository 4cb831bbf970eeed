/*
 * /sys: block devices and their settings, as files.
 * Also there: /dev, /proc and /sys
 */
#pragma once

void sysfs_init(void);
