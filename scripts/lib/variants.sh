# The builds that tests run on, and the ordinary user that they run as. Sourced by bash, after report.sh.

# Release tests run on what was compiled with warnings as errors, apart from build/release, whose flags differ. Under
# sanitizers compilers warn of what is not there.
declare -A directory=([release]=build/test [asan]=build/asan [tsan]=build/tsan [clang]=build/clang)
declare -A built
make_variant() { # release, asan, tsan or clang: once; false if it does not build
	local name=$1 variant=$1 targets=(unit torture fuzzers tools) cc=${CC:-cc} werror=1 flags=()
	case $name in
	asan) werror='' ;;
	tsan) werror='' targets=(torture tools) ;; # Criterion's runner does not start under TSan
	# a second opinion on the program itself: of its warnings alone
	clang) variant=release cc=clang targets=() flags=(CFLAGS='-O0 -U_FORTIFY_SOURCE') ;;
	esac
	[[ -f src/cli/main.c ]] && targets+=(all)
	if [[ -z ${built[$name]-} ]]; then
		built[$name]=yes
		JOB_LIMIT_S=900 check "build $name: $cc${werror:+, warnings are errors}" \
			make -j"$processors" VARIANT="$variant" CC="$cc" B="${directory[$name]}" WERROR=$werror "${flags[@]}" "${targets[@]}" ||
			built[$name]=no
	fi
	[[ ${built[$name]} == yes ]]
}

# As root, tests run as an ordinary user too. That user has to see the tree: if it is in a directory of root's own, it is
# mounted at another place for the command alone. Criterion starts programs by their whole path.
ordinary=()
why_not=
user_runs() {
	if ((EUID != 0)); then
		why_not="not root: everything runs as an ordinary user already"
		return 1
	fi
	ordinary=(setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME=/nonexistent TMPDIR="$user_tmp")
	user_sees && return
	mkdir -p "$user_tmp/tree"
	# shellcheck disable=SC2016  # words of the other shell
	ordinary=(unshare --mount bash -c 'mount --bind "$0" "$1" && cd "$1" && shift && exec "$@"' "$PWD"
		"$user_tmp/tree" "${ordinary[@]}")
	user_sees && return
	ordinary=()
	why_not="the user nobody cannot read $PWD, and it cannot be mounted elsewhere"
	return 1
}
user_sees() {
	# shellcheck disable=SC2016
	"${ordinary[@]}" bash -c 'cd "$PWD" && test -r Makefile -a -x "$PWD/scripts/run-tests"' 2>/dev/null
}
user_tmp=$(mktemp -d)
chmod 1777 "$user_tmp"

# What a script that sources this removes when it ends.
remove_scratch() {
	rm -rf "$user_tmp" "$reports"
}
