# sluice scan --state and --follow over a long row of rotations of all kinds, the same one in each run: a writer that is a
# function of this script, and a follower that is ended or killed once it has printed what there is.

number=0 # of the line that was written last
is_part= # its newline is missing
kills=0

prepare() {
	LOGROTATE=$(PATH=$PATH:/usr/sbin command -v logrotate) || skip "no logrotate here (package logrotate)"
	mkdir log
	RANDOM=1
	add_lines 100
}

# they go where the writer has its file
add_lines() { # count
	[[ ! $is_part ]] || echo >>log/app.log
	is_part=
	seq -f '%.0f ERROR abcdefghijklmnopqrstuvwxyz' $((number + 1)) $((number + $1)) >>log/app.log
	number=$((number + $1))
}

add_part() {
	number=$((number + 1))
	printf '%d ERROR abc' $number >>log/app.log
	is_part=1
}

# as logrotate does with delaycompress
shift_files() {
	local i
	for ((i = $(ls log | wc -l); i > 0; i--)); do
		[[ ! -e log/app.log.$i.gz ]] || mv "log/app.log.$i.gz" "log/app.log.$((i + 1)).gz"
	done
	[[ ! -e log/app.log.1 ]] || { mv log/app.log.1 log/app.log.2 && gzip log/app.log.2; }
}

real_logrotate() { # how
	printf '%s/log/app.log {\nrotate 99\ncompress\ndelaycompress\n%s\nsu %s %s\n}\n' \
		"$PWD" "$1" "$(id -un)" "$(id -gn)" >rotate.conf
	"$LOGROTATE" -f -s rotate.state rotate.conf 2>rotate.err || { cat rotate.err; fail "logrotate"; }
}

rotate() {
	add_lines $((RANDOM % 3 ? RANDOM % 200 + 1 : 0)) # a log may be empty when it is rotated
	case $((RANDOM % 7)) in
	0) shift_files && mv log/app.log log/app.log.1 && : >log/app.log ;;
	1) shift_files && mv log/app.log log/app.log.1 ;; # nothing has the name until the next line
	2) shift_files && cp log/app.log log/app.log.1 && : >log/app.log ;;
	3) shift_files && mv log/app.log log/app.log.1 && gzip log/app.log.1 ;;
	4) # the writer goes on with its file for a while
		shift_files
		mv log/app.log log/app.log.1
		: >log/app.log
		number=$((number + 1))
		echo "$number ERROR abc" >>log/app.log.1
		;;
	5) real_logrotate create ;;
	6) real_logrotate copytruncate ;;
	esac || fail "a rotation"
}

has_printed() { # number of a line
	grep -q "^$1 ERROR abc" out
}

start_follower() {
	: >>log/app.log
	"$S" scan --follow --state state --no-filename -N --max-memory 8M log/app.log >>out 2>>err &
	follower=$!
	trap 'kill -KILL $follower 2>/dev/null' EXIT
}

# the follower has printed all lines that are complete
until_printed() {
	until_true 60 has_printed $((number - ${#is_part}))
}

# several rotations, with and without lines between, while nothing runs
rotate_unseen() {
	local i
	for ((i = RANDOM % 3; i >= 0; i--)); do
		rotate
	done
	((RANDOM % 3)) && add_lines $((RANDOM % 100 + 1))
	((RANDOM % 3)) || add_part
	: >>log/app.log
}

# all lines are in ./out, each once; with a number, each at most so many times more
check_lines() { # repeats
	: >>log/app.log
	add_lines 1
	"$S" scan -p --state state --no-filename -N log/app.log >>out 2>>err
	(($? == 0)) || fail "the last run failed"
	grep -o '^[0-9]* ERROR abc' out | cut -d' ' -f1 | sort -n | uniq -c >counts
	[[ $(wc -l <counts) == "$number" ]] || fail "$(wc -l <counts) of $number lines"
	awk -v most=$(($1 + 1)) '$1 > most { exit 1 }' counts || fail "lines came more than $1 times too many"
	[[ $(wc -l <out) == "$(awk '{ sum += $1 } END { print sum }' counts)" ]] || fail "lines were split"
	! grep -q 'was replaced' err || fail "a log was lost"
}

# run by cron, each line comes once
test_slow_follow_cron() {
	prepare
	for ((step = 0; step < 20; step++)); do
		"$S" scan -p --state state --no-filename -N log/app.log >>out 2>>err
		(($? < 2)) || fail "a run failed"
		rotate_unseen
	done
	check_lines 0
}

# ended by TERM and started again, each line comes once
test_slow_follow_term() {
	prepare
	for ((step = 0; step < 12; step++)); do
		start_follower
		until_printed
		add_lines 10
		until_printed
		kill -TERM $follower
		wait $follower
		rotate_unseen
	done
	check_lines 0
}

# killed, it prints no line more often than it was killed, and misses none
test_slow_follow_kill() {
	prepare
	"$S" scan -p --state state --no-filename -N log/app.log >>out
	for ((step = 0; step < 12; step++)); do
		start_follower
		until_printed
		add_lines 10
		until_printed
		kill -KILL $follower
		wait $follower
		kills=$((kills + 1))
		rotate_unseen
	done
	check_lines $kills
}
