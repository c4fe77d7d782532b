/*
 * plan.h - what a run would do, added up: bytes, space, requests, and how long it would take. Pure.
 */
#ifndef SLUICE_DOWNLOAD_PLAN_H
#define SLUICE_DOWNLOAD_PLAN_H

#include "sluice/download/names.h"

/* One file that would be downloaded. */
struct sl_plan_file {
	const char *host;
	uint64_t length;     /* UINT64_MAX = unknown */
	uint64_t present;    /* bytes of it that are there, and are not downloaded again */
	uint64_t allocated;  /* on the disk for it already */
	uint64_t latency_ns; /* of the request for its head */
	/* Where it would be stored; path NULL = not in a file. */
	const char *path; /* of the directory */
	uint32_t dev_major, dev_minor;
	uint64_t free_bytes; /* UINT64_MAX = unknown */
};

/* A file system. */
struct sl_plan_volume {
	char *path; /* of the first directory on it */
	uint32_t dev_major, dev_minor;
	uint64_t needed_bytes, free_bytes; /* free: UINT64_MAX = unknown */
};

/* {0} is empty. */
struct sl_plan {
	uint64_t files, unknown_files; /* unknown: of unknown size, among the files */
	uint64_t bytes;                /* to be downloaded of the others */
	uint64_t present;              /* of these files, and not in bytes */
	uint64_t hosts, most_requests; /* most: to one host */
	uint64_t latency_ns;           /* the least of all; 0 = not known */
	struct sl_plan_volume *volumes;
	size_t volume_count;
	struct sl_names requests; /* by host */
};

/* Returns 0 or -ENOMEM. Sums stay at UINT64_MAX rather than overflow. */
int sl_plan_add(struct sl_plan *plan, const struct sl_plan_file *file) SL_MUST_CHECK;
void sl_plan_release(struct sl_plan *plan);

/* More is needed than is free. */
bool sl_plan_is_short(const struct sl_plan_volume *volume);

/* The limits of a run. */
struct sl_plan_limits {
	uint64_t rate_bytes_s;   /* 0 = none */
	uint64_t max_rps_milli;  /* requests a second to each host, in thousandths; 0 = none */
	uint64_t jobs, per_host; /* requests in flight at once: in all, to each host */
};

/* What bounds the time. */
enum sl_plan_bound {
	SL_PLAN_BY_LATENCY,  /* of the requests: with no rate given, the run takes longer */
	SL_PLAN_BY_RATE,     /* rate_bytes_s */
	SL_PLAN_BY_REQUESTS, /* max_rps_milli */
};

struct sl_plan_estimate {
	enum sl_plan_bound bound;
	uint64_t ns;
	uint64_t in_flight; /* requests in flight: as many as the rate that bounds it needs, by
			       Little's law, or else as the limits allow */
};

struct sl_plan_estimate sl_plan_estimate(
	const struct sl_plan *plan, const struct sl_plan_limits *limits);

#endif
