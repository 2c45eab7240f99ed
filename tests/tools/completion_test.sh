#!/bin/bash
# Completion in bash: of every verb, every option, words, columns, keys and files; on a line as bash
# cuts it into words.
. "$(dirname "$0")/tap.sh"
. "$(dirname "$0")/../../tools/gyre.bash"

key=${PREFIX}completion
cd "$WORK" || exit 1

# complete_line LINE: what bash would offer at its end; an answer a line in $WORK/out.
complete_line() {
	COMP_LINE=$1
	COMP_POINT=${#1}
	_gyre "$GYRE" 2>"$WORK/err"
	printf '%s\n' "${COMPREPLY[@]}" >"$WORK/out"
}

# offers LINE WORD...: these, and perhaps others.
offers() {
	local line=$1 word missing=
	shift
	complete_line "$line"
	for word; do
		grep -qxF -- "$word" "$WORK/out" || missing+=" $word"
	done
	if [ -n "$missing" ]; then
		fail "$line: $*" "missing:$missing" "$(cat "$WORK/out" "$WORK/err")"
	else
		pass "$line: $*"
	fi
}

# offers_just LINE WORD...: these and no other.
offers_just() {
	local line=$1
	shift
	complete_line "$line"
	check "$line: just $*" diff <(printf '%s\n' "$@") "$WORK/out"
}

verbs=$("$GYRE" help | awk '/^$/ { block++ } block == 1 && /^  [a-z]/ && $1 != "help" { print $1 }')
check "there are verbs" test "$(wc -l <<<"$verbs")" -ge 10
# shellcheck disable=SC2086 # several words are meant
offers "gyre " help $verbs
offers_just "gyre doc" doctor
offers_just "gyre help doc" doctor
mkdir path
printf '#!/bin/sh\n' >path/gyre-greet
chmod 755 path/gyre-greet
PATH=$WORK/path:$PATH offers_just "gyre gree" greet

# Every option that a verb's help shows, and the words of each that has some.
for verb in $verbs; do
	options=$("$GYRE" help "$verb" | grep -oE -- '^  .{4}--[a-z-]+' | grep -oE -- '--.*')
	# shellcheck disable=SC2086
	offers "gyre $verb -" $options
	for option in $("$GYRE" help "$verb" | sed -En 's/^  .*(--[a-z-]+) (KIND|HOW|TYPE|OS) .*/\1/p'); do
		complete_line "gyre $verb $option "
		words=$(grep . "$WORK/out")
		check "gyre $verb $option has words" test -n "$words"
		for word in $words; do
			"$GYRE" "$verb" "$option=$word" --help >/dev/null 2>"$WORK/err"
			check "... $word, which it takes" test $? -eq 0
		done
	done
done
offers "gyre create --ring " spsc
offers_just "gyre create --wake f" fence
offers_just "gyre create --wake=f" fence
offers_just "gyre key safe x -t sys" systemv
offers "gyre key --os " linux apple-sandboxed
offers "gyre create cam0 --mode " 0600
offers "gyre create cam0 --owner ro" root
offers_just "gyre ls -o K" KEY
offers_just "gyre ls --output KEY,STA" KEY,STATE

# Keys.
gyre create "$key" >/dev/null
offers_just "gyre sub ${PREFIX}comp" "$key"
offers_just "gyre sub --count 3 ${PREFIX}comp" "$key"
offers_just "gyre rm other ${PREFIX}comp" "$key"
offers_just "gyre info posix:/${PREFIX}comp" "/$key" # bash has cut at the ':'
COMP_WORDBREAKS=${COMP_WORDBREAKS//:/} offers_just "gyre info posix:/${PREFIX}comp" "posix:/$key"
: >"a file"
: >data
offers_just "gyre info file:$WORK/dat" "$WORK/data"
gyre rm "$key" >/dev/null

# Files, and what a verb does.
offers_just "gyre key chec" check
offers_just "gyre key check dat" data
offers_just "gyre key check pat" path
offers_just "gyre key check a" "a file"
offers_just "gyre pub --file dat" data
offers_just "gyre pub --file=dat" data
offers_just "gyre pub --raw 64K --file dat" data
complete_line "gyre key legacy dat"
check "a name is nobody's to guess" test -z "$(cat "$WORK/out")"
complete_line "gyre ls dat"
check "ls has no operands" test -z "$(cat "$WORK/out")"
complete_line "gyre sub --count "
check "numbers neither" test -z "$(cat "$WORK/out")"
check "nothing is said" test ! -s "$WORK/err"

plan
