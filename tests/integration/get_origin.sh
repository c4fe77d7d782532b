# Credentials go to the origin (scheme, host, port) they were given for, and are seen nowhere else.

HOST=127.0.0.1

# every byte coded: what is shown of it is not what the test looks for
hidden() { # text
	local i text=$1 out=
	for ((i = 0; i < ${#text}; i++)); do
		printf -v out '%s%%%02x' "$out" "'${text:i:1}"
	done
	echo "redirect-to?url=$out"
}

redirect_to() { # url: a path of the origin that leads there
	echo "redirect-to?url=$(in_query "$1")"
}

sends() { # file, text
	grep -qiF -- "$2" "$1" || fail "not sent: $2"
}

sends_not() { # file, text
	! grep -qiF -- "$2" "$1" || fail "sent: $2"
}

# userinfo becomes Basic credentials, with its escapes decoded
test_origin_basic() {
	get "http://me:pass%20word@$HOST:$PORT_http/echo-headers" -o f
	expect 0
	sends f "Authorization: Basic $(printf 'me:pass word' | base64)"
	sends f "Host: $HOST:$PORT_http"
	get "http://me@$HOST:$PORT_http/echo-headers" -o g
	expect 0
	sends g "Authorization: Basic $(printf 'me:' | base64)"
	get "http://me:secret@$HOST:$PORT_http/lm/1/auth/me/secret/gen/100/1" "http://me:wrong@$HOST:$PORT_http/auth/me/secret/gen/100/2"
	expect 24
	is_gen 1 100 1
	get "http://me:secret@$HOST:$PORT_http/lm/1/auth/me/secret/gen/100/1" # asks by HEAD, with them too
	expect 0 "1 already there"
	get --cacert "$CA" "https://me:secret@localhost:$PORT_https/auth/me/secret/gen/100/3"
	expect 0
	get "$ORIGIN/echo-headers" -o h
	expect 0
	sends_not h Authorization
	sends_not h Referer
	sends_not h Cookie
}

# they stay over redirects within the origin
test_origin_same() {
	get "http://me:secret@$HOST:$PORT_http/redirect/302/redirect/307/auth/me/secret/gen/100/1"
	expect 0
	is_gen 1 100 1
	get "http://me:secret@$HOST:$PORT_http/$(redirect_to "http://$HOST:$PORT_http/echo-headers")" -o f
	expect 0
	sends f "Authorization: Basic"
	sends_not f Referer
}

# they do not go to another port, host or scheme
test_origin_other() {
	local target
	for target in "http://$HOST:$PORT_other" "http://localhost:$PORT_http" "https://localhost:$PORT_https"; do
		get --cacert "$CA" "http://me:secret@$HOST:$PORT_http/$(redirect_to "$target/echo-headers")" -o f --if-exists=replace
		expect 0
		sends_not f Authorization
		sends_not f secret
		sends_not f Referer
	done
	get --cacert "$CA" --allow-downgrade "https://me:secret@localhost:$PORT_https/$(redirect_to "http://localhost:$PORT_http/echo-headers")" -o g
	expect 0
	sends_not g Authorization
}

# once dropped they stay dropped, also when the chain comes back
test_origin_never_restored() {
	local home=http://$HOST:$PORT_http other=http://$HOST:$PORT_other
	get "http://me:secret@$HOST:$PORT_http/$(redirect_to "$other/$(redirect_to "$home/echo-headers")")" -o f
	expect 0
	sends_not f Authorization
	get "http://me:secret@$HOST:$PORT_http/$(redirect_to "$other/$(redirect_to "$home/redirect/302/echo-headers")")" -o g
	expect 0
	sends_not g Authorization
}

# a redirect that brings credentials along is followed without them, to whatever origin
test_origin_from_location() {
	local port
	for port in "$PORT_other" "$PORT_http"; do
		get -vv "$ORIGIN/$(redirect_to "http://them:theirs@$HOST:$port/echo-headers")" -o "f$port"
		expect 0
		sends "f$port" "Host: $HOST:$port"
		sends_not "f$port" Authorization
		sends_not "f$port" theirs
		! grep -q theirs err || fail "shown: $(grep theirs err)"
	done
}

# two files of one host with other credentials each send their own
test_origin_each_its_own() {
	local i urls=()
	for i in {1..10}; do
		urls+=("http://me:pass$i@$HOST:$PORT_http/auth/me/pass$i/gen/100/$i")
	done
	get -j 3 "${urls[@]}" "$ORIGIN/echo-headers"
	expect 0
	for i in {1..10}; do
		is_gen "$i" 100 "$i"
	done
	sends_not echo-headers Authorization
}

# header= of a list goes out; to another origin only what is harmless
test_origin_list_headers() {
	local other=http://$HOST:$PORT_other
	{
		echo "$ORIGIN/echo-headers"
		printf ' out=%s\n header=Authorization: Bearer hunter2\n header=Cookie: a=hunter2\n header=X-Api-Key: hunter2\n header=X-Plain: plain\n header=User-Agent: other/1\n' home
		echo "$ORIGIN/$(redirect_to "$other/echo-headers")"
		printf ' out=%s\n header=Authorization: Bearer hunter2\n header=Cookie: a=hunter2\n header=X-Api-Key: hunter2\n header=Ocp-Apim-Subscription-Key: hunter2\n header=X-Plain: hunter2\n header=Accept: text/plain\n' away
		echo "$ORIGIN/$(redirect_to "$other/$(redirect_to "$ORIGIN/echo-headers")")"
		printf ' out=%s\n header=Authorization: Bearer hunter2\n header=Cookie: a=hunter2\n header=Host: elsewhere\n' back
		echo "$ORIGIN/echo-headers?next"
		echo " out=next"
	} >list
	get -vv -i list
	expect 0
	sends home "Authorization: Bearer hunter2"
	sends home "Cookie: a=hunter2"
	sends home "X-Api-Key: hunter2"
	sends home "User-Agent: other/1"
	sends_not home "sluice/"
	sends away "Accept: text/plain"
	sends_not away hunter2
	sends_not back hunter2
	sends_not back elsewhere
	sends_not next hunter2
	sends_not next X-Plain
	! grep -q hunter2 err || fail "shown: $(grep hunter2 err)"
}

# a header that would be two, or that would change the framing, is not sent
test_origin_bad_headers() {
	local line
	while IFS= read -r line; do
		printf '%s\n header=%b\n' "$ORIGIN/tag/badheaders/echo-headers" "$line" >list
		get -i list
		expect 28 header
		! grep -q hunter2 err || fail "$line: shown"
		nothing_left list
	done <<'END'
X: hunter2\rY: z
X: hunter2\001
X: hunter2\177
X Y: hunter2
: hunter2
hunter2
X\177: hunter2
Content-Length: 5
Transfer-Encoding: chunked
Connection: close
END
	is_counter badheaders requests 0 || fail "$(counter badheaders requests) were sent"
}

# no secret is in any output, whatever happens
test_origin_nothing_shown() {
	local secret=hunter2 user=http://me:hunter2@$HOST i target
	{
		printf '%s\n header=Authorization: Bearer hunter2\n' "$ORIGIN/status/401"
		printf '%s\n header=Cookie hunter2\n' "$ORIGIN/gen/1/1"
		printf '%s\n' "http://me:hunter2@/x" "http://me:hunter2@h:99999/x" "$ORIGIN/status/404?token=hunter2&x=1"
		printf '%s\n out=../x\n' "$user:$PORT_http/gen/1/9"
		printf '%s\n' "$user:$PORT_closed/x" "$user:$PORT_http/short/10/20" "$user:$PORT_http/loop"
		printf '%s\n' "$user:$PORT_http/gen/10/1/same" "$user:$PORT_http/gen/10/2/same" "$user:$PORT_http/a%00b"
		printf '%s\n checksum=md5=00000000000000000000000000000000\n' "$user:$PORT_http/gen/10/3?sig=hunter2"
		printf '%s\n' "https://me:hunter2@$HOST:$PORT_https/x" "http://me:hunter2@no-such-host.invalid/x"
		i=0
		for target in "ftp://me:hunter2@h/x?token=hunter2" "http://me:hunter2@h:0/" "http://me:hunter2@$HOST:$PORT_other/status/500?key=hunter2" \
			"https://me:hunter2@$HOST:$PORT_https/x?key=hunter2" "http://me:hunter2@$HOST:$PORT_other/loop?key=hunter2"; do
			i=$((i + 1))
			printf '%s\n out=r%d\n' "$ORIGIN/$(hidden "$target")" $i
		done
	} >list
	for i in "-vv --json" "-vv" "--json -q" "--stats --progress=plain" "-q"; do
		rm -rf directory
		# shellcheck disable=SC2086
		once $i --connect-timeout 2s -d directory -i list
		[[ $status == 24 ]] || fail "exit $status"
		! grep -rl "$secret" out err || fail "$i: $(grep -h "$secret" out err)"
		! grep -l "$(printf 'me:hunter2' | base64)" out err || fail "$i: Base64"
	done
	for i in "http://me:$secret@h:x/" "http://me:$secret@h h/" "ftp://me:$secret@h/x" "//me:$secret@h/x" "http://a@me:$secret@h/"; do
		get "$i"
		expect 28
		! grep -q "$secret" out err || fail "$i: $(cat err)"
	done
	start get -vv --json "$user:$PORT_http/gate/shown/gen/400000/1/f?token=$secret"
	until_true 10 test -e f.sluice-part
	kill -USR1 "$pid"
	until_true 10 grep -q ' tasks$' err
	opened shown
	finish 10
	expect 0
	! grep -q "$secret" out err || fail "$(grep -h "$secret" out err)"
}

# --referer is sent as it is, by GET and HEAD, and to no other origin
test_origin_referer() {
	get --referer 'http://r/a?b' "$ORIGIN/echo-headers" -o f
	expect 0
	grep -qx $'Referer: http://r/a?b\r' f || fail "no Referer"
	printf '%s\n' "$ORIGIN/echo-headers" " out=a" "$ORIGIN/echo-headers" " out=b" " referer=http://own/" \
		"$ORIGIN/echo-headers" " out=c" " header=Referer: http://line/" >list
	get --referer http://r/ -i list
	expect 0
	sends a "Referer: http://r/"
	sends b "Referer: http://own/"
	sends c "Referer: http://line/"
	[[ $(grep -c Referer a b c | grep -c ':1$') == 3 ]] || fail "more than one"
	get --referer http://r/ "http://$HOST:$PORT_http/$(redirect_to "http://localhost:$PORT_http/echo-headers")" -o g
	expect 0
	sends_not g Referer
	get --referer $'http://r/\nX: y' "$ORIGIN/echo-headers" -o h
	expect 28 "Referer"
	absent h
	get -e http://r/ "$ORIGIN/echo-headers"
	expect 28 "use --referer"
}

# -H sets, replaces, leaves out and empties fields, over the command line, lists and the configuration file
test_origin_header() {
	get -H 'X-Key: k1' -H 'X-Key: k2' -H 'Accept: text/plain' -H 'Accept-Encoding:' -H 'X-Empty;' -A agent/1 "$ORIGIN/echo-headers" -o f
	expect 0
	sends f "X-Key: k1"
	sends f "X-Key: k2"
	sends f "User-Agent: agent/1"
	grep -qx $'X-Empty: \r' f || fail "no empty field"
	[[ $(grep -ci '^accept' f) == 1 ]] || fail "the client's own fields are sent as well"
	echo 'header = "X-Key: from the file"' >config
	chmod 600 config
	printf '%s\n' "$ORIGIN/echo-headers" " out=a" " header=x-key: own" "$ORIGIN/echo-headers" " out=b" >list
	get --config config -H 'User-Agent:' -A agent/1 -i list
	expect 0 "the header field 'X-Key' is not sent to '$HOST:$PORT_http', which is not on the command line"
	sends a "x-key: own"
	sends_not b X-Key
	get --config config -H 'User-Agent:' -A agent/1 --auth-origin "$ORIGIN" -i list --if-exists=replace
	expect 0
	sends a "x-key: own"
	sends_not a "from the file"
	sends b "X-Key: from the file"
	sends_not b User-Agent
}

# an origin that is on the command line too gets what a list's would not, and the warning is printed once
test_origin_header_list() {
	printf '%s\n' "$ORIGIN/echo-headers" " out=a" "$ORIGIN/echo-headers" " out=b" >list
	get -H 'X-Key: s3cret' -H 'Accept: text/x' -i list
	expect 0 "is not sent to '$HOST:$PORT_http'"
	[[ $(grep -c "is not sent" err) == 1 ]] || fail "more than one warning"
	sends_not a s3cret
	sends_not b s3cret
	sends a "Accept: text/x"
	get -H 'X-Key: s3cret' -i list "$ORIGIN/gen/100/1" --if-exists=replace
	expect 0
	sends a "X-Key: s3cret"
	! grep -q "is not sent" err || fail "the origin was on the command line"
}

# Host stays with its origin, also on the way to one that --auth-origin names
test_origin_header_host() {
	get -H 'Host: virtual' -H 'X-Key: k' --auth-origin "http://localhost:$PORT_http" \
		"$ORIGIN/$(redirect_to "http://localhost:$PORT_http/echo-headers")" -o f
	expect 0
	sends f "X-Key: k"
	sends f "Host: localhost:$PORT_http"
	get -H 'Host: virtual' "$ORIGIN/echo-headers" -o g
	expect 0
	sends g "Host: virtual"
}

# to another origin only fields that hold no secrets are sent, also if a redirect leads back
test_origin_header_redirect() {
	local away back
	away=$(redirect_to "http://localhost:$PORT_http/echo-headers")
	back=$(redirect_to "http://localhost:$PORT_http/$(redirect_to "$ORIGIN/echo-headers")")
	get -H 'X-Key: secret' -H 'Authorization: Bearer secret' -H 'Accept: text/x' -H 'Accept-Encoding:' -A agent/1 "$ORIGIN/$away" -o f
	expect 0
	sends_not f secret
	sends_not f Accept-Encoding
	sends f "Accept: text/x"
	sends f "User-Agent: agent/1"
	get -H 'Cookie: id=secret' "$ORIGIN/$back" -o g
	expect 0
	sends_not g secret
}

# a field that would break the request is refused by its name, and no value is shown
test_origin_header_refused() {
	local secret=s3cret field
	for field in $'X-Key: '$secret$'\r\nX-Other: a' $'X-Key: '$secret$'\n' "Content-Length: $secret" "Transfer-Encoding: $secret" \
		"Host: $secret $secret" "Authorization $secret" "X-Key; $secret" "X Key: $secret"; do
		get -H "$field" "$ORIGIN/echo-headers" -o f
		expect 28 "option '-H' (--header)"
		! grep -q "$secret" err || fail "$(cat err)"
	done
	get -A $'a\r\nX-Other: b' "$ORIGIN/echo-headers" -o f
	expect 28 "option '--user-agent': cannot send header 'User-Agent'"
	nothing_left
	printf 'header = Authorization: Bearer %s\n' "$secret" >config
	chmod 644 config
	get --config config "$ORIGIN/echo-headers" -o f
	expect 0 "'config' line 1: 'header' may be secret, and other users may read the file"
	! grep -q "$secret" err || fail "$(cat err)"
	sends f "Authorization: Bearer $secret"
	echo 'header = Accept: text/plain' >config
	get --config config "$ORIGIN/echo-headers" -o g
	expect 0
	! grep -q secret err || fail "a warning about nothing"
}

# -v shows the heads of requests and responses with the times, and no secret in them
test_origin_trace() {
	get -v -H 'X-Api-Key: s3cret' -H 'Accept: text/x' "http://me:s3cret@$HOST:$PORT_http/redirect/302/gen/100/1?sig=s3cret"
	expect 0
	! grep -q "s3cret\|$(printf me:s3cret | base64)" err || fail "$(cat err)"
	sends err '[1] > GET /redirect/302/gen/100/1?sig=*** HTTP/1.1'
	sends err '[1] > Authorization: ***'
	sends err '[1] > X-Api-Key: ***'
	sends err '[1] > Accept: text/x'
	sends err '[1] < HTTP/1.1 302 Found'
	sends err '[1] < Location: /gen/100/1?sig=***'
	sends err '[1] > GET /gen/100/1?sig=*** HTTP/1.1'
	sends err '[1] < Content-Length: 100'
	grep -Eq "\[1\] $HOST:$PORT_http: connect [0-9.]+ ms, response [0-9.]+ ms" err || fail "no times, or those of a lookup"
	get -v --cacert "$CA" "$ORIGINS/gen/100/2"
	expect 0
	grep -Eq 'connect [0-9.]+ ms, TLS [0-9.]+ ms, response' err || fail "no times of TLS"
	get "$ORIGIN/gen/100/3"
	expect 0
	sends_not err HTTP/
}
