#!/usr/bin/env bash
# Runs the models of this directory in Spin, and checks that each says what it is expected to say:
# the protocol passes, and every fault that was put in on purpose is found.
#
#   run.sh quick [PATTERN]   complete searches of the small configurations, and all controls
#   run.sh full [PATTERN]    those, and the larger ones (complete, or bitstate and bounded in time)
#
# One line for each: name, expected, got, states, seconds. PATTERN: only names that match it.
# Exit status: 0 as expected, 1 not, 2 cannot run. One search at a time, at most 6 GiB.
set -u
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd) || exit 2
what=${1:-quick}
pattern=${2:-.}
case $what in
quick | full) ;;
*)
	echo "usage: run.sh quick|full [PATTERN]" >&2
	exit 2
	;;
esac
for tool in spin gcc timeout; do
	if ! command -v "$tool" >/dev/null; then
		echo "run.sh: '$tool' is needed (Debian: spin, gcc, coreutils)" >&2
		exit 2
	fi
done

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' INT TERM

wrong=0
total=0

# check NAME EXPECTED HOW MODEL [-D...]
#   EXPECTED  pass, or fail (an assertion must be violated)
#   HOW       small: built fast      large: built to run fast      both search completely
#             bits: bitstate, the given number of minutes at most: bits:MINUTES
check()
{
	local name=$1 expected=$2 how=$3 model=$4
	shift 4
	local opt run got states start end dir=$work/run

	[[ $name =~ $pattern ]] || return 0
	rm -rf "$dir" && mkdir "$dir" && cd "$dir" || exit 2
	run=(./pan -m400000)
	case $how in
	small) opt=(-O0 -DCOLLAPSE -DMEMLIM=5500) ;;
	large) opt=(-O1 -DCOLLAPSE -DMEMLIM=5500) && run+=(-w26) ;;
	bits:*)
		opt=(-O1 -DBITSTATE)
		run=(timeout -s INT "$((${how#bits:} * 60))" ./pan -m400000 -k3 -w34)
		;;
	esac
	start=$EPOCHREALTIME
	if ! spin -a "$@" "$here/$model.pml" >spin.out 2>&1 || grep -q Error spin.out ||
		! gcc -w -DSAFETY "${opt[@]}" -o pan pan.c >gcc.out 2>&1; then
		cat spin.out gcc.out >&2 2>/dev/null
		echo "run.sh: $name: does not build" >&2
		exit 2
	fi
	"${run[@]}" >pan.out 2>&1
	end=$EPOCHREALTIME
	states=$(awk '/states, stored/ { print $1; exit }' pan.out)

	if grep -q 'assertion violated' pan.out; then
		got=fail
	elif ! grep -q 'errors: 0' pan.out || grep -q 'search depth too small' pan.out; then
		got=error
	elif grep -q 'MEMLIM\|out of memory\|Search not completed' pan.out; then
		got=partial
	else
		got=pass
	fi
	# What bitstate did not find in its time it did not find.
	[[ $how == bits:* && $got == partial ]] && got=pass
	[[ $how == bits:* ]] && states="~$states"

	total=$((total + 1))
	if [ "$got" = "$expected" ]; then
		got="ok, $got"
	else
		wrong=$((wrong + 1))
		got="WRONG, $got"
	fi
	printf '%-34s expected %-4s  got %-13s %12s states %7.1f s\n' \
		"$name" "$expected" "$got" "${states:-?}" "$(awk "BEGIN { print $end - $start }")"
	if [[ $got == WRONG* ]]; then
		grep -m3 'violated\|too small\|MEMLIM\|memory\|rror' pan.out
	fi
}

larger()
{
	[ "$what" = full ] && check "$@"
}

begin=$SECONDS

# --- the wakeup -----------------------------------------------------------------------------------
check wakeup-fence pass small wakeup -DFENCE -DMSGS=1
check wakeup-membarrier pass small wakeup -DMEMBARRIER -DMSGS=1
check wakeup-deaths pass large wakeup -DMEMBARRIER -DCRASH -DPCRASH -DSLICE -DMSGS=1
check wakeup-baton pass small wakeup -DFENCE -DONESHOT -DBATCH=2 -DNC=3 -DNP=1
check wakeup-leaving pass small wakeup -DFENCE -DONESHOT -DMSGS=1
check wakeup-giving-up pass small wakeup -DFENCE -DGIVEUP -DMSGS=1

check wakeup-no-fence fail small wakeup
check wakeup-word-not-changed fail small wakeup -DFENCE -DNOBUMP
check wakeup-waker-changes-nothing fail small wakeup -DFENCE -DONESHOT -DMSGS=1 -DSTILLWAKER
check wakeup-cleared-though-changed fail small wakeup -DFENCE -DCLEARCHANGED
check wakeup-cleared-always fail small wakeup -DFENCE -DCLEARALWAYS
check wakeup-flag-after-look fail small wakeup -DFENCE -DLATEFLAG
check wakeup-word-not-compared fail small wakeup -DFENCE -DNOWAITCHECK
check wakeup-death-no-slices fail small wakeup -DFENCE -DCRASH -DMSGS=1
check wakeup-producer-dies-no-slices fail small wakeup -DFENCE -DPCRASH
check wakeup-no-baton fail small wakeup -DFENCE -DONESHOT -DBATCH=2 -DNP=1 -DNOBATON
check wakeup-gives-up-blind fail small wakeup -DFENCE -DGIVEUP -DGIVEUP_BLIND

larger wakeup-fence-2 pass large wakeup -DFENCE
larger wakeup-membarrier-2 pass large wakeup -DMEMBARRIER
larger wakeup-deaths-fence pass large wakeup -DFENCE -DCRASH -DPCRASH -DSLICE -DMSGS=1
larger wakeup-deaths-2 pass large wakeup -DFENCE -DCRASH -DPCRASH -DSLICE
larger wakeup-baton-2 pass large wakeup -DFENCE -DONESHOT -DBATCH=2 -DNC=3
larger wakeup-giving-up-2 pass large wakeup -DFENCE -DGIVEUP

# --- waiting for room -----------------------------------------------------------------------------
check room pass small room -DNEED3 -DUNITS=3
check room-deaths pass small room -DUNITS=1 -DCRASH -DSLICE
check room-any-order pass small room -DNEED3 -DUNITS=3 -DANYORDER -DSLICE

check room-swallowed fail small room -DNEED3 -DUNITS=4 -DNOPASS
check room-for-ever fail small room -DNEED3 -DUNITS=3 -DPASSALWAYS -DCOUNT
check room-any-order-no-slices fail small room -DNEED3 -DUNITS=4 -DANYORDER
check room-death-no-slices fail small room -DUNITS=1 -DCRASH

larger room-bounded pass large room -DNEED3 -DUNITS=3 -DCOUNT
larger room-deaths-2 pass large room -DNEED3 -DUNITS=3 -DCRASH -DSLICE
larger room-two-releasers pass large room -DNEED3 -DUNITS=2 -DRELEASERS=2

# --- the mpmc ring --------------------------------------------------------------------------------
# Two producers (spans 1 and 2), consumers 2 (mortal) and 3 (not), four cells, across the end.
two="-DMORTAL=7"
# A dead consumer held two messages; one of the two survivors takes one message and goes.
hold="-DNP=1 -DNC=3 -DMSGS=3 -DSPANS=111 -DMORTAL=2 -DHOLD=1 -DTAKES=10"
# Producer 0 has one message; producer 1 goes round the ring meanwhile.
lap="-DMSGS=3 -DSPANS=122001 -DNC=1"
# One producer, one consumer, three times round; laps are counted modulo 2.
wrap="-DNP=1 -DNC=1 -DMSGS=8 -DSPANS=11221122 -DLAPM=2 -DSTART=4"
# The same over eight cells, with filler of two cells.
wrap2="-DN=8 -DNP=1 -DNC=1 -DMSGS=6 -DSPANS=113333 -DLAPM=2 -DSTART=8"
check mpmc-one-death pass small mpmc $two -DLEDGER
check mpmc-two-deaths pass large mpmc $two -DLEDGER -DKILLS=2
check mpmc-drop pass small mpmc $two -DLEDGER -DDROP
check mpmc-limit pass small mpmc $two -DKILLS=3 -DLIMIT=2
check mpmc-close pass large mpmc $two -DCLOSE=1
check mpmc-close-full pass small mpmc -DMSGS=2 -DSPANS=2200 -DCLOSE=1 -DNC=1
check mpmc-step-over pass small mpmc $two -DSTEPOVER=3
check mpmc-two-redelivered pass small mpmc $hold -DPREFILL=3
check mpmc-next-consumer pass small mpmc -DNP=1 -DMSGS=2 -DSPANS=11 -DLATE=4 -DMORTAL=3 -DKILLS=2 \
	-DLEDGER
check mpmc-next-producer pass small mpmc -DNP=3 -DNC=1 -DSPANS=121 -DLATE=4 -DMORTAL=3 -DLEDGER
check mpmc-stale pass small mpmc $lap
check mpmc-discards pass small mpmc -DMSGS=3 -DSPANS=777001 -DNC=1 -DTAKES=1
check mpmc-one-producer pass small mpmc -DSP -DMSGS=2 -DSPANS=2121 -DNC=1 -DLATE=2 -DMORTAL=3 -DLEDGER
check mpmc-one-consumer pass small mpmc -DSC -DNP=1 -DMSGS=2 -DSPANS=11 -DLATE=4 -DMORTAL=2 -DLEDGER
check mpmc-lap-wrap pass small mpmc $wrap -DSTAMP=1
check mpmc-lap-wrap-filler pass small mpmc $wrap2 -DSTAMP=1

check mpmc-claim-without-owner fail small mpmc -DMORTAL=3 -DNO_OWNER
check mpmc-repair-by-timeout fail small mpmc -DTIMEOUT_REPAIR
check mpmc-no-reclaim-check fail small mpmc $lap -DNO_RECLAIM_CHECK
check mpmc-reclaimed-read-first fail small mpmc $lap -DRECLAIM_FIRST
check mpmc-laps-by-order fail small mpmc $wrap -DSTAMP=1 -DLAP_ORDER
check mpmc-no-stamps fail small mpmc $wrap
check mpmc-filler-not-stamped fail small mpmc $wrap2 -DSTAMP=1 -DFILLER_WHOLE
check mpmc-filler-taken fail small mpmc -DMSGS=3 -DSPANS=777001 -DNC=1 -DTAKES=1 -DFILLER_TAKEN
check mpmc-redo-if-found fail small mpmc $two -DKILLS=2 -DREDO_IF_FOUND
check mpmc-redo-after-walk fail small mpmc -DMORTAL=4 -DREDO_AFTER
check mpmc-hint-stepped-over fail small mpmc -DNC=1 -DSTEPOVER=1 -DHINT_STEPPED
check mpmc-hint-after-redo fail small mpmc $hold -DPREFILL=3 -DHINT_AFTER_REDO
check mpmc-count-by-repairer fail small mpmc $two -DKILLS=3 -DLIMIT=2 -DCOUNT_BY_REPAIRER
check mpmc-settled-late fail small mpmc $two -DLEDGER -DSETTLE_LATE
check mpmc-attached-blindly fail small mpmc -DNP=1 -DMSGS=2 -DSPANS=11 -DLATE=4 -DMORTAL=2 \
	-DATTACH_BLIND
check mpmc-no-room-for-close fail small mpmc -DMSGS=2 -DSPANS=2200 -DCLOSE=1 -DNC=1 -DNO_CLOSE_ROOM
check mpmc-end-told-early fail small mpmc -DMORTAL=4 -DCLOSE=1 -DCLOSE_EARLY

larger mpmc-three-deaths pass large mpmc $two -DLEDGER -DKILLS=3
larger mpmc-drop-two-deaths pass large mpmc $two -DLEDGER -DKILLS=2 -DDROP
larger mpmc-hold-two-deaths pass large mpmc $two -DLEDGER -DKILLS=2 -DHOLD=3
larger mpmc-step-over-two-deaths pass large mpmc $two -DLEDGER -DKILLS=2 -DSTEPOVER=3 -DHOLD=3
larger mpmc-close-two-deaths pass large mpmc $two -DKILLS=2 -DCLOSE=3
larger mpmc-two-redelivered-3 pass large mpmc $hold
larger mpmc-next-consumer-3 pass large mpmc -DNP=1 -DNC=3 -DMSGS=2 -DSPANS=11 -DLATE=8 -DMORTAL=11 \
	-DKILLS=2 -DLEDGER
larger mpmc-limit-3 pass large mpmc -DNP=1 -DNC=4 -DSPANS=1 -DPREFILL=1 -DMORTAL=14 -DKILLS=3 -DLIMIT=3
larger mpmc-lap-wrap-deaths pass large mpmc -DNC=1 -DMSGS=3 -DSPANS=122021 -DLAPM=4 -DSTAMP=2 \
	-DSTART=12 -DMORTAL=3
larger mpmc-two-messages pass large mpmc $two -DMSGS=2 -DSPANS=2112
larger mpmc-two-messages-two-deaths pass bits:1 mpmc $two -DMSGS=2 -DSPANS=2112 -DKILLS=2 -DLEDGER
larger mpmc-two-messages-any-way pass bits:1 mpmc $two -DMSGS=2 -DSPANS=2162 -DKILLS=2 -DHOLD=3 \
	-DSTEPOVER=2 -DCLOSE=2 -DLEDGER
larger mpmc-eight-cells pass bits:1 mpmc $two -DN=8 -DSTART=5 -DMSGS=2 -DSPANS=3243 -DKILLS=2 -DLEDGER
larger mpmc-three-producers pass bits:1 mpmc -DNP=3 -DSPANS=121 -DMORTAL=15 -DKILLS=2 -DLEDGER
larger mpmc-three-consumers pass bits:1 mpmc -DNC=3 -DSPANS=21 -DMORTAL=15 -DKILLS=3 -DHOLD=3 -DLEDGER

printf '%d models, %d not as expected, %d s\n' "$total" "$wrong" "$((SECONDS - begin))"
[ "$wrong" -eq 0 ]
