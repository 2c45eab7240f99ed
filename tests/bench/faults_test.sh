#!/bin/bash
# What a peer does wrong is told, and fails the benchmark. Argument: the benchmark with such a peer.
. "$(dirname "$0")/bench.sh"

# notices FAULT WORK: the exit status and the line about the work say that something is wrong.
notices() {
	local said status
	said=$(FAULT=$1 tiny "^$2/faulty/" --messages_least=100 --time_limit=2)
	status=$?
	if [ "$status" -ne 1 ]; then
		fail "$2 notices a peer that $1" "status $status instead of 1: $said"
	elif ! grep -Eq "^$2/.*ERROR OCCURRED: '.*(lost|out of order|twice|corrupt|bytes)" <<<"$said"; then
		fail "$2 notices a peer that $1" "$said"
	else
		pass "$2 notices a peer that $1"
	fi
}

for work in throughput/64 rtt/64 latency/64/1M mpmc/64/1P1C mpmc/64/2P2C; do
	if said=$(FAULT=none tiny "^$work/faulty/" --messages_least=100 --time_limit=60); then
		pass "$work has nothing against one that does no wrong"
	else
		fail "$work has nothing against one that does no wrong" "$said"
	fi
done
for work in throughput/64 rtt/64 mpmc/64/1P1C mpmc/64/2P2C; do
	for fault in loses doubles swaps changes cuts; do
		notices $fault $work
	done
done
plan
