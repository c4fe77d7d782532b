/*
 * auth_options.c - the rules of the options about credentials, which get and scan share.
 */
#include "option_int.h"

#include "sluice/base/text.h"
#include "sluice/http/sigv4_variant.h"

static int
check_origin(struct option_parser *parser, const char *text)
{
	struct sl_url url;
	struct sl_error why = { 0 };
	if (sl_url_parse(&url, sl_span_str(text), &why) != 0)
		return option_usage(parser, "option '--auth-origin': %s", why.text);
	bool is_origin = strcmp(url.target, "/") == 0 && !url.has_userinfo && strstr(text, "://");
	sl_url_release(&url);
	if (!is_origin)
		return option_usage(parser,
			"option '--auth-origin': an origin is a scheme, a host and maybe a port, "
			"such as https://example.com:8443");
	return 0;
}

static int
check_aws(struct option_parser *parser, const struct sl_auth_options *auth)
{
	struct sl_sigv4_variant variant;
	struct sl_error why = { 0 };
	if (!auth->aws_sigv4)
		return 0;
	if (sl_sigv4_read_variant(&variant, sl_span_str(auth->aws_sigv4), &why) != 0)
		return option_usage(parser, "option '--aws-sigv4': %s", why.text);
	if (auth->bearer_file || auth->netrc || auth->netrc_file || auth->only_digest)
		return option_usage(parser,
			"--aws-sigv4 excludes --bearer-file, --netrc, --netrc-file and --digest: a "
			"request has one kind of credentials");
	return 0;
}

int
option_check_auth(struct option_parser *parser, const struct sl_auth_options *auth)
{
	if (auth->user && auth->bearer_file)
		return option_usage(parser,
			"--user and --bearer-file exclude each other: a request has one kind of "
			"credentials");
	if (auth->user && auth->user[0] == ':')
		return option_usage(parser, "option '--user': USER must not be empty");
	if (auth->user && sl_text_has_control(sl_span_str(auth->user)))
		return option_usage(parser, "option '--user': a control byte is not allowed in it");
	if (auth->netrc && auth->netrc_file)
		return option_usage(parser,
			"--netrc reads the file in your home directory, --netrc-file another one: "
			"use one of them");
	int code = check_aws(parser, auth);
	for (size_t i = 0; i < auth->origins.count && !code; i++)
		code = check_origin(parser, auth->origins.items[i]);
	return code;
}
