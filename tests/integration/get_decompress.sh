# --decompress: what is stored is the content, complete and checked, or nothing.

# Text that compresses, others for each size.
text() { # bytes
	seq 1 "$1" | head -c "$1"
	return 0 # head stops seq
}

# publish NAME: stdin is what the origin has under that name; $file is the URL.
publish() {
	local dir=decompress/${PWD##*/}
	mkdir -p "$DOCS/$dir"
	cat >"$DOCS/$dir/$1"
	file=$ORIGIN/$dir/$1
}

# what the tools of each format write is stored as they would decompress it
test_decompress_tools() {
	local size urls
	for size in 0 1 1000 1200000; do
		text $size >text$size
		urls=()
		made() { # suffix, command
			publish "f$size.$1" < <("${@:2}" <text$size)
			urls+=("$file")
		}
		made a.gz gzip -c
		made b.gz gzip -1 -c
		made c.gz pigz -c
		made d.bgz bgzip -c
		made e.zst zstd -qc
		made f.zst zstd -qc -9 --long=24
		made g.xz xz -c
		made h.xz xz -0 -T2 --block-size=100000 -C sha256 -c
		made i.bz2 bzip2 -c
		made j.bz2 bzip2 -1 -c
		get --decompress -d "d$size" "${urls[@]}"
		expect 0 "10 of 10 files done"
		local stored
		for stored in "d$size"/*; do
			same "$stored" text$size
		done
		[[ $(ls "d$size" | wc -l) == 10 ]] || fail "$(ls "d$size")"
	done
	no_parts
}

# all members of a file are decoded; wget, wget2 and aria2 store the first one of such a body, 7 of 14 bytes
test_decompress_members() {
	local tool suffix
	for tool in gzip:gz zstd:zst xz:xz bzip2:bz2; do
		suffix=${tool#*:}
		tool=${tool%:*}
		publish "f.$suffix" < <(echo first. | "$tool" -c; echo second | "$tool" -c; head -c 8 /dev/zero)
		get --decompress "$file"
		expect 0
		[[ $(wc -c <f) == 14 && $(cat f) == $'first.\nsecond' ]] || fail "$tool: $(cat f)"
		rm f
	done
}

# the name in the URL loses its suffix, a name that was given is kept, and what has no suffix is stored as it is
test_decompress_names() {
	echo text | gzip -c >text.gz
	local name
	for name in a.TGZ b.tar.gz c plain.gz; do
		publish "$name" <text.gz
		get --decompress "$file?x=.bz2"
		expect 0
	done
	same c text.gz
	for name in a.tar b.tar plain; do
		[[ $(cat $name) == text ]] || fail "$name"
	done
	publish x.gz <text.gz
	get --decompress -o given.gz "$file"
	expect 0
	[[ $(cat given.gz) == text ]] || fail "-o"
	printf '%s\n out=listed\n' "$file" >list
	get --decompress -i list
	expect 0
	[[ $(cat listed) == text ]] || fail "out="
	get "$file"
	expect 0
	same x.gz text.gz
	local first=$file
	publish x <text.gz
	get --decompress "$first" "${first%.gz}" -d d
	expect 13 "'d/x' is already the name of input 1"
}

# damage is an error that says what is wrong, and leaves what was there
test_decompress_damaged() {
	local tool suffix len
	echo mine >before
	text 300000 >text
	damaged() { # words
		cp before f
		get --decompress --if-exists=replace "$file"
		expect 22 "cannot decode '$file': $1 (without --decompress the file is stored as it is)"
		same f before
		nothing_left before text list d f packed
	}
	for tool in gzip:gz zstd:zst xz:xz bzip2:bz2; do
		suffix=${tool#*:}
		tool=${tool%:*}
		"$tool" -c <text >packed
		for len in 0 1 20 $(($(wc -c <packed) / 2)) $(($(wc -c <packed) - 1)); do
			publish "f.$suffix" < <(head -c "$len" packed)
			damaged "the $tool data is truncated"
		done
		publish "f.$suffix" < <(cat packed; echo '<html>')
		damaged "the $tool data is followed by other data"
		publish "f.$suffix" < <(echo '<html>'; cat packed)
		damaged "it is not $tool data"
		len=$(wc -c <packed)
		publish "f.$suffix" < <(head -c $((len / 2)) packed; head -c 9 /dev/zero; tail -c +$((len / 2 + 10)) packed)
		damaged "the $tool data is corrupt"
	done
	publish f.gz < <(zstd -qc <text)
	damaged "it is not gzip data"
	publish f.zst < <(gzip -c <text)
	damaged "it is not zstd data"
}

# what only fills the disk stops at 64 MiB, and what needs too much memory is not begun
test_decompress_limits() {
	publish f.bz2 < <(head -c 100000000 /dev/zero | bzip2 -c)
	get --decompress --stats "$file"
	expect 22 "bottleneck: decode"
	expect 22 "the bzip2 data expands to more than 1100 times its size"
	nothing_left
	publish f.zst < <(text 1000 | zstd -qc --long=27)
	get --decompress "$file"
	expect 22 "the zstd data needs a window of more than 64 MiB (a larger --max-memory permits it)"
	nothing_left
	get --decompress --max-memory=128M "$file"
	expect 0
	publish g.xz < <(text 1000 | xz -9 -c) # 64 MiB
	get --decompress "$file"
	expect 0
	get --decompress --max-memory=32M "$file" -o h
	expect 22 "the xz data needs a window of more than 32 MiB"
	absent h
}

# many files at once share the smallest memory
test_decompress_small_memory() {
	local i urls=()
	text 1500000 >text
	for tool in gzip zstd xz bzip2; do
		"$tool" -c <text >"packed.$tool"
	done
	for i in {1..6}; do
		publish "$i.gz" <packed.gzip
		urls+=("$file")
		publish "$i.b.zst" <packed.zstd
		urls+=("$file")
		publish "$i.c.xz" <packed.xz
		urls+=("$file")
		publish "$i.d.bz2" <packed.bzip2
		urls+=("$file")
	done
	get --decompress --max-memory=9M -j 24 -d d "${urls[@]}"
	expect 0 "24 of 24 files done"
	for i in d/*; do
		same "$i" text
	done
}

# the checksum is that of the compressed file, as it is published
test_decompress_checksum() {
	text 5000000 >text
	gzip -c <text >packed
	publish f.gz <packed
	get --decompress --checksum "sha-256=$(sha256sum <packed | cut -d ' ' -f 1)" "$file"
	expect 0
	same f text
	rm f
	get --decompress --checksum "sha-256=$(sha256sum <text | cut -d ' ' -f 1)" "$file"
	expect 32 "$(sha256sum <packed | cut -d ' ' -f 1)"
	nothing_left text packed
}

# to standard output as it comes; a reader that stops is not an error, damage is
test_decompress_stdout() {
	text 5000000 >text
	publish f.zst < <(zstd -qc <text)
	get --decompress -o - "$file"
	expect 0
	same out text
	publish f.gz < <(gzip -c <text | head -c 1000000)
	get --decompress -o - "$file"
	expect 22 "the gzip data is truncated"
	cmp -n 1000000 out text || fail "what came before the damage"
	publish f.gz < <(text 30000000 | gzip -c)
	"$S" get -q --decompress -o - "$file" 2>err | head -n 1 >out
	[[ ${PIPESTATUS[0]} == 0 && $(cat out) == 1 ]] || fail "a reader that stops"
	[[ ! -s err ]] || fail "quietly"
	text 100000 | gzip -c >packed
	publish g.gz <packed
	opened_later() {
		until [[ -s got ]]; do sleep 0.02; done
		opened decompress
	}
	opened_later & # half of the body is enough to show the first lines
	"$S" get -q --decompress -o - "$ORIGIN/gate/decompress${file#"$ORIGIN"}" >got
	text 100000 | cmp - got || fail "through the gate"
}

# with --content-disposition the name that the server sends decides
test_decompress_servers_name() {
	local path field
	echo text | gzip -c >packed
	publish download <packed
	path=${file#"$ORIGIN"}
	field=/header/Content-Disposition/attachment%3B%20filename%3D
	get --decompress --content-disposition "$ORIGIN${field}data.csv.gz$path"
	expect 0
	[[ $(cat data.csv) == text ]] || fail "data.csv"
	publish f.gz <packed
	path=${file#"$ORIGIN"}
	get --decompress --content-disposition "$ORIGIN${field}plain$path"
	expect 0
	same plain packed
	get --decompress --content-disposition "$file"
	expect 0
	[[ $(cat f) == text ]] || fail "f"
	nothing_left packed data.csv plain f
}

# a file that was decoded is recognised by the ETag of the compressed one, and only when it is to be decoded
test_decompress_exists_by_etag() {
	local path
	text 1000 | gzip -c >packed
	publish f.gz <packed
	path=/etag/one${file#"$ORIGIN"}
	get --decompress --no-remote-time "$ORIGIN$path"
	expect 0
	get --decompress --no-remote-time "$ORIGIN$path"
	expect 0 "1 already there"
	get -o f "$ORIGIN$path"
	expect 13 "'f' exists"
	touch -d @1000000000 f # changed since
	get --decompress --no-remote-time "$ORIGIN/etag/two${file#"$ORIGIN"}"
	expect 13 "'f' exists; the size of decoded data cannot be compared, and the server's file has a different time"
}

# without that only its time can be compared
test_decompress_exists() {
	local path
	text 1000 | gzip -c >packed
	publish f.gz <packed
	path=${file#"$ORIGIN"}
	get --decompress "$ORIGIN/lm/1000000000$path"
	expect 0
	get --decompress "$ORIGIN/lm/1000000000$path"
	expect 0 "1 already there"
	get --json --decompress --checksum "md5=$(md5sum <packed | cut -d ' ' -f 1)" "$ORIGIN/lm/1000000000$path"
	expect 0 "1 already there"
	grep -q '"verified_by":"server"' out || fail "the checksum of the compressed file says nothing of this one"
	get --decompress "$ORIGIN/lm/1000000100$path"
	expect 13 "'f' exists; the size of decoded data cannot be compared, and the server's file has a different time (--if-exists="
	publish g.gz <packed
	get --decompress -o f "$ORIGIN/header/Last-Modified/never${file#"$ORIGIN"}"
	expect 13 "'f' exists"
	get --decompress --if-exists=replace "$ORIGIN/lm/1000000100$path"
	expect 0
	[[ $(stat -c %Y f) == 1000000100 ]] || fail "time of the server"
	get --decompress --if-exists=rename "$ORIGIN/lm/1000000100$path"
	expect 0
	[[ $(cat f.1) == $(text 1000) ]] || fail "f.1"
}

# the end of the connection as the end of the body is enough: the format tells whether all of it came
test_decompress_without_a_length() {
	text 100000 >text
	publish f.gz < <(gzip -c <text)
	get --decompress "$ORIGIN/untilclose${file#"$ORIGIN"}"
	expect 0
	same f text
	! grep -q truncation err || fail "truncation can be detected"
	get --decompress "$ORIGIN/chunked${file#"$ORIGIN"}" -o g
	expect 0
	same g text
}

# a source whose file is damaged is followed by the next one
test_decompress_mirror() {
	local bad
	echo text | gzip -c >packed
	publish f.gz < <(head -c 20 packed)
	bad=$file
	publish g.gz <packed
	printf '%s\t%s\n' "$bad" "$file" >list
	get --decompress -i list
	expect 0 "the gzip data is truncated"
	[[ $(cat f) == text ]] || fail "f"
	nothing_left list packed f
}

# an interrupted download leaves nothing
test_decompress_interrupted() {
	publish f.gz < <(text 3000000 | gzip -c)
	timeout -s INT 1 "$S" get --decompress "$ORIGIN/slow/100000${file#"$ORIGIN"}" >out 2>err
	nothing_left
}

# what a run without --decompress has left of the same URL is not gone on with: it is not decoded
test_decompress_after_a_run_without() {
	"$ORIGIN_TOOL" --gen 12000000 1 >content
	publish f.gz < <(gzip -1 -c <content)
	recorded() {
		local size
		size=$(stat -c %s f.sluice-journal 2>/dev/null) && ((size > 300))
	}
	local url=$ORIGIN/slow/3000000/ranges/etag/v1${file#"$ORIGIN"}
	start get -s 1 -o f "$url"
	until_true 20 recorded
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	[[ -e f.sluice-part && ! -e f ]] || fail "nothing was left"
	get --decompress -o f "$url"
	expect 0
	same f content
	nothing_left f content
}
