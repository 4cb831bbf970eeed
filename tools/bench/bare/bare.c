/*
 * The bare ring: no kernel, one virtqueue of the last virtio disk, kept busy with 4 KiB random
 * reads and looked at without interrupts. What it reaches is what the emulator can do at all.
 *
 * 32-bit code without paging, started by multiboot; the same lines of output as user/bench.c.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define QUEUE		256u /* entries; three of them a request */
#define DEPTH		32u
#define SECONDS		2u
#define REG(type, addr) (*(volatile type *)(addr))

__asm__(".section .multiboot,\"a\"\n"
	".long 0x1badb002, 0, -0x1badb002\n"
	".text\n.global start\nstart: mov $stack + 16384, %esp\ncall main\n1: hlt\njmp 1b\n");
char stack[16384];

static struct {
	struct {
		u64 addr;
		u32 len;
		u16 flags, next;
	} desc[QUEUE];
	u16 avail_flags, avail_idx, avail_ring[QUEUE], used_event;
	volatile struct {
		u16 flags, idx;
		struct {
			u32 id, len;
		} ring[QUEUE];
	} used __attribute__((aligned(4096)));
} ring __attribute__((aligned(4096)));
static struct {
	u32 type, reserved;
	u64 sector;
} header[DEPTH];
static volatile u8 status[DEPTH];
static u8 data[DEPTH][4096] __attribute__((aligned(4096)));
static u32 common, doorbell;
static u64 blocks, notifications, tsc_per_second;

static void out8(u16 port, u8 v)
{
	__asm__ __volatile__("outb %0, %1" ::"a"(v), "Nd"(port));
}
static void out16(u16 port, u16 v)
{
	__asm__ __volatile__("outw %0, %1" ::"a"(v), "Nd"(port));
}
static void out32(u16 port, u32 v)
{
	__asm__ __volatile__("outl %0, %1" ::"a"(v), "Nd"(port));
}
static u8 in8(u16 port)
{
	u8 v;
	__asm__ __volatile__("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static u32 in32(u16 port)
{
	u32 v;
	__asm__ __volatile__("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static u64 rdtsc(void)
{
	u64 v;
	__asm__ __volatile__("rdtsc" : "=A"(v));
	return v;
}

static u32 pci(u32 slot, u32 offset)
{
	out32(0xcf8, 0x80000000u | slot << 11 | (offset & ~3u));
	return in32(0xcfc) >> (offset & 3) * 8;
}

static void print(const char *s)
{
	while (*s)
		out8(0x3f8, (u8)*s++);
}
static u64 divide(u64 n, u32 d, u32 *rest)
{
	u32 high = (u32)(n >> 32), low, r;

	r = high % d;
	__asm__("divl %4" : "=a"(low), "=d"(r) : "a"((u32)n), "d"(r), "rm"(d));
	*rest = r;
	return (u64)(high / d) << 32 | low;
}
static void print_number(u64 n)
{
	char text[24], *p = text + sizeof(text);
	u32 digit;

	for (*--p = 0; n || !*p; *--p = (char)('0' + digit))
		n = divide(n, 10, &digit);
	print(p);
}

static u64 next_second(void)
{
	u8 old, now;

	for (out8(0x70, 0), old = now = in8(0x71); now == old; now = in8(0x71))
		out8(0x70, 0);
	return rdtsc();
}

static int find_disk(void)
{
	int found = 0;

	for (u32 slot = 0; slot < 32; slot++) {
		u32 multiplier = 0, notify = 0;

		if (pci(slot, 0) != 0x10421af4)
			continue;
		found = 1;
		pci(slot, 4); /* memory and bus master */
		out32(0xcfc, 6);
		for (u32 cap = pci(slot, 0x34) & 0xff; cap; cap = pci(slot, cap + 1) & 0xff) {
			u32 base = (pci(slot, 0x10 + (pci(slot, cap + 4) & 0xff) * 4) & ~15u) +
				   pci(slot, cap + 8);

			if ((pci(slot, cap) & 0xff) != 9)
				continue;
			switch (pci(slot, cap + 3) & 0xff) {
			case 1:
				common = base;
				break;
			case 2:
				notify = base;
				multiplier = pci(slot, cap + 16);
				break;
			case 4:
				blocks = REG(u32, base) / 8 + ((u64)REG(u32, base + 4) << 29);
				break;
			}
		}
		REG(u16, common + 22) = 0;
		doorbell = notify + REG(u16, common + 30) * multiplier;
	}
	return found;
}

static void start_disk(void)
{
	REG(u8, common + 20) = 0;
	REG(u8, common + 20) = 3; /* acknowledge, driver */
	REG(u32, common + 8) = 1; /* feature word 1: VERSION_1 alone */
	REG(u32, common + 12) = 1;
	REG(u8, common + 20) = 11; /* features ok */
	REG(u16, common + 24) = QUEUE;
	REG(u32, common + 32) = (u32)ring.desc;
	REG(u32, common + 40) = (u32)&ring.avail_flags;
	REG(u32, common + 48) = (u32)&ring.used;
	REG(u16, common + 28) = 1;
	REG(u8, common + 20) = 15;
	ring.avail_flags = 1; /* no interrupts */
	for (u16 i = 0; i < DEPTH; i++) {
		u16 d = (u16)(3 * i);

		ring.desc[d].addr = (u32)&header[i], ring.desc[d].len = 16;
		ring.desc[d].flags = 1, ring.desc[d].next = (u16)(d + 1);
		ring.desc[d + 1].addr = (u32)data[i], ring.desc[d + 1].len = 4096;
		ring.desc[d + 1].flags = 3, ring.desc[d + 1].next = (u16)(d + 2);
		ring.desc[d + 2].addr = (u32)&status[i], ring.desc[d + 2].len = 1;
		ring.desc[d + 2].flags = 2;
	}
}

static void offer(u32 i)
{
	static u32 x = 2463534242u;
	u32 block;

	x ^= x << 13, x ^= x >> 17, x ^= x << 5;
	divide(x, (u32)blocks, &block);
	header[i].sector = (u64)block * 8;
	ring.avail_ring[ring.avail_idx % QUEUE] = (u16)(3 * i);
	__asm__ __volatile__("" ::: "memory");
	ring.avail_idx++;
}

static void notify(void)
{
	__asm__ __volatile__("lock; addl $0, (%%esp)" ::: "memory");
	if (!(ring.used.flags & 1)) {
		REG(u16, doorbell) = 0;
		notifications++;
	}
}

static void row(const char *name, u32 depth)
{
	u64 start = rdtsc(), end = start + SECONDS * tsc_per_second, done = 0,
	    noted = notifications;
	u16 seen = ring.used.idx;
	u32 in_flight = depth, rest;

	for (u32 i = 0; i < depth; i++)
		offer(i);
	for (notify(); in_flight;) {
		u32 before = in_flight;
		int more = rdtsc() < end;

		for (; seen != ring.used.idx; seen++, done++, in_flight--)
			if (more)
				offer(ring.used.ring[seen % QUEUE].id / 3), in_flight++, before = 0;
		if (more && !before)
			notify();
	}
	print("row "), print(name), print(" "), print_number(done), print(" ");
	print_number(divide((rdtsc() - start) * 1000, (u32)divide(tsc_per_second, 1000000, &rest),
			    &rest));
	print(" -1 "), print_number(done), print(" "), print_number(notifications - noted),
		print(" 0\n");
}

void main(void)
{
	u64 start;

	if (find_disk()) {
		start_disk();
		start = next_second();
		tsc_per_second = next_second() - start;
		row("random-4k-1", 1);
		row("random-4k-32", DEPTH);
		print("bench: done\n");
	}
	out16(0x604, 0x2000); /* ACPI: off */
}
