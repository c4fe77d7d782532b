# Files that other programs have left half-done, that have grown on the server, or that are damaged: what is there is used.

SIZE=30000000 SEED=7
GEN=gen/$SIZE/$SEED/f
URL=$ORIGIN/ranges/etag/v1/lm/1700000000/$GEN
SLOWLY=$ORIGIN/slow/4000000/ranges/etag/v1/lm/1700000000/$GEN

# The number of a field of the run's last event in ./out.
number() {
	sed -n "s/.*\"type\":\"run_summary\".*\"$1\":\([0-9]*\).*/\1/p" out
}

# At most so many bytes were received by the run; where connections were slow, ranges were hedged, which are received twice
# as far as both come.
received() { # most
	(($(number bytes) <= $1 + $(number ranges_hedged) * 2000000)) || fail "$(number bytes) bytes were fetched, at most $1 were missing"
}

beginning() { # file, bytes
	"$ORIGIN_TOOL" --gen "$2" $SEED >"$1"
}

all_is_there() { # names that may be left...
	is_gen f $SIZE $SEED
	nothing_left f own.ready own.log own.out "$@"
}

has() { # file, bytes
	local size
	size=$(stat -c %s "$1" 2>/dev/null) && ((size >= $2))
}

with() {
	command -v "$1" >/dev/null || skip "no $1 here"
}

# A control file of aria2 for f: pieces of 1 MiB, of which the first ones are there.
control() { # size, pieces that are there
	local pieces=$((($1 + 1048575) / 1048576)) i byte
	{
		printf '\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00'
		# shellcheck disable=SC2059
		printf "$(printf '%016x' "$1" | sed 's/../\\x&/g')"
		printf '\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'
		# shellcheck disable=SC2059
		printf "\\x$(printf %02x $(((pieces + 7) / 8)))"
		for ((i = 0; i < pieces; i += 8)); do
			byte=$(($2 - i))
			((byte = byte < 0 ? 0 : byte > 8 ? 8 : byte, byte = 255 - (255 >> byte)))
			# shellcheck disable=SC2059
			printf "\\x$(printf %02x $byte)"
		done
		printf '\x00\x00\x00\x00'
	} >f.aria2
}

# What aria2 leaves: the file has its whole size, and some of its bytes.
aria2_pair() { # pieces that are there
	beginning f $(($1 * 1048576))
	truncate -s $SIZE f
	control $SIZE "$1"
}

# ---- --append ----

# only what was appended is fetched; owner and mode stay
test_takeover_append() {
	run get -q -k 1M "$ORIGIN/ranges/etag/v0/lm/1600000000/gen/20000000/$SEED/f"
	expect 0
	chmod 640 f
	run get -k 1M --json --append "$URL"
	expect 0
	received 10000000
	all_is_there
	[[ $(stat -c %a f) == 640 ]] || fail "mode $(stat -c %a f)"
	[[ $(number resumed) == 20000000 ]] || fail "$(number resumed) bytes were used"
	# not grown since: one conditional request, nothing received
	run get -k 1M --json --append "$URL"
	expect 0
	received 0
	all_is_there
}

# what is not the beginning of the server's file is left alone, or replaced if that is wanted
test_takeover_append_other() {
	local what
	for what in other shorter middle; do
		case $what in
		other) "$ORIGIN_TOOL" --gen 20000000 99 >f ;;
		shorter) beginning f $((SIZE + 1)) ;;
		middle)
			beginning f 20000000
			printf x | dd of=f bs=1 seek=10000001 conv=notrunc status=none
			;;
		esac
		cp f before
		run get -k 1M --append "$URL"
		expect 13 "--if-exists=replace"
		same f before
		nothing_left f before own.ready own.log own.out
		run get -k 1M --append --if-exists=replace "$URL"
		expect 0
		all_is_there before
	done
}

counted() { # tag, name, least value
	local value
	value=$(counter "$1" "$2")
	((${value:-0} >= $3))
}

# what another program writes to a file while what follows it is downloaded is not replaced, unless that is wanted
test_takeover_written_meanwhile() {
	local what first options
	own_origin
	while IFS='|' read -r what first options; do
		beginning f 12345678
		[[ $what != empty ]] || : >f
		# shellcheck disable=SC2086
		start get -s 1 -k 1M $options "$ORIGIN/tag/$what/from/$first/gate/$what/ranges/etag/v1/lm/1700000000/$GEN"
		# it was examined, and copied: half of a response has come
		until_true 10 counted $what requests $((first + 1)) # with a HEAD
		echo "of another program" >f
		cp f before
		opened $what
		finish 20
		if [[ $what == replace ]]; then
			expect 0
			all_is_there before
			continue
		fi
		expect 13 "'f' was changed by another program in the meantime, and is left as it is (--if-exists=replace"
		same f before
		nothing_left f before own.ready own.log own.out
	done <<-END
		grown|5|--append
		empty|2|--append
		replace|5|--append --if-exists=replace
	END
}

# all files of a list, several at once
test_takeover_append_list() {
	local i
	for i in 1 2 3 4 5 6; do
		"$ORIGIN_TOOL" --gen $((i * 1000000)) "$i" >"f$i"
		echo "$ORIGIN/ranges/etag/v1/gen/7000000/$i/f$i"
	done >list
	run get -k 1M -j 3 --json --append -i list
	expect 0
	received 21000000
	for i in 1 2 3 4 5 6; do
		is_gen "f$i" 7000000 "$i"
	done
	no_parts
}

# kill -9 at any instant: the file is what it was or what it is to become, and the same command ends well
test_takeover_append_killed() {
	local round
	for ((round = 1; round <= 8 / (SLOW > 1 ? 3 : 1); round++)); do
		beginning f 20000000
		cp f before
		start get -k 1M --append "$SLOWLY"
		sleep "0.$(printf %02d $((RANDOM % 90)))"
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
		cmp -s f before || is_gen f $SIZE $SEED
		run get -k 1M --json --append "$URL"
		expect 0
		all_is_there before
		rm -f f before
	done
}

# it grows while it is downloaded by a real server
test_takeover_append_growing() {
	with_nginx
	beginning "$DOCS/growing.log" 9000000
	run get -k 1M "$NGINX/growing.log"
	expect 0
	"$ORIGIN_TOOL" --gen 12000000 $SEED | tail -c 3000000 >>"$DOCS/growing.log"
	touch -d '+1 minute' "$DOCS/growing.log"
	run get -k 1M --json --append "$NGINX/growing.log"
	expect 0
	received 3000000
	is_gen growing.log 12000000 $SEED
	rm "$DOCS/growing.log"
}

# ---- --adopt ----

# the beginning that any program has left; without --adopt it is refused, and the message says what to do
test_takeover_adopt() {
	beginning f 12345678
	run get -k 1M "$URL"
	expect 13 "--adopt completes what another program has left"
	run get -k 1M --json --adopt "$URL"
	expect 0
	received $((SIZE - 12345678))
	all_is_there
	[[ $(number resumed) == 12345678 ]] || fail "$(number resumed) bytes were used"
}

# what cannot be completed is as it was
test_takeover_adopt_refused() {
	local what url why
	while IFS='|' read -r what url why; do
		beginning f 12345678
		case $what in
		other) "$ORIGIN_TOOL" --gen 12345678 99 >f ;;
		last) printf x | dd of=f bs=1 seek=12345677 conv=notrunc status=none ;;
		longer) beginning f $((SIZE + 1)) ;;
		linked) ln f second ;;
		link) mv f target && ln -s target f ;;
		mode) chmod 600 f ;;
		esac
		cp -L f before
		run get -k 1M --adopt "$ORIGIN/$url/$GEN"
		expect 13 "$why"
		grep -qF -- --if-exists=replace err || fail "no remedy"
		same f before
		nothing_left f before second target own.ready own.log own.out
		rm -f f before second target
	done <<-END
		other|ranges/etag/v1|has other bytes
		last|ranges/etag/v1|has other bytes
		longer|ranges/etag/v1|30000001 bytes, and the server's file has 30000000
		plain|etag/v1|cannot be taken over
		plain|ranges|cannot be taken over
		linked|ranges/etag/v1|a hard link
		link|ranges/etag/v1|a symbolic link
		mode|ranges/etag/v1|chmod
	END
}

# what was never written to it is not taken for what was downloaded, and does not fail the file at its end
test_takeover_adopt_holes() {
	on_tmpfs "${BASH_SOURCE[0]}" adopt_holes size=128m
}

adopt_holes() {
	beginning whole 20000000
	truncate -s 3000000 mnt/f
	tail -c +3000001 whole | head -c 4000000 >>mnt/f
	head -c 1000000 whole | dd of=mnt/f conv=notrunc status=none
	truncate -s 9000000 mnt/f
	tail -c +9000001 whole >>mnt/f
	run get -k 1M --json --adopt -d mnt "$URL"
	expect 0
	is_gen mnt/f $SIZE $SEED
	received $((SIZE - 20000000 + 7000000))
	[[ $(ls mnt) == f ]] || fail "left: $(ls mnt)"
}

# lftp and axel give a file its whole size before they have all of it. A block of it may be written in part.
test_takeover_whole_size_with_holes() {
	on_tmpfs "${BASH_SOURCE[0]}" whole_size_with_holes size=128m
}

copy_range() { # begin, end
	tail -c +$(($1 + 1)) whole | head -c $(($2 - $1)) | dd of=mnt/f bs=64K seek="$1" oflag=seek_bytes conv=notrunc status=none
}

whole_size_with_holes() {
	beginning whole $SIZE
	truncate -s $SIZE mnt/f
	copy_range 0 5242780
	copy_range 10485860 20971520
	copy_range 29000000 $SIZE
	cp --sparse=always mnt/f before
	run get -d mnt "$URL"
	expect 13 "never written"
	same mnt/f before
	run get -d mnt --checksum "sha-256=$(sha256sum <whole | cut -d ' ' -f 1)" "$URL"
	expect 13 "another checksum"
	same mnt/f before
	run get -k 1M --json --adopt -d mnt "$URL"
	expect 0
	is_gen mnt/f $SIZE $SEED
	received $((SIZE - 4 * 1048576 - 8 * 1048576))
	[[ $(ls mnt) == f ]] || fail "left: $(ls mnt)"
	# one that is complete has none
	cp whole mnt/f
	run get -d mnt "$URL"
	expect 0
}

# with a checksum, too
test_takeover_holes_by_checksum() {
	on_tmpfs "${BASH_SOURCE[0]}" holes_by_checksum size=128m
}

holes_by_checksum() {
	beginning whole $SIZE
	truncate -s $SIZE mnt/f
	copy_range 10000000 $SIZE
	run get -k 1M --json --adopt -d mnt --checksum "sha-256=$(sha256sum <whole | cut -d ' ' -f 1)" "$URL"
	expect 0
	is_gen mnt/f $SIZE $SEED
	received 12000000
}

# a program that is still at work
test_takeover_adopt_in_use() {
	beginning f 12345678
	cp f before
	exec 8>>f
	run get -k 1M --adopt "$URL"
	expect 11 "another program has it open for writing"
	same f before
	exec 8>&-
	run get -k 1M --adopt "$URL"
	expect 0
	all_is_there before
}

# a file that another program changes after it was compared, with what was compared left as it was
test_takeover_changed_meanwhile() {
	local how
	own_origin
	for how in --adopt --append; do
		beginning f 12345678
		start get -k 1M $how "$ORIGIN/tag/samples$how/gate/sample$how/ranges/etag/v1/lm/1700000000/$GEN"
		# the first sample is under way
		until_true 10 is_counter "samples$how" ranges 1
		printf damaged | dd of=f bs=1 seek=3000000 conv=notrunc status=none
		cp -p f before
		opened "sample$how"
		finish 20
		expect 15 "it was changed in the meantime"
		same f before
		nothing_left f before own.ready own.log own.out
	done
}

# small files, too
test_takeover_small() {
	local how
	for how in --adopt --append; do
		"$ORIGIN_TOOL" --gen 30001 $SEED >f
		run get --json $how "$ORIGIN/ranges/etag/v1/gen/70001/$SEED/f"
		expect 0
		received 40000
		is_gen f 70001 $SEED
		nothing_left f own.ready own.log own.out
		: >f
		run get $how "$ORIGIN/ranges/etag/v1/gen/70001/$SEED/f"
		expect 0
		is_gen f 70001 $SEED
	done
}

# the checksum covers what was there
test_takeover_adopt_checksum() {
	local sum
	sum=$("$ORIGIN_TOOL" --sum $SIZE $SEED)
	beginning f 12345678
	run get -k 1M --json --adopt --checksum "sha-256=${sum%% *}" "$URL"
	expect 0
	received $((SIZE - 12345678))
	all_is_there
}

# a run that is killed leaves an ordinary part, which a run without --adopt resumes
test_takeover_adopt_killed() {
	local round
	for ((round = 1; round <= 8 / (SLOW > 1 ? 3 : 1); round++)); do
		beginning f 20000000
		cp f before
		start get -k 1M --adopt "$SLOWLY"
		sleep "0.$(printf %02d $((RANDOM % 60)))"
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
		if [[ -e f ]]; then
			cmp -s f before || is_gen f $SIZE $SEED
			run get -k 1M --adopt "$URL"
		else
			run get -k 1M --json "$SLOWLY"
			received $((SIZE - 20000000 + 1000000))
		fi
		expect 0
		all_is_there before
		rm -f f before
	done
}

# no space is left for the journal: the file is as it was, and the reason is told
test_takeover_journal_full() {
	on_tmpfs "${BASH_SOURCE[0]}" takeover_journal_full size=8m
}

takeover_journal_full() {
	beginning mnt/f 6000000
	touch -d '2020-02-02 02:02:02' mnt/f
	cp -p mnt/f before
	dd if=/dev/zero of=mnt/other bs=64K status=none 2>dd.err && fail "the file system is not full"
	rm dd.err
	run get -k 1M --adopt -d mnt "$URL"
	expect 9 "its journal cannot be written: no space left on device"
	same mnt/f before
	[[ $(stat -c %y mnt/f) == "$(stat -c %y before)" ]] || fail "modified $(stat -c %y mnt/f)"
	[[ $(ls mnt) == f$'\n'other ]] || fail "left: $(ls mnt)"
}

# another run has moved it since it was compared, and was killed: what it has left is not lost
test_takeover_adopt_twice() {
	local url other
	own_origin
	url=$ORIGIN/tag/twice/only/2/gate/twice/slow/4000000/ranges/etag/v1/lm/1700000000/$GEN
	beginning f 20000000
	"$S" get -k 1M --adopt "$url" >one.out 2>one.err &
	other=$!
	until_true 10 is_counter twice ranges 1
	start get -k 1M --adopt "$url"
	until_true 10 test ! -e f
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	has f.sluice-part 20000000 || fail "it was not moved"
	opened twice
	wait $other || fail "exit status $?: $(<one.err)"
	grep -q 'from earlier runs' one.err || fail "nothing was used: $(<one.err)"
	all_is_there one.out one.err
}

# half-done by curl, wget and wget2, which were stopped in the middle
test_takeover_tools() {
	local tool
	for tool in curl wget wget2; do
		command -v $tool >/dev/null || continue
		case $tool in
		curl) curl -s -R -o f "$SLOWLY" & ;;
		wget) wget -q -O f "$SLOWLY" & ;;
		wget2) wget2 -q --no-config -O f "$SLOWLY" & ;;
		esac
		pid=$!
		until_true 20 has f 3000000
		kill -KILL $pid
		wait $pid 2>/dev/null
		run get -k 1M --json --adopt "$URL"
		expect 0
		received $((SIZE - 3000000))
		all_is_there
		rm f
	done
}

# ---- aria2 ----

aria2() { # options...
	aria2c --no-conf -q --auto-save-interval=1 -k 1M "$@" "$ORIGIN/slow/1500000/ranges/etag/v1/lm/1700000000/$GEN" &
	pid=$!
}

# The bitmap of a control file of 29 pieces has a bit.
lists_a_piece() { # file
	(($(tail -c +35 "$1" 2>/dev/null | head -c 4 | tr -d '\0' | wc -c) > 0))
}

# half-done by aria2, in one connection or several, preallocated or not: taken over without being asked
test_takeover_aria2() {
	with aria2c
	local how
	for how in "-x1 -s1" "-x4 -s4" "-x4 -s4 --file-allocation=none" "-x4 -s4 --file-allocation=falloc"; do
		# shellcheck disable=SC2086
		aria2 $how
		until_true 30 lists_a_piece f.aria2
		kill -KILL $pid
		wait $pid 2>/dev/null
		[[ -e f.aria2 ]] || fail "aria2c left no control file"
		run get -k 1M --json "$URL"
		expect 0
		received $((SIZE - 1000000))
		all_is_there
		rm f
	done
}

# a control file that lists nothing, as beside an empty file: begun anew, and both are as they were if that fails
test_takeover_aria2_empty() {
	local size url done
	while read -r size url done; do
		: >f
		truncate -s "$size" f
		control $SIZE "$done"
		cp f before
		cp f.aria2 control.before
		run get -k 1M --retries 0 "$ORIGIN/status/404/$GEN"
		expect 3
		same f before
		same f.aria2 control.before
		run get -k 1M "$ORIGIN/$url/$GEN"
		expect 0
		all_is_there before control.before
		rm f
	done <<-END
		0 ranges/etag/v1 0
		0 etag/v1 0
		0 ranges/etag/v1 12
		$SIZE ranges/etag/v1 0
	END
	# a small file, too
	: >f
	control 70001 0
	run get "$ORIGIN/ranges/etag/v1/gen/70001/$SEED/f"
	expect 0
	is_gen f 70001 $SEED
	nothing_left f before control.before own.ready own.log own.out
}

# a control file that is damaged, or of another file: refused, and both are as they were
test_takeover_aria2_refused() {
	with aria2c
	local what
	aria2 -x4 -s4
	until_true 30 lists_a_piece f.aria2
	kill -KILL $pid
	wait $pid 2>/dev/null
	mv f f.save
	mv f.aria2 control.save
	for what in cut text link no-continue changed other; do
		cp f.save f
		cp control.save f.aria2
		local url=$URL options=()
		case $what in
		cut) truncate -s 20 f.aria2 ;;
		text) echo "not a control file" >f.aria2 ;;
		link) ln -sf control.save f.aria2 ;;
		no-continue) options=(--no-continue) ;;
		changed) url=$ORIGIN/ranges/etag/v1/gen/$((SIZE + 1))/$SEED/f ;;
		other) url=$ORIGIN/ranges/etag/v1/gen/$SIZE/8/f ;;
		esac
		run get -k 1M "${options[@]}" "$url"
		expect 13 "--if-exists=replace"
		same f f.save
		[[ -e f.aria2 ]] || fail "$what: the control file is gone"
		no_parts
	done
}

# a file that is replaced takes its control file along; one that comes later is known to be stale by the file's attribute
test_takeover_aria2_stale() {
	aria2_pair 12
	cp f.aria2 control.save
	run get -k 1M --if-exists=replace "$URL"
	expect 0
	is_gen f $SIZE $SEED
	[[ ! -e f.aria2 ]] || fail "the control file of what was replaced is left"
	cp control.save f.aria2
	run get -k 1M --json "$URL"
	expect 0
	received 0
	is_gen f $SIZE $SEED
}

# ---- what is not completed ----

# The half-done file, as `way` has it: in f, and with what before it.
half_done() { # way
	rm -f f f.aria2
	case $1 in
	aria2) aria2_pair 12 ;;
	*) beginning f 12345678 ;;
	esac
	touch -d '2020-02-02 02:02:02.123456789' f
	cp -p f before
	[[ $1 != aria2 ]] || cp f.aria2 control.before
}

# f is as it was before; of aria2's only the bytes that its control file lists.
is_as_before() { # way
	local what=f
	[[ -e f ]] || fail "$1: f is gone: $(ls)"
	[[ $1 == aria2 ]] && what="f f.aria2"
	if [[ $1 == aria2 ]]; then
		cmp -s -n $((12 * 1048576)) f before || fail "aria2: other bytes"
		cmp -s f.aria2 control.before || fail "aria2: another control file, or none"
		[[ $(stat -c %s f) == "$SIZE" ]] || fail "aria2: the size is $(stat -c %s f)"
	else
		same f before
	fi
	[[ $(stat -c %y f) == "$(stat -c %y before)" ]] || fail "$1: modified $(stat -c %y f)"
	# shellcheck disable=SC2086
	nothing_left $what before control.before own.ready own.log own.out list
}

option() { # way
	case $1 in
	adopt | append) echo "--$1" ;;
	aria2) echo --no-remote-time ;;
	esac
}

# a wrong checksum fails the file, and what was there is as it was; the right one completes it then
test_takeover_wrong_checksum() {
	local way sum wrong
	sum=$("$ORIGIN_TOOL" --sum $SIZE $SEED)
	sum=${sum%% *}
	wrong=$(printf '%064d' 0)
	for way in adopt append aria2; do
		half_done $way
		for _ in 1 2; do
			run get -k 1M "$(option $way)" --checksum "sha-256=$wrong" "$URL"
			expect 32 "checksum"
			is_as_before $way
		done
		run get -k 1M --json "$(option $way)" --checksum "sha-256=$sum" "$URL"
		expect 0
		received $((SIZE - 12000000))
		# what aria2 had not downloaded was not cut off, and makes the file complete
		[[ $way != aria2 ]] || cmp -s f.aria2 control.before || fail "aria2: no control file"
		all_is_there before control.before f.aria2
	done
}

# a server that refuses the samples, which are ranges, may send all of it; what it refuses stays as it was
test_takeover_refused_replaced() {
	local code
	for code in 400 403 501; do
		beginning f 12345678
		cp f before
		run get --retries 0 --adopt "$ORIGIN/range-status/$code/ranges/etag/v1/gen/$SIZE/$SEED/f"
		((status == 24 || status == 22)) || fail "$code: exit status $status"
		cmp -s f before || fail "$code: the file was changed"
		run get --retries 0 --adopt --if-exists=replace "$ORIGIN/range-status/$code/ranges/etag/v1/gen/$SIZE/$SEED/f"
		expect 0 "downloading all of it"
		all_is_there before
	done
	beginning f 12345678
	run get --retries 0 --adopt --if-exists=replace "$ORIGIN/status/403/f"
	((status == 24)) || fail "exit status $status"
	cmp -s f before || fail "the file was changed by a refusal of all of it"
}

# what was there is wrong where no sample shows it: all of the file is fetched if it may be replaced
test_takeover_wrong_replaced() {
	local way sum
	sum=$("$ORIGIN_TOOL" --sum $SIZE $SEED)
	for way in adopt append; do
		half_done $way
		printf wrong | dd of=f bs=1 seek=2500001 conv=notrunc status=none
		run get -k 1M "$(option $way)" --if-exists=replace --checksum "sha-256=${sum%% *}" "$URL"
		expect 0 "beginning again from the start"
		is_gen f $SIZE $SEED
		no_parts
		rm f
	done
}

# pieces that cannot be repaired, also in what was there
test_takeover_wrong_pieces() {
	local way
	"$ORIGIN_TOOL" --gen $SIZE 99 >other
	cat >list <<-END
		<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="f"><size>$SIZE</size>
		<pieces length="1000000" type="sha-1">$(piece_hashes other)</pieces>
		<url>$URL</url></file></metalink>
	END
	rm other
	for way in adopt append aria2; do
		half_done $way
		run get -k 1M "$(option $way)" -i list
		expect 32 "checksum"
		is_as_before $way
	done
}

# A run moves the file and is killed before it is complete.
moved_and_killed() { # way, url
	half_done "$1"
	start get -k 1M --limit-rate 3M "$(option "$1")" "$2"
	until_true 10 test -s f.sluice-part
	until_true 10 test ! -e f
	sleep 0.$((RANDOM % 9))
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	[[ ! -e f && -s f.sluice-part ]] || fail "$1: it was not moved"
}

# a later run may find out that the part is of no use: then the file is put back
test_takeover_put_back() {
	with_nginx
	local way what url options want
	for way in adopt aria2; do
		for what in checksum changed other-url no-continue; do
			beginning "$DOCS/f" $SIZE
			touch -d @1700000000 "$DOCS/f"
			url=$NGINX/f options=() want=13
			moved_and_killed $way "$url"
			case $what in
			checksum) options=(--checksum "sha-256=$(printf '%064d' 0)") want=32 ;;
			changed) "$ORIGIN_TOOL" --gen $SIZE 8 >"$DOCS/f" ;;
			other-url) url=$ORIGIN/ranges/etag/v2/gen/$((SIZE / 3))/8/f ;;
			no-continue) options=(--no-continue) ;;
			esac
			run get -k 1M --no-remote-time "${options[@]}" "$url"
			expect $want
			is_as_before $way
			# and is taken over again
			run get -k 1M --json "$(option $way)" "$URL"
			expect 0
			received $((SIZE - 12000000))
			all_is_there before control.before
			rm "$DOCS/f"
		done
	done
}

# what is put back and then replaced keeps its permissions
test_takeover_put_back_rights() {
	local options
	for options in --no-continue --no-remote-time; do
		(
			umask 077
			moved_and_killed adopt "$URL"
		) || exit
		run get -k 1M $options --if-exists=replace "$URL"
		expect 0 "has its name back"
		all_is_there before
		[[ $(stat -c %a f) == 600 ]] || fail "$options: mode $(stat -c %a f)"
	done
}

# a file that has the name by now is not replaced by what was moved, nor that removed
test_takeover_put_back_taken() {
	local options
	moved_and_killed adopt "$URL"
	echo other >f
	cp -p f other
	for options in --no-continue --append "--no-continue --if-exists=replace"; do
		# shellcheck disable=SC2086
		run get -k 1M $options -o f "$ORIGIN/ranges/etag/v2/gen/$SIZE/8/g"
		expect 13
		same f other
		cmp -s -n 12345678 f.sluice-part before || fail "$options: what was moved is gone"
	done
	grep -q "move one of the two away" err || fail "no remedy"
	rm f
	run get -k 1M --json "$URL"
	expect 0
	received $((SIZE - 12345678))
	all_is_there before other
}

# a part that cannot be resumed any more, since the server sends no ranges
test_takeover_no_ranges_later() {
	own_origin
	local url=$ORIGIN/norange-after/6/etag/v1/lm/1700000000/$GEN
	moved_and_killed adopt "$url"
	run get -k 1M --adopt "$url"
	expect 13 "--if-exists=replace downloads all of it"
	is_as_before adopt
	run get -k 1M --adopt --if-exists=replace "$url"
	expect 0
	all_is_there before
	grep -q "downloading all of it" err || fail "no word of it: $(cat err)"
	! grep -q -e "--if-exists" err || fail "the option that was given is suggested: $(cat err)"
}

# a file that no rename can replace is refused before anything is downloaded
test_takeover_not_replaceable() {
	in_namespace "${BASH_SOURCE[0]}" not_replaceable mount -t tmpfs sluice-test
}

not_replaceable() {
	local options
	beginning mnt/real 12345678
	cp mnt/real before
	: >mnt/f
	mount --bind mnt/real mnt/f || exit 77
	for options in --append --adopt --if-exists=replace "--dry-run --append"; do
		# shellcheck disable=SC2086
		run get -k 1M --json $options -d mnt "$URL"
		expect 14 "it is a mount point (download to another name"
		[[ $options == --dry* ]] || received 200000
		same mnt/f before
		[[ $(ls mnt) == f$'\n'real ]] || fail "left: $(ls mnt)"
	done
	# a link to it is what is replaced
	ln -s f mnt/link
	run get -k 1M --if-exists=replace -o mnt/link "$URL"
	expect 0
	is_gen mnt/link $SIZE $SEED
	same mnt/f before
	for options in a i; do
		beginning mnt/g 12345678
		chattr +$options mnt/g 2>/dev/null || return 0
		run get -k 1M --json --append -o mnt/g "$URL"
		chattr -$options mnt/g
		expect 14 "'chattr -$options' ends that"
		received 200000
		same mnt/g before
	done
}

# ---- --keep-journal, --verify-resume ----

damage() { # file: its bytes change, its times do not
	local offset
	touch -r "$1" times
	for offset in 1000000 2000000 17000000; do
		printf 'damaged' | dd of="$1" bs=1 seek=$offset conv=notrunc status=none
	done
	touch -r times "$1"
	rm times
}

# the journal stays, and changes nothing in a second run
test_takeover_kept_journal() {
	run get -q -k 1M --keep-journal "$URL"
	expect 0
	all_is_there f.sluice-kept
	[[ -s f.sluice-kept ]] || fail "no journal was kept"
	cp f.sluice-kept kept
	run get -k 1M --json "$URL"
	expect 0
	received 0
	same f.sluice-kept kept
	all_is_there f.sluice-kept kept
	# damage is not looked for unless that is wanted, and then nothing else is fetched
	damage f
	run get -k 1M --json "$URL"
	expect 0
	received 0
	run get -k 1M --json --verify-resume "$URL"
	expect 0 "is damaged: 3145728 bytes in 2 ranges"
	received 4000000
	all_is_there f.sluice-kept kept
	cmp -s f.sluice-kept kept && fail "the journal is still that of the damaged file"
	# the repaired file has a journal of its own
	damage f
	run get -k 1M --json --verify-resume "$URL"
	expect 0 "is damaged"
	received 4000000
	all_is_there f.sluice-kept kept
	run get -k 1M --json --verify-resume "$URL"
	expect 0
	received 0
	! grep -q damaged err || fail "nothing is damaged"
}

# a journal that is not of this file is not used
test_takeover_kept_journal_of_others() {
	local what
	for what in copied changed cut other; do
		rm -f f f.sluice-kept
		run get -q -k 1M --keep-journal "$URL"
		expect 0
		case $what in
		copied) cp -p f g && mv g f ;;
		changed) touch -d '+1 minute' f ;;
		cut) truncate -s -5 f.sluice-kept ;;
		other) : ;;
		esac
		if [[ $what == other ]]; then
			run get -k 1M --verify-resume -o f "$ORIGIN/ranges/etag/v1/lm/1700000000/gen/$SIZE/$SEED/g"
		else
			run get -k 1M --verify-resume "$URL"
		fi
		expect 0 "is not verified"
		all_is_there f.sluice-kept
	done
}

# a file that was replaced leaves no journal that is of no use
test_takeover_kept_journal_replaced() {
	run get -q -k 1M --keep-journal "$URL"
	expect 0
	run get -q -k 1M --if-exists=replace "$URL"
	expect 0
	all_is_there
}

# the server has another version by now: the file is as it was, and the message says what to do
test_takeover_repair_changed() {
	run get -q -k 1M --keep-journal "$URL"
	expect 0
	damage f
	cp f before
	run get -k 1M --verify-resume -o f "$ORIGIN/ranges/etag/v2/lm/1800000000/$GEN"
	[[ $status != 0 ]] || fail "it was not repaired"
	same f before
}

# the checksums of pieces in a list show what is damaged, or missing at the end
test_takeover_repair_pieces() {
	local i
	"$ORIGIN_TOOL" --gen 9000000 1 >whole
	cat >list <<-END
		<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="x"><size>9000000</size>
		<pieces length="1000000" type="sha-1">$(piece_hashes whole)</pieces>
		<url>$ORIGIN/ranges/etag/v1/lm/1600000000/gen/9000000/1</url></file></metalink>
	END
	for i in damaged short other; do
		cp whole x
		case $i in
		damaged) printf x | dd of=x bs=1 seek=3500000 conv=notrunc status=none ;;
		short) truncate -s 7999999 x ;;
		other) "$ORIGIN_TOOL" --gen 9000001 2 >x ;;
		esac
		cp x before
		run get -k 1M --json --verify-resume -i list
		if [[ $i == other ]]; then
			expect 13 "--if-exists=replace"
			same x before
		else
			expect 0 "is damaged"
			received 2100000
			same x whole
		fi
		nothing_left x whole list before own.ready own.log own.out
	done
}

# what a dry run counts is what a run receives, for all that can be used; and it changes nothing
test_takeover_planned() {
	local way
	for way in adopt append aria2 part none; do
		rm -f f f.aria2 f.sluice-part f.sluice-journal
		local options=() url=$URL
		case $way in
		adopt | append | aria2) half_done $way && options=("$(option $way)") ;;
		part)
			start get -k 1M --limit-rate 4M "$url"
			until_true 10 has f.sluice-part 1
			until_true 10 has f.sluice-journal 400
			kill -KILL "$pid"
			wait "$pid" 2>/dev/null
			;;
		esac
		find . -name 'f*' -printf '%p %s %T@\n' | sort >before
		run get --dry-run --json "${options[@]}" "$url"
		expect 0
		[[ $(find . -name 'f*' -printf '%p %s %T@\n' | sort) == "$(<before)" ]] || fail "$way: something was changed"
		grep '"type":"plan_summary"' out >plan
		planned() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" plan; }
		(($(planned bytes) + $(planned resumed) == SIZE)) || fail "$way: $(<plan)"
		[[ $way == none ]] || (($(planned resumed) > 0)) || fail "$way: nothing is there: $(<plan)"
		[[ $way != none ]] || (($(planned resumed) == 0)) || fail "$way: $(<plan)"
		case $way in # a copy needs the space once more
		adopt | part) (($(planned needed) < SIZE - 1000000)) || fail "$way: $(<plan)" ;;
		append | none) (($(planned needed) == SIZE)) || fail "$way: $(<plan)" ;;
		esac
		run get -k 1M --json "${options[@]}" "$url"
		expect 0
		(($(number bytes) >= $(planned bytes))) || fail "$way: $(number bytes) bytes were received: $(<plan)"
		received "$(planned bytes)"
	done
	half_done adopt
	run get --dry-run --adopt "$URL"
	expect 0
	grep -q "^resume .*28.6 MiB .* f$" out || fail "no line of the plan: $(<out)"
	grep -q "^1 file to download, 16.8 MiB, 11.7 MiB already there" out || fail "no totals: $(<out)"
}

# a dry run compares, and changes nothing
test_takeover_dry_run() {
	local how
	for how in --adopt --append; do
		beginning f 12345678
		cp f before
		run get --dry-run $how "$URL"
		expect 0
		same f before
		nothing_left f before own.ready own.log own.out
	done
	"$ORIGIN_TOOL" --gen 12345678 99 >f
	run get --dry-run --adopt "$URL"
	expect 13 "has other bytes"
}
