/*
 * Produces to, or consumes from, all partitions of an existing topic by librdkafka, as fast as it goes.
 *
 *   librdkafka -b HOST:PORT -t TOPIC -p PARTITIONS -n MESSAGES [-s BYTES] [-T SECONDS] [-P PRODUCERS] [-r] [-C]
 *              [-X name=value]...
 *
 * Producing spreads the messages evenly over the partitions in turn, as keys would; -r leaves the choice to librdkafka,
 * which stays with a partition for a while ("sticky"). It ends after MESSAGES, or when SECONDS are over, whichever comes
 * first. The clock runs from the first message to the last delivery report; a message to each partition goes ahead, so
 * that connections are up. With -P so many producers share the messages, each a librdkafka of its own with its own
 * connection. -C consumes MESSAGES from the beginning of the partitions instead; its clock begins behind the first ones
 * that come. -X sets any of librdkafka's properties (acks, linger.ms, compression.codec, batch.num.messages …).
 *
 * Prints one line: {"messages":…,"bytes":…,"seconds":…,"cpuSeconds":…}; bytes are those of the values.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kafka.h"
#include "text.h"
#include "wire.h"

#define PRODUCERS_MAX 100
/* Delivery reports are polled for at every so many messages, which costs less than at each. */
#define POLL_EVERY 16

struct settings {
  const char *topic;
  int32_t partitions;
  uint64_t messages;
  size_t bytes;
  double seconds;
  size_t producers;
  int consumes;
  int sticky;
};

struct producer {
  const struct settings *settings;
  rd_kafka_t *kafka;
  rd_kafka_topic_t *topic;
  struct values values;
  /* Its share of all messages. */
  uint64_t messages;
  uint64_t produced;
  uint64_t reported;
  pthread_t thread;
};

struct outcome {
  uint64_t messages;
  uint64_t bytes;
  double seconds;
  double cpu_seconds;
};

static struct settings parse(int argc, char **argv, rd_kafka_conf_t *conf) {
  struct settings settings = {.bytes = 100, .seconds = 3600, .producers = 1};
  int option;
  while ((option = getopt(argc, argv, "b:t:p:n:s:T:P:X:Cr")) != -1) {
    if (option == 'b') set_property(conf, "bootstrap.servers", optarg);
    else if (option == 't') settings.topic = optarg;
    else if (option == 'p') settings.partitions = (int32_t)number_argument('p', optarg, 1);
    else if (option == 'n') settings.messages = (uint64_t)number_argument('n', optarg, 1);
    else if (option == 's') settings.bytes = (size_t)number_argument('s', optarg, 1);
    else if (option == 'T') settings.seconds = number_argument('T', optarg, 0);
    else if (option == 'P') settings.producers = (size_t)number_argument('P', optarg, 1);
    else if (option == 'X') set_pair(conf, optarg);
    else if (option == 'C') settings.consumes = 1;
    else if (option == 'r') settings.sticky = 1;
    else fail("See the head of librdkafka.c for the options");
  }
  if (settings.topic == NULL || settings.partitions == 0 || settings.messages == 0) fail("-t, -p and -n are needed");
  if (settings.producers > PRODUCERS_MAX) fail("At most %d producers", PRODUCERS_MAX);
  return settings;
}

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque) {
  (void)kafka;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) fail("Delivery failed: %s", rd_kafka_err2str(message->err));
  ((struct producer *)opaque)->reported++;
}

static void produce_to(struct producer *producer, int32_t partition) {
  struct message message = {.partition = partition, .value = next_value(&producer->values), .bytes = producer->values.bytes};
  produce(producer->kafka, producer->topic, &message, &producer->reported);
}

static void open_producer(struct producer *producer, const rd_kafka_conf_t *conf) {
  producer->kafka = open_kafka(RD_KAFKA_PRODUCER, conf, producer);
  producer->topic = rd_kafka_topic_new(producer->kafka, producer->settings->topic, NULL);
  for (int32_t partition = 0; partition < producer->settings->partitions; partition++) produce_to(producer, partition);
  wait_for_delivery(producer->kafka, &producer->reported);
  producer->reported = 0;
}

static void *run_producer(void *opaque) {
  struct producer *producer = opaque;
  const struct settings *settings = producer->settings;
  double end = monotonic_seconds() + settings->seconds;
  int32_t partition = settings->sticky ? RD_KAFKA_PARTITION_UA : 0;
  for (; producer->produced < producer->messages; producer->produced++) {
    if (producer->produced % POLL_EVERY == 0) {
      if (monotonic_seconds() > end) break;
      rd_kafka_poll(producer->kafka, 0);
    }
    produce_to(producer, partition);
    if (!settings->sticky && ++partition == settings->partitions) partition = 0;
  }
  wait_for_delivery(producer->kafka, &producer->reported);
  if (producer->reported != producer->produced) {
    fail("%llu of %llu messages were reported", (unsigned long long)producer->reported, (unsigned long long)producer->produced);
  }
  return NULL;
}

static struct producer *open_producers(rd_kafka_conf_t *conf, const struct settings *settings) {
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  char *text = make_text();
  struct producer *producers = calloc(settings->producers, sizeof *producers);
  if (producers == NULL) fail("Out of memory for %zu producers", settings->producers);
  for (size_t i = 0; i < settings->producers; i++) {
    producers[i].settings = settings;
    producers[i].values = make_values(text, settings->bytes, i * (TEXT_BYTES / settings->producers));
    producers[i].messages = settings->messages * (i + 1) / settings->producers - settings->messages * i / settings->producers;
    open_producer(&producers[i], conf);
  }
  return producers;
}

static struct outcome run_producers(rd_kafka_conf_t *conf, const struct settings *settings) {
  struct producer *producers = open_producers(conf, settings);
  struct outcome outcome = {0};
  double cpu = cpu_seconds();
  double start = monotonic_seconds();
  for (size_t i = 0; i < settings->producers; i++) {
    if (pthread_create(&producers[i].thread, NULL, run_producer, &producers[i]) != 0) fail("Cannot start a thread");
  }
  for (size_t i = 0; i < settings->producers; i++) {
    pthread_join(producers[i].thread, NULL);
    outcome.messages += producers[i].reported;
  }
  outcome.seconds = monotonic_seconds() - start;
  outcome.cpu_seconds = cpu_seconds() - cpu;
  outcome.bytes = outcome.messages * settings->bytes;
  return outcome;
}

static struct outcome run_consumer(rd_kafka_conf_t *conf, const struct settings *settings) {
  rd_kafka_t *kafka = open_kafka(RD_KAFKA_CONSUMER, conf, NULL);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, settings->topic, NULL);
  rd_kafka_queue_t *queue = consume_from_beginning(kafka, topic, settings->partitions);
  struct consumed consumed = {0};
  consume_batch(queue, &consumed);
  struct consumed ahead = consumed;
  double cpu = cpu_seconds();
  double start = monotonic_seconds();
  while (consumed.messages < settings->messages) consume_batch(queue, &consumed);
  double seconds = monotonic_seconds() - start;
  return (struct outcome){consumed.messages - ahead.messages, consumed.bytes - ahead.bytes, seconds, cpu_seconds() - cpu};
}

int main(int argc, char **argv) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  struct settings settings = parse(argc, argv, conf);
  struct outcome outcome = settings.consumes ? run_consumer(conf, &settings) : run_producers(conf, &settings);
  printf("{\"messages\":%llu,\"bytes\":%llu,\"seconds\":%.6f,\"cpuSeconds\":%.6f}\n", (unsigned long long)outcome.messages,
         (unsigned long long)outcome.bytes, outcome.seconds, outcome.cpu_seconds);
  fflush(stdout);
  /* Closing takes librdkafka a while and measures nothing. */
  _exit(0);
}
