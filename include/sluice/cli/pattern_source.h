/*
 * pattern_source.h - the patterns of `sluice scan`: those of -e, then those in the files of -f.
 *
 * Files are read in the run, so that a FIFO or a terminal, which may take any time, is waited for
 * until --deadline and signals end it.
 */
#ifndef SLUICE_CLI_PATTERN_SOURCE_H
#define SLUICE_CLI_PATTERN_SOURCE_H

#include "sluice/cli/options.h"
#include "sluice/scan/pattern_file.h"

struct sl_pattern_source {
	struct sl_pattern_texts list;
	struct sl_buf *files; /* their text */
	size_t file_count;
};

/*
 * Together the files have at most `limit` bytes. Returns 0; SL_E_USAGE or the code of reading, with
 * `err` naming the file. *source is to be released in any case.
 */
SL_SUSPENDS
int sl_pattern_source_read(struct sl_pattern_source *source, const struct sl_scan_options *options,
	uint64_t limit, struct sl_error *err) SL_MUST_CHECK;

/* Harmless on {0}. */
void sl_pattern_source_release(struct sl_pattern_source *source);

#endif
