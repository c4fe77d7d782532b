/*
 * coding.h - content codings (RFC 9110 8.4): which one a response has, and whether a file is that
 * by its name. Pure.
 *
 * A coding is a property of a response: the file is what is inside. But object stores declare what
 * leaves the bytes as they are, and servers call the compression of the file itself a coding
 * (AddEncoding of Apache).
 */
#ifndef SLUICE_HTTP_CODING_H
#define SLUICE_HTTP_CODING_H

#include "sluice/codec/codec.h"
#include "sluice/http/head.h"

/* What can be decoded, for Accept-Encoding. */
#define SL_CODING_ACCEPT "gzip, br, zstd, deflate"

enum sl_coding {
	SL_CODING_NONE,
	SL_CODING_ONE,         /* that can be decoded */
	SL_CODING_UNSUPPORTED, /* another one */
	SL_CODING_SEVERAL, /* one behind the other: a small body could become huge (CVE-2022-32206,
				  CVE-2023-23916), and no server needs it */
};

/* Of a response; with SL_CODING_ONE *codec is what decodes it. */
enum sl_coding sl_coding_read(const struct sl_head *head, enum sl_codec *codec);

/* The coding leaves the bytes as they are: "identity", and other names that are used for it. */
bool sl_coding_is_none(struct sl_span coding);

/* A file of this name is compressed in the way of this coding: x.tar.gz is gzip by its name. */
bool sl_coding_is_named_by(struct sl_span coding, struct sl_span name);

/* A file of this name is compressed in the way of any coding. */
bool sl_coding_has_name(struct sl_span name);

#endif
