# For scripts that test: sections, jobs of which a few run at a time, counts, and the closing line. Sourced by bash.

# What the user of the machine has set for all runs is not for the tests.
export XDG_CONFIG_HOME=/nonexistent
unset http_proxy https_proxy all_proxy no_proxy HTTPS_PROXY ALL_PROXY NO_PROXY

passed=0 failed=0 skipped=0
failures=()
reports=$(mktemp -d)
processors=$(getconf _NPROCESSORS_ONLN)
started=$SECONDS
job_names=() job_kinds=() job_pids=()
declare -i reported=0 # how many of them

# A title above the jobs that follow. It waits in their queue, so that what is independent runs side by side.
section() {
	if ((${#job_names[@]} == 0)); then
		title "$1"
		return
	fi
	job_names+=("$1") job_kinds+=(title) job_pids+=(0)
}

# Criterion names its socket after its process, and does not start if a killed one with that number has left it.
for socket in /tmp/criterion_*.sock; do
	id=${socket##*_}
	[[ ! -e $socket || -d /proc/${id%.sock} ]] || rm -f "$socket"
done

title() {
	printf '\n== %s  [%d s]\n' "$1" $((SECONDS - started))
}

count() { # passed, failed, skipped
	((passed += $1, failed += $2, skipped += $3)) || true
}

skip() { # what, why
	count 0 0 1
	printf '  skip  %s: %s\n' "$1" "$2"
}

# job KIND NAME COMMAND...: run it in parallel with others. KIND is how its tests are counted: `exit` is one test, by its
# status (77 = skipped, the last line is the reason); for `criterion` and `counted` the output contains the number.
job() {
	local kind=$1 name=$2 number=${#job_names[@]}
	shift 2
	job_names+=("$name")
	job_kinds+=("$kind")
	while (($(running) >= processors)); do
		report_ended
		sleep 0.05
	done
	{
		local status=0
		declare -F "$1" >/dev/null || set -- timeout -k 10 "${JOB_LIMIT_S:-300}" "$@"
		"$@" >"$reports/$number.log" 2>&1 </dev/null || status=$?
		echo $status >"$reports/$number.new" && mv "$reports/$number.new" "$reports/$number.status"
	} &
	job_pids+=($!)
}

# Only our own jobs: a script may have servers in the background. The number of one that has ended may be that of another
# process by now.
running() {
	local number count=0
	for ((number = reported; number < ${#job_pids[@]}; number++)); do
		((job_pids[number])) && [[ ! -e $reports/$number.status && -d /proc/${job_pids[number]} ]] && ((count++))
	done
	echo "$count"
}

# The counts of a job, from its kind, its log and its status: "passed failed skipped".
count_exit() {
	case $2 in
	0) echo 1 0 0 ;;
	77) echo 0 0 1 ;;
	*) echo 0 1 0 ;;
	esac
}

# "[====] Synthesis: Tested: N | Passing: N | Failing: N | Crashing: N", where failing counts the crashing ones. A
# runner that died, was stopped, or tested nothing has failed too.
count_criterion() {
	awk -v status="$2" '
		/^\[SKIP\]/ { skipped++ }
		/^\[====\] Synthesis:/ && match($0, /Tested: [0-9]+/) {
			tested = substr($0, RSTART + 8, RLENGTH - 8)
			match($0, /Passing: [0-9]+/)
			passing = substr($0, RSTART + 9, RLENGTH - 9)
			seen++
		}
		END {
			failing = tested - passing
			if (seen != 1 || (status != 0 && failing == 0) || tested + skipped == 0)
				failing++
			print passing + 0, failing, skipped + 0
		}' "$1"
}

# The last line: "N passed, N failed" or "N passed, N failed, N skipped".
count_counted() {
	awk -v status="$2" '
		NF { last = $0 }
		END {
			if (last !~ /^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/) {
				print 0, 1, 0
				exit
			}
			split(last, word, " ")
			if (status != 0 && word[3] == 0)
				word[3] = 1
			print word[1], word[3], word[5] + 0
		}' "$1"
}

show() { # log, if the job has come so far: without what passed, and not without end
	[[ ! -e $1 ]] || grep -vE '^\[(RUN |PASS)\]|^  (CC|AS|AR|LD) ' "$1" | awk -v limit=200 '
		NR <= limit { print "  | " $0 }
		NR > limit { tail[NR % limit] = $0 }
		END {
			if (NR > 2 * limit)
				print "  | ... " NR - 2 * limit " lines left out ..."
			for (i = NR - limit + 1; i <= NR; i++)
				if (i > limit)
					print "  | " tail[i % limit]
		}'
}

# Report one job that has ended.
report() { # number
	local number=$1 log=$reports/$1.log status good bad left
	status=$(cat "$reports/$number.status" 2>/dev/null || echo 1)
	read -r good bad left < <("count_${job_kinds[number]}" "$log" "$status")
	count "$good" "$bad" "$left"
	if ((bad)); then
		printf '  FAIL  %s (%d of %d failed, exit status %d)\n' "${job_names[number]}" "$bad" $((good + bad)) "$status"
		failures+=("${job_names[number]}")
		show "$log"
	elif ((good == 0)); then
		printf '  skip  %s: %s\n' "${job_names[number]}" "$(tail -n 1 "$log")"
	elif [[ ${job_kinds[number]} == exit ]]; then
		printf '  ok    %s\n' "${job_names[number]}"
	else
		printf '  ok    %s (%d)\n' "${job_names[number]}" "$good"
	fi
	((left == 0 || good == 0)) || sed -nE 's/^(\[SKIP\]|skip) /    skip  /p' "$log"
	rm -f "$log" "$reports/$number.status"
}

# Report jobs in the order in which they were started: all that have ended so far, up to the first that has not.
report_ended() {
	while ((reported < ${#job_names[@]})); do
		if [[ ${job_kinds[reported]} == title ]]; then
			title "${job_names[reported]}"
		elif [[ -e $reports/$reported.status ]]; then
			report "$reported"
		else
			return
		fi
		reported+=1
	done
}

# Wait for all jobs, and report them. Only for those without a status: the shell forgets a child that has ended once its
# number is used again.
collect() {
	local number
	report_ended
	for ((number = reported; number < ${#job_names[@]}; number++)); do
		if ((job_pids[number])) && [[ ! -e $reports/$number.status ]]; then
			wait "${job_pids[number]}" 2>/dev/null || true
			# A job that was killed has not written it.
			[[ -e $reports/$number.status ]] || echo 1 >"$reports/$number.status"
		fi
		report_ended
	done
	job_names=() job_kinds=() job_pids=() reported=0
}

# check NAME COMMAND...: one job of kind exit, alone.
check() {
	job exit "$@"
	collect
	[[ ${failures[*]+x} && ${failures[-1]} == "$1" ]] && return 1
	return 0
}

finish() {
	rm -rf "$reports"
	echo
	printf 'took %d s\n' $((SECONDS - started))
	((failed == 0)) || printf 'failed: %s\n' "${failures[@]}"
	if ((skipped)); then
		echo "$passed passed, $failed failed, $skipped skipped"
	else
		echo "$passed passed, $failed failed"
	fi
	((failed == 0 && passed > 0))
}
