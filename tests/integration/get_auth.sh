# --user, --netrc, --bearer-file, --auth-origin, --digest: which credentials go where, and what is shown of them.

HOST=127.0.0.1

sends() { # file, text
	grep -qiF -- "$2" "$1" || fail "not sent: $2"
}

sends_not() { # file, text
	! grep -qiF -- "$2" "$1" || fail "sent: $2"
}

basic() { # user:password
	echo "Authorization: Basic $(printf '%s' "$1" | base64)"
}

# --user goes to typed origins and those of --auth-origin, in lists too, and to no other
test_auth_user() {
	local other=http://$HOST:$PORT_other
	get -u "me:a:b c" "$ORIGIN/echo-headers" -o f
	expect 0
	sends f "$(basic 'me:a:b c')"
	printf '%s\n out=same\n%s\n out=else\n' "$ORIGIN/echo-headers" "$other/echo-headers" >list
	get -i list
	expect 0
	sends_not same Authorization
	get --user me:secret -i list "$ORIGIN/gen/10/1" --if-exists=replace
	expect 0
	sends same "$(basic me:secret)"
	sends_not else Authorization
	get --user me:secret -i list --auth-origin "$other" --if-exists=replace
	expect 0
	sends_not same Authorization
	sends else "$(basic me:secret)"
	get -u me:secret "$ORIGIN/redirect-to?url=$other/echo-headers" -o g
	expect 0
	sends_not g Authorization
	get -u me:secret --auth-origin "$other" "$ORIGIN/redirect-to?url=$other/echo-headers" -o h
	expect 0
	sends h "$(basic me:secret)"
	get -u me:secret "${ORIGIN/$HOST/you:other@$HOST}/echo-headers" -o i # the URL's own come first
	expect 0
	sends i "$(basic you:other)"
}

# Digest takes one request more for all files of an origin; a wrong password is the end, with status 24
test_auth_digest() {
	local i urls=()
	for i in {1..20}; do
		urls+=("$ORIGIN/tag/auth_digest/digest/me/secret/basic+sha256+md5/gen/100/$i")
	done
	get -j 1 --digest -u me:secret "${urls[@]}"
	expect 0
	is_gen 20 100 20
	[[ $(counter auth_digest requests) == 21 ]] || fail "$(counter auth_digest requests) requests"
	get -u me:wrong "$ORIGIN/digest/me/secret/sha256/gen/10/1"
	expect 24 "it does not accept these credentials"
	get --digest -u me:secret "$ORIGIN/auth/me/secret/gen/10/1"
	expect 24 "which --digest does not permit"
	get "$ORIGIN/auth/me/secret/gen/10/1"
	expect 24 "give credentials with --user"
	get -vv -s 4 -k 1M -u me:secret "$ORIGIN/ranges/etag/v1/digest/me/secret/md5+stale/gen/4000000/77" # in segments
	expect 0
	is_gen 77 4000000 77
	! grep -q 'secret\|response=' <(sed 's|/me/secret/||g' err) || fail "shown: $(cat err)"
}

# the file of --netrc, by the host of each hop; what is wrong with it
test_auth_netrc() {
	local home=$PWD/home
	mkdir home
	printf '# mine\nmachine localhost login me password "a b"\ndefault login de password fault\n' >home/.netrc
	chmod 600 home/.netrc
	HOME=$home get --netrc "http://localhost:$PORT_http/echo-headers" -o f
	expect 0
	[[ ! -s err ]] || ! grep -q 'other users' err || fail "a warning: $(cat err)"
	sends f "$(basic 'me:a b')"
	HOME=$home get --netrc "$ORIGIN/redirect-to?url=http://localhost:$PORT_http/echo-headers" -o g
	expect 0
	sends g "$(basic 'me:a b')"
	HOME=$home get --netrc "http://localhost:$PORT_http/redirect-to?url=$ORIGIN/echo-headers" -o h
	expect 0
	sends_not h Authorization
	chmod 644 home/.netrc
	get --netrc-file home/.netrc "$ORIGIN/echo-headers" -o i
	expect 0 "can be read by other users"
	sends i "$(basic de:fault)"
	printf 'machine x login me password two hidden\n' >bad
	get --netrc-file bad "$ORIGIN/gen/10/1"
	expect 28 "'bad', line 1"
	! grep -q hidden err || fail "shown: $(cat err)"
	get --netrc-file missing "$ORIGIN/gen/10/1"
	expect 15 "cannot read the .netrc file 'missing'"
	HOME='' get --netrc "$ORIGIN/gen/10/1"
	expect 28 "HOME is not set"
}

# a token comes from a file, is not shown, and only goes where it is for
test_auth_bearer() {
	echo hidden-token >token
	get -vv --bearer-file token "$ORIGIN/bearer/hidden-token/gen/10/1"
	expect 0
	is_gen 1 10 1
	get --bearer-file token "$ORIGIN/redirect-to?url=http://$HOST:$PORT_other/echo-headers" -o f
	expect 0
	sends_not f Authorization
	get --bearer-file <(echo T1) "$ORIGIN/bearer/T1/gen/10/3" "$ORIGIN/bearer/T2/gen/10/4" # read once
	expect 24 "1 of 2 files done"
	printf 'two\nlines' >bad
	get --bearer-file bad "$ORIGIN/gen/10/2"
	expect 28 "more than one line"
	! grep -q 'Bearer hidden' err || fail "shown: $(cat err)"
}

# scan has the same options
test_auth_scan() {
	printf 'ERROR one\nfine\n' >"$DOCS/auth.log"
	run scan -c --no-filename --user me:secret "$ORIGIN/digest/me/secret/sha256/auth.log" "$ORIGIN/auth/me/secret/auth.log"
	expect 0
	[[ $(cat out) == $'1\n1' ]] || fail "$(cat out)"
	run scan -c --retries 0 "$ORIGIN/digest/me/secret/sha256/auth.log"
	expect 2 "give credentials with --user"
}

# nginx asks for Basic
test_auth_nginx() {
	with_nginx
	"$ORIGIN_TOOL" --gen 5000 9 >"$DOCS/auth9"
	get -u "me:pass word" "$NGINX/private/auth9"
	expect 0
	is_gen auth9 5000 9
	get -u "me:pass" "$NGINX/private/auth9" -o wrong
	expect 24 "it does not accept these credentials"
	get --digest -u "me:pass word" "$NGINX/private/auth9" -o digest
	expect 24 "which --digest does not permit"
}

# options that make no sense
test_auth_usage() {
	get -u me:x --bearer-file f "$ORIGIN/gen/10/1"
	expect 28 "exclude each other"
	get -u :x "$ORIGIN/gen/10/1"
	expect 28 "USER must not be empty"
	get --netrc --netrc-file f "$ORIGIN/gen/10/1"
	expect 28 "use one of them"
	local origin
	for origin in example.com http://a/path http://u@a 'http://a?b' ftp://a; do
		get --auth-origin "$origin" "$ORIGIN/gen/10/1"
		expect 28 "option '--auth-origin'"
	done
	run_in_new_session get -u me "$ORIGIN/gen/10/1"
	expect 28 "there is no terminal to ask for it"
}

# Without a terminal.
run_in_new_session() {
	status=0
	setsid -w timeout "$LIMIT" "$S" "$@" >out 2>err </dev/null || status=$?
}

# Answer the question for a password, and wait for the end: what the terminal shows is in typescript.
type_password() { # answer
	command -v script >/dev/null || skip "no script(1) here (package bsdutils)"
	# The answer follows the question: what is typed before the echo is off is dropped.
	mkfifo answer
	SHELL=$BASH TERM=xterm timeout "$LIMIT" script -qfec "'$S' get -q -u me '$ORIGIN/auth/me/typed-word/gen/10/1'; echo \"status \$?\"" typescript \
		<answer >/dev/null 2>&1 &
	local pid=$!
	exec 7>answer
	until_true 10 grep -q 'Password for me:' typescript
	printf '%s\n' "$1" >&7
	wait "$pid" || fail "script failed"
	exec 7>&-
}

# a password is asked for without echo
test_auth_prompt() {
	type_password typed-word
	grep -q 'status 0' typescript || fail "$(cat typescript)"
	! grep -q typed-word <(sed 's|/typed-word/||' typescript) || fail "echoed: $(cat typescript)"
	is_gen 1 10 1
}

# a control byte in it, such as that of an arrow key, is refused by its name
test_auth_prompt_control() {
	type_password $'typed-word\e[A'
	grep -q 'status 28' typescript || fail "$(cat typescript)"
	grep -q 'contains a control byte' typescript || fail "$(cat typescript)"
}

# the password of --user is not in the process list
test_auth_hidden() {
	start get -u me:hidden-word "$ORIGIN/gate/auth_hidden/gen/1000/1"
	until_true 10 holds_stars
	! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q hidden-word || fail "shown"
	opened auth_hidden
	finish 20
	[[ $status == 0 ]] || fail "status $status"
}

holds_stars() {
	tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q 'me:\*\*'
}
