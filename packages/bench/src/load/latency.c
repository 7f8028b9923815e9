/*
 * Latency of one record at a steady rate, from the moment it was due to be sent to its receipt in a long-poll fetch on
 * another connection. The load is open: a record is due at its time whether or not earlier ones have come back, and a
 * record that is sent late counts from when it was due. So a stall of the broker, or of this program, is seen by every
 * record that it holds up.
 *
 *   latency -b HOST:PORT -p PRODUCE -e ERROR_AT -f FETCH -o OFFSET_AT -E FETCH_ERROR_AT -R RECORDS_AT
 *           [-r RATE] [-w WARM_UP_SECONDS] [-t SECONDS] [-O SAMPLES] [-s]
 *
 * PRODUCE and FETCH are frame files (wire.h) of one request each: a batch of one record for an empty partition, and a
 * fetch of that partition. ERROR_AT and FETCH_ERROR_AT are where the responses' int16 error codes stand, OFFSET_AT where
 * the fetch's int64 offset, RECORDS_AT where the int32 length of the records in the fetch's response; all count from the
 * beginning of the frame, prefix included. Record n has offset n, so nothing has to be read from the record itself.
 *
 * SAMPLES is a file for the time from due to fetched of every record after the warm-up: lines of whole nanoseconds.
 * Between two records the process sleeps in ppoll; -s makes it spin instead, on a core that the broker then misses.
 *
 * Prints one line, times in ms, of the records after the warm-up:
 * {"records":…,"fetched":{"p50":…,"p99":…,"p999":…,"max":…},"acknowledged":{…},"late":{…},"cpuSeconds":…}
 * `late` is how late the records were sent: where it is as large as the others, the generator is what was measured.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "times.h"
#include "wire.h"

/* An answer with everything that a stall of seconds has held up fits. */
#define INPUT_BYTES (16 * 1024 * 1024)
/* How long the last record may be on its way, in seconds. */
#define DRAIN_SECONDS_MAX 10

/* Of a record batch: int64 base offset, int32 length of what follows, …, int32 last offset delta, … */
#define BATCH_LENGTH_AT 8
#define BATCH_PREFIX_BYTES 12
#define BATCH_LAST_OFFSET_DELTA_AT 23
#define BATCH_HEADER_BYTES 61

struct stream {
  const char *name;
  int fd;
  struct frame request;
  size_t error_at;
  uint8_t *input;
  size_t input_bytes;
};

struct bench {
  const char *address;
  struct stream produce;
  struct stream fetch;
  size_t offset_at;
  size_t records_at;
  double rate;
  double warm_up_seconds;
  double seconds;
  const char *samples_path;
  int spins;

  size_t total;
  size_t warm_up;
  double start;
  size_t sent;
  size_t acknowledged;
  size_t fetched;
  struct times late_ms;
  struct times acknowledged_ms;
  struct times fetched_ms;
};

static void read_frame(const char *path, struct frame *frame) {
  struct frame *frames;
  if (read_frames(path, &frames) != 1) fail("\"%s\" holds more than one frame", path);
  *frame = frames[0];
}

static void parse(int argc, char **argv, struct bench *bench) {
  int option;
  while ((option = getopt(argc, argv, "b:p:e:f:o:E:R:r:w:t:O:s")) != -1) {
    if (option == 'b') bench->address = optarg;
    else if (option == 'p') read_frame(optarg, &bench->produce.request);
    else if (option == 'e') bench->produce.error_at = (size_t)number_argument('e', optarg, 8);
    else if (option == 'f') read_frame(optarg, &bench->fetch.request);
    else if (option == 'o') bench->offset_at = (size_t)number_argument('o', optarg, 8);
    else if (option == 'E') bench->fetch.error_at = (size_t)number_argument('E', optarg, 8);
    else if (option == 'R') bench->records_at = (size_t)number_argument('R', optarg, 8);
    else if (option == 'r') bench->rate = number_argument('r', optarg, 1);
    else if (option == 'w') bench->warm_up_seconds = number_argument('w', optarg, 0);
    else if (option == 't') bench->seconds = number_argument('t', optarg, 0);
    else if (option == 'O') bench->samples_path = optarg;
    else if (option == 's') bench->spins = 1;
    else fail("See the head of latency.c for the options");
  }
  int has_places = bench->produce.error_at > 0 && bench->offset_at > 0 && bench->fetch.error_at > 0 && bench->records_at > 0;
  if (bench->address == NULL || bench->produce.request.bytes == NULL || bench->fetch.request.bytes == NULL || !has_places) {
    fail("-b, -p, -e, -f, -o, -E and -R are needed");
  }
}

static double due_at(const struct bench *bench, size_t record) {
  return bench->start + (double)record / bench->rate;
}

static void note(const struct bench *bench, struct times *times, size_t record, double now) {
  if (record >= bench->warm_up) add_time(times, (now - due_at(bench, record)) * 1000);
}

static void send_request(struct stream *stream, uint32_t correlation) {
  write_uint32(stream->request.bytes + REQUEST_CORRELATION_AT, correlation);
  send_all(stream->fd, stream->request.bytes, stream->request.size);
}

static void send_due(struct bench *bench) {
  while (bench->sent < bench->total) {
    double now = monotonic_seconds();
    if (now < due_at(bench, bench->sent)) return;
    note(bench, &bench->late_ms, bench->sent, now);
    send_request(&bench->produce, (uint32_t)bench->sent);
    bench->sent++;
  }
}

static void send_fetch(struct bench *bench) {
  write_uint64(bench->fetch.request.bytes + bench->offset_at, bench->fetched);
  send_request(&bench->fetch, (uint32_t)bench->fetched);
}

/* Every record up to the last batch's end has come now. A batch may be cut off: it comes again. */
static void take_records(struct bench *bench, const uint8_t *answer, size_t size, double now) {
  size_t at = bench->records_at + 4;
  if (size < at) fail("A fetch's answer of %zu bytes is too short", size);
  while (size - at >= BATCH_HEADER_BYTES) {
    size_t batch_bytes = BATCH_PREFIX_BYTES + (size_t)read_uint32(answer + at + BATCH_LENGTH_AT);
    if (size - at < batch_bytes) return;
    uint64_t base = read_uint64(answer + at);
    if (base != bench->fetched) fail("Offset %llu came where %zu was due", (unsigned long long)base, bench->fetched);
    size_t end = (size_t)base + read_uint32(answer + at + BATCH_LAST_OFFSET_DELTA_AT) + 1;
    if (end > bench->sent) fail("Offset %zu came before it was sent", end - 1);
    for (; bench->fetched < end; bench->fetched++) note(bench, &bench->fetched_ms, bench->fetched, now);
    at += batch_bytes;
  }
}

/* Reads what there is. */
static void receive(struct stream *stream) {
  ssize_t got = recv(stream->fd, stream->input + stream->input_bytes, INPUT_BYTES - stream->input_bytes, MSG_DONTWAIT);
  if (got < 0 && errno != EAGAIN && errno != EINTR) fail("Cannot receive: %s", strerror(errno));
  if (got == 0) fail("The broker closed a connection, or an answer is larger than %d bytes", INPUT_BYTES);
  if (got > 0) stream->input_bytes += (size_t)got;
}

/* The size of the answer that begins here, or 0 while some of it is still under way. */
static size_t whole_answer(const struct stream *stream, size_t at) {
  size_t left = stream->input_bytes - at;
  if (left < PREFIX_BYTES) return 0;
  size_t size = PREFIX_BYTES + (size_t)read_uint32(stream->input + at);
  return left < size ? 0 : size;
}

static void check_error(const struct stream *stream, const uint8_t *answer, size_t size) {
  if (size < stream->error_at + 2) fail("An answer of %zu bytes is too short", size);
  int error = (int16_t)read_uint16(answer + stream->error_at);
  if (error != 0) fail("The broker answered a %s with error %d", stream->name, error);
}

/* There is one fetch at a time, so that one answer is all that can be there. */
static void receive_fetch(struct bench *bench) {
  struct stream *stream = &bench->fetch;
  receive(stream);
  double now = monotonic_seconds();
  size_t size = whole_answer(stream, 0);
  if (size == 0) return;
  check_error(stream, stream->input, size);
  take_records(bench, stream->input, size, now);
  stream->input_bytes = 0;
  if (bench->fetched < bench->total) send_fetch(bench);
}

static void receive_acknowledgements(struct bench *bench) {
  struct stream *stream = &bench->produce;
  receive(stream);
  double now = monotonic_seconds();
  size_t at = 0;
  for (size_t size = whole_answer(stream, at); size > 0; size = whole_answer(stream, at)) {
    check_error(stream, stream->input + at, size);
    note(bench, &bench->acknowledged_ms, bench->acknowledged++, now);
    at += size;
  }
  stream->input_bytes -= at;
  memmove(stream->input, stream->input + at, stream->input_bytes);
}

/* Until the next record is due, or an answer is there. */
static void wait_for_next(struct bench *bench, struct pollfd polled[2]) {
  double left = bench->sent < bench->total ? due_at(bench, bench->sent) - monotonic_seconds() : 1;
  if (left < 0 || bench->spins) left = 0;
  struct timespec timeout = {.tv_sec = (time_t)left, .tv_nsec = (long)((left - (double)(time_t)left) * 1e9)};
  if (ppoll(polled, 2, &timeout, NULL) < 0 && errno != EINTR) fail("Cannot poll: %s", strerror(errno));
}

static void run(struct bench *bench) {
  struct pollfd polled[2] = {{.fd = bench->fetch.fd, .events = POLLIN}, {.fd = bench->produce.fd, .events = POLLIN}};
  double end = due_at(bench, bench->total) + DRAIN_SECONDS_MAX;
  while (bench->fetched < bench->total || bench->acknowledged < bench->total) {
    if (monotonic_seconds() > end) fail("%zu of %zu records did not come", bench->total - bench->fetched, bench->total);
    send_due(bench);
    wait_for_next(bench, polled);
    if (polled[0].revents != 0) receive_fetch(bench);
    if (polled[1].revents != 0) receive_acknowledgements(bench);
  }
}

static void open_stream(struct stream *stream, const char *address) {
  stream->fd = connect_to(address);
  stream->input = malloc(INPUT_BYTES);
  if (stream->input == NULL) fail("Out of memory for input");
}

int main(int argc, char **argv) {
  struct bench bench = {.produce.name = "produce", .fetch.name = "fetch", .rate = 1000, .warm_up_seconds = 1, .seconds = 5};
  parse(argc, argv, &bench);
  /* The kernel may round a sleep up by 50 µs unless it is told otherwise. */
  prctl(PR_SET_TIMERSLACK, 1);
  open_stream(&bench.produce, bench.address);
  open_stream(&bench.fetch, bench.address);
  bench.warm_up = (size_t)(bench.warm_up_seconds * bench.rate);
  bench.total = bench.warm_up + (size_t)(bench.seconds * bench.rate);
  if (bench.total == 0) fail("Nothing to send: -w and -t are both 0");
  bench.late_ms = make_times(bench.total);
  bench.acknowledged_ms = make_times(bench.total);
  bench.fetched_ms = make_times(bench.total);
  bench.start = monotonic_seconds();
  send_fetch(&bench);
  run(&bench);
  if (bench.samples_path != NULL) write_times(bench.samples_path, &bench.fetched_ms);
  printf("{\"records\":%zu,", bench.fetched_ms.count);
  print_times("fetched", &bench.fetched_ms);
  printf(",");
  print_times("acknowledged", &bench.acknowledged_ms);
  printf(",");
  print_times("late", &bench.late_ms);
  printf(",\"cpuSeconds\":%.6f}\n", cpu_seconds());
  return 0;
}
