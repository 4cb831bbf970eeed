/* Which system calls sysfuzz makes, and arguments that are plausible for each. */
#define _GNU_SOURCE
#include "tests/fuzz/sysfuzz.h"

#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LAST_CALL  460
#define ARENA	   (1 << 20)
#define SCRATCH	   (4 << 20)
#define FIRST_FD   3
#define UNUSED_PID 4000000

static uint64_t state;
static char *arena;   /* buffers and structures, half of them random */
static char *scratch; /* addresses to map and unmap; nothing else lies there */

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dull;
}

uint64_t below(uint64_t n)
{
	return (rnd() >> 16) % n;
}

/*
 * Arguments by letter: d descriptor, p path, b buffer, n size, o offset, f flags, i small number,
 * m mode, g signal, w process, t struct of times, v iovecs, y page to map over, x anything.
 */
static const struct {
	short nr;
	const char *args;
} calls[] = {
	{SYS_read, "dbn"},
	{SYS_write, "dbn"},
	{SYS_open, "pfm"},
	{SYS_close, "d"},
	{SYS_stat, "pb"},
	{SYS_fstat, "db"},
	{SYS_lstat, "pb"},
	{SYS_poll, "bii"},
	{SYS_lseek, "doi"},
	{SYS_mmap, "ynifdo"},
	{SYS_mprotect, "yni"},
	{SYS_munmap, "yn"},
	{SYS_rt_sigaction, "gbbi"},
	{SYS_rt_sigprocmask, "ibbi"},
	{SYS_ioctl, "dfb"},
	{SYS_pread64, "dbno"},
	{SYS_pwrite64, "dbno"},
	{SYS_readv, "dvi"},
	{SYS_writev, "dvi"},
	{SYS_access, "pi"},
	{SYS_pipe, "b"},
	{SYS_select, "ibbbt"},
	{SYS_mremap, "ynniy"},
	{SYS_msync, "yni"},
	{SYS_mincore, "ynb"},
	{SYS_madvise, "yni"},
	{SYS_dup, "d"},
	{SYS_dup2, "dd"},
	{SYS_nanosleep, "tb"},
	{SYS_getitimer, "ib"},
	{SYS_setitimer, "ibb"},
	{SYS_sendfile, "ddbn"},
	{SYS_execve, "pbb"},
	{SYS_wait4, "wbib"},
	{SYS_uname, "b"},
	{SYS_fcntl, "dix"},
	{SYS_flock, "di"},
	{SYS_fsync, "d"},
	{SYS_truncate, "po"},
	{SYS_ftruncate, "do"},
	{SYS_getdents64, "dbn"},
	{SYS_getcwd, "bn"},
	{SYS_chdir, "p"},
	{SYS_fchdir, "d"},
	{SYS_rename, "pp"},
	{SYS_mkdir, "pm"},
	{SYS_rmdir, "p"},
	{SYS_creat, "pm"},
	{SYS_link, "pp"},
	{SYS_unlink, "p"},
	{SYS_symlink, "pp"},
	{SYS_readlink, "pbn"},
	{SYS_chmod, "pm"},
	{SYS_fchmod, "dm"},
	{SYS_chown, "pii"},
	{SYS_fchown, "dii"},
	{SYS_lchown, "pii"},
	{SYS_getrlimit, "ib"},
	{SYS_getrusage, "ib"},
	{SYS_sysinfo, "b"},
	{SYS_times, "b"},
	{SYS_setpgid, "ww"},
	{SYS_getgroups, "ib"},
	{SYS_setresuid, "iii"},
	{SYS_rt_sigpending, "bi"},
	{SYS_rt_sigtimedwait, "bbti"},
	{SYS_sigaltstack, "bb"},
	{SYS_utime, "pb"},
	{SYS_mknod, "pmx"},
	{SYS_statfs, "pb"},
	{SYS_fstatfs, "db"},
	{SYS_getpriority, "iw"},
	{SYS_setpriority, "iwi"},
	{SYS_sched_setaffinity, "wib"},
	{SYS_sched_getaffinity, "wib"},
	{SYS_prctl, "ibbbb"},
	{SYS_futex, "bfitbi"},
	{SYS_io_setup, "ib"},
	{SYS_io_submit, "xib"},
	{SYS_io_getevents, "xiibt"},
	{SYS_clock_gettime, "ib"},
	{SYS_clock_nanosleep, "iitb"},
	{SYS_tgkill, "wwg"},
	{SYS_kill, "wg"},
	{SYS_utimes, "pb"},
	{SYS_waitid, "iwbib"},
	{SYS_openat, "dpfm"},
	{SYS_mkdirat, "dpm"},
	{SYS_mknodat, "dpmx"},
	{SYS_fchownat, "dpiii"},
	{SYS_newfstatat, "dpbf"},
	{SYS_unlinkat, "dpf"},
	{SYS_renameat, "dpdp"},
	{SYS_linkat, "dpdpf"},
	{SYS_symlinkat, "pdp"},
	{SYS_readlinkat, "dpbn"},
	{SYS_fchmodat, "dpm"},
	{SYS_faccessat, "dpi"},
	{SYS_pselect6, "ibbbtb"},
	{SYS_ppoll, "bitbi"},
	{SYS_splice, "dbdbni"},
	{SYS_sync_file_range, "doni"},
	{SYS_utimensat, "dpbf"},
	{SYS_fallocate, "dioo"},
	{SYS_eventfd2, "if"},
	{SYS_dup3, "ddf"},
	{SYS_pipe2, "bf"},
	{SYS_preadv, "dvio"},
	{SYS_pwritev, "dvio"},
	{SYS_prlimit64, "wibb"},
	{SYS_renameat2, "dpdpi"},
	{SYS_getrandom, "bni"},
	{SYS_execveat, "dpbbi"},
	{SYS_copy_file_range, "dbdbni"},
	{SYS_preadv2, "dvioii"},
	{SYS_pwritev2, "dvioii"},
	{SYS_statx, "dpffb"},
	{SYS_close_range, "ddi"},
	{SYS_faccessat2, "dpif"},
};
#define NR_CALLS (sizeof(calls) / sizeof(calls[0]))

/* They would end the run, stop the worker for good, or reach beyond it. */
static int left_out(long nr)
{
	static const short numbers[] = {
		SYS_exit,
		SYS_exit_group,
		SYS_rt_sigreturn,
		SYS_rt_sigsuspend,
		SYS_pause,
		SYS_vfork,
		SYS_fork,
		SYS_clone,
		SYS_clone3,
		SYS_reboot,
		SYS_mount,
		SYS_umount2,
		SYS_chroot,
		SYS_pivot_root,
		SYS_swapon,
		SYS_swapoff,
		SYS_syslog,
		SYS_settimeofday,
		SYS_clock_settime,
		SYS_adjtimex,
		SYS_clock_adjtime,
		SYS_sethostname,
		SYS_setdomainname,
		SYS_ptrace,
		SYS_setsid,
		SYS_kexec_load,
		SYS_init_module,
		SYS_delete_module,
		SYS_acct,
		SYS_vhangup,
		SYS_tkill,
		SYS_rt_sigqueueinfo,
		SYS_rt_tgsigqueueinfo,
		SYS_iopl,
		SYS_ioperm,
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i] == nr)
			return 1;
	return nr >= 428 && nr <= 433; /* the new calls on mounts */
}

static const char *const paths[] = {
	"a",
	"b",
	"c",
	"d",
	"d/a",
	"d/b",
	"d/d",
	"fifo",
	"link",
	"loop",
	"d/../a",
	".",
	"..",
	"",
	"/",
	"none/x",
	"a/x",
	"/proc/self/maps",
	"/proc/self/fd",
	"/proc/self/status",
	"/proc/self/fd/5",
	"/proc/meminfo",
	"/proc/self/comm",
	"/dev/null",
	"/dev/zero",
	"/dev/urandom",
	"/sys/block",
	"./long-name-long-name-long-name-long-name-long-name-long-name",
};

/* Changes happen below the current directory only. */
static int changes(long nr)
{
	switch (nr) {
	case SYS_chmod:
	case SYS_chown:
	case SYS_lchown:
	case SYS_fchmodat:
	case SYS_fchownat:
	case SYS_fchmod:
	case SYS_fchown:
	case SYS_rename:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_unlink:
	case SYS_unlinkat:
	case SYS_rmdir:
	case SYS_chdir:
	case SYS_fchdir:
		return 1;
	default:
		return 0;
	}
}

static uint64_t wild(void)
{
	static const uint64_t pointers[] = {
		0,
		8,
		0xfff,
		0x7ffffffff000,
		0x7fffffffffff,
		0x800000000000,
		0xffff888000000000,
		0xffffffff80100000,
		~0ull,
		0xdeadbeefdeadbeef,
	};

	return pointers[below(sizeof(pointers) / sizeof(pointers[0]))];
}

static uint64_t number(void)
{
	switch (below(6)) {
	case 0:
		return below(8);
	case 1:
		return 1ull << below(64);
	case 2:
		return (1ull << below(64)) - 1;
	case 3:
		return -below(200);
	case 4:
		return below(1 << 16);
	default:
		return rnd();
	}
}

static uint64_t in_arena(void)
{
	/* Sometimes it runs over the end. */
	return (uint64_t)(arena + (below(8) ? below(ARENA) & ~7ull : ARENA - below(64)));
}

static uint64_t argument(char kind, long nr)
{
	struct timespec *times;

	switch (kind) {
	case 'd':
		return below(8) ? FIRST_FD + below(12) : number();
	case 'p':
		return below(20) ? (uint64_t)paths[below(
					   changes(nr) ? 11 : sizeof(paths) / sizeof(paths[0]))] :
				   wild();
	case 'b':
		return below(8) ? in_arena() : below(4) ? 0 : wild();
	case 'n':
		return below(8) ? below(20000) : number();
	case 'o':
		return below(4) ? below(1 << 20) : number();
	case 'f':
		return below(3) ? 1ull << below(24) | 1ull << below(24) | below(4) : number();
	case 'i':
		return below(8) ? below(20) : number();
	case 'm':
		return below(4) ? below(01000) : 1ull << (12 + below(4)) | below(010000);
	case 'g':
		return below(8) ? (below(2) ? SIGURG : 0) : below(70);
	case 'y':
		return (uint64_t)(scratch + (below(SCRATCH) & ~4095ull)) + (below(20) ? 0 : 8);
	case 'w':
		return below(3) ? 0 : below(2) ? (uint64_t)getpid() : UNUSED_PID + below(1000);
	case 't':
		times = (void *)in_arena();
		if ((char *)(times + 2) <= arena + ARENA)
			times[0] = times[1] = (struct timespec){0, (long)below(2000000)};
		return (uint64_t)times;
	default:
		return below(2) ? number() : below(2) ? in_arena() : wild();
	}
}

/* iovecs in the arena. */
static uint64_t iovecs(void)
{
	uint64_t *at = (uint64_t *)(arena + (below(ARENA / 2) & ~7ull));

	for (int i = 0; i < 40; i += 2) {
		at[i] = below(8) ? in_arena() : wild();
		at[i + 1] = below(20) ? below(5000) : number();
	}
	return (uint64_t)at;
}

void one_call(void)
{
	const char *args = "xxxxxx";
	uint64_t a[6] = {0};
	long nr;

	if (below(4)) {
		size_t i = below(NR_CALLS);

		nr = calls[i].nr;
		args = calls[i].args;
	} else {
		do
			nr = (long)below(LAST_CALL);
		while (left_out(nr));
		for (size_t i = 0; i < NR_CALLS; i++)
			if (calls[i].nr == nr)
				args = calls[i].args;
	}
	for (int i = 0; args[i]; i++)
		a[i] = args[i] == 'v'		   ? iovecs() :
		       below(25) || args[i] == 'w' ? argument(args[i], nr) :
						     number();
	syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int calls_start(uint64_t seed)
{
	state = seed;
	arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	scratch = mmap(NULL, SCRATCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED || scratch == MAP_FAILED)
		return -1;
	for (int i = 0; i < ARENA; i += 8)
		*(uint64_t *)(arena + i) = i & 64 ? number() : below(16);
	return 0;
}
