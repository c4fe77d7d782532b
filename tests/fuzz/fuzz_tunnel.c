/*
 * What a proxy sends after CONNECT: whole and byte by byte, the outcome is the same, except that
 * bytes behind the response are seen only if they come with it.
 */
#include "fuzz/fuzz.h"
#include "sluice/http/tunnel.h"
#include "support/scripted.h"

static int
run(struct sl_span reply, size_t piece, struct sl_error *err)
{
	static const struct sl_tunnel_request request = { .host = "host.example",
		.port = 443,
		.user_agent = "fuzz",
		.authorization = "Basic dXNlcjpwYXNz" };
	struct scripted peer;
	struct sl_head head;
	scripted_init(&peer, reply, piece, piece);
	sl_head_init(&head);
	int code = sl_tunnel_connect(&peer.connection, &request, SL_FOREVER, &head, err);
	must(code <= 0 && (code == 0) == (err->code == 0));
	must(code != 0 || (head.status >= 200 && head.status < 300));
	must((code == SL_E_STATUS) == (err->http_status != 0));
	must(code == 0 || err->phase == SL_PHASE_PROXY);
	sl_head_release(&head);
	scripted_release(&peer);
	return code;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_span reply = sl_span((const char *)data, len);
	struct sl_error whole = { 0 }, bytes = { 0 };
	int code = run(reply, 0, &whole);
	int again = run(reply, 1, &bytes);
	must(code == again || (code == SL_E_PROTO && again == 0 && strstr(whole.text, "behind")));
	return 0;
}
