/*
 * Range requests (RFC 9110, section 14), and what servers do wrong about them.
 *
 * A conditional request is evaluated before its ranges (origin_conditions.c).
 *
 * Without a shape of this file the server has no ranges: Range is ignored and there is no
 * Accept-Ranges. Any of them makes it support ranges; of several faults in a path the last one
 * holds. Faults concern requests for a single range. A fault that has no room (one byte early of a
 * range that starts at 0, more bytes than there are) leaves the answer right.
 */
#include "support/origin_exchange.h"

#include "sluice/base/number.h"

/* A request for more ranges, or for more bytes in several ranges, is answered with everything. */
#define MAX_RANGES 16
#define MAX_MULTIPART_BYTES (64 * SL_MIB)

#define BOUNDARY "a-boundary-of-the-test-origin"

/* Bytes [begin, end). */
struct range {
	uint64_t begin, end;
};

enum asked {
	ASKED_WHOLE,
	ASKED_RANGE,
	ASKED_RANGES,
	ASKED_OUTSIDE, /* none of the ranges begins within the resource */
};

/* ---- what the request asks for ---- */

bool
sl_origin_find_header(const struct sl_origin_exchange *x, const char *name, struct sl_span *value)
{
	size_t name_len = strlen(name);

	for (const char *line = strstr(x->head.data, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, name_len) == 0 && line[name_len] == ':') {
			line += name_len + 1;
			*value = sl_span_trim(sl_span(line, strcspn(line, "\r\n")));
			return true;
		}
	}
	return false;
}

enum spec { SPEC_INVALID, SPEC_OUTSIDE, SPEC_GOOD };

/* One of first-last, first- and -suffix. */
static enum spec
parse_spec(struct sl_span text, uint64_t total, struct range *range)
{
	const char *dash = memchr(text.data, '-', text.len);
	size_t first_len = dash ? (size_t)(dash - text.data) : 0;
	size_t last_len = dash ? text.len - first_len - 1 : 0;
	uint64_t first = 0, last = UINT64_MAX;

	if (first_len + last_len == 0 ||
		(first_len > 0 && !sl_parse_u64(text.data, first_len, &first)) ||
		(last_len > 0 && !sl_parse_u64(dash + 1, last_len, &last)) || last < first)
		return SPEC_INVALID;
	range->begin = first_len > 0 ? first : total - SL_MIN(last, total);
	range->end = first_len > 0 && last < total ? last + 1 : total;
	return range->begin < range->end ? SPEC_GOOD : SPEC_OUTSIDE;
}

/* The satisfiable ones of the ranges that a Range header lists. A header that is not valid counts
 * as absent. */
static enum asked
parse_ranges(struct sl_span text, uint64_t total, struct range ranges[MAX_RANGES], size_t *count)
{
	static const char unit[] = "bytes=";
	size_t named = 0;

	*count = 0;
	if (text.len < strlen(unit) || strncasecmp(text.data, unit, strlen(unit)) != 0)
		return ASKED_WHOLE;
	text = sl_span(text.data + strlen(unit), text.len - strlen(unit));
	while (text.len > 0) {
		const char *comma = memchr(text.data, ',', text.len);
		size_t len = comma ? (size_t)(comma - text.data) : text.len;
		struct sl_span one = sl_span_trim(sl_span(text.data, len));
		enum spec spec = SPEC_OUTSIDE;

		if (one.len > 0) {
			if (++named > MAX_RANGES)
				return ASKED_WHOLE;
			spec = parse_spec(one, total, &ranges[*count]);
		}
		if (spec == SPEC_INVALID)
			return ASKED_WHOLE;
		*count += spec == SPEC_GOOD;
		len += comma ? 1 : 0;
		text = sl_span(text.data + len, text.len - len);
	}
	if (named == 0)
		return ASKED_WHOLE;
	if (*count == 0)
		return ASKED_OUTSIDE;
	return named == 1 ? ASKED_RANGE : ASKED_RANGES;
}

/* RFC 9110, 13.1.5: a strong ETag, or Last-Modified as it was sent. */
static bool
is_if_range_true(const struct sl_origin_exchange *x)
{
	struct sl_span value;
	bool is_etag;

	if (x->ranges.if_range == SL_ORIGIN_IF_RANGE_IGNORED ||
		!sl_origin_find_header(x, "If-Range", &value))
		return true;
	is_etag = memchr(value.data, '"', value.len) != NULL;
	if (!is_etag)
		return x->last_modified[0] && sl_span_is(value, x->last_modified);
	return x->ranges.if_range != SL_ORIGIN_IF_RANGE_NO_ETAG && x->etag[0] == '"' &&
	       sl_span_is(value, x->etag);
}

static enum asked
parse_asked(struct sl_origin_exchange *x, uint64_t total, struct range ranges[MAX_RANGES],
	size_t *count)
{
	struct sl_span value;

	*count = 0;
	if (x->head_only || !sl_origin_find_header(x, "Range", &value))
		return ASKED_WHOLE;
	if (x->ranges.limited && sl_origin_turn(x).range > x->ranges.honoured)
		return ASKED_WHOLE;
	if (!is_if_range_true(x))
		return ASKED_WHOLE;
	return parse_ranges(value, total, ranges, count);
}

/* ---- answers ---- */

/* A 206 for a single range: what its Content-Range says, and what comes. */
struct part {
	struct range header, bytes;
	bool has_header;
	enum { TOTAL_KNOWN, TOTAL_UNKNOWN } total_kind;
	uint64_t total;
};

static struct part
make_part(const struct sl_origin_ranges *rules, struct range asked, uint64_t total)
{
	struct part part = { asked, asked, true, TOTAL_KNOWN, total };
	uint64_t n = rules->fault_bytes, len = asked.end - asked.begin;

	switch (rules->fault) {
	case SL_ORIGIN_RANGE_EARLY:
		part.header.begin -= asked.begin > 0;
		part.bytes.begin = part.header.begin;
		break;
	case SL_ORIGIN_RANGE_EARLY_SHIFTED:
		part.header.begin -= asked.begin > 0;
		part.bytes.end += asked.begin > 0;
		break;
	case SL_ORIGIN_RANGE_SHIFTED:
		part.bytes.begin++;
		part.bytes.end++;
		break;
	case SL_ORIGIN_RANGE_BARE:
		part.has_header = false;
		break;
	case SL_ORIGIN_RANGE_TOTAL:
		part.total++;
		break;
	case SL_ORIGIN_RANGE_NO_TOTAL:
		part.total_kind = TOTAL_UNKNOWN;
		break;
	case SL_ORIGIN_RANGE_FEWER:
		part.bytes.end = asked.begin + SL_MIN(len, SL_MAX(n, 1ull));
		part.header.end = part.bytes.end;
		break;
	case SL_ORIGIN_RANGE_MORE:
		part.bytes.end += SL_MIN(n, total - asked.end);
		part.header.end = part.bytes.end;
		break;
	case SL_ORIGIN_RANGE_LONG:
		part.bytes.end += n;
		break;
	case SL_ORIGIN_RANGE_SHORT:
		part.bytes.end -= SL_MIN(n, len);
		break;
	default:
		break;
	}
	return part;
}

static void
answer_part(struct sl_origin_exchange *x, const struct sl_origin_body *body, struct range asked)
{
	struct part part = make_part(&x->ranges, asked, body->size);
	struct sl_origin_body piece = *body;
	char text[96], total[24] = "*";
	uint64_t first = part.header.begin, last = part.header.end - 1;

	if (x->ranges.fault == SL_ORIGIN_RANGE_REVERSED) {
		first = last;
		last = part.header.begin;
	}
	if (part.total_kind == TOTAL_KNOWN)
		snprintf(total, sizeof(total), "%llu", (unsigned long long)part.total);
	snprintf(text, sizeof(text), "bytes %llu-%llu/%s", (unsigned long long)first,
		(unsigned long long)last, total);
	if (part.has_header)
		sl_origin_add_header(x, "Content-Range", text);
	piece.off = part.bytes.begin;
	piece.size = part.bytes.end - part.bytes.begin;
	sl_origin_answer(x, 206, &piece);
}

static bool
add_part(struct sl_origin_exchange *x, const struct sl_origin_body *body, struct range range,
	struct sl_buf *text)
{
	char block[16 * SL_KIB];

	sl_buf_printf(text,
		"--" BOUNDARY "\r\nContent-Type: application/octet-stream\r\n"
		"Content-Range: bytes %llu-%llu/%llu\r\n\r\n",
		(unsigned long long)range.begin, (unsigned long long)range.end - 1,
		(unsigned long long)body->size);
	for (uint64_t off = range.begin; off < range.end;) {
		size_t len = (size_t)SL_MIN((uint64_t)sizeof(block), range.end - off);

		if (!sl_origin_body_read(x, body, off, block, len))
			return false;
		sl_buf_add(text, block, len);
		off += len;
	}
	sl_buf_add_str(text, "\r\n");
	return !text->failed;
}

static void
answer_multipart(struct sl_origin_exchange *x, const struct sl_origin_body *body,
	const struct range *ranges, size_t count)
{
	struct sl_buf text = { 0 };
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += ranges[i].end - ranges[i].begin;
	if (bytes > MAX_MULTIPART_BYTES) {
		sl_origin_answer(x, 200, body);
		return;
	}
	for (size_t i = 0; i < count && x->ending != SL_ORIGIN_RESET; i++)
		if (!add_part(x, body, ranges[i], &text))
			x->ending = SL_ORIGIN_RESET;
	sl_buf_add_str(&text, "--" BOUNDARY "--\r\n");
	sl_origin_add_header(x, "Content-Type", "multipart/byteranges; boundary=" BOUNDARY);
	if (x->ending != SL_ORIGIN_RESET)
		sl_origin_answer_text(x, 206, text.data, text.len);
	sl_buf_release(&text);
}

static void
answer_outside(struct sl_origin_exchange *x, uint64_t total)
{
	static const char text[] = "no such range\n";
	char value[48];

	if (x->ranges.fault == SL_ORIGIN_RANGE_STATUS) {
		sl_origin_answer_text(
			x, (unsigned)(x->ranges.fault_bytes % 1000), text, sizeof(text) - 1);
		return;
	}
	snprintf(value, sizeof(value), "bytes */%llu", (unsigned long long)total);
	sl_origin_add_header(x, "Content-Range", value);
	sl_origin_answer_text(x, 416, text, sizeof(text) - 1);
}

/* What the fault makes of the request. */
static enum asked
apply_fault(const struct sl_origin_exchange *x, enum asked asked)
{
	if (asked == ASKED_WHOLE)
		return asked;
	if (x->ranges.fault == SL_ORIGIN_RANGE_REFUSED || x->ranges.fault == SL_ORIGIN_RANGE_STATUS)
		return ASKED_OUTSIDE;
	if (asked == ASKED_RANGE && x->ranges.fault == SL_ORIGIN_RANGE_MULTIPART)
		return ASKED_RANGES;
	return asked;
}

void
sl_origin_answer_resource(struct sl_origin_exchange *x, const struct sl_origin_body *body)
{
	struct range ranges[MAX_RANGES] = { 0 };
	struct sl_span value;
	enum asked asked = ASKED_WHOLE;
	size_t count = 0;

	if (sl_origin_is_not_modified(x)) {
		sl_origin_answer(x, 304, body);
		return;
	}
	if (x->ranges.supported) {
		sl_origin_add_header(x, "Accept-Ranges", "bytes");
		asked = apply_fault(x, parse_asked(x, body->size, ranges, &count));
	}
	if (x->ranges.fault == SL_ORIGIN_RANGE_UNASKED && !x->head_only && body->size > 0 &&
		!sl_origin_find_header(x, "Range", &value)) {
		ranges[0] = (struct range){ 0, body->size };
		asked = ASKED_RANGE;
	}
	switch (asked) {
	case ASKED_WHOLE:
		sl_origin_answer(x, 200, body);
		break;
	case ASKED_RANGE:
		answer_part(x, body, ranges[0]);
		break;
	case ASKED_RANGES:
		answer_multipart(x, body, ranges, count);
		break;
	case ASKED_OUTSIDE:
		answer_outside(x, body->size);
		break;
	}
}

/* ---- shapes ---- */

static void
shape_ranges(struct sl_origin_exchange *x, SL_UNUSED const struct sl_origin_args *args)
{
	x->ranges.supported = true;
	sl_origin_route(x);
}

static void
shape_fault(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	static const struct {
		const char *name;
		enum sl_origin_range_fault fault;
	} faults[] = {
		{ "range-early", SL_ORIGIN_RANGE_EARLY },
		{ "range-early-shifted", SL_ORIGIN_RANGE_EARLY_SHIFTED },
		{ "range-shifted", SL_ORIGIN_RANGE_SHIFTED },
		{ "range-bare", SL_ORIGIN_RANGE_BARE },
		{ "range-total", SL_ORIGIN_RANGE_TOTAL },
		{ "range-no-total", SL_ORIGIN_RANGE_NO_TOTAL },
		{ "range-reversed", SL_ORIGIN_RANGE_REVERSED },
		{ "range-fewer", SL_ORIGIN_RANGE_FEWER },
		{ "range-more", SL_ORIGIN_RANGE_MORE },
		{ "range-long", SL_ORIGIN_RANGE_LONG },
		{ "range-short", SL_ORIGIN_RANGE_SHORT },
		{ "range-multipart", SL_ORIGIN_RANGE_MULTIPART },
		{ "range-unasked", SL_ORIGIN_RANGE_UNASKED },
		{ "range-refused", SL_ORIGIN_RANGE_REFUSED },
		{ "range-status", SL_ORIGIN_RANGE_STATUS },
	};

	for (size_t i = 0; i < SL_COUNT_OF(faults); i++)
		if (strcmp(faults[i].name, args->name) == 0)
			x->ranges.fault = faults[i].fault;
	x->ranges.fault_bytes = args->n[0];
	shape_ranges(x, args);
}

static void
shape_no_if_range(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	x->ranges.if_range = SL_ORIGIN_IF_RANGE_NO_ETAG;
	shape_ranges(x, args);
}

static void
shape_ignore_if_range(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	x->ranges.if_range = SL_ORIGIN_IF_RANGE_IGNORED;
	shape_ranges(x, args);
}

static void
shape_norange_after(struct sl_origin_exchange *x, const struct sl_origin_args *args)
{
	x->ranges.limited = true;
	x->ranges.honoured = args->n[0];
	shape_ranges(x, args);
}

const struct sl_origin_route sl_origin_range_routes[] = {
	{ "ranges", "", shape_ranges,
		"/...: range requests as in RFC 9110; the shapes with 'range' in their name "
		"include it" },
	{ "range-early", "", shape_fault,
		"/...: 206 from one byte before the range, Content-Range and bytes agree" },
	{ "range-early-shifted", "", shape_fault,
		"/...: Content-Range from one byte before the range, the bytes not" },
	{ "range-shifted", "", shape_fault,
		"/...: Content-Range as asked, the bytes from one further on: a lie" },
	{ "range-bare", "", shape_fault, "/...: 206 without Content-Range" },
	{ "range-total", "", shape_fault, "/...: Content-Range with a total one byte larger" },
	{ "range-no-total", "", shape_fault, "/...: Content-Range with the total '*'" },
	{ "range-reversed", "", shape_fault, "/...: Content-Range with last-first" },
	{ "range-fewer", "n", shape_fault,
		"/N/...: 206 of at most N bytes, Content-Range says so" },
	{ "range-more", "n", shape_fault,
		"/N/...: 206 of N more bytes than asked for, Content-Range says so" },
	{ "range-long", "n", shape_fault,
		"/N/...: 206 with N more bytes than its Content-Range, in Content-Length too" },
	{ "range-short", "n", shape_fault,
		"/N/...: 206 with N fewer bytes than its Content-Range, in Content-Length too" },
	{ "range-multipart", "", shape_fault, "/...: multipart/byteranges for a single range" },
	{ "range-unasked", "", shape_fault, "/...: 206 of everything to a request without Range" },
	{ "range-refused", "", shape_fault, "/...: 416 to any range" },
	{ "range-status", "n", shape_fault, "/CODE/...: this status to any range" },
	{ "norange-after", "n", shape_norange_after,
		"/N/...: the first N range requests of the path are honoured, then 200" },
	{ "no-if-range", "", shape_no_if_range, "/...: 200 to If-Range with any ETag" },
	{ "ignore-if-range", "", shape_ignore_if_range, "/...: ranges whatever If-Range says" },
	{ 0 },
};
