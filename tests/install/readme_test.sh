#!/bin/bash
# The README tells the truth: its C programs are the examples, word for word, and its shell demo
# prints what it says. Arguments: the command, the top of the sources.
here=$(dirname "$0")
. "$here/../tools/tap.sh" "$1"
source=$2

# block LANGUAGE TEXT: the README's block of that language in which that text stands.
block() {
	awk -v language="$1" -v text="$2" '
		/^```/ { if (!inside) { wanted = $0 == "```" language; block = "" }
			else if (wanted && index(block, text)) printf "%s", block
			inside = !inside; next }
		inside { block = block $0 "\n" }' "$source/README.md"
}

is_example() {
	block c "$1" | diff - "$source/examples/$2"
}

is_short() {
	[ "$(wc -l <"$source/examples/$1")" -le 20 ]
}

# The shell demo, on keys of this test's own.
demo() {
	block sh 'gyre pub hello' | sed -E "s/\\b(hello|numbers|later)\\b/$PREFIX&/g"
}

# What stands behind -> is what the line prints.
promised() {
	demo | sed -n 's/.*# -> //p'
}

keeps_its_promise() {
	(
		PATH=${GYRE%/*}:$PATH
		eval "$(demo | sed 's/^gyre ls/& >\&2/')" # a table that nobody can foretell
		wait
	) >"$WORK/printed" 2>"$WORK/said"
	diff <(promised | sort) <(sort "$WORK/printed")
}

missing_files() {
	grep -oE '\]\([A-Za-z][^):#]*\)' "$source/README.md" | tr -d '])(' | sort -u |
		while read -r file; do
			[ -e "$source/$file" ] || echo "$file"
		done
}

check 'the C consumer is examples/hello_consumer.c' is_example GYRE_CONSUMER hello_consumer.c
check 'the C producer is examples/hello_producer.c' is_example GYRE_PRODUCER hello_producer.c
check '... of at most 20 lines' is_short hello_consumer.c
check '... each' is_short hello_producer.c
check 'there is a shell demo' test -n "$(promised)"
check 'the shell demo prints what it says' keeps_its_promise
check 'all files that it names are there' test -z "$(missing_files)"
plan
