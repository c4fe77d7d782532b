/* tls_options.c - the options for TLS, which get and scan share. */
#include "option_int.h"

#include "sluice/net/pins.h"

#include <stdlib.h>

int
option_check_tls(struct option_parser *parser, const struct sl_tls_options *tls)
{
	struct sl_pins pins;
	struct sl_error why = { 0 };
	if (tls->key && !tls->cert)
		return option_usage(parser,
			"--key is the private key of a client certificate: give that with --cert");
	if (tls->insecure && (tls->cacert || tls->capath))
		return option_usage(parser,
			"--insecure verifies no certificate, so %s has no effect: use one of them",
			tls->cacert ? "--cacert" : "--capath");
	if (tls->pinnedpubkey && !tls->pinnedpubkey[0])
		return option_usage(parser, "option '--pinnedpubkey': KEYS must not be empty");
	struct sl_span text = sl_span_str(tls->pinnedpubkey ? tls->pinnedpubkey : "");
	if (sl_pins_is_list(text) && sl_pins_parse(&pins, text, &why) != 0)
		return option_usage(parser, "option '--pinnedpubkey': %s", why.text);
	return 0;
}

struct sl_tls_options
sl_tls_options_of_run(const struct sl_tls_options *options)
{
	struct sl_tls_options tls = *options;
	const char *keylog = getenv("SSLKEYLOGFILE");
	tls.keylog = keylog && keylog[0] ? keylog : NULL;
	return tls;
}
