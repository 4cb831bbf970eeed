/* What uname(2) tells. Linux include/uapi/linux/utsname.h */
#pragma once

#include "kernel/lib/types.h"

#define UTS_LEN 65
struct uts_name {
	char sysname[UTS_LEN], nodename[UTS_LEN], release[UTS_LEN], version[UTS_LEN],
		machine[UTS_LEN], domainname[UTS_LEN];
};
extern struct uts_name uts;
