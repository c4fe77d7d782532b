/* The HTTP side of the test proxy: a request for each connection. */
#include "support/proxy_wire.h"

#include "sluice/base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "user:secret" */
#define CREDENTIALS "Basic dXNlcjpzZWNyZXQ="

struct request {
	char text[PROXY_HEAD_MAX]; /* its head, as received */
	size_t len;
	bool is_connect;
	char method[16], host[PROXY_NAME_MAX], path[4096];
	unsigned port;
};

static bool
receive_head(struct proxy_client *client, struct request *request)
{
	request->len = 0;
	while (request->len < sizeof(request->text) - 1) {
		if (!proxy_recv_all(&client->end, request->text + request->len, 1))
			return false;
		request->text[++request->len] = '\0';
		if (request->len >= 4 &&
			memcmp(request->text + request->len - 4, "\r\n\r\n", 4) == 0)
			return true;
	}
	return false;
}

/* HOST:PORT or [HOST]:PORT; the port may be missing. */
static bool
parse_authority(struct request *request, const char *text, unsigned port)
{
	int used = 0;
	request->port = port;
	if (text[0] == '[')
		return sscanf(text, "[%255[^]]]:%u%n", request->host, &request->port, &used) == 2;
	return sscanf(text, "%255[^:]:%u", request->host, &request->port) >= 1;
}

static bool
parse(struct request *request)
{
	char target[4096], authority[512];
	if (sscanf(request->text, "%15s %4095s HTTP/1.1\r\n", request->method, target) != 2)
		return false;
	request->is_connect = strcmp(request->method, "CONNECT") == 0;
	if (request->is_connect)
		return parse_authority(request, target, 0);
	request->path[0] = '/';
	request->path[1] = '\0';
	if (sscanf(target, "http://%511[^/]%4095s", authority, request->path) < 1)
		return false;
	return parse_authority(request, authority, 80);
}

static void
log_head(struct proxy_client *client, const struct request *request)
{
	const char *line = request->text;
	while (*line && *line != '\r') {
		const char *end = strstr(line, "\r\n");
		proxy_log(client, "%.*s", (int)(end - line), line);
		line = end + 2;
	}
}

/* ---- what broken proxies do ---- */

static void
answer_interim(struct proxy_client *client)
{
	while (proxy_send_text(&client->end, "HTTP/1.1 100 Continue\r\n\r\n"))
		;
}

static void
wait_for_the_end(struct proxy_client *client)
{
	char byte;
	while (proxy_recv(&client->end, &byte, 1) > 0)
		;
}

/* True if this port answers so, whatever was asked. */
static bool
misbehave(struct proxy_client *client)
{
	static const struct {
		const char *name, *answer;
	} answers[] = {
		{ "again", "HTTP/1.1 407 Proxy Authentication Required\r\n"
			   "Proxy-Authenticate: Basic realm=\"proxy\"\r\nContent-Length: 5\r\n\r\n"
			   "again" },
		{ "garbage", "SSH-2.0-OpenSSH_9.2\r\n" },
		{ "hangup", "" },
		{ "excess", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" },
		{ "unmodified", "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n" },
		{ "refuse", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n" },
	};
	const char *name = client->port_name;
	for (size_t i = 0; i < SL_COUNT_OF(answers); i++) {
		if (strcmp(name, answers[i].name) != 0)
			continue;
		proxy_send_text(&client->end, answers[i].answer);
		if (strcmp(name, "excess") == 0)
			wait_for_the_end(client);
		return true;
	}
	if (strcmp(name, "silent") == 0)
		wait_for_the_end(client);
	else if (strcmp(name, "interim") == 0)
		answer_interim(client);
	else
		return false;
	return true;
}

/* ---- requests ---- */

/* False if the request was refused. */
static bool
admit(struct proxy_client *client, const struct request *request)
{
	bool digest = strcmp(client->port_name, "digest") == 0;
	bool basic = strstr(client->port_name, "auth");
	enum proxy_digest answer = PROXY_DIGEST_WRONG;
	char text[512];
	if (digest)
		answer = proxy_check_digest(request->text, request->method);
	if ((!digest && !basic) || (digest && answer == PROXY_DIGEST_RIGHT) ||
		(basic && strstr(request->text, "\r\nProxy-Authorization: " CREDENTIALS "\r\n")))
		return true;
	if (digest)
		snprintf(text, sizeof(text),
			"Proxy-Authenticate: Basic realm=\"proxy\"\r\n"
			"Proxy-Authenticate: Digest realm=\"proxy\", qop=\"auth\", algorithm=MD5, "
			"nonce=\"nonce-%u\"%s\r\n",
			proxy_make_nonce(), answer == PROXY_DIGEST_STALE ? ", stale=true" : "");
	else
		snprintf(text, sizeof(text), "Proxy-Authenticate: Basic realm=\"proxy\"\r\n");
	proxy_send_text(&client->end, "HTTP/1.1 407 Proxy Authentication Required\r\n");
	proxy_send_text(&client->end, text);
	proxy_send_text(&client->end, "Content-Length: 0\r\n\r\n");
	return false;
}

static void
tunnel(struct proxy_client *client, struct proxy_end *origin)
{
	if (proxy_send_text(&client->end, "HTTP/1.1 200 Connection established\r\n\r\n"))
		proxy_pump(&client->end, origin);
}

/* The head without what is for the proxy, for one request of the connection to the origin. */
static void
relay(struct proxy_client *client, struct proxy_end *origin, const struct request *request)
{
	struct sl_buf out = { 0 };
	sl_buf_printf(&out, "%s %s HTTP/1.1\r\n", request->method, request->path);
	const char *line = strstr(request->text, "\r\n") + 2;
	while (*line != '\r') {
		const char *end = strstr(line, "\r\n") + 2;
		if (strncasecmp(line, "Proxy-", 6) != 0)
			sl_buf_add(&out, line, (size_t)(end - line));
		line = end;
	}
	sl_buf_add_str(&out, "Via: 1.1 test\r\nConnection: close\r\n\r\n");
	if (proxy_send(origin, out.data, out.len))
		proxy_pump(&client->end, origin);
	sl_buf_release(&out);
}

static void
serve(struct proxy_client *client, struct request *request)
{
	if (!receive_head(client, request))
		return;
	log_head(client, request);
	if (misbehave(client))
		return;
	bool parsed = parse(request);
	if (!admit(client, request))
		return;
	struct proxy_end origin = { .fd = parsed ? proxy_dial(request->host, request->port) : -1 };
	if (origin.fd < 0) {
		proxy_send_text(
			&client->end, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	if (request->is_connect)
		tunnel(client, &origin);
	else
		relay(client, &origin, request);
	close(origin.fd);
}

void
proxy_serve_http(struct proxy_client *client)
{
	struct request *request = calloc(1, sizeof(*request));
	if (request)
		serve(client, request);
	free(request);
}
