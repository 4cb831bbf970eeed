/*
 * What the machine is called: uname(2) and its kin, and the same names below /proc.
 * Also there: the machine's name
 */
#include "fs/fs_struct.h"
#include "fs/pseudo/procfs.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sys/syscall.h"
#include "version.h"

/* Linux include/uapi/linux/utsname.h */
#define UTS_LEN 65
static struct {
	char sysname[UTS_LEN], nodename[UTS_LEN], release[UTS_LEN], version[UTS_LEN],
		machine[UTS_LEN], domainname[UTS_LEN];
} uts = {"Linux", /* what programs compare with: the ABI is Linux's */
	 "ringlet", "6.1.0-ringlet", "Ringlet " RINGLET_VERSION, "x86_64", "(none)"};

SYSCALL(uname, put_user_obj(USERPTR(a[0]), &uts))

static s64 set_name(char *place, u64 ptr, u64 len)
{
	char name[UTS_LEN] = "";

	if (current_cred()->euid != 0)
		return -EPERM;
	if ((u32)len >= UTS_LEN)
		return -EINVAL;
	if (copy_from_user(name, USERPTR(ptr), (u32)len))
		return -EFAULT;
	memcpy(place, name, sizeof(name));
	return 0;
}

SYSCALL(sethostname, set_name(uts.nodename, a[0], a[1]))
SYSCALL(setdomainname, set_name(uts.domainname, a[0], a[1]))

/* A line, cut to what fits, as sysctl's strings are. */
static int write_name(char *place, const char *text, size_t len)
{
	const char *newline = memchr(text, '\n', len);
	char name[UTS_LEN] = "";

	memcpy(name, text, min(newline ? (size_t)(newline - text) : len, sizeof(name) - 1));
	memcpy(place, name, sizeof(name));
	return 0;
}

#define SHOW(field)                                 \
	static int show_##field(struct seq_file *m) \
	{                                           \
		seq_printf(m, "%s\n", uts.field);   \
		return 0;                           \
	}
#define WRITE(field)                                                                   \
	static int write_##field(const struct pseudo_node *of, char *text, size_t len) \
	{                                                                              \
		(void)of;                                                              \
		return write_name(uts.field, text, len);                               \
	}
SHOW(sysname)
SHOW(release)
SHOW(version)
SHOW(nodename)
SHOW(domainname)
WRITE(nodename)
WRITE(domainname)

static int show_proc_version(struct seq_file *m)
{
	seq_printf(m, "%s version %s (ringlet@ringlet) (%s) %s\n", uts.sysname, uts.release,
		   "compiler " __VERSION__, uts.version);
	return 0;
}

void uts_init(void)
{
	static struct pseudo_entry names[] = {
		{"ostype", S_IFREG | 0444, .show = show_sysname},
		{"osrelease", S_IFREG | 0444, .show = show_release},
		{"version", S_IFREG | 0444, .show = show_version},
		{"hostname", S_IFREG | 0644, .show = show_nodename, .write = write_nodename},
		{"domainname", S_IFREG | 0644, .show = show_domainname, .write = write_domainname},
	};
	static struct pseudo_entry version = {"version", S_IFREG | 0444, .show = show_proc_version};

	pseudo_add(&proc_sys_kernel, names, ARRAY_SIZE(names));
	pseudo_add(&proc_fs.root, &version, 1);
}
