# sluice scan with URLs: their lines are counted as those of a file would be, and nothing is stored.

JSON=$BUILD/tools/json_check

scan() {
	run scan --retry-max-wait 1ms "$@"
}

make_log() { # name, lines
	seq -f "2026-11-28 12:00:00 INFO worker %.0f has done its part of all the work that there was" "$2" |
		sed -e 's/INFO worker [0-9]*7 /ERROR &/' >"$DOCS/$1"
	printf 'a last error' >>"$DOCS/$1"
}

# The rows of ./out are those of a file, whatever the inputs are called.
rows_are() { # file, rows
	local want got
	want=$("$S" scan "$1" | awk 'NR == 2 { print $(NF - 2), $(NF - 1), $NF }')
	got=$(awk -v want="$want" '$1 != "total" && $(NF - 2) " " $(NF - 1) " " $NF == want' out | wc -l)
	((got == $2)) || fail "$got rows with $want, not $2"
}

nothing_stored() {
	[[ $(ls) == $'err\nout' ]] || fail "stored: $(ls)"
}

# over HTTP and HTTPS, of any framing, behind redirects, compressed, and beside a file
test_scan_url() {
	make_log url.log 5000
	gzip -kf "$DOCS/url.log"
	scan --cacert "$CA" "$ORIGIN/url.log" "$ORIGINS/url.log" "$ORIGIN/chunked/url.log" "$ORIGIN/untilclose/url.log" \
		"$ORIGINS/hops/3/url.log" "$ORIGIN/url.log.gz" "$DOCS/url.log"
	expect 0
	rows_are "$DOCS/url.log" 7
	nothing_stored
	scan -p "$ORIGIN/url.log"
	expect 0
	"$S" scan -p "$DOCS/url.log" | sed "s|^[^:]*:|$ORIGIN/url.log:|" >want
	same out want
}

# the options for TLS are those of get; a warning says that certificates are not verified
test_scan_url_tls() {
	scan --insecure "https://localhost:$PORT_expired/gen/1000/1"
	expect 1 # it was read: there are no error lines
	[[ $(grep -c "certificates are not verified (--insecure)" err) == 1 ]] || fail "not one warning"
	[[ $(grep -c "certificates were not verified (--insecure)" err) == 1 ]] || fail "not at the end"
	scan --cacert "$CA" --cert "$WORK/certs/client.pem" --key "$WORK/certs/client.key" --tls-min 1.3 --verbose "$ORIGINS/gen/1000/1"
	grep -q "connected to localhost (.*) by TLSv1.3, .*, certificate '/O=sluice tests/CN=localhost'" err || fail "not described"
	scan --pinnedpubkey sha256//AAAA "$ORIGINS/gen/1000/1"
	expect 2 "44 characters"
	scan --cacert "$CA" --cert "$WORK/certs/client.pem" "$ORIGINS/gen/1000/1"
	expect 2 "name its file with --key FILE"
}

# more than are read at a time, small and empty ones
test_scan_url_many() {
	local i urls=()
	for i in {1..12}; do
		urls+=("$ORIGIN/gen/$((i % 3 * 1000))/$i")
	done
	scan --json "${urls[@]}"
	[[ $(grep -c '"state":"ok"' out) == 12 ]] || fail "not all were read"
	tail -n 1 out | grep -q '"bytes_searched":12000,' || fail "other bytes"
}

# what fails is named without its secrets, the others are counted, and the exit status is 2
test_scan_url_fails() {
	make_log url_fails.log 10
	scan --retries 0 --json "$ORIGIN/status/404" "${ORIGINS/localhost/user:hidden@localhost}/gen/10/1" http://127.0.0.1:1/ \
		"http://127.0.0.1:99999/?token=hidden" "$ORIGIN/loop" "${ORIGIN/127/user:hidden@127}/url_fails.log"
	expect 2 "the server answered 404"
	expect 2 "cannot fetch 'https://localhost:$PORT_https/gen/10/1'"
	expect 2 "connection refused"
	expect 2 "its port is not a number from 1 to 65535"
	expect 2 "exceeds --max-redirs"
	! grep -q hidden out err || fail "a secret was shown"
	[[ $(grep -c '"state":"unreadable"' out) == 5 ]] || fail "not all of them are unreadable"
	tail -n 1 out | grep -q '"total_lines":11,"troubles":5' || fail "other totals"
	scan "$ORIGIN/status/500" --retries 1
	expect 2 "trying again in 0.0 s (retry 1 of 1)"
}

# a transfer that breaks off goes on where it did, if it is of the same version
test_scan_url_cut() {
	make_log url_cut.log 5000
	scan "$ORIGIN/ranges/etag/v1/reset-nth/1/100000/url_cut.log" "$ORIGIN/etag/v1/reset-nth/1/100000/url_cut.log"
	expect 0 "trying again"
	rows_are "$DOCS/url_cut.log" 2
	scan --json "$ORIGIN/reset-nth/1/90000/url_cut.log"
	expect 2 "bytes of text are counted)"
	grep -q '"bytes_searched":90000,.*"state":"truncated"' out || fail "not counted up to there"
	scan --json "$ORIGIN/change/2/ranges/reset-nth/1/70000/gen/200000/1"
	expect 2 "has changed on the server while it was read"
	grep -q '"bytes_searched":70000,.*"state":"truncated"' out || fail "two versions"
}

# a server that sends nothing more is not waited for once there is enough, nor longer than the stall timeout
test_scan_url_stalls() {
	scan -q -e . "$ORIGIN/stall/100000/200000"
	expect 0
	scan -l -e . "$ORIGIN/stall/100000/200000"
	expect 0
	expect_out "$ORIGIN/stall/100000/200000"
	printf 'one\ntwo\n' >other
	scan --retries 0 --stall-timeout 50ms --json "$ORIGIN/stall/100000/200000" other
	expect 2 "(--stall-timeout sets this limit)"
	grep -q '"state":"ok"' out || fail "the other one was not read"
}

# the deadline ends the run: what was not read to its end is named, and there is a summary
test_scan_url_deadline() {
	scan --deadline 100ms --json "$ORIGIN/noanswer"
	expect 2 "'$ORIGIN/noanswer' was not scanned to its end"
	expect 2 "the time limit of the run was reached (--deadline)"
	"$JSON" type <out >/dev/null || fail "not JSON"
	tail -n 1 out | grep -q '"type":"summary".*"incomplete":true' || fail "no summary"
}

# a signal, in the middle of a transfer
test_scan_url_signal() {
	start scan --json -p -e . "$ORIGIN/gate/url_signal/gen/300000/1"
	until_true 20 grep -q '"match"' out
	kill -INT "$pid"
	finish 20
	[[ $status == 130 ]] || fail "exit status $status"
	tail -n 1 out | grep -q '"type":"summary".*"incomplete":true' || fail "no summary"
}

# a file whose name looks like a URL
test_scan_url_name() {
	mkdir -p http:
	echo error >http:/log
	scan -c --with-filename ./http://log
	expect 0
	[[ $(cat out) == ./http://log:1 ]] || fail "not the file"
}

# --header, --user-agent and --referer are sent
test_scan_url_header() {
	scan -c --header 'X-Key: k' --user-agent agent/1 --referer http://r/ -e '^X-Key: k' -e '^User-Agent: agent/1' -e '^Referer: http://r/' \
		"$ORIGIN/echo-headers"
	expect 0
	[[ $(<out) == 3 ]] || fail "$(<out) of 3 fields"
	scan --header 'X-Key s3cret' "$ORIGIN/echo-headers"
	expect 2 "option '--header'"
	! grep -q s3cret err || fail "$(cat err)"
}
