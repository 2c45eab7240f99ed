#!/bin/bash
# gyre plan: what it says is what gyre create then makes, and whether it fits.
. "$(dirname "$0")/tap.sh"

key=${PREFIX}plan

shows() { # WHAT PATTERN...
	local what=$1 pattern
	shift
	for pattern; do
		check "$what: $pattern" grep -Eq -- "$pattern" "$WORK/out"
	done
}

# as_planned OPTION...: the line it prints makes that ring, in the memory it said.
as_planned() {
	local line memory
	expect "plan $*" 0 "" plan -b "$@" "$key"
	line=$(tail -1 "$WORK/out")
	memory=$(sed -n 's/^memory in all *//p' "$WORK/out")
	check "... its last line is to be typed" grep -q "^gyre create $key " <<<"$line"
	eval "$line" >/dev/null
	check "... and makes a ring of that size" test "$(cell "$key" SIZE)" = "$memory"
	gyre rm "$key" >/dev/null
}
as_planned --message 100 --count 1000
as_planned --message 6220800 --count 2 --align 64
as_planned --slot 64 --count 10000 --wake fence
as_planned --slot 100 --align 128 --count 3
as_planned --message 10 --ring spsc --capacity 2M
as_planned --message 1000 --count 100 --ring mpmc
as_planned --message 1000 --count 100 --ring mpmc --cell 512 --deliveries 2 --producers 1 --consumers 8

# What it promises to hold, it holds.
for kind in spsc mpmc; do
	line=$(gyre plan --message 1000 --count 50 --ring "$kind" "$key" | tail -1)
	eval "$line" >/dev/null
	head -c 50000 /dev/zero |
		timeout "$LIMIT" "$GYRE" pub "$key" --raw 1000 --no-close --wait 0 2>"$WORK/err"
	check "$kind: so many messages find room" test $? -eq 0
	check "... all of them" holds "$key" 50
	gyre rm "$key" >/dev/null
done

expect "without a key" 0 "" plan --message 100
shows "without a key" '^ring +spsc, messages of any size$' '^holds +35 messages of 100B, always$' \
	'^largest message +2K$' '^capacity +4K$' '^free in /dev/shm ' '^fits now +yes$' \
	'^gyre create KEY --capacity 4K$'
expect "a file key" 0 "" plan --message 100 "file:$WORK/it's here"
shows "a file key is quoted for the shell" '^free there ' \
	"^gyre create 'file:.*/it'\\\\''s here' --capacity 4K\$"
check "nothing is made" test ! -e "$WORK/it's here"
check "... in /dev/shm either" absent KEY

small_shm() { # ARGUMENT...: gyre where /dev/shm has 1 MiB
	unshare -m sh -c 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec timeout 20 "$@"' sh "$@" \
		>"$WORK/out" 2>"$WORK/err"
}
if small_shm true; then
	small_shm "$GYRE" plan --message 100K --count 100
	check "what does not fit has status 1" test $? -eq 1
	shows "what does not fit" '^free in /dev/shm +1M of 1M$' '^fits now +no$' '^gyre create KEY'
	check "... and what to change is said" grep -q -- "--shm-size" "$WORK/err"
	small_shm "$GYRE" plan --message 100 --count 100
	check "what fits there has status 0" test $? -eq 0
	check "... and is not complained about" test ! -s "$WORK/err"
else
	skip "what does not fit" "mounting is not allowed here"
fi

expect "more than any ring takes" 1 "at most 268435455" plan --message 1G
expect "more than any ring holds" 1 "no ring holds" plan --message 100M --count 1000000
expect "a message that the slot does not take" 1 "at most 64" plan --message 65 --slot 64
expect "cells that are not mpmc's" 1 "mpmc" plan --message 8 --cell 64
expect "a bad alignment" 1 "lign" plan --message 8 --align 24
expect "no directory" 3 "directory does not exist" plan --message 8 "file:$WORK/no/where"
expect "a bad key" 1 "slash inside" plan --message 8 posix:/a/b
expect "no size" 2 "--message" plan --count 5
expect "no messages" 2 "--count" plan --message 5 --count 0
expect "two keys" 2 "too many" plan --message 5 one two

if python3 -c '' 2>/dev/null; then
	expect "plan --json" 0 "" plan --json --slot 56 --count 100 "$key"
	cat >"$WORK/check.py" <<-'PYTHON'
		import json, sys
		document = json.load(open(sys.argv[1]))
		assert document["version"] == 1
		plan = document["plan"]
		assert plan["ring"] == "spsc" and plan["slot_bytes"] == plan["message_bytes"] == 56
		assert plan["messages"] == 127 and plan["capacity_bytes"] == 128 * 64
		assert plan["segment_bytes"] > plan["capacity_bytes"] and plan["align_bytes"] == 8
		assert plan["fits"] is True and plan["problem"] is None and plan["room"]["ram"] is True
		assert plan["create"] == f"gyre create {sys.argv[2]} --capacity 8K --slot 56"
	PYTHON
	check "... says what is so" python3 "$WORK/check.py" "$WORK/out" "$key"
else
	skip "plan --json" "no python3"
fi

plan
