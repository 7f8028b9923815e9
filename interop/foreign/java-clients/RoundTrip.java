// Arguments: bootstrap, topic prefix, records. What this program does is said in interop/README.md.

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.AppInfoParser;

public class RoundTrip {
    static final List<String> CODECS = List.of("none", "gzip", "snappy", "lz4", "zstd");
    static final int PARTITIONS = 3;
    static final long TIMESTAMP_MS = 1_700_000_000_000L;
    static final Duration WAIT = Duration.ofSeconds(30);

    final String bootstrap;
    final String topic;
    final String codec;
    final int records;

    RoundTrip(String bootstrap, String topic, String codec, int records) {
        this.bootstrap = bootstrap;
        this.topic = topic;
        this.codec = codec;
        this.records = records;
    }

    public static void main(String[] args) {
        int records = Integer.parseInt(args[2]);
        int produced = 0;
        int consumed = 0;
        int classic = 0;
        int newer = 0;
        String error = "";
        for (String codec : CODECS) {
            try {
                RoundTrip trip = new RoundTrip(args[0], args[1] + "-" + codec, codec, records);
                consumed += trip.run();
                produced += records;
                classic += trip.inGroup("classic");
                newer += trip.inGroup("consumer");
            } catch (Exception failure) {
                error = (codec + ": " + failure).replaceAll("[\"\\\\\\n]", " ");
                break;
            }
        }
        System.out.printf(
                "{\"client\":\"kafka-clients\",\"version\":\"%s\",\"produced\":%d,\"consumed\":%d,"
                        + "\"groups\":{\"classic\":%d,\"consumer\":%d},\"ok\":%b,\"error\":\"%s\"}%n",
                AppInfoParser.getVersion(), produced, consumed, classic, newer, error.isEmpty(), error);
    }

    int run() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1))).all().get();
        }
        produce();
        return consume();
    }

    void produce() throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "acks", "all",
                "enable.idempotence", true, "compression.type", codec, "linger.ms", 20);
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int number = 0; number < records; number++) {
                sent.add(producer.send(new ProducerRecord<>(
                        topic, number % PARTITIONS, TIMESTAMP_MS + number, key(number), value(number), headers(number))));
            }
        }
        for (Future<RecordMetadata> record : sent) record.get();
    }

    int consume() {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "fetch.max.wait.ms", 10);
        int[] next = {0, 1, 2};
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (int partition = 0; partition < PARTITIONS; partition++) partitions.add(new TopicPartition(topic, partition));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            return read(consumer, next, records);
        }
    }

    /** Two members, one after the other, read half each. */
    int inGroup(String protocol) {
        int[] next = {0, 1, 2};
        int half = member(protocol, next, records / 2);
        return half + member(protocol, next, records - half);
    }

    int member(String protocol, int[] next, int wanted) {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "fetch.max.wait.ms", 10,
                "group.id", topic + "-" + protocol, "group.protocol", protocol,
                "enable.auto.commit", false, "auto.offset.reset", "earliest");
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(topic));
            int consumed = read(consumer, next, wanted);
            Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
            for (int partition = 0; partition < PARTITIONS; partition++) {
                offsets.put(new TopicPartition(topic, partition), new OffsetAndMetadata(next[partition] / PARTITIONS));
            }
            consumer.commitSync(offsets);
            return consumed;
        }
    }

    /** Reads until there are as many as wanted; what comes beyond is left alone. */
    int read(KafkaConsumer<byte[], byte[]> consumer, int[] next, int wanted) {
        int consumed = 0;
        long end = System.nanoTime() + WAIT.toNanos();
        while (consumed < wanted && System.nanoTime() < end) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                if (consumed == wanted) break;
                check(record, next[record.partition()]);
                next[record.partition()] += PARTITIONS;
                consumed++;
            }
        }
        return consumed;
    }

    void check(ConsumerRecord<byte[], byte[]> record, int number) {
        List<Header> headers = new ArrayList<>();
        record.headers().forEach(header -> headers.add(new RecordHeader(header.key(), header.value())));
        boolean same = record.offset() == number / PARTITIONS
                && Arrays.equals(record.key(), key(number))
                && Arrays.equals(record.value(), value(number))
                && record.timestamp() == TIMESTAMP_MS + number
                && headers.equals(headers(number));
        if (!same) throw new IllegalStateException("record " + number + " came as " + record);
    }

    static byte[] key(int number) {
        return bytes("key " + number % 7);
    }

    /** Every tenth is a tombstone. */
    static byte[] value(int number) {
        return number % 10 == 7 ? null : bytes("value " + number + " λόγος " + ".".repeat(number % 300));
    }

    List<Header> headers(int number) {
        return List.of(new RecordHeader("number", bytes(Integer.toString(number))), new RecordHeader("codec", bytes(codec)));
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
