/* The kernel heap on malloc, so that the address sanitizer sees every overrun and leak. */
#include "tests/host/fakes/fail.h"
#include "tests/host/host.h"

#include "kernel/mm/kmalloc.h"

#define KMALLOC_MAX (1u << 20)

static size_t live;

static size_t alignment(size_t size)
{
	return size > 16 && size <= 4096 && (size & (size - 1)) == 0 ? size : 16;
}

void *kmalloc(size_t size, gfp_t gfp)
{
	void *p;

	if (size == 0 || size > KMALLOC_MAX || fake_should_fail())
		return NULL;
	if (posix_memalign(&p, alignment(size), size) != 0)
		return NULL;
	/* The kernel's memory is not zero either. */
	memset(p, gfp & GFP_ZERO ? 0 : 0xa5, size);
	live++;
	return p;
}

void *kzalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp | GFP_ZERO);
}

void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		return NULL;
	return kzalloc(total, gfp);
}

char *kstrdup(const char *s, gfp_t gfp)
{
	size_t size = strlen(s) + 1;
	char *copy = kmalloc(size, gfp);

	if (copy)
		memcpy(copy, s, size);
	return copy;
}

void kfree(const void *p)
{
	if (!p)
		return;
	live--;
	free((void *)(uintptr_t)p);
}

size_t fake_kmalloc_live(void)
{
	return live;
}
