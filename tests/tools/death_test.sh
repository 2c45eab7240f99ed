#!/bin/bash
# Kills, signals, closed pipes, removed names: who is told what, and what is kept.
. "$(dirname "$0")/tap.sh"

# A producer dies with messages in the ring; nobody was listening.
key=${PREFIX}dead
feed "$key"
pub=$PID
seq 1000 >&3
check "what pub read is in the ring" soon holds "$key" 1000
check "ls shows the producer" test "$(cell "$key" PRODUCER)" = "$pub"
check "ls says live" state_has "$key" '^live'
kill -9 "$pub"
ended "$pub"
exec 3>&-
check "ls says that the producer died" soon state_has "$key" 'producer.*died'
check "its messages are still there" holds "$key" 1000
expect "clean leaves them" 4 "" clean "$key"
check "... and says why" grep -q "1000.*gyre sub $key" "$WORK/out"
expect "sub --no-follow takes them and says that the producer died" 6 "died" \
	sub --no-follow "$key"
check "... whole" cmp "$WORK/out" <(seq 1000)
check "the ring stays for a successor" holds "$key" 0

TO=$WORK/copy SAID=$WORK/said start sub "$key"
sub=$PID
seq 1001 2000 | gyre pub "$key"
ends "a successor of both sides goes on" "$sub" 0
check "... where the dead one stopped" cmp "$WORK/copy" <(seq 1001 2000)
check "... and the ring is gone" absent "$key"

# A producer dies in mid-stream, the consumer is there, a successor takes over.
key=${PREFIX}midstream
TO=$WORK/copy SAID=$WORK/said start sub "$key"
sub=$PID
stream seq 100000000
FROM=$WORK/stream SAID=$WORK/pub-said start pub "$key"
pub=$PID
check "the stream runs" soon lines_in "$WORK/copy" 10000
kill -9 "$pub"
ended "$pub"
check "sub says that the producer died" soon grep -q "died" "$WORK/said"
check "ls says so" soon state_has "$key" 'producer.*died'
printf 'the end\n' | gyre pub "$key"
ends "sub ends with the successor's close" "$sub" 0
check "... and said that a successor went on" grep -q "successor goes on" "$WORK/said"
count=$(($(wc -l <"$WORK/copy") - 1))
check "nothing is lost, doubled or torn ($count lines)" \
	cmp "$WORK/copy" <(seq "$count" && echo "the end")

# A consumer dies; what it had not written comes to the next.
key=${PREFIX}consumer
gyre create "$key" >/dev/null
TO=$WORK/copy SAID=$WORK/said start sub "$key"
sub=$PID
seq 100 | gyre pub --no-close "$key"
check "the consumer takes them" soon lines_in "$WORK/copy" 100
kill -9 "$sub"
ended "$sub"
check "ls says that the consumer died" soon state_has "$key" 'consumer.*died'
seq 101 200 | gyre pub "$key"
expect "the next consumer goes on" 0 "" sub "$key"
check "... where it stopped" cmp "$WORK/out" <(seq 101 200)

# --no-close, and the wait for a successor.
key=${PREFIX}left
seq 5 | gyre pub --no-close "$key"
expect "a producer that left is told" 6 "left without closing" sub --no-follow "$key"
check "... after its messages" cmp "$WORK/out" <(seq 5)
TO=$WORK/copy SAID=$WORK/said start sub "$key"
sub=$PID
seq 6 7 | gyre pub --no-close "$key"
check "messages of a second one come" soon lines_in "$WORK/copy" 2
check "its leaving is told" soon grep -q "left without closing" "$WORK/said"
seq 8 9 | gyre pub "$key"
ends "the third one closes" "$sub" 0
check "all came" cmp "$WORK/copy" <(seq 6 9)

# Signals. A shell starts what is in the background with SIGINT ignored, hence env(1).
REAL=$GYRE
GYRE=$WORK/interruptible
printf '#!/bin/sh\nexec env --default-signal=INT "%s" "$@"\n' "$REAL" >"$GYRE"
chmod 755 "$GYRE"
signal() { # NAME STATUS
	local key=${PREFIX}signal-$1 status=$2 pub
	feed "$key"
	pub=$PID
	printf 'one\ntw' >&3
	check "a line is sent" soon holds "$key" 1
	kill -s "$1" "$pub"
	ends "SIG$1 ends pub" "$pub" "$status"
	exec 3>&-
	expect "... which does not close the ring" 6 "left" sub --no-follow "$key"
	check "... and has sent what it had read" cmp "$WORK/out" <(printf 'one\ntw')
	gyre rm "$key" >/dev/null
}
signal INT 130
signal TERM 143
signal HUP 129

key=${PREFIX}full
gyre create "$key" --capacity 4K >/dev/null
seq 100000 >"$WORK/many"
FROM=$WORK/many start pub "$key"
pub=$PID
check "a full ring blocks pub" soon state_has "$key" '^live'
kill -INT "$pub"
ends "SIGINT ends a blocked pub" "$pub" 130
check "... which says what was not sent" grep -q "no room" "$WORK/said"
GYRE=$REAL

key=${PREFIX}sub-signal
gyre create "$key" >/dev/null
TO=$WORK/copy start sub "$key"
sub=$PID
seq 10 | gyre pub --no-close "$key"
check "sub writes" soon lines_in "$WORK/copy" 10
kill -TERM "$sub"
ends "SIGTERM ends sub" "$sub" 143
check "... in good order" state_has "$key" '^idle$'

start sub "${PREFIX}nowhere"
sub=$PID
soon is_gyre "$sub"
kill -TERM "$sub"
ends "SIGTERM ends the wait for a ring" "$sub" 143

# A reader that has had enough.
key=${PREFIX}head
seq 100000 | gyre pub "$key" --capacity 4M
gyre sub "$key" 2>"$WORK/said" | head -1 >"$WORK/copy"
check "a closed pipe ends sub as SIGPIPE would" test "${PIPESTATUS[0]}" -eq 141
check "... without a word" test ! -s "$WORK/said"
gyre sub "$key" | tail -1 >"$WORK/copy"
check "... and the rest is there" cmp "$WORK/copy" <(echo 100000)

key=${PREFIX}full-disk
seq 10 | gyre pub "$key"
expect "a full disk is an error" 1 "No space left" sub "$key" --file /dev/full
expect "... and loses nothing" 0 "" sub "$key"
check "... of it" cmp "$WORK/out" <(seq 10)

# The name goes while both sides are at work; sub then follows the next ring of that name.
key=${PREFIX}removed
feed "$key"
pub=$PID
TO=$WORK/copy SAID=$WORK/said start sub "$key"
sub=$PID
echo one >&3
check "a stream runs" soon lines_in "$WORK/copy" 1
expect "rm refuses a ring in use" 1 "in use.*--force" rm "$key"
expect "rm --force removes it" 0 "" rm --force "$key"
echo two >&3
check "the stream goes on without a name" soon lines_in "$WORK/copy" 2
kill -9 "$pub"
ended "$pub"
exec 3>&-
check "sub says that the producer died" soon grep -q "died" "$WORK/said"
echo three | gyre pub "$key"
ends "... and follows the next ring of that name" "$sub" 0
check "... whole" cmp "$WORK/copy" <(printf 'one\ntwo\nthree\n')

# Streams of one key that follow each other faster than they are read.
key=${PREFIX}loop
(for round in $(seq 20); do seq 1000 | gyre pub "$key" || echo "failed"; done) >"$WORK/pubs" &
STARTED+=("$!")
for round in $(seq 20); do
	gyre sub "$key" || echo "failed"
done >"$WORK/copy"
wait "$!"
check "a loop of pubs beside a loop of subs" cmp "$WORK/copy" \
	<(for round in $(seq 20); do seq 1000; done)
check "... none of which fails" test ! -s "$WORK/pubs"

# Both sides at once, again and again.
key=${PREFIX}churn
bad=0
for round in $(seq 50); do
	TO=$WORK/copy start sub "$key"
	sub=$PID
	seq "$round" | gyre pub "$key" || bad=$round
	ended "$sub" && [ "$STATUS" -eq 0 ] && cmp -s "$WORK/copy" <(seq "$round") || bad=$round
done
check "fifty rings of one name, one after the other (bad: $bad)" test "$bad" -eq 0

plan
