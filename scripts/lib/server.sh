# server.sh - servers that others have written, for the length of a case.
. "$ROOT/scripts/lib/port.sh"

# Set $port, a free one. Without the program PROGRAM the case is skipped.
prepare_server() { # program
	PATH=$PATH:/usr/sbin
	command -v "$1" >/dev/null || skip "no $1 here"
	port=$(free_port) || fail "no port"
}

# Start COMMAND..., which listens on $port until the case ends or stop_server is called.
start_server() { # command...
	"$@" >server.log 2>&1 &
	SERVER=$! # not local: the trap runs outside
	trap stop_server EXIT
	until_true 10 is_open
}

stop_server() {
	[[ $SERVER ]] || return 0
	kill "$SERVER"
	wait "$SERVER"
	SERVER=
}

is_open() {
	(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}
