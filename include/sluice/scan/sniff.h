/*
 * sniff.h - what the first bytes of an input say about it. By content, never by name. Pure.
 */
#ifndef SLUICE_SCAN_SNIFF_H
#define SLUICE_SCAN_SNIFF_H

#include "sluice/base/bytes.h"

/* A file found in a directory is binary if it has a NUL in as many bytes. */
#define SL_SNIFF_BINARY (8u * 1024u)

/* With as many bytes, or all of a shorter input, the form is certain. */
#define SL_SNIFF_FORM 16u

enum sl_form {
	SL_FORM_PLAIN, /* lines of bytes, as far as can be seen */
	SL_FORM_GZIP,
	SL_FORM_ZSTD,
	SL_FORM_XZ,
	SL_FORM_BZIP2,
	SL_FORM_UTF16, /* by its byte order mark; UTF-32 too */
};

enum sl_form sl_sniff_form(const unsigned char *data, size_t len);

/* True if more bytes could make something else of it than sl_sniff_form says: these begin as a form
 * does. */
bool sl_sniff_wants_more(const unsigned char *data, size_t len);

/* True if there is a NUL in the first SL_SNIFF_BINARY bytes. */
bool sl_sniff_is_binary(const unsigned char *data, size_t len);

/* For messages: "gzip", "UTF-16". Static text. */
const char *sl_form_name(enum sl_form form);

/* A command that prints such a file as plain text, without the file's name: "zcat". Static text. */
const char *sl_form_reader(enum sl_form form);

#endif
