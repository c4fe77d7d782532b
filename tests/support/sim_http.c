#include "sim_http.h"

#include "sluice/base/list.h"

#include <stdlib.h>

#define FILES_MAX 512

struct sim_http {
	struct sim_server server;
	const struct sim_http_file *files[FILES_MAX];
	unsigned answered[FILES_MAX];
	size_t count;
	unsigned connections, requests, close_after;
	uint64_t sent;
	struct sl_buf heads; /* of all requests */
};

/* One connection: what of a request has come, and how many were answered. */
struct session {
	struct sl_buf request;
	unsigned answers;
	bool closing;
};

/* ---- answers ---- */

static const struct sim_http_file *
find_file(const struct sim_http *http, struct sl_span path, size_t *index)
{
	for (size_t i = 0; i < http->count; i++)
		if (sl_span_is(path, http->files[i]->path)) {
			*index = i;
			return http->files[i];
		}
	return NULL;
}

static void
send_text(struct sim_peer *peer, const char *text)
{
	sim_peer_send_copy(peer, text, strlen(text));
}

static const char *
reason_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 206:
		return "Partial Content";
	case 416:
		return "Range Not Satisfiable";
	case 429:
		return "Too Many Requests";
	case 503:
		return "Service Unavailable";
	case 302:
		return "Found";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	default:
		return "Whatever";
	}
}

/* Of the body that is sent. */
struct part {
	size_t begin, end;
	bool is_range;
	enum sim_http_lie lie;
	const char *etag;
};

static void
add_range_fields(struct sl_buf *head, const struct sim_http_file *file, const struct part *part)
{
	if (!part->is_range || part->lie == SIM_HTTP_LIE_NO_RANGE)
		return;
	if (part->lie == SIM_HTTP_LIE_MULTIPART) {
		sl_buf_add_str(head, "Content-Type: multipart/byteranges; boundary=x\r\n");
		return;
	}
	sl_buf_printf(head, "Content-Range: bytes %zu-%zu/", part->begin, part->end - 1);
	if (part->lie == SIM_HTTP_LIE_NO_TOTAL)
		sl_buf_add_str(head, "*\r\n");
	else
		sl_buf_printf(
			head, "%zu\r\n", file->len + (part->lie == SIM_HTTP_LIE_TOTAL ? 1 : 0));
}

static void
send_head(struct sim_peer *peer, const struct sim_http_file *file, const struct part *part)
{
	struct sl_buf head = { 0 };
	int status = part->is_range ? 206 : file->status ? file->status : 200;
	bool is_marked = part->lie != SIM_HTTP_LIE_UNMARKED;
	sl_buf_printf(&head, "HTTP/1.1 %d %s\r\nServer: simulated\r\n", status, reason_of(status));
	if (file->framing == SIM_HTTP_LENGTH || part->is_range)
		sl_buf_printf(&head, "Content-Length: %zu\r\n", part->end - part->begin);
	add_range_fields(&head, file, part);
	if (file->ranges)
		sl_buf_add_str(&head, "Accept-Ranges: bytes\r\n");
	if (part->etag && is_marked)
		sl_buf_printf(&head, "ETag: %s\r\n", part->etag);
	if (file->framing == SIM_HTTP_CHUNKED && !part->is_range)
		sl_buf_add_str(&head, "Transfer-Encoding: chunked\r\n");
	if (file->framing == SIM_HTTP_CLOSE && !part->is_range)
		sl_buf_add_str(&head, "Connection: close\r\n");
	if (file->location)
		sl_buf_printf(&head, "Location: %s\r\n", file->location);
	if (file->modified && is_marked)
		sl_buf_printf(&head, "Last-Modified: %s\r\n", file->modified);
	if (file->coding)
		sl_buf_printf(&head, "Content-Encoding: %s\r\n", file->coding);
	if (file->date)
		sl_buf_printf(&head, "Date: %s\r\n", file->date);
	sl_buf_add_str(&head, "\r\n");
	sim_peer_send_copy(peer, head.data, head.len);
	sl_buf_release(&head);
}

static void
send_piece(struct sim_peer *peer, const struct sim_http_file *file, size_t off, size_t len,
	bool is_chunked)
{
	char size[32];
	if (len == 0)
		return;
	if (is_chunked) {
		snprintf(size, sizeof(size), "%zx\r\n", len);
		send_text(peer, size);
	}
	sim_peer_send(peer, (const char *)file->data + off, len);
	if (is_chunked)
		send_text(peer, "\r\n");
}

/* [begin, end) of the body, drop by drop if it drips. */
static void
send_bytes(struct sim_peer *peer, const struct sim_http_file *file, size_t begin, size_t end,
	bool is_chunked, bool drips)
{
	size_t step = drips && file->drip ? file->drip : 100000;
	for (size_t off = begin; off < end; off += step) {
		if (drips)
			sim_peer_pause(peer, file->drip_ns);
		send_piece(peer, file, off, SL_MIN(step, end - off), is_chunked);
	}
}

/* True if the connection goes on. */
static bool
misbehave(struct sim_peer *peer, const struct sim_http_file *file)
{
	switch (file->misdeed) {
	case SIM_HTTP_HONEST:
		return true;
	case SIM_HTTP_PAUSES:
		sim_peer_pause(peer, file->misdeed_ns);
		return true;
	case SIM_HTTP_ENDS:
		sim_peer_finish(peer);
		return false;
	case SIM_HTTP_RESETS:
		sim_peer_reset(peer);
		return false;
	case SIM_HTTP_STALLS:
		return false;
	}
	return true;
}

static bool
send_status(struct sim_peer *peer, int status, const char *fields)
{
	struct sl_buf head = { 0 };
	sl_buf_printf(&head, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\n%s\r\n", status,
		reason_of(status), fields ? fields : "");
	sim_peer_send_copy(peer, head.data, head.len);
	sl_buf_release(&head);
	return true;
}

/* `before`: how often it was sent before. */
static bool
send_body(struct sim_peer *peer, const struct sim_http_file *file, const struct part *part,
	bool honest, unsigned before)
{
	bool is_chunked = file->framing == SIM_HTTP_CHUNKED && !part->is_range;
	bool is_closed = file->framing == SIM_HTTP_CLOSE && !part->is_range;
	size_t at = part->begin + file->misdeed_at + before * file->misdeed_step;
	size_t cut = honest ? part->end : SL_MIN(at, part->end);
	bool drips = file->drip_ns && (file->drips == 0 || before < file->drips);
	send_bytes(peer, file, part->begin, cut, is_chunked, drips);
	if (!honest && !misbehave(peer, file))
		return false;
	send_bytes(peer, file, cut, part->end, is_chunked, drips);
	if (is_chunked)
		send_text(peer, "0\r\n\r\n");
	for (size_t i = 0; i < file->excess; i++)
		send_text(peer, "!");
	if (is_closed)
		sim_peer_finish(peer);
	return !is_closed;
}

/* The value of a header field, as the client writes it; empty if there is none. */
static struct sl_span
field_of(struct sl_span request, const char *name)
{
	char start[64];
	snprintf(start, sizeof(start), "\r\n%s: ", name);
	const char *at = memmem(request.data, request.len, start, strlen(start));
	if (!at)
		return sl_span("", 0);
	at += strlen(start);
	const char *end = memmem(at, request.len - (size_t)(at - request.data), "\r\n", 2);
	return sl_span(at, end ? (size_t)(end - at) : 0);
}

static bool
is_version(struct sl_span version, const struct sim_http_file *file, const char *etag)
{
	return (etag && sl_span_is(version, etag)) ||
	       (file->modified && sl_span_is(version, file->modified));
}

static void
distort(struct part *part, const struct sim_http_file *file, enum sim_http_lie lie)
{
	part->lie = lie;
	if (lie == SIM_HTTP_LIE_EARLY && part->begin > 0)
		part->begin--;
	if (lie == SIM_HTTP_LIE_LATE && part->begin + 1 < part->end)
		part->begin++;
	if (lie == SIM_HTTP_LIE_SHORT)
		part->end -= (part->end - part->begin) / 2;
	if (lie == SIM_HTTP_LIE_WHOLE)
		*part = (struct part){ 0, file->len, false, lie, part->etag };
}

/* What of the file the request asks for. */
static struct part
part_of(const struct sim_http_file *file, struct sl_span request, unsigned before)
{
	struct part part = { .end = file->len,
		.etag = file->etag2 && before % 2 ? file->etag2 : file->etag };
	struct sl_span range = field_of(request, "Range");
	struct sl_span version = field_of(request, "If-Range");
	unsigned long long first = 0, last = 0;
	if (!file->ranges || range.len == 0 ||
		(version.len > 0 && !is_version(version, file, part.etag)))
		return part;
	if (sscanf(range.data, "bytes=%llu-%llu", &first, &last) != 2 || first >= file->len)
		return part;
	part.begin = (size_t)first;
	part.end = (size_t)SL_MIN(last + 1, (unsigned long long)file->len);
	part.is_range = true;
	if (before >= file->lies_from && before < file->lies_from + file->lies)
		distort(&part, file, file->lie);
	return part;
}

static bool
answer_simply(struct sim_peer *peer, const struct sim_http_file *file, bool has_body)
{
	struct part part = { .end = file->len, .etag = file->etag };
	send_head(peer, file, &part);
	return !has_body || send_body(peer, file, &part, true, 0);
}

static bool
answer(struct sim_http *http, struct sim_peer *peer, struct sl_span request, struct sl_span method,
	struct sl_span path)
{
	static const struct sim_http_file missing = { .status = 404, .data = "gone", .len = 4 };
	static const struct sim_http_file refused = { .status = 405 };
	static const struct sim_http_file busy = { .status = 503, .data = "busy", .len = 4 };
	size_t index = 0;
	const struct sim_http_file *file = find_file(http, path, &index);
	http->requests++;
	sl_buf_add(&http->heads, request.data, request.len);
	if (!file)
		return answer_simply(peer, &missing, true);
	if (sl_span_is(method, "HEAD"))
		return answer_simply(peer, file->no_head ? &refused : file, false);
	unsigned before = http->answered[index]++;
	if (before < file->bad_answers)
		return send_status(peer, file->bad_status, file->bad_fields);
	bool is_busy =
		file->busy && before >= file->busy_from && before < file->busy_from + file->busy;
	if (is_busy && file->busy_ns)
		sim_peer_pause(peer, file->busy_ns);
	if (is_busy)
		return file->busy_status ? send_status(peer, file->busy_status, file->busy_fields)
					 : answer_simply(peer, &busy, true);
	while (file->later && before >= file->later_from)
		file = file->later;
	bool honest =
		file->misdeed == SIM_HTTP_HONEST || (file->misdeeds && before >= file->misdeeds);
	struct part part = part_of(file, request, before);
	if (part.is_range && file->third_lie_ns && before == file->lies_from + 2)
		sim_peer_pause(peer, file->third_lie_ns);
	if (part.is_range && part.lie == SIM_HTTP_LIE_REFUSED)
		return send_status(peer, 416, NULL);
	send_head(peer, file, &part);
	http->sent += part.end - part.begin;
	return send_body(peer, file, &part, honest, before);
}

/* ---- the server ---- */

static void
opened(struct sim_peer *peer, void *ctx)
{
	struct sim_http *http = ctx;
	struct session *session = calloc(1, sizeof(*session));
	sl_assert(session);
	http->connections++;
	sim_peer_set_data(peer, session);
}

static struct sl_span
next_word(struct sl_span *line)
{
	const char *space = line->len ? memchr(line->data, ' ', line->len) : NULL;
	size_t len = space ? (size_t)(space - line->data) : line->len;
	struct sl_span word = sl_span(line->data, len);
	size_t skip = SL_MIN(line->len, len + 1);
	*line = sl_span(line->data + skip, line->len - skip);
	return word;
}

/* True if a whole request was there and was answered. */
static bool
answer_next(struct sim_http *http, struct sim_peer *peer, struct session *session)
{
	struct sl_buf *request = &session->request;
	const char *end = request->len ? strstr(request->data, "\r\n\r\n") : NULL;
	if (!end || session->closing)
		return false;
	size_t len = (size_t)(end - request->data) + 4;
	struct sl_span whole = sl_span(request->data, len), line = whole;
	struct sl_span method = next_word(&line), path = next_word(&line);
	session->closing = !answer(http, peer, whole, method, path);
	session->answers++;
	if (!session->closing && session->answers == http->close_after) {
		sim_peer_finish(peer);
		session->closing = true;
	}
	struct sl_buf rest = { 0 };
	sl_buf_add(&rest, request->data + len, request->len - len);
	sl_buf_release(request);
	*request = rest;
	return true;
}

static void
received(struct sim_peer *peer, void *ctx, const char *data, size_t len)
{
	struct session *session = sim_peer_data(peer);
	sl_buf_add(&session->request, data, len);
	while (answer_next(ctx, peer, session))
		;
}

static void
closed(struct sim_peer *peer, void *ctx)
{
	(void)ctx;
	struct session *session = sim_peer_data(peer);
	sl_buf_release(&session->request);
	free(session);
}

static const struct sim_server_methods methods = {
	.opened = opened, .received = received, .closed = closed
};

struct sim_http *
sim_http_new(struct sim *sim, const char *address, uint16_t port)
{
	struct sim_http *http = calloc(1, sizeof(*http));
	sl_assert(http);
	http->server = (struct sim_server){
		.address = address, .port = port, .methods = &methods, .ctx = http
	};
	sim_listen(sim, &http->server);
	return http;
}

void
sim_http_serve(struct sim_http *http, struct sim *sim)
{
	sim_listen(sim, &http->server);
}

void
sim_http_free(struct sim_http *http)
{
	if (http)
		sl_buf_release(&http->heads);
	free(http);
}

void
sim_http_add(struct sim_http *http, const struct sim_http_file *file)
{
	size_t index = http->count;
	if (!find_file(http, sl_span_str(file->path), &index)) {
		sl_assert(http->count < FILES_MAX);
		http->count++;
	}
	http->files[index] = file;
}

void
sim_http_close_after(struct sim_http *http, unsigned answers)
{
	http->close_after = answers;
}

void
sim_http_set_segment(struct sim_http *http, struct sim *sim, size_t segment)
{
	http->server.segment = segment;
	sim_listen(sim, &http->server);
}

void
sim_http_set_rates(struct sim_http *http, struct sim *sim, uint64_t rate, uint64_t total_rate)
{
	http->server.rate = rate;
	http->server.total_rate = total_rate;
	sim_listen(sim, &http->server);
}

unsigned
sim_http_requests(const struct sim_http *http)
{
	return http->requests;
}

unsigned
sim_http_connections(const struct sim_http *http)
{
	return http->connections;
}

bool
sim_http_saw(const struct sim_http *http, const char *text)
{
	return http->heads.len > 0 && memmem(http->heads.data, http->heads.len, text, strlen(text));
}

uint64_t
sim_http_sent(const struct sim_http *http)
{
	return http->sent;
}

unsigned
sim_http_answers(const struct sim_http *http, const char *path)
{
	size_t index = 0;
	return find_file(http, sl_span_str(path), &index) ? http->answered[index] : 0;
}
