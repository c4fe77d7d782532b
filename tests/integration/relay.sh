# The relay of the benchmarks (tests/support/relay_main.c) is as slow and as distant as it is told to be. Only lower bounds of
# times are tested: the machine may be slower.

start_relay() { # option...
	"$BUILD/tools/relay" --to "$PORT_http" "$@" >relay.out &
	RELAY_PID=$!
	trap 'kill $RELAY_PID' EXIT
	wait_for_file relay.out 10 || fail "no relay"
	RELAY_PORT=$(sed -n 's/^port=\([0-9]*\) .*/\1/p' relay.out)
}

ask_relay() { # descriptor, path
	printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n' "$2" >&"$1"
}

skip_head() { # descriptor
	local line
	while read -r line <&"$1" && [[ $line != $'\r' ]]; do
		:
	done
}

# Runs a command, which takes at least so many milliseconds.
takes() { # ms, command...
	local before=${EPOCHREALTIME/./} took
	"${@:2}"
	took=$((${EPOCHREALTIME/./} - before))
	((took >= $1 * 1000)) || fail "${*:2} took $took us, not $1 ms"
}

fetch_5() { # path, file, length: over the open descriptor 5
	ask_relay 5 "$1"
	skip_head 5
	head -c "$3" <&5 >"$2"
}

connect_5() {
	exec 5<>"/dev/tcp/127.0.0.1/$RELAY_PORT"
}

# the first request of a connection takes two round trips, and each later one a single one
test_relay_delay() {
	start_relay --rtt 60ms
	first() {
		connect_5
		fetch_5 /gen/300/1 a 300
	}
	takes 120 first
	takes 60 fetch_5 /gen/300/2 b 300
	is_gen a 300 1
	is_gen b 300 2
}

# each connection has its rate, and one of them another; waiting between requests earns none
test_relay_rate() {
	start_relay --rtt 40ms --rate 3MB --slow 2,300KB
	connect_5
	takes $((80 + 95)) fetch_5 /gen/300000/1 a 300000
	takes $((40 + 95)) fetch_5 /gen/300000/2 b 300000
	connect_5
	takes $((80 + 95)) fetch_5 /gen/30000/3 c 30000
	is_gen a 300000 1
	is_gen b 300000 2
	is_gen c 30000 3
}

stalls_at() { # bytes, file
	[[ $(stat -c %s "$2") == "$1" ]] || fail "$(stat -c %s "$2") bytes passed on a connection that stalls at $1"
}

# after so many bytes one connection stalls and the others go on; a new run counts from zero
test_relay_stall() {
	start_relay --stall-at 200000
	exec 6<>"/dev/tcp/127.0.0.1/$RELAY_PORT"
	ask_relay 6 /gen/300000/1
	head -c 200000 <&6 >a
	connect_5
	fetch_5 /gen/300000/2 b 300000
	is_gen b 300000 2
	kill -USR1 "$RELAY_PID"
	cat <&6 >>a
	stalls_at 200000 a
	until_true 10 grep -q '^connections=2 requests=2 bytes=' relay.out
	connect_5
	ask_relay 5 /gen/300000/3
	head -c 200000 <&5 >c
	kill "$RELAY_PID"
	wait "$RELAY_PID" || fail "the relay ended with status $?"
	trap - EXIT
	cat <&5 >>c
	stalls_at 200000 c
	[[ $(tail -n 1 relay.out) == 'connections=1 requests=1 bytes=200000' ]] || fail "$(cat relay.out)"
}
