/*
 * get_scan_int.h - what get_scan.c, the run, has of get_scan_file.c, one file.
 */
#ifndef SLUICE_CLI_GET_SCAN_INT_H
#define SLUICE_CLI_GET_SCAN_INT_H

#include "sluice/cli/get_scan.h"

/* Of the bytes of files; its `file` is get_scan_file.c's. */
struct sl_tee_consumer get_scan_consumer(struct sl_get_scan *scan);

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

#endif
