#include "relay_int.h"

#include <errno.h>

/* Only here does a request get Proxy-Authorization, and only for the proxy that it goes to: its
 * value is made anew for each request, whatever the hop before had. */
SL_SUSPENDS
static int
ask_once(struct sl_http_exchange *exchange, struct sl_proxy_route *relay,
	struct sl_proxy_login *login, struct sl_request *request, struct sl_error *err)
{
	struct sl_buf target = { 0 }, value = { 0 };
	sl_url_format(&target, request->url);
	int code = target.failed ? -ENOMEM
				 : sl_proxy_auth_format(&relay->auth, login, request->method,
					   target.data, &value);
	request->is_absolute = true;
	request->proxy_authorization = value.data;
	if (code < 0)
		sl_exchange_fail(exchange, err, SL_PHASE_PROXY, code,
			"cannot make credentials for the proxy: %s", sl_code_text(code));
	else
		code = sl_exchange_ask(exchange, request, err);
	request->is_absolute = false;
	request->proxy_authorization = NULL;
	sl_buf_wipe(&value);
	sl_buf_release(&target);
	return code;
}

int
sl_relay_ask(struct sl_http_exchange *exchange, struct sl_request *request, struct sl_error *err)
{
	struct sl_proxy_route *relay = exchange->through;
	struct sl_proxy_login login = { .is_repeated = false };
	if (!sl_proxy_route_is_relay(relay))
		return sl_exchange_ask(exchange, request, err);
	int code = ask_once(exchange, relay, &login, request, err);
	if (code == 0 && exchange->head.status == 407 &&
		sl_proxy_auth_refused(&relay->auth, &login, &exchange->head) == 1) {
		sl_exchange_drain(exchange);
		code = ask_once(exchange, relay, &login, request, err);
	}
	if (code == 0 && exchange->head.status != 407)
		sl_proxy_auth_accepted(&relay->auth, &login);
	sl_proxy_login_release(&login);
	return code;
}
