# Signals and ends by order: nothing is left behind, what was complete stays, and the shell sees why it ended.

number_of() { # name
	kill -l "$1"
}

# what the program waits for when the signal comes, as arguments of get; NAME keeps the gates of the cases apart
waiting_for() { # what, name
	case $1 in
	body) echo "$ORIGIN/gate/$2/gen/400000/1/f" ;;
	large-body) echo "$ORIGIN/gate/$2/gen/20000000/1/f" ;;
	tls-body) echo "--cacert $CA $ORIGINS/gate/$2/gen/400000/1/f" ;;
	head) echo "$ORIGIN/noanswer" ;;
	handshake) echo "https://127.0.0.1:$PORT_silent/x" ;;
	connect) echo "http://127.0.0.1:$PORT_full/x" ;;
	fifo) echo "$ORIGIN/gen/10/1 -o fifo" ;;
	full-pipe) echo "$ORIGIN/gen/9000000/1 -o reader" ;;
	list) echo "-i input" ;;
	esac
}

# It handles signals: it blocks USR1 (which would end it before that), and has printed the table of its tasks.
is_waiting() {
	local mask
	mask=$(sed -n 's/^SigBlk:\t//p' "/proc/$pid/status" 2>/dev/null) || return
	((0x${mask:-0} & 1 << $(number_of USR1) - 1)) || return
	kill -USR1 "$pid"
	grep -qs ' tasks$' err
}

has_ended() { # pid
	! kill -0 "$1" 2>/dev/null || [[ $(sed "s/.*) //" "/proc/$1/stat" 2>/dev/null) == Z* ]]
}

is_stopped() {
	grep -q '^State:.T' "/proc/$pid/status"
}

# INT, TERM and HUP end it within a second whatever it waits for; the shell sees 130, 143, 129; no part is left
test_signals_end_it() {
	local signal what
	mkfifo fifo reader input
	sleep 1000 <>reader & # takes nothing
	local reader=$!
	exec 8<>input
	for signal in INT TERM HUP; do
		for what in body large-body tls-body head handshake connect fifo full-pipe list; do
			# shellcheck disable=SC2046
			start get $(waiting_for $what "$signal-$what")
			until_true 10 is_waiting
			[[ $what != *body ]] || until_true 10 test -e f.sluice-part
			kill -"$signal" "$pid"
			finish 5
			expect $((128 + $(number_of $signal)))
			nothing_left fifo reader input
		done
	done
	kill $reader
}

# it ends by the signal itself, so that a loop of a shell ends too
test_signals_end_loops() {
	start get "$ORIGIN/noanswer"
	until_true 10 is_waiting
	# It blocks USR1 (10) once it handles signals: sent before, INT would end any program in this way.
	perl -e '
		my $pid = fork // die;
		if (!$pid) { $SIG{INT} = "DEFAULT"; exec @ARGV; die }
		for (my $i = 0, my $mask = 0; !($mask & 1 << 9); $i++) {
			die "it does not handle signals" if $i > 5000;
			select undef, undef, undef, 0.01;
			open my $file, "<", "/proc/$pid/status" or die;
			$mask = /^SigBlk:\s*(\w+)/ ? hex($1) : $mask while <$file>;
		}
		kill INT => $pid;
		waitpid $pid, 0;
		exit(($? & 127) == 2 ? 0 : 1)' "$S" get -o other "$ORIGIN/noanswer" 2>err.perl || fail "not ended by SIGINT"
	kill -TERM "$pid"
	finish 5
	setsid env --default-signal bash -c '
		for i in 1 2 3; do
			echo $i >>rounds
			"$0" get "$@" 2>>err.loop
		done
		echo over >>rounds' "$S" "$ORIGIN/tag/loops/noanswer" &
	pid=$!
	until_true 10 is_counter loops requests 1
	kill -INT -- "-$pid"
	finish 5
	[[ $(cat rounds) == 1 ]] || fail "the loop went on: $(tr '\n' ' ' <rounds)"
	nothing_left err.perl err.loop rounds
}

# what was complete under its name before the signal stays, what was not leaves nothing
test_signals_keep_complete_files() {
	start get --sync=all "$ORIGIN/lm/1/gen/1000/1/small" "$ORIGIN/lm/1/gen/9000000/2/large" "$ORIGIN/gate/keep/gen/9000000/3/open" \
		"$ORIGIN/gate/keep/gen/1000/4/open2"
	until_true 20 test -e small -a -e large -a -e open.sluice-part
	kill -INT "$pid"
	finish 5
	expect 130
	is_gen small 1000 1
	is_gen large 9000000 2
	nothing_left small large
	get "$ORIGIN/lm/1/gen/1000/1/small" "$ORIGIN/lm/1/gen/9000000/2/large" "$ORIGIN/gen/9000000/3/open"
	expect 0 "2 already there"
	is_gen open 9000000 3
}

# an existing file that was to be replaced is what it was
test_signals_keep_the_replaced_file() {
	echo mine >f
	start get --if-exists=replace "$ORIGIN/gate/keep-replaced/gen/9000000/3" -o f
	until_true 10 test -e f.sluice-part
	kill -TERM "$pid"
	finish 5
	expect 143
	[[ $(cat f) == mine ]] || fail "f changed"
	nothing_left f
}

# the second signal ends it at once
test_signals_second() {
	start get "$ORIGIN"/gate/second/gen/9000000/{1,2,3,4,5}
	until_true 10 test -e 1.sluice-part
	# Both are there when it goes on, and it takes them in the order of their numbers.
	kill -STOP "$pid"
	until_true 10 is_stopped
	kill -INT "$pid"
	kill -TERM "$pid"
	kill -CONT "$pid"
	finish 2
	expect 143
	absent 1 2 3 4 5
}

# timeout sends its signal twice, to the program and to its group: it still cleans up
test_signals_of_timeout() {
	local i
	for i in {1..20}; do
		timeout -s INT 0.1 "$S" get "$ORIGIN/gate/of-timeout/gen/9000000/1" >out 2>err
		nothing_left
	done
}

waits_for_mount() { # any thread
	grep -qs request_wait_answer /proc/"$pid"/task/*/wchan
}

# a mount whose server hangs does not keep signals from being heard
test_signals_dead_mount() {
	begin_mount
	kill -STOP $MOUNT_SERVER
	start get "$ORIGIN/gen/10/1" -o mnt/f
	until_true 10 waits_for_mount
	kill -TERM "$pid"
	finish 5
	expect 143
}

# a signal that was ignored when it started stays ignored: nohup
test_signals_nohup() {
	(trap '' HUP; exec "$S" get "$ORIGIN/gate/nohup/gen/400000/1" >out 2>err) &
	pid=$!
	until_true 10 test -e 1.sluice-part
	kill -HUP "$pid"
	opened nohup
	finish 10
	expect 0
	is_gen 1 400000 1
}

# USR1 prints the tasks with their states, and the download goes on
test_signals_usr1() {
	start get "$ORIGIN/gate/usr1/gen/400000/1"
	until_true 10 test -e 1.sluice-part
	kill -USR1 "$pid"
	until_true 10 grep -q 'job .*parked' err
	opened usr1
	finish 10
	expect 0
	is_gen 1 400000 1
	grep -qE '^sluice: [0-9]+ tasks$' err || fail "no table"
}

# TSTP stops it, CONT lets it go on
test_signals_stop_and_continue() {
	# in a group of its own, as a shell does: elsewhere no shell could continue it, and the kernel does not stop it
	set -m
	start get "$ORIGIN/gate/stop/gen/400000/1"
	set +m
	until_true 10 test -e 1.sluice-part
	kill -TSTP "$pid"
	until_true 10 is_stopped
	opened stop
	is_stopped || fail "it did not stay stopped"
	kill -CONT "$pid"
	finish 10
	expect 0
	is_gen 1 400000 1
	start get "$ORIGIN/gate/stopkill/gen/400000/2"
	until_true 10 test -e 2.sluice-part
	kill -STOP "$pid"
	kill -INT "$pid"
	kill -CONT "$pid"
	finish 5
	expect 130
	nothing_left 1
}

has_begun() { # files...
	local name
	for name; do
		[[ -e $name || -e $name.sluice-part ]] || return
	done
}

has_ended_or() { # command...
	has_ended "$pid" || "$@"
}

is_not_stalled_by_a_stop() { # seconds that are enough for the rest
	local gate=stopped$1
	rm -f f g h
	start get --retries 0 --stall-timeout "$1s" --connect-timeout "$1s" --deadline "$(($1 * 2))s" \
		"$ORIGIN/gate/$gate/gen/400000/1/f" "$ORIGIN/slow/1000000/gen/600000/2/g" "$ORIGIN/gate/$gate/chunked/gen/300000/3/h"
	until_true 10 has_ended_or has_begun f g h
	kill -STOP "$pid"
	until_true 10 has_ended_or is_stopped
	opened "$gate"
	sleep "$(($1 * 2)).3" # more than the deadline
	kill -CONT "$pid"
	finish 60
	((status == 0))
}

# stopped for longer than all of its timeouts, it goes on afterwards: the server was not slow, and nothing is asked for again
test_signals_stopped_for_long() {
	within_a_deadline is_not_stalled_by_a_stop
	expect 0
	is_gen f 400000 1
	is_gen g 600000 2
	is_gen h 300000 3
	nothing_left f g h
}

completes_the_first() { # arguments...
	get "$@"
	[[ -e 1 ]]
}

# --deadline ends the run with 2; what is complete stays
test_signals_deadline() {
	within_a_deadline completes_the_first --sync=all "$ORIGIN/gen/1000/1" "$ORIGIN/gate/deadline/gen/400000/2" "$ORIGIN/noanswer" \
		--deadline
	expect 2
	is_gen 1 1000 1
	nothing_left 1
	grep -q "1 of 3 files done" err || fail "no summary"
	get --deadline 60s "$ORIGIN/gen/1000/3"
	expect 0
	mkfifo input
	exec 8<>input
	get --deadline 300ms -i input
	expect 2
}

# --fail-fast: the first failure cancels the rest, whose parts go; the status is that of the failed one
test_signals_fail_fast() {
	get --fail-fast "$ORIGIN"/gate/failfast/gen/9000000/{1,2} "$ORIGIN/after/200/status/404"
	expect 3 "2 cancelled"
	nothing_left
	get --fail-fast -j 1 "$ORIGIN/gen/1000/1" "$ORIGIN/status/403" "$ORIGIN/tag/failfast/gen/1000/2"
	expect 24
	is_gen 1 1000 1
	is_counter failfast requests 0 || fail "the rest was asked for"
	nothing_left 1
}

# killed at any instant, a file has its final name only if it is whole, and the same command ends well
test_signals_kill() {
	local round size
	local urls=("$ORIGIN/gen/1000/1/f1000" "$ORIGIN/gen/3000000/1/f3000000" "$ORIGIN/gen/9000000/1/f9000000"
		"$ORIGIN/chunked/gen/6000000/1/f6000000")
	for ((round = 1; round <= 30 / (SLOW > 1 ? 3 : 1); round++)); do
		start get --sync=none "${urls[@]}"
		sleep "0.0$(printf %02d $((round * 2 * (SLOW > 1 ? 4 : 1) % 100)))"
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
		for size in 1000 3000000 9000000 6000000; do
			[[ ! -e f$size ]] || is_gen "f$size" $size 1
		done
		((round % 3 == 0)) || continue # parts of parts too
		get --if-exists=skip "${urls[@]}"
		expect 0
		for size in 1000 3000000 9000000 6000000; do
			is_gen "f$size" $size 1
		done
		nothing_left f1000 f3000000 f9000000 f6000000
		rm f*
	done
}

# fd 9 is a pipe, $PWD/NAME, that has no reader and is full, and as wide as the program makes it (F_SETPIPE_SZ), where that
# is allowed
stuck_pipe() { # name
	mkfifo "$1"
	exec 9<>"$1"
	perl -e 'fcntl(STDOUT, 1031, 1 << 20)' >&9
	dd if=/dev/zero bs=65536 count=64 oflag=nonblock >&9 2>/dev/null
}

# a signal ends it although standard error takes nothing
test_signals_stuck_stderr() {
	local arguments
	stuck_pipe full
	for arguments in "--nonsense" "$ORIGIN/gen/10/1/f$RANDOM" "--stats $ORIGIN/gen/10/1/g"; do
		"$S" get $arguments >out 2>full &
		pid=$!
		sleep "$(awk "BEGIN { print 0.5 * $SLOW }")"
		kill -TERM "$pid"
		until_true 10 has_ended "$pid"
		wait "$pid"
		status=$?
		[[ $status == 143 ]] || fail "$arguments: exit $status"
	done
}

# the deadline ends it although its events are not read
test_signals_deadline_unread_events() {
	local i
	stuck_pipe full
	timeout $((10 * PATIENCE)) "$S" get --json --deadline 500ms "$ORIGIN/gen/10/1/f" >full 2>err
	status=$?
	expect 2 "the reader of the events did not take the last ones in time"
	for i in {1..300}; do
		printf '%s\n out=g%d\n' "$ORIGIN/gen/10/$i" "$i"
	done >list
	timeout $((10 * PATIENCE)) "$S" get --json --deadline 1s -j 8 -i list >full 2>err
	status=$?
	[[ $status != 124 ]] || fail "with many files it goes on for long"
	no_parts
}
