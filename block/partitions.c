/*
 * Partition tables: MBR with logical partitions, and GPT with its backup.
 *
 * All numbers come from the disk: each is checked before it is used, chains of tables end after a
 * bound, and a table that contradicts itself gives no partitions and one line. A partition that
 * ends behind the disk is cut, as Linux does: some cameras make such.
 * Also there: partitions are read when a disk comes
 */
#include "block/blk.h"

#include "block/part_disk.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsnprintf.h"
#include "kernel/mm/kmalloc.h"

#define FIRST_LOGICAL	5
#define MAX_EBRS	100
#define GPT_MAX_ENTRIES 1024u

/* A look at a disk, through one page. */
struct part_scan {
	struct gendisk *disk;
	u32 block;   /* logical block, bytes: the unit of all tables */
	u32 sectors; /* of a block */
	u64 blocks;  /* of the disk */
	u32 next;    /* number of the next logical partition */
	u32 found;
	bool more; /* there are partitions without a minor */
	struct page *page;
};

/* Read one logical block. Returns: its contents, valid until the next call, or NULL. */
static void *read_lba(struct part_scan *s, u64 lba)
{
	struct bio bio;

	if (lba >= s->blocks)
		return NULL;
	bio_init(&bio, s->disk->part[0], REQ_OP_READ);
	bio.bi_iter.bi_sector = lba * s->sectors;
	if (!bio_add_page(&bio, s->page, s->block, 0) || submit_bio_wait(&bio))
		return NULL;
	return page_address(s->page);
}

static void add_partition(struct part_scan *s, u32 partno, u64 lba, u64 nr)
{
	u64 room = s->blocks - min(lba, s->blocks);

	if (partno >= s->disk->minors) {
		s->more = true;
		return;
	}
	if (nr > room)
		printk("%s: partition %u reaches beyond the end: %llu + %llu of %llu blocks\n",
		       s->disk->disk_name, partno, (unsigned long long)lba, (unsigned long long)nr,
		       (unsigned long long)s->blocks);
	if (!room)
		return;
	if (blk_add_partition(s->disk, partno, lba * s->sectors, min(nr, room) * s->sectors))
		printk("%s: partition %u cannot be used\n", s->disk->disk_name, partno);
	else
		s->found++;
}

/* --- GPT ---------------------------------------------------------------------------------- */

/* CRC-32 as in IEEE 802.3, continued from `crc` (0 to start). */
static u32 crc32(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;

	crc = ~crc;
	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static bool gpt_read_header(struct part_scan *s, u64 lba, struct gpt_header *out)
{
	struct gpt_header *h = read_lba(s, lba);
	u32 crc, size, entry;

	if (!h || memcmp(h->signature, GPT_SIGNATURE, sizeof(h->signature)) != 0)
		return false;
	size = le32_to_cpu(h->header_size);
	if (size < sizeof(*h) || size > s->block)
		return false;
	crc = le32_to_cpu(h->header_crc);
	h->header_crc = cpu_to_le32(0);
	*out = *h;
	entry = le32_to_cpu(h->entry_size);
	return crc32(0, h, size) == crc && le64_to_cpu(h->my_lba) == lba &&
	       entry >= sizeof(struct gpt_entry) && entry <= s->block && !(entry & (entry - 1)) &&
	       le32_to_cpu(h->nr_entries) <= GPT_MAX_ENTRIES &&
	       le64_to_cpu(h->first_usable_lba) <= le64_to_cpu(h->last_usable_lba) &&
	       le64_to_cpu(h->last_usable_lba) < s->blocks;
}

static bool gpt_in_use(const struct gpt_entry *e)
{
	static const u8 unused[16];

	return memcmp(e->type_guid, unused, sizeof(unused)) != 0;
}

/* Check the table's CRC and keep the entries for which there are minors. */
static bool gpt_read_entries(struct part_scan *s, const struct gpt_header *h,
			     struct gpt_entry *entries)
{
	u32 size = le32_to_cpu(h->entry_size), left = le32_to_cpu(h->nr_entries), crc = 0, kept = 0;
	u64 lba = le64_to_cpu(h->entries_lba);
	bool more = false;

	for (; left; lba++) {
		u8 *block = read_lba(s, lba);
		u32 here = min(left, s->block / size);

		if (!block)
			return false;
		crc = crc32(crc, block, (size_t)here * size);
		for (u32 i = 0; i < here; i++) {
			const struct gpt_entry *e = (const void *)(block + i * size);

			if (kept < DISK_MAX_PARTS - 1)
				entries[kept++] = *e;
			else
				more |= gpt_in_use(e);
		}
		left -= here;
	}
	s->more = more && crc == le32_to_cpu(h->entries_crc);
	return crc == le32_to_cpu(h->entries_crc);
}

static bool gpt_try(struct part_scan *s, u64 lba, struct gpt_header *h, struct gpt_entry *entries)
{
	memset(entries, 0, (DISK_MAX_PARTS - 1) * sizeof(*entries));
	return gpt_read_header(s, lba, h) && gpt_read_entries(s, h, entries);
}

static void scan_gpt(struct part_scan *s)
{
	struct gpt_entry *entries = kcalloc(DISK_MAX_PARTS - 1, sizeof(*entries), GFP_KERNEL);
	const char *name = s->disk->disk_name;
	struct gpt_header h;

	if (!entries)
		return;
	if (!gpt_try(s, 1, &h, entries)) {
		if (!gpt_try(s, s->blocks - 1, &h, entries)) {
			printk("%s: both GPTs are damaged\n", name);
			goto out;
		}
		printk("%s: the primary GPT is damaged, using the backup\n", name);
	}
	for (u32 i = 0; i < DISK_MAX_PARTS - 1; i++) {
		u64 first = le64_to_cpu(entries[i].first_lba),
		    end = le64_to_cpu(entries[i].last_lba);

		if (!gpt_in_use(&entries[i]))
			continue;
		/* As Linux: outside the usable blocks is allowed, outside the disk is not. */
		if (first > end || end >= s->blocks)
			printk("%s: GPT entry %u lies outside the disk\n", name, i + 1);
		else
			add_partition(s, i + 1, first, end - first + 1);
	}
out:
	kfree(entries);
}

/* --- MBR ---------------------------------------------------------------------------------- */

static bool is_extended(const struct mbr_entry *e)
{
	return e->type == MBR_EXTENDED || e->type == MBR_EXTENDED_LBA ||
	       e->type == MBR_EXTENDED_LINUX;
}

/* Copy the four entries. Returns: false when this is no table. */
static bool mbr_read(struct part_scan *s, u64 lba, struct mbr_entry *entries)
{
	const u8 *block = read_lba(s, lba);

	if (!block || block[MBR_SIGNATURE] != 0x55 || block[MBR_SIGNATURE + 1] != 0xaa)
		return false;
	memcpy(entries, block + MBR_ENTRIES, 4 * sizeof(*entries));
	return true;
}

/* The chain within an extended partition: each table holds a logical partition, and where the
 * next table is, counted from the start of the extended partition: also backwards, but not out
 * of it, nor where the chain was already. Usually these are the first and the second entry, but
 * others have been seen, and garbage in the last two. */
static void scan_logical(struct part_scan *s, u64 extended, u64 size)
{
	const struct mbr_entry *next;
	u32 seen[MAX_EBRS], link = 0, i;
	struct mbr_entry e[4];
	u64 most = size;

	for (u32 n = 0; n < MAX_EBRS && s->next < s->disk->minors; n++) {
		for (i = 0; i < n && seen[i] != link; i++)
			;
		if (i < n || link >= size || !mbr_read(s, extended + link, e))
			break;
		seen[n] = link;
		next = NULL;
		for (i = 0; i < 4; i++) {
			u64 start = le32_to_cpu(e[i].start), nr = le32_to_cpu(e[i].nr);

			if (nr && is_extended(&e[i]))
				next = next ? next : &e[i];
			else if (nr && (i < 2 || start + nr <= min(most, size - link)))
				add_partition(s, s->next++, extended + link + start, nr);
		}
		if (!next)
			return;
		s->more |= s->next >= s->disk->minors;
		link = le32_to_cpu(next->start);
		most = le32_to_cpu(next->nr);
	}
	if (s->next < s->disk->minors)
		printk("%s: the chain of logical partitions is broken\n", s->disk->disk_name);
}

/* As Linux: a protective entry is one that starts at block 1, whatever its status and size say;
 * with one that starts elsewhere the table is neither a GPT's nor an MBR. A size is what makes a
 * partition, not a type. */
static void scan_tables(struct part_scan *s)
{
	bool gpt = false, protective = false, strange = false;
	struct mbr_entry e[4];

	if (!mbr_read(s, 0, e))
		return;
	for (u32 i = 0; i < 4; i++) {
		strange |= (e[i].status & 0x7f) != 0; /* a boot sector of something else */
		protective |= e[i].type == MBR_PROTECTIVE;
		gpt |= e[i].type == MBR_PROTECTIVE && le32_to_cpu(e[i].start) == 1;
	}
	if (gpt) {
		scan_gpt(s);
		return;
	}
	if (protective)
		printk("%s: the MBR's protective entry does not start at block 1\n",
		       s->disk->disk_name);
	if (protective || strange)
		return;
	for (u32 i = 0; i < 4; i++) {
		u64 start = le32_to_cpu(e[i].start), nr = le32_to_cpu(e[i].nr);

		if (!nr)
			continue;
		if (!is_extended(&e[i])) {
			add_partition(s, i + 1, start, nr);
			continue;
		}
		/* As Linux: room for a boot loader, but not for overwriting the logical ones. */
		add_partition(s, i + 1, start, min(nr, (u64)(s->sectors > 2 ? 1 : 2 / s->sectors)));
		scan_logical(s, start, nr);
	}
}

void blk_scan_partitions(struct gendisk *disk)
{
	struct part_scan s = {.disk = disk, .next = FIRST_LOGICAL};
	char names[96];
	size_t len = 0;

	s.block = bdev_logical_block_size(disk->part[0]);
	s.sectors = s.block >> SECTOR_SHIFT;
	s.blocks = get_capacity(disk) / s.sectors;
	s.page = alloc_page(GFP_KERNEL);
	if (!s.page)
		return;
	scan_tables(&s);
	put_page(s.page);
	for (u32 i = 1; s.found && i < DISK_MAX_PARTS; i++)
		if (disk->part[i])
			len += (size_t)snprintf(names + len, sizeof(names) - len, " %u", i);
	if (s.found)
		printk("%s: partitions%s\n", disk->disk_name, names);
	if (s.more)
		printk("%s: there are no numbers for partitions above %u\n", disk->disk_name,
		       disk->minors - 1);
}
