#!/bin/bash
# What goes into gyre pub comes out of gyre sub, byte for byte.
. "$(dirname "$0")/tap.sh"

sends() { # KEY INPUT [PUB_OPTION...]
	local key=$1 input=$2
	shift 2
	gyre pub "$key" "$@" <"$input"
}

# one_after_the_other WHAT INPUT [PUB_OPTION...]
one_after_the_other() {
	local what=$1 input=$2 key=${PREFIX}after-$number
	shift 2
	check "$what, one after the other" sends "$key" "$input" "$@"
	expect "... is received" 0 "" sub --file "$WORK/copy" "$key"
	check "... identical" cmp "$input" "$WORK/copy"
	check "... and the ring is gone" absent "$key"
}

# side_by_side WHAT INPUT [PUB_OPTION...]
side_by_side() {
	local what=$1 input=$2 key=${PREFIX}beside-$number sub
	shift 2
	TO=$WORK/copy start sub "$key"
	sub=$PID
	check "$what, side by side: pub sends" sends "$key" "$input" "$@"
	ends "... sub ends" "$sub" 0
	check "... and the copy is identical" cmp "$input" "$WORK/copy"
	check "... and the ring is gone" absent "$key"
}

both() {
	one_after_the_other "$@"
	side_by_side "$@"
}

: >"$WORK/empty"
printf '\n' >"$WORK/newline"
printf 'one\ntwo\nthree' >"$WORK/unfinished"
printf 'a\0b\n\0\n\0\0\n\n\377\376\n' >"$WORK/nul"
yes '' | head -100000 >"$WORK/blank"
seq 20000 >"$WORK/few"
seq 1000000 >"$WORK/many"
head -c 64M /dev/urandom >"$WORK/random"
head -c 500K /dev/urandom >"$WORK/random-small"
head -c 300000 /dev/zero | tr '\0' x >"$WORK/long" && printf '\nshort\n' >>"$WORK/long"

both "an empty input" "$WORK/empty"
both "an empty line" "$WORK/newline"
both "a last line without newline" "$WORK/unfinished"
both "NUL bytes and bytes that are no UTF-8" "$WORK/nul"
both "20000 lines" "$WORK/few"
both "lines into slots" "$WORK/few" --slot 64 --capacity 4M
both "a line of 300000 bytes" "$WORK/long"
both "random bytes as lines" "$WORK/random-small"
both "random bytes as pieces of 1000" "$WORK/random-small" --raw 1000
one_after_the_other "lines that fill much of the ring" "$WORK/many" --capacity 32M
side_by_side "100000 empty lines" "$WORK/blank"
side_by_side "20000 lines through 4 KiB" "$WORK/few" --capacity 4K
side_by_side "a million lines" "$WORK/many"
side_by_side "64 MiB in pieces of 64 KiB" "$WORK/random" --raw 64K
side_by_side "64 MiB in pieces of a third of a MiB" "$WORK/random" --raw 349525 --capacity 2M

key=${PREFIX}file
gyre pub "$key" --file "$WORK/random" --raw 64K --capacity 256M --quiet
gyre sub "$key" --file "$WORK/copy"
check "--file on both sides" cmp "$WORK/random" "$WORK/copy"

key=file:$WORK/ring
gyre pub "$key" <"$WORK/few"
gyre sub "$key" >"$WORK/copy"
check "a ring in a file" cmp "$WORK/few" "$WORK/copy"
check "... which is gone then" test ! -e "$WORK/ring"

key=${PREFIX}words
expect "words of the command line are messages" 0 "" pub "$key" "hi there" "" "you"
expect "... and arrive" 0 "" sub "$key"
check "... as lines" cmp "$WORK/out" <(printf 'hi there\n\nyou\n')

key=${PREFIX}raw
gyre pub "$key" <"$WORK/unfinished"
expect "sub --raw adds no newlines" 0 "" sub --raw "$key"
check "... to any line" cmp "$WORK/out" <(printf 'onetwothree')

key=${PREFIX}count
gyre pub "$key" <"$WORK/few"
expect "--count ends sub" 0 "" sub --count 7 "$key"
check "... after so many messages" cmp "$WORK/out" <(seq 7)
check "... and leaves the rest" holds "$key" 19993
expect "--count 0 takes nothing" 0 "" sub --count 0 "$key"
check "... nothing at all" test ! -s "$WORK/out"
expect "--quiet writes a summary only" 0 "" sub --quiet "$key"
check "... with the number of messages" grep -q '^19993 messages, ' "$WORK/out"

# A line goes out while the input stays open: sub shows it before pub has ended.
key=${PREFIX}interactive
mkfifo "$WORK/in" "$WORK/seen"
TO=$WORK/seen start sub "$key"
sub=$PID
exec 4<"$WORK/seen"
FROM=$WORK/in start pub "$key"
pub=$PID
exec 3>"$WORK/in"
echo one >&3
read -r -t "$LIMIT" line <&4
check "a line that is there is not delayed" test "${line:-}" = one
printf 'two\nthr' >&3
read -r -t "$LIMIT" line <&4
check "... nor by the start of the next" test "${line:-}" = two
exec 3>&-
ends "pub ends with its input" "$pub" 0
read -r line <&4
check "what was left without newline comes" test "${line:-}" = thr
ends "sub ends after it" "$sub" 0
exec 4<&-

# Waiting costs nothing. TIMEFORMAT gives the processor seconds of a command.
TIMEFORMAT='%U %S'
key=${PREFIX}idle
spent=$({ time timeout -s INT 2 "$GYRE" sub "$key" 2>/dev/null; } 2>&1)
check "waiting for a ring uses no processor ($spent s in 2 s)" \
	awk -v spent="$spent" 'BEGIN { split(spent, s, " "); exit !(s[1] + s[2] < 0.1) }'
gyre create "$key" >/dev/null
spent=$({ time timeout -s INT 2 "$GYRE" sub "$key" 2>/dev/null; } 2>&1)
check "waiting for messages uses no processor ($spent s in 2 s)" \
	awk -v spent="$spent" 'BEGIN { split(spent, s, " "); exit !(s[1] + s[2] < 0.1) }'

plan
