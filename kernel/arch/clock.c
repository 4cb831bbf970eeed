/*
 * The clock is the TSC, the tick the LAPIC timer; both are measured against the PIT at boot.
 *
 * Sources: SDM vol. 3, 11.5.4 and 18.17; Intel 8254 data sheet.
 * Also there: time
 */
#include "kernel/arch/clock.h"

#include "kernel/arch/cpu.h"
#include "kernel/arch/internal.h"
#include "kernel/arch/io.h"
#include "kernel/lib/printk.h"

#define PIT_HZ		1193182u
#define PIT_CH0		0x40
#define PIT_COMMAND	0x43
#define PIT_CH0_MODE0	0x30 /* both bytes; the output rises when the count is over */
#define PIT_CH0_LATCH	0xc2 /* read back status and count */
#define PIT_STATUS_OVER 0x80
#define PIT_START	0xffffu

#define CALIBRATE_PIT	(PIT_HZ / 100) /* 10 ms */
#define CALIBRATE_TRIES 3
#define SAMPLE_TRIES	5
#define GIVE_UP_TSC	(1ull << 33)
#define TSC_HZ_GUESS	1000000000ull
#define LAPIC_HZ_GUESS	62500000ull

u64 boot_tsc;

/* ns = tsc * mult >> 32 */
static u64 tsc_mult = (NSEC_PER_SEC << 32) / TSC_HZ_GUESS; /* [const after clock_init] */
static u64 realtime_base_ns;				   /* [atomic] wall time at ktime 0 */
static ktime_t last_tick;				   /* [atomic] */
static void (*tick_fn)(bool from_user);			   /* [const after clock_init] */

ktime_t ktime_get_ns(void)
{
	return (u64)(((unsigned __int128)(rdtsc() - boot_tsc) * tsc_mult) >> 32);
}

void udelay(u64 usec)
{
	ktime_t end = ktime_get_ns() + usec * NSEC_PER_USEC;

	while (ktime_get_ns() < end)
		cpu_relax();
}

u64 clock_realtime_ns(void)
{
	return READ_ONCE(realtime_base_ns) + ktime_get_ns();
}

void clock_set_realtime_ns(u64 ns)
{
	WRITE_ONCE(realtime_base_ns, ns - ktime_get_ns());
}

struct sample {
	u64 tsc;
	u32 pit, lapic;
	bool over; /* the PIT's count ended */
};

/* All three counters at one moment: the quickest of some tries, because the emulator may be put
 * aside by its host between two of them. */
static struct sample take_sample(void)
{
	struct sample best = {0};
	u64 best_gap = ~0ull;

	for (int i = 0; i < SAMPLE_TRIES; i++) {
		struct sample s;
		u64 start = rdtsc(), gap;

		outb(PIT_COMMAND, PIT_CH0_LATCH);
		s.tsc = rdtsc();
		s.lapic = lapic_timer_count();
		gap = rdtsc() - start;
		s.over = (inb(PIT_CH0) & PIT_STATUS_OVER) != 0;
		s.pit = inb(PIT_CH0);
		s.pit |= (u32)inb(PIT_CH0) << 8;
		if (gap < best_gap) {
			best_gap = gap;
			best = s;
		}
	}
	return best;
}

/* One measurement of 10 ms, by channel 0, whose interrupt nobody requests: channel 2 needs a gate
 * that some machines lack. Returns: false if the PIT wrapped meanwhile or does not count. */
static bool measure(u64 *tsc_hz, u64 *lapic_hz)
{
	struct sample a, b;
	u32 pit;

	outb(PIT_COMMAND, PIT_CH0_MODE0);
	outb(PIT_CH0, PIT_START & 0xff);
	outb(PIT_CH0, PIT_START >> 8);
	lapic_timer_start(~0u, false);
	a = take_sample();
	do {
		b = take_sample();
		if (b.over || b.tsc - a.tsc > GIVE_UP_TSC)
			return false;
	} while (b.pit > a.pit || a.pit - b.pit < CALIBRATE_PIT);
	pit = a.pit - b.pit;
	*tsc_hz = (b.tsc - a.tsc) * PIT_HZ / pit;
	*lapic_hz = (u64)(a.lapic - b.lapic) * PIT_HZ / pit;
	return *tsc_hz != 0 && *lapic_hz >= HZ;
}

static void calibrate(u64 *lapic_hz)
{
	u64 tsc_hz;

	for (int i = 0; i < CALIBRATE_TRIES; i++) {
		if (!measure(&tsc_hz, lapic_hz))
			continue;
		tsc_mult = (NSEC_PER_SEC << 32) / tsc_hz;
		printk("clock: tsc %lu kHz, lapic timer %lu kHz\n", tsc_hz / 1000,
		       *lapic_hz / 1000);
		return;
	}
	printk("clock: no working PIT to measure with; guessing\n");
	*lapic_hz = LAPIC_HZ_GUESS;
}

u64 clock_realtime_coarse_ns(void)
{
	return READ_ONCE(realtime_base_ns) + READ_ONCE(last_tick);
}

void clock_interrupt(bool from_user)
{
	WRITE_ONCE(last_tick, ktime_get_ns());
	tick_fn(from_user);
}

void clock_init(void (*tick)(bool from_user))
{
	u64 lapic_hz;

	calibrate(&lapic_hz);
	clock_set_realtime_ns(rtc_read_seconds() * NSEC_PER_SEC);
	tick_fn = tick;
	lapic_timer_start((u32)(lapic_hz / HZ), true);
}

u64 clock_tsc_khz(void)
{
	return (u64)(((unsigned __int128)NSEC_PER_SEC << 32) / tsc_mult / 1000);
}
