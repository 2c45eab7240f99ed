# shellcheck shell=bash
# Test Anything Protocol for the tests of the command, and what they share. To be sourced, with the
# path of the command as the first argument. Every wait is bounded; nothing sleeps in the hope that
# something has happened meanwhile.

set -u
GYRE=$(realpath "${1:?usage: $0 PATH_OF_GYRE}")
PREFIX=gyretest-$$-
WORK=$(mktemp -d)
LIMIT=30 # seconds for any one command
STARTED=()
number=0
failures=0

# Ends what this test started, by its id, and takes its rings away. A child that a signal hits
# before it has become gyre comes here too: not its business.
finish() {
	local pid file
	[ "$BASHPID" = "$$" ] || return
	for pid in "${STARTED[@]}"; do
		kill -9 "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	for file in /dev/shm/"$PREFIX"*; do
		rm -f "$file"
	done
	rm -rf "$WORK"
}
trap finish EXIT
trap 'exit 1' INT TERM

pass() {
	number=$((number + 1))
	echo "ok $number - $1"
}

fail() {
	number=$((number + 1))
	failures=$((failures + 1))
	echo "not ok $number - $1"
	shift
	printf '%s\n' "$@" | sed 's/^/# /'
}

skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

plan() {
	echo "1..$number"
	exit $((failures > 0))
}

# check WHAT COMMAND...: the command succeeds.
check() {
	local what=$1
	shift
	if "$@" >"$WORK/check" 2>&1; then
		pass "$what"
	else
		fail "$what" "failed: $*" "$(head -c 2000 "$WORK/check")"
	fi
}

# gyre ARGUMENT...: the command, never for longer than the limit.
gyre() {
	timeout -s KILL "$LIMIT" "$GYRE" "$@"
}

# expect WHAT STATUS PATTERN ARGUMENT...: gyre ends with that status, and what it says on standard
# error matches (a grep -E pattern; "": it says nothing; "-": whatever). Its output is in $WORK/out.
expect() {
	local what=$1 status=$2 pattern=$3 found
	shift 3
	gyre "$@" >"$WORK/out" 2>"$WORK/err"
	found=$?
	if [ "$found" -ne "$status" ]; then
		fail "$what" "status $found, not $status: gyre $*" "$(cat "$WORK/err")"
	elif [ -z "$pattern" ] && [ -s "$WORK/err" ]; then
		fail "$what" "unexpected: $(cat "$WORK/err")"
	elif [ "${pattern:--}" != - ] && ! tr '\n' ' ' <"$WORK/err" | grep -Eq -- "$pattern"; then
		fail "$what" "no match for: $pattern" "in: $(cat "$WORK/err")"
	else
		pass "$what"
	fi
}

# soon COMMAND...: the command succeeds at last; asked again and again, up to the limit.
soon() {
	local end=$((SECONDS + LIMIT))
	until "$@" 2>/dev/null; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.01
	done
}

# [FROM=FILE] [TO=FILE] [SAID=FILE] start ARGUMENT...: gyre in the background, its id in $PID. The
# redirections are the child's, so that a FIFO does not block the test.
start() {
	"$GYRE" "$@" <"${FROM:-/dev/null}" >"${TO:-$WORK/to}" 2>"${SAID:-$WORK/said}" 3>&- 4<&- &
	PID=$!
	STARTED+=("$PID")
}

# stream COMMAND...: its output is to be had from the FIFO $WORK/stream.
stream() {
	rm -f "$WORK/stream"
	mkfifo "$WORK/stream"
	"$@" >"$WORK/stream" 2>/dev/null &
	STARTED+=("$!")
}

gone() {
	! kill -0 "$1"
}

# feed KEY [OPTION...]: a pub whose input stays open as descriptor 3; its id is in $PID.
feed() {
	rm -f "$WORK/feed"
	mkfifo "$WORK/feed"
	FROM=$WORK/feed start pub "$@"
	exec 3>"$WORK/feed"
}

is_gyre() {
	[ "$(cat "/proc/$1/comm")" = gyre ]
}

# ended PID: its exit status is in $STATUS; false if it does not end in time.
ended() {
	soon gone "$1" || return 1
	wait "$1" 2>/dev/null
	STATUS=$?
}

# ends WHAT PID STATUS
ends() {
	if ! ended "$2"; then
		fail "$1" "still running after $LIMIT s"
	elif [ "$STATUS" -ne "$3" ]; then
		fail "$1" "status $STATUS, not $3"
	else
		pass "$1"
	fi
}

# cell KEY COLUMN: one cell of gyre ls.
cell() {
	gyre ls -b -n -r -o "KEY,$2" | sed -n "s|^posix:/$1 ||p"
}

holds() {
	[ "$(cell "$1" MESSAGES)" = "$2" ]
}

state_has() {
	cell "$1" STATE | grep -q "$2"
}

absent() {
	[ ! -e "/dev/shm/$1" ]
}

lines_in() {
	[ "$(wc -l <"$1")" -ge "$2" ]
}
