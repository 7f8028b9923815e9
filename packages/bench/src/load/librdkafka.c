/*
 * Produces to, or consumes from, all partitions of an existing topic by librdkafka, as fast as it goes.
 *
 *   librdkafka -b HOST:PORT -t TOPIC -p PARTITIONS -n MESSAGES [-s BYTES] [-r] [-C] [-X name=value]...
 *
 * Producing spreads the messages evenly over the partitions in turn, as keys would; -r leaves the choice to librdkafka,
 * which stays with a partition for a while ("sticky"). The clock runs from the first message to the last delivery report;
 * a message to each partition goes ahead, so that connections are up. -C consumes MESSAGES from the beginning of the
 * partitions instead; its clock begins behind the first ones that come. -X sets any of librdkafka's properties (acks, linger.ms,
 * compression.codec, batch.num.messages …).
 *
 * Prints one line: {"messages":…,"bytes":…,"seconds":…,"cpuSeconds":…}; bytes are those of the values.
 */
#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire.h"

#define CONSUME_BATCH 1000
/* No progress for so long is a failure, in ms. */
#define STALL_MS_MAX 30000
/* Delivery reports are polled for at every so many messages, which costs less than at each. */
#define POLL_EVERY 16

struct settings {
  const char *topic;
  int32_t partitions;
  uint64_t messages;
  size_t bytes;
  int consumes;
  int sticky;
};

struct outcome {
  uint64_t messages;
  uint64_t bytes;
  double seconds;
  double cpu_seconds;
};

static uint64_t delivered;

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque) {
  (void)kafka;
  (void)opaque;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) fail("Delivery failed: %s", rd_kafka_err2str(message->err));
  delivered++;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char error[256];
  if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) fail("%s", error);
}

static void set_pair(rd_kafka_conf_t *conf, char *pair) {
  char *equals = strchr(pair, '=');
  if (equals == NULL) fail("-X \"%s\" is no name=value", pair);
  *equals = '\0';
  set(conf, pair, equals + 1);
}

static struct settings parse(int argc, char **argv, rd_kafka_conf_t *conf) {
  struct settings settings = {.bytes = 100};
  int option;
  while ((option = getopt(argc, argv, "b:t:p:n:s:X:Cr")) != -1) {
    if (option == 'b') set(conf, "bootstrap.servers", optarg);
    else if (option == 't') settings.topic = optarg;
    else if (option == 'p') settings.partitions = (int32_t)number_argument('p', optarg, 1);
    else if (option == 'n') settings.messages = (uint64_t)number_argument('n', optarg, 1);
    else if (option == 's') settings.bytes = (size_t)number_argument('s', optarg, 1);
    else if (option == 'X') set_pair(conf, optarg);
    else if (option == 'C') settings.consumes = 1;
    else if (option == 'r') settings.sticky = 1;
    else fail("See the head of librdkafka.c for the options");
  }
  if (settings.topic == NULL || settings.partitions == 0 || settings.messages == 0) fail("-t, -p and -n are needed");
  return settings;
}

/* A value that compresses about as well as text does: words of a small vocabulary in no order. */
static char *make_value(size_t bytes) {
  static const char *const words[] = {"order ", "shipped ", "42 ", "customer ", "{\"id\":", "2026-", "price ", "null, "};
  char *value = malloc(bytes);
  if (value == NULL) fail("Out of memory for a value of %zu bytes", bytes);
  uint32_t state = 1;
  for (size_t at = 0; at < bytes;) {
    state = state * 1664525 + 1013904223;
    const char *word = words[state >> 29];
    for (size_t i = 0; word[i] != '\0' && at < bytes; i++) value[at++] = word[i];
  }
  return value;
}

/* Hands one message over; while librdkafka's queue is full, delivery reports are served instead. */
static void produce(rd_kafka_t *kafka, rd_kafka_topic_t *topic, int32_t partition, char *value, size_t bytes) {
  uint64_t delivered_before = delivered;
  while (rd_kafka_produce(topic, partition, 0, value, bytes, NULL, 0, NULL) != 0) {
    if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail("%s", rd_kafka_err2str(rd_kafka_last_error()));
    rd_kafka_poll(kafka, STALL_MS_MAX);
    if (delivered == delivered_before) fail("No delivery report in %d ms", STALL_MS_MAX);
  }
}

static void wait_for_delivery(rd_kafka_t *kafka) {
  rd_kafka_resp_err_t error = rd_kafka_flush(kafka, STALL_MS_MAX);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) fail("Cannot flush: %s", rd_kafka_err2str(error));
}

static rd_kafka_t *open_kafka(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
  char error[256];
  rd_kafka_t *kafka = rd_kafka_new(type, conf, error, sizeof error);
  if (kafka == NULL) fail("%s", error);
  return kafka;
}

static struct outcome run_producer(rd_kafka_conf_t *conf, const struct settings *settings) {
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_t *kafka = open_kafka(RD_KAFKA_PRODUCER, conf);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, settings->topic, NULL);
  char *value = make_value(settings->bytes);
  for (int32_t partition = 0; partition < settings->partitions; partition++) produce(kafka, topic, partition, value, settings->bytes);
  wait_for_delivery(kafka);
  double cpu = cpu_seconds();
  double start = monotonic_seconds();
  delivered = 0;
  int32_t partition = settings->sticky ? RD_KAFKA_PARTITION_UA : 0;
  for (uint64_t i = 0; i < settings->messages; i++) {
    produce(kafka, topic, partition, value, settings->bytes);
    if (!settings->sticky && ++partition == settings->partitions) partition = 0;
    if (i % POLL_EVERY == 0) rd_kafka_poll(kafka, 0);
  }
  wait_for_delivery(kafka);
  if (delivered != settings->messages) fail("%llu messages were reported", (unsigned long long)delivered);
  return (struct outcome){delivered, delivered * settings->bytes, monotonic_seconds() - start, cpu_seconds() - cpu};
}

/* Reads a batch and adds it up. */
static void consume_batch(rd_kafka_queue_t *queue, struct outcome *outcome) {
  rd_kafka_message_t *messages[CONSUME_BATCH];
  ssize_t count = rd_kafka_consume_batch_queue(queue, STALL_MS_MAX, messages, CONSUME_BATCH);
  if (count <= 0) fail("No message in %d ms after %llu", STALL_MS_MAX, (unsigned long long)outcome->messages);
  for (ssize_t i = 0; i < count; i++) {
    if (messages[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR) fail("%s", rd_kafka_message_errstr(messages[i]));
    outcome->bytes += messages[i]->len;
    rd_kafka_message_destroy(messages[i]);
  }
  outcome->messages += (uint64_t)count;
}

static struct outcome run_consumer(rd_kafka_conf_t *conf, const struct settings *settings) {
  rd_kafka_t *kafka = open_kafka(RD_KAFKA_CONSUMER, conf);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, settings->topic, NULL);
  rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
  for (int32_t partition = 0; partition < settings->partitions; partition++) {
    int failed = rd_kafka_consume_start_queue(topic, partition, RD_KAFKA_OFFSET_BEGINNING, queue);
    if (failed) fail("Cannot consume partition %d: %s", partition, rd_kafka_err2str(rd_kafka_last_error()));
  }
  struct outcome outcome = {0};
  consume_batch(queue, &outcome);
  struct outcome ahead = outcome;
  double cpu = cpu_seconds();
  double start = monotonic_seconds();
  while (outcome.messages < settings->messages) consume_batch(queue, &outcome);
  double seconds = monotonic_seconds() - start;
  return (struct outcome){outcome.messages - ahead.messages, outcome.bytes - ahead.bytes, seconds, cpu_seconds() - cpu};
}

int main(int argc, char **argv) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  struct settings settings = parse(argc, argv, conf);
  struct outcome outcome = settings.consumes ? run_consumer(conf, &settings) : run_producer(conf, &settings);
  printf("{\"messages\":%llu,\"bytes\":%llu,\"seconds\":%.6f,\"cpuSeconds\":%.6f}\n", (unsigned long long)outcome.messages,
         (unsigned long long)outcome.bytes, outcome.seconds, outcome.cpu_seconds);
  fflush(stdout);
  /* Closing takes librdkafka a while and measures nothing. */
  _exit(0);
}
