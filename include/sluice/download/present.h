/*
 * present.h - what stands under a download's name already, and what --if-exists makes of it, before
 * the first byte is requested. Downloads nothing.
 */
#ifndef SLUICE_DOWNLOAD_PRESENT_H
#define SLUICE_DOWNLOAD_PRESENT_H

#include "sluice/download/at_hand.h"
#include "sluice/download/place.h"
#include "sluice/http/client.h"
#include "sluice/rt/chunk.h"

enum sl_if_exists {
	SL_EXISTS_AUTO,
	SL_EXISTS_SKIP,
	SL_EXISTS_REPLACE,
	SL_EXISTS_RENAME,
	SL_EXISTS_FAIL
};

struct sl_present_options {
	struct sl_http_client *client; /* to compare with what the server has */
	struct sl_chunk_pool *pool;    /* a chunk, to compute a checksum */
	enum sl_if_exists if_exists;
	bool may_stream;           /* --output gave the name: a device or FIFO is written to */
	bool sync;                 /* what may be in memory only is to be synced */
	bool compressed;           /* content codings are decoded (transfer.h) */
	bool look_only;            /* a stream is not opened: stream_fd is -1 */
	uint64_t stall_timeout_ns; /* how long a FIFO may be without a reader */
	/* What of a file that is not complete can be used: */
	bool resume; /* what aria2 has left, with its control file */
	bool adopt;  /* any that is shorter than the server's: it becomes the part */
	bool append; /* the same, and it stays until the new one is complete */
	bool verify; /* a complete file is read, and what is damaged is fetched again */
};

enum sl_present_kind {
	SL_PRESENT_ABSENT,  /* nothing: the file may be made, and must not replace anything */
	SL_PRESENT_REPLACE, /* a file or a dangling link that is to be replaced */
	SL_PRESENT_TAKEN,   /* something that keeps its name: another name is to be found */
	SL_PRESENT_SAME,    /* the complete file */
	SL_PRESENT_USABLE,  /* a file that is not complete, or damaged, with at_hand */
	SL_PRESENT_STREAM,  /* opened; the bytes go there, and nothing is renamed */
};

struct sl_present {
	enum sl_present_kind kind;
	uint64_t size;   /* of a regular file that was compared or is kept; else SL_BODY_UNKNOWN */
	bool has_rights; /* REPLACE: a file is there, whose rights the new one gets */
	struct sl_file_id file;     /* what has the name, links not followed; unless ABSENT */
	bool unverified;            /* SAME: it was not looked into */
	bool needs_sync;            /* SAME: it may not be on disk yet */
	bool has_journal;           /* beside a regular file that was compared: of a part */
	bool has_control;           /* USABLE, REPLACE: aria2 has left it, and its control file */
	struct sl_at_hand *at_hand; /* USABLE: what of it can be used; the caller's to free */
	int stream_fd; /* STREAM: the caller's; perhaps standard output or error itself */
};

/*
 * Look at the place's name. With SL_EXISTS_AUTO a regular file is compared: by the checksum of the
 * entry if it has one, else with `remote`, or if that is NULL with the source in use. Returns 0 and
 * the kind; a code with words in *err: -EEXIST if something stands there that is kept, what a
 * request to the source returns, or a kernel's code. present->size may be set then, too.
 */
SL_SUSPENDS
int sl_present_look(const struct sl_present_options *options, const struct sl_place *place,
	const struct sl_sources *sources, const struct sl_resource *remote,
	struct sl_present *present, struct sl_error *err) SL_MUST_CHECK;

/* Whether a file is compared by the checksum of its entry, without a request. The checksum is that
 * of the compressed file, so what was decoded is compared with the source. */
bool sl_present_is_by_checksum(const struct sl_place *place, const struct sl_entry *entry);

/* Whether something has the name that is no stream to be written to. */
SL_SUSPENDS
bool sl_present_is_taken(const struct sl_present_options *options, const struct sl_place *place);

#endif
