/*
 * journal_open.c - a journal in memory, and the one that a former run has left: read, and compared
 * with its part.
 *
 * Nothing in it is believed before it was checked: its size is bounded, its records have CRCs
 * (journal_format.c), and it must name the inode of the part that stands beside it. An inode number
 * is used again once its file is gone; the time of birth tells such files apart. Device numbers are
 * compared only where a file system keeps no time of birth: btrfs, NFS and overlayfs give them as
 * they are mounted.
 */
#include "journal_int.h"

#include "sluice/base/number.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEN_MAX (128 * SL_MIB) /* the records of 4 TiB in chunks of 1 MiB */
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_TEXT 36 /* xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx */
/* The part may be written so much later than the journal: records wait for a moment, and a kill may
 * come while the disk is slow. */
#define MODIFIED_SLACK_NS (10 * SL_NS_PER_S)

/* ---- in memory ---- */

int
sl_journal_new(struct sl_journal **out, const struct sl_journal_part *part)
{
	struct sl_journal *journal = calloc(1, sizeof(*journal));
	*out = journal;
	if (!journal)
		return -ENOMEM;
	journal->part = *part;
	journal->fd = -1;
	sl_semaphore_init(&journal->write_turn, "journal write", 1);
	sl_list_init(&journal->writer);
	sl_list_init(&journal->syncer);
	return 0;
}

const struct sl_journal_content *
sl_journal_content(const struct sl_journal *journal)
{
	return &journal->content;
}

const struct sl_journal_taken *
sl_journal_taken(const struct sl_journal *journal)
{
	return journal->is_taken ? &journal->taken : NULL;
}

bool
sl_journal_needs_verify(const struct sl_journal *journal)
{
	return journal->needs_verify;
}

void
journal_free(struct sl_journal *journal)
{
	sl_io_close(journal->fd);
	sl_journal_content_release(&journal->content);
	sl_buf_release(&journal->pending);
	sl_buf_release(&journal->in_flight);
	free(journal->bad);
	free(journal);
}

/* ---- the boot ---- */

static bool
parse_boot_id(const char *text, unsigned char id[SL_JOURNAL_BOOT_ID])
{
	size_t digits = 0;
	for (size_t i = 0; i < BOOT_ID_TEXT; i++) {
		int value = sl_hex_digit((unsigned char)text[i]);
		if (text[i] == '-')
			continue;
		if (value < 0 || digits == 2 * SL_JOURNAL_BOOT_ID)
			return false;
		id[digits / 2] = (unsigned char)(id[digits / 2] << 4 | value);
		digits++;
	}
	return digits == 2 * SL_JOURNAL_BOOT_ID;
}

uint64_t
sl_journal_birth_ns(const struct statx *st)
{
	return st->stx_mask & STATX_BTIME && st->stx_btime.tv_sec > 0
		       ? (uint64_t)st->stx_btime.tv_sec * SL_NS_PER_S + st->stx_btime.tv_nsec
		       : 0;
}

bool
journal_read_boot_id(unsigned char id[SL_JOURNAL_BOOT_ID])
{
	char text[BOOT_ID_TEXT];
	uint64_t now_ns = sl_now();
	int fd = sl_io_open(AT_FDCWD, BOOT_ID_PATH, O_RDONLY, 0, 0);
	int got = fd < 0 ? fd : sl_io_read_full(fd, text, sizeof(text), 0);
	if (fd >= 0)
		sl_io_close(fd);
	memset(id, 0, SL_JOURNAL_BOOT_ID);
	if (got == BOOT_ID_TEXT && parse_boot_id(text, id))
		return true;
	memset(id, 0, SL_JOURNAL_BOOT_ID);
	memcpy(id, &now_ns, sizeof(now_ns));
	return false;
}

/* ---- loading ---- */

static int
refuse(struct sl_error *err, int code, const char *why)
{
	return sl_fail(err, SL_PHASE_OPEN, code, "the journal cannot be used: %s", why);
}

static int
refuse_code(struct sl_error *err, int code)
{
	return refuse(err, code, sl_code_text(code));
}

static bool
is_ours(const struct statx *st)
{
	return S_ISREG(st->stx_mode) && st->stx_uid == geteuid() && st->stx_nlink == 1;
}

SL_SUSPENDS
static int
open_left(struct sl_journal *journal, struct statx *st, struct sl_error *err)
{
	struct sl_op ops[] = {
		{ .kind = SL_OP_OPEN,
			.dir_fd = journal->part.directory->fd,
			.path = journal->part.file_name,
			.flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY },
		{ .kind = SL_OP_STAT,
			.dir_fd = SL_FD_OF_AFTER,
			.path = "",
			.flags = AT_EMPTY_PATH,
			.mask = STATX_BASIC_STATS,
			.statx = st },
	};
	ops[1].after = &ops[0];
	int code = sl_io_batch(ops, SL_COUNT_OF(ops));
	if (code)
		return code;
	journal->fd = SL_MAX(ops[0].result, -1);
	if (ops[0].result == -ENOENT)
		return -ENOENT;
	if (ops[0].result == -ELOOP)
		return refuse(err, SL_E_REPLACED, "it is a symbolic link");
	code = ops[0].result < 0 ? ops[0].result : ops[1].result;
	if (code)
		return refuse_code(err, code);
	journal->inode = st->stx_ino;
	journal->dev_major = st->stx_dev_major;
	journal->dev_minor = st->stx_dev_minor;
	journal->file_size = st->stx_size;
	if (!is_ours(st))
		return refuse(err, SL_E_REPLACED,
			"it is not a regular file of this user with a single name");
	return st->stx_size <= LEN_MAX ? 0 : refuse(err, SL_E_LIMIT, "it is too large");
}

/* The file may have become shorter since its stat. */
SL_SUSPENDS
static int
read_all(struct sl_journal *journal, struct sl_buf *text, struct sl_error *err)
{
	size_t len = (size_t)journal->file_size;
	if (!sl_buf_reserve(text, len))
		return refuse_code(err, -ENOMEM);
	int got = sl_io_read_full(journal->fd, text->data, len, 0);
	if (got < 0)
		return refuse_code(err, got);
	text->len = (size_t)got;
	return 0;
}

static bool
is_of_part(const struct sl_journal_begin *begin, const struct sl_journal_part *part)
{
	bool same_device =
		begin->dev_major == part->dev_major && begin->dev_minor == part->dev_minor;
	return begin->inode == part->inode && begin->birth_ns == part->birth_ns &&
	       (same_device || part->birth_ns != 0);
}

static bool
is_one_of(const struct sl_journal_urls *urls, uint64_t hash)
{
	for (size_t i = 0; i < urls->count; i++)
		if (urls->hashes[i] == hash)
			return true;
	return false;
}

static int
check_content(
	const struct sl_journal *journal, const struct sl_journal_urls *urls, struct sl_error *err)
{
	const struct sl_journal_content *content = &journal->content;
	if (!is_of_part(&content->begin, &journal->part))
		return refuse(err, SL_E_REPLACED, "it belongs to another file");
	if (!content->has_resource)
		return refuse(err, SL_E_PROTO, "it is damaged");
	if (!is_one_of(urls, content->resource.url_hash))
		return refuse(err, SL_E_REPLACED, "it belongs to another URL");
	return 0;
}

static uint64_t
modified_ns(const struct statx *st)
{
	return st->stx_mtime.tv_sec < 0
		       ? 0
		       : (uint64_t)st->stx_mtime.tv_sec * SL_NS_PER_S + st->stx_mtime.tv_nsec;
}

static uint64_t
end_of_ranges(const struct sl_journal_content *content)
{
	uint64_t end = 0;
	for (size_t i = 0; i < content->count; i++)
		end = SL_MAX(end, content->ranges[i].end);
	return end;
}

/*
 * Whether another program may have changed the part. A run that ended in good order has recorded
 * what it left. After a kill the times of the two files lie close together; after a power cut they
 * show nothing. Where others may set times (network file systems), only the size does.
 */
static bool
may_be_changed(const struct sl_journal *journal, const struct statx *own, const struct statx *part)
{
	const struct sl_journal_content *content = &journal->content;
	bool has_times = journal->part.directory->traits & SL_DIRECTORY_EXACT;
	if (part->stx_size < end_of_ranges(content))
		return true;
	if (content->is_closed)
		return part->stx_size != content->closed.size ||
		       (has_times && modified_ns(part) != content->closed.modified_ns);
	return has_times && content->same_boot &&
	       modified_ns(part) > modified_ns(own) + MODIFIED_SLACK_NS;
}

/* *own = the stat of the journal. */
SL_SUSPENDS
static int
read_content(struct sl_journal *journal, struct statx *own, struct sl_error *err)
{
	unsigned char boot_id[SL_JOURNAL_BOOT_ID];
	struct sl_buf text = { 0 };
	int code = open_left(journal, own, err);
	if (!code)
		code = read_all(journal, &text, err);
	bool has_boot = !code && journal_read_boot_id(boot_id);
	if (!code)
		code = sl_journal_read(
			&journal->content, sl_buf_span(&text), has_boot ? boot_id : NULL, err);
	sl_buf_release(&text);
	journal->is_taken = !code && journal->content.is_taken;
	journal->taken = journal->content.taken;
	journal->taken_end = journal->is_taken ? journal->content.taken_end : 0;
	return code;
}

SL_SUSPENDS
static int
load(struct sl_journal *journal, const struct sl_journal_urls *urls, struct sl_error *err)
{
	struct statx own = { 0 }, part = { 0 };
	int code = read_content(journal, &own, err);
	if (!code)
		code = check_content(journal, urls, err);
	if (!code && journal->content.begin.mode != journal->part.mode)
		code = refuse(
			err, SL_E_REPLACED, "the partial file was created with other permissions");
	if (!code)
		code = sl_io_stat(journal->part.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &part);
	if (!code) {
		journal->needs_verify = may_be_changed(journal, &own, &part);
		journal->written_len = journal->content.len;
	}
	return code;
}

SL_SUSPENDS
static int
free_if_failed(struct sl_journal **out, int code)
{
	if (code && *out) {
		journal_free(*out);
		*out = NULL;
	}
	return code;
}

int
sl_journal_load(struct sl_journal **out, const struct sl_journal_part *part,
	const struct sl_journal_urls *urls, struct sl_error *err)
{
	int code = sl_journal_new(out, part);
	if (!code)
		code = load(*out, urls, err);
	return free_if_failed(out, code);
}

int
sl_journal_load_taken(const struct sl_journal_part *part, struct sl_journal_taken *out)
{
	struct statx own = { 0 };
	struct sl_error unsaid = { 0 };
	struct sl_journal *journal = NULL;
	int code = sl_journal_new(&journal, part);
	if (!code)
		code = read_content(journal, &own, &unsaid);
	if (!code && (!journal->is_taken || !is_of_part(&journal->content.begin, part)))
		code = -ENOENT;
	if (!code)
		*out = journal->taken;
	if (journal)
		journal_free(journal);
	return code;
}

/* Ranges are compared in any case, so it does not matter which were synced: the last SYNCED covers
 * all of them. */
SL_SUSPENDS
static int
load_kept(struct sl_journal *journal, uint64_t url_hash, struct sl_error *err)
{
	struct statx own = { 0 }, file = { 0 };
	struct sl_journal_part *part = &journal->part;
	const struct sl_journal_content *content = &journal->content;
	int code = sl_io_stat(part->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &file);
	if (!code)
		code = read_content(journal, &own, err);
	if (code)
		return code;
	part->inode = file.stx_ino;
	part->birth_ns = sl_journal_birth_ns(&file);
	part->dev_major = file.stx_dev_major;
	part->dev_minor = file.stx_dev_minor;
	code = check_content(journal, &(struct sl_journal_urls){ &url_hash, 1 }, err);
	if (!code && !content->is_closed)
		code = refuse(err, SL_E_PROTO, "it is damaged");
	if (!code && (file.stx_size != content->closed.size ||
			     modified_ns(&file) != content->closed.modified_ns))
		code = refuse(err, SL_E_REPLACED, "the file was changed since it was written");
	return code;
}

int
sl_journal_load_kept(struct sl_journal **out, const struct sl_journal_part *part, uint64_t url_hash,
	struct sl_error *err)
{
	int code = sl_journal_new(out, part);
	if (!code)
		code = load_kept(*out, url_hash, err);
	return free_if_failed(out, code);
}

/* ---- removing ---- */

int
sl_journal_remove_left(struct sl_directory *directory, const char *file_name)
{
	struct statx st = { 0 };
	int code =
		sl_io_stat(directory->fd, file_name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st);
	if (code)
		return code == -ENOENT ? 0 : code;
	if (!S_ISREG(st.stx_mode) || (st.stx_uid != geteuid() && geteuid() != 0))
		return -EEXIST;
	return sl_io_unlink(directory->fd, file_name, 0);
}
