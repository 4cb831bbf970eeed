/*
 * The CMOS clock gives the time of day at boot. Source: Motorola MC146818 data sheet.
 * Also there: time of day at boot
 */
#include "kernel/arch/internal.h"

#include "kernel/arch/io.h"
#include "kernel/lib/string.h"

#define CMOS_INDEX	  0x70
#define CMOS_DATA	  0x71
#define RTC_STATUS_A	  0x0a
#define RTC_STATUS_B	  0x0b
#define STATUS_A_UPDATING 0x80
#define STATUS_B_24H	  0x02
#define STATUS_B_BINARY	  0x04
#define HOUR_PM		  0x80
#define READ_TRIES	  10

struct rtc_time {
	u8 second, minute, hour, day, month, year;
};

static u8 cmos(u8 reg)
{
	outb(CMOS_INDEX, reg);
	return inb(CMOS_DATA);
}

static struct rtc_time read_once(void)
{
	for (int i = 0; i < 100000 && (cmos(RTC_STATUS_A) & STATUS_A_UPDATING); i++)
		;
	return (struct rtc_time){cmos(0), cmos(2), cmos(4), cmos(7), cmos(8), cmos(9)};
}

static u32 from_bcd(u8 v)
{
	return (v >> 4) * 10u + (v & 0xf);
}

static u32 from_binary(u8 v)
{
	return v;
}

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar, year >= 1970. */
static u64 days_since_epoch(u32 year, u32 month, u32 day)
{
	/* Count years from March: the leap day is then the last of its year. */
	u64 y = month > 2 ? year : year - 1;
	u64 m = month > 2 ? month - 3 : month + 9;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

u64 rtc_read_seconds(void)
{
	struct rtc_time t = read_once(), again;
	u8 status = cmos(RTC_STATUS_B);
	u32 (*num)(u8) = status & STATUS_B_BINARY ? from_binary : from_bcd;
	u32 hour;

	/* The registers change one by one: read until the same is there twice. */
	for (int i = 0; i < READ_TRIES; i++) {
		again = read_once();
		if (memcmp(&t, &again, sizeof(t)) == 0)
			break;
		t = again;
	}
	hour = num((u8)(t.hour & ~HOUR_PM));
	if (!(status & STATUS_B_24H))
		hour = hour % 12 + ((t.hour & HOUR_PM) ? 12 : 0);
	return ((days_since_epoch(2000 + num(t.year), num(t.month), num(t.day)) * 24 + hour) * 60 +
		num(t.minute)) *
		       60 +
	       num(t.second);
}
