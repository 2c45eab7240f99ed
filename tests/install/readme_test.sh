#!/bin/bash
# The README tells the truth: its C programs are the examples, word for word, and its shell demo
# prints what it says. Arguments: the command, the top of the sources.
here=$(dirname "$0")
. "$here/../tools/tap.sh" "$1"
source=$2

# block LANGUAGE NUMBER: the README's so-many-th block of that language.
block() {
	awk -v language="$1" -v number="$2" '
		/^```/ { inside = !inside; if (inside && $0 == "```" language) count++
			current = inside && $0 == "```" language; next }
		current && count == number' "$source/README.md"
}

is_example() {
	block c "$1" | diff - "$source/examples/$2"
}

is_short() {
	[ "$(wc -l <"$source/examples/$1")" -le 20 ]
}

# The demo's lines, on keys of its own; what stands behind # is what it prints.
demo() {
	block sh "$1" | sed -E "s/\\b(hello|numbers|later)\\b/$PREFIX&/g"
}

promised() {
	block sh "$1" | sed -nE 's/.*# -> //p'
}

keeps_its_promise() {
	(
		PATH=${GYRE%/*}:$PATH
		eval "$(demo "$1")"
		wait
	) >"$WORK/printed" 2>"$WORK/said"
	diff <(promised "$1") "$WORK/printed"
}

check 'the first C program is examples/hello_consumer.c' is_example 1 hello_consumer.c
check 'the second C program is examples/hello_producer.c' is_example 2 hello_producer.c
check '... of at most 20 lines' is_short hello_consumer.c
check '... each' is_short hello_producer.c
check 'the shell demo is there' test -n "$(promised 2)"
check 'the shell demo prints what it says' keeps_its_promise 2
check 'all files it names are there' \
	test -z "$(grep -oE '\]\([A-Za-z][^):#]*\)' "$source/README.md" | tr -d '])(' | sort -u |
		while read -r file; do [ -e "$source/$file" ] || echo "$file"; done)"
plan
