/*
 * text_sample.h - the beginning of what `sluice scan` will read, for choices that make a scan
 * quicker and change no result.
 */
#ifndef SLUICE_CLI_TEXT_SAMPLE_H
#define SLUICE_CLI_TEXT_SAMPLE_H

#include "sluice/cli/options.h"

#define SL_TEXT_SAMPLE_MAX (1024u * 1024u) /* bytes */

/*
 * Append to *text, which is empty, the beginning of the first operand that is a regular file or a
 * directory which directly holds one. Nothing is appended if there is none, or it cannot be read.
 * Nothing that is not a regular file is opened for reading.
 */
void sl_text_sample_read(struct sl_buf *text, const struct sl_scan_options *options);

#endif
