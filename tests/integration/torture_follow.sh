# sluice scan --follow and --state while logs are rotated in all ways and the follower is ended and killed at random.

WRITER=$BUILD/tools/log_writer

is_stopped() { # pid
	[[ $(ps -o stat= -p "$1") == T* ]]
}

is_ended() { # pid
	! kill -0 "$1" 2>/dev/null
}

was_opened() { # number of times
	[[ $(cat log/app.log.opened) -ge $1 ]]
}

# the writer stands still behind the end of a line, while COMMAND runs
paused() { # command
	kill -USR1 "$writer" 2>/dev/null || return 0
	until_true 60 is_stopped "$writer"
	"$@"
	kill -CONT "$writer"
}

# it goes on in a new file; the old one stays as it is then
reopened() {
	local times=$(($(cat log/app.log.opened) + 1))
	kill -HUP "$writer" 2>/dev/null || return 0
	until_true 60 was_opened_or_ended $times
}

was_opened_or_ended() {
	was_opened "$1" || is_ended "$writer"
}

# as logrotate does with delaycompress
shift_files() {
	local i
	for ((i = 98; i > 0; i--)); do
		[[ ! -e log/app.log.$i.gz ]] || mv "log/app.log.$i.gz" "log/app.log.$((i + 1)).gz"
	done
	[[ ! -e log/app.log.1 ]] || { mv log/app.log.1 log/app.log.2 && gzip log/app.log.2; }
}

rotate() {
	case $((RANDOM % 5)) in
	0) # by hand: the writer goes on with the renamed file for a while
		shift_files
		mv log/app.log log/app.log.1
		reopened
		;;
	1)
		shift_files
		paused copy_and_truncate
		;;
	2)
		shift_files
		mv log/app.log log/app.log.1
		reopened
		gzip log/app.log.1
		;;
	3) real_logrotate create "postrotate
	$PWD/reopen
endscript" ;;
	4) paused real_logrotate copytruncate "" ;;
	esac
}

copy_and_truncate() {
	cp log/app.log log/app.log.1
	: >log/app.log
}

real_logrotate() { # how, more
	printf '%s/log/app.log {\nrotate 99\ncompress\ndelaycompress\n%s\nsu %s %s\n%s\n}\n' \
		"$PWD" "$1" "$(id -un)" "$(id -gn)" "$2" >rotate.conf
	"$LOGROTATE" -f -s rotate.state rotate.conf 2>rotate.err || { cat rotate.err; fail "logrotate"; }
}

start_follower() {
	"$S" scan --follow --state state --no-filename -N --max-memory 8M log/app.log >>out 2>>err &
	follower=$!
}

# all lines are in ./out, each once; with a number, each at most so many times more
check_lines() { # count, repeats
	grep -o '^[0-9]* ERROR' out | cut -d' ' -f1 | sort -n | uniq -c >counts
	[[ $(wc -l <counts) == "$1" ]] || fail "$(wc -l <counts) of $1 lines"
	awk -v most=$(($2 + 1)) '$1 > most { exit 1 }' counts || fail "lines came more than $2 times too many"
	[[ $(wc -l <out) == "$(awk '{ sum += $1 } END { print sum }' counts)" ]] || fail "lines were split"
}

# what the follower was writing when it was killed: the next one writes behind it
drop_part() {
	[[ ! $(tail -c 1 out) ]] || truncate -s "-$(tail -n 1 out | wc -c)" out
}

# the writer has ended: until a run with what is left has nothing new
finish() {
	kill -TERM $follower
	wait $follower
	: >>log/app.log # the last rotation may have left none
	"$S" scan -p --state state --no-filename -N log/app.log >>out 2>>err
	(($? < 2)) || fail "the last run failed"
}

prepare() { # lines
	LOGROTATE=$(PATH=$PATH:/usr/sbin command -v logrotate) || skip "no logrotate here (package logrotate)"
	mkdir log
	"$WRITER" log/app.log 50000 "$1" &
	writer=$!
	printf '#!/bin/bash\nold=$(cat %s.opened)\nkill -HUP %s || exit 0\nwhile [[ $(cat %s.opened) == "$old" ]] && kill -0 %s; do sleep 0.01; done\n' \
		"$PWD/log/app.log" $writer "$PWD/log/app.log" $writer >reopen
	chmod +x reopen
	until_true 60 test -s log/app.log.opened
	trap 'kill -KILL $writer $follower 2>/dev/null' EXIT
}

# ended by TERM and started again, every line comes once
test_torture_follow_term() {
	prepare 500000
	start_follower
	until_true 60 test -s state # what is rotated before is not followed
	while kill -0 "$writer" 2>/dev/null; do
		sleep 0.$((RANDOM % 4))
		rotate
		if ((RANDOM % 2)); then
			kill -TERM $follower
			wait $follower
			start_follower
		fi
	done
	finish
	check_lines 500000 0
}

# killed at any moment, no line is missing, and those since the state was saved come again
test_torture_follow_kill() {
	local kills=0
	prepare 500000
	start_follower
	until_true 60 test -s state # what is rotated before is not followed
	while kill -0 "$writer" 2>/dev/null; do
		sleep 0.$((RANDOM % 4))
		rotate
		if ((RANDOM % 2)); then
			kill -KILL $follower
			wait $follower
			drop_part
			kills=$((kills + 1))
			start_follower
		fi
	done
	finish
	check_lines 500000 $kills
}
