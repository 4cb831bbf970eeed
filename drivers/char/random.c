/*
 * Random bytes: ChaCha20 with fast key erasure (RFC 8439 §2.3 for the block function).
 *
 * Invariants:
 * 1. Each request replaces the key before anything is handed out, so that who reads the memory
 *    later cannot tell what was handed out before.
 * 2. Events are only added to the key; a known one takes nothing away.
 * Also there: terminals and character devices
 */
#include "drivers/char/random.h"

#include "drivers/char/char_internal.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/cpu.h"
#include "kernel/arch/irq.h"
#include "kernel/lib/string.h"
#include "kernel/sched/spinlock.h"

#define KEY_WORDS    8
#define BLOCK_WORDS  16
#define VECTORS	     256u
#define CPUID_RDRAND (1u << 30) /* leaf 1, ECX */

static struct spinlock random_lock = SPINLOCK_INIT("random", LOCK_ANY);
static u32 key[KEY_WORDS]; /* [random_lock] */
static u32 mix_pos;	   /* [random_lock] */
static bool has_rdrand;	   /* [const after boot] */

static u32 rotl(u32 v, int n)
{
	return v << n | v >> (32 - n);
}

static void quarter_round(u32 *s, int a, int b, int c, int d)
{
	s[a] += s[b], s[d] = rotl(s[d] ^ s[a], 16);
	s[c] += s[d], s[b] = rotl(s[b] ^ s[c], 12);
	s[a] += s[b], s[d] = rotl(s[d] ^ s[a], 8);
	s[c] += s[d], s[b] = rotl(s[b] ^ s[c], 7);
}

static void chacha20_block(const u32 k[KEY_WORDS], u64 counter, u32 out[BLOCK_WORDS])
{
	u32 in[BLOCK_WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

	memcpy(&in[4], k, KEY_WORDS * sizeof(*k));
	in[12] = (u32)counter;
	in[13] = (u32)(counter >> 32);
	memcpy(out, in, sizeof(in));
	for (int i = 0; i < 10; i++) {
		for (int c = 0; c < 4; c++)
			quarter_round(out, c, 4 + c, 8 + c, 12 + c);
		for (int c = 0; c < 4; c++)
			quarter_round(out, c, 4 + (c + 1) % 4, 8 + (c + 2) % 4, 12 + (c + 3) % 4);
	}
	for (int i = 0; i < BLOCK_WORDS; i++)
		out[i] += in[i];
}

/* A word from the processor, or 0 if it has none (now). SDM vol. 1, 7.3.17. */
static u64 cpu_random(void)
{
	u64 v = 0;
	bool ok = false;

	for (int i = 0; has_rdrand && i < 10 && !ok; i++)
		__asm__ __volatile__("rdrand %0" : "=r"(v), "=@ccc"(ok));
	return ok ? v : 0;
}

static void mix_locked(u64 v)
{
	key[mix_pos++ % KEY_WORDS] += (u32)v;
	key[mix_pos++ % KEY_WORDS] += (u32)(v >> 32);
}

void add_input_randomness(u32 value)
{
	u64 flags = spin_lock_irqsave(&random_lock);

	mix_locked(rdtsc() ^ (u64)value << 32);
	spin_unlock_irqrestore(&random_lock, flags);
}

void get_random_bytes(void *buf, size_t len)
{
	u32 block[BLOCK_WORDS], once[KEY_WORDS];
	u64 flags = spin_lock_irqsave(&random_lock);
	u8 *dst = buf;

	mix_locked(rdtsc());
	mix_locked(cpu_random());
	chacha20_block(key, 0, block);
	memcpy(key, block, sizeof(key));
	memcpy(once, &block[KEY_WORDS], sizeof(once));
	spin_unlock_irqrestore(&random_lock, flags);
	for (u64 counter = 0; len > 0; counter++) {
		size_t n = min(len, sizeof(block));

		chacha20_block(once, counter, block);
		memcpy(dst, block, n);
		dst += n;
		len -= n;
	}
	memset(block, 0, sizeof(block));
	memset(once, 0, sizeof(once));
	/* Keep the compiler from dropping the two. */
	__asm__ __volatile__("" ::"r"(block), "r"(once) : "memory");
}

void random_init(void)
{
	u32 eax = 1, ecx;
	u8 discard;

	__asm__("cpuid" : "+a"(eax), "=c"(ecx) : : "ebx", "edx");
	has_rdrand = (ecx & CPUID_RDRAND) != 0;
	/* Without these, what is left are the moments of boot: clocks and interrupts. */
	add_input_randomness((u32)clock_realtime_ns());
	for (u32 i = 0; i < VECTORS; i++)
		add_input_randomness((u32)irq_count(i) ^ (u32)cpu_random());
	get_random_bytes(&discard, sizeof(discard));
}
