void mapping_set_error(struct address_space *m, int error)
{
	/* Step 4. */
	(void)m;
	(void)error;
}

struct page *find_get_page(struct address_space *mapping, pgoff_t index)
{
	/* Step 1. */
	(void)mapping;
	(void)index;
	return NULL;
}

struct page *find_lock_page(struct address_space *mapping, pgoff_t index)
{
	/* Step 1. */
	(void)mapping;
	(void)index;
	return NULL;
}

u32 find_get_pages(struct address_space *mapping, pgoff_t *index, pgoff_t last, enum radix_tag tag,
		   struct page **pages, u32 max)
{
	/* Step 1. */
	(void)mapping;
	(void)index;
	(void)last;
	(void)tag;
	(void)pages;
	(void)max;
	return 0;
}

int add_to_page_cache(struct page *page, struct address_space *mapping, pgoff_t index)
{
	/* Step 1. */
	(void)page;
	(void)mapping;
	(void)index;
	return -ENOMEM;
}

struct page *find_or_create_page(struct address_space *mapping, pgoff_t index, gfp_t gfp)
{
	/* Step 1. This helper is yours to use; the cast only keeps the compiler quiet. */
	(void)page_cache_alloc;
	(void)mapping;
	(void)index;
	(void)gfp;
	return NULL;
}

void set_page_dirty_nobuffers(struct page *page)
{
	/* Step 2. */
	(void)page;
}

bool clear_page_dirty_for_io(struct page *page)
{
	/* Step 2. */
	(void)page;
	return false;
}

void set_page_writeback(struct page *page)
{
	/* Step 2. */
	(void)page;
}

void end_page_writeback(struct page *page, int error)
{
	/* Step 2; the error is step 4. */
	(void)page;
	(void)error;
}

bool remove_idle_page(struct page *page)
{
	/* Step 3. */
	(void)page;
	return false;
}

struct page *lru_take_oldest(void)
{
	/* Step 3. */
	return NULL;
}

bool drop_clean_page(struct page *page)
{
	/* Step 3. */
	(void)page;
	return false;
}

size_t shrink_page_cache(size_t nr, size_t *dirty)
{
	/* Step 3. */
	(void)nr;
	if (dirty)
		*dirty = 0;
	return 0;
}

int filemap_fdatawrite_range(struct address_space *m, loff_t start, loff_t end, bool sync)
{
	/* Step 2. Write a helper write_one_cached_page(), for one page. */
	(void)m;
	(void)start;
	(void)end;
	(void)sync;
	return 0;
}

void filemap_fdatawait_range(struct address_space *m, loff_t start, loff_t end)
{
	/* Step 2. */
	(void)m;
	(void)start;
	(void)end;
}

int filemap_write_and_wait_range(struct address_space *m, loff_t start, loff_t end)
{
	/* Step 2; the error is step 4. */
	(void)m;
	(void)start;
	(void)end;
	return 0;
}

int generic_file_fsync(struct file *file, loff_t start, loff_t end, bool datasync)
{
	/* Step 4. This helper is yours to use; the cast only keeps the compiler quiet. */
	(void)check_bdev_err;
	(void)file;
	(void)start;
	(void)end;
	(void)datasync;
	return 0;
}
