# shellcheck shell=bash
# The benchmark under test. To be sourced, with its path as the first argument.
BENCH=$(realpath "${1:?usage: $0 PATH_OF_BENCHMARK}")
. "$(dirname "$0")/../tools/tap.sh" /bin/true

# tiny FILTER OPTION...: as little of it as there can be; all it says is on standard output.
tiny() {
	local filter=$1
	shift
	"$BENCH" --benchmark_filter="$filter" --benchmark_repetitions=1 --benchmark_min_time=0 \
		--line_floor=0 "$@" 2>&1
}
