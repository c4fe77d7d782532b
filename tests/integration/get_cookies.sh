# --cookie-file, and the cookies that servers set: which request gets them, and what is shown of them.

HOST=127.0.0.1

cookies_of() { # file
	sed -n 's/^Cookie: \([^\r]*\).*/\1/p' "$1"
}

# what a server sets is sent for the rest of the run, to its own host, and not in the next run
test_cookies_of_servers() {
	local set=set-cookie/sid=hunter2%3B%20Path=%2F
	get "$ORIGIN/cookie/visited=1/gen/1000/1" # refused without its cookie
	expect 0
	is_gen 1 1000 1
	printf '%s\n out=a\n%s\n out=b\n%s\n out=c\n' "$ORIGIN/$set/gen/10/1" "$ORIGIN/echo-headers" \
		"http://localhost:$PORT_http/echo-headers" >list
	get -j 1 -vv -i list
	expect 0
	[[ $(cookies_of b) == sid=hunter2 ]] || fail "sent: $(cat b)"
	[[ ! $(cookies_of c) ]] || fail "sent: $(cat c)"
	grep -q '< Set-Cookie: \*\*\*' err && grep -q '> Cookie: \*\*\*' err || fail "not shown: $(cat err)"
	! grep -v "set-cookie/" err | grep -q hunter2 || fail "shown: $(cat err)"
	get -j 1 -H 'Cookie: sid=mine; u=1' -H 'X-A: b' "$ORIGIN/$set/set-cookie/b=2%3BPath=%2F/redirect/302/echo-headers" -o e
	expect 0
	[[ $(cookies_of e) == 'sid=mine; u=1; b=2' ]] || fail "sent: $(cat e)"
	get "$ORIGIN/echo-headers" -o d
	expect 0
	[[ ! $(cookies_of d) ]] || fail "sent: $(cat d)"
}

# the cookies of a file go to their domains; lines and files that are none are named
test_cookies_of_a_file() {
	printf '%s\n' '# Netscape HTTP Cookie File' $'127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\thunter2' \
		$'#HttpOnly_127.0.0.1\tFALSE\t/\tTRUE\t0\tsecure\thunter2' $'.com\tTRUE\t/\tFALSE\t0\tbad\thunter2' \
		$'.co.uk\tTRUE\t/\tFALSE\t0\tbad\thunter2' >cookies
	chmod 640 cookies
	get -vv --cookie-file cookies "$ORIGIN/echo-headers" -o a
	expect 0 "'cookies', line 5: the cookie is skipped"
	expect 0 "'cookies' contains cookies and can be read by other users"
	[[ $(cookies_of a) == sid=hunter2 ]] || fail "sent: $(cat a)"
	get --cookie-file cookies "$ORIGIN/redirect-to?url=http://localhost:$PORT_http/echo-headers" -o b
	expect 0
	[[ ! $(cookies_of b) ]] || fail "sent: $(cat b)"
	! grep -q hunter2 err || fail "shown: $(cat err)"
	echo '{"sid": "hunter2"}' >json
	get --cookie-file json "$ORIGIN/gen/10/2"
	expect 28 "'json' has no cookies in Netscape's format"
	get --cookie-file missing "$ORIGIN/gen/10/2"
	expect 15 "cannot read the cookie file 'missing'"
	printf 'ERROR one\n' >"$DOCS/cookies.log"
	chmod 600 cookies
	run scan -c --no-filename --cookie-file cookies "$ORIGIN/cookie/sid=hunter2/cookies.log"
	expect 0
	[[ $(cat out) == 1 ]] || fail "$(cat out)"
}
