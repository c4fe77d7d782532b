# Checksums: a file that has not the expected one never gets its name.

# hex ALG SIZE SEED: by the programs of the system
hex() { # algorithm, size, seed
	"$ORIGIN_TOOL" --gen "$2" "$3" | "${1//-/}sum" | cut -d ' ' -f 1
}

# the algorithms, on sizes around the chunk and the boundary of small files, by command line and list
test_checksum_good() {
	local alg size
	for alg in b2 sha-256 sha-512 sha-1 md5; do
		for size in 0 1 1048576 4194305 9437187; do
			get --checksum "$alg=$(hex "${alg/sha-/sha}" $size 1)" "$ORIGIN/gen/$size/1/$alg-$size"
			expect 0
			is_gen "$alg-$size" $size 1
		done
	done
	get --checksum "SHA256=$(hex sha256 10 1 | tr a-f A-F)" "$ORIGIN/chunked/gen/10/1/f"
	expect 0
	get --checksum "md5=$(hex md5 5000000 1)" "$ORIGIN/untilclose/gen/5000000/1/g"
	expect 0
	no_parts
}

# a wrong one is 32, names both values, and leaves nothing
test_checksum_bad() {
	local alg size good bad
	for alg in b2 sha-256 sha-512 sha-1 md5; do
		for size in 0 1000 9437187; do
			good=$(hex "${alg/sha-/sha}" $size 1)
			bad=$(hex "${alg/sha-/sha}" 7 7)
			get --checksum "$alg=$bad" "$ORIGIN/gen/$size/1/f"
			expect 32 "$good"
			expect 32 "$bad"
			nothing_left
		done
	done
	echo mine >f
	get --if-exists=replace --checksum "md5=$bad" "$ORIGIN/gen/10/1/f"
	expect 32
	[[ $(cat f) == mine ]] || fail "f changed"
}

# in a list each file has its own, and one bad one does not touch the others
test_checksum_list() {
	cat >list <<-END
		$ORIGIN/gen/1000/1
		 checksum=sha-256=$(hex sha256 1000 1)
		$ORIGIN/gen/1000/2
		 checksum=md5=$(hex md5 1000 1)
		$ORIGIN/gen/6000000/3
		 checksum=sha-512=$(hex sha512 6000000 3)
		$ORIGIN/gen/6000000/4
		 checksum=sha-1=$(hex sha1 6000000 3)
	END
	get -i list
	expect 32 "2 of 4 files done"
	is_gen 1 1000 1
	is_gen 3 6000000 3
	nothing_left list 1 3
}

# one bit is enough
test_checksum_one_bit() {
	with_nginx
	cp "$DOCS/file.bin" altered
	printf '\x00' | dd of=altered bs=1 seek=299999 conv=notrunc status=none
	get --checksum "sha-256=$(sha256sum <altered | cut -d ' ' -f 1)" "$NGINX/file.bin"
	cmp -s altered "$DOCS/file.bin" || expect 32
	get --checksum "sha-256=$(sha256sum <"$DOCS/file.bin" | cut -d ' ' -f 1)" "$NGINX/file.bin"
	expect 0
}

# stdout cannot be taken back: the status tells
test_checksum_stdout() {
	get --checksum "md5=$(hex md5 10 2)" -o - "$ORIGIN/gen/10/1"
	expect 32
	get --checksum "md5=$(hex md5 10 1)" -o - "$ORIGIN/gen/10/1"
	expect 0
	is_gen out 10 1
}

# a malformed checksum is a usage error before anything is requested
test_checksum_usage() {
	local text
	for text in md5 md5= =00 md5=zz md5=00 sha-256=00 crc32=00000000 "md5=$(hex md5 0 0)0" "sha-256=$(hex md5 0 0)" "md5=$(hex md5 0 0) "; do
		get --checksum "$text" "$ORIGIN/tag/checksum/gen/10/1"
		expect 28
		nothing_left
	done
	get --checksum "md5=$(hex md5 0 0)" "$ORIGIN/tag/checksum/gen/10/1" "$ORIGIN/tag/checksum/gen/10/2"
	expect 28
	is_counter checksum requests 0 || fail "asked for"
}
