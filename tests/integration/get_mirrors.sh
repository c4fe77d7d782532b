# One file from several sources at once, from two servers.

SIZE=12000000
LONG=30000000 # some seconds at 2 MB/s a connection: the second joins after the first MiB

begin_mirrors() { # FIRST and SECOND are the two servers
	FIRST=$ORIGIN
	own_origin
	SECOND=$ORIGIN
}

bytes_from() { # base URL: what of the file came from it, as file_done has it
	sed -n '/"file_done"/s/.*"url":"http:..[^"]*'"${1#http://}"'[^"]*","bytes":\([0-9]*\).*/\1/p' out
}

# a list with TAB-separated sources: each brings a part, and file_done has how much
test_mirrors_at_once() {
	begin_mirrors
	printf '%s\t%s\n' {"$FIRST","$SECOND"}/slow/2000000/ranges/lm/1000000000/etag/v1/gen/$LONG/1/a >list
	get -s 4 -k 1M --json -i list
	expect 0
	is_gen a $LONG 1
	(($(bytes_from "$FIRST") > 0)) || fail "nothing from the first"
	(($(bytes_from "$SECOND") > 0)) || fail "nothing from the second"
	(($(bytes_from "$FIRST") + $(bytes_from "$SECOND") == LONG)) || fail "not all bytes are counted"
	no_parts
}

# another Last-Modified without a checksum: not mixed; with one it is
test_mirrors_of_another_time() {
	begin_mirrors
	local first=$FIRST/slow/2000000/ranges/lm/1000000000/etag/v1/gen/$SIZE/1/a second=$SECOND/ranges/lm/1000000001/etag/v2/gen/$SIZE/1/a
	get -s 4 -k 1M --json "$first" --mirror "$second"
	expect 0 "sources with different Last-Modified are not mixed"
	is_gen a $SIZE 1
	! grep -q '"sources"' out || fail "mixed"
	get -s 4 -k 1M --json --checksum "sha-256=$("$ORIGIN_TOOL" --sum $SIZE 1)" "$first" --mirror "$second" -o b
	expect 0
	is_gen b $SIZE 1
	(($(bytes_from "$SECOND") > 0)) || fail "not used"
}

# of another size, missing, without ranges, with other bytes: named, and the file is right
test_mirrors_that_differ() {
	begin_mirrors
	local first=$FIRST/slow/4000000/ranges/lm/1000000000/etag/v1/gen/$SIZE/1 path
	for path in ranges/gen/$((SIZE + 1))/1 status/404 lm/1000000000/etag/v1/gen/$SIZE/1 ranges/lm/1000000000/etag/v2/gen/$SIZE/2; do
		get -s 4 -k 1M --if-exists=replace --json "$first" --mirror "$SECOND/$path" -o a
		expect 0 "it is not used for 'a' together with other sources"
		grep -qF "$SECOND/" err || fail "$path is not named"
		is_gen a $SIZE 1
	done
}

# a damaged piece of one mirror comes from the other, and that mirror is named
test_mirrors_and_pieces() {
	begin_mirrors
	"$ORIGIN_TOOL" --gen $SIZE 1 >whole
	cat >list <<-END
		<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="x"><size>$SIZE</size>
		<pieces length="1000000" type="sha-1">$(piece_hashes whole)</pieces>
		<url priority="1">$FIRST/flip-byte/500000/ranges/lm/1000000000/etag/v1/gen/$SIZE/1</url>
		<url priority="2">$SECOND/ranges/lm/1000000000/etag/v1/gen/$SIZE/1</url></file></metalink>
	END
	get -s 1 -k 1M -i list
	expect 0 "$FIRST/flip-byte/500000/ranges/lm/1000000000/etag/v1/gen/$SIZE/1' has sent pieces of 'x' that do not match"
	cmp -s x whole || fail "x is damaged"
	no_parts
}

# each source gets its own name and password
test_mirrors_and_credentials() {
	begin_mirrors
	local path=ranges/lm/1000000000/etag/v1/slow/2000000/gen/$LONG/1/a
	get -s 4 -k 1M --json "${FIRST/\/\////one:1@}/auth/one/1/$path" --mirror "${SECOND/\/\////two:2@}/auth/two/2/$path"
	expect 0
	is_gen a $LONG 1
	(($(bytes_from "$SECOND") > 0)) || fail "the second is not used"
	! grep -q 'one:1\|two:2' out err || fail "a password is shown"
}
