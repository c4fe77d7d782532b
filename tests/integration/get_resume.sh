# Files that a run has left incomplete: the same command goes on, whatever ended the first one.

JSON=$BUILD/tools/json_check
SIZE=30000000 SEED=7
GEN=gen/$SIZE/$SEED/f
# Slow enough to be stopped in the middle, with segments of 1 MiB.
SLOWLY="slow/6000000/ranges/etag/v1/$GEN"

# Start a download of this path, and wait until at least BYTES of the part are recorded.
begin() { # records, options and path...
	start get -k 1M "${@:2}"
	until_true 20 has_records f "$1"
}

# The number of a field of the run's last event in ./out.
number() {
	sed -n "s/.*\"type\":\"run_summary\".*\"$1\":\([0-9]*\).*/\1/p" out
}

# A run after that one: it must not fetch more than is missing and what was under way.
resumes() { # options and path...
	run get -k 1M --json "$@"
	expect 0
	is_gen f $SIZE $SEED
	nothing_left f own.ready own.log own.out
	(($(number bytes) < SIZE - 3000000)) || fail "$(number bytes) bytes were fetched, though part of the file was there"
}

# kill -9: the final name does not exist, and the same command fetches what is missing
test_resume_killed() {
	begin 6 "$ORIGIN/$SLOWLY"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	[[ ! -e f ]] || fail "there is a file under the final name"
	resumes "$ORIGIN/$SLOWLY"
}

# kill -9 again and again, at any instant
test_resume_killed_often() {
	local round
	for ((round = 1; round <= 12 / (SLOW > 1 ? 3 : 1); round++)); do
		rm -f f
		while :; do
			start get -k 1M "$ORIGIN/slow/20000000/ranges/etag/v1/$GEN"
			sleep "0.$(printf %02d $((RANDOM % 60)))"
			kill -KILL "$pid" 2>/dev/null || break
			wait "$pid" 2>/dev/null
			[[ ! -e f ]] || is_gen f $SIZE $SEED
			((RANDOM % 3)) || break
		done
		wait "$pid" 2>/dev/null
		run get -k 1M --if-exists=skip "$ORIGIN/slow/20000000/ranges/etag/v1/$GEN"
		expect 0
		is_gen f $SIZE $SEED
		nothing_left f own.ready own.log own.out
	done
}

# Ctrl-C keeps what is there, says so, and the same command resumes
test_resume_interrupted() {
	begin 6 "$ORIGIN/$SLOWLY"
	kill -INT "$pid"
	finish 5
	expect 130 "the same command resumes it"
	[[ -e f.sluice-part && -e f.sluice-journal && ! -e f ]] || fail "part and journal were to be kept"
	resumes "$ORIGIN/$SLOWLY"
}

# what was there is neither received nor part of a rate: the line of the file, the summary and the events say so
test_resume_counts() {
	local there
	begin 6 "$ORIGIN/$SLOWLY"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	run get -k 1M -v --json --progress=none "$ORIGIN/$SLOWLY"
	expect 0 "B from an earlier run)"
	grep -q 'MiB from earlier runs' err || fail "not in the summary"
	grep -q '^segments: .*requests\? for' err || fail "no requests"
	there=$("$JSON" type resumed <out | grep '^"file_done"' | cut -f 2)
	((there >= 6 * 100000)) || fail "$there bytes resumed"
	[[ $(number resumed) == "$there" ]] || fail "the summary has $(number resumed) bytes"
	((there + $(number bytes) >= SIZE && there + $(number bytes) < SIZE + 3000000)) || fail "$(number bytes) bytes received"
	[[ $("$JSON" type bytes total <out | grep '^"file_done"') == $'"file_done"\t'$SIZE$'\t'$SIZE ]] || fail "its size"
	rm f
	run get -k 1M -v --json "$ORIGIN/$GEN"
	expect 0
	! grep -q "earlier run" err || fail "nothing was there"
	[[ $("$JSON" type resumed <out | grep '^"file_done"') == $'"file_done"\t0' ]] || fail "resumed"
}

# Of a megabyte a second, so that the deadlines with a part and without all of it are many.
leaves_a_part() { # arguments...
	rm -f f
	run get -k 1M -s 1 "$@" <list
	[[ -e f.sluice-part ]]
}

# a list from standard input is needed again
test_resume_list() {
	local how
	echo "$ORIGIN/slow/1000000/ranges/etag/v1/$GEN" >list
	for how in list -; do
		within_a_deadline leaves_a_part -i "$how" --deadline
		if [[ $how == - ]]; then
			expect 2 "resumes it if it gets the same list on standard input"
		else
			expect 2 "the same command resumes it"
			! grep -q "standard input" err || fail "there was no list from standard input"
		fi
		rm -f f*
	done
}

# --stats counts the requests for ranges, and what was read back for a checksum
test_resume_stats() {
	local sum
	sum=$("$ORIGIN_TOOL" --sum $SIZE $SEED)
	run get -k 1M --stats -q --checksum "sha-256=${sum%% *}" "$ORIGIN/slow/20000000/ranges/etag/v1/$GEN"
	expect 0
	grep -q '^segments: .*requests for ranges.* read back for checksums' err || fail "no segments"
	run get --stats -q "$ORIGIN/gen/10/1"
	expect 0
	! grep -q '^segments:' err || fail "one request brought all of it"
}

# --deadline likewise
test_resume_deadline() {
	: >list
	within_a_deadline leaves_a_part "$ORIGIN/slow/1000000/ranges/etag/v1/$GEN" --deadline
	expect 2 "the same command resumes it"
	run get -k 1M --json "$ORIGIN/slow/20000000/ranges/etag/v1/$GEN"
	expect 0
	is_gen f $SIZE $SEED
	nothing_left f list own.ready own.log own.out
}

# with a checksum, which covers the bytes of both runs
test_resume_checksum() {
	local sum
	sum=$("$ORIGIN_TOOL" --sum $SIZE $SEED)
	begin 6 "$ORIGIN/$SLOWLY"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	resumes --checksum "sha-256=${sum%% *}" "$ORIGIN/$SLOWLY"
}

# --no-continue: nothing is kept, and what is there is not used
test_resume_not() {
	start get -k 1M --no-continue "$ORIGIN/$SLOWLY"
	until_true 20 test -e f.sluice-part
	sleep 0.5
	kill -INT "$pid"
	finish 5
	expect 130
	nothing_left
	begin 6 "$ORIGIN/$SLOWLY"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	run get -k 1M --json --no-continue "$ORIGIN/$SLOWLY"
	expect 0
	is_gen f $SIZE $SEED
	(($(number bytes) >= SIZE)) || fail "bytes of the run before were used"
	nothing_left f own.ready own.log own.out
}

# the file has changed on the server: the whole of the new version, nothing of the old one
test_resume_changed() {
	own_origin
	begin 4 -s 1 "$ORIGIN/slow/6000000/change/2/ranges/$GEN"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	run get -k 1M -s 1 "$ORIGIN/slow/6000000/change/2/ranges/$GEN"
	expect 0 "changed on the server"
	is_gen f $SIZE $((SEED + 1))
	nothing_left f own.ready own.log own.out
}

# the server does not send ranges any more
test_resume_no_ranges() {
	own_origin
	begin 4 -s 1 "$ORIGIN/slow/6000000/norange-after/0/etag/v1/$GEN"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	run get -k 1M -s 1 "$ORIGIN/slow/6000000/norange-after/0/etag/v1/$GEN"
	expect 0 "beginning again"
	is_gen f $SIZE $SEED
	nothing_left f own.ready own.log own.out
}

# a server that refuses the request for what is missing: the message says which request it was
test_resume_refused() {
	local url="$ORIGIN/short-first/1/6000000/from/2/range-status/403/ranges/etag/v1/gen/9000000/1/f"
	once "$url"
	expect 22 "the body stopped after 6000000 of 9000000 bytes"
	once "$url"
	expect 24 "the server answered 403 Forbidden to a request for a range"
	once --no-continue "$url"
	expect 0
	is_gen f 9000000 1
	nothing_left f
}

# bytes of the part that another program has changed are found and fetched again
test_resume_verify() {
	local off
	begin 6 "$ORIGIN/$SLOWLY"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	# In each chunk: any of them may be among those that are recorded.
	for ((off = 5000; off < $(stat -c %s f.sluice-part); off += 1048576)); do
		printf 'x' | dd of=f.sluice-part bs=1 seek=$off conv=notrunc status=none
	done
	run get -k 1M --verify-resume "$ORIGIN/$SLOWLY"
	expect 0 "are not what was written to it"
	is_gen f $SIZE $SEED
	nothing_left f own.ready own.log own.out
}

# a journal that is damaged, of another version, of another URL or empty: a notice, and all is fetched
test_resume_bad_journal() {
	local what
	for what in damaged newer empty cut text huge; do
		begin 4 "$ORIGIN/$SLOWLY"
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null
		case $what in
		damaged) printf '\377\377' | dd of=f.sluice-journal bs=1 seek=2 conv=notrunc status=none ;;
		newer) printf '\377' | dd of=f.sluice-journal bs=1 seek=24 conv=notrunc status=none ;;
		empty) : >f.sluice-journal ;;
		cut) truncate -s 40 f.sluice-journal ;;
		text) echo "not a journal" >f.sluice-journal ;;
		huge) truncate -s 8G f.sluice-journal ;;
		esac
		run get -k 1M --json "$ORIGIN/slow/60000000/ranges/etag/v1/$GEN"
		expect 0 "cannot be resumed, so the download begins anew"
		is_gen f $SIZE $SEED
		nothing_left f own.ready own.log own.out
		rm f
	done
	begin 4 "$ORIGIN/$SLOWLY"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	run get -k 1M -o f "$ORIGIN/ranges/etag/v1/gen/$SIZE/9/other"
	expect 0
	is_gen f $SIZE 9
	nothing_left f own.ready own.log own.out
}

# a second run on the same file ends at once, and does not touch it
test_resume_in_use() {
	begin 4 "$ORIGIN/slow/1500000/ranges/etag/v1/$GEN"
	timeout "$LIMIT" "$S" get -k 1M "$ORIGIN/$SLOWLY" >second 2>&1
	[[ $? == 11 ]] || fail "the second run was to end with 11"
	grep -qF "another run is writing it" second || fail "the second run does not say why"
	rm second
	finish 60
	expect 0
	is_gen f $SIZE $SEED
	nothing_left f own.ready own.log own.out
}

# no space left: what is there is kept, and the same command resumes once there is some
test_resume_disk_full() {
	on_tmpfs "$BASH_SOURCE" inside_disk_full size=24m
}

inside_disk_full() {
	cd mnt || exit
	head -c 12000000 /dev/zero >filler
	run get -k 1M "$ORIGIN/ranges/etag/v1/gen/20000000/7/f"
	expect 9 "no space left"
	rm filler
	run get -k 1M "$ORIGIN/ranges/etag/v1/gen/20000000/7/f"
	expect 0
	is_gen f 20000000 7
	no_parts
}

# no space is left for the journal alone: the download is not resumable, and complete
test_resume_journal_full() {
	on_tmpfs "$BASH_SOURCE" inside_journal_full size=8m
}

inside_journal_full() {
	run get -d mnt -s 4 -k 1M "$ORIGIN/ranges/etag/v1/gen/8388608/7/f"
	expect 0
	is_gen mnt/f 8388608 7
	no_parts
}

# the server's name is known only with its response: then the part of that name is resumed
test_resume_content_disposition() {
	local url="$ORIGIN/header/Content-Disposition/attachment;filename=f/slow/6000000/ranges/etag/v1/gen/$SIZE/$SEED/other"
	begin 6 --content-disposition "$url"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	[[ ! -e f ]] || fail "there is a file under the final name"
	resumes --content-disposition "$url"
}

# killed between the rename and the removal of the journal: the next run removes it
test_resume_stale_journal() {
	run get "$ORIGIN/ranges/etag/v1/lm/1700000000/$GEN"
	expect 0
	echo left >f.sluice-journal
	run get "$ORIGIN/ranges/etag/v1/lm/1700000000/$GEN"
	expect 0
	is_gen f $SIZE $SEED
	nothing_left f own.ready own.log own.out
}
