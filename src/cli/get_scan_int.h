/*
 * get_scan_int.h - what get_scan.c, the run, has of get_scan_file.c, one file; and what that has of
 * get_scan_events.c.
 */
#ifndef SLUICE_CLI_GET_SCAN_INT_H
#define SLUICE_CLI_GET_SCAN_INT_H

#include "sluice/cli/get_scan.h"
#include "sluice/scan/feed_decoding.h"
#include "sluice/scan/source.h"

/* Of the bytes of files; its `file` is get_scan_file.c's. */
struct sl_tee_consumer get_scan_consumer(struct sl_get_scan *scan);

/* What is selected depends on lines before it (scan/sequence.h). */
bool get_scan_needs_order(const struct sl_get_scan *scan);

enum get_scan_end {
	GET_SCAN_ENDED,               /* the sinks have its result, or it has none */
	GET_SCAN_LATER,               /* it is to be scanned from disk */
	GET_SCAN_LATER_REST,          /* the same; some of its lines were printed */
	GET_SCAN_LATER_WITHOUT_LINES, /* it is not known which */
};

/* A file has ended. *base: the offset of the first byte that is wanted of it. *given, {0} and to be
 * released: with LATER_REST, which lines of those were printed. */
SL_SUSPENDS
enum get_scan_end get_scan_file_ended(struct sl_get_scan *scan, const struct sl_download *download,
	uint64_t *base, struct sl_given *given);

/* A file that is scanned while it is downloaded. */
struct get_scan_file {
	struct sl_get_scan *scan;
	struct sl_input *input; /* as the sinks name it */
	struct sl_feed *feed;   /* NULL = out of memory */
	uint64_t base;          /* offset in the file of the first byte that it gets */
	/* Of a file that is not plain text, and comes in the order of its bytes: */
	struct sl_feed_decoding *decoding;
	uint64_t decoding_memory; /* that it has of the run's */
	/* Where the feed needs that order: */
	uint64_t started, added; /* bytes that passes have begun with, and have added */
	struct sl_list turns;    /* waiters: passes that have begun */
	int code;                /* why the feed is of no use; 0 = it is */
	enum sl_form form;       /* the same, if it is not PLAIN */
	unsigned char *head;     /* SL_SNIFF_WINDOW bytes, until they have come */
	size_t head_len;         /* bytes of it that have come */
	bool has_only_cr;        /* by them */
	bool has_bytes;          /* some were passed */
	bool is_stream;          /* it is not saved */
	bool is_ordered;         /* its bytes come in order, over any number of connections */
	bool has_begun;          /* the sinks know it */
	bool has_lines;          /* some were given to them since the last IDLE */
	bool has_result;
	uint64_t begun_ns;
	struct sl_feed_result result;
};

/* ---- get_scan_events.c ---- */

/* For sl_feed_setup; `ctx` is the file. */
SL_SUSPENDS
int get_scan_give_line(void *ctx, const struct sl_partial_line *found);

/* What is collected goes out: no more may come for long. */
SL_SUSPENDS
void get_scan_emit_idle(struct get_scan_file *file);

/* The file's result is counted, and goes to the sinks. */
SL_SUSPENDS
void get_scan_emit_end(struct get_scan_file *file, const struct sl_scan_result *result);

#endif
