#!/bin/bash
# Every peer that was built carries its messages: none lost, doubled, changed or out of order, in each
# work it can do; the rings are small, so that they fill and wrap. Argument: the benchmark.
. "$(dirname "$0")/bench.sh"

# The peers, a name a line: the last part of a benchmark's name but for what google-benchmark adds.
peers() {
	"$BENCH" --benchmark_list_tests | sed -E 's,(/iterations:1)?/manual_time$,,; s,.*/,,' | sort -u
}

# Small messages, and all the works but those that are only longer; nothing that waits for seconds.
works='(throughput|throughput_batch|throughput_blocking|in_place|rtt|rtt_blocking|latency|mpmc|mpmc_batch'
works+='|create|attach|recovery)/64/((1M|2P2C|successor|behind)/)?'

for peer in $(peers); do
	if said=$(tiny "^$works$peer/" --messages_least=200 --capacity=4096 --time_limit=60); then
		pass "$peer carries its messages"
	elif [[ $said == *'iox-roudi does not start'* ]]; then
		skip "$peer carries its messages" 'its daemon does not start: another one is running?'
	else
		fail "$peer carries its messages" "$said"
	fi
done
plan
