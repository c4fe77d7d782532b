#include "sim_http.h"

#include "sluice/base/list.h"

#include <stdlib.h>

#define FILES_MAX 512

struct sim_http {
	struct sim_server server;
	const struct sim_http_file *files[FILES_MAX];
	unsigned answered[FILES_MAX];
	size_t count;
	unsigned requests, close_after;
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

static void
send_head(struct sim_peer *peer, const struct sim_http_file *file)
{
	struct sl_buf head = { 0 };
	int status = file->status ? file->status : 200;
	sl_buf_printf(&head, "HTTP/1.1 %d %s\r\nServer: simulated\r\n", status, reason_of(status));
	if (file->framing == SIM_HTTP_LENGTH)
		sl_buf_printf(&head, "Content-Length: %zu\r\n", file->len);
	if (file->framing == SIM_HTTP_CHUNKED)
		sl_buf_add_str(&head, "Transfer-Encoding: chunked\r\n");
	if (file->framing == SIM_HTTP_CLOSE)
		sl_buf_add_str(&head, "Connection: close\r\n");
	if (file->location)
		sl_buf_printf(&head, "Location: %s\r\n", file->location);
	if (file->modified)
		sl_buf_printf(&head, "Last-Modified: %s\r\n", file->modified);
	sl_buf_add_str(&head, "\r\n");
	sim_peer_send_copy(peer, head.data, head.len);
	sl_buf_release(&head);
}

static void
send_piece(struct sim_peer *peer, const struct sim_http_file *file, size_t off, size_t len)
{
	char size[32];
	if (len == 0)
		return;
	if (file->framing == SIM_HTTP_CHUNKED) {
		snprintf(size, sizeof(size), "%zx\r\n", len);
		send_text(peer, size);
	}
	sim_peer_send(peer, (const char *)file->data + off, len);
	if (file->framing == SIM_HTTP_CHUNKED)
		send_text(peer, "\r\n");
}

/* [begin, end) of the body, drop by drop if it drips. */
static void
send_range(struct sim_peer *peer, const struct sim_http_file *file, size_t begin, size_t end)
{
	size_t step = file->drip_ns && file->drip ? file->drip : 100000;
	for (size_t off = begin; off < end; off += step) {
		if (file->drip_ns)
			sim_peer_pause(peer, file->drip_ns);
		send_piece(peer, file, off, SL_MIN(step, end - off));
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

static void
send_bad_answer(struct sim_peer *peer, const struct sim_http_file *file)
{
	struct sl_buf head = { 0 };
	sl_buf_printf(&head, "HTTP/1.1 %d Whatever\r\nContent-Length: 0\r\n%s\r\n",
		file->bad_status, file->bad_fields ? file->bad_fields : "");
	sim_peer_send_copy(peer, head.data, head.len);
	sl_buf_release(&head);
}

/* `before`: how often it was sent before. */
static bool
send_body(struct sim_peer *peer, const struct sim_http_file *file, bool honest, unsigned before)
{
	size_t at = file->misdeed_at + before * file->misdeed_step;
	size_t cut = honest ? file->len : SL_MIN(at, file->len);
	send_range(peer, file, 0, cut);
	if (!honest && !misbehave(peer, file))
		return false;
	send_range(peer, file, cut, file->len);
	if (file->framing == SIM_HTTP_CHUNKED)
		send_text(peer, "0\r\n\r\n");
	for (size_t i = 0; i < file->excess; i++)
		send_text(peer, "!");
	if (file->framing == SIM_HTTP_CLOSE)
		sim_peer_finish(peer);
	return file->framing != SIM_HTTP_CLOSE;
}

static bool
answer(struct sim_http *http, struct sim_peer *peer, struct sl_span method, struct sl_span path)
{
	static const struct sim_http_file missing = { .status = 404, .data = "gone", .len = 4 };
	static const struct sim_http_file refused = { .status = 405 };
	size_t index = 0;
	const struct sim_http_file *file = find_file(http, path, &index);
	http->requests++;
	if (!file) {
		send_head(peer, &missing);
		return send_body(peer, &missing, true, 0);
	}
	if (sl_span_is(method, "HEAD")) {
		send_head(peer, file->no_head ? &refused : file);
		return true;
	}
	unsigned before = http->answered[index]++;
	if (before < file->bad_answers) {
		send_bad_answer(peer, file);
		return true;
	}
	bool honest =
		file->misdeed == SIM_HTTP_HONEST || (file->misdeeds && before >= file->misdeeds);
	send_head(peer, file);
	return send_body(peer, file, honest, before);
}

/* ---- the server ---- */

static void
opened(struct sim_peer *peer, void *ctx)
{
	(void)ctx;
	struct session *session = calloc(1, sizeof(*session));
	sl_assert(session);
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
	struct sl_span line = sl_span(request->data, len);
	struct sl_span method = next_word(&line), path = next_word(&line);
	session->closing = !answer(http, peer, method, path);
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

unsigned
sim_http_requests(const struct sim_http *http)
{
	return http->requests;
}

unsigned
sim_http_answers(const struct sim_http *http, const char *path)
{
	size_t index = 0;
	return find_file(http, sl_span_str(path), &index) ? http->answered[index] : 0;
}
