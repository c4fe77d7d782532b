# What servers do about ranges and versions, right and wrong. A whole download, one in segments, one that goes on after kill -9
# and one to standard output end with the right file or with an error; never with a mix of two versions or of two places.

SIZE=9449529 SEED=7
DATED=header/Date/Wed,%2015%20Nov%202023%2000:00:00%20GMT # without it a Last-Modified is not strong enough for ranges

# BEHAVIOUR  of the server
# BASE       what it is besides; a run that was killed has met only this, and is resumed if it has ranges and a validator
# VERSION    seed and size of what the file is to become, where more than one request is sent
# FILE       the exit status of a download to a file
# STREAM     that of one to standard output, where what was written cannot be taken back; 0,22 depends on how much that was before the file changed
# RESUMED    whether a run goes on with what a killed one has left; -: that one keeps nothing
SERVERS="
-                   ranges/etag/v1                7/9449529 0  0    yes
-                   ranges/etag/weak-v1           7/9449529 0  0    -
-                   ranges                        7/9449529 0  0    -
-                   $DATED/ranges/lm/1700000000   7/9449529 0  0    yes
-                   ranges/lm/1700000000          7/9449529 0  0    -
-                   etag/v1                       7/9449529 0  0    -
-                   chunked/ranges/etag/v1        7/9449529 0  0    -
-                   untilclose/ranges/etag/v1     7/9449529 0  0    -
range-early         ranges/etag/v1                7/9449529 0  0    no
range-early-shifted ranges/etag/v1                7/9449529 0  0    no
range-bare          ranges/etag/v1                7/9449529 0  0    no
range-total         ranges/etag/v1                7/9449529 0  0,22 no
range-no-total      ranges/etag/v1                7/9449529 0  0    yes
range-reversed      ranges/etag/v1                7/9449529 0  0    no
range-fewer/100000  ranges/etag/v1                7/9449529 0  0    yes
range-more/10       ranges/etag/v1                7/9449529 0  0    no
range-long/10       ranges/etag/v1                7/9449529 0  0    no
range-short/10      ranges/etag/v1                7/9449529 0  0    no
range-multipart     ranges/etag/v1                7/9449529 0  0    no
range-refused       ranges/etag/v1                7/9449529 0  0    no
range-unasked       ranges/etag/v1                7/9449529 22 22   no
norange-after/0     ranges/etag/v1                7/9449529 0  0    no
norange-after/1     ranges/etag/v1                7/9449529 0  0    no
norange-after/3     ranges/etag/v1                7/9449529 0  0    no
no-if-range         ranges/etag/v1                7/9449529 0  0    yes
ignore-if-range     ranges/etag/v1                7/9449529 0  0    yes
change/2            ranges                        8/9449529 0  0,22 no
change/2            ignore-if-range               8/9449529 0  0,22 no
change/2            no-if-range                   8/9449529 0  0,22 no
change/3            ranges                        8/9449529 0  0,22 no
grow/2/1000         ranges                        7/9450529 0  0,22 no
flip-etag/2         ranges                        7/9449529 0  0,22 no
alternate           ranges                        7/9449529 0  0,22 no
twice               ranges/etag/v1                7/9449529 0  0    yes
after/50            ranges/etag/v1                7/9449529 0  0    yes
at-most/2           ranges/etag/v1                7/9449529 0  0    yes
at-most-503/2       ranges/etag/v1                7/9449529 0  0    yes
signed/2            ranges/etag/v1                7/9449529 0  0    yes
keepalive-close/2   ranges/etag/v1                7/9449529 0  0    yes
from/2/chunked      ranges/etag/v1                7/9449529 0  0    yes
from/2/untilclose   ranges/etag/v1                7/9449529 0  0    yes
from/2/coded/gzip   ranges/etag/v1                7/9449529 0  0    no
from/2/redirect/302 ranges/etag/v1                7/9449529 0  0    yes
from/2/1xx/3        ranges/etag/v1                7/9449529 0  0    yes
from/2/header/Content-Range/bytes%200-9%2f10 ranges/etag/v1 7/9449529 0 0    no
only/2/status/503   ranges/etag/v1                7/9449529 0  0    yes
"
SOON=(--retry-max-wait 20ms)
AT_ONCE=(--stall-timeout 1900ms) # receives gather no bytes then, so that what came is written at once

each_server() { # function
	local behaviour base version file stream resumed n=0
	while read -r behaviour base version file stream resumed; do
		[[ $behaviour ]] || continue
		n=$((n + 1))
		where="$behaviour $base"
		[[ $behaviour != - ]] || behaviour=tag/plain
		"$1"
	done <<<"$SERVERS"
	((n > 30)) || fail "only $n servers"
}

is_version() { # file, seed/size
	"$ORIGIN_TOOL" --gen "${2#*/}" "${2%/*}" | cmp -s - "$1"
}

begins_version() { # file, seed/size
	cmp -s -n "$(stat -c %s "$1")" <("$ORIGIN_TOOL" --gen "${2#*/}" "${2%/*}") "$1"
}

# The run that has just ended has made the file, or left nothing.
ends_as() { # version
	[[ $status == "$file" ]] || fail "$where: exit status $status, expected $file"
	if ((status == 0)); then
		is_version f "$1" || fail "$where: not the right file"
		rm f
	else
		grep -q "206" err || fail "$where: no reason"
	fi
	nothing_left own.ready own.log own.out
}

# long: by one request, which all these servers answer in full
test_servers_whole() {
	own_origin
	whole() {
		get "${SOON[@]}" -s 1 "$ORIGIN/$behaviour/$base/gen/$SIZE/$SEED/f"
		ends_as $SEED/$SIZE
	}
	each_server whole
}

# in pieces that several connections fetch
test_servers_segments() {
	own_origin
	segments() {
		get "${SOON[@]}" -s 4 -k 1M "$ORIGIN/$behaviour/$base/gen/$SIZE/$SEED/f"
		# The first response may bring all of the first version before others begin.
		[[ $status != 0 ]] || is_version f "$version" || version=$SEED/$SIZE
		ends_as "$version"
	}
	each_server segments
}

# Half of the first response was sent, and what came of it is in the part and in the journal, if there is one.
has_half() {
	local size
	(($(tail -c +4000000 f.sluice-part 2>/dev/null | head -c 100 | tr -d '\0' | wc -c) > 50)) || return
	[[ $resumed == - ]] || { size=$(stat -c %s f.sluice-journal 2>/dev/null) && ((size >= 210)); }
}

# by a run after one that was killed in the middle of its first response
test_servers_resumed() {
	own_origin
	resumed() {
		local path from=
		[[ $behaviour != range-unasked ]] || file=0 # nothing but a range is asked for
		[[ $behaviour != range-unasked && $behaviour != twice ]] || from=from/2/
		path=$from$behaviour/only/1/gate/$n/$base/gen/$SIZE/$SEED/f
		start get "${AT_ONCE[@]}" -s 1 "$ORIGIN/$path"
		until_true 10 has_half
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null
		[[ ! -e f ]] || fail "$where: there is a file under the final name"
		get "${SOON[@]}" --json -s 4 -k 1M "$ORIGIN/$path"
		ends_as "$version"
		[[ $resumed != yes ]] || (($("$BUILD/tools/json_check" type resumed <out | sed -n 's/^"file_done"\t//p') >= 3000000)) ||
			fail "$where: not resumed"
	}
	each_server resumed
}

# to standard output in order: if that cannot be ended, it has the beginning of one version
test_servers_stream() {
	own_origin
	stream() {
		get "${SOON[@]}" -s 4 -k 1M -o - "$ORIGIN/$behaviour/$base/gen/$SIZE/$SEED/f"
		[[ ",$stream," == *",$status,"* ]] || fail "$where: exit status $status, expected $stream"
		if ((status == 0)); then
			is_version out "$version" || is_version out $SEED/$SIZE || fail "$where: not the right bytes"
		else
			begins_version out "$version" || begins_version out $SEED/$SIZE || fail "$where: a mix"
			grep -q "cannot fetch" err || fail "$where: no reason"
		fi
		nothing_left own.ready own.log own.out
	}
	each_server stream
}

# without a validator that is strong enough one request brings all of it, with a checksum too; what is killed is begun anew
test_servers_without_validator() {
	own_origin
	local base sum n=0
	sum=$("$ORIGIN_TOOL" --sum $SIZE $SEED)
	for base in ranges ranges/etag/weak-v1 ranges/lm/1700000000 etag/v1; do
		n=$((n + 1))
		get -s 4 -k 1M --checksum "sha-256=${sum%% *}" "$ORIGIN/tag/v$n/$base/gen/$SIZE/$SEED/f"
		expect 0
		is_gen f $SIZE $SEED
		is_counter v$n requests 1 || fail "$base: $(counter v$n requests) requests"
		rm f
	done
	get -s 4 -k 1M "$ORIGIN/tag/strong/slow/8000000/ranges/etag/v1/gen/$SIZE/$SEED/f"
	expect 0
	(($(counter strong ranges) > 1)) || fail "not in segments with a strong one"
}

# a file that changes without anything that would tell: it comes by one request, and what a killed run has left is not used
test_servers_unmarked_change() {
	own_origin
	local base behaviour resumed=- n=1
	ask "/flip-byte/1000/gen/$SIZE/$SEED" >new
	! is_version new $SEED/$SIZE || fail "the origin sends the same"
	for base in ranges ranges/etag/weak-v1 ranges/lm/1700000000; do
		n=$((n + 1))
		get -s 4 -k 1M "$ORIGIN/from/2/flip-byte/1000/$base/gen/$SIZE/$SEED/f"
		expect 0
		is_gen f $SIZE $SEED
		rm f
		start get "${AT_ONCE[@]}" -s 1 "$ORIGIN/only/1/gate/$n/from/2/flip-byte/1000/$base/gen/$SIZE/$SEED/f"
		until_true 10 has_half
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null
		get -s 4 -k 1M "$ORIGIN/only/1/gate/$n/from/2/flip-byte/1000/$base/gen/$SIZE/$SEED/f"
		expect 0
		same f new
		rm f
	done
}

# a server that answers a run after one that was killed with errors: what came is kept for the same command
test_servers_fail_later() {
	own_origin
	local pair path resumed=yes n=0
	for pair in status/404:3 status/410:3 status/403:24 status/429:29 status/500:22 status/204:22 status/304:22 loop:23 flood/line:22 \
		keepalive-close/1:6; do
		n=$((n + 1))
		path=only/1/gate/$n/from/2/${pair%:*}/ranges/etag/v1/gen/$SIZE/$SEED/f
		start get "${AT_ONCE[@]}" -s 1 "$ORIGIN/$path"
		until_true 10 has_half
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null
		get "${SOON[@]}" --retries 1 -s 4 -k 1M "$ORIGIN/$path"
		expect "${pair#*:}" "the same command resumes it"
		absent f
		[[ -s f.sluice-part && -s f.sluice-journal ]] || fail "$pair: nothing is kept"
		rm f.sluice-*
	done
}

# an error in the head or body at any byte is followed by a request for what is missing
test_servers_broken_anywhere() {
	own_origin
	local at n=0 how
	number() {
		sed -n "s/.*\"type\":\"run_summary\".*\"$1\":\([0-9]*\).*/\1/p" out
	}
	for how in reset-nth/1 short-first/1 short-first/3; do
		for at in 0 1 99999 4000000 $((SIZE - 1)); do
			n=$((n + 1))
			get "${SOON[@]}" --json -s 1 "$ORIGIN/tag/$n/$how/$at/ranges/etag/v1/gen/$SIZE/$SEED/f"
			expect 0 "trying again"
			is_gen f $SIZE $SEED
			# Not even a chunk again: a chunk that is not full is written, too.
			(($(number bytes) == SIZE)) || fail "$how/$at: $(number bytes) bytes"
			((at == 0)) || (($(counter $n ranges) >= 1)) || fail "$how/$at: no request for a range"
			rm f
		done
	done
	get "${SOON[@]}" "$ORIGIN/only/1/reset-head/20/gen/9000/1/f"
	expect 0 "trying again"
	is_gen f 9000 1
}

# a later response has no length and ends early, in order: that is not the end of the file
test_servers_end_early_without_a_length() {
	own_origin
	local early sum
	sum=$("$ORIGIN_TOOL" --sum 9000 1)
	for early in short-first/2/5000 short-first/2/7000/short-first/1/5000 short-first/2/3000/short-first/1/5000; do
		get "${SOON[@]}" -o - "$ORIGIN/from/2/untilclose/$early/etag/v1/gen/9000/1/f"
		expect 0 "the response ended before the bytes that are missing; trying again"
		[[ $(sha256sum <out) == "$sum"* ]] || fail "$early: $(stat -c %s out) bytes"
	done
	# Of a range: it is requested again no more often than --retries says.
	get "${SOON[@]}" --retries 2 -s 1 "$ORIGIN/from/2/untilclose/short-first/40/0/short-first/1/5000000/ranges/etag/v1/gen/$SIZE/$SEED/f"
	expect 22 "the response ended before the bytes that are missing (after 3 attempts)"
}

# what is on the server is shorter by now than what a killed run has of it, or than the file that is there
test_servers_shrunk() {
	with_nginx
	"$ORIGIN_TOOL" --gen 9000000 1 >"$DOCS/shrinks"
	start get -s 1 --limit-rate 4M "$NGINX/shrinks"
	until_true 20 has_records shrinks 1
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	"$ORIGIN_TOOL" --gen 1000000 2 >"$DOCS/shrinks"
	get "$NGINX/shrinks"
	expect 0
	is_gen shrinks 1000000 2
	nothing_left shrinks
	echo more >>shrinks
	get "$NGINX/shrinks"
	expect 13 "'shrinks' exists"
	[[ $(stat -c %s shrinks) == 1000005 ]] || fail "it was changed"
	rm "$DOCS/shrinks"
}
