# port.sh - a port of 127.0.0.1 for a server that must be told one.

# Below the range that the kernel gives to outgoing connections, so that only another server can hold it.
free_port() {
	local port
	for _ in {1..50}; do
		port=$((20000 + SRANDOM % 12000))
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "$port"
			return
		fi
	done
	echo "found no free port" >&2
	return 1
}
