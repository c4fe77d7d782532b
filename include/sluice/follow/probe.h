/*
 * probe.h - a file that may be a log that was scanned before: what it is, and whether it holds that
 * text.
 */
#ifndef SLUICE_FOLLOW_PROBE_H
#define SLUICE_FOLLOW_PROBE_H

#include "sluice/follow/record_search.h"
#include "sluice/follow/state.h"
#include "sluice/rt/engine.h"
#include "sluice/rt/task.h"
#include "sluice/scan/sniff.h"

#include <sys/stat.h>

#define SL_PROBE_BUFFER (64u * 1024u)

/* What is asked of a file, and what is kept of the answer. */
#define SL_PROBE_MASK (STATX_TYPE | STATX_INO | STATX_SIZE | STATX_MTIME | STATX_BTIME)
struct sl_state_file sl_probe_file(const struct statx *st);

struct sl_probe {
	int fd; /* -1 = none */
	struct sl_state_file file;
	bool is_regular;
	bool is_sniffed;
	enum sl_form form; /* if is_sniffed */
	unsigned char
		*buffer;     /* the caller's, of SL_PROBE_BUFFER bytes: overwritten by each call */
	uint64_t window_max; /* memory for the window of a decoder */
};

/* Open the file that the path leads to. Returns 0, or what open(2) or statx(2) does: then nothing
 * is open. */
SL_SUSPENDS
int sl_probe_open(struct sl_probe *probe, const char *path) SL_MUST_CHECK;

/* The same for one that is open already. */
SL_SUSPENDS
int sl_probe_take(struct sl_probe *probe, int fd) SL_MUST_CHECK;

/* Of what is called `path`, without opening it. False if there is nothing, or it is not a regular
 * file. */
SL_SUSPENDS
bool sl_probe_stat(const char *path, struct sl_state_file *file);

/* The same, by a call that blocks, from any thread. */
bool sl_probe_look(struct sl_engine *engine, const char *path, struct sl_state_file *file);

SL_SUSPENDS
void sl_probe_close(struct sl_probe *probe);

/* All below return a negative code if the file cannot be read. A file that is shorter than it was
 * has no fingerprint at that place, and no match. */

/* Sets `form`. Returns 1 if it is compressed or UTF-16, else 0. */
SL_SUSPENDS
int sl_probe_is_encoded(struct sl_probe *probe) SL_MUST_CHECK;

/* What its text begins with, as it is in the file, and decoded: a log of which many are looked for
 * in it is compared with that first. */
struct sl_probe_heads {
	struct sl_fingerprinter texts[2];
	unsigned count;
	/* Of each, the hash that was computed last, and of how many bytes. */
	uint64_t hashes[2];
	unsigned hash_lens[2];
};
SL_SUSPENDS
int sl_probe_heads(struct sl_probe *probe, struct sl_probe_heads *heads) SL_MUST_CHECK;

/* False if sl_probe_holds would return 0 for a log with this fingerprint: that reads the file. */
bool sl_probe_may_hold(struct sl_probe_heads *heads, const struct sl_fingerprint *print);

/* Of the first `off` bytes of the file. */
SL_SUSPENDS
int sl_probe_print(
	struct sl_probe *probe, uint64_t off, struct sl_fingerprint *print) SL_MUST_CHECK;

/* If it is encoded: of the beginning of its text, without a tail. */
SL_SUSPENDS
int sl_probe_head(struct sl_probe *probe, struct sl_fingerprint *print) SL_MUST_CHECK;

/* 1 if the file holds the text of the log, as far as that was scanned, or if nothing was, its
 * beginning as far as that was seen; else 0, also if nothing was seen. */
SL_SUSPENDS
int sl_probe_holds(struct sl_probe *probe, const struct sl_state_log *log) SL_MUST_CHECK;

/* The same of the file that has the identity of the log: 1 also if nothing was seen. */
SL_SUSPENDS
int sl_probe_may_be(struct sl_probe *probe, const struct sl_state_log *log) SL_MUST_CHECK;

/* Behind the last newline of [from, to); `from` if there is none. */
SL_SUSPENDS
int sl_probe_last_line(
	struct sl_probe *probe, uint64_t from, uint64_t to, uint64_t *end) SL_MUST_CHECK;

/* Where the last record of the lines in [from, to) begins, which follow lines of a record in this
 * state; SL_RECORD_SEARCH_NONE if all of them belong to that. Sets *state to that behind them. */
SL_SUSPENDS
int sl_probe_last_record(struct sl_probe *probe, uint64_t from, uint64_t to,
	enum sl_record_state *state, uint64_t *begin) SL_MUST_CHECK;

/* 1 and *stamp of the last line of [*from, to) that has one; else 0, and *from is where the lines
 * begin that were looked at: only the last SL_PROBE_STAMP_MAX bytes are. */
SL_SUSPENDS
int sl_probe_last_stamp(struct sl_probe *probe, uint64_t *from, uint64_t to,
	struct sl_timestamp *stamp) SL_MUST_CHECK;

#define SL_PROBE_STAMP_MAX SL_MIB

#endif
