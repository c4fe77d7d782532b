# lib.sh - what the cases use. A case runs in a subshell, in an empty directory of its own; it ends well unless it calls
# `fail` (or a check does) or `skip`.
#
#	run [SECONDS] ARGS...   the program with these arguments; $status, ./out and ./err hold what came
#	get, once               the same with `get`; with `get --retries 0`
#	expect STATUS [TEXT]    that status, and TEXT (a fixed string) in ./err
#	same FILE FILE          the same bytes
#	no_parts                no part is left below the case's directory
#	nothing_left            nothing is left there but what is named, and the program's output
#	ask PATH                the origin's answer to that, on stdout; `opened NAME` opens one of its gates
#	own_origin              $ORIGIN is one for this case alone
#	is_small MIB            the run with --stats used at most so much memory
#	within_a_deadline COMMAND...  the command with a number of seconds that is enough for it
#	in_query TEXT           the text as it stands in the query of a URL
#	as_user COMMAND...      the command as an ordinary user, even if root runs the suite
#	on_tmpfs, in_namespace  a case on a file system of its own, in ./mnt
#	$ORIGIN $ORIGINS        base URLs of the origin server over HTTP and HTTPS; $CA its authority
#	$NGINX $NGINXS          the same for nginx; $DOCS is what it serves

S=$WORK/sluice # a copy: an ordinary user may not reach the build
if [[ ${TSAN_OPTIONS-} =~ suppressions=([^:]*) ]]; then # the same goes for that file
	cp "${BASH_REMATCH[1]}" "$WORK/suppressions"
	TSAN_OPTIONS=${TSAN_OPTIONS/"${BASH_REMATCH[1]}"/$WORK/suppressions}
fi
ORIGIN_TOOL=$BUILD/tools/origin
SERVER_PIDS=()
SLOW=1 # how many times as long as usual the build takes
case $BUILD in
*asan*) SLOW=4 ;;
*tsan*) SLOW=8 ;;
esac
# What a case waits for has come within its limit on an idle machine. On a busy one that takes many times as long, and only
# what would never come must meet the limit.
PATIENCE=$((5 * SLOW))
LIMIT=$((20 * PATIENCE)) # seconds for one run of the program, unless a case says otherwise

# ---- servers, once for all cases ----

wait_for_file() { # file, seconds
	local i
	for ((i = 0; i < $2 * PATIENCE * 50; i++)); do
		[[ -s $1 ]] && return
		sleep 0.02
	done
	echo "fail servers: $1 did not come" >&2
	return 1
}

start_servers() {
	mkdir "$WORK/certs" "$WORK/docs" "$WORK/cases"
	chmod 755 "$WORK"
	cp "$BUILD/sluice" "$S" || return
	"$BUILD/tools/make_certs" "$WORK/certs" || return
	"$ORIGIN_TOOL" --gen 300000 1 >"$WORK/docs/file.bin"
	"$ORIGIN_TOOL" --gen 9437187 2 >"$WORK/docs/large.bin"
	: >"$WORK/docs/empty"
	# shellcheck disable=SC2046
	"$ORIGIN_TOOL" --dir "$WORK/docs" --ready-file "$WORK/origin.ready" --log "$WORK/origin.log" \
		--cert "$WORK/certs/server.pem" --key "$WORK/certs/server.key" $(extra_tls) >"$WORK/origin.out" 2>&1 &
	SERVER_PIDS+=($!)
	wait_for_file "$WORK/origin.ready" 10 || { cat "$WORK/origin.out"; return 1; }
	local name port
	while IFS== read -r name port; do
		declare -gx "PORT_$name=$port"
	done < <(tr ' ' '\n' <"$WORK/origin.ready" | grep =)
	export ORIGIN=http://127.0.0.1:$PORT_http ORIGINS=https://localhost:$PORT_https CA=$WORK/certs/ca.pem DOCS=$WORK/docs
	NGINX= NGINXS= NGINX_CA= NGINX_MTLS=
	if command -v nginx >/dev/null || [[ -x /usr/sbin/nginx ]]; then
		if PATH=$PATH:/usr/sbin "$ROOT/scripts/nginx" start "$WORK/nginx" "$DOCS" >"$WORK/nginx.out" 2>&1; then
			NGINX=http://127.0.0.1:$(sed -n 's/^http=//p' "$WORK/nginx/ports")
			NGINXS=https://localhost:$(sed -n 's/^https=//p' "$WORK/nginx/ports")
			NGINX_CA=$(sed -n 's/^ca=//p' "$WORK/nginx/ports")
			NGINX_MTLS=https://localhost:$(sed -n 's/^mtls=//p' "$WORK/nginx/ports")
		else
			sed 's/^/nginx: /' "$WORK/nginx.out" >&2
		fi
	fi
	export NGINX NGINXS NGINX_CA NGINX_MTLS
}

extra_tls() {
	local name
	for name in chained expired falseca future incomplete nosan nulname selfsigned stranger wronghost; do
		[[ -f $WORK/certs/$name.pem ]] && echo "--tls $name,$WORK/certs/$name.pem,$WORK/certs/$name.key"
	done
	echo "--tls old,$WORK/certs/server.pem,$WORK/certs/server.key,1.1"
}

stop_servers() {
	local pid
	for pid in "${SERVER_PIDS[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	[[ ! -f $WORK/nginx/ports ]] || PATH=$PATH:/usr/sbin "$ROOT/scripts/nginx" stop "$WORK/nginx" >/dev/null 2>&1
}

# ---- cases ----

# Sets $cpu_ms: the CPU time of what this shell has waited for. `times` prints "0m1.234s 0m0.123s", its children's last.
take_cpu_time() {
	local user sys time seconds
	times >"$WORK/times.$BASHPID"
	{ read -r user sys && read -r user sys; } <"$WORK/times.$BASHPID"
	cpu_ms=0
	for time in "$user" "$sys"; do
		time=${time%s}
		seconds=${time#*m}
		cpu_ms=$((cpu_ms + ${time%m*} * 60000 + 10#${seconds/./}))
	done
}

run_case() { # name, description
	local name=$1 dir=$WORK/cases/$1 log=$WORK/cases/$1.log status cpu_ms cpu_before_ms before_us=${EPOCHREALTIME/./}
	missing=$WORK/cases/$1.missing
	take_cpu_time
	cpu_before_ms=$cpu_ms
	mkdir "$dir"
	( cd "$dir" && exec 0</dev/null && "$name" ) >"$log" 2>&1
	status=$?
	[[ ! -f $missing ]] || { cat "$missing" >>"$log" && status=1; }
	case $status in
	0)
		take_cpu_time
		echo "pass $name $(((${EPOCHREALTIME/./} - before_us) / 1000)) $((cpu_ms - cpu_before_ms))"
		;;
	77) echo "skip $name: $(tail -n 1 "$log")" ;;
	*)
		echo "fail $name: $2"
		sed 's/^/  | /' "$log" | tail -n 40
		;;
	esac
	chmod -R u+rwx "$dir" 2>/dev/null
	rm -rf "$dir" "$log" "$missing"
}

# A check that does not exist has not passed. Bash calls this in a process of its own.
command_not_found_handle() {
	echo "no command '$1'" | tee -a "$missing" >&2
	return 127
}

fail() {
	echo "FAILED: $*"
	[[ ! -f out ]] || { echo "--- out"; head -c 1500 out; }
	[[ ! -f err ]] || { echo "--- err"; head -c 3000 err; }
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

as_root() {
	((EUID == 0)) || skip "needs root"
}

with_nginx() {
	[[ $NGINX ]] || skip "no nginx here (package nginx-light)"
}

run() {
	local limit=$LIMIT
	if [[ ${1-} =~ ^[0-9]+$ ]]; then
		limit=$(($1 * PATIENCE))
		shift
	fi
	timeout -k 5 "$limit" "$S" "$@" >out 2>err
	status=$?
	no_report
}

# A report of a sanitizer is a failure whatever the case expects.
no_report() {
	! grep -qE 'Sanitizer|runtime error:|internal error' err || fail "a sanitizer or an assertion reported something"
}

get() { # [seconds] arguments...
	if [[ ${1-} =~ ^[0-9]+$ ]]; then
		run "$1" get "${@:2}"
	else
		run get "$@"
	fi
}

# get, with one attempt for each file: for cases about what a failed attempt says and leaves.
once() { # [seconds] arguments...
	if [[ ${1-} =~ ^[0-9]+$ ]]; then
		get "$1" --retries 0 "${@:2}"
	else
		get --retries 0 "$@"
	fi
}

expect() {
	[[ $status == "$1" ]] || fail "exit status $status, expected $1"
	[[ -z ${2-} ]] || grep -qF -- "$2" err || fail "stderr does not contain '$2'"
	! grep -qP '[\x00-\x08\x0b-\x1f\x7f]' err || fail "raw control bytes on stderr"
}

expect_out() {
	grep -qF -- "$1" out || fail "stdout does not contain '$1'"
}

# A row of the table.
expect_row() { # name, lines, error lines
	awk -v name="$1" -v lines="$2" -v hits="$3" '$1 == name && $2 == lines && $3 == hits { found = 1 } END { exit !found }' out ||
		fail "no row '$1 $2 $3'"
}

same() {
	cmp "$1" "$2" || fail "$1 differs from $2"
}

# The body of $ORIGIN/gen/SIZE/SEED is in FILE.
is_gen() { # file, size, seed
	[[ -f $1 ]] || fail "no $1"
	"$ORIGIN_TOOL" --gen "$2" "$3" | cmp - "$1" || fail "$1 is not gen $2 $3"
}

no_parts() {
	local found
	found=$(find . -name '*.sluice-part*')
	[[ -z $found ]] || fail "left behind: $found"
}

absent() {
	local name
	for name; do
		[[ ! -e $name && ! -L $name ]] || fail "$name is there"
	done
}

piece_hashes() { # file: of its pieces of 1,000,000 bytes, as Metalink has them
	split -b 1000000 --filter='sha1sum | sed "s|\([0-9a-f]*\).*|<hash>\1</hash>|"' "$1" | tr -d '\n'
}

# Nothing was downloaded and nothing is left, but out, err and what is named. After a signal the program waits a second for
# the disk: on a busy machine that can be too short, and then the program says what it left.
nothing_left() { # name...
	local found name but=()
	for name in out err "$@"; do
		but+=(! -name "$name")
	done
	while read -r name; do
		but+=(! -name "$name")
	done < <(sed -n "s/^sluice: '\(.*\)' was not removed: the disk did not respond in time.*/\1/p" err 2>/dev/null)
	found=$(find . -mindepth 1 "${but[@]}")
	[[ -z $found ]] || fail "left behind: $found"
}

# The body of the origin's answer to GET PATH.
ask() { # path
	local line
	exec 9<>"/dev/tcp/127.0.0.1/$PORT_http" || fail "no origin"
	printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$1" >&9
	while read -r line <&9 && [[ $line != $'\r' ]]; do
		:
	done
	cat <&9
	exec 9>&-
}

opened() { # gate
	ask "/open/$1" >/dev/null
}

# An origin for this case alone, for what is counted over all connections: $ORIGIN and PORT_http are its own from here on.
own_origin() {
	"$ORIGIN_TOOL" --ready-file "$PWD/own.ready" --log "$PWD/own.log" >own.out 2>&1 &
	OWN_PID=$!
	trap 'kill $OWN_PID' EXIT
	wait_for_file own.ready 10 || fail "no origin"
	OWN_FILES=$(ls "/proc/$OWN_PID/fd" | wc -l)
	PORT_http=$(tr ' ' '\n' <own.ready | sed -n 's/^http=//p')
	ORIGIN=http://127.0.0.1:$PORT_http
}

# It has seen the end of all connections, so that asking it for its counters does not raise them.
is_origin_idle() {
	[[ $(ls "/proc/$OWN_PID/fd" | wc -l) == "$OWN_FILES" ]]
}

# One of the origin's counters: requests, and of these heads, ranges and conditionals; now, most of the tag; connections, connections_now, connections_most of all.
counter() { # tag, name
	ask "/count/$1" | tr -d '{}"' | tr , '\n' | sed -n "s/^$2://p"
}

is_counter() { # tag, name, value
	[[ $(counter "$1" "$2") == "$3" ]]
}

# A run that its deadline ends is to have done something before: COMMAND, which runs it with the deadline as its last argument
# and checks that, is repeated with a longer one if the machine was too slow.
within_a_deadline() { # command...
	local seconds
	for seconds in 1 2 4 8 16 32 64; do
		"$@" $seconds && return
	done
	fail "not even within $seconds s: $*"
}

in_query() { # text
	local text=${1//%/%25}
	text=${text//:/%3a}
	text=${text//\//%2f}
	text=${text//\?/%3f}
	echo "${text//=/%3d}"
}

as_user() {
	if ((EUID != 0)); then
		"$@"
		return
	fi
	local user=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
	"${user[@]}" test -x "$S" -a -r "$CA" || fail "nobody cannot reach $WORK"
	"${user[@]}" "$@"
}

# The memory a run has used, from --stats.
is_small() { # MiB at most
	local used
	used=$(sed -n 's/.*memory: \([0-9]*\).*/\1/p' err)
	[[ $used ]] || fail "--stats does not report the memory"
	((SLOW > 1 || used <= $1)) || fail "$used MiB of memory, not at most $1"
}

# The function CASE of FILE (BASH_SOURCE) in a mount namespace, in ./mnt; it sees no shell variables but the exported ones.
in_namespace() { # file, case, mount command...
	local user=()
	((EUID == 0)) || user=(--user --map-root-user)
	unshare "${user[@]}" --mount true 2>/dev/null || skip "this user may not make mount namespaces"
	unshare "${user[@]}" --mount bash -uo pipefail -c '
		. "$ROOT/tests/integration/lib.sh" && . "$0" || exit 1
		body=$1
		shift
		mkdir -p mnt
		"$@" mnt 2>mount.err || { head -n 1 mount.err; exit 77; }
		rm mount.err
		"$body"' "$@"
}

on_tmpfs() { # file, case, mount options
	in_namespace "$1" "$2" mount -t tmpfs -o "$3" sluice-test
}

# ./mnt, a mount of ./below: its server ($MOUNT_SERVER) can be stopped, and then what asks it hangs.
begin_mount() {
	as_root
	command -v bindfs >/dev/null || skip "no bindfs here (package bindfs)"
	mkdir below mnt
	bindfs -f below mnt >bindfs.log 2>&1 &
	MOUNT_SERVER=$! # not local: the trap runs outside
	trap 'kill -CONT $MOUNT_SERVER; umount -l mnt; kill $MOUNT_SERVER' EXIT
	until_true 10 mountpoint -q mnt || skip "$(head -n 1 bindfs.log)"
	ls mnt >/dev/null
}

# Start the program in the background as a shell with job control would: signals as by default. Sets $pid.
start() {
	env --default-signal "$S" "$@" >out 2>err &
	pid=$!
}

# Wait for the started program, at most SECONDS; sets $status.
finish() {
	local i
	for ((i = 0; i < $1 * PATIENCE * 50; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.02
	done
	if kill -0 "$pid" 2>/dev/null; then
		kill -KILL "$pid"
		wait "$pid"
		fail "still running after $1 s"
	fi
	wait "$pid"
	status=$?
	no_report
}

# Wait until a command succeeds, at most SECONDS.
until_true() { # seconds, command...
	local i limit=$1
	shift
	for ((i = 0; i < limit * PATIENCE * 50; i++)); do
		"$@" && return
		sleep 0.02
	done
	fail "did not come true: $*"
}

# So many chunks of a file are in its journal: each record takes 28 bytes, what is before them less than 200.
has_records() { # file, records
	local size
	size=$(stat -c %s "$1.sluice-journal" 2>/dev/null) && ((size >= 150 + 28 * ($2 + 1)))
}
