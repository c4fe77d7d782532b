/*
 * scanned.h - `get --scan` itself on a simulated world: what it reports of each file has to be what
 * a scan of the final file reports, totals, state and lines.
 */
#ifndef SLUICE_TESTS_SUPPORT_SCANNED_H
#define SLUICE_TESTS_SUPPORT_SCANNED_H

#include "engine_sim.h"

#include "sluice/cli/get_scan.h"

#define SCANNED_FILES 8

struct scanned_line {
	uint64_t off, whole_len;
	uint32_t crc;
	bool is_context;
};

/* What was reported of an input, by its path or URL. */
struct scanned_input {
	char path[64];
	unsigned begun, ended;
	struct sl_scan_result result; /* without its error */
	bool has_reason;
	struct scanned_line *lines;
	size_t count, cap;
};

struct scanned_report {
	struct scanned_input inputs[SCANNED_FILES];
	size_t count;
};

/* A file that has ended. */
struct scanned_file {
	char path[64], shown[64]; /* of a stream, where its content is put, and its URL */
	struct sl_span content;   /* of a stream */
	enum sl_download_state state;
	bool was_later; /* it was left to be scanned from disk */
};

struct scanned {
	struct sim *sim;
	struct sl_get_options options;
	struct sl_get_scan scan; /* while it runs */
	struct scanned_report report, want;
	struct scanned_file files[SCANNED_FILES];
	size_t count;
	unsigned restarts, later; /* files that were scanned from disk */
};

/* `argv` are options of get, with --scan. */
void scanned_init(struct scanned *scanned, struct sim *sim, int argc, char **argv);
void scanned_release(struct scanned *scanned);

/* In the task of the run, around it. */
SL_SUSPENDS
void scanned_open(struct scanned *scanned);

/* All have ended: each file is scanned, and compared. */
SL_SUSPENDS
void scanned_close(struct scanned *scanned);

/* For `ended` of the batch; `content` is that of a stream. */
SL_SUSPENDS
void scanned_ended(
	struct scanned *scanned, const struct sl_download *download, struct sl_span content);

#endif
