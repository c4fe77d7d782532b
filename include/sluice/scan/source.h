/*
 * source.h - one input: a file, or a stream such as standard input, opened and read through the
 * engine.
 *
 * A file (a regular one with a size) is read to the size it had when it was opened, at any offsets
 * and by several tasks at once. Warm parts are copied from the page cache without waiting
 * (RWF_NOWAIT); cold parts of large files are read past it (O_DIRECT) where the file system allows.
 * A stream (FIFO, terminal, file of /proc, anything without a size) is read in order, by one task
 * at a time, to its end; so is a file that is standard input, from where it stands to the size it
 * had.
 */
#ifndef SLUICE_SCAN_SOURCE_H
#define SLUICE_SCAN_SOURCE_H

#include "sluice/base/error.h"
#include "sluice/scan/sniff.h"

struct sl_engine;

#define SL_INPUT_ALIGN 4096u /* of buffers, and of offsets but at the end of a file */

/* What is in the page cache is taken in small pieces: they stay in the processor's cache until they
 * are scanned. */
#define SL_INPUT_WARM_PIECE (256u * 1024u)

enum sl_input_kind { SL_INPUT_FILE, SL_INPUT_STREAM };

enum sl_input_direct {
	SL_INPUT_DIRECT_NO,
	SL_INPUT_DIRECT_MAYBE,   /* allowed by file system and size; not opened yet */
	SL_INPUT_DIRECT_OPENING, /* by another task */
	SL_INPUT_DIRECT_YES,
};

/* Readable: the first group. The rest is the module's. */
struct sl_input {
	char *path;  /* as given or found; "-" is standard input */
	char *shown; /* the same, cut in its middle if it is long: for messages */
	bool is_stdin;
	bool is_found; /* in a directory, not named by the user */
	enum sl_input_kind kind;
	uint64_t size;       /* of a file when it was opened; 0 for a stream */
	struct sl_error err; /* err.code is not 0: it could not be opened, or reading it failed */

	bool may_block; /* opening it could wait for a writer: a FIFO */
	bool has_begun; /* a stream of which something was read */
	uint64_t left;  /* of a stream that is a file: bytes up to its size when it was opened; else
			   UINT64_MAX */
	uint64_t left_at_first; /* of it, when its first byte was to be read */
	bool may_be_made_up; /* a stream that is a regular file: it may have more than it claims */
	uint64_t claimed_size; /* of it, when it was opened */
	uint64_t claimed_left; /* what is not read of that */
	int fd;
	enum sl_input_direct direct;
	int direct_fd;
	bool no_nowait; /* the file system knows no RWF_NOWAIT */
	bool is_cold;
	uint64_t probe_at;     /* where a cold file is looked at again */
	uint64_t next_off;     /* of the next range */
	uint64_t direct_bytes; /* read past the page cache */
};

/* A range of a file that is to be read. */
struct sl_input_range {
	uint64_t off;
	size_t len;
	bool is_probe; /* try the page cache first, although what was before was cold */
};

/* "-" is standard input unless the input was found in a directory. The path is copied. Returns 0 or
 * -ENOMEM. */
int sl_input_new(struct sl_input **out, const char *path, bool is_found) SL_MUST_CHECK;

/* Must be closed. NULL is fine. */
void sl_input_free(struct sl_input *input);

/* A regular file, or none: {0}. */
struct sl_input_identity {
	bool is_file;
	unsigned dev_major, dev_minor;
	uint64_t inode;
};

/* Of what is open as `fd`; none below 1. */
SL_SUSPENDS
struct sl_input_identity sl_input_identify(int fd);

/*
 * Open them and find out what they are. What goes wrong with one stays with it, in input->err;
 * inputs whose err.code is set already are passed over; so fails `output`, which would grow by what
 * is found in it. Returns 0 or the cancellation; then some may be open.
 */
SL_SUSPENDS
int sl_input_open(struct sl_input **inputs, size_t count,
	const struct sl_input_identity *output) SL_MUST_CHECK;

#define SL_INPUT_SHOWN_MAX \
	400u /* bytes of a path in messages, which have room for the reason too */

#define SL_INPUT_OPEN_MAX 32u /* inputs opened with one call */

SL_SUSPENDS
void sl_input_close(struct sl_input *input);

/* The next range of a file, of at most `most` bytes (a multiple of SL_INPUT_ALIGN). False after the
 * last. */
bool sl_input_next(struct sl_input *input, size_t most, struct sl_input_range *range);

/*
 * Read a range to `data` (aligned to SL_INPUT_ALIGN, with room up to the next multiple of it).
 * Returns the bytes read: fewer than asked if the file has become shorter. A negative code if
 * reading failed; *read_len bytes are there nevertheless.
 */
SL_SUSPENDS
int sl_input_read(struct sl_input *input, const struct sl_input_range *range, unsigned char *data,
	size_t *read_len) SL_MUST_CHECK;

/* No part of the file was found to be cold lately. */
bool sl_input_may_be_warm(const struct sl_input *input);

/*
 * On any thread: copy all of [off, off + len) from the page cache without waiting for a disk. False
 * if it is not all there, the file has become shorter, or reading failed: sl_input_read tells
 * which.
 */
bool sl_input_read_warm(struct sl_engine *engine, int fd, uint64_t off, unsigned char *data,
	size_t len) SL_MUST_CHECK;

/*
 * Read what a stream gives, until `most` bytes are there, the stream pauses, or it ends. Returns
 * the count, 0 only at its end, or a negative code; *read_len as above.
 */
SL_SUSPENDS
int sl_input_read_stream(
	struct sl_input *input, unsigned char *data, size_t most, size_t *read_len) SL_MUST_CHECK;

/* Set input->err for a read that failed at `off`, for a form that cannot be scanned, or for lines
 * that a pattern's limits left undecided. Return its code. */
int sl_input_fail_read(struct sl_input *input, int code, uint64_t off);
int sl_input_fail_form(struct sl_input *input, enum sl_form form);
int sl_input_fail_undecided(struct sl_input *input, uint64_t lines);
int sl_input_fail_binary(struct sl_input *input);

#endif
