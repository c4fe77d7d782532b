/*
 * sources.h - the URLs of one file, which are tried in turn, and the header fields that go to them.
 * Pure.
 */
#ifndef SLUICE_DOWNLOAD_SOURCES_H
#define SLUICE_DOWNLOAD_SOURCES_H

#include "sluice/download/manifest.h"
#include "sluice/http/request.h"
#include "sluice/http/resource.h"
#include "sluice/http/scope.h"
#include "sluice/http/url.h"

struct sl_sources {
	const struct sl_entry *entry; /* borrowed */
	size_t index;                 /* of the source in use */
	struct sl_url url;            /* of that source, with the entry's user if it has none */
	char *shown; /* that URL without secrets; NULL before the first was parsed */
};

void sl_sources_init(struct sl_sources *sources, const struct sl_entry *entry);

/* Harmless on {0}. */
void sl_sources_release(struct sl_sources *sources);

/* Use source `index`. Returns 0; SL_E_USAGE if the entry has none; what sl_url_parse returns; then
 * `url` is neutral, and `shown` is that of the source before. */
int sl_sources_use(struct sl_sources *sources, size_t index, struct sl_error *err) SL_MUST_CHECK;

/* The URL in use for messages and events; "" before the first was parsed. */
const char *sl_sources_show(const struct sl_sources *sources);

/* What makes two inputs the same download: the hash of the URL in use and of all that is sent and
 * checked with it. */
uint64_t sl_sources_identity(const struct sl_sources *sources);

/* The entry's header fields as the client takes them; `out` has room for SL_SOURCES_HEADERS.
 * Returns their count. */
#define SL_SOURCES_HEADERS (SL_ENTRY_HEADERS + 2) /* header= lines, referer=, user-agent= */
size_t sl_sources_headers(const struct sl_sources *sources, struct sl_http_header *out);

/* Whether the client would send them all: 0 or SL_E_USAGE. */
int sl_sources_check_headers(const struct sl_sources *sources, struct sl_error *err) SL_MUST_CHECK;

/*
 * One source of a transfer, and what it has answered with.
 *
 *    CANDIDATE   its bytes have not been compared with those at hand: none are used
 *      | it is compared
 *    COMPARING   no range is requested from it meanwhile
 *      | it has the same bytes
 *    JOINED      ranges are requested; to COMPARING if there is a doubt about its version
 *      | it differs, has failed, or delivered wrong bytes: from any state
 *    DROPPED     not used any more in this transfer
 */
enum sl_source_state {
	SL_SOURCE_CANDIDATE,
	SL_SOURCE_COMPARING,
	SL_SOURCE_JOINED,
	SL_SOURCE_DROPPED,
};

#define SL_SOURCE_ETAGS 4u

struct sl_source {
	const struct sl_sources *of; /* the one in use of these; borrowed */
	enum sl_source_state state;
	struct sl_resource resource; /* its version of the file */
	struct sl_url url;           /* where it has led to, valid with has_url */
	bool has_url;
	struct sl_scope scope; /* of what led to `url` */
	bool unconditional;    /* it sends all of the file in answer to If-Range */
	uint64_t delivered;    /* bytes of the file that it has sent */
	/* Of a service whose nodes send different ETags: hashes of those that came with the same
	 * bytes. `resource` has none then. */
	uint64_t etags[SL_SOURCE_ETAGS];
	unsigned etag_count;
	/* segments.c's: */
	unsigned running;       /* segments */
	uint64_t rate_bytes_s;  /* of one of its connections; 0 = not known */
	uint64_t pause_ns;      /* between two arrivals on one of them; 0 = not known */
	unsigned failures;      /* in a row, without progress */
	unsigned bad_heads;     /* the same */
	uint64_t failed_at;     /* `delivered` at the last failure */
	uint64_t not_before_ns; /* after a failure: the next segment */
};

/* Harmless on {0}, which it is afterwards. */
void sl_source_release(struct sl_source *source);

/* An ETag that came with the same bytes. False if there is no room for it. */
bool sl_source_add_etag(struct sl_source *source, const char *etag);

bool sl_source_has_etag(const struct sl_source *source, const char *etag);

/* The URL to request now. */
const struct sl_url *sl_source_url(const struct sl_source *source);

/* Where the source has led to, for later requests: `url` keeps its user and password unless that
 * is another origin. Returns 0 or -ENOMEM, then has_url is false. */
int sl_source_set_url(struct sl_source *source, const struct sl_url *final_url,
	struct sl_scope scope) SL_MUST_CHECK;

#endif
