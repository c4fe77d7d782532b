# Lists: plain URLs, aria2's input files, from files and from standard input.

BOM=$'\xef\xbb\xbf'

# plain URLs, comments and blank lines, whatever ends the lines
test_list_plain() {
	printf '# three files\n\n%s\n  \n%s\n#%s\n%s' "$ORIGIN/gen/10/1" "$ORIGIN/gen/10/2" "$ORIGIN/gen/10/9" "$ORIGIN/gen/10/3" >list
	get -i list
	expect 0 "3 of 3 files done"
	is_gen 1 10 1
	is_gen 2 10 2
	is_gen 3 10 3
	absent 9
	printf '%s# a comment\r\n\r\n%s\r\n out=crlf\r\n%s' "$BOM" "$ORIGIN/gen/10/4" "$ORIGIN/gen/10/5"$'\r' >list
	get -i list
	expect 0 "2 of 2 files done"
	is_gen crlf 10 4
	is_gen 5 10 5
	printf '%s%s\n' "$BOM" "$ORIGIN/gen/10/6" >list
	get -i list
	expect 0
	is_gen 6 10 6
}

# from standard input: a file, a pipe that fills slowly, and beside URLs of the command line
test_list_stdin() {
	printf '%s\n' "$ORIGIN/gen/10/1" "$ORIGIN/gen/10/2" >list
	"$S" get -i - <list >out 2>err
	status=$?
	expect 0
	is_gen 2 10 2
	{ printf '%s' "$ORIGIN/gen/"; sleep 0.1; printf '10/3\n%s' "$ORIGIN/gen/10"; sleep 0.1; echo /4; } |
		"$S" get -i - "$ORIGIN/gen/10/5" >out 2>err
	status=$?
	expect 0 "3 of 3 files done"
	is_gen 3 10 3
	is_gen 4 10 4
	is_gen 5 10 5
	"$S" get -i - <&- >out 2>err
	status=$?
	expect 17 "cannot read the list 'standard input'"
}

# out, dir, checksum and header of aria2's input files
test_list_options() {
	local sum
	sum=$("$ORIGIN_TOOL" --sum 1000 1)
	cat >list <<-END
		$ORIGIN/gen/1000/1
		  out=a
		  dir=d/e
		  checksum=sha-256=${sum%% *}
		# between
		$ORIGIN/echo-headers
		$(printf '\t')out = headers
		  header=X-One: 1
		  header=X-Two:2

		  dir=d
		$ORIGIN/gen/10/3
	END
	get -d run -i list
	expect 0 "3 of 3 files done"
	is_gen run/d/e/a 1000 1
	is_gen run/3 10 3
	grep -q '^X-One: 1' run/d/headers && grep -q '^X-Two: 2' run/d/headers || fail "headers"
}

# a session that aria2 has saved, with what it has of its own; what has a counterpart applies, the rest is named once
test_list_aria2() {
	{
		printf '%s\n gid=0123456789abcdef\n split=5\n out=a\n user-agent=agent/7\n referer=http://r/\n' "$ORIGIN/echo-headers"
		printf '%s\t\n gid=fedcba9876543210\n split=4\n max-connection-per-server=16\n' "$ORIGIN/auth/me/word/gen/10/2"
		printf ' http-user=me\n http-passwd=word\n'
		printf '%s\n out=c\n remote-time=false\n pause=true\n' "$ORIGIN/lm/1000000000/gen/10/3"
	} >list
	get -i list
	expect 0 "3 of 3 files done"
	grep -qx $'User-Agent: agent/7\r' a && grep -qx $'Referer: http://r/\r' a || fail "fields of the request"
	is_gen 2 10 2
	[[ $(stat -c %Y c) != 1000000000 ]] || fail "remote-time=false has no effect"
	[[ $(grep -c ignored err) == 1 ]] || fail "not one notice"
	grep -qF "unsupported options in the list are ignored: max-connection-per-server, pause, split" err || fail "which are ignored"
	printf '%s\n gid=0123456789abcdef\n' "$ORIGIN/gen/10/4" >list
	get -i list
	expect 0
	! grep -q ignored err || fail "a notice without a loss"
}

# several sources of one file, by TAB: the next is tried when one fails, from the first byte
test_list_sources() {
	local bad sum
	sum=$("$ORIGIN_TOOL" --sum 500000 1)
	for bad in "$ORIGIN/status/404" "$ORIGIN/status/503" "http://127.0.0.1:$PORT_closed/x" "$ORIGIN/short/100/500000" "$ORIGIN/reset/3000/500000" \
		"$ORIGIN/loop" "$ORIGIN/badchunk/hex" "http://no-such-host.invalid/x" "https://localhost:$PORT_expired/x" "$ORIGINS/truncate/5000" \
		"$ORIGIN/short/6000000/9000000" "ftp://127.0.0.1/f" "http://a b/"; do
		printf '%s\t%s\n out=f\n' "$bad" "$ORIGIN/gen/500000/1/f" >list
		get --connect-timeout 2s --cacert "$CA" --if-exists=replace -i list
		expect 0 "trying the next source"
		is_gen f 500000 1
		rm f
	done
	printf '%s\t%s\n out=f\n checksum=sha-256=%s\n' "$ORIGIN/gen/500000/2" "$ORIGIN/gen/500000/1" "${sum%% *}" >list
	get -i list
	expect 0 "trying the next source"
	is_gen f 500000 1
	printf '%s\t%s\t\t%s\n out=g\n' "$ORIGIN/status/404" "$ORIGIN/status/500" "$ORIGIN/status/403" >list
	once -i list
	expect 24
	absent g
	printf '%s\t%s\n out=h\n' "$ORIGIN/gen/10/1" "$ORIGIN/tag/unused/gen/10/2" >list
	get -i list
	expect 0
	is_gen h 10 1
	is_counter unused requests 0 || fail "the second source was asked"
	no_parts
}

# a failure of the disk does not lead to another source
test_list_sources_disk() {
	printf '%s\t%s\n out=/x\n' "$ORIGIN/gen/10/1" "$ORIGIN/tag/disk/gen/10/1" >list
	mkdir f.sluice-part
	printf '%s\t%s\n out=f\n' "$ORIGIN/gen/10/1" "$ORIGIN/tag/disk/gen/10/1" >>list
	get -i list
	[[ $status == 28 ]] || fail "exit $status"
	is_counter disk requests 0 || fail "another source was asked"
}

# a bad line is an error that names the line; the others go on
test_list_bad_lines() {
	local sum
	cat >list <<-END
		 out=orphan
		$ORIGIN/gen/10/1
		nonsense
		http://
		ftp://127.0.0.1/x
		$ORIGIN/gen/10/2
		 checksum=sha-256=12
		$ORIGIN/gen/10/3
		 colour=red
		$ORIGIN/gen/10/4
		 out
		$ORIGIN/gen/10/5
		 header=nocolon
		$ORIGIN/gen/10/6
	END
	get --json -i list
	expect 28 "line 1 of the list"
	grep -q "line 7 of the list" err || fail "line 7"
	grep -q "line 9 of the list: unknown option 'colour'" err || fail "line 9"
	grep -q "line 11 of the list" err || fail "line 11"
	grep -q "line 13 of the list" err || fail "line 13"
	is_gen 1 10 1
	is_gen 6 10 6
	absent 2 3 4 5 red
	nothing_left list 1 6
	printf '%s\n%s\0%s\n' "$ORIGIN/gen/10/7" "$ORIGIN/gen" "$ORIGIN/gen/10/8" >list
	get -i list
	expect 28 "NUL"
	is_gen 7 10 7
	{ printf '%s?' "$ORIGIN/gen/10/9"; head -c 70000 /dev/zero | tr '\0' x; echo; echo "$ORIGIN/gen/10/10"; } >list
	get -i list
	expect 28 "longer than"
	absent 9
	is_gen 10 10 10
}

# a program or an archive given as list is refused at its first NUL, not with an error a line
test_list_no_list() {
	get -i "$S"
	expect 28
	(($(wc -l <err) < 60)) || fail "$(wc -l <err) lines of errors"
	nothing_left
}

# lists that are not there, cannot be read, or hold nothing
test_list_missing() {
	get -i nothing
	expect 15 "'nothing'"
	mkdir directory
	get -i directory
	expect 17 "cannot read the list 'directory': is a directory"
	: >empty
	get -i empty # as a program may write it that has nothing to download
	expect 0 "0 of 0 files done"
	printf '# nothing\n\n' >comments
	get -i comments
	expect 0 "0 of 0 files done"
	get -i empty "$ORIGIN/gen/10/1"
	expect 0
	chmod 755 .
	: >locked
	chmod 0 locked
	as_user "$S" get -i locked >out 2>err
	status=$?
	expect 15 "'locked'"
	get -o f -i comments
	expect 28 "-o takes exactly one URL"
}

# a URL that is listed again is downloaded once, and the summary says how many there were
test_list_repeats() {
	printf '%s\n' "$ORIGIN/tag/repeats/gen/10/1/a" "$ORIGIN/gen/10/2/b" "$ORIGIN/tag/repeats/gen/10/1/a" "$ORIGIN/tag/repeats/gen/10/1/a" >list
	get -i list
	expect 0 "4 of 4 files done"
	expect 0 "2 inputs repeat an earlier URL and were not downloaded again"
	! grep -q "already there" err || fail "counted as there before"
	is_gen a 10 1
	is_counter repeats requests 1 || fail "$(counter repeats requests) requests"
	printf '%s\n' "$ORIGIN/status/404" "$ORIGIN/gen/10/3" "$ORIGIN/status/404" >list
	get -i list
	expect 3 "repeats input 1, which failed"
	expect 3 "1 of 3 files done, 2 failed"
}

# ten thousand entries, of which most are the same bad name
test_list_long() {
	local i
	for ((i = 0; i < 10000; i++)); do
		echo "$ORIGIN/gen/10/1/same?$i"
	done >list
	get 60 -q -i list
	expect 13
	is_gen same 10 1
	[[ $(grep -c "is already the name of input 1" err) == 9999 ]] || fail "not each failure is named"
	rm same
	timeout -k 5 $((60 * SLOW)) "$S" get --progress=bars -i list >out 2>err
	status=$?
	[[ $status == 13 ]] || fail "exit status $status"
	[[ $(grep -ac "^  'same' is already the name" err) == 1000 ]] || fail "the list at the end has no end"
	grep -aq "and 8,999 more" err || fail "how many more there are"
	! grep -aq "not shown" err || fail "lines were lost"
}
