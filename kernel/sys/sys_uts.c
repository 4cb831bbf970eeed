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
enum { SYSNAME, NODENAME, RELEASE, VERSION, MACHINE, DOMAINNAME, UTS_NAMES };
static char uts[UTS_NAMES][UTS_LEN] = {
	"Linux", /* what programs compare with: the ABI is Linux's */
	"ringlet", "6.1.0-ringlet", ("Ringlet " RINGLET_VERSION), "x86_64", "(none)",
};

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

SYSCALL(sethostname, set_name(uts[NODENAME], a[0], a[1]))
SYSCALL(setdomainname, set_name(uts[DOMAINNAME], a[0], a[1]))

static int show_name(struct seq_file *m)
{
	const struct pseudo_node *of = m->private;

	seq_printf(m, "%s\n", uts[of->entry->what]);
	return 0;
}

/* A line, cut to what fits, as sysctl's strings are. */
static int write_name(const struct pseudo_node *of, char *text, size_t len)
{
	const char *newline = memchr(text, '\n', len);
	char name[UTS_LEN] = "";

	memcpy(name, text, min(newline ? (size_t)(newline - text) : len, sizeof(name) - 1));
	memcpy(uts[of->entry->what], name, sizeof(name));
	return 0;
}

static int show_proc_version(struct seq_file *m)
{
	seq_printf(m, "%s version %s (ringlet@ringlet) (%s) %s\n", uts[SYSNAME], uts[RELEASE],
		   "compiler " __VERSION__, uts[VERSION]);
	return 0;
}

void uts_init(void)
{
	static struct pseudo_entry names[] = {
		{"ostype", S_IFREG | 0444, SYSNAME, .show = show_name},
		{"osrelease", S_IFREG | 0444, RELEASE, .show = show_name},
		{"version", S_IFREG | 0444, VERSION, .show = show_name},
		{"hostname", S_IFREG | 0644, NODENAME, .show = show_name, .write = write_name},
		{"domainname", S_IFREG | 0644, DOMAINNAME, .show = show_name, .write = write_name},
	};
	static struct pseudo_entry version = {"version", S_IFREG | 0444, .show = show_proc_version};

	pseudo_add(&proc_sys_kernel, names, ARRAY_SIZE(names));
	pseudo_add(&proc_fs.root, &version, 1);
}
