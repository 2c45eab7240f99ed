#!/bin/bash
# What the public headers declare GYRE_API, and nothing else, leaves the shared library.
# Arguments: the shared library, the static one, the public headers.
here=$(dirname "$0")
. "$here/../tools/tap.sh" /bin/true
shared=$1
static=$2
shift 2

# Names of the functions and objects that the headers mark, one a line.
declared() {
	local header
	for header; do
		printf '#include "%s"\n' "$(realpath "$header")"
	done >"$WORK/all.c"
	printf -- '-I%s\n' "${@%/*}" >"$WORK/folders"
	cc -E -P -DGYRE_API=MARKED "@$WORK/folders" "$WORK/all.c" | tr '\n' ' ' |
		grep -o 'MARKED [^;]*;' | sed -E 's/^MARKED //; s/ *[(;].*//; s/.*[ *]//' | sort -u
}

# Symbols of the version script's nodes, without the nodes themselves.
exported() {
	nm -D --defined-only "$shared" | awk '$2 != "A" { print $3 }' | sort -u
}

nothing() {
	local found
	found=$("$@")
	printf '%s\n' "$found"
	[ -z "$found" ]
}

foreign() { # global names of the static library that do not begin like ours
	nm -g --defined-only "$static" 2>/dev/null | awk 'NF == 3 { print $3 }' | grep -v '^gyre_'
}

declared "$@" >"$WORK/declared"
exported >"$WORK/versioned"
sed 's/@.*//' "$WORK/versioned" >"$WORK/exported"
check 'the headers declare functions' test -s "$WORK/declared"
check 'everything declared GYRE_API is exported' \
	nothing comm -23 "$WORK/declared" "$WORK/exported"
check 'nothing else is exported' nothing comm -13 "$WORK/declared" "$WORK/exported"
check 'every exported symbol has a version' nothing grep -v '@@GYRE_' "$WORK/versioned"
check 'all global names of the static library begin with gyre_' nothing foreign
plan
