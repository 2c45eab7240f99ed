#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "report.h"

const char *text_of_count(char *buffer, uint64_t count)
{
	char digits[TEXT_BYTES];
	const int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
	int from, to = 0;

	for (from = 0; from < length; from++) {
		if (from > 0 && (length - from) % 3 == 0)
			buffer[to++] = ',';
		buffer[to++] = digits[from];
	}
	buffer[to] = '\0';
	return buffer;
}

const char *text_of_bytes(char *buffer, double bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	unsigned unit = 0;

	while (bytes >= 999.5 && unit < 4) {
		bytes /= 1000;
		unit++;
	}
	snprintf(buffer, TEXT_BYTES, "%.*f %s", unit == 0 || bytes >= 99.95 ? 0 : 1, bytes,
		units[unit]);
	return buffer;
}

static const char *text_of_rate(char *buffer, double rate)
{
	if (rate >= 1e6)
		snprintf(buffer, TEXT_BYTES, "%.2f M/s", rate / 1e6);
	else if (rate >= 1e4)
		snprintf(buffer, TEXT_BYTES, "%.1f k/s", rate / 1e3);
	else
		snprintf(buffer, TEXT_BYTES, "%.0f/s", rate);
	return buffer;
}

static const char *text_of_time(char *buffer, uint64_t ns)
{
	const double value = (double)ns;

	if (value < 1e3)
		snprintf(buffer, TEXT_BYTES, "%.0f ns", value);
	else if (value < 1e6)
		snprintf(buffer, TEXT_BYTES, "%.1f us", value / 1e3);
	else
		snprintf(buffer, TEXT_BYTES, "%.2f ms", value / 1e6);
	return buffer;
}

void report_title(const char *title)
{
	printf("\n%s\n", title);
	fflush(stdout);
}

bool report_start(const struct flow *flow)
{
	printf("   process %d sends to process %d through the ring %s\n", (int)flow->producer.pid,
		(int)flow->consumer.pid, flow->key);
	fflush(stdout);
	return true;
}

static void print_processor(const char *who, const struct tally *tally)
{
	const double elapsed_ns = (double)(tally->end_ns - tally->begin_ns);

	printf("  %s %.2f s (%.1f %%)", who, (double)tally->cpu_ns / 1e9,
		elapsed_ns > 0 ? 100 * (double)tally->cpu_ns / elapsed_ns : 0);
}

void report_figures(const struct flow *flow)
{
	const struct tally *producer = flow->producer.tally, *consumer = flow->consumer.tally;
	const double seconds = (double)(consumer->end_ns - producer->begin_ns) / 1e9;
	char a[TEXT_BYTES], b[TEXT_BYTES], c[TEXT_BYTES], d[TEXT_BYTES];

	printf("   messages  %s of %s in %.1f s: %s, %s/s\n", text_of_count(a, consumer->messages),
		text_of_bytes(b, (double)consumer->bytes), seconds,
		text_of_rate(c, (double)consumer->messages / seconds),
		text_of_bytes(d, (double)consumer->bytes / seconds));
	printf("   latency   p50 %s, p99 %s, max %s\n",
		text_of_time(a, latency_at(&consumer->latency, 0.50)),
		text_of_time(b, latency_at(&consumer->latency, 0.99)),
		text_of_time(c, consumer->latency.max_ns));
	printf("   CPU     ");
	print_processor("producer", producer);
	print_processor(" consumer", consumer);
	printf("\n");
}

bool report_balance(const struct flow *flow, const struct account *account, uint64_t sent_checksum)
{
	const struct tally *consumer = flow->consumer.tally;
	const bool complete =
		account->committed == consumer->messages && account->released == consumer->messages;
	const bool equal = sent_checksum == consumer->checksum;
	const bool good = complete && equal && account->waiting == 0 && consumer->gaps == 0 &&
			  consumer->damaged == 0 && consumer->messages > 0;
	char a[TEXT_BYTES], b[TEXT_BYTES];

	printf("   committed %s, received %s: lost %" PRId64 ", out of order %" PRIu64
	       ", damaged %" PRIu64 "\n",
		text_of_count(a, account->committed), text_of_count(b, consumer->messages),
		(int64_t)(account->committed - consumer->messages), consumer->gaps,
		consumer->damaged);
	if (account->aborted > 0)
		printf("   aborted   %s: half written when their producer died, seen by nobody\n",
			text_of_count(a, account->aborted));
	printf("   checksum  %016" PRIx64 " sent, %016" PRIx64 " received: %s\n", sent_checksum,
		consumer->checksum, equal ? "equal" : "NOT EQUAL");
	if (!good)
		printf("   WRONG: every message should have arrived, once, whole and in order\n");
	fflush(stdout);
	return good;
}
