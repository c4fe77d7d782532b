# Many small files at once.

SMALL=$((2000 / SLOW))
SMALL_SHOWN=$(sed 's/\(.\)\(...\)$/\1,\2/' <<<$SMALL)

# the list of `count` files under a tag; sizes from 0 to some 60 kB
small_list() { # tag, count
	local i
	for ((i = 0; i < $2; i++)); do
		echo "$ORIGIN/tag/$1/lm/1/gen/$((i * 7919 % 60000))/$i/f$i"
	done
}

all_there() { # directory, count
	local i
	for ((i = 0; i < $2; i++)); do
		echo "$((i * 7919 % 60000)) $i f$i"
	done | "$ORIGIN_TOOL" --sums >sums
	(cd "$1" && sha256sum --quiet -c ../sums) >sums.out 2>&1 || fail "$1: $(head -n 3 sums.out)"
	[[ $(find "$1" -type f | wc -l) == "$2" ]] || fail "$1: other files than these"
}

# 2,000 files over at most 16 connections, each with its bytes; then they are known as complete
test_small_many() {
	own_origin
	small_list many $SMALL >list
	get 60 --sync=none -d d -j 16 -x 16 -i list
	expect 0 "$SMALL_SHOWN of $SMALL_SHOWN files done"
	grep -q "not synced" err || fail "--sync=none is not reported"
	all_there d $SMALL
	local most
	until_true 10 is_origin_idle
	most=$(counter many connections_most)
	((most >= 2 && most <= 16)) || fail "$most connections at once"
	most=$(counter many connections)
	((most <= 100)) || fail "$most connections in all for $SMALL files"
	get 60 --sync=none -d d -j 16 -x 16 -i list
	expect 0 "($SMALL_SHOWN already there)"
	all_there d $SMALL
}

# without options sixteen files are fetched at once, also with little memory
test_small_default_jobs() {
	local i memory
	for memory in 64M 8M; do
		for i in {1..24}; do
			echo "$ORIGIN/tag/jobs-$memory/gate/jobs-$memory/gen/1000/$i"
		done >list
		start get --max-memory $memory -d $memory -i list
		until_true 20 is_counter jobs-$memory requests 16
		opened jobs-$memory
		finish 20
		expect 0 "24 of 24 files done"
		! grep -q "files at once" err || fail "$memory: too little memory for sixteen"
		is_counter jobs-$memory most 16 || fail "$(counter jobs-$memory most) at once"
	done
}

# the same with every kind of sync
test_small_sync() {
	local sync
	small_list sync 300 >list
	for sync in auto all none; do
		get 60 --sync=$sync -d $sync -j 16 -x 16 -i list
		expect 0 "300 of 300 files done"
		all_there $sync 300
	done
}

# long: 2,000 files, durable in groups
test_small_many_durable() {
	small_list durable $SMALL >list
	get 120 -d d -j 16 -x 16 -i list
	expect 0 "$SMALL_SHOWN of $SMALL_SHOWN files done"
	all_there d $SMALL
}

# -x bounds the connections to one host, whatever -j is
test_small_connections() {
	local limit most
	own_origin
	for limit in 1 3; do
		small_list "limit$limit" 100 >list
		get --sync=none -d "d$limit" -j 16 -x $limit -i list
		expect 0
		until_true 10 is_origin_idle
		most=$(counter all connections_most)
		((most == limit)) || fail "-x $limit: $most connections at once"
		most=$(counter "limit$limit" most)
		((most <= limit)) || fail "-x $limit: $most requests at once"
	done
	all_there d3 100
}

# -j bounds the files at once
test_small_jobs() {
	small_list jobs 100 >list
	get --sync=none -d d -j 2 -x 16 -i list
	expect 0
	local most
	most=$(counter jobs most)
	((most <= 2)) || fail "-j 2: $most at once"
	all_there d 100
	# many, with the memory there is by default: all of them wait for the rest of their bodies
	for most in {1..60}; do
		printf '%s\n out=%s\n' "$ORIGIN/tag/sixty/gate/sixty/gen/1000/1" "$most"
	done >list
	start get --sync=none -d e -j 60 -x 60 -i list
	until_true 20 is_counter sixty now 60
	opened sixty
	finish 20
	expect 0
	[[ $(ls e | wc -l) == 60 ]] || fail "$(ls e | wc -l) files"
}

# over HTTPS, and from real nginx
test_small_tls() {
	small_list tls 200 | sed "s|$ORIGIN|$ORIGINS|" >list
	get --sync=none --cacert "$CA" -d d -j 16 -x 16 -i list
	expect 0
	all_there d 200
	with_nginx
	local i
	for i in {1..200}; do
		printf '%s\n out=n%d\n' "$NGINX/file.bin" "$i"
	done >list
	get -d n -j 16 -x 16 -i list
	expect 0 "200 of 200 files done"
	for i in 1 100 200; do
		same "n/n$i" "$DOCS/file.bin"
	done
}

# failures among many are listed, and do not disturb the others of their group
test_small_some_fail() {
	local i
	for i in {1..60}; do
		echo "$ORIGIN/gen/1000/$i/g$i"
		((i % 10)) || echo "$ORIGIN/status/404?$i"
	done >list
	sed -i 's|^\(.*404?\([0-9]*\)\)$|\1\n out=bad\2|' list
	get -d d -i list
	expect 3 "60 of 66 files done, 6 failed"
	[[ $(grep -c 'the server answered 404' err) == 6 ]] || fail "the list of failures"
	for i in {1..60}; do
		is_gen "d/g$i" 1000 "$i"
	done
	[[ $(find d -type f | wc -l) == 60 ]] || fail "other files than these"
}
