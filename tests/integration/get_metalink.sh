# Lists that are Metalink documents or JSON lines.

digest() { # algorithm, size, seed
	"$ORIGIN_TOOL" --gen "$2" "$3" | "${1}sum" | cut -d ' ' -f 1
}

# mirrors in their order, directories, the strongest digest
test_metalink_files() {
	cat >list.meta4 <<-END
		<?xml version="1.0" encoding="UTF-8"?>
		<metalink xmlns="urn:ietf:params:xml:ns:metalink">
		 <file name="d/e/a"><size>1000</size>
		  <hash type="md5">$(digest md5 1000 2)</hash><hash type="sha-256">$(digest sha256 1000 1)</hash>
		  <url priority="9">$ORIGIN/gen/1000/2</url>
		  <url priority="1">$ORIGIN/status/404</url>
		  <url priority="2">$ORIGIN/gen/1000/1</url>
		 </file>
		 <file name="b"><url><![CDATA[$ORIGIN/gen/10/3?x&y]]></url><metaurl mediatype="torrent">http://t/</metaurl></file>
		</metalink>
	END
	get -d run -i list.meta4
	expect 0 "2 of 2 files done"
	is_gen run/d/e/a 1000 1
	is_gen run/b 10 3
	grep -q '1 torrents (metaurl)' err || fail "what is ignored is not named"
	gzip list.meta4
	get -d other -i list.meta4.gz
	expect 0 "2 of 2 files done"
	is_gen other/d/e/a 1000 1
}

# pieces that arrive damaged are fetched again
test_metalink_pieces() {
	"$ORIGIN_TOOL" --gen 9000000 1 >whole
	cat >list <<-END
		<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="x"><size>9000000</size>
		<pieces length="1000000" type="sha-1">$(piece_hashes whole)</pieces>
		<url>$ORIGIN/flip-byte-nth/1/500000/ranges/etag/v1/gen/9000000/1</url></file></metalink>
	END
	get -k 1M -i list
	expect 0 "1 of 9 pieces of 'x' do not match their checksums; fetching 1 of 9 pieces again"
	cmp -s x whole || fail "x is damaged"
	sed -i 's/flip-byte-nth.1/flip-byte/' list
	get -k 1M --if-exists=replace -i list
	expect 32 "1 of 9 pieces of 'x' do not match"
	cmp -s x whole || fail "x was replaced"
	no_parts
}

# a digest that does not match, and files that would leave the directory, fail alone
test_metalink_bad_files() {
	cat >list <<-END
		<metalink version="3.0" xmlns="http://www.metalinker.org/"><files>
		<file name="a"><verification><hash type="sha1">$(digest sha1 10 2)</hash></verification>
		<resources><url type="http">$ORIGIN/gen/10/1</url></resources></file>
		<file name="../b"><resources><url>$ORIGIN/gen/10/1</url></resources></file>
		<file name="/tmp/b"><resources><url>$ORIGIN/gen/10/1</url></resources></file>
		<file name="c"><resources><url>$ORIGIN/gen/10/3</url></resources></file>
		</files></metalink>
	END
	mkdir below
	get -d below -i list
	expect 32 "1 of 4 files done"
	grep -q "line 4 of the list: the name of a file must not have '..' in it" err || fail "no reason"
	is_gen below/c 10 3
	absent below/a
	absent b
	no_parts
}

# a size that is not that of the file: nothing of it is downloaded, skipped or planned
test_list_size() {
	printf '{"url": "%s", "size": %s}\n' "$ORIGIN/lm/1000000000/gen/10/1/a" 10 "$ORIGIN/otherhead/7/lm/1000000000/gen/20/1/b" 20 >good
	get --dry-run -i good
	expect 0
	get -i good
	expect 0
	get -i good
	expect 0 "2 already there"
	sed 's/"size": ../"size": 30/' good >bad
	get -i bad
	expect 13 "'a' exists with 10 bytes, and the list has 30"
	rm a b
	get --dry-run -i bad
	expect 32 "size of 'b' does not match: the server sends 20 bytes, the list has 30"
	get -i bad
	expect 32 "size of 'a' does not match"
	nothing_left good bad
}

# a document that cannot be read: what was in front of the fault is downloaded, and entities do not multiply
test_metalink_bad_documents() {
	local i
	printf '<metalink><file name="a"><url>%s</url></file><file name="b"><url>%s</u' "$ORIGIN/gen/10/1" "$ORIGIN/gen/10/2" >list
	get -i list
	expect 28 "the list ends here, before its last element ends"
	is_gen a 10 1
	{
		echo '<!DOCTYPE metalink [<!ENTITY a0 "ha">'
		for i in {1..60}; do
			echo "<!ENTITY a$i \"&a$((i - 1));&a$((i - 1));\">"
		done
		echo ']><metalink><file name="&a60;"><url>http://127.0.0.1/</url></file></metalink>'
	} >list
	timeout "$LIMIT" "$S" get -i list >out 2>err
	status=$?
	expect 28 "a document type declaration (<!DOCTYPE) is not allowed in a list"
	echo '<!DOCTYPE html><html><body>Not found</body></html>' >list
	get -i list
	expect 28 "this is an HTML page, not a list"
}

# a digest that the server sends
test_repr_digest() {
	local sum
	sum=$("$ORIGIN_TOOL" --gen 5000000 1 | openssl dgst -sha256 -binary | base64 | sed 's/+/%2b/g; s/\//%2f/g; s/=/%3d/g')
	get --json "$ORIGIN/header/Repr-Digest/sha-256%3d:$sum:/gen/5000000/1/a"
	expect 0
	grep -q '"file_done".*"verified_by":"checksum"' out || fail "not reported as verified"
	is_gen a 5000000 1
	get "$ORIGIN/header/Repr-Digest/sha-256%3d:$sum:/gen/5000000/2/b"
	expect 32 ", the server sent $(digest sha256 5000000 1)"
	absent b
	get --checksum "md5=$(digest md5 5000000 2)" "$ORIGIN/header/Repr-Digest/sha-256%3d:$sum:/gen/5000000/2/b"
	expect 0
	no_parts
}

# the same in the responses to requests for ranges, which a retry gets; Content-Digest is of the range there
test_repr_digest_of_a_range() {
	local sum segments path=ranges/etag/v1/reset-nth/1/6000000/gen/9000000
	sum=$("$ORIGIN_TOOL" --gen 9000000 1 | openssl dgst -sha256 -binary | base64 | sed 's/+/%2b/g; s/\//%2f/g; s/=/%3d/g')
	for segments in 1 4; do
		get --retry-max-wait 20ms -s $segments -k 1M --json "$ORIGIN/header/Repr-Digest/sha-256%3d:$sum:/$path/1/a$segments"
		expect 0
		grep -q '"type":"retry"\|"ranges":[1-9]' out || fail "-s $segments: no range was requested"
		grep -q '"file_done".*"verified_by":"checksum"' out || fail "-s $segments: not verified"
		is_gen a$segments 9000000 1
		get --retry-max-wait 20ms -s $segments -k 1M "$ORIGIN/header/Repr-Digest/sha-256%3d:$sum:/$path/2/b$segments"
		expect 32 ", the server sent $(digest sha256 9000000 1)"
		absent b$segments
	done
	get --retry-max-wait 20ms -s 1 --json "$ORIGIN/header/Content-Digest/sha-256%3d:$sum:/$path/3/c"
	expect 0
	grep -q '"type":"retry"' out || fail "no range was requested"
	is_gen c 9000000 3
	no_parts
}

# one object a line
test_json_lines() {
	cat >list <<-END
		{"url": "$ORIGIN/gen/1000/1", "path": "d/a", "size": 1000, "sha256": "$(digest sha256 1000 1)", "etag": "x"}

		{"urls": ["$ORIGIN/status/404", "$ORIGIN/gen/10/2"], "out": "\u0062"}
		{"url": "$ORIGIN/echo-headers", "out": "h", "headers": {"X-One": "1"}}
		{"url": "$ORIGIN/gen/10/1", "out": "../c"}
		{"url": "$ORIGIN/gen/10/1", "headers": {"X": "a\r\nsecret: b"}}
		{"url": "$ORIGIN/gen/10/3"
	END
	get -i list
	expect 28 "3 of 6 files done"
	is_gen d/a 1000 1
	is_gen b 10 2
	grep -q '^X-One: 1' h || fail "headers"
	absent c
	absent ../c
	! grep -q secret err || fail "a value is shown"
	grep -q "line 7 of the list: not valid JSON" err || fail "no reason"
	grep -q "1 unknown keys such as 'etag'" err || fail "what is ignored is not named"
}
