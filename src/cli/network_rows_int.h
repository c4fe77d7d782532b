/*
 * network_rows_int.h - the options of the network that get and scan share: rows of their tables,
 * included by option_table.c only, once for each. It defines before that:
 *
 *     NETWORK(name)      the field of struct sl_network_options
 *     LETTER(c)          the letter, or 0: scan has those of grep instead
 *     FIRST(word, same)  the first word of a help text, with a capital and without: before it the
 *                        help of scan has that the option is for URLs
 *     FOR(get, scan)     words for one of the commands only
 */
/* clang-format off */
	{ .group = "Network", .letter = LETTER('H'), .name = "header", .argument = "FIELD",
		.kind = SL_OPTION_HEADERS, NETWORK(headers),
		.help = FIRST("Send", "send") " the header field FIELD with each request, in the place "
		"of the client's own of that name: 'Name: value'. 'Name:' leaves a field out, "
		"'Name;' sends it without a value. Can be repeated."
		FOR(" Fields that an entry in a list sets are sent as there.", "") },
	{ .group = "Network", .letter = LETTER('A'), .name = "user-agent", .argument = "NAME",
		.kind = SL_OPTION_WORD, NETWORK(user_agent), .standard = "sluice and its version",
		.help = FIRST("Send", "send") " NAME as the User-Agent header field." },
	{ .group = "Network", .name = "referer", .argument = "URL",
		.kind = SL_OPTION_WORD, NETWORK(referer),
		.help = FIRST("Send", "send") " URL as the Referer header field of each request."
		FOR(" Entries with referer= keep that.", "") },
	{ .group = "Network", .letter = LETTER('u'), .name = "user", .argument = "USER[:PASSWORD]",
		.kind = SL_OPTION_WORD, NETWORK(auth.user), .secret_mark = ':',
		.help = FIRST("Send", "send") " USER and PASSWORD to the origins of the URLs on the command line and "
		"of --auth-origin, by Digest or Basic as the server asks. Without PASSWORD you are "
		"asked for it on the terminal." },
	{ .group = "Network", .name = "digest",
		.kind = SL_OPTION_FLAG, NETWORK(auth.only_digest),
		.help = FIRST("Send", "send") " passwords by Digest only, not by Basic, with which the server gets "
		"the password itself." },
	{ .group = "Network", .name = "bearer-file", .argument = "FILE",
		.kind = SL_OPTION_WORD, NETWORK(auth.bearer_file),
		.help = FIRST("Send", "send") " the token in FILE, a single line, as 'Authorization: Bearer' to the "
		"origins that --user would be sent to. FILE is read again if a server refuses the "
		"token." },
	{ .group = "Network", .name = "aws-sigv4",
		.argument = "PROVIDER1[:PROVIDER2[:REGION[:SERVICE]]]",
		.kind = SL_OPTION_WORD, NETWORK(auth.aws_sigv4),
		.help = FIRST("Sign", "sign") " requests with AWS Signature Version 4; 'aws:amz' is what S3 and stores "
		"like it expect. The access keys are taken from --user ID:SECRET, the environment "
		"or ~/.aws/credentials. REGION and SERVICE are taken from the host if they are "
		"missing." },
	{ .group = "Network", .name = "netrc",
		.kind = SL_OPTION_FLAG, NETWORK(auth.netrc),
		.help = FIRST("Take", "take") " users and passwords from the file .netrc in your home directory, by "
		"the host of the URL, also after redirects." },
	{ .group = "Network", .name = "netrc-file", .argument = "FILE",
		.kind = SL_OPTION_WORD, NETWORK(auth.netrc_file),
		.help = FIRST("As", "as") " --netrc, from FILE." },
	{ .group = "Network", .name = "auth-origin", .argument = "ORIGIN",
		.kind = SL_OPTION_WORDS, NETWORK(auth.origins),
		.help = FIRST("Also", "also") " send the credentials of --user and --bearer-file and the fields of "
		"--header to ORIGIN, such as https://example.com:8443, "
		FOR("for URLs in lists and for redirects to it", "after redirects to it")
		". Can be repeated." },
	{ .group = "Network", .name = "proxy", .argument = "URL",
		.kind = SL_OPTION_TEXT, NETWORK(proxy.proxy), .secret_mark = '@',
		.standard = "http_proxy, https_proxy or all_proxy in the environment",
		.help = FIRST("Use", "use") " the proxy URL: SCHEME://[USER:PASSWORD@]HOST[:PORT], where SCHEME is "
		"http, https, socks4, socks4a, socks5 or socks5h. If URL is empty, no proxy is "
		"used." },
	{ .group = "Network", .name = "proxy-user", .argument = "USER",
		.kind = SL_OPTION_WORD, NETWORK(proxy.user), .secret_mark = ':',
		.help = FIRST("Log", "log") " in to the proxy of --proxy as USER, which is NAME:PASSWORD." },
	{ .group = "Network", .name = "noproxy", .argument = "LIST",
		.kind = SL_OPTION_TEXT, NETWORK(proxy.noproxy),
		.standard = "no_proxy in the environment",
		.help = FIRST("Use", "use") " no proxy for the hosts in LIST: names of hosts and domains, addresses and "
		"networks such as 10.0.0.0/8, separated by commas, or '*' for all hosts." },
	{ .group = "Network", .name = "cookie-file", .argument = "FILE",
		.kind = SL_OPTION_WORD, NETWORK(auth.cookie_file),
		.help = FIRST("Send", "send") " the cookies in FILE, in Netscape's format, each to its own domain. "
		"FILE is not changed." },
	{ .group = "Network", .name = "cacert", .argument = "FILE",
		.kind = SL_OPTION_WORD, NETWORK(tls.cacert), .standard = "the system's certificate store",
		.help = FIRST("Trust", "trust") " only the certificates in the PEM file FILE." },
	{ .group = "Network", .name = "capath", .argument = "DIR",
		.kind = SL_OPTION_WORD, NETWORK(tls.capath),
		.help = FIRST("Trust", "trust") " only the certificates in the directory DIR, which 'openssl rehash' "
		"has prepared, and those of --cacert." },
	{ .group = "Network", .name = "cert", .argument = "FILE",
		.kind = SL_OPTION_WORD, NETWORK(tls.cert),
		.help = FIRST("Identify", "identify") " this client by the certificate in the PEM file FILE to servers "
		"that ask for one. Certificates after the first are sent as its chain." },
	{ .group = "Network", .name = "key", .argument = "FILE",
		.kind = SL_OPTION_WORD, NETWORK(tls.key), .standard = "the file of --cert",
		.help = FIRST("The", "the") " private key of --cert, in a PEM file that is not encrypted." },
	{ .group = "Network", .name = "pinnedpubkey", .argument = "KEYS",
		.kind = SL_OPTION_WORD, NETWORK(tls.pinnedpubkey),
		.help = FIRST("Connect", "connect") " by TLS only to servers that have one of these public keys. KEYS "
		"is sha256//BASE64, several are separated by ';', or the name of a file with a "
		"public key in PEM or DER. Certificates are verified too." },
	{ .group = "Network", .name = "tls-min", .argument = "VERSION",
		.kind = SL_OPTION_CHOICE, NETWORK(tls.least), .choices = tls_choices,
		.standard = "1.2",
		.help = FIRST("Refuse", "refuse") " versions of TLS older than VERSION, which is 1.2 or 1.3." },
	{ .group = "Network", .name = "insecure",
		.kind = SL_OPTION_FLAG, NETWORK(tls.insecure),
		.help = FIRST("Do", "do") " not verify the certificates of servers. Connections can then be "
		"intercepted, and data changed: use this for tests only." },
	{ .group = "Network", .name = "http1.1",
		.kind = SL_OPTION_FLAG, NETWORK(connect.http1),
		.help = FIRST("Use", "use") " HTTP/1.1, also with servers that offer HTTP/2." },
	{ .group = "Network", .letter = LETTER('4'), .name = "ipv4",
		.kind = SL_OPTION_FLAG, NETWORK(connect.ipv4), CLEARS(network.connect.ipv6),
		.help = FIRST("Connect", "connect") " to IPv4 addresses only." },
	{ .group = "Network", .letter = LETTER('6'), .name = "ipv6",
		.kind = SL_OPTION_FLAG, NETWORK(connect.ipv6), CLEARS(network.connect.ipv4),
		.help = FIRST("Connect", "connect") " to IPv6 addresses only." },
	{ .group = "Network", .name = "resolve", .argument = "HOST:PORT:ADDR[,ADDR...]",
		.kind = SL_OPTION_WORDS, NETWORK(connect.resolves),
		.help = FIRST("Connect", "connect") " to these numeric addresses instead of looking up HOST, for "
		"connections to PORT. '*' as HOST stands for every host. Can be repeated; "
		"-HOST:PORT removes an earlier one." },
	{ .group = "Network", .name = "interface", .argument = "NAME",
		.kind = SL_OPTION_WORD, NETWORK(connect.interface),
		.help = FIRST("Connect", "connect") " from NAME, a network interface or a numeric address of this "
		"machine. if!NAME is always an interface, host!ADDR an address, and "
		"ifhost!NAME!ADDR both." },
	{ .group = "Network", .name = "unix-socket", .argument = "PATH",
		.kind = SL_OPTION_WORD, NETWORK(connect.unix_socket),
		.help = FIRST("Connect", "connect") " to the Unix socket PATH instead of the hosts of the URLs." },
	{ .group = "Network", .name = "abstract-unix-socket", .argument = "NAME",
		.kind = SL_OPTION_WORD, NETWORK(connect.abstract_unix_socket),
		.help = FIRST("Connect", "connect") " to the abstract Unix socket NAME instead of the hosts of the "
		"URLs." },
	{ .group = "Network", .name = "connect-timeout", .argument = "TIME",
		.kind = SL_OPTION_DURATION, NETWORK(connect_timeout_ns), RANGE(MS, DURATION_MAX),
		.standard = "30s",
		.help = FIRST("Give", "give") " up if a connection cannot be established within TIME." },
	{ .group = "Network", .name = "proxy-timeout", .argument = "TIME",
		.kind = SL_OPTION_DURATION, NETWORK(proxy_timeout_ns), RANGE(MS, DURATION_MAX),
		.standard = "the rest of --connect-timeout",
		.help = FIRST("Give", "give") " up if a proxy does not connect to the server within TIME." },
	{ .group = "Network", .name = "tls-timeout", .argument = "TIME",
		.kind = SL_OPTION_DURATION, NETWORK(tls.timeout_ns), RANGE(MS, DURATION_MAX),
		.standard = "the rest of --connect-timeout",
		.help = FIRST("Give", "give") " up if a TLS handshake is not complete within TIME." },
	{ .group = "Network", .name = "first-byte-timeout", .argument = "TIME",
		.kind = SL_OPTION_DURATION, NETWORK(head_timeout_ns), RANGE(MS, DURATION_MAX),
		.standard = "--stall-timeout",
		.help = FIRST("Give", "give") " up if the header of a response is not complete within TIME after "
		"the request." },
	{ .group = "Network", .name = "stall-timeout", .argument = "TIME",
		.kind = SL_OPTION_DURATION, NETWORK(stall_timeout_ns), RANGE(MS, DURATION_MAX),
		.standard = "60s",
		.help = FIRST("Give", "give") " up if a transfer receives no data for TIME." },
	{ .group = "Network", .name = "speed-limit", .argument = "RATE",
		.kind = SL_OPTION_SIZE, NETWORK(least_rate), RANGE(1, SL_OPTION_RATE_MAX),
		.standard = "none",
		.help = FIRST("Give", "give") " up if a response body brings less than RATE bytes per second for the "
		"TIME of --speed-time, and retry, which counts as a retry without progress." },
	{ .group = "Network", .name = "speed-time", .argument = "TIME",
		.kind = SL_OPTION_DURATION, NETWORK(slow_time_ns), RANGE(MS, DURATION_MAX),
		.standard = "30s",
		.help = FIRST("How", "how") " long a response body may be slower than --speed-limit." },
	{ .group = "Network", .name = "retries", .argument = "N",
		.kind = SL_OPTION_UNSIGNED, NETWORK(retries), RANGE(0, SL_OPTION_RETRIES_MAX),
		.standard = "8",
		.help = FIRST("Retry", "retry") " at most N times without progress, 0 to 1000, after failures that "
		"may be temporary: lost or refused connections, timeouts, truncated bodies, "
		"failed name lookups, status codes 408, 425, 429, 500, 502, 503, 504, 520 to 527 "
		"and 530, and 403 if the response shows that a rate limit was reached."
		FOR("", " Once data was received, only the rest of the same version is requested, "
			"if the server can send it.") },
	{ .group = "Network", .name = "retry-max-wait", .argument = "TIME",
		.kind = SL_OPTION_DURATION, NETWORK(retry_max_wait_ns), RANGE(MS, DURATION_MAX),
		.standard = "60s",
		.help = FIRST("Wait", "wait") " at most TIME before a retry, even if the server asks for more." },
	{ .group = "Network", .name = "max-redirs", .argument = "N",
		.kind = SL_OPTION_UNSIGNED, NETWORK(max_redirects), RANGE(0, SL_OPTION_REDIRECTS_MAX),
		.standard = "20",
		.help = FIRST("Follow", "follow") " at most N redirects per URL, 0 to 100." },
	{ .group = "Network", .name = "allow-downgrade",
		.kind = SL_OPTION_FLAG, NETWORK(allow_downgrade),
		.help = FIRST("Follow", "follow") " redirects from https to http, which are refused by default." },
