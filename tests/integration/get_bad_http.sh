# Servers that refuse, lie, break off or never answer. No such answer may leave a file under a final name.

sends() { # file, text: the body of /echo-headers has it
	grep -qF -- "$2" "$1" || fail "not sent: $2"
}

# each status class has its exit status
test_bad_status() {
	local pair
	for pair in 404:3 410:3 401:24 403:24 407:24 429:29 502:29 503:29 504:29 400:22 405:22 418:22 500:22 501:22 204:22 205:22 304:22; do
		once "$ORIGIN/status/${pair%:*}"
		expect "${pair#*:}" "${pair%:*}"
		nothing_left
	done
}

# the server's explanation is shown: when to try again, and with -v the first words of its answer
test_bad_status_explained() {
	local json=header/Content-Type/application%2fjson
	once "$ORIGIN/header/Retry-After/7/status/503"
	expect 29 "Service Unavailable (Retry-After: 7)"
	! grep -q "answer begins" err || fail "shown without -v"
	once -v "$ORIGIN/$json/status/403"
	expect 24 "answered 403 Forbidden; the response begins: this is not the file"
	once -v "$ORIGIN/header/Content-Type/text%2fhtml/status/403"
	expect 24
	! grep -q "answer begins" err || fail "HTML is shown"
	once "$ORIGIN/status/401"
	expect 24 "give credentials with --user, --netrc or --bearer-file"
	nothing_left
}

# answers of other protocols, and damaged ones
test_bad_heads() {
	local path
	for path in http09 http2 ftp leadingspace nul nulname barecr nocolon spacecolon status/short \
		status/long status/word status/sign cl/negative cl/sign cl/hex cl/word cl/overflow cl/huge cl/listdiffer dupcl/differ \
		garbage/4000; do
		get "$ORIGIN/$path" -o f
		expect 22 "cannot fetch"
		nothing_left
	done
}

# a server that ends the connection before its head is whole has reset it, in whatever way
test_bad_head_cut_short() {
	local path
	for path in empty halfline halfhead; do
		once "$ORIGIN/$path" -o f
		expect 6 "the server closed the connection"
		nothing_left
	done
}

# as in curl and browsers: folded lines, the same length twice, names with blanks, the coding 'identity'
test_bad_but_allowed_heads() {
	local path
	for path in obsfold dupcl/same cl/list noreason latin1 name/space name/colon name/parenthesis te/identity; do
		get "$ORIGIN/$path" -o "f-${path//\//-}"
		expect 0
	done
}

# an answer of HTTP/0.9 is named as such
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
		once "$ORIGIN$path" -o f
		expect 22
		absent f
		no_parts
		count=$((count + 1))
	done < <("$ORIGIN_TOOL" --help | grep -o '^  /badchunk/[^ :]*' | sed 's/^  //')
	((count >= 5)) || fail "only $count kinds of broken chunks"
}

# transfer codings that are not supported
test_bad_framing() {
	local path
	for path in te/unknown te/gzip te/notlast te/twice; do
		get "$ORIGIN/$path" -o f
		expect 22
		absent f
	done
	expect 22 "'chunked' follows 'chunked', which must be last"
}

# the body ends before its end
test_bad_short_body() {
	once "$ORIGIN/short/1000/5000" -o f
	expect 22 "1000 of 5000"
	nothing_left
	once "$ORIGIN/short/9000000/9000001" -o f
	expect 22
	nothing_left
	once --cacert "$CA" "$ORIGINS/short/1000/5000" -o f
	expect 22
	nothing_left
	once --cacert "$CA" "$ORIGINS/truncate/5000" -o f
	expect 22 "without close_notify"
	nothing_left
	once --cacert "$CA" "$ORIGINS/nonotify/gen/5000/1" -o g
	expect 0
}

# more than announced is cut off: success, and -v reports it
test_bad_long_body() {
	get -v "$ORIGIN/long/1000/5000" -o f
	expect 0 "more bytes than it announced"
	[[ $(stat -c %s f) == 1000 ]] || fail "$(stat -c %s f) bytes"
}

# resets in the head and at points of the body
test_bad_resets() {
	local path
	for path in reset-head/0 reset-head/20 reset/0/5000 reset/4999/5000 reset/3000000/9000000 \
		untilclose/reset/1000/2000 untilclose/reset/3000000/9000000; do
		once "$ORIGIN/$path" -o f
		expect 6 reset
		nothing_left
	done
}

# a server that falls silent is left after --stall-timeout
test_bad_stalls() {
	local path
	for path in stall/1000/5000 stall/3000000/9000000 stallhead noanswer drip/slow/40/gen/10/1; do
		once --stall-timeout 300ms "$ORIGIN/$path" -o f
		expect 2
		nothing_left
	done
}

# a slow server is not a stalled one
test_bad_slow_but_steady() {
	get --stall-timeout 700ms --stats "$ORIGIN/slow/2000/gen/4000/1" "$ORIGIN/drip/slow/300/gen/500/3"
	expect 0
	is_gen 1 4000 1
	is_gen 3 500 3
	is_small 16
	# over TLS nothing can be read before a record is whole
	get --cacert "$CA" --stall-timeout 700ms "$ORIGINS/slow-link/12000/gen/30000/2"
	expect 0
	is_gen 2 30000 2
}

# a name, a port and an address that do not answer
test_bad_unreachable() {
	once "http://127.0.0.1:$PORT_closed/x"
	expect 6 "refused"
	once --connect-timeout 2s "http://no-such-host.invalid/x"
	expect 19 "no-such-host.invalid"
	once --connect-timeout 300ms "http://127.0.0.1:$PORT_full/x"
	expect 2 "); --connect-timeout sets this limit"
	once --deadline 300ms "http://127.0.0.1:$PORT_full/x"
	expect 2 "); the deadline has passed"
	once --stall-timeout 300ms "http://127.0.0.1:$PORT_silent/x"
	expect 2
	once "http://127.0.0.1:$PORT_hangup/x"
	expect 6
	nothing_left
}

# without a network each run ends at once, with the reason
test_bad_no_network() {
	local user=() url
	((EUID == 0)) || user=(--user --map-root-user)
	unshare "${user[@]}" --net true 2>/dev/null || skip "this user may not make network namespaces"
	for url in "$ORIGIN/gen/10/1" http://192.0.2.1/x; do
		timeout -k 5 "$LIMIT" unshare "${user[@]}" --net "$S" get --retries 0 "$url" >out 2>err
		status=$?
		no_report
		expect 6 "unreachable"
		nothing_left
	done
	timeout -k 5 "$LIMIT" unshare "${user[@]}" --net "$S" get --retries 0 --connect-timeout 300ms http://no-such-host.invalid/x >out 2>err
	status=$?
	no_report
	expect 19 "no-such-host.invalid"
	nothing_left
}

# a Location is taken as browsers take it, and nothing in it becomes a header of its own
test_bad_but_allowed_redirects() {
	local path
	for path in location/space location/backslash location/tab location/utf8 location/brackets location/percent; do
		get "$ORIGIN/$path" -o "${path#*/}"
		expect 0
	done
	is_gen tab 5 1
	is_gen backslash 5 1
	sends space "GET /echo-headers?a%20b HTTP/1.1"
	sends utf8 "GET /echo-headers?%C3%A4 HTTP/1.1"
	sends brackets "GET /echo-headers?%5Ba%5D HTTP/1.1"
	sends percent "GET /echo-headers?100%25 HTTP/1.1"
	get "$ORIGIN/location/injected" -o injected
	expect 0
	sends injected "GET /echo-headers?%0d%0aX-Injected:%20yes HTTP/1.1"
	! grep -q '^X-Injected' injected || fail "a header came from a Location"
}

# a site that redirects to the same URL until it lets the client in
test_bad_redirect_to_itself() {
	get "$ORIGIN/wall/3/gen/10/1" -o f
	expect 0
	is_gen f 10 1
	get --max-redirs 3 "$ORIGIN/wall/9/gen/10/1" -o g
	expect 23 "leads to itself"
	absent g
}

# redirects that do not end, or lead to a target that is not allowed
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
	for path in location/none location/blank location/differ location/file location/ftp location/gopher location/control \
		location/nohost location/spacehost; do
		get "$ORIGIN/$path" -o f
		expect 23 "redirect (302) refused"
		nothing_left
	done
	get --cacert "$CA" "$ORIGINS/redirect-to?url=http%3a%2f%2f127.0.0.1%3a$PORT_http%2fgen%2f10%2f1" -o f
	expect 23 "--allow-downgrade"
	nothing_left
	get --allow-downgrade --cacert "$CA" "$ORIGINS/redirect-to?url=http%3a%2f%2f127.0.0.1%3a$PORT_http%2fgen%2f10%2f1" -o f
	expect 0
	is_gen f 10 1
}

# text that is not a URL
test_bad_urls() {
	local url
	for url in 'http://' 'http:///x' 'ftp://h/x' 'file:///etc/passwd' 'http://h:0/x' 'http://h:70000/x' 'http://a b/x' \
		'http://h/a b' 'http://u@v@h/x' 'http://[::1/x' 'http://h%41/x' 'http://h\x/x' 'http://h/%zz'; do
		get "$url"
		expect 28
		nothing_left
	done
}

# answers to another request than the one that was sent
test_bad_unasked() {
	local path
	for path in 206/plain 206/part 206/norange 206/multipart 101 204body 304body; do
		get "$ORIGIN/$path" -o f
		expect 22
		nothing_left
	done
}

# a content coding that was not asked for is stored as it came; -v reports it unless the name tells it
test_bad_content_coding() {
	local coding
	for coding in gzip br x-sluice; do
		get -v "$ORIGIN/coded/$coding/gen/1000/1" -o "$coding"
		expect 0 "'$coding' is stored with the content coding $coding"
		is_gen "$coding" 1000 1
	done
	get "$ORIGIN/coded/gzip/gen/1000/1" -o quiet
	expect 0
	! grep -q coding err || fail "reported without -v"
	get "$ORIGIN/gzip" -o unpacked
	expect 0
	[[ $(gzip -dc unpacked) == hello ]] || fail "not the bytes that were sent"
	for coding in gzip:a.tar.gz x-gzip:a.TGZ bzip2:a.tar.bz2 x-compress:a.Z identity:a aws-chunked:b utf-8:c; do
		get -v "$ORIGIN/coded/${coding%:*}/gen/1000/1" -o "${coding#*:}"
		expect 0
		! grep -q "content coding" err || fail "$coding: reported"
		is_gen "${coding#*:}" 1000 1
	done
	get -v "$ORIGIN/header/Content-Encoding/gzip%1b%5b2J/gen/10/1" -o f
	expect 0 'gzip\x1b[2J that'
}

# a page under the name of another kind of file may be an error page: stored, and warned about
test_bad_page_instead() {
	get "$ORIGIN/header/Content-Type/text%2fhtml%3b%20charset=utf-8/gen/1000/1/model.zip"
	expect 0 "'model.zip' was sent as text/html: it may be a login or error page"
	is_gen model.zip 1000 1
	get "$ORIGIN/header/Content-Type/application%2fxhtml+xml/gen/1000/1" -o a.PDF
	expect 0 "may be a login or error page"
	get "$ORIGIN/header/Content-Type/text%2fhtml/gen/1000/1/x.zip" -o - >/dev/null
	expect 0 "may be a login or error page"
	local name
	for name in text%2fhtml/gen/1/1/a.html text%2fhtml/gen/1/1/download text%2fplain/gen/1/1/b.zip; do
		get "$ORIGIN/header/Content-Type/$name"
		expect 0
		! grep -q "page" err || fail "$name: warned about"
	done
}

# a kept connection that the server closes as the request is sent is replaced silently
test_bad_keepalive_closed() {
	get -j 1 "$ORIGIN"/keepalive-close/2/gen/1000/{1,2,3,4}
	expect 0
	is_gen 4 1000 4
}

# the body that some servers send behind the answer to a HEAD is never another file's content
test_bad_body_of_head() {
	get "$ORIGIN/latebody/lm/1000000/gen/10/1"
	expect 0
	get -j 1 "$ORIGIN/latebody/lm/1000000/gen/10/1" "$ORIGIN/gen/10/2"
	expect 0 "1 already there"
	is_gen 1 10 1
	is_gen 2 10 2
}

# one bad file does not stop the others, and its status is the run's
test_bad_among_good() {
	once "$ORIGIN/gen/1000/1" "$ORIGIN/status/404" "$ORIGIN/gen/1000/2" "$ORIGIN/status/500"
	expect 3
	is_gen 1 1000 1
	is_gen 2 1000 2
	[[ $(grep -c "status/404.*: the server answered 404" err) == 1 ]] || fail "what failed is named once"
	no_parts
}
