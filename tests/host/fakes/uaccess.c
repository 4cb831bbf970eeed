/* User memory is the test's own; one range of it may be declared a hole. */
#include "tests/host/host.h"

#include "kernel/lib/errno.h"
#include "kernel/mm/gup.h"
#include "kernel/mm/uaccess.h"

static u64 hole_start, hole_end;

void fake_user_hole(const void *start, size_t len)
{
	hole_start = (u64)(uintptr_t)start;
	hole_end = hole_start + len;
}

/* How many bytes can be touched from p on. */
static size_t reachable(userptr_t p, size_t len)
{
	if (hole_end == hole_start || p.v >= hole_end || p.v + len <= hole_start)
		return len;
	return p.v >= hole_start ? 0 : hole_start - p.v;
}

static void *pointer(userptr_t p)
{
	return (void *)(uintptr_t)p.v;
}

bool access_ok(userptr_t p, size_t len)
{
	return p.v + len >= p.v && p.v + len < 1ull << 47;
}

size_t copy_from_user_inatomic(void *dst, userptr_t src, size_t len)
{
	size_t n = reachable(src, len);

	memcpy(dst, pointer(src), n);
	return len - n;
}

size_t copy_from_user_gather(void *dst, const u64 *ptrs, size_t n, size_t size)
{
	size_t i = 0;

	while (i < n &&
	       copy_from_user_inatomic((char *)dst + i * size, USERPTR(ptrs[i]), size) == 0)
		i++;
	return i;
}

int copy_from_user(void *dst, userptr_t src, size_t len)
{
	return copy_from_user_inatomic(dst, src, len) ? -EFAULT : 0;
}

int copy_to_user(userptr_t dst, const void *src, size_t len)
{
	size_t n = reachable(dst, len);

	memcpy(pointer(dst), src, n);
	return n < len ? -EFAULT : 0;
}

int clear_user(userptr_t dst, size_t len)
{
	size_t n = reachable(dst, len);

	memset(pointer(dst), 0, n);
	return n < len ? -EFAULT : 0;
}

ssize_t strncpy_from_user(char *dst, userptr_t src, size_t size)
{
	ssize_t len = strnlen_user(src, size);

	if (len == -E2BIG || len == (ssize_t)size)
		return -ENAMETOOLONG;
	if (len >= 0)
		memcpy(dst, pointer(src), (size_t)len + 1);
	return len;
}

ssize_t strnlen_user(userptr_t s, size_t max)
{
	for (size_t n = 0; n < max; n++) {
		if (reachable(USERPTR(s.v + n), 1) == 0)
			return -EFAULT;
		if (((const char *)pointer(s))[n] == '\0')
			return (ssize_t)n;
	}
	return -E2BIG;
}

int fault_in_user(userptr_t p, size_t len, bool write)
{
	(void)write;
	return reachable(p, len) ? 0 : -EFAULT;
}

/* Only memory of fakes/page.c has pages. */
int pin_user_page(userptr_t p, bool write, struct page **page)
{
	(void)write;
	*page = reachable(p, 1) ? virt_to_page(pointer(p)) : NULL;
	if (!*page)
		return -EFAULT;
	get_page(*page);
	return 0;
}
