#!/bin/bash
# Rings that several producers and consumers share: who closes them, who holds what, and repair.
. "$(dirname "$0")/tap.sh"

produced_by() {
	[ "$(cell "$1" PRODUCER)" = "$2" ]
}

# create.
key=${PREFIX}shape
expect "create --ring mpmc" 0 "" create "$key" --ring mpmc --cell 128 --deliveries 2 \
	--producers 3 --consumers 5 --capacity 64K
check "... says what was made" grep -q "made: mpmc, capacity 64K, messages up to 32K" "$WORK/out"
expect "info" 0 "" info "$key"
for word in "ring *mpmc" "cells *512 of 128 bytes" "seats *3 producers, 5 consumers" \
	"policy .* up to 2 times"; do
	check "... shows: $word" grep -Eq "$word" "$WORK/out"
done
expect "create of another cell" 1 "cell" create "$key" --ring mpmc --cell 64
expect "cells are mpmc's" 1 "mpmc" create "$key-2" --cell 64
expect "no such kind" 2 "there are: spsc, mpmc" create "$key-2" --ring mpsc
expect "no deliveries at all" 2 "from 1 on" create "$key-2" --ring mpmc --deliveries 0
gyre rm "$key" >/dev/null

# The last of several producers closes; each message comes to one consumer.
key=${PREFIX}several
gyre create "$key" --ring mpmc --capacity 64K >/dev/null
feed "$key" # it stays until its input ends
held=$PID
check "a producer is there" soon state_has "$key" '^live'
subs=()
for i in 1 2 3; do
	TO=$WORK/copy-$i SAID=$WORK/said-$i start sub "$key"
	subs+=("$PID")
done
seq 1 20000 >"$WORK/in-1"
seq 20001 40000 >"$WORK/in-2"
pubs=()
for i in 1 2; do
	FROM=$WORK/in-$i start pub "$key"
	pubs+=("$PID")
done
ends "a producer ends" "${pubs[0]}" 0
ends "... and another one" "${pubs[1]}" 0
check "... and the ring stays open for the third" soon holds "$key" 0
check "... indeed" state_has "$key" '^live$'
echo 40001 >&3
exec 3>&-
ends "the third one ends" "$held" 0
for i in 0 1 2; do
	ends "... which ends a consumer" "${subs[$i]}" 0
done
check "every message came to one of them" \
	cmp <(sort -n "$WORK"/copy-[123]) <(seq 40001)
for i in 1 2 3; do
	check "... in the order of each producer" sh -c \
		"awk '\$1 <= 20000' '$WORK/copy-$i' | sort -nc && \
		 awk '\$1 > 20000 && \$1 <= 40000' '$WORK/copy-$i' | sort -nc"
done
gyre rm "$key" >/dev/null

# Producers that leave at the same moment; the ring is pub's own, and goes.
key=${PREFIX}moment
bad=0
for round in $(seq 20); do
	gyre create "$key" --ring mpmc >/dev/null
	TO=$WORK/copy start sub "$key"
	sub=$PID
	feed "$key"
	first=$PID
	FROM=$WORK/feed start pub "$key"
	soon produced_by "$key" '2\x20of\x20them' || bad=$round
	echo "$round" >&3
	exec 3>&-
	ended "$first" && ended "$PID" && ended "$sub" && [ "$STATUS" -eq 0 ] || bad=$round
	gyre rm --force "$key" >/dev/null
done
check "of two that leave at once one closes (bad: $bad)" test "$bad" -eq 0

key=${PREFIX}own
seq 10 | gyre pub "$key" --ring mpmc --cell 32
check "pub makes such a ring" test "$(cell "$key" RING)" = mpmc
expect "... which is read" 0 "" sub "$key"
check "... whole" cmp "$WORK/out" <(seq 10)
check "... and goes" absent "$key"

# A consumer dies with messages in hand: its output is a pipe that nobody reads.
key=${PREFIX}hands
gyre create "$key" --ring mpmc --capacity 64K >/dev/null
mkfifo "$WORK/unread"
exec 4<>"$WORK/unread"
TO=$WORK/unread start sub "$key"
sub=$PID
head -c 200000 /dev/zero | tr '\0' 'x' | fold -w 99 >"$WORK/many"
FROM=$WORK/many start pub "$key" --wait 0.5
pub=$PID
ends "a full ring ends pub --wait" "$pub" 5
check "... which names who is in the way" grep -Eq "pid $sub \(gyre-sub, alive\) has [0-9]+ in hand" \
	"$WORK/said"
expect "info" 0 "" info "$key"
check "... shows what it has in hand" grep -Eq \
	"consumer +$sub +gyre-sub +alive .* [1-9][0-9]* +[0-9]+ +[0-9.]+ [a-z]+ +0 +0$" "$WORK/out"
expect "repair refuses the living" 1 "pid $sub .*it lives" repair "$key"
check "... and repairs nobody" grep -q "0 dead participants repaired" "$WORK/out"
kill -9 "$sub"
ended "$sub"
expect "repair of the dead" 0 "" repair "$key"
check "... says how many" grep -q "1 dead participant repaired" "$WORK/out"
expect "... which is done once" 4 "" repair "$key"
expect "info" 0 "" info "$key"
check "... counts what comes again" grep -Eq "deaths *[1-9][0-9]* given back, 0 messages dropped" \
	"$WORK/out"
waiting=$(cell "$key" MESSAGES)
check "what it held is there again" test "$waiting" -gt 0
expect "the next one gets it, and is told" 0 "may have written" sub --count "$waiting" "$key"
check "... all of it" lines_in "$WORK/out" "$waiting"
check "... and nothing waits" holds "$key" 0
exec 4>&-

expect "info --json" 0 "" info --json "$key"
if python3 -c '' 2>/dev/null; then
	cat >"$WORK/check.py" <<-'PYTHON'
		import json, sys
		ring = json.load(open(sys.argv[1]))["ring"]
		assert ring["ring"] == "mpmc" and ring["cell_bytes"] == 64
		assert ring["deliveries_max"] == 3 and ring["producers_max"] == 64
		totals = ring["totals"]
		assert totals["committed"] == totals["released"] + totals["dropped"] > 0
		assert totals["redelivered"] > 0 and totals["dropped"] == 0
		assert all(p["holds"] == 0 for p in ring["participants"])
		assert sum(p["counters"]["redelivered"] for p in ring["participants"]) == totals["redelivered"]
	PYTHON
	check "... balances the books" python3 "$WORK/check.py" "$WORK/out"
else
	skip "... balances the books" "no python3"
fi
gyre rm "$key" >/dev/null

# What died with a consumer is dropped, where the ring was made so.
key=${PREFIX}once
gyre create "$key" --ring mpmc --deliveries 1 --capacity 64K >/dev/null
exec 4<>"$WORK/unread"
TO=$WORK/unread start sub "$key"
sub=$PID
FROM=$WORK/many start pub "$key" --wait 0.5
ends "a full ring" "$PID" 5
kill -9 "$sub"
ended "$sub"
expect "repair" 0 "" repair "$key"
expect "info" 0 "" info "$key"
check "... counts what was dropped" grep -Eq "deaths *0 given back, [1-9][0-9]* messages dropped" \
	"$WORK/out"
exec 4>&-
gyre rm "$key" >/dev/null

# repair of other rings.
key=${PREFIX}spsc
gyre create "$key" >/dev/null
expect "repair of a ring that nobody died at" 4 "" repair "$key"
feed "$key"
pub=$PID
check "a producer is there" soon state_has "$key" '^live'
kill -9 "$pub"
ended "$pub"
exec 3>&-
expect "repair of a dead producer" 0 "" repair "$key"
check "... is counted" grep -q "1 dead participant repaired" "$WORK/out"
gyre rm "$key" >/dev/null
expect "repair of no ring" 3 "no such name" repair "$key"

plan
