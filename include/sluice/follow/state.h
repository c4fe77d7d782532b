/*
 * state.h - how far logs were scanned, and its text in the file of --state. Pure.
 *
 *	sluice state 2
 *	offset=5120 lines=64 errors=3 size=5120 modified=1769900000.123456789 file=8:1:1234
 *	  born=1769800000.123456789 head=1024:0123456789abcdef tail=256:0123456789abcdef
 *	  flags=- stamp=1769900000.000000000+3600 path=/var/log/app.log
 *	...
 *	end 1 89abcdef
 *
 * A log has one line (broken above): bytes of its text that were scanned, after decompression;
 * lines and error lines among them; size and modification time of its file when it was scanned;
 * device and inode, and when the file was created, 0.0 if that is not known; fingerprint
 * (fingerprint.h), number of bytes and hash; flags, of which `c` is compressed or UTF-16, `r`
 * rotated and `y` that the stamp has no year (timestamp.h); the last time stamp, and its zone in
 * seconds if that is known, or -; its path, and of a rotated log after a tab that of its file.
 * Version 1 had no stamps, and no times of creation.
 * In paths, backslashes are \\, and control bytes, tabs among them, \xNN. The last line has the
 * number of logs and the CRC-32C of all lines before it: a file that was cut or changed is noticed.
 */
#ifndef SLUICE_FOLLOW_STATE_H
#define SLUICE_FOLLOW_STATE_H

#include "sluice/base/error.h"
#include "sluice/follow/fingerprint.h"
#include "sluice/logline/record.h"
#include "sluice/scan/period.h"

#define SL_STATE_MAGIC "sluice state "
#define SL_STATE_VERSION 2
#define SL_STATE_MAX (1024 * SL_MIB) /* bytes of a file: millions of logs */

struct sl_state_file {
	unsigned dev_major, dev_minor;
	uint64_t inode;
	uint64_t size;
	uint64_t mtime_s, mtime_ns; /* since 1970 */
	uint64_t born_s, born_ns;   /* likewise, of its creation; 0 = not known */
};

struct sl_state_log {
	char *path; /* as it was named or found */
	char *at;   /* of a rotated log: its file; else NULL */
	struct sl_state_file file;
	uint64_t off; /* of its text */
	uint64_t lines, hits;
	struct sl_fingerprint print;
	bool is_encoded; /* compressed, or UTF-16 */
	/* The last of those lines that have one; `begin` and `end` are not stored, nor unit_ns. */
	struct sl_timestamp stamp;
	bool has_stamp;

	/* Not stored. */
	bool is_dropped, is_old;   /* is_old: it was there when the round began */
	uint64_t round;            /* in which it was met last */
	uint64_t moved_round;      /* in which its text was found in another file last: ... */
	struct sl_state_file moved; /* ... this one, if it is not `file` yet */
	uint64_t seen_round;       /* in which there was last, when it began, a file where ... */
	struct sl_state_file seen; /* ... its own is to be: this one */
	int fd;                    /* of its file, kept open; -1 = none */
	uint64_t searched;         /* no newline is between `off` and here */
	uint64_t held_end;         /* of records: the lines from `off` to here are one, ... */
	enum sl_record_state held_state; /* ... behind which is this state */
	uint64_t settled_ns;             /* its last record is complete then, if ... */
	uint64_t settled_size;           /* ... its file still has this size; 0 = not looked at */
	bool is_held;                    /* the last record was left until then */
	uint64_t grown_ns;               /* when it had new lines last, or was rotated */
	bool has_more;                   /* its file has lines that were left to the next round */
	enum sl_period_side next_side;   /* of a line behind `off` that has no stamp */
	bool is_reported;                /* that its file cannot be read */
	struct sl_state_file presumed;   /* in this round: may be its, and cannot be read */
	bool is_refused;                 /* its content cannot be scanned, as far as it is known */
};

/* {0} is empty. */
struct sl_state {
	struct sl_state_log **logs; /* each on the heap: pointers stay valid */
	size_t count, cap;
};

/* With no file: the caller fills it in. NULL if out of memory. */
struct sl_state_log *sl_state_add(struct sl_state *state, const char *path) SL_MUST_CHECK;

/* Free those that were dropped. */
void sl_state_sweep(struct sl_state *state);

/* It is not stored any more, and freed with the next sweep. Its fd must be closed. */
void sl_state_drop(struct sl_state_log *log);

static inline bool
sl_state_is_dropped(const struct sl_state_log *log)
{
	return log->is_dropped;
}

/* The inode of a file that is removed is used again soon, so files have the time of their creation
 * as well, where the file system stores it. */
static inline bool
sl_state_is_same_file(const struct sl_state_file *a, const struct sl_state_file *b)
{
	bool may_be_same = a->born_s == 0 || b->born_s == 0 ||
			   (a->born_s == b->born_s && a->born_ns == b->born_ns);
	return a->inode == b->inode && a->dev_major == b->dev_major &&
	       a->dev_minor == b->dev_minor && may_be_same;
}

/* The same, and it has not changed since. */
static inline bool
sl_state_is_unchanged(const struct sl_state_file *a, const struct sl_state_file *b)
{
	return sl_state_is_same_file(a, b) && a->size == b->size && a->mtime_s == b->mtime_s &&
	       a->mtime_ns == b->mtime_ns;
}

/* Where its file is. */
static inline const char *
sl_state_at(const struct sl_state_log *log)
{
	return log->at ? log->at : log->path;
}

/* Writes the text in pieces, since states may be large. {.state = ...} is at its beginning. */
struct sl_state_writer {
	const struct sl_state *state;
	size_t next, count; /* logs */
	uint32_t crc;
	bool has_begun;
};

/* Append about `len` bytes, the next ones, to *out; false if there are no more. A failure of *out
 * is the caller's to look at, after each call. */
bool sl_state_write_some(struct sl_state_writer *writer, struct sl_buf *out, size_t len);

/* Reads it in pieces. {.state, .name} is at its beginning; the state is {0}, and to be released in
 * all cases, as the reader is. */
struct sl_state_reader {
	struct sl_state *state;
	const char *name; /* of the file, for messages */

	/* Private. */
	struct sl_buf rest; /* of a line */
	size_t line;        /* number of the one that was read last */
	uint64_t version;
	uint32_t crc;
	bool has_ended;
};

/* The next bytes. Returns 0; SL_E_USAGE if they are not of such a text, SL_E_UNSUPPORTED if it has
 * another version; -ENOMEM; each described in *err. */
int sl_state_read_some(
	struct sl_state_reader *reader, struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

/* After the last ones: the same. A text without any bytes has no logs. */
int sl_state_read_end(struct sl_state_reader *reader, struct sl_error *err) SL_MUST_CHECK;

/* Harmless on {0}. */
void sl_state_reader_release(struct sl_state_reader *reader);
void sl_state_release(struct sl_state *state);

#endif
