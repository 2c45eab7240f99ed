/*
 * google-benchmark for C: the only place that sees its C++ interface. See shim.h.
 *
 * One call of the C function makes all the iterations of a run, in other processes and timed
 * there: hence KeepRunningBatch() with everything at once, and manual time.
 */
#include "shim.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

struct shim_state {
	benchmark::State &state;
	double seconds;
};

namespace
{
bool some_failed;
double run_seconds;

/* Before the user's own, so that theirs win. Interleaved, because one and the same program
 * moves by a factor of two between minutes on a shared machine; seven, for the medians. */
const char *const default_options[] = {
	"--benchmark_enable_random_interleaving=true",
	"--benchmark_repetitions=7",
	"--benchmark_display_aggregates_only=true",
	"--benchmark_min_time=0.05",
};

double quantile(const std::vector<double> &values, double q)
{
	std::vector<double> sorted(values);

	if (sorted.empty())
		return 0;
	std::sort(sorted.begin(), sorted.end());
	const double at = q * static_cast<double>(sorted.size() - 1);
	const auto below = static_cast<std::size_t>(at);
	const std::size_t above = std::min(below + 1, sorted.size() - 1);

	return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double lower_quartile(const std::vector<double> &values)
{
	return quantile(values, 0.25);
}

double upper_quartile(const std::vector<double> &values)
{
	return quantile(values, 0.75);
}

void run(benchmark::State &state, shim_function *function, void *arg)
{
	shim_state run = {state, 0};

	while (state.KeepRunningBatch(state.max_iterations)) {
		function(&run, arg);
		state.SetIterationTime(run.seconds);
	}
}

benchmark::internal::Benchmark *enter(const char *name, shim_function *function, void *arg)
{
	return benchmark::RegisterBenchmark(
		name, [=](benchmark::State &state) { run(state, function, arg); })
		->UseManualTime()
		->ComputeStatistics("q1", lower_quartile)
		->ComputeStatistics("q3", upper_quartile);
}

/* The coefficient of variation of a counter that is always 0 is not a number, and JSON has none
 * for that: strict readers refuse the whole file. */
class json_reporter : public benchmark::JSONReporter
{
      public:
	void ReportRuns(const std::vector<Run> &runs) override
	{
		std::vector<Run> told(runs);

		for (Run &run : told) {
			for (auto &counter : run.counters) {
				if (!std::isfinite(counter.second.value))
					counter.second.value = 0;
			}
		}
		benchmark::JSONReporter::ReportRuns(told);
	}
};

/* What the last option of this name says; google-benchmark keeps that to itself. */
std::string value_of(const std::vector<char *> &args, const std::string &option)
{
	std::string value;

	for (const char *arg : args) {
		if (option.compare(0, option.size(), arg, 0, option.size()) == 0)
			value = arg + option.size();
	}
	return value;
}
} // namespace

void shim_register(const char *name, shim_function *function, void *arg)
{
	enter(name, function, arg);
}

void shim_register_once(const char *name, shim_function *function, void *arg)
{
	enter(name, function, arg)->Iterations(1);
}

int64_t shim_iterations(const shim_state *state)
{
	return state->state.max_iterations;
}

double shim_run_seconds(void)
{
	return run_seconds;
}

void shim_seconds(shim_state *state, double seconds)
{
	state->seconds = seconds;
}

void shim_items(shim_state *state, int64_t items)
{
	state->state.SetItemsProcessed(items);
}

void shim_bytes(shim_state *state, int64_t bytes)
{
	state->state.SetBytesProcessed(bytes);
}

void shim_counter(shim_state *state, const char *name, double value)
{
	state->state.counters[name] = benchmark::Counter(value);
}

void shim_fail(shim_state *state, const char *why)
{
	some_failed = true;
	state->state.SkipWithError(why);
}

void shim_context(const char *key, const char *value)
{
	benchmark::AddCustomContext(key, value);
}

int shim_main(int argc, char **argv, void (*print_help)(void))
{
	std::vector<char *> args(argv, argv + 1);

	for (const char *option : default_options)
		args.push_back(const_cast<char *>(option));
	args.insert(args.end(), argv + 1, argv + argc);

	const std::string run_time = value_of(args, "--benchmark_min_time=");
	const std::string display = value_of(args, "--benchmark_format=");
	const std::string file = value_of(args, "--benchmark_out=");
	const std::string file_format = value_of(args, "--benchmark_out_format=");
	json_reporter reporters[2];

	run_seconds = std::strtod(run_time.c_str(), nullptr);
	int count = static_cast<int>(args.size());

	args.push_back(nullptr);
	benchmark::Initialize(&count, args.data(), print_help);
	if (benchmark::ReportUnrecognizedArguments(count, args.data()))
		return 2;
	benchmark::RunSpecifiedBenchmarks(display == "json" ? &reporters[0] : nullptr,
		!file.empty() && (file_format.empty() || file_format == "json") ? &reporters[1]
										: nullptr);
	benchmark::Shutdown();
	return some_failed ? 1 : 0;
}
