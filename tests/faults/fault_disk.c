/*
 * fault_disk - a disk in a FUSE file system: below a loop device it shows what a file system
 * promised.
 *
 *	fault_disk SIZE_MIB MOUNTPOINT
 *
 * MOUNTPOINT/disk is the disk, to be given to losetup. Like a drive with a write-back cache it
 * acknowledges a write at once and makes it durable at the next flush (fsync), not before.
 * MOUNTPOINT/control takes one command per write:
 *
 *   cut SEED PATH        write to PATH what a power cut at this moment leaves: everything that was
 *                        flushed, and of each later write all blocks of 4 KiB, some, or none. The
 *                        disk goes on.
 *   fail writes SEED N   each write fails with EIO with a chance of 1 in N (N = 1: each one)
 *   fail flushes SEED N  each flush fails with EIO with a chance of 1 in N; what was to be flushed
 *                        is lost in part
 *   heal                 nothing fails any more
 *
 * A command that cannot be carried out fails with EINVAL or EIO. Reads of `control` give counters.
 * One thread carries everything, so that a cut is one moment. Ends when it is unmounted.
 */
#define FUSE_USE_VERSION 31

#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCK 4096u
#define PENDING_MAX (256u << 20) /* bytes of unflushed writes; then the oldest become durable */

struct write {
	struct write *next;
	uint64_t off;
	size_t len;
	unsigned char data[];
};

/* state: the one disk of this program. */
static struct {
	uint64_t size;
	unsigned char *current; /* what reads see */
	unsigned char *durable; /* what no power cut takes away */
	struct write *first, **end;
	size_t pending;
	uint64_t random;
	uint64_t writes_fail_in, flushes_fail_in; /* 0 = never */
	uint64_t writes, flushes, failed_writes, failed_flushes, cuts;
} disk;

/* SplitMix64. */
static uint64_t
draw(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static bool
hits(uint64_t one_in)
{
	return one_in && draw(&disk.random) % one_in == 0;
}

static void
drop_first(void)
{
	struct write *write = disk.first;
	disk.first = write->next;
	if (!disk.first)
		disk.end = &disk.first;
	disk.pending -= write->len;
	free(write);
}

/* Of the pending writes, in their order: all blocks of a write, some, or none. */
static void
apply_some(unsigned char *image, uint64_t *random)
{
	for (const struct write *write = disk.first; write; write = write->next) {
		uint64_t kind = draw(random) % 4;
		for (uint64_t done = 0; done < write->len;) {
			uint64_t off = write->off + done, len = BLOCK - off % BLOCK;
			if (len > write->len - done)
				len = write->len - done;
			if (kind == 0 || (kind == 1 && draw(random) % 2))
				memcpy(image + off, write->data + done, len);
			done += len;
		}
	}
}

static void
make_durable(void)
{
	while (disk.first) {
		memcpy(disk.durable + disk.first->off, disk.first->data, disk.first->len);
		drop_first();
	}
}

static int
flush(void)
{
	disk.flushes++;
	if (hits(disk.flushes_fail_in)) {
		disk.failed_flushes++;
		apply_some(disk.durable, &disk.random);
		while (disk.first)
			drop_first();
		return -EIO;
	}
	make_durable();
	return 0;
}

/* ---- commands ---- */

static bool
is_zero(const unsigned char *block)
{
	return block[0] == 0 && memcmp(block, block + 1, BLOCK - 1) == 0;
}

static int
save(const unsigned char *image, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -EIO;
	bool good = ftruncate(fd, (off_t)disk.size) == 0;
	for (uint64_t off = 0; good && off < disk.size; off += BLOCK)
		if (!is_zero(image + off))
			good = pwrite(fd, image + off, BLOCK, (off_t)off) == (ssize_t)BLOCK;
	return close(fd) == 0 && good ? 0 : -EIO;
}

static unsigned char *
allocate(void)
{
	void *memory = mmap(NULL, disk.size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static int
cut(uint64_t seed, const char *path)
{
	unsigned char *image = allocate();
	if (!image)
		return -EIO;
	for (uint64_t off = 0; off < disk.size; off += BLOCK)
		if (!is_zero(disk.durable + off))
			memcpy(image + off, disk.durable + off, BLOCK);
	apply_some(image, &seed);
	int code = save(image, path);
	munmap(image, disk.size);
	disk.cuts++;
	return code;
}

static int
command(const char *text)
{
	char path[512];
	uint64_t seed = 0, one_in = 0;
	if (sscanf(text, "cut %" SCNu64 " %511s", &seed, path) == 2)
		return cut(seed, path);
	if (sscanf(text, "fail writes %" SCNu64 " %" SCNu64, &seed, &one_in) == 2)
		disk.writes_fail_in = one_in;
	else if (sscanf(text, "fail flushes %" SCNu64 " %" SCNu64, &seed, &one_in) == 2)
		disk.flushes_fail_in = one_in;
	else if (strncmp(text, "heal", 4) == 0)
		disk.writes_fail_in = disk.flushes_fail_in = 0;
	else
		return -EINVAL;
	disk.random = seed;
	return 0;
}

/* ---- the file system ---- */

static bool
is_disk(const char *path)
{
	return strcmp(path, "/disk") == 0;
}

static bool
is_control(const char *path)
{
	return strcmp(path, "/control") == 0;
}

static int
get_attributes(const char *path, struct stat *st, struct fuse_file_info *file)
{
	(void)file;
	*st = (struct stat){ .st_nlink = 1, .st_mode = S_IFREG | 0600 };
	if (strcmp(path, "/") == 0)
		st->st_mode = S_IFDIR | 0700;
	else if (is_disk(path))
		st->st_size = (off_t)disk.size;
	else if (is_control(path))
		st->st_size = 512;
	else
		return -ENOENT;
	return 0;
}

static int
list(const char *path, void *out, fuse_fill_dir_t add, off_t off, struct fuse_file_info *file,
	enum fuse_readdir_flags flags)
{
	(void)path, (void)off, (void)file, (void)flags;
	add(out, "disk", NULL, 0, 0);
	add(out, "control", NULL, 0, 0);
	return 0;
}

static int
open_file(const char *path, struct fuse_file_info *file)
{
	file->direct_io = is_control(path);
	return is_disk(path) || is_control(path) ? 0 : -ENOENT;
}

static int
read_counters(char *out, size_t len, off_t off)
{
	char text[256];
	int have = snprintf(text, sizeof(text),
		"writes=%" PRIu64 " flushes=%" PRIu64 " failed_writes=%" PRIu64
		" failed_flushes=%" PRIu64 " cuts=%" PRIu64 "\n",
		disk.writes, disk.flushes, disk.failed_writes, disk.failed_flushes, disk.cuts);
	if (off >= have)
		return 0;
	size_t rest = (size_t)(have - off);
	len = len < rest ? len : rest;
	memcpy(out, text + off, len);
	return (int)len;
}

static int
read_file(const char *path, char *out, size_t len, off_t off, struct fuse_file_info *file)
{
	(void)file;
	if (is_control(path))
		return read_counters(out, len, off);
	if ((uint64_t)off >= disk.size)
		return 0;
	if (len > disk.size - (uint64_t)off)
		len = disk.size - (uint64_t)off;
	memcpy(out, disk.current + off, len);
	return (int)len;
}

static int
write_disk(const char *data, size_t len, uint64_t off)
{
	disk.writes++;
	if (off >= disk.size || len > disk.size - off)
		return -ENOSPC;
	if (hits(disk.writes_fail_in)) {
		disk.failed_writes++;
		return -EIO;
	}
	struct write *write = malloc(sizeof(*write) + len);
	if (!write)
		return -ENOMEM;
	write->next = NULL;
	write->off = off;
	write->len = len;
	memcpy(write->data, data, len);
	memcpy(disk.current + off, data, len);
	*disk.end = write;
	disk.end = &write->next;
	disk.pending += len;
	while (disk.pending > PENDING_MAX) {
		memcpy(disk.durable + disk.first->off, disk.first->data, disk.first->len);
		drop_first();
	}
	return (int)len;
}

static int
write_file(const char *path, const char *data, size_t len, off_t off, struct fuse_file_info *file)
{
	(void)file;
	char text[640];
	if (is_disk(path))
		return write_disk(data, len, (uint64_t)off);
	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, data, len);
	text[len] = '\0';
	int code = command(text);
	return code ? code : (int)len;
}

static int
sync_file(const char *path, int data_only, struct fuse_file_info *file)
{
	(void)data_only, (void)file;
	return is_disk(path) ? flush() : 0;
}

/* A shell that writes to `control` opens it with O_TRUNC. */
static int
truncate_file(const char *path, off_t size, struct fuse_file_info *file)
{
	(void)size, (void)file;
	return is_control(path) ? 0 : -EPERM;
}

static const struct fuse_operations operations = {
	.getattr = get_attributes,
	.readdir = list,
	.open = open_file,
	.read = read_file,
	.write = write_file,
	.fsync = sync_file,
	.truncate = truncate_file,
};

int
main(int argc, char **argv)
{
	uint64_t mib = argc == 3 ? strtoull(argv[1], NULL, 10) : 0;
	if (mib == 0 || mib > 4096) {
		fprintf(stderr, "usage: fault_disk SIZE_MIB MOUNTPOINT\n");
		return 2;
	}
	disk.size = mib << 20;
	disk.end = &disk.first;
	disk.current = allocate();
	disk.durable = allocate();
	if (!disk.current || !disk.durable) {
		fprintf(stderr, "fault_disk: no memory for %" PRIu64 " MiB\n", mib);
		return 1;
	}
	char *arguments[] = { argv[0], (char[]){ "-f" }, (char[]){ "-s" }, argv[2], NULL };
	return fuse_main(4, arguments, &operations, NULL);
}
