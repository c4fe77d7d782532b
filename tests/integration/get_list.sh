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
	grep -qF "ignored in the list (not supported): max-connection-per-server, pause, split" err || fail "which are ignored"
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
	timeout -k 5 $((60 * PATIENCE)) "$S" get --progress=bars -i list >out 2>err
	status=$?
	[[ $status == 13 ]] || fail "exit status $status"
	[[ $(grep -ac "^  'same' is already the name" err) == 1000 ]] || fail "the list at the end has no end"
	grep -aq "and 8,999 more" err || fail "how many more there are"
	! grep -aq "not shown" err || fail "lines were lost"
}

# the first download begins, and ends, while the list goes on
test_list_streams() {
	mkfifo pipe
	start get -i pipe
	exec 8>pipe
	printf '%s\n%s' "$ORIGIN/gen/10/1" "$ORIGIN/gen/" >&8
	until_true 10 test -f 1
	printf '10/2\n' >&8
	exec 8>&-
	finish 10
	expect 0 "2 of 2 files done"
	is_gen 1 10 1
	is_gen 2 10 2
}

# a FIFO that no program opens for writing does not keep the run beyond its deadline
test_list_without_writer() {
	mkfifo pipe
	for list in "-i pipe" "--sums pipe $ORIGIN/gen/10/1"; do
		# shellcheck disable=SC2086 # several words
		get --deadline 100ms $list
		expect 2 "the time limit of the run was reached (--deadline) before the list 'pipe' was open (a FIFO needs a writer)"
		! grep -q "did not stop" err || fail "the run was abandoned"
	done
	absent 1
}

# a list that ends within an error has begun what was in front of it; the rest counts as one failed input
test_list_compressed() {
	printf '%s\n' "$ORIGIN/gen/10/1" "$ORIGIN/gen/10/2" | gzip >list
	printf '%s\n out=last\n' "$ORIGIN/gen/10/3" | gzip >>list
	get -i list
	expect 0 "3 of 3 files done"
	is_gen last 10 3
	rm last 1 2
	head -c -6 list >cut
	get -i - <cut
	expect 28 "cannot read the list to its end: the gzip data is truncated"
	expect 28 "2 of 3 files done, 1 failed"
	is_gen 1 10 1
	absent last
}

# several lists and URLs, in their order; what repeats an input of another list is downloaded once
test_list_several() {
	echo "$ORIGIN/tag/several/gen/10/1" >a
	printf '%s\n%s' "$ORIGIN/gen/10/2" "$ORIGIN/tag/several/gen/10/1" >b
	get --json -i b -i - "$ORIGIN/gen/10/3" -i a <<<"$ORIGIN/gen/10/4"
	expect 0 "5 of 5 files done"
	is_gen 2 10 2
	is_gen 4 10 4
	is_counter several requests 1 || fail "$(counter several requests) requests"
	grep -q '"file_start".*"index":0.*/gen/10/3"' out || fail "URLs of the command line are not first"
	get -i a -i - -i - </dev/null
	expect 28 "standard input can be only one list"
	get -i ''
	expect 28 "must not be empty"
	echo ' x=y' >bad
	rm 1
	get -i a -i bad
	expect 28 "list 'bad': line 1 of the list: an option line"
	get -i a -i nothing
	expect 15 "'nothing'"
	expect 15 "cannot open the list"
}

# checksums of a directory, downloaded into the same directories and verified
test_list_sums() {
	mkdir -p tree/d/e "$DOCS/sums/d/e"
	(cd tree && echo 1 >a && echo 2 >'d/b c?#%' && echo 3 >$'d/e/\303\244' && echo 4 >'d/x\y' && cp -r . "$DOCS/sums/" &&
		sha256sum a ./d/b* && md5sum -b d/e/* && sha512sum --tag d/x*) >SUMS
	get --base-url "$NGINX/sums" -d run -i SUMS
	expect 0 "4 of 4 files done"
	diff -r tree run || fail "not the same files"
	(cd run && sha256sum -c <(grep -E '^[0-9a-f]{64} ' ../SUMS)) >/dev/null || fail "sha256sum -c"
	sed 's/$/\r/' SUMS >dos
	get --base-url "$NGINX/sums/" -d run2 -i dos
	expect 0 "4 of 4 files done"
	get --base-url "$NGINX/sums" -d run -i SUMS
	expect 0 "4 already there"
	echo other >"$DOCS/sums/a"
	get --base-url "$NGINX/sums" -d run3 -i SUMS
	expect 32 "checksum of"
	absent run3/a
	[[ -f run3/d/x\\y ]] || fail "others"
	get -i SUMS
	expect 28 "give the URL of their directory with --base-url"
	expect 28 "0 of 1 file done, 1 failed"
	get --base-url 'http://h/x?q' -i SUMS
	expect 28 "must not have a query"
	get --base-url 'ftp://h/x' -i SUMS
	expect 28
}

# names that lead out of the directory
test_list_sums_outside() {
	local sum
	sum=$("$ORIGIN_TOOL" --sum 10 1)
	sum=${sum%% *}
	mkdir in
	printf '%s  %s\n' "$sum" ../1 "$sum" "$PWD/abs/1" "$sum" in/../../1 "$sum" . "$sum" d/ "$sum" - >SUMS
	get --base-url "$ORIGIN/gen/10" -d in -i SUMS
	expect 28 "--allow-outside"
	[[ $(grep -c -- "--allow-outside" err) -ge 3 ]] || fail "not each of them"
	expect 28 "a checksum of standard input"
	nothing_left SUMS in
	printf '%s  %s\n' "$sum" ../1 >SUMS
	get --base-url "$ORIGIN/gen/10/x" -d in --allow-outside -i SUMS
	expect 0
	is_gen 1 10 1
}

# names that lead out of the directory, or cannot be names, in each kind of list: refused, and the others come
test_list_hostile_names() {
	local name kind sum xml
	sum=$("$ORIGIN_TOOL" --sum 10 1)
	sum=${sum%% *}
	mkdir in
	ln -s .. in/up
	while read -r name; do
		for kind in plain json metalink sums; do
			case $kind in
			plain) printf '%s\n out=%s\n%s\n' "$ORIGIN/tag/hostile/gen/10/1" "$name" "$ORIGIN/gen/10/1/good" ;;
			json) printf '{"url":"%s","out":"%s"}\n{"url":"%s"}\n' "$ORIGIN/tag/hostile/gen/10/1" "$name" "$ORIGIN/gen/10/1/good" ;;
			metalink)
				xml=${name//&/&amp;}
				printf '<metalink><file name="%s"><url>%s</url></file>' "$xml" "$ORIGIN/tag/hostile/gen/10/1"
				printf '<file name="good"><url>%s</url></file></metalink>' "$ORIGIN/gen/10/1"
				;;
			sums) printf '%s  %s\n%s  good\n' "$sum" "$name" "$sum" ;;
			esac >list
			get --base-url "$ORIGIN/tag/hostile/gen/10/1/" -d in -i list
			[[ $status == 28 || $status == 18 ]] || fail "$kind '$name': exit status $status"
			expect "$status" "1 of 2 files done"
			is_gen in/good 10 1
			rm in/good
			nothing_left list in up
		done
	done <<-'END'
		../x
		/x
		/tmp/sluice-hostile-name
		a/../../x
		..
		a/..
		up/x
		up/up/x
	END
	[[ ! -e /x && ! -e /tmp/sluice-hostile-name && ! -e ../x ]] || fail "a name led outside"
	is_counter hostile requests 8 || fail "$(counter hostile requests) requests, of which 8 are for the files of the checksum lists"
}

# a list from a URL: its directory is the base of names; one connection serves for the list and its files
test_list_url() {
	with_nginx
	mkdir -p "$DOCS/listed/d"
	echo 1 >"$DOCS/listed/a"
	echo 2 >"$DOCS/listed/d/b"
	(cd "$DOCS/listed" && sha256sum a d/b >SHA256SUMS && gzip -k SHA256SUMS)
	get -x1 -i "$NGINX/listed/SHA256SUMS"
	expect 0 "2 of 2 files done"
	same a "$DOCS/listed/a"
	same d/b "$DOCS/listed/d/b"
	get --if-exists=replace -i "$NGINX/listed/SHA256SUMS.gz?query#x"
	expect 0 "2 of 2 files done"
	get -i "$ORIGIN/status/404"
	expect 3 "cannot read the list: cannot fetch '$ORIGIN/status/404'"
	get --retry-max-wait 20ms "$ORIGIN/gen/10/1" -i "http://127.0.0.1:$PORT_closed/list" "$ORIGIN/gen/10/2"
	expect 6 "2 of 3 files done, 1 failed"
	expect 6 "(retry 8 of 8)"
	get -i "$ORIGIN/short/100/500000"
	[[ $status != 0 ]] || fail "a list that was cut short"
	get -i "https://me:hunter2@localhost:$PORT_expired/x"
	expect 35 "cannot read the list"
	! grep -q hunter2 err || fail "a password is shown"
	get -i "$ORIGIN/loop" # a list that is always elsewhere
	expect 23 "cannot read the list"
	get -i "http://"
	expect 28
	echo '<!DOCTYPE html><html>' >"$DOCS/listed/page"
	get -i "$NGINX/listed/page"
	expect 28 "HTML"
}

# a long list is received at once, so that its server does not wait while its files are downloaded
test_list_url_long() {
	local i
	for ((i = 0; i < 30000; i++)); do
		echo "$ORIGIN/gen/10/1/same?$i-a-name-that-makes-the-list-longer-than-the-buffers-of-a-socket"
	done >"$DOCS/long-list"
	get 60 -x1 -j1 -q -i "${NGINX:-$ORIGIN}/long-list"
	expect 13
	is_gen same 10 1
	[[ $(grep -c "is already the name of input 1" err) == 29999 ]] || fail "not each entry was used"
	rm "$DOCS/long-list"
}

# checksums for files from elsewhere
test_sums() {
	local sum
	"$ORIGIN_TOOL" --gen 10 1 >one
	"$ORIGIN_TOOL" --gen 10 2 >two
	{ sha256sum one | sed s/one/1/; md5sum two | sed 's/two/2/'; sha1sum two | sed 's/two/unused/'; } >SUMS
	get -v --sums SUMS "$ORIGIN/gen/10/1" "$ORIGIN/gen/10/2"
	expect 0 "1 of 3 checksums in 'SUMS' are for other files"
	! grep -q "no checksum" err || fail "both have one"
	get --sums SUMS "$ORIGIN/gen/10/1" "$ORIGIN/gen/10/2"
	expect 0 "2 already there" # by their checksums: the origin sends no time
	get --sums SUMS "$ORIGIN/gen/11/1/3" "$ORIGIN/gen/10/5/4" "$ORIGIN/gen/10/5/2.x"
	expect 0 "3 of the files have no checksum in 'SUMS' and were not verified; the first is '$ORIGIN/gen/11/1/3'"
	get -d bad --sums SUMS "$ORIGIN/gen/10/3/1"
	expect 32 "checksum of"
	absent bad/1
	echo "$ORIGIN/gen/10/2/x" >list
	echo " out=2" >>list
	get -d listed -i list --sums - <SUMS
	expect 0
	! grep -q "no checksum" err || fail "by the name in the list"
	echo nonsense >>SUMS
	get -d none --sums SUMS "$ORIGIN/gen/10/1"
	expect 28 "cannot use the checksums of --sums: line 4 of the list"
	get -d none --sums nothing "$ORIGIN/gen/10/1"
	expect 15 "'nothing'"
	get -d none --sums "$ORIGIN/status/404" "$ORIGIN/gen/10/1"
	expect 3 "cannot use the checksums of --sums"
	absent none
}

# the shards of a list are disjoint and cover it
test_shard() {
	local i
	for ((i = 1; i <= 10; i++)); do
		echo "$ORIGIN/gen/10/$i"
	done >list
	sed -i "4s/.*/$(printf 'ftp:\/\/h\/x')/" list
	for i in 1 2 3; do
		get --shard "$i/3" -d "shard$i" -i list "$ORIGIN/gen/10/11"
		[[ $status == $((i == 2 ? 28 : 0)) ]] || fail "shard $i: exit status $status"
	done
	[[ $(echo shard1/* shard2/* shard3/*) == "shard1/11 shard1/3 shard1/6 shard1/9 shard2/1 shard2/10 shard2/7 shard3/2 shard3/5 shard3/8" ]] ||
		fail "$(echo shard*/*)"
	SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_MIN=2 SLURM_ARRAY_TASK_COUNT=20 get --shard auto -d auto -i list
	expect 0 "1 of 1 file done"
	is_gen auto/1 10 1
	get --shard auto -i list
	expect 28 "none of SLURM_ARRAY_TASK_ID, AWS_BATCH_JOB_ARRAY_INDEX and JOB_COMPLETION_INDEX is set"
	get --shard 4/3 -i list
	expect 28 "must be I/N"
	get --shard 12/12 -d none -i list
	expect 0 "0 of 0 files done"
}

# what a run keeps of each entry does not grow with the entries' length, here 8 MB of all
test_list_memory() {
	local long few many
	printf -v long '%0100d/' {1..40}
	seq -f "http://127.0.0.1:$PORT_closed/$long%.0f" 2000 >list
	head -n 100 list | get 60 -q --stats --retries 0 -i -
	few=$(sed -n 's/.*memory: \([0-9]*\).*/\1/p' err)
	get 60 -q --stats --retries 0 -i list
	expect 6
	many=$(sed -n 's/.*memory: \([0-9]*\).*/\1/p' err)
	[[ $few && $many ]] || fail "--stats does not report the memory"
	((SLOW > 1 || many - few <= 4)) || fail "$few MiB for 100 entries, $many MiB for 2,000"
}
