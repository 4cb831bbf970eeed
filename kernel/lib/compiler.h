/*
 * Compiler attributes and the few macros that every file uses.
 * Also there: words for the compiler
 */
#pragma once

#define must_check	       __attribute__((warn_unused_result))
#define __noreturn	       __attribute__((__noreturn__))
#define __packed	       __attribute__((__packed__))
#define __aligned(n)	       __attribute__((__aligned__(n)))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define noinline	       __attribute__((__noinline__))
#define __maybe_unused	       __attribute__((__unused__))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - __builtin_offsetof(type, member)))
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))
#define ALIGN_UP(x, a)	   (((x) + ((a)-1)) & ~((__typeof__(x))(a)-1))
#define ALIGN_DOWN(x, a)   ((x) & ~((__typeof__(x))(a)-1))
#define IS_ALIGNED(x, a)   (((x) & ((__typeof__(x))(a)-1)) == 0)

#define min(a, b)                              \
	({                                     \
		__typeof__(a) min_a = (a);     \
		__typeof__(b) min_b = (b);     \
		min_a < min_b ? min_a : min_b; \
	})
#define max(a, b)                              \
	({                                     \
		__typeof__(a) max_a = (a);     \
		__typeof__(b) max_b = (b);     \
		max_a > max_b ? max_a : max_b; \
	})

/* Forbid the compiler to move or merge memory accesses across this point. */
#define barrier() __asm__ __volatile__("" ::: "memory")
/* Exactly one access of the given size, never torn, repeated or cached. */
#define READ_ONCE(x)	   (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, val) (*(volatile __typeof__(x) *)&(x) = (val))
