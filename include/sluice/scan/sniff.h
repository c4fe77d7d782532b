/*
 * sniff.h - what the bytes of an input are: lines of text, compressed, UTF-16, binary. By content;
 * its name only tells text from compressed data whose magic number was cut or damaged. Pure.
 */
#ifndef SLUICE_SCAN_SNIFF_H
#define SLUICE_SCAN_SNIFF_H

#include "sluice/base/bytes.h"

/* Bytes at the beginning of an input that decide its form, and whether it is binary. */
#define SL_SNIFF_WINDOW (8u * 1024u)

enum sl_form {
	SL_FORM_PLAIN, /* lines of bytes, as far as can be seen */
	SL_FORM_GZIP,
	SL_FORM_ZSTD,
	SL_FORM_XZ,
	SL_FORM_BZIP2,
	/* Compressed in another way, which is not decoded. */
	SL_FORM_LZ4,
	SL_FORM_COMPRESS,
	SL_FORM_LZIP,
	SL_FORM_ZIP,
	SL_FORM_7Z,
	SL_FORM_RAR,
	/* By a byte order mark, or in the middle of an input (wide.h). */
	SL_FORM_UTF16,
	SL_FORM_UTF32,
	/* Without one, by the NULs between its ASCII characters. */
	SL_FORM_UTF16LE,
	SL_FORM_UTF16BE,
	SL_FORMS
};

/*
 * The form of an input that begins with these bytes, SL_SNIFF_WINDOW of them or as many as
 * sl_sniff_wants_more wants; or fewer, if that is the whole input. By its magic number; or, behind
 * NULs, which are a hole, UTF-16 by its first line, of which at most 24 characters are looked at:
 * at least 4, the first of them and three quarters ASCII. Further bytes do not change it.
 */
enum sl_form sl_sniff_form(const unsigned char *data, size_t len);

/*
 * The same of an input with this name. It has the form that its suffix promises, and cannot be
 * decoded, if these bytes are all of it, fewer than the magic number and the beginning of it, or
 * none: it was cut; or if it is binary, and of no other form: it is damaged, or not what it is
 * called.
 */
enum sl_form sl_sniff_named_form(struct sl_span name, const unsigned char *data, size_t len);

/* True if more bytes could change the answer of sl_sniff_form: these are the beginning of a magic
 * number, or too few to tell UTF-16 from text with a NUL. */
bool sl_sniff_wants_more(const unsigned char *data, size_t len);

/*
 * True if an input that begins with these bytes is binary: by its magic number, or because it has
 * NULs and more than one in 32 of its bytes are control bytes. Runs of NULs are left out: they are
 * holes, such as truncating a log that is written to leaves at its start.
 */
bool sl_sniff_is_binary(const unsigned char *data, size_t len);

/* The same of a file without holes: runs of NULs count. */
bool sl_sniff_is_binary_throughout(const unsigned char *data, size_t len);

/* True if the first SL_SNIFF_WINDOW bytes have carriage returns and no newline. */
bool sl_sniff_has_only_cr(const unsigned char *data, size_t len);

/* For messages: "gzip", "UTF-16". Static text. */
const char *sl_form_name(enum sl_form form);

/* The command that turns a file of this form into text when its name follows: "zcat". Static
 * text. */
const char *sl_form_reader(enum sl_form form);

/* True for UTF-16 and UTF-32, false for what is compressed. */
bool sl_form_is_wide(enum sl_form form);

/* True for what is compressed in a way that is not decoded. Such files are binary as well. */
bool sl_form_is_foreign(enum sl_form form);

#endif
