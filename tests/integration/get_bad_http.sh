# Servers that refuse, lie, break off or never answer. None of them may leave a file under a final name.

# each status class has its exit status
test_bad_status() {
	local pair
	for pair in 404:3 410:3 401:24 403:24 407:24 429:29 502:29 503:29 504:29 400:22 405:22 418:22 500:22 501:22 204:22 205:22 304:22; do
		get "$ORIGIN/status/${pair%:*}"
		expect "${pair#*:}" "${pair%:*}"
		nothing_left
	done
}

# what is no HTTP/1 answer, or a damaged one
test_bad_heads() {
	local path
	for path in http09 http2 ftp empty halfline halfhead leadingspace nul nulname barecr nocolon spacecolon status/short \
		status/long status/word status/sign cl/negative cl/sign cl/hex cl/word cl/overflow cl/huge cl/listdiffer dupcl/differ \
		garbage/4000; do
		get "$ORIGIN/$path" -o f
		case $path in
		empty | halfline | halfhead) [[ $status == 6 || $status == 22 ]] || fail "$path: exit $status" ;;
		*) [[ $status == 22 ]] || fail "$path: exit $status" ;;
		esac
		[[ -s err ]] || fail "$path: no message"
		expect "$status"
		absent f
		no_parts
	done
}

# a folded header line and equal lengths said twice are fine
test_bad_but_allowed_heads() {
	local path
	for path in obsfold dupcl/same cl/list noreason latin1; do
		get "$ORIGIN/$path" -o "f-${path//\//-}"
		expect 0
	done
}

# the answer says it is HTTP/0.9 or something else entirely
test_bad_http09_message() {
	get "$ORIGIN/http09" -o f
	expect 22 "HTTP"
}

# heads and chunks without end stop at the documented limits, within little memory
test_bad_floods() {
	local kind
	for kind in fits-line fits-count; do
		get "$ORIGIN/flood/$kind" -o "f-$kind"
		expect 0
	done
	for kind in line total count headers header status 1xx crlf ext exts size trailers trailer; do
		get 20 --stats "$ORIGIN/flood/$kind" -o f
		expect 22
		is_small 16
		absent f
		no_parts
	done
}

# broken chunked bodies
test_bad_chunks() {
	local path count=0
	while read -r path; do
		get "$ORIGIN$path" -o f
		expect 22
		absent f
		no_parts
		count=$((count + 1))
	done < <("$ORIGIN_TOOL" --help | grep -o '^  /badchunk/[^ :]*' | sed 's/^  //')
	((count >= 5)) || fail "only $count kinds of broken chunks"
}

# a framing nobody can trust
test_bad_framing() {
	local path
	for path in te/unknown te/gzip te/notlast te/twice; do
		get "$ORIGIN/$path" -o f
		expect 22
		absent f
	done
}

# the body ends before its end
test_bad_short_body() {
	get "$ORIGIN/short/1000/5000" -o f
	expect 22 "1000 of 5000"
	nothing_left
	get "$ORIGIN/short/9000000/9000001" -o f
	expect 22
	nothing_left
	get --cacert "$CA" "$ORIGINS/short/1000/5000" -o f
	expect 22
	nothing_left
	get --cacert "$CA" "$ORIGINS/truncate/5000" -o f
	[[ $status == 22 || $status == 35 ]] || fail "exit $status"
	absent f
	get --cacert "$CA" "$ORIGINS/nonotify/gen/5000/1" -o g
	expect 0
}

# more than announced is cut off: success, and -v says so
test_bad_long_body() {
	get -v "$ORIGIN/long/1000/5000" -o f
	expect 0 "more than it announced"
	[[ $(stat -c %s f) == 1000 ]] || fail "$(stat -c %s f) bytes"
}

# resets in the head and at points of the body
test_bad_resets() {
	local path
	for path in reset-head/0 reset-head/20 reset/0/5000 reset/4999/5000 reset/3000000/9000000 \
		untilclose/reset/1000/2000 untilclose/reset/3000000/9000000; do
		get "$ORIGIN/$path" -o f
		expect 6 reset
		nothing_left
	done
}

# a server that falls silent is left after --stall-timeout
test_bad_stalls() {
	local path
	for path in stall/1000/5000 stall/3000000/9000000 stallhead noanswer; do
		get --stall-timeout 300ms "$ORIGIN/$path" -o f
		expect 2
		nothing_left
	done
}

# slow is not stalled
test_bad_slow_but_steady() {
	get --stall-timeout 700ms "$ORIGIN/slow/2000/gen/4000/1"
	expect 0
	is_gen 1 4000 1
	# over TLS nothing can be read before a record is whole
	get --cacert "$CA" --stall-timeout 700ms "$ORIGINS/slow-link/12000/gen/30000/2"
	expect 0
	is_gen 2 30000 2
}

# a name, a port and an address that do not answer
test_bad_unreachable() {
	get "http://127.0.0.1:$PORT_closed/x"
	expect 6 "refused"
	get --connect-timeout 2s "http://no-such-host.invalid/x"
	expect 19 "no-such-host.invalid"
	get --connect-timeout 300ms "http://127.0.0.1:$PORT_full/x"
	expect 2
	get --stall-timeout 300ms "http://127.0.0.1:$PORT_silent/x"
	expect 2
	get "http://127.0.0.1:$PORT_hangup/x"
	expect 6
	nothing_left
}

# a proxy that other programs would have used: said, without its value, where a host was not reached
test_bad_proxy_is_set() {
	local closed=http://127.0.0.1:$PORT_closed/x
	https_proxy=http://user:hunter2@127.0.0.1:1 get "$closed"
	expect 6 "https_proxy is set, but proxies are not supported yet"
	! grep -q hunter2 err || fail "the proxy's password was shown"
	all_proxy='' get "$closed"
	expect 6 "refused"
	! grep -q 'proxies' err || fail "an empty variable is none"
	http_proxy=http://127.0.0.1:1 get "$ORIGIN/no-such-path"
	expect 3
	! grep -q 'proxies' err || fail "the host was reached"
	http_proxy=http://127.0.0.1:1 get -q "$closed"
	expect 6
	! grep -q 'proxies' err || fail "said although it shall be quiet"
}

# no network at all: said at once, with the reason
test_bad_no_network() {
	local user=() url
	((EUID == 0)) || user=(--user --map-root-user)
	unshare "${user[@]}" --net true 2>/dev/null || skip "this user may not make network namespaces"
	for url in "$ORIGIN/gen/10/1" http://192.0.2.1/x; do
		timeout -k 5 "$LIMIT" unshare "${user[@]}" --net "$S" get "$url" >out 2>err
		status=$?
		no_report
		expect 6 "unreachable"
		nothing_left
	done
	timeout -k 5 "$LIMIT" unshare "${user[@]}" --net "$S" get --connect-timeout 300ms http://no-such-host.invalid/x >out 2>err
	status=$?
	no_report
	expect 19 "no-such-host.invalid"
	nothing_left
}

# redirects that end nowhere or lead where one must not go
test_bad_redirects() {
	get "$ORIGIN/loop" -o f
	expect 23
	get "$ORIGIN/hops/21/gen/10/1" -o f
	expect 23
	get --max-redirs 2 "$ORIGIN/hops/3/gen/10/1" -o f
	expect 23
	get "$ORIGIN/redirect-to?url=file%3a%2f%2f%2fetc%2fpasswd" -o f
	expect 23
	local path
	for path in location/none location/blank location/differ location/file location/ftp location/gopher location/injected \
		location/control location/space location/nohost; do
		get "$ORIGIN/$path" -o f
		[[ $status == 23 || $status == 22 ]] || fail "$path: exit $status"
		expect "$status"
		nothing_left
	done
	get --cacert "$CA" "$ORIGINS/redirect-to?url=http%3a%2f%2f127.0.0.1%3a$PORT_http%2fgen%2f10%2f1" -o f
	expect 23 "--allow-downgrade"
	nothing_left
	get --allow-downgrade --cacert "$CA" "$ORIGINS/redirect-to?url=http%3a%2f%2f127.0.0.1%3a$PORT_http%2fgen%2f10%2f1" -o f
	expect 0
	is_gen f 10 1
}

# URLs that are none
test_bad_urls() {
	local url
	for url in 'http://' 'http:///x' 'ftp://h/x' 'file:///etc/passwd' 'http://h:0/x' 'http://h:70000/x' 'http://a b/x' \
		'http://h/a b' 'http://u@v@h/x' 'http://[::1/x' 'http://h%41/x' 'http://h\x/x' 'http://h/%zz'; do
		get "$url"
		expect 28
		nothing_left
	done
}

# an answer that was not asked for
test_bad_unasked() {
	get "$ORIGIN/coded/gzip/gen/1000/1" -o f
	expect 22 "gzip"
	nothing_left
	local path
	for path in 206/plain 206/part 206/norange 206/multipart gzip 101 204body 304body; do
		get "$ORIGIN/$path" -o f
		expect 22
		nothing_left
	done
}

# a kept connection that the server closes under the request is replaced without a word
test_bad_keepalive_closed() {
	get -j 1 "$ORIGIN"/keepalive-close/2/gen/1000/{1,2,3,4}
	expect 0
	is_gen 4 1000 4
}

# one bad file does not stop the others, and its status is the run's
test_bad_among_good() {
	get "$ORIGIN/gen/1000/1" "$ORIGIN/status/404" "$ORIGIN/gen/1000/2" "$ORIGIN/status/500"
	expect 3
	is_gen 1 1000 1
	is_gen 2 1000 2
	[[ $(grep -c "status/404.*: the server answered 404" err) == 1 ]] || fail "what failed is named once"
	no_parts
}
