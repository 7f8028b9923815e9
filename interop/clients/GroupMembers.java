// Members of groups by Apache Kafka's Java client: one process, as many members as it is told. Arguments: bootstrap,
// protocol (classic or consumer, which is KIP-848). Commands and what is printed: interop/groups/member-process.ts.
// Each member polls in a thread of its own.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.serialization.StringDeserializer;

public class GroupMembers {
    static final ObjectMapper JSON = new ObjectMapper();
    static final Map<String, String> ASSIGNORS = Map.of("range", "RangeAssignor", "roundrobin", "RoundRobinAssignor",
            "sticky", "StickyAssignor", "cooperative-sticky", "CooperativeStickyAssignor");
    static final Duration POLL = Duration.ofMillis(50);

    static String bootstrap;
    static boolean isConsumerProtocol;

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        isConsumerProtocol = args[1].equals("consumer");
        Map<String, Member> members = new HashMap<>();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            JsonNode command = JSON.readTree(line);
            String name = command.get("member").asText();
            if (command.get("do").asText().equals("join")) members.put(name, new Member(name, command));
            else members.get(name).commands.add(command);
        }
    }

    static synchronized void tell(Map<String, ?> told) {
        try {
            System.out.println(JSON.writeValueAsString(told));
        } catch (Exception failure) {
            throw new IllegalStateException(failure);
        }
    }

    static class Member extends Thread {
        final String name;
        final JsonNode join;
        final Queue<JsonNode> commands = new ConcurrentLinkedQueue<>();

        Member(String name, JsonNode join) {
            this.name = name;
            this.join = join;
            setDaemon(true);
            start();
        }

        @Override
        public void run() {
            try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings())) {
                subscribe(consumer, join);
                while (obey(consumer)) {
                    for (ConsumerRecord<String, String> record : consumer.poll(POLL)) {
                        List<Object> place =
                                List.of(record.topic(), record.partition(), record.offset(), record.value());
                        tell(Map.of("member", name, "record", place));
                    }
                }
            } catch (Exception failure) {
                tell(Map.of("member", name, "failed", failure.toString()));
            }
            tell(Map.of("member", name, "left", true));
        }

        /** Whether the member goes on. */
        boolean obey(KafkaConsumer<String, String> consumer) {
            for (JsonNode command = commands.poll(); command != null; command = commands.poll()) {
                if (command.get("do").asText().equals("leave")) return false;
                subscribe(consumer, command);
            }
            return true;
        }

        void subscribe(KafkaConsumer<String, String> consumer, JsonNode command) {
            List<String> topics = new ArrayList<>();
            for (JsonNode topic : command.get("topics")) topics.add(topic.asText());
            String first = topics.get(0);
            if (!first.startsWith("^")) consumer.subscribe(topics);
            else if (isConsumerProtocol) consumer.subscribe(new SubscriptionPattern(first));
            else consumer.subscribe(Pattern.compile(first));
        }

        Map<String, Object> settings() {
            Map<String, Object> settings = new HashMap<>(Map.of(
                    "bootstrap.servers", bootstrap, "client.id", name, "group.id", join.get("group").asText(),
                    "group.protocol", isConsumerProtocol ? "consumer" : "classic",
                    "key.deserializer", StringDeserializer.class, "value.deserializer", StringDeserializer.class,
                    "auto.offset.reset", "earliest", "auto.commit.interval.ms", 50, "fetch.max.wait.ms", 100,
                    "metadata.max.age.ms", join.get("metadataAgeMs").asText()));
            settings.put("reconnect.backoff.max.ms", 200);
            settings.put("allow.auto.create.topics", false);
            String assignor = join.get("assignor").asText();
            if (isConsumerProtocol) {
                settings.put("group.remote.assignor", assignor);
            } else {
                String name = "org.apache.kafka.clients.consumer." + ASSIGNORS.get(assignor);
                settings.put("partition.assignment.strategy", name);
                settings.put("session.timeout.ms", join.get("sessionTimeoutMs").asText());
                settings.put("heartbeat.interval.ms", join.get("heartbeatMs").asText());
            }
            return settings;
        }
    }
}
