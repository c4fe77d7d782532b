/*
 * source.h - one input: a file, or a stream such as standard input, opened and read through the
 * engine.
 *
 * A file (a regular one with a size) is read to the size it had when it was opened, at any offsets
 * and by several tasks at once. Data in the page cache is copied without waiting (RWF_NOWAIT). Cold
 * data, which is not there, is read through the page cache, so that the next scan finds it; or with
 * O_DIRECT, if the file is large, the file system supports it, and sl_input_context has no room for
 * the file. Long holes are found by SEEK_DATA and not read.
 *
 * A stream (FIFO, terminal, file of /proc, anything without a size) is read in order, by one task
 * at a time, to its end; so is a file that is standard input, from where it stands to the size it
 * had, and what is remote.
 */
#ifndef SLUICE_SCAN_SOURCE_H
#define SLUICE_SCAN_SOURCE_H

#include "sluice/base/error.h"
#include "sluice/rt/task.h"
#include "sluice/scan/block.h"
#include "sluice/scan/meter.h"
#include "sluice/scan/sniff.h"

struct sl_engine;

/*
 * Bytes that come from no descriptor, such as those of a URL, by functions of the caller. They are
 * read as a stream is.
 */
struct sl_input_remote {
	void *ctx;
	uint64_t off; /* of its first byte, for places in it that are reported */

	/* The next bytes, at most `len`. Returns their count; 0 at the end; -ETIMEDOUT at
	 * `deadline_ns`, and nothing is lost; the cancellation, likewise; else a failure that is
	 * described in *err, whose text names the input. */
	SL_SUSPENDS
	int (*read)(void *ctx, unsigned char *data, size_t len, uint64_t deadline_ns,
		struct sl_error *err);

	/* No more is read; whether anything was or not. */
	SL_SUSPENDS
	void (*close)(void *ctx);
};

#define SL_INPUT_ALIGN 4096u /* of buffers, and of offsets but at the end of a file */

/* Shorter holes are read like data. */
#define SL_INPUT_HOLE_MIN (128u * 1024u)

enum sl_input_kind { SL_INPUT_FILE, SL_INPUT_STREAM };

enum sl_input_direct {
	SL_INPUT_DIRECT_NO,      /* not supported, too small, or the file is to be cached */
	SL_INPUT_DIRECT_MAYBE,   /* possible by file system and size; not decided yet */
	SL_INPUT_DIRECT_OPENING, /* by another task */
	SL_INPUT_DIRECT_YES,
};

/* Identifies a file; {0} matches none. */
struct sl_input_identity {
	bool is_known;
	unsigned dev_major, dev_minor;
	uint64_t inode;
};

/* What the inputs of a scan share; it must outlive them. */
struct sl_input_context {
	struct sl_input_identity output; /* where results go: not scanned */
	uint64_t cache_left;    /* bytes of large cold files that may still be read through the page
				cache; UINT64_MAX = no limit */
	struct sl_meter *meter; /* is told of waits for data, or NULL */
};

/* Readable: the first group. The rest is the module's. */
struct sl_input {
	char *path;  /* as given or found; "-" is standard input */
	char *shown; /* for messages: in quotes, cut in its middle if it is long; or "standard
			input" */
	bool is_stdin;
	bool is_found; /* in a directory, not named by the user */
	bool is_link;  /* found, and to be followed; set by the caller before it is opened */
	bool is_lent;  /* sl_input_lend: its descriptor is the caller's */
	const struct sl_input_remote *remote; /* borrowed; NULL = a file or a descriptor */
	enum sl_input_kind kind;
	uint64_t size;       /* of a file when it was opened, or up to where it is read; 0 for a
				stream */
	struct sl_error err; /* err.code is not 0: it could not be opened, or reading it failed */

	struct sl_input_identity stream; /* {0} for a file; devices count as one */

	uint64_t first_off; /* of what is remote */
	char *failure;      /* how reading what is remote has failed; NULL = it has not */
	bool may_block;     /* opening it could wait for a writer: a FIFO */
	bool has_begun;     /* a stream that was read from */
	bool is_terminal;   /* of such a stream */
	/* Bytes of a stream are not passed on when it pauses: nothing waits for them. The caller's;
	 * while is_filling, a cancellation loses none. */
	bool fills, is_filling;
	uint64_t left; /* of a stream that is a file: bytes up to its size when it was opened; else
			   UINT64_MAX */
	uint64_t left_at_first; /* of it, when its first byte was to be read */
	/* A stream that is a regular file, such as those of /proc: it may be longer than its
	 * size. */
	bool may_be_made_up;
	uint64_t claimed_size; /* its size when it was opened */
	uint64_t claimed_left; /* the part of that which was not read yet */
	int fd;
	enum sl_input_direct direct;
	int direct_fd;
	bool no_nowait; /* the file system does not support RWF_NOWAIT */
	bool is_cold;
	uint64_t probe_at; /* where the page cache is tried again in a cold file */
	uint64_t from;     /* where reading begins: what is before is not wanted */
	uint64_t next_off; /* of the next range */
	uint64_t until;    /* if it is lent */
	bool may_be_sparse;
	uint64_t hole_end; /* if > next_off: a hole up to here comes next */
	uint64_t data_end; /* if > next_off: no long hole begins before */
	struct sl_input_context *context;
	uint64_t direct_bytes; /* read with O_DIRECT */
	uint64_t waited_ns;    /* for cold data, or for a stream */
};

/* Around what waits for data of the input. The first returns what the second takes. */
static inline uint64_t
sl_input_begin_wait(struct sl_input *input)
{
	uint64_t now_ns = sl_now();
	sl_meter_change(input->context ? input->context->meter : NULL, now_ns, 0, 1);
	return now_ns;
}

static inline void
sl_input_end_wait(struct sl_input *input, uint64_t begun_ns)
{
	uint64_t now_ns = sl_now();
	sl_meter_change(input->context ? input->context->meter : NULL, now_ns, 0, -1);
	input->waited_ns += now_ns - begun_ns;
}

/* A range of a file that is to be read. */
struct sl_input_range {
	uint64_t off;
	size_t len;
	bool is_probe; /* try the page cache first, although the data before it was cold */
	bool is_hole;  /* zeros that need not be read */
};

/* "-" is standard input unless the input was found in a directory. The path is copied. Returns 0 or
 * -ENOMEM. */
int sl_input_new(struct sl_input **out, const char *path, bool is_found) SL_MUST_CHECK;

/*
 * Before it is opened: the regular file that is open as `fd` is read in place of the path, from
 * byte `from` up to byte `until` or its end. The descriptor is neither moved nor closed.
 */
void sl_input_lend(struct sl_input *input, int fd, uint64_t from, uint64_t until);

/* Before it is opened: it is not, since it could not be with this code. */
void sl_input_refuse(struct sl_input *input, int code);

/* It is read by these functions, whatever its path is. Before it is opened. */
void sl_input_set_remote(struct sl_input *input, const struct sl_input_remote *remote);

/* Must be closed. NULL is fine. */
void sl_input_free(struct sl_input *input);

/* True if reading one of two open streams may take bytes of the other. */
bool sl_input_is_same_stream(const struct sl_input *a, const struct sl_input *b);

/* Identify the regular file that is open as `fd`; {0} if fd < 1 or it is not a regular file. */
SL_SUSPENDS
struct sl_input_identity sl_input_identify(int fd);

/* An argument of the command as `shown` would have it, the caller's to free; NULL if out of
 * memory. */
char *sl_input_show_argument(const char *path) SL_MUST_CHECK;

#define SL_INPUT_OPEN_MAX 64u /* inputs opened with one call */
#define SL_INPUT_SMALL_ALIGN 64u

/* Memory for small files that are read and closed as soon as they are open, if they are in the page
 * cache: so thousands of them cost no further calls. */
struct sl_input_small {
	unsigned char *data; /* the caller's, `room` bytes */
	size_t room;
	size_t file_max; /* of a longer file nothing is read */
	size_t used;     /* set by sl_input_open: bytes of `data` */
	/* Likewise: where the bytes of input i are, all of them, at a multiple of
	 * SL_INPUT_SMALL_ALIGN; or NULL: it is open, or has failed. */
	unsigned char *files[SL_INPUT_OPEN_MAX];
};

/* What opening up to `most` inputs with one call takes, for one call at a time. NULL if out of
 * memory. */
struct sl_input_opener *sl_input_opener_new(size_t most) SL_MUST_CHECK;
void sl_input_opener_free(struct sl_input_opener *opener);

/*
 * Open them and determine their kinds. A failure is stored in its input->err; inputs whose err.code
 * is set already are skipped. The output fails, because it would grow by the matches found in it.
 * `small` may be NULL. Returns 0, or the cancellation: then none is open.
 */
SL_SUSPENDS
int sl_input_open(struct sl_input_opener *opener, struct sl_input **inputs, size_t count,
	struct sl_input_context *context, struct sl_input_small *small) SL_MUST_CHECK;

SL_SUSPENDS
void sl_input_close(struct sl_input *input);

/*
 * Read whole small files with one call, file i to data[i], if they are in the page cache. Where
 * is_read[i] is false, sl_input_read has to read the file, and reports its failure. Returns 0 or
 * the cancellation.
 */
SL_SUSPENDS
int sl_input_read_small(struct sl_input **inputs, unsigned char *const *data, size_t count,
	bool *is_read) SL_MUST_CHECK;

#define SL_INPUT_FIRST_MAX 8u

/*
 * Read the first `most` bytes of each file, or all of a shorter one, waiting for a disk if need be:
 * file i to data + i * most, lens[i] bytes. Fewer if reading fails: sl_input_read reports that; if
 * they are too few to tell what the file is (sniff.h), the failure is stored in the file's `err`.
 * At most SL_INPUT_FIRST_MAX files. Returns 0 or the cancellation.
 */
SL_SUSPENDS
int sl_input_read_first(struct sl_input **inputs, size_t count, unsigned char *data, size_t most,
	size_t *lens) SL_MUST_CHECK;

/*
 * Read `len` bytes of a file at `off`, waiting for a disk if need be. Returns their number: fewer
 * if the file has become shorter or reading fails, which sl_input_read reports; or the
 * cancellation.
 */
SL_SUSPENDS
int sl_input_look(
	struct sl_input *input, uint64_t off, unsigned char *data, size_t len) SL_MUST_CHECK;

/* Before the first range: only [from, until) of the file is read. */
void sl_input_narrow(struct sl_input *input, uint64_t from, uint64_t until);

/* Close files that sl_input_read_small has read. */
SL_SUSPENDS
void sl_input_close_many(struct sl_input **inputs, size_t count);

/* If the file is sparse, find out whether a hole comes next. Returns 0 or the cancellation. */
SL_SUSPENDS
int sl_input_find_hole(struct sl_input *input) SL_MUST_CHECK;

/*
 * The next range of a file: a hole found by sl_input_find_hole, or at most `most` bytes (a multiple
 * of SL_INPUT_ALIGN) before the next known hole. False after the last.
 */
bool sl_input_next(struct sl_input *input, size_t most, struct sl_input_range *range);

/*
 * Read a range to `data` (aligned to SL_INPUT_ALIGN, with room up to the next multiple of it).
 * Returns the bytes read: fewer than asked if the file has become shorter. A negative code if
 * reading failed; *read_len bytes were read nevertheless.
 */
SL_SUSPENDS
int sl_input_read(struct sl_input *input, const struct sl_input_range *range, unsigned char *data,
	size_t *read_len) SL_MUST_CHECK;

/* False if the data read last was not in the page cache, or the file system does not report it. */
bool sl_input_may_be_warm(const struct sl_input *input);

/*
 * True if the last of the next `len` bytes of a file is in the page cache; bytes before it may be
 * missing nevertheless. If not, the file counts as cold from here on.
 */
bool sl_input_is_cached(struct sl_input *input, size_t len);

/* True if the file is cold and being read through the page cache. */
bool sl_input_is_caching(const struct sl_input *input);

/*
 * Bring a range into the page cache. *is_read: it was there already and was read to `data`, which
 * has room for it. Else the caller tries to read it from there; sl_input_read reports failures.
 * Returns 0 or the cancellation.
 */
SL_SUSPENDS
int sl_input_fetch(struct sl_input *input, const struct sl_input_range *range, unsigned char *data,
	bool *is_read) SL_MUST_CHECK;

/*
 * On any thread: copy [off, off + len) from the page cache without waiting for a disk. Returns the
 * bytes copied; fewer if the next byte is not cached, the file has become shorter, or reading
 * failed: sl_input_read returns which.
 */
size_t sl_input_read_cached(struct sl_engine *engine, int fd, uint64_t off, unsigned char *data,
	size_t len) SL_MUST_CHECK;

/*
 * Read a stream until `most` bytes were read, the stream pauses (and input->fills is not set), or
 * it ends. Returns the count, 0 only at its end, or a negative code; *read_len as above.
 */
SL_SUSPENDS
int sl_input_read_stream(
	struct sl_input *input, unsigned char *data, size_t most, size_t *read_len) SL_MUST_CHECK;

/* Set input->err for a file that is not sorted, of which so many bytes were not read; for a read
 * that failed behind `off` bytes that are counted; for a form that cannot be scanned and begins
 * behind `counted` bytes, of the input or of what it is decoded to; for data that cannot be
 * decoded, at about its byte `off`, behind `counted` bytes of text, or because it needs so large a
 * window and for that so much memory, where 0 is more than any; or for lines that a pattern's
 * limits left undecided. Return its code. */
int sl_input_fail_unsorted(struct sl_input *input, uint64_t skipped);
int sl_input_fail_read(struct sl_input *input, int code, uint64_t off);
int sl_input_fail_form(
	struct sl_input *input, enum sl_form form, bool is_decoded, uint64_t counted);
int sl_input_fail_decode(
	struct sl_input *input, const char *reason, uint64_t off, uint64_t counted);
int sl_input_fail_window(
	struct sl_input *input, const char *reason, uint64_t window, uint64_t memory);
int sl_input_fail_undecided(
	struct sl_input *input, const struct sl_block_totals *totals, bool has_expressions);
int sl_input_fail_binary(struct sl_input *input);

#endif
