/*
 * manifest.h - what to download: entries from the command line and from lists. Pure.
 *
 * A list is plain URLs, one a line, or aria2's input file (which is also what aria2 saves a session
 * as): URLs of one file separated by TAB, then option lines that begin with white space, one
 * name=value each. '#' in the first column begins a comment; blank lines are skipped; lines may end
 * with CRLF.
 */
#ifndef SLUICE_DOWNLOAD_MANIFEST_H
#define SLUICE_DOWNLOAD_MANIFEST_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"
#include "sluice/download/checksum.h"

#define SL_MANIFEST_LINE (64u * 1024u) /* bytes of a line; longer ones are refused */
#define SL_ENTRY_SOURCES 32            /* URLs of one file */
#define SL_ENTRY_HEADERS 32            /* header= lines of one file */

/* An option that is yes or no, and may be absent. */
enum sl_entry_choice { SL_ENTRY_UNSET, SL_ENTRY_YES, SL_ENTRY_NO };

/* Spans point into the text the entry was parsed from. */
struct sl_entry {
	struct sl_span sources[SL_ENTRY_SOURCES];
	size_t source_count;
	struct sl_span headers[SL_ENTRY_HEADERS]; /* "Name: value" */
	size_t header_count;
	struct sl_span out;                 /* len 0 = from the URL */
	struct sl_span dir;                 /* len 0 = the directory of the run */
	struct sl_span referer, user_agent; /* header fields; len 0 = none, the client's own */
	struct sl_span user, password;      /* for URLs without their own; user.len 0 = none */
	struct sl_checksum checksum;
	enum sl_entry_choice remote_time;
	bool from_list; /* its names must stay under the directory of the run */
	uint64_t line;  /* where it began, 1-based; 0 = command line */
};

/* A copy whose spans point into *memory, the caller's to free. Returns 0 or -ENOMEM. */
int sl_entry_copy(struct sl_entry *out, const struct sl_entry *entry, char **memory) SL_MUST_CHECK;

#define SL_MANIFEST_IGNORED_WORDS 2

struct sl_manifest {
	struct sl_span rest;                         /* of the list's text, the caller's memory */
	uint64_t line;                               /* lines consumed */
	uint64_t ignored[SL_MANIFEST_IGNORED_WORDS]; /* options of aria2 that were found */
};

void sl_manifest_init(struct sl_manifest *manifest, struct sl_span text);

/*
 * The next entry into *out. Returns 1; 0 at the end; SL_E_USAGE with line and reason in *err: the
 * entry cannot be used, and the next call goes on behind it; a NUL byte ends the list. Options
 * that neither this program nor aria2 has are refused. A header's value, which may be a secret, is
 * in no message.
 */
int sl_manifest_next(
	struct sl_manifest *manifest, struct sl_entry *out, struct sl_error *err) SL_MUST_CHECK;

/* Append the names of aria2's options that were met so far and have no effect here, separated by
 * ", ". */
void sl_manifest_add_ignored(const struct sl_manifest *manifest, struct sl_buf *out);

#endif
