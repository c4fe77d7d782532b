# Downloads through proxies: ways to origins, users, the environment, and proxies that are broken. The proxy of the tests
# writes down what it was sent; names below .test exist only for it.

own_proxy() { # certificate
	local cert=$WORK/certs/${1-server}
	"$BUILD/tools/proxy" --log proxy.log --ready-file proxy.ready --cert "$cert.pem" --key "$cert.key" \
		>proxy.out 2>&1 &
	PROXY_PID=$!
	trap 'kill $PROXY_PID' EXIT
	wait_for_file proxy.ready 10 || fail "no proxy"
}

# What follows SCHEME:// for a port of it.
at() { # port's name
	echo "127.0.0.1:$(sed -n "s/^$1=//p" proxy.ready)"
}

logged() { # text
	grep -qF -- "$1" proxy.log || fail "the proxy was not sent '$1': $(cat proxy.log)"
}

not_logged() { # text
	! grep -qiF -- "$1" proxy.log || fail "the proxy was sent '$1'"
}

# http URLs in absolute form, https URLs by CONNECT, with the origin's answer to ranges and redirects
test_proxy_http() {
	own_proxy
	get --proxy "http://$(at http)" -o plain "http://origin.test:$PORT_http/gen/300000/1"
	expect 0
	is_gen plain 300000 1
	logged "http GET http://origin.test:$PORT_http/gen/300000/1 HTTP/1.1"
	get --proxy "$(at http)" --cacert "$CA" -o secure "$ORIGINS/gen/300000/2"
	expect 0
	is_gen secure 300000 2
	logged "http CONNECT localhost:$PORT_https HTTP/1.1"
	not_logged 'GET https:'
	get --proxy "http://$(at http)" --cacert "$CA" -s 4 -k 1M -o segments "$ORIGINS/ranges/etag/v1/gen/9449529/7"
	expect 0
	is_gen segments 9449529 7
}

# TLS to the proxy, and TLS to the origin within it
test_proxy_https() {
	own_proxy
	local proxy=https://localhost:$(sed -n 's/^tls_auth=//p' proxy.ready)
	get --proxy "$proxy" --proxy-user user:secret --cacert "$CA" -o plain "http://origin.test:$PORT_http/gen/300000/1"
	expect 0
	is_gen plain 300000 1
	get --proxy "$proxy" --proxy-user user:secret --cacert "$CA" -o secure "$ORIGINS/gen/300000/2"
	expect 0
	is_gen secure 300000 2
	once --proxy "$proxy" --proxy-user user:secret "$ORIGINS/gen/300000/2"
	expect 35 "proxy 'https://localhost:"
	nothing_left plain secure proxy.\*
}

# options about certificates of servers are not about that of the proxy, which has another key
test_proxy_certificates() {
	own_proxy chained
	local proxy=https://localhost:$(sed -n 's/^tls=//p' proxy.ready) pin
	pin=sha256//$(openssl x509 -in "$WORK/certs/server.pem" -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64)
	once --proxy "$proxy" --cacert "$CA" --pinnedpubkey "$pin" -o pinned "$ORIGINS/gen/3/1"
	expect 0
	once --proxy "$proxy" --insecure "$ORIGINS/gen/3/1"
	expect 35 "proxy 'https://localhost:"
	SSL_CERT_FILE=$CA once --proxy "$proxy" --insecure -o insecure "$ORIGINS/gen/3/1"
	expect 0
	SSL_CERT_FILE=$CA once --proxy "$proxy" --insecure -o plain "http://origin.test:$PORT_http/gen/3/1"
	expect 0
}

# names are looked up by the proxy with socks4a and socks5h, here with socks4 and socks5
test_proxy_socks() {
	own_proxy
	local kind
	for kind in socks4a socks5h; do
		get --proxy "$kind://$(at socks)" -o "$kind" "http://origin.test:$PORT_http/gen/300000/1"
		expect 0
		is_gen "$kind" 300000 1
		once --proxy "$kind://$(at socks)" --cacert "$CA" -o "$kind.tls" "$ORIGINS/gen/300000/1"
		expect 0
		is_gen "$kind.tls" 300000 1
	done
	logged "socks socks4a origin.test:$PORT_http user ''"
	logged "socks socks5 name origin.test:$PORT_http"
	for kind in socks4 socks5; do
		get --proxy "$kind://$(at socks)" -o "$kind" "http://localhost:$PORT_http/gen/300000/1"
		expect 0
		is_gen "$kind" 300000 1
	done
	logged "socks socks4 127.0.0.1:$PORT_http user ''"
	grep -qE 'socks5 address (127.0.0.1|::1):' proxy.log || fail "$(cat proxy.log)"
	not_logged 'socks5 name localhost:'"$PORT_http"
	get --proxy "socks5://$(at socks)" --resolve "given.invalid:$PORT_http:127.0.0.1" -o given "http://given.invalid:$PORT_http/gen/300000/1"
	expect 0
	is_gen given 300000 1
	get --proxy "socks5h://user:secret@$(at socks_auth)" -o user "http://origin.test:$PORT_http/gen/300000/1"
	expect 0
	is_gen user 300000 1
	logged "socks_auth socks5 user 'user' accepted"
	once --proxy "socks5h://user:wrong@$(at socks_auth)" "http://origin.test:$PORT_http/gen/3/1"
	expect 24 "the SOCKS proxy refused the user name or password"
	once --proxy "socks5h://$(at socks_auth)" "http://origin.test:$PORT_http/gen/3/1"
	expect 24 "requires a user name and password"
	once --proxy "socks4://$(at socks)" "http://[::1]:$PORT_http/gen/3/1"
	expect 28 "SOCKS4 has no IPv6 addresses"
	once --proxy "socks5h://$(at socks)" "http://nowhere.invalid/gen/3/1"
	expect 6 "the SOCKS proxy cannot connect to 'nowhere.invalid': connection refused"
}

# credentials for the proxy reach it and nothing else, also over redirects; those of the origin stay with it (CVE-2023-32681)
test_proxy_user() {
	own_proxy
	local auth="Proxy-Authorization: Basic dXNlcjpzZWNyZXQ="
	get --proxy "http://user:secret@$(at auth)" -o head "http://us:pw@origin.test:$PORT_http/echo-headers"
	expect 0
	logged "auth $auth"
	grep -q '^Authorization: Basic dXM6cHc=' head || fail "the origin got no credentials"
	! grep -qi '^proxy' head || fail "the origin got what is for the proxy"
	get --proxy "http://$(at auth)" --proxy-user user:secret --cacert "$CA" -o head2 "https://us:pw@localhost:$PORT_https/echo-headers"
	expect 0
	! grep -qi '^proxy' head2 || fail "the origin got what is for the proxy"
	grep -A4 "^auth CONNECT" proxy.log | grep -qF "auth $auth" || fail "no credentials for CONNECT"
	! grep -A9 "^auth CONNECT" proxy.log | grep -q '^auth Authorization' || fail "the proxy got the origin's"
	# from the proxy with a user to one without, and to none
	: >proxy.log
	http_proxy=http://user:secret@$(at auth) https_proxy=http://$(at http) \
		get --cacert "$CA" -o head3 "http://origin.test:$PORT_http/redirect-to?url=$ORIGINS/echo-headers"
	expect 0
	logged "auth $auth"
	logged "http CONNECT localhost:$PORT_https"
	not_logged "http Proxy-Authorization"
	! grep -qi '^proxy' head3 || fail "the origin got what is for the proxy"
	http_proxy=http://user:secret@$(at auth) no_proxy=127.0.0.0/8 \
		get -o head4 "http://origin.test:$PORT_http/redirect-to?url=$ORIGIN/echo-headers"
	expect 0
	! grep -qi '^proxy' head4 || fail "the origin got what is for the proxy"
	! grep -q secret err || fail "the password was shown"
	once -H 'Proxy-Authorization: Basic xyz' "$ORIGIN/echo-headers"
	expect 28 "--proxy-user"
	printf '%s\n\theader=Proxy-Authorization: Basic xyz\n' "$ORIGIN/echo-headers" >list
	once -i list
	expect 28 "--proxy-user"
}

# Digest is used where the proxy asks for it, and the nonce that was accepted goes on
test_proxy_digest() {
	own_proxy
	once --proxy "http://user:secret@$(at digest)" --cacert "$CA" -j 1 -x 1 "http://origin.test:$PORT_http"/gen/1000/{1/name1,2/name2}
	expect 0
	local i
	for i in name1 name2; do
		[[ -f $i ]] || fail "no $i"
	done
	[[ $(grep -c '^digest GET' proxy.log) == 3 ]] || fail "$(grep -c '^digest GET' proxy.log) requests"
	[[ $(grep -c '^digest Proxy-Authorization: Basic' proxy.log) == 1 ]] || fail "Basic was sent again"
	: >proxy.log
	once --proxy "http://user:secret@$(at digest)" --cacert "$CA" -s 4 -k 1M -o large "$ORIGINS/ranges/etag/v1/gen/9449529/7"
	expect 0
	is_gen large 9449529 7
	once --proxy "http://user:hunter2@$(at digest)" --cacert "$CA" "$ORIGINS/gen/3/1" "http://origin.test:$PORT_http/gen/3/2"
	expect 24 "it refused the user name or password"
}

# a missing or wrong user ends with 24 and says what to do
test_proxy_wrong_user() {
	own_proxy
	once --proxy "http://$(at auth)" --cacert "$CA" "$ORIGINS/gen/3/1"
	expect 24 "the proxy answered 407 Proxy Authentication Required to CONNECT; give USER:PASSWORD for the proxy with --proxy-user"
	once --proxy "http://user:hunter2@$(at auth)" --cacert "$CA" "$ORIGINS/gen/3/1"
	expect 24 "it refused the user name or password"
	! grep -q hunter2 err || fail "the password was shown"
	once --proxy "http://$(at auth)" "http://origin.test:$PORT_http/gen/3/1"
	expect 24 "with --proxy-user"
	once --proxy "http://user:hunter2@$(at auth)" "http://origin.test:$PORT_http/gen/3/1"
	expect 24 "the server answered 407 Proxy Authentication Required; it refused the user name or password for the proxy"
	once --proxy "http://user:secret@$(at http)" "$ORIGIN/status/401"
	expect 24 "the server answered 401 Unauthorized; if the proxy answered, it refused its user name or password; give"
	once "$ORIGIN/status/407"
	expect 24 "the server answered 407"
	! grep -q proxy-user err || fail "$(cat err)"
	get --proxy "http://user:secret@$(at again)" --cacert "$CA" "$ORIGINS/gen/3/1"
	expect 24 "it refused the user name or password"
	[[ $(grep -c '^again CONNECT' proxy.log) == 1 ]] || fail "$(grep -c '^again CONNECT' proxy.log) requests"
	nothing_left proxy.\*
}

# what broken proxies send is never a file
test_proxy_broken() {
	own_proxy
	local port want
	while read -r port want; do
		once --proxy "http://$(at "$port")" --connect-timeout 30s --cacert "$CA" "$ORIGINS/gen/3/1"
		expect "${want%% *}" "${want#* }"
		grep -qF "cannot fetch '$ORIGINS/gen/3/1': proxy 'http://$(at "$port")' (127.0.0.1:" err || fail "the proxy is not named"
	done <<-END
		garbage 22 the server did not answer in HTTP/1
		hangup 6 the proxy closed the connection instead of answering
		interim 22 the proxy sent more than 32 interim responses
		excess 22 the proxy sent bytes behind its response
		unmodified 22 the proxy answered 304 Not Modified to CONNECT
		refuse 24 the proxy answered 403 Forbidden to CONNECT; its rules do not allow this host or port
	END
	once --proxy "http://$(at silent)" --connect-timeout 100ms --cacert "$CA" "$ORIGINS/gen/3/1"
	expect 2 "the proxy does not respond; --connect-timeout sets this limit"
	once --proxy "http://127.0.0.1:$PORT_closed" "$ORIGIN/gen/3/1"
	expect 6 "proxy 'http://127.0.0.1:$PORT_closed': "
	for port in garbage excess; do
		once --proxy "socks5h://$(at "$port")" --connect-timeout 200ms "$ORIGIN/gen/3/1"
		((status == 2 || status == 22)) || fail "exit status $status"
	done
	nothing_left proxy.\*
}

# which proxy: options before the environment, and hosts without one
test_proxy_choice() {
	own_proxy
	http_proxy=http://$(at http) get -o a "http://origin.test:$PORT_http/gen/3/1"
	expect 0
	ALL_PROXY=socks5h://$(at socks) get -o b "http://origin.test:$PORT_http/gen/3/1"
	expect 0
	HTTP_PROXY=http://127.0.0.1:$PORT_closed get -o c "$ORIGIN/gen/3/1"
	expect 0
	http_proxy=http://127.0.0.1:$PORT_closed get --proxy '' -o d "$ORIGIN/gen/3/1"
	expect 0
	http_proxy=http://127.0.0.1:$PORT_closed get --noproxy 10.0.0.0/8,127.0.0.1 -o e "$ORIGIN/gen/3/1"
	expect 0
	no_proxy='*' get --proxy "http://127.0.0.1:$PORT_closed" -o f "$ORIGIN/gen/3/1"
	expect 0
	http_proxy=quic://user:hunter2@h once "$ORIGIN/gen/3/1"
	expect 28 "the environment variable http_proxy is set: cannot use proxy 'quic://***@h': its scheme is not supported"
	https_proxy=quic://h get -o g "$ORIGIN/gen/3/1"
	expect 0
	get --proxy 'ftp://h' "$ORIGIN/gen/3/1"
	expect 28 "its scheme is not supported"
	get --proxy-user u:p "$ORIGIN/gen/3/1"
	expect 28 "--proxy-user is for the proxy of --proxy"
}

# lists by URL and scans of URLs take the proxy, too
test_proxy_lists_and_scans() {
	own_proxy
	printf 'one ERROR\ntwo\n' >docs.log
	printf '%s\n' "http://origin.test:$PORT_http/gen/3/1" >"$DOCS/proxy-list"
	cp docs.log "$DOCS/proxy.log"
	get --proxy "http://$(at http)" -i "http://origin.test:$PORT_http/proxy-list"
	expect 0
	[[ -f 1 ]] || fail "nothing was downloaded"
	logged "http GET http://origin.test:$PORT_http/proxy-list HTTP/1.1"
	run scan -c --proxy "socks5h://$(at socks)" "http://origin.test:$PORT_http/proxy.log"
	[[ $status == 0 && $(<out) == 1 ]] || fail "exit status $status"
	http_proxy=http://$(at refuse) run scan -c --retries 0 "http://origin.test:$PORT_http/proxy.log"
	[[ $status == 2 ]] || fail "exit status $status"
	run scan --proxy ftp://h -c "$DOCS/proxy.log"
	expect 2 "its scheme is not supported"
}

# what matches no host is refused in the option, and ignored with a warning in the environment
test_proxy_list() {
	local item
	for item in 10.0.0.0/33 a.org:80 '*.a.org'; do
		get --noproxy "$item" "$ORIGIN/gen/3/1"
		expect 28 "option '--noproxy': '$item' matches no host: "
	done
	http_proxy=http://127.0.0.1:$PORT_closed no_proxy=a.org:80,127.0.0.1 get -o a "$ORIGIN/gen/3/1"
	expect 0 "the environment variable no_proxy is set: 'a.org:80' matches no host: "
	no_proxy=a.org:80 get -o b "$ORIGIN/gen/3/1"
	expect 0
	! grep -q no_proxy err || fail "$(cat err)"
}
