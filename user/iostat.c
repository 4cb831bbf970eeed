/*
 * iostat: what the disks do, from /proc/diskstats.
 *
 *	iostat [-p] [DISK]... [SECONDS [TIMES]]
 *
 * The first report counts from boot, each later one from the one before.  -p: partitions too.
 * A request's size and time are means; "inflight" is how many were under way on average.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_DISKS 64

struct stats {
	char name[32];
	/* Reads, writes, discards. */
	unsigned long long ios[3], merges[3], sectors[3], ms[3];
	unsigned long long in_flight, io_ms, queue_ms, flushes, flush_ms;
};

static struct stats now[MAX_DISKS], before[MAX_DISKS];
static int partitions;

static int read_stats(struct stats *s)
{
	FILE *file = fopen("/proc/diskstats", "r");
	char line[512];
	int n = 0;

	if (!file) {
		perror("/proc/diskstats");
		exit(1);
	}
	while (n < MAX_DISKS && fgets(line, sizeof(line), file)) {
		struct stats *d = &s[n];

		memset(d, 0, sizeof(*d));
		if (sscanf(line,
			   "%*u %*u %31s %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu "
			   "%llu %llu %llu %llu %llu %llu",
			   d->name, &d->ios[0], &d->merges[0], &d->sectors[0], &d->ms[0],
			   &d->ios[1], &d->merges[1], &d->sectors[1], &d->ms[1], &d->in_flight,
			   &d->io_ms, &d->queue_ms, &d->ios[2], &d->merges[2], &d->sectors[2],
			   &d->ms[2], &d->flushes, &d->flush_ms) >= 12)
			n++;
	}
	fclose(file);
	return n;
}

static int is_disk(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/block/%.31s", name);
	return access(path, F_OK) == 0;
}

static int wanted(const char *name, char **names, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return 1;
	return count == 0 && (partitions || is_disk(name));
}

static void print_disk(const struct stats *d, const struct stats *old, double seconds)
{
	printf("%-8s", d->name);
	for (int i = 0; i < 2; i++) {
		unsigned long long ios = d->ios[i] - old->ios[i];
		double kib = (double)(d->sectors[i] - old->sectors[i]) / 2;

		printf(" %8.1f %9.1f %7.1f %7.1f %7.2f", (double)ios / seconds, kib / seconds,
		       (double)(d->merges[i] - old->merges[i]) / seconds,
		       ios ? kib / (double)ios : 0,
		       ios ? (double)(d->ms[i] - old->ms[i]) / (double)ios : 0);
	}
	printf(" %7.1f %8.2f %5.1f\n", (double)(d->flushes - old->flushes) / seconds,
	       (double)(d->queue_ms - old->queue_ms) / (seconds * 1000),
	       (double)(d->io_ms - old->io_ms) / (seconds * 10));
}

/* Returns: how many disks it showed. */
static int report(char **names, int count, double seconds)
{
	static const struct stats none;
	int n = read_stats(now), shown = 0;

	printf("%-8s %8s %9s %7s %7s %7s %8s %9s %7s %7s %7s %7s %8s %5s\n", "disk", "r/s",
	       "rKiB/s", "rmrg/s", "rKiB", "r-ms", "w/s", "wKiB/s", "wmrg/s", "wKiB", "w-ms", "f/s",
	       "inflight", "util%");
	for (int i = 0; i < n; i++) {
		const struct stats *old = &none;

		for (int j = 0; j < MAX_DISKS; j++)
			if (strcmp(before[j].name, now[i].name) == 0)
				old = &before[j];
		if (!wanted(now[i].name, names, count))
			continue;
		print_disk(&now[i], old, seconds);
		shown++;
	}
	fflush(stdout);
	memcpy(before, now, sizeof(before));
	return shown;
}

static double clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	int names = 0, first = 1, numbers[2] = {0, 1}, given = 0;
	double last = 0, at;

	if (argc > 1 && strcmp(argv[1], "-p") == 0)
		partitions = first++;
	while (first + names < argc && !strspn(argv[first + names], "0123456789"))
		names++;
	for (int i = first + names; i < argc && given < 2; i++)
		numbers[given++] = atoi(argv[i]);
	if (given == 1)
		numbers[1] = -1; /* until it is ended */
	for (int i = 0; i != numbers[1]; i++) {
		if (i)
			sleep((unsigned)(numbers[0] > 0 ? numbers[0] : 1));
		at = clock_now();
		if (!report(argv + first, names, at - last) && names) {
			fprintf(stderr, "iostat: there is no such disk\n");
			return 1;
		}
		last = at;
	}
	return 0;
}
