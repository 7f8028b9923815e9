#include "kafka.h"

#include <string.h>

#include "wire.h"

#define CONSUME_BATCH 1000
/* librdkafka waits for so long, in ms, not for the first message but for a full batch. */
#define BATCH_MS_MAX 10

void set_property(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char error[256];
  if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) fail("%s", error);
}

void set_pair(rd_kafka_conf_t *conf, char *pair) {
  char *equals = strchr(pair, '=');
  if (equals == NULL) fail("-X \"%s\" is no name=value", pair);
  *equals = '\0';
  set_property(conf, pair, equals + 1);
}

rd_kafka_t *open_kafka(rd_kafka_type_t type, const rd_kafka_conf_t *conf, void *opaque) {
  char error[256];
  rd_kafka_conf_t *own = rd_kafka_conf_dup(conf);
  rd_kafka_conf_set_opaque(own, opaque);
  rd_kafka_t *kafka = rd_kafka_new(type, own, error, sizeof error);
  if (kafka == NULL) fail("%s", error);
  return kafka;
}

void produce(rd_kafka_t *kafka, rd_kafka_topic_t *topic, const struct message *message, const uint64_t *reported) {
  while (rd_kafka_produce(topic, message->partition, 0, message->value, message->bytes, NULL, 0, message->mark) != 0) {
    if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail("%s", rd_kafka_err2str(rd_kafka_last_error()));
    uint64_t before = *reported;
    rd_kafka_poll(kafka, STALL_MS_MAX);
    if (*reported == before) fail("No delivery report in %d ms", STALL_MS_MAX);
  }
}

void wait_for_delivery(rd_kafka_t *kafka, const uint64_t *reported) {
  for (;;) {
    uint64_t before = *reported;
    rd_kafka_resp_err_t error = rd_kafka_flush(kafka, STALL_MS_MAX);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (error != RD_KAFKA_RESP_ERR__TIMED_OUT) fail("Cannot flush: %s", rd_kafka_err2str(error));
    if (*reported == before) fail("No delivery report in %d ms", STALL_MS_MAX);
  }
}

rd_kafka_queue_t *consume_from_beginning(rd_kafka_t *kafka, rd_kafka_topic_t *topic, int32_t partitions) {
  rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
  for (int32_t partition = 0; partition < partitions; partition++) {
    int failed = rd_kafka_consume_start_queue(topic, partition, RD_KAFKA_OFFSET_BEGINNING, queue);
    if (failed) fail("Cannot consume partition %d: %s", partition, rd_kafka_err2str(rd_kafka_last_error()));
  }
  return queue;
}

void consume_batch(rd_kafka_queue_t *queue, struct consumed *consumed) {
  rd_kafka_message_t *messages[CONSUME_BATCH];
  ssize_t count = 0;
  for (int waited_ms = 0; count == 0 && waited_ms < STALL_MS_MAX; waited_ms += BATCH_MS_MAX) {
    count = rd_kafka_consume_batch_queue(queue, BATCH_MS_MAX, messages, CONSUME_BATCH);
  }
  if (count <= 0) fail("No message in %d ms after %llu", STALL_MS_MAX, (unsigned long long)consumed->messages);
  for (ssize_t i = 0; i < count; i++) {
    if (messages[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR) fail("%s", rd_kafka_message_errstr(messages[i]));
    consumed->bytes += messages[i]->len;
    rd_kafka_message_destroy(messages[i]);
  }
  consumed->messages += (uint64_t)count;
}
