/* Memory: mmap, mprotect, mremap, brk, copy on write. */
#include "tests/user/tap.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define PAGE 4096
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

static sigjmp_buf out;

static void jump(int sig)
{
	siglongjmp(out, sig);
}

/* Touch a byte. Returns: the signal that it gave, or 0. */
static int touch(volatile char *p, int write)
{
	int sig;

	on_signal(SIGSEGV, jump, 0);
	on_signal(SIGBUS, jump, 0);
	sig = sigsetjmp(out, 1);
	if (sig)
		return sig;
	if (write)
		*p = *p + 1;
	else
		(void)*p;
	return 0;
}

static char *map(size_t pages)
{
	char *p = mmap(NULL, pages * PAGE, RW, ANON, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

TEST(fresh_memory_is_zero)
{
	char *p = map(100);
	int bad = 0;

	for (int i = 0; i < 100 * PAGE; i++)
		bad += p[i];
	CHECK(bad == 0);
	memset(p, 'x', 100 * PAGE);
	CHECK(munmap(p, 100 * PAGE) == 0);
	CHECK(touch(p, 0) == SIGSEGV);
	p = map(100);
	for (int i = 0; i < 100 * PAGE; i++)
		bad += p[i];
	CHECK(bad == 0);
}

TEST(mmap_arguments)
{
	int fd = open("/proc/self/exe", O_RDONLY), fds[2];

	FAILS(mmap(NULL, 0, RW, ANON, -1, 0), EINVAL);
	FAILS(mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
	FAILS(mmap(NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF);
	FAILS(syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 1), EINVAL);
	FAILS(mmap((char *)12345, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
	FAILS(mmap(NULL, 1ul << 50, RW, ANON, -1, 0), ENOMEM);
	FAILS(mmap((void *)0x7ffffffff000, 16 * PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	CHECK(pipe(fds) == 0);
	FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fds[0], 0), ENODEV);
	fd = open("/tmp", O_RDONLY);
	FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), ENODEV);
	fresh_dir();
	fd = open("f", O_WRONLY | O_CREAT, 0600);
	FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), EACCES);
	FAILS(munmap((char *)1, PAGE), EINVAL);
	FAILS(munmap(map(1), 0), EINVAL);
	CHECK(munmap((void *)0x10000000000, PAGE) == 0); /* nothing there: fine */
}

TEST(fixed_mappings_replace)
{
	char *p = map(4), *q;

	memset(p, 'x', 4 * PAGE);
	q = mmap(p + PAGE, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0);
	CHECK(q == p + PAGE && p[PAGE - 1] == 'x' && p[PAGE] == 0 && p[3 * PAGE - 1] == 0 &&
	      p[3 * PAGE] == 'x');
	FAILS(mmap(p, PAGE, RW, ANON | 0x100000, -1, 0), EEXIST);
	q = mmap(p, PAGE, RW, ANON, -1, 0); /* only a hint */
	CHECK(q != MAP_FAILED && q != p);
	CHECK(munmap(p + PAGE, PAGE) == 0 && touch(p + PAGE, 0) == SIGSEGV &&
	      touch(p + 2 * PAGE, 1) == 0);
	q = mmap(p + PAGE, PAGE, RW, ANON, -1, 0); /* a hint that can be followed */
	CHECK(q == p + PAGE);
}

TEST(private_file_mappings)
{
	char *p, *q;
	int fd;

	fresh_dir();
	fd = open("f", O_RDWR | O_CREAT, 0600);
	for (int i = 0; i < 3 * PAGE + 100; i += 4)
		write(fd, &i, 4);
	p = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0);
	q = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 2 * PAGE);
	close(fd);
	CHECK(*(int *)(p + PAGE) == PAGE && *(int *)q == 2 * PAGE);
	CHECK(p[3 * PAGE + 100] == 0 && p[4 * PAGE - 1] == 0); /* zero past the end */
	*(int *)(p + PAGE) = 99;
	fd = open("f", O_RDWR);
	lseek(fd, PAGE, SEEK_SET);
	int value = 0;
	CHECK(read(fd, &value, 4) == 4 && value == PAGE); /* the file is as it was */
	/* What is written to the file shows in pages that were not copied. */
	value = 123456;
	CHECK(pwrite(fd, &value, 4, 2 * PAGE) == 4);
	CHECK(*(int *)q == 123456 && *(int *)(p + PAGE) == 99);
	CHECK(unlink("f") == 0 && *(int *)(p + 8) == 8);
	CHECK(touch(q, 1) == SIGSEGV);
	p = mmap(NULL, 8 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(touch(p + 3 * PAGE, 0) == 0 && touch(p + 4 * PAGE, 0) == SIGBUS);
}

TEST(shared_file_mappings_are_readable)
{
	char *p;
	int fd;

	fresh_dir();
	write_file("f", "hello");
	fd = open("f", O_RDWR);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED && memcmp(p, "hello", 5) == 0);
	CHECK(pwrite(fd, "J", 1, 0) == 1 && p[0] == 'J');
	CHECK(IN_CHILD(CHECK(p[1] == 'e')) == 0);
}

TEST(protection)
{
	char *p = map(5);
	int fd;

	memset(p, 'x', 5 * PAGE);
	CHECK(mprotect(p + PAGE, 3 * PAGE, PROT_READ) == 0);
	CHECK(touch(p, 1) == 0 && touch(p + PAGE, 1) == SIGSEGV && touch(p + PAGE, 0) == 0);
	CHECK(mprotect(p + 2 * PAGE, PAGE, PROT_NONE) == 0);
	CHECK(touch(p + 2 * PAGE, 0) == SIGSEGV && touch(p + 3 * PAGE, 0) == 0);
	/* The kernel's own accesses obey too. */
	fresh_dir();
	fd = open("f", O_RDWR | O_CREAT, 0600);
	FAILS(write(fd, p + 2 * PAGE, 10), EFAULT);
	CHECK(write(fd, p + PAGE, 10) == 10 && lseek(fd, 0, SEEK_SET) == 0);
	FAILS(read(fd, p + PAGE, 10), EFAULT);
	FAILS(read(fd, p + 2 * PAGE, 10), EFAULT);
	CHECK(mprotect(p, 5 * PAGE, RW) == 0);
	CHECK(p[2 * PAGE] == 'x' && touch(p + 2 * PAGE, 1) == 0); /* nothing is lost */
	FAILS(syscall(SYS_mprotect, p + 1, PAGE, RW), EINVAL);
	FAILS(mprotect(p, PAGE, 0x100), EINVAL);
	CHECK(munmap(p + 2 * PAGE, PAGE) == 0);
	FAILS(mprotect(p, 5 * PAGE, RW), ENOMEM);
	CHECK(mprotect(p, 0, RW) == 0);
}

TEST(data_is_not_executed)
{
	unsigned char *p = (unsigned char *)map(1);

	memcpy(p, "\xb8\x2a\x00\x00\x00\xc3", 6); /* mov $42, %eax; ret */
	on_signal(SIGSEGV, jump, 0);
	if (!sigsetjmp(out, 1)) {
		((int (*)(void))(uintptr_t)p)();
		CHECK(!"executed");
	}
	CHECK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
	CHECK(((int (*)(void))(uintptr_t)p)() == 42);
}

TEST(copy_on_write_both_ways)
{
	char *p = map(50);
	int fds[2];
	char c;
	pid_t pid;

	memset(p, 'a', 50 * PAGE);
	CHECK(pipe(fds) == 0);
	CHILD(pid, read(fds[0], &c, 1); for (int i = 0; i < 50; i++) CHECK(p[i * PAGE] == 'a');
	      memset(p, 'c', 50 * PAGE); CHECK(IN_CHILD(CHECK(p[PAGE] == 'c'); p[PAGE] = 'd') == 0);
	      CHECK(p[PAGE] == 'c'));
	memset(p, 'b', 25 * PAGE);
	write(fds[1], "x", 1);
	CHECK(reap(pid) == 0);
	CHECK(p[0] == 'b' && p[24 * PAGE] == 'b' && p[25 * PAGE] == 'a' && p[50 * PAGE - 1] == 'a');
}

TEST(copy_on_write_by_the_kernel)
{
	char *p = map(1);
	int fds[2];

	p[0] = 'a';
	CHECK(pipe(fds) == 0 && write(fds[1], "z", 1) == 1);
	CHECK(IN_CHILD(CHECK(read(fds[0], p, 1) == 1 && p[0] == 'z')) == 0);
	CHECK(p[0] == 'a');
}

TEST(shared_memory_is_shared)
{
	int *p = mmap(NULL, 3 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED && p[0] == 0);
	CHECK(IN_CHILD(p[0] = 7; p[2 * PAGE / 4] = 8; CHECK(IN_CHILD(p[1] = 9) == 0)) == 0);
	CHECK(p[0] == 7 && p[1] == 9 && p[2 * PAGE / 4] == 8);
	CHECK(mprotect(p, PAGE, PROT_READ) == 0 && touch((char *)p, 1) == SIGSEGV);
	CHECK(mprotect(p, PAGE, RW) == 0 && touch((char *)p, 1) == 0);
	CHECK(madvise(p, PAGE, MADV_DONTNEED) == 0 && p[1] == 9);
	CHECK(munmap(p, 3 * PAGE) == 0);
}

/* A write whose memory ends gives what there is: of a file by bytes, of a pipe by pages. */
TEST(writes_end_where_memory_ends)
{
	char *p = map(2);
	struct iovec parts[2] = {{p + PAGE - 5, 5}, {p + PAGE, 5}};
	int fds[2], fd;

	memset(p, 'x', PAGE);
	CHECK(munmap(p + PAGE, PAGE) == 0);
	fresh_dir();
	fd = open("f", O_RDWR | O_CREAT, 0600);
	CHECK(write(fd, p + PAGE - 3, 10) == 3 && lseek(fd, 0, SEEK_END) == 3);
	FAILS(write(fd, p + PAGE, 10), EFAULT);
	CHECK(pwrite(fd, p, 2 * PAGE, 100) == PAGE && lseek(fd, 0, SEEK_END) == 100 + PAGE);
	CHECK(writev(fd, parts, 2) == 5 && lseek(fd, 0, SEEK_END) == 105 + PAGE);
	CHECK(pread(fd, p + PAGE - 3, 10, 0) == 3 && p[PAGE - 1] == 'x');
	CHECK(pipe(fds) == 0);
	FAILS(write(fds[1], p + PAGE - 3, 10), EFAULT);
	CHECK(write(fds[1], p, PAGE + 10) == PAGE);
	FAILS(read(fds[0], p + PAGE - 3, 10), EFAULT);
	CHECK(read(fds[0], p, PAGE) == PAGE); /* nothing was lost */
	CHECK(write(open("/dev/null", O_WRONLY), p + PAGE - 3, 10) == 10);
}

static char *set_break(char *to)
{
	return (char *)syscall(SYS_brk, to);
}

TEST(the_break_moves)
{
	char *start = set_break(NULL);

	CHECK(set_break(start + 100000) == start + 100000);
	memset(start, 'x', 100000);
	CHECK(set_break(NULL) == start + 100000);
	CHECK(set_break(start + 50000) == start + 50000);
	CHECK(touch(start + 40000, 1) == 0);
	CHECK(touch(start + 60000, 1) == SIGSEGV);
	CHECK(set_break(start + 100000) == start + 100000 && touch(start + 99000, 1) == 0);
	CHECK(start[60000] == 0); /* fresh again */
	/* What is impossible leaves it as it is. */
	CHECK(set_break((char *)1) == start + 100000);
	CHECK(set_break((char *)0x7fffffffffff) == start + 100000);
}

TEST(mremap_keeps_contents)
{
	char *p = map(10), *q, *wall;

	for (int i = 0; i < 10; i++)
		p[i * PAGE] = (char)('a' + i);
	q = mremap(p, 10 * PAGE, 4 * PAGE, 0);
	CHECK(q == p && touch(p + 4 * PAGE, 0) == SIGSEGV && p[3 * PAGE] == 'd');
	wall = mmap(p + 4 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	CHECK(wall == p + 4 * PAGE);
	wall[0] = 1; /* not to be joined with what is before it in the way of the growth */
	FAILS(mremap(p, 4 * PAGE, 20 * PAGE, 0), ENOMEM);
	q = mremap(p, 4 * PAGE, 20 * PAGE, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED && q != p);
	for (int i = 0; i < 4; i++)
		CHECK(q[i * PAGE] == 'a' + i);
	CHECK(q[4 * PAGE] == 0 && touch(q + 20 * PAGE - 1, 1) == 0);
	CHECK(touch(p, 0) == SIGSEGV && wall[0] == 1);
	FAILS(mremap(q + 1, PAGE, PAGE, 0), EINVAL);
	FAILS(mremap(q, PAGE, 0, 0), EINVAL);
	FAILS(mremap((void *)0x10000000000, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
	CHECK(mremap(q, 20 * PAGE, 20 * PAGE, 0) == q);
}

TEST(dontneed_drops)
{
	char *p = map(4);

	memset(p, 'x', 4 * PAGE);
	CHECK(madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
	CHECK(p[0] == 'x' && p[PAGE] == 0 && p[3 * PAGE - 1] == 0 && p[3 * PAGE] == 'x');
	FAILS(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
	CHECK(madvise(p, PAGE, MADV_WILLNEED) == 0);
}

static int deep(int n)
{
	volatile char room[8192];

	room[0] = room[8191] = (char)n;
	return n == 0 ? 0 : deep(n - 1) + (room[0] != room[8191]);
}

TEST(stack_grows)
{
	CHECK(deep(700) == 0); /* 5.6 of 8 MiB */
	CHECK(WTERMSIG(IN_CHILD(deep(1 << 20))) == SIGSEGV);
}

TEST(many_mappings)
{
	char *pages[200];

	for (int i = 0; i < 200; i++) {
		pages[i] = map(3);
		pages[i][0] = (char)i;
		CHECK(munmap(pages[i] + PAGE, PAGE) == 0);
	}
	CHECK(IN_CHILD(for (int i = 0; i < 200; i++) CHECK(pages[i][0] == (char)i)) == 0);
	for (int i = 0; i < 200; i += 2)
		CHECK(munmap(pages[i], 3 * PAGE) == 0);
	for (int i = 1; i < 200; i += 2)
		CHECK(pages[i][0] == (char)i && touch(pages[i] + PAGE, 0) == SIGSEGV);
}

static int lines_of(const char *name)
{
	static char buf[65536];
	int fd = open(name, O_RDONLY), lines = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
	CHECK(n == 0);
	close(fd);
	return lines;
}

/* Linux's limit. What is cut counts; what is joined does not. */
TEST(the_number_of_mappings_is_limited)
{
	char *p = mmap(NULL, 140000ul * PAGE, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	int max = 65530, n = 0;
	FILE *f = fopen("/proc/sys/vm/max_map_count", "r");

	if (f && fscanf(f, "%d", &max) == 1 && max > 69000)
		return; /* this Linux allows more */
	CHECK(p != MAP_FAILED);
	while (n < 69000 && mprotect(p + 2l * n * PAGE, PAGE, PROT_READ) == 0)
		n++;
	CHECK(errno == ENOMEM && n > max / 2 - 50 && n <= max / 2);
	FAILS(munmap(p + 138001l * PAGE, PAGE), ENOMEM);
	/* A new mapping may be one more than a cut. */
	(void)mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	FAILS(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), ENOMEM);
	CHECK(lines_of("/proc/self/maps") > max - 10 && lines_of("/proc/self/maps") < max + 10);
	CHECK(mprotect(p, 100 * PAGE, PROT_NONE) == 0);
	CHECK(munmap(p + 138001l * PAGE, PAGE) == 0);
	CHECK(munmap(p, 140000ul * PAGE) == 0 && touch(map(1), 1) == 0);
}

TEST(proc_maps_tells)
{
	char line[512], want[64];
	char *p = map(7);
	int found = 0;
	FILE *f;

	CHECK(mprotect(p, 7 * PAGE, PROT_READ | PROT_EXEC) == 0);
	snprintf(want, sizeof(want), "%08lx-%08lx r-xp 00000000 00:00 0", (long)p,
		 (long)p + 7 * PAGE);
	f = fopen("/proc/self/maps", "r");
	CHECK(f != NULL);
	while (f && fgets(line, sizeof(line), f)) {
		found |= strncmp(line, want, strlen(want)) == 0;
		found |= strstr(line, "[stack]") ? 2 : 0;
		found |= strstr(line, "t_memory") && strstr(line, "r-xp") ? 4 : 0;
	}
	CHECK(found == 7);
}

int main(int argc, char **argv)
{
	return run_tests(argc, argv);
}
