#!/bin/bash
# The verbs that look after rings: create, ls, info, rm, clean, help.
. "$(dirname "$0")/tap.sh"

key=${PREFIX}rings

expect "--version" 0 "" --version
check "... is one line" grep -Eq '^gyre [0-9]+\.[0-9]+\.[0-9]+$' "$WORK/out"
expect "help" 0 "" help
for verb in pub sub create rm ls info clean repair plan doctor key; do
	expect "help $verb" 0 "" help "$verb"
	check "... fits a screen of 24 by 80" \
		awk 'length > 80 { bad = 1 } END { exit bad || NR > 24 }' "$WORK/out"
	check "... and has examples and statuses" \
		awk '/^Examples:/ { e = 1 } /^Exit status:/ { s = 1 } END { exit !(e && s) }' "$WORK/out"
	mv "$WORK/out" "$WORK/help"
	expect "$verb --help" 0 "" "$verb" --help
	check "... says the same" cmp "$WORK/out" "$WORK/help"
done

mkdir "$WORK/path"
printf '#!/bin/sh\necho "hello $1"\nexit 7\n' >"$WORK/path/gyre-greet"
chmod 755 "$WORK/path/gyre-greet"
PATH=$WORK/path:$PATH expect "an unknown verb runs a program of that name" 7 "" greet you
check "... with its operands" grep -q '^hello you$' "$WORK/out"

# create, and a ring that stays.
expect "create" 0 "" create "$key" --capacity 100K
check "... says what was made" grep -q "made: spsc, capacity 128K" "$WORK/out"
expect "create again" 0 "" create "$key" --capacity 100K
check "... says that it was there" grep -q "was there already" "$WORK/out"
check "a new ring is idle" state_has "$key" '^idle$'
seq 10 | gyre pub "$key"
check "closed with messages" state_has "$key" '^closed'
expect "it can be read" 0 "" sub "$key"
check "a ring that create made stays" test -e "/dev/shm/$key"
expect "clean leaves it" 4 "" clean "$key"
check "... and says why" grep -q "made to stay" "$WORK/out"
TO=$WORK/copy start sub "$key"
sub=$PID
seq 10 | gyre pub "$key"
ends "it is used again" "$sub" 0
check "... for another stream" cmp "$WORK/copy" <(seq 10)
check "... in its own size" test "$(cell "$key" CAPACITY)" = 131072
check "... and still stays" test -e "/dev/shm/$key"
expect "rm takes it away" 0 "" rm "$key"
check "... indeed" absent "$key"

expect "mode" 0 "" create "$key" --mode 0640
check "... is what was asked" test "$(stat -c %a "/dev/shm/$key")" = 640
expect "... and info shows it without being told" 0 "" info "$key"
expect "... and rm removes it" 0 "" rm "$key"
(umask 0; gyre create "$key" >/dev/null)
check "the default mode is 0600 whatever the umask" test "$(stat -c %a "/dev/shm/$key")" = 600
gyre rm "$key" >/dev/null

# ls.
gyre create "$key" --capacity 64K >/dev/null
seq 100 | gyre pub "$key" --no-close
expect "ls" 0 - ls
check "... has a line of headings" sh -c "head -1 '$WORK/out' | grep -q '^KEY .*STATE'"
check "... shows the ring" grep -Eq "^posix:/$key +posix +spsc .* 100 +- +- idle" "$WORK/out"
expect "ls -n" 0 - ls -n
check "... has none" sh -c "! grep -q STATE '$WORK/out'"
expect "ls -o" 0 - ls -n -r -o state,Name,MESSAGES
check "... shows these columns in this order" grep -qx "idle $key 100" "$WORK/out"
expect "ls -b" 0 - ls -b -n -r -o KEY,CAPACITY
check "... shows bytes" grep -qx "posix:/$key 65536" "$WORK/out"
expect "ls --json" 0 - ls --json
mv "$WORK/out" "$WORK/ls.json"
expect "info --json" 0 "" info --json "$key"
mv "$WORK/out" "$WORK/info.json"
if python3 -c '' 2>/dev/null; then
	check "ls --json is JSON" python3 -m json.tool "$WORK/ls.json"
	check "info --json is JSON" python3 -m json.tool "$WORK/info.json"
	cat >"$WORK/check.py" <<-'PYTHON'
		import json, sys
		ls, info, key = json.load(open(sys.argv[1])), json.load(open(sys.argv[2])), sys.argv[3]
		assert ls["version"] == 1 and info["version"] == 1 and ls["hidden"] >= 0
		ring, = [r for r in ls["rings"] if r["key"] == "posix:/" + key]
		assert ring == info["ring"]
		assert ring["messages"] == 100 and ring["state"] == "idle" and ring["keep"] is True
		assert ring["capacity_bytes"] == 65536 and ring["problem"] is None
		seat, = ring["participants"]
		assert seat["role"] == "producer" and seat["liveness"] == "left"
		assert seat["counters"]["messages"] == 100 and seat["name"] == "gyre-pub"
	PYTHON
	check "... and says what is so" python3 "$WORK/check.py" "$WORK/ls.json" "$WORK/info.json" "$key"
else
	skip "--json is JSON" "no python3"
fi

# info.
expect "info" 0 "" info "$key"
for word in "key *posix:/$key" "state *idle" "waiting *100 messages" "producer .*gyre-pub *left"; do
	check "... shows: $word" grep -Eq "$word" "$WORK/out"
done

# clean.
expect "clean --dry-run --force" 0 "" clean --dry-run --force "$key"
check "... says what it would do" grep -Eq "would remove +posix:/$key" "$WORK/out"
check "... and does nothing" holds "$key" 100
expect "clean without --force" 4 "" clean "$key"
check "... keeps messages and says how many" grep -Eq "keep +posix:/$key +[^ ]+ +100 " "$WORK/out"
feed "$key"
pub=$PID
check "a producer is there" soon state_has "$key" '^live'
expect "clean --force does not touch a ring in use" 4 "" clean --force "$key"
check "... and says so" grep -Eq "keep +posix:/$key .*attached" "$WORK/out"
kill -9 "$pub"
ended "$pub"
exec 3>&-
soon state_has "$key" died
expect "clean --force removes it once left" 0 "" clean --force "$key"
check "... indeed" absent "$key"

# All of this machine; without --force nothing else than ours is at stake.
gyre create "$key" >/dev/null
expect "clean without keys looks at all" 0 - clean --dry-run --force
check "... of this machine" grep -q "posix:/$key" "$WORK/out"
gyre rm "$key" >/dev/null

gyre create "$key-a" >/dev/null
gyre create "$key-b" >/dev/null
expect "rm of several, of which one is not there" 3 "$key-c" rm "$key-a" "$key-c" "$key-b"
check "... removes the others" sh -c "test ! -e /dev/shm/$key-a && test ! -e /dev/shm/$key-b"

plan
