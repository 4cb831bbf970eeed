/*
 * /proc/cpuinfo, as Linux's for x86: what CPUID tells (SDM vol. 2, CPUID).
 * Also there: /dev, /proc and /sys
 */
#include "fs/pseudo/procfs_internal.h"

#include "fs/vfs/seq_file.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/cpu.h"
#include "kernel/lib/string.h"

#define CPUID_EXTENDED 0x80000000u

/* The bits of a register by Linux's names, from bit 0 on; "-" is one without a name. */
static const struct {
	u32 leaf, reg; /* eax, ebx, ecx, edx */
	const char *names;
} features[] = {
	{1, 3,
	 "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts "
	 "acpi mmx fxsr sse sse2 ss ht tm ia64 pbe"},
	{CPUID_EXTENDED + 1, 3,
	 "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - "
	 "lm 3dnowext 3dnow"},
	{1, 2,
	 "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - "
	 "pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand "
	 "hypervisor"},
	{CPUID_EXTENDED + 1, 2,
	 "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop "
	 "skinit wdt - lwp fma4 tce"},
	{7, 1,
	 "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a "
	 "avx512f avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er "
	 "avx512cd sha_ni avx512bw avx512vl"},
};

static void show_features(struct seq_file *m, u32 reg, const char *names)
{
	for (; *names; reg >>= 1) {
		const char *end = strchr(names, ' ');
		size_t len = end ? (size_t)(end - names) + 1 : strlen(names);

		if (reg & 1 && *names != '-') {
			seq_write(m, names, len);
			if (!end)
				seq_printf(m, " ");
		}
		names += len;
	}
}

static void show_model(struct seq_file *m, const u32 max[4])
{
	const u32 vendor[4] = {max[1], max[3], max[2], 0};
	u32 reg[4], model[13] = {0};

	seq_printf(m, "processor\t: 0\nvendor_id\t: %s\n", (const char *)vendor);
	cpuid(1, reg);
	seq_printf(m, "cpu family\t: %u\nmodel\t\t: %u\n",
		   (reg[0] >> 8 & 15) + ((reg[0] >> 8 & 15) == 15 ? reg[0] >> 20 & 255 : 0),
		   (reg[0] >> 4 & 15) | (reg[0] >> 12 & 0xf0));
	for (u32 i = 0; i < 3; i++)
		cpuid(CPUID_EXTENDED + 2 + i, &model[i * 4]);
	seq_printf(m, "model name\t: %s\nstepping\t: %u\n", (const char *)model, reg[0] & 15);
}

int proc_show_cpuinfo(struct seq_file *m)
{
	u64 khz = clock_tsc_khz();
	u32 max[4], top[4], reg[4];

	cpuid(0, max);
	cpuid(CPUID_EXTENDED, top);
	show_model(m, max);
	seq_printf(m, "cpu MHz\t\t: %llu.%03llu\nfpu\t\t: yes\nfpu_exception\t: yes\n",
		   (unsigned long long)khz / 1000, (unsigned long long)khz % 1000);
	seq_printf(m, "cpuid level\t: %u\nwp\t\t: yes\nflags\t\t: ", max[0]);
	for (u32 i = 0; i < ARRAY_SIZE(features); i++) {
		if (features[i].leaf > (features[i].leaf < CPUID_EXTENDED ? max[0] : top[0]))
			continue;
		cpuid(features[i].leaf, reg);
		show_features(m, reg[features[i].reg], features[i].names);
	}
	cpuid(1, reg);
	seq_printf(m, "\nclflush size\t: %u\n", (reg[1] >> 8 & 255) * 8);
	cpuid(CPUID_EXTENDED + 8, reg);
	seq_printf(m, "address sizes\t: %u bits physical, %u bits virtual\n\n", reg[0] & 255,
		   reg[0] >> 8 & 255);
	return 0;
}
