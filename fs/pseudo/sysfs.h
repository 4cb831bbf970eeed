/* /sys: block devices and their settings, as files. */
#pragma once

void sysfs_init(void);
