/*
 * Produces to an existing topic at a steady rate while others consume it from its beginning, all by librdkafka.
 *
 *   mixed -b HOST:PORT -t TOPIC -p PARTITIONS -n MESSAGES [-m PRODUCED] [-s BYTES] [-r RATE] [-c CONSUMERS]
 *         [-T SECONDS] [-O SAMPLES] [-X name=value]...
 *
 * Each of the consumers, a librdkafka of its own, is done once MESSAGES have come to it from all partitions together.
 * The producer sends RATE messages a second of BYTES each to the partitions in turn until it has sent PRODUCED, or,
 * without -m, until all consumers are done. So consumers stay at the tail where the topic is empty before (-m as large
 * as -n), and read history where it is not. A message to each partition goes ahead, which consumers see too; the
 * producer begins once something has come to all of them. The load is open: a message is due at its time, and its time
 * counts from when it was due. Not to be done after SECONDS is a failure. -X sets properties of the producer's
 * librdkafka; -c 0 leaves the consumers out, and -m is needed. SAMPLES is a file for the times of acknowledgements:
 * lines of whole nanoseconds.
 *
 * Prints one line, times in ms: {"produced":…,"seconds":…,"consumed":…,"consumedBytes":…,"consumeSeconds":…,
 * "acknowledged":{"p50":…,"p99":…,"p999":…,"max":…},"late":{…},"cpuSeconds":…}. `produced` are all that were
 * acknowledged, in `seconds` from the first that was due to the last report; `consumed` is of all consumers together,
 * behind each one's first batch, and `consumeSeconds` what the slowest of them took for it.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kafka.h"
#include "text.h"
#include "times.h"
#include "wire.h"

#define CONSUMERS_MAX 64
/* How long the producer sleeps, or serves delivery reports, before it looks what is due, in ms. */
#define TICK_MS 1

struct settings {
  char *address;
  const char *topic;
  const char *samples_path;
  int32_t partitions;
  uint64_t consumed;
  uint64_t produced;
  size_t bytes;
  double rate;
  size_t consumers;
  double seconds;
};

struct consumer {
  const struct settings *settings;
  atomic_size_t *waiting;
  atomic_size_t *running;
  pthread_t thread;
  struct consumed consumed;
  double start;
  double end;
};

struct producer {
  const struct settings *settings;
  rd_kafka_t *kafka;
  rd_kafka_topic_t *topic;
  struct values values;
  double start;
  uint64_t sent;
  uint64_t reported;
  struct times late_ms;
  struct times acknowledged_ms;
};

static struct settings parse(int argc, char **argv, rd_kafka_conf_t *conf) {
  struct settings settings = {.bytes = 1024, .rate = 1000, .consumers = 1, .seconds = 60, .produced = UINT64_MAX};
  int option;
  while ((option = getopt(argc, argv, "b:t:p:n:m:s:r:c:T:O:X:")) != -1) {
    if (option == 'b') settings.address = optarg;
    else if (option == 't') settings.topic = optarg;
    else if (option == 'p') settings.partitions = (int32_t)number_argument('p', optarg, 1);
    else if (option == 'n') settings.consumed = (uint64_t)number_argument('n', optarg, 1);
    else if (option == 'm') settings.produced = (uint64_t)number_argument('m', optarg, 1);
    else if (option == 's') settings.bytes = (size_t)number_argument('s', optarg, 1);
    else if (option == 'r') settings.rate = number_argument('r', optarg, 1);
    else if (option == 'c') settings.consumers = (size_t)number_argument('c', optarg, 0);
    else if (option == 'T') settings.seconds = number_argument('T', optarg, 1);
    else if (option == 'O') settings.samples_path = optarg;
    else if (option == 'X') set_pair(conf, optarg);
    else fail("See the head of mixed.c for the options");
  }
  if (settings.address == NULL || settings.topic == NULL || settings.partitions == 0) fail("-b, -t and -p are needed");
  if (settings.consumers > 0 && settings.consumed == 0) fail("-n is needed");
  if (settings.consumers == 0 && settings.produced == UINT64_MAX) fail("Without consumers -m is needed");
  if (settings.consumers > CONSUMERS_MAX) fail("At most %d consumers", CONSUMERS_MAX);
  return settings;
}

static void *run_consumer(void *opaque) {
  struct consumer *consumer = opaque;
  const struct settings *settings = consumer->settings;
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set_property(conf, "bootstrap.servers", settings->address);
  rd_kafka_t *kafka = open_kafka(RD_KAFKA_CONSUMER, conf, NULL);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, settings->topic, NULL);
  rd_kafka_queue_t *queue = consume_from_beginning(kafka, topic, settings->partitions);
  struct consumed all = {0};
  consume_batch(queue, &all);
  struct consumed ahead = all;
  consumer->start = monotonic_seconds();
  atomic_fetch_sub(consumer->waiting, 1);
  while (all.messages < settings->consumed) consume_batch(queue, &all);
  consumer->end = monotonic_seconds();
  consumer->consumed = (struct consumed){all.messages - ahead.messages, all.bytes - ahead.bytes};
  atomic_fetch_sub(consumer->running, 1);
  return NULL;
}

static double due_at(const struct producer *producer, uint64_t message) {
  return producer->start + (double)message / producer->settings->rate;
}

/* Messages are marked with their number from 1 on; those that went ahead of the clock with 0. */
static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque) {
  (void)kafka;
  struct producer *producer = opaque;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) fail("Delivery failed: %s", rd_kafka_err2str(message->err));
  producer->reported++;
  uint64_t mark = (uint64_t)(uintptr_t)message->_private;
  if (mark > 0) add_time(&producer->acknowledged_ms, (monotonic_seconds() - due_at(producer, mark - 1)) * 1000);
}

static void produce_to(struct producer *producer, int32_t partition, uint64_t mark) {
  struct message message = {partition, next_value(&producer->values), producer->values.bytes, (void *)(uintptr_t)mark};
  produce(producer->kafka, producer->topic, &message, &producer->reported);
}

static void open_producer(struct producer *producer, const struct settings *settings, rd_kafka_conf_t *conf) {
  size_t messages_max = (size_t)(settings->rate * (settings->seconds + 1));
  producer->settings = settings;
  producer->values = make_values(make_text(), settings->bytes, 0);
  producer->late_ms = make_times(messages_max);
  producer->acknowledged_ms = make_times(messages_max);
  set_property(conf, "bootstrap.servers", settings->address);
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  producer->kafka = open_kafka(RD_KAFKA_PRODUCER, conf, producer);
  producer->topic = rd_kafka_topic_new(producer->kafka, settings->topic, NULL);
  for (int32_t partition = 0; partition < settings->partitions; partition++) produce_to(producer, partition, 0);
  wait_for_delivery(producer->kafka, &producer->reported);
  producer->reported = 0;
}

static void send_due(struct producer *producer) {
  double now = monotonic_seconds();
  while (producer->sent < producer->settings->produced && due_at(producer, producer->sent) <= now) {
    add_time(&producer->late_ms, (monotonic_seconds() - due_at(producer, producer->sent)) * 1000);
    produce_to(producer, (int32_t)(producer->sent % (uint64_t)producer->settings->partitions), producer->sent + 1);
    producer->sent++;
  }
}

/* Ends when there is nothing to produce any more. */
static void run_producer(struct producer *producer, const atomic_size_t *running) {
  const struct settings *settings = producer->settings;
  producer->start = monotonic_seconds();
  double end = producer->start + settings->seconds;
  int has_end = settings->produced != UINT64_MAX;
  while (has_end ? producer->sent < settings->produced : atomic_load(running) > 0) {
    if (monotonic_seconds() > end) fail("Not done after %g s, with %zu consumers left", settings->seconds, atomic_load(running));
    send_due(producer);
    rd_kafka_poll(producer->kafka, TICK_MS);
  }
  wait_for_delivery(producer->kafka, &producer->reported);
  if (producer->reported != producer->sent) {
    fail("%llu of %llu messages were reported", (unsigned long long)producer->reported, (unsigned long long)producer->sent);
  }
}

static void start_consumers(struct consumer *consumers, const struct settings *settings, atomic_size_t *running) {
  atomic_size_t waiting;
  atomic_init(&waiting, settings->consumers);
  atomic_init(running, settings->consumers);
  for (size_t i = 0; i < settings->consumers; i++) {
    consumers[i] = (struct consumer){.settings = settings, .waiting = &waiting, .running = running};
    if (pthread_create(&consumers[i].thread, NULL, run_consumer, &consumers[i]) != 0) fail("Cannot start a thread");
  }
  /* A consumer to which nothing comes ends the process by itself. */
  while (atomic_load(&waiting) > 0) usleep(TICK_MS * 1000);
}

/* Adds up what they consumed, and answers how long the slowest one took for it. */
static double join_consumers(struct consumer *consumers, size_t count, double producer_start, struct consumed *all) {
  double slowest = 0;
  for (size_t i = 0; i < count; i++) {
    pthread_join(consumers[i].thread, NULL);
    all->messages += consumers[i].consumed.messages;
    all->bytes += consumers[i].consumed.bytes;
    double start = consumers[i].start > producer_start ? consumers[i].start : producer_start;
    if (consumers[i].end - start > slowest) slowest = consumers[i].end - start;
  }
  return slowest;
}

int main(int argc, char **argv) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  struct settings settings = parse(argc, argv, conf);
  struct producer producer = {0};
  struct consumer consumers[CONSUMERS_MAX];
  atomic_size_t running;
  open_producer(&producer, &settings, conf);
  double cpu = cpu_seconds();
  start_consumers(consumers, &settings, &running);
  run_producer(&producer, &running);
  double seconds = monotonic_seconds() - producer.start;
  struct consumed all = {0};
  double consume_seconds = join_consumers(consumers, settings.consumers, producer.start, &all);
  if (settings.samples_path != NULL) write_times(settings.samples_path, &producer.acknowledged_ms);
  printf("{\"produced\":%llu,\"seconds\":%.6f,\"consumed\":%llu,\"consumedBytes\":%llu,\"consumeSeconds\":%.6f,",
         (unsigned long long)producer.reported, seconds, (unsigned long long)all.messages,
         (unsigned long long)all.bytes, consume_seconds);
  print_times("acknowledged", &producer.acknowledged_ms);
  printf(",");
  print_times("late", &producer.late_ms);
  printf(",\"cpuSeconds\":%.6f}\n", cpu_seconds() - cpu);
  fflush(stdout);
  /* Closing takes librdkafka a while and measures nothing. */
  _exit(0);
}
