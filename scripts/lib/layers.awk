# What a file may include, and what it may name. Rules come from check-layers:
#   LAYERS  "layer below below;..."    PURE "layer/module ..."    STD headers a pure module may include

BEGIN {
	count = split(LAYERS, lines, ";")
	for (i = 1; i <= count; i++) {
		split(lines[i], words, " ")
		below[words[1]] = " " lines[i] " "
	}
}

FNR == 1 {
	path = FILENAME
	sub(/^.*(src|include\/sluice)\//, "", path)
	layer = path
	sub(/\/.*/, "", layer)
	module = path
	sub(/\.[a-zA-Z]+$/, "", module)
	pure = index(" " PURE " ", " " module " ") > 0
	is_public = FILENAME ~ /(^|\/)include\/.*\.h$/
	if (!(layer in below))
		report("no layer is called " layer)
}

{
	raw = $0
	c_line(raw)
}

CODE ~ /^[ \t]*#[ \t]*include/ {
	target = raw
	sub(/^[ \t]*#[ \t]*include[ \t]*/, "", target)
	if (target ~ /^"sluice\/[a-z]+\/[a-z0-9_]+\.h"/)
		own_include(target)
	else if (target ~ /^"/)
		private_include(target)
	else
		system_include(target)
	next
}

is_public && !pure && layer != "base" && raw ~ /^ \*.* Pure[.:,]/ {
	report("the header says that it is pure, but it is not in the list of scripts/check-layers")
}

layer != "rt" && CODE ~ /io_uring|liburing|IORING_|IOSQE_/ {
	report("only rt names io_uring")
}

function own_include(target,    used, name)
{
	split(target, part, /["\/.]/) # "", sluice, layer, module
	used = part[3]
	name = used "/" part[4]
	if (!(used in below))
		report("no layer is called " used)
	else if (layer in below && index(below[layer], " " used " ") == 0)
		report("layer " layer " must not use " used)
	if (pure && used != "base" && index(" " PURE " ", " " name " ") == 0)
		report(module " is pure: it may use base and pure modules, not " name)
}

# A private header stands beside the file and is shared by files of one layer: "module_int.h".
function private_include(target)
{
	if (target !~ /^"[a-z0-9_]+_int\.h"/)
		report("include \"sluice/<layer>/<module>.h\", or a private <module>_int.h of the same directory")
	else if (is_public)
		report("a public header must not include a private one")
}

function system_include(target,    name)
{
	name = target
	sub(/^</, "", name)
	sub(/>.*/, "", name)
	if (name ~ /^liburing/ && path !~ /^rt\/engine_uring[a-z_]*\.[ch]$/)
		report("only the ring engine includes <" name ">")
	if (name ~ /^openssl\// && layer != "net" && layer != "cli" && path !~ /^download\/digest/ && path !~ /^http\/(digest_auth|sigv4)/)
		report("only net (TLS), cli (versions), the digests of download and those of http include <" name ">")
	is_codec = name ~ /^(zlib|zstd|zstd_errors|bzlib|lzma|brotli\/decode)\.h$/
	if (is_codec && layer != "codec")
		report("only codec includes <" name ">")
	if (pure && !is_codec && index(" " STD " ", " " name " ") == 0)
		report(module " is pure: <" name "> is not for it")
}

END { exit BAD }
