/*
 * System calls on the whole machine.
 * Also there: calls on the whole machine
 */
#include "drivers/char/random.h"
#include "fs/cache/pagemap.h"
#include "fs/fs_struct.h"
#include "fs/super.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/power.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process.h"
#include "kernel/sched/tick.h"
#include "kernel/sched/wait.h"
#include "kernel/sys/syscall.h"

/* Linux include/uapi/linux/sysinfo.h */
struct sysinfo_k {
	s64 uptime;
	u64 loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	u16 procs, pad;
	u32 pad2;
	u64 totalhigh, freehigh;
	u32 mem_unit, pad3;
};
static_assert(sizeof(struct sysinfo_k) == 112, "struct sysinfo");

s64 sys_sysinfo(const u64 *a)
{
	struct sysinfo_k info = {.uptime = (s64)(ktime_get_ns() / NSEC_PER_SEC),
				 .procs = (u16)process_count(),
				 .mem_unit = 1};
	struct mm_stats mm;

	mm_get_stats(&mm);
	sched_loadavg(info.loads);
	for (int i = 0; i < 3; i++)
		info.loads[i] <<= 5; /* 1/2048 to 1/65536 */
	info.totalram = mm.total_pages << PAGE_SHIFT;
	info.freeram = mm.free_pages << PAGE_SHIFT;
	return put_user_obj(USERPTR(a[0]), &info);
}

/* syslog(2) */
enum {
	SYSLOG_CLOSE,
	SYSLOG_OPEN,
	SYSLOG_READ,
	SYSLOG_READ_ALL,
	SYSLOG_READ_CLEAR,
	SYSLOG_CLEAR,
	SYSLOG_CONSOLE_OFF,
	SYSLOG_CONSOLE_ON,
	SYSLOG_CONSOLE_LEVEL,
	SYSLOG_SIZE_UNREAD,
	SYSLOG_SIZE_BUFFER,
};
#define SYSLOG_POLL_NS (100 * NSEC_PER_MSEC)

static s64 syslog_read(int type, u64 ptr, s32 len)
{
	size_t n = min((size_t)len, printk_log_size());
	char *buf;
	s64 ret;

	if (!ptr || len < 0)
		return -EINVAL;
	if (!len || !access_ok(USERPTR(ptr), (u64)len))
		return len ? -EFAULT : 0;
	/* printk cannot wake anybody: the scheduler prints, too. */
	while (type == SYSLOG_READ && !printk_read(NULL, 1))
		if (thread_sleep_ns(SYSLOG_POLL_NS, true))
			return -ERESTARTSYS;
	buf = kmalloc(n, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	n = type == SYSLOG_READ ? printk_read(buf, n) :
				  printk_read_all(buf, n, type == SYSLOG_READ_CLEAR);
	ret = copy_to_user(USERPTR(ptr), buf, n) ? -EFAULT : (s64)n;
	kfree(buf);
	return ret;
}

static s64 syslog_set_level(int level)
{
	if (level < 1 || level > KERN_LEVELS)
		return -EINVAL;
	WRITE_ONCE(console_printk[0], max(level, console_printk[2]));
	return 0;
}

s64 sys_syslog(const u64 *a)
{
	static int saved_level; /* 0: the console was not switched off */
	int type = (int)a[0];

	if (type != SYSLOG_READ_ALL && type != SYSLOG_SIZE_BUFFER && current_cred()->euid != 0)
		return -EPERM;
	switch (type) {
	case SYSLOG_CLOSE:
	case SYSLOG_OPEN:
		return 0;
	case SYSLOG_READ:
	case SYSLOG_READ_ALL:
	case SYSLOG_READ_CLEAR:
		return syslog_read(type, a[1], (s32)a[2]);
	case SYSLOG_CLEAR:
		(void)printk_read_all(NULL, 0, true);
		return 0;
	case SYSLOG_CONSOLE_OFF:
		saved_level = saved_level ? saved_level : console_printk[0];
		return syslog_set_level(console_printk[2]);
	case SYSLOG_CONSOLE_ON:
		if (saved_level)
			WRITE_ONCE(console_printk[0], saved_level);
		saved_level = 0;
		return 0;
	case SYSLOG_CONSOLE_LEVEL:
		if (!syslog_set_level((s32)a[2]))
			return saved_level = 0;
		return -EINVAL;
	case SYSLOG_SIZE_UNREAD:
		return (s64)printk_read(NULL, ~0ul);
	case SYSLOG_SIZE_BUFFER:
		return (s64)printk_log_size();
	default:
		return -EINVAL;
	}
}

SYSCALL(sync, (sync_all(), 0))
SYSCALL(mount, current_cred()->euid ? -EPERM :
				      do_mount(arg_path(a[0]), arg_path(a[1]), arg_path(a[2]),
					       (u32)a[3], arg_path(a[4])))
SYSCALL(umount2, current_cred()->euid ? -EPERM : do_umount(arg_path(a[0]), (u32)a[1]))

#define REBOOT_MAGIC1	 0xfee1deadu
#define REBOOT_MAGIC2	 672274793u
#define REBOOT_RESTART	 0x01234567u
#define REBOOT_HALT	 0xcdef0123u
#define REBOOT_POWER_OFF 0x4321fedcu
#define REBOOT_CAD_OFF	 0u
#define REBOOT_CAD_ON	 0x89abcdefu

s64 sys_reboot(const u64 *a)
{
	u32 cmd = (u32)a[2];

	if (current_cred()->euid != 0)
		return -EPERM;
	if ((u32)a[0] != REBOOT_MAGIC1 || (u32)a[1] != REBOOT_MAGIC2)
		return -EINVAL;
	if (cmd == REBOOT_CAD_OFF || cmd == REBOOT_CAD_ON)
		return 0;
	if (cmd != REBOOT_RESTART && cmd != REBOOT_HALT && cmd != REBOOT_POWER_OFF)
		return -EINVAL;
	/* Linux leaves this to the caller; losing files is no lesson worth teaching. What nobody
	 * has open any more is freed, if it was deleted. */
	process_end_all();
	super_emergency_remount_ro();
	if (cmd == REBOOT_RESTART) {
		printk("reboot: restarting\n");
		power_reset();
	}
	if (cmd == REBOOT_POWER_OFF) {
		printk("reboot: power down\n");
		power_off();
	}
	printk("reboot: system halted\n");
	power_halt();
}

s64 sys_getrandom(const u64 *a)
{
	u8 buf[256];
	u64 done = 0;

	if (a[2] & ~7ull)
		return -EINVAL;
	while (done < a[1] && !(done && signal_pending())) {
		size_t n = min(a[1] - done, sizeof(buf));

		get_random_bytes(buf, n);
		if (copy_to_user(USERPTR(a[0] + done), buf, n))
			return done ? (s64)done : -EFAULT;
		done += n;
	}
	return (s64)done;
}
