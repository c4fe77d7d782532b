# Offsets above 4 GiB, and a million files.

room_for() { # MiB
	(($(df -m --output=avail . | tail -n 1) > $1)) || skip "needs $1 MiB of disk"
}

# a file of 4.5 GB arrives whole, past the page cache and through it
test_slow_large_get() {
	local sum mode
	room_for 6000
	sum=$("$ORIGIN_TOOL" --sum 4500000000 7 | cut -d ' ' -f 1)
	for mode in direct buffered; do
		get 120 --io=$mode --checksum "sha-256=$sum" "$ORIGIN/gen/4500000000/7" -o large
		expect 0
		[[ $(stat -c %s large) == 4500000000 ]] || fail "$(stat -c %s large) bytes"
		[[ $(sha256sum large | cut -d ' ' -f 1) == "$sum" ]] || fail "another content"
		rm large
	done
}

# within 64 MiB of a memory cgroup a file of 1 GiB comes in segments with its checksum, and so do ten thousand small ones
test_slow_large_memory_cap() {
	as_root
	room_for 2000
	. "$ROOT/tests/integration/output.sh" # in_cgroup
	local sum
	sum=$("$ORIGIN_TOOL" --sum 1073741824 7 | cut -d ' ' -f 1)
	in_cgroup 64 "$S" get -s 8 --checksum "sha-256=$sum" "$ORIGIN/ranges/etag/v1/gen/1073741824/7/large" >out 2>err
	status=$?
	expect 0
	[[ $(sha256sum large | cut -d ' ' -f 1) == "$sum" ]] || fail "another content"
	rm large
	seq -f "$ORIGIN/gen/1000/%.0f" 10000 >list
	in_cgroup 64 "$S" get -q -j 32 -x 32 -d many -i list >out 2>err
	status=$?
	expect 0
	[[ $(find many -type f | wc -l) == 10000 ]] || fail "$(find many -type f | wc -l) files"
	is_gen many/10000 1000 10000
}

# lines beyond 4 GiB are counted, numbered and found at their offsets
test_slow_large_scan() {
	room_for 6000
	yes 'info: all is well, and this line makes the file longer than thirty-two bits can count' | head -n 54000000 >large.log
	echo 'ERROR: the last line' >>large.log
	local size
	size=$(stat -c %s large.log)
	((size > 4600000000)) || fail "only $size bytes"
	run 120 scan -p large.log
	expect 0
	[[ $(cat out) == "large.log:54000001:ERROR: the last line" ]] || fail "another line"
	run 120 scan -p --json large.log
	expect 0
	expect_out "\"absolute_offset\":$((size - 21))"
	expect_out '"line_number":54000001'
	expect_out '"total_lines":54000001'
}

# a million entries take at most 300 MB in all, however long their names are
test_slow_million_entries() {
	seq -f "http://127.0.0.1:$PORT_closed/a-directory-with-a-long-name/another-one/a-file-with-a-long-name-%.0f" 1000000 >list
	get 900 -q --stats -i list
	expect 6
	[[ $(grep -c "connection refused" err) == 1000000 ]] || fail "not each entry was used"
	is_small 286
}

# a hundred thousand small files
test_slow_large_scan_of_many_files() {
	. "$ROOT/tests/integration/scan_basic.sh" # scan, expect_totals
	mkdir d
	(cd d && seq -f 'fine%.0f' 100000 | awk '{ f = sprintf("%05d", NR - 1); print "error\n" $0 > f; close(f) }') || fail "no files"
	scan --json d
	expect 0
	expect_totals 200000 100000
	run 120 scan -c d
	[[ $(wc -l <out) == 100000 ]] || fail "not all are counted"
}
