#!/bin/bash
# Bad input at every door: what is said, with which exit status, and that nothing is left behind.
. "$(dirname "$0")/tap.sh"

key=${PREFIX}errors

# Usage: 2.
expect "no verb" 2 "Usage: gyre VERB"
expect "an unknown verb is told the nearest one" 2 "Did you mean: gyre sub" sbu
expect "... or where the list is" 2 "gyre help" frobnicate
expect "no key" 2 "KEY" pub
expect "two keys" 2 "too many" sub one two
expect "an unknown option" 2 "frob.*--help" ls --frob
expect "an option without its argument" 2 "argument.*--help" sub "$key" --count
for size in 12Q 0 -1 K 1.5M 64KB 99999999999999999999 99999999999G ''; do
	expect "a bad size: '$size'" 2 "64K.*--help" create "$key" --capacity="$size"
done
expect "a bad count" 2 "number" sub "$key" --count many
expect "a bad time" 2 "seconds" sub "$key" --wait soon
expect "a negative time" 2 "seconds" sub "$key" --wait=-1
expect "a bad mode" 2 "octal" create "$key" --mode 0777
expect "a bad kind of ring" 2 "spsc" create "$key" --ring round
expect "a bad wake" 2 "membarrier" create "$key" --wake loud
expect "a bad tag" 2 "2147483647" pub "$key" --tag 2147483648
expect "a bad user" 2 "user" pub "$key" --owner nobody-of-that-name
expect "a bad column" 2 "no column 'COLOUR'" ls -o KEY,COLOUR
expect "words and --raw" 2 "exclude" pub "$key" word --raw 1K

# Keys.
for bad in '' 'posix:' 'posix:/a/b' 'nosuchscheme:/a' 'a/b' "$(printf 'x%.0s' {1..300})"; do
	expect "a bad key: '${bad:0:20}'" 1 "gyre pub: ." pub "$bad" </dev/null
	expect "... for sub" 1 "gyre sub: ." sub "$bad" --wait 1
	expect "... for info" 1 "gyre info: ." info "$bad"
	expect "... for rm" 1 "gyre rm: ." rm "$bad"
done

# Not there: 3. Not there in time: 5.
expect "info of nothing" 3 "$key" info "$key"
expect "rm of nothing" 3 "$key" rm "$key"
expect "clean of nothing" 3 "$key" clean "$key"
expect "sub --wait bounds the wait for a ring" 5 "gyre pub $key" sub "$key" --wait 0.1
expect "sub --wait 0 does not wait" 5 "gyre pub $key" sub "$key" --wait 0
expect "a missing input file" 1 "No such file" pub "$key" --file "$WORK/missing"
check "... makes no ring" absent "$key"
expect "an output that cannot be made" 1 "No such file" sub "$key" --file "$WORK/no/where"
expect "an input that cannot be read" 1 "directory" pub "$key" --file "$WORK"
check "... leaves no ring" absent "$key"

# Sizes the ring cannot have, and messages that do not fit.
expect "more than any ring can have" 1 "capacity|possible" create "$key" --capacity 1048576G
check "... leaves nothing" absent "$key"
small_shm() { # ARGUMENT...: gyre where /dev/shm has 1 MiB; then says what is left there
	unshare -m sh -c 'mount -t tmpfs -o size=1m tmpfs /dev/shm && timeout 20 "$@"
		status=$?; ls /dev/shm; exit $status' sh "$@" >"$WORK/out" 2>"$WORK/err"
}
if small_shm true; then
	small_shm "$GYRE" create "$key" --capacity 16M
	check "a small /dev/shm: status 1" test $? -eq 1
	check "... says how much was asked" grep -Eq "16(\.[0-9])? ?Mi?B?" "$WORK/err"
	check "... and what to change" grep -q -- "--shm-size" "$WORK/err"
	check "... and leaves nothing" test ! -s "$WORK/out"
	small_shm "$GYRE" pub "$key" --capacity 16M word
	check "... and so does pub" test $? -eq 1 -a ! -s "$WORK/out"
else
	skip "a small /dev/shm" "mounting is not allowed here"
fi
expect "an alignment that is no power of two" 1 "lign" create "$key" --align 24
head -c 10000 /dev/zero | tr '\0' x >"$WORK/long"
expect "a line that is too long names the size it takes" 1 "10000 bytes.*--capacity 32K" \
	pub "$key" --capacity 4K --file "$WORK/long"
check "... and leaves no ring" absent "$key"
(echo short && cat "$WORK/long") >"$WORK/mixed"
expect "a too long line after others" 1 "--capacity 32K" \
	pub "$key" --capacity 4K --file "$WORK/mixed"
check "... leaves these" holds "$key" 1
gyre rm "$key" >/dev/null
echo >>"$WORK/mixed"
expect "... with its newline in sight" 1 "10000 bytes.*--capacity 32K" \
	pub "$key" --capacity 4K --file "$WORK/mixed"
check "... leaves these too" holds "$key" 1
gyre rm "$key" >/dev/null
head -c 10M /dev/zero >"$WORK/longer"
expect "a line of 10 MiB without newline" 1 "10485760 bytes.*--capacity 32M" \
	pub "$key" --file "$WORK/longer"
check "... leaves no ring" absent "$key"
expect "a piece that is too long" 1 "--capacity (128|256)K" \
	pub "$key" --capacity 64K --raw 64K --file "$WORK/long"
check "... leaves no ring" absent "$key"
expect "a line that does not fit the slots" 1 "--slot 10000" \
	pub "$key" --slot 64 --file "$WORK/long"
check "... leaves no ring" absent "$key"

# Another ring is there.
gyre create "$key" --capacity 64K >/dev/null
expect "create with another capacity" 1 "$key.*(64K|65536)" create "$key" --capacity 1M
expect "pub with another capacity" 1 "$key.*(64K|65536)" pub "$key" --capacity 1M
expect "pub with slots" 1 "$key" pub "$key" --slot 64
expect "create again is no error" 0 "" create "$key" --capacity 64K
check "... and says that it was there" grep -q "was there already" "$WORK/out"
seq 100000 >"$WORK/many"
expect "pub --wait bounds the wait for room" 5 "no room.*64K.*no consumer.*gyre sub $key" \
	pub "$key" --wait 0.2 --file "$WORK/many"

# Seats.
feed "$key"
pub=$PID
check "a producer is there" soon state_has "$key" '^live'
expect "a second producer is refused, with the first one's id" 1 "$pub" pub "$key" word
kill -9 "$pub"
ended "$pub"
exec 3>&-
expect "rm takes it all away" 0 "" rm "$key"

# Closed and not yet read.
seq 3 | gyre pub "$key"
expect "a closed ring takes no more" 1 "closed.*gyre sub $key" pub "$key" word
expect "... and keeps what it has" 0 "" sub "$key"
check "... to the last" cmp "$WORK/out" <(seq 3)

# What stands under the name is no ring.
odd() { # WHAT
	expect "$1: info" 1 "$key" info "$key"
	expect "$1: sub" 1 "$key" sub "$key" --wait 5
	expect "$1: pub" 1 "$key" pub "$key" word
	expect "$1: rm does not remove it" 1 "$key" rm "$key"
	expect "$1: clean --force does not either" 1 "$key" clean --force "$key"
	check "$1: it is still there" test -e "/dev/shm/$key" -o -L "/dev/shm/$key"
	expect "$1: ls does not mind" 0 - ls
	rm -rf "/dev/shm/${key:?}"
}
umask 077
: >"/dev/shm/$key"
odd "an empty file"
echo hello >"/dev/shm/$key"
odd "a short text"
head -c 1M /dev/urandom >"/dev/shm/$key"
odd "random bytes"
head -c 1M /dev/zero >"/dev/shm/$key"
odd "zeros"
mkfifo "/dev/shm/$key"
odd "a FIFO"
mkdir "/dev/shm/$key"
odd "a directory"
ln -s /etc/passwd "/dev/shm/$key"
odd "a symbolic link"

# A ring of ours that is damaged: it is said, nothing crashes, and it can be removed.
damaged() { # WHAT
	expect "$1: ls" 0 - ls
	gyre info "$key" >"$WORK/out" 2>"$WORK/err"
	check "$1: info does not crash" test $? -le 1
	gyre sub "$key" --wait 1 --no-follow >"$WORK/out" 2>"$WORK/err"
	check "$1: sub does not crash" test $? -le 6
	rm -f "/dev/shm/$key"
}
seq 1000 | gyre pub "$key" --no-close
truncate -s 4096 "/dev/shm/$key"
damaged "a truncated ring"
seq 1000 | gyre pub "$key" --no-close
head -c 512 /dev/urandom | dd of="/dev/shm/$key" bs=1 seek=64 conv=notrunc status=none
damaged "a scribbled header"
seq 1000 | gyre pub "$key" --no-close
size=$(stat -c %s "/dev/shm/$key")
head -c $((size - 4096)) /dev/urandom |
	dd of="/dev/shm/$key" bs=4096 seek=1 conv=notrunc status=none
damaged "a ring of random bytes behind its header"

# Output that cannot be written.
gyre ls --json >/dev/full 2>"$WORK/err"
check "a full disk is an error of ls" test $? -eq 1
check "... and said" grep -q "No space left" "$WORK/err"
gyre sub "$key" --wait 0 >&- 2>/dev/null
check "a closed standard output does no harm" test $? -eq 5

# As nobody: permission, and what others' rings look like.
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups env LD_LIBRARY_PATH="$WORK/bin" \
		timeout -s KILL "$LIMIT" "$WORK/bin/gyre" "$@"
}
nobody() { # WHAT STATUS PATTERN ARGUMENT...
	local what=$1 status=$2 pattern=$3 found
	shift 3
	as_nobody "$@" >"$WORK/out" 2>"$WORK/err"
	found=$?
	check "$what (status $found)" test "$found" -eq "$status"
	check "... and says: $pattern" grep -Eq -- "$pattern" "$WORK/out" "$WORK/err"
}
mkdir -m 755 "$WORK/bin"
chmod 755 "$WORK"
cp "$GYRE" "$WORK/bin/gyre"
ldd "$GYRE" | sed -n 's/.*libgyre[^ ]* => \([^ ]*\) .*/\1/p' | xargs -r cp -L -t "$WORK/bin"
chmod 755 "$WORK"/bin/*
if [ "$(id -u)" -ne 0 ] || ! as_nobody --version >/dev/null 2>&1; then
	skip "as nobody" "needs root, setpriv(1), and a directory that nobody may enter"
else
	gyre create "$key" >/dev/null
	seq 3 | gyre pub "$key" --no-close
	nobody "pub into another's ring" 1 "ermission|owner|mode" pub "$key" word
	nobody "sub of another's ring" 1 "ermission|owner|mode" sub "$key" --wait 5
	nobody "info of another's ring" 1 "ermission|owner|mode" info "$key"
	nobody "rm of another's ring" 1 "ermission|owner|permitted" rm "$key"
	nobody "ls counts what is hidden" 0 "hidden by permission" ls
	check "the ring is as it was" holds "$key" 3
	gyre rm "$key" >/dev/null
	as_nobody create "$key" --mode 0666 >/dev/null
	expect "another's ring is refused" 1 "owner|uid|nobody" sub "$key" --wait 5
	expect "... unless its owner and mode are named" 0 "" \
		pub "$key" word --owner 65534 --mode 0666
	as_nobody sub "$key" --mode 0666 >"$WORK/out"
	check "... and both sides may be different users" cmp "$WORK/out" <(echo word)
	rm -f "/dev/shm/$key"
fi

plan
