# What tests at random begins with: SEED, a number below 10^15, follows from the files of the commit unless it is set, so
# that a run is repeated exactly by the next one on the same commit. SEED=random is another one each time. Sourced by bash
# in the top directory.

random_seed() {
	date +%s%N | tail -c 16 | sed 's/^0*//'
}

tree_seed() {
	local tree
	tree=$(git rev-parse 'HEAD^{tree}' 2>/dev/null) || tree=1
	echo $((16#${tree:0:12} + 1))
}

case ${SEED:=$(tree_seed)} in
random) SEED=$(random_seed) ;;
*[!0-9]*)
	echo "SEED=$SEED: it must be a number or 'random'" >&2
	exit 2
	;;
esac
