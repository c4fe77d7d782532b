/*
 * transfer.h - the bytes of one file, from the request to a part or stream that has all of them,
 * with the size and the checksum that were given, or the checksum that the server sent. It begins
 * with one source; trying others if that fails is the caller's.
 *
 * A file that is large enough, and whose server sends ranges of a version that can be told from
 * others, comes in several segments (segments.h). What has arrived of it is kept when an attempt
 * fails: the next one goes on with what is missing. The other sources of such a file are compared
 * with the bytes at hand, and join if they have the same (transfer_sources.c).
 *
 * With options.compressed a response may have a content coding, which the client decodes: its
 * length is not known, and it is neither divided nor resumed. Size and checksum are those of the
 * file.
 *
 * With a codec in its place, the body comes in one response, is hashed as it comes, and decoded;
 * the content is stored.
 *
 * A transfer reports nothing. Its progress may be read at any time.
 */
#ifndef SLUICE_DOWNLOAD_TRANSFER_H
#define SLUICE_DOWNLOAD_TRANSFER_H

#include "sluice/download/decode.h"
#include "sluice/download/hasher.h"
#include "sluice/download/place.h"
#include "sluice/download/segments.h"
#include "sluice/download/sink.h"
#include "sluice/download/tee.h"

/* Of the run. */
struct sl_transfer_options {
	struct sl_http_client *client;
	struct sl_chunk_pool *pool;
	enum sl_io_mode io;
	struct sl_admission *admission;
	unsigned segments;          /* of one file at once; at least 1 */
	uint64_t decode_window_max; /* bytes, see sl_decoder_new */
	bool compressed;            /* content codings are requested, and decoded */
	uint64_t min_segment; /* bytes of a piece; smaller files than two of them are not divided */
	bool keeps_journal;   /* of files in ranges */
	bool sync;            /* the part, from time to time */
	struct sl_semaphore *sync_turn;
	/* As of sl_journal_options. */
	void (*sync_failed)(void *ctx, struct sl_directory *directory, int code);
	void *sync_ctx;
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
	struct sl_tee *tee;                   /* what is stored also goes there; NULL = nowhere */
	struct sl_part_attributes attributes; /* its mode; time and length are set here */
	bool wants_time;                      /* the part gets the time of Last-Modified */
	bool is_expected; /* sl_admission_expect was called for it; until it has its first permit */
	/* Called with the head of an answer that will be stored, before anything is; may change
	 * place, part and attributes. 0, or the code the transfer ends with, also a positive one.
	 * NULL = nothing. */
	SL_SUSPENDS
	int (*accept)(void *ctx, const struct sl_http_exchange *exchange);
	/* Whether another source may be asked now; then note_source follows, unless the run ends
	 * before. NULL = always. */
	bool (*may_ask)(void *ctx, const struct sl_sources *source);
	/* What a source, also the one in use, has done: it has responded to a request for a range
	 * or a comparison (NULL), or has failed while others go on. May be NULL. */
	void (*note_source)(void *ctx, const struct sl_sources *source, const struct sl_error *err);
	void *ctx;
	bool wants_stamp; /* and an attribute for later runs (stamp.h) */
	/* Progress: */
	enum sl_transfer_state state;
	uint64_t total;                  /* of the body; SL_BODY_UNKNOWN until it is known */
	struct sl_segment_counts counts; /* of all attempts since sl_transfer_init */
	struct sl_segments segments;
	/* What is fetched: valid if is_ranged, which holds from the first response to the end. */
	bool is_ranged;
	bool no_ranges;          /* set by the caller: all in one response, whatever it offers */
	bool is_alone;           /* set by the caller: the bytes of no other source are used */
	struct sl_source source; /* of sl_transfer_run, and its version; the size is `total` */
	size_t source_index; /* of the source that `source` is; SIZE_MAX = it is to be compared */
	struct sl_ranges ranges;  /* received, and given to the sink */
	struct sl_ranges written; /* in the part */
	uint64_t resumed;         /* bytes that were in the part when it was taken over */
	uint64_t known_len; /* set by the caller: of these, the first, which were complete before:
			       a file has grown */
	uint64_t delivered[SL_ENTRY_SOURCES]; /* bytes by source, since sl_transfer_reset */
	/* Unless is_ranged, `base` bytes of the body were here when counts.received was base_at. */
	uint64_t base, base_at;
	/* transfer.c's: */
	struct sl_stamp stamp;
	struct sl_checksum sent; /* by the server: verified if none was given */
	bool failed_elsewhere; /* the failure of the run is that of another source than `sources` */
	bool is_open_ended;    /* truncation of the body cannot be detected */
	bool is_coded;         /* the response has a content coding that is decoded */
	bool is_parallel;      /* more than one segment may be at work */
	/* What a stream lacks is fetched by a request for all of it, of which what was written is
	 * skipped if it is that. */
	bool skips_written;
	uint32_t written_crc; /* CRC-32C of what was written to a stream; if is_ranged */
	bool is_repair;       /* bad pieces are fetched again */
	int failure;          /* first */
	/* transfer_sources.c's: */
	struct sl_transfer_mirror *mirrors; /* other sources, while they may be used */
	size_t mirror_count;
	struct sl_source *asked[SL_ENTRY_SOURCES]; /* `source`, then the mirrors */
	size_t asked_count;
	uint32_t *providers;    /* for each MiB, the sources that delivered any of it: set of 1 <<
				   index. NULL = not kept */
	struct sl_list compare; /* waiter: the task that compares sources */
	bool can_compare;       /* it is running */
	struct sl_permit permit;
	struct sl_lease first_lease;
	struct sl_sink sink;
	struct sl_hasher hasher;
	struct sl_decode decode; /* unless the body is stored as it comes */
	struct sl_error *err;
};

void sl_transfer_init(struct sl_transfer *transfer, const struct sl_transfer_options *options);

/* Forget what has arrived, for a part that is empty again. Harmless on one that has not been run,
 * and called again. */
SL_SUSPENDS
void sl_transfer_reset(struct sl_transfer *transfer);

/* As sl_part_begin_journal, for bytes of this version that come from `url`. */
SL_SUSPENDS
int sl_transfer_begin_journal(const struct sl_transfer_options *options, struct sl_part *part,
	const struct sl_url *url, const struct sl_resource *resource) SL_MUST_CHECK;

/* The part was taken over with its journal: the run goes on from what that contains. Returns 0 or
 * -ENOMEM. */
int sl_transfer_resume(
	struct sl_transfer *transfer, const struct sl_journal_content *content) SL_MUST_CHECK;

/*
 * Download all of it from the source in use, or what is missing since an earlier run. Returns 0:
 * the part is complete and has its checksum, and attributes are those it is to be sealed with (a
 * small part is sealed already); or a code with words in *err: then the part is to be discarded and
 * the transfer reset, unless sl_transfer_can_resume. SL_E_CHANGED: the server has another version
 * now, or the source that is in use now has another one than that which the bytes at hand came
 * from. SL_E_UNSUPPORTED after can_resume was true: what is missing cannot be fetched as ranges.
 */
SL_SUSPENDS
int sl_transfer_run(struct sl_transfer *transfer, struct sl_error *err) SL_MUST_CHECK;

/* It will want no permit any more, if it has not had one yet. */
void sl_transfer_is_not_expected(struct sl_transfer *transfer);

/* After a failed run: whether another one would go on with what has arrived. For a stream, this
 * transfer must be kept for that: nothing else has the version, and the state of the checksum. */
bool sl_transfer_can_resume(const struct sl_transfer *transfer);

/* After a failed run with SL_E_UNSUPPORTED: have the next one of a stream request all of it and
 * skip what was written, if the response is of the same version. False if it cannot, or has done
 * so. */
bool sl_transfer_skip_written(struct sl_transfer *transfer);

/* Bytes have been written to the stream: it cannot be begun again. */
bool sl_transfer_has_streamed(const struct sl_transfer *transfer);

/* After a run that ended well: whether there was a checksum to compare, of the file or its
 * pieces. */
bool sl_transfer_is_verified(const struct sl_transfer *transfer);

/* Bytes of the body so far, those that were resumed included; of the attempt under way or the last
 * one. */
uint64_t sl_transfer_received(const struct sl_transfer *transfer);

/* Requests that bring its bytes now. */
unsigned sl_transfer_segments(const struct sl_transfer *transfer);

/* Bytes behind the first missing one have been received: sl_ranges_map shows where. */
bool sl_transfer_has_gaps(const struct sl_transfer *transfer);

/* Whether bytes of several sources, or of one source and an earlier run, were used. */
bool sl_transfer_is_mixed(const struct sl_transfer *transfer);

/* Bytes of the complete part: of the body, or of what was decoded. */
uint64_t sl_transfer_length(const struct sl_transfer *transfer);

#endif
