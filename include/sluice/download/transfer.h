/*
 * transfer.h - the bytes of one file, from the request to a part or stream that has all of them,
 * with the checksum that was given. From one source; trying others is the caller's.
 *
 * A transfer reports nothing. Its progress may be read at any time.
 */
#ifndef SLUICE_DOWNLOAD_TRANSFER_H
#define SLUICE_DOWNLOAD_TRANSFER_H

#include "sluice/download/hasher.h"
#include "sluice/download/place.h"
#include "sluice/download/segment.h"
#include "sluice/download/sink.h"

/* Of the run. */
struct sl_transfer_options {
	struct sl_http_client *client;
	struct sl_chunk_pool *pool;
	enum sl_io_mode io;
};

enum sl_transfer_state {
	SL_TRANSFER_CONNECTING, /* until a response has been accepted */
	SL_TRANSFER_RECEIVING,
	SL_TRANSFER_COMPLETE, /* all bytes are here: they are checked, then it returns */
};

struct sl_transfer {
	const struct sl_transfer_options *options;
	/* The caller's, set before each sl_transfer_run: */
	const struct sl_place *place;
	const struct sl_sources *sources; /* the one in use is asked */
	struct sl_part *part;             /* created and empty; NULL = the stream */
	int stream_fd;
	struct sl_part_attributes attributes; /* its mode; time and length are set here */
	bool wants_time;                      /* the part gets the time of Last-Modified */
	/* A response with the content has come. NULL = nothing is called. */
	void (*accepted)(struct sl_transfer *transfer);
	/* Progress: */
	enum sl_transfer_state state;
	uint64_t total; /* of the body; SL_BODY_UNKNOWN until it is known */
	struct sl_segment segment;
	/* transfer.c's: */
	bool is_open_ended; /* truncation of the body cannot be detected */
	int failure;        /* first */
	struct sl_sink sink;
	struct sl_hasher hasher;
	struct sl_error *err;
};

void sl_transfer_init(struct sl_transfer *transfer, const struct sl_transfer_options *options);

/*
 * Download all of it from the source in use. Returns 0: the part is complete and has its checksum,
 * and attributes are those it is to be sealed with (a small part is sealed already); or a code with
 * words in *err: then the part is as it is, and to be discarded.
 */
SL_SUSPENDS
int sl_transfer_run(struct sl_transfer *transfer, struct sl_error *err) SL_MUST_CHECK;

/* Bytes of the body so far, of the attempt under way or the last one. */
uint64_t sl_transfer_received(const struct sl_transfer *transfer);

#endif
