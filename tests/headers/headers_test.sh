#!/bin/bash
# Each public header compiles alone, twice in a row, as C17 and as C++17, with either compiler and
# without a warning. Arguments: the headers.
here=$(dirname "$0")
. "$here/../tools/tap.sh" /bin/true

WARNINGS='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror'

# compiles COMPILER STANDARD LANGUAGE HEADER
compiles() {
	# shellcheck disable=SC2086 # several words are meant
	printf '#include <%s>\n#include <%s>\nextern int not_empty;\n' "$4" "$4" |
		"$1" -std="$2" -x "$3" $WARNINGS -fsyntax-only -I "$WORK/include" -
}

# with COMPILER STANDARD LANGUAGE HEADER...: each of them.
with() {
	local compiler=$1 standard=$2 language=$3 header
	shift 3
	for header; do
		header=${header##*/}
		if ! command -v "$compiler" >/dev/null; then
			skip "$header alone: $compiler $standard" "no $compiler"
		else
			check "$header alone: $compiler $standard" \
				compiles "$compiler" "$standard" "$language" "$header"
		fi
	done
}

# As they are installed: side by side, and nothing else beside them.
mkdir "$WORK/include"
cp "$@" "$WORK/include"
with gcc c17 c "$@"
with clang c17 c "$@"
with g++ c++17 c++ "$@"
with clang++ c++17 c++ "$@"
plan
