//! Arguments: bootstrap, topic prefix, records. What this program does is said in interop/README.md.

use std::time::{Duration, Instant};

use futures_executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders, Timestamp};
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::util::get_rdkafka_version;

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
const PROTOCOLS: [&str; 2] = ["classic", "consumer"];
const PARTITIONS: usize = 3;
const TIMESTAMP_MS: i64 = 1_700_000_000_000;
const WAIT: Duration = Duration::from_secs(30);

type Failure = Box<dyn std::error::Error>;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let records: usize = args[2].parse().expect("the third argument is a number");
    let mut groups = [0; 2];
    let (mut produced, mut consumed, mut error) = (0, 0, String::new());
    for codec in CODECS {
        let topic = format!("{}-{codec}", args[1]);
        match round_trip(&args[0], &topic, codec, records, &mut groups) {
            Ok(count) => {
                produced += records;
                consumed += count;
            }
            Err(failure) => {
                error = format!("{codec}: {failure}").replace(['"', '\\', '\n'], " ");
                break;
            }
        }
    }
    let version = format!("0.39.0 (librdkafka {})", get_rdkafka_version().1);
    let [classic, newer] = groups;
    println!(
        "{{\"client\":\"rdkafka\",\"version\":\"{version}\",\"produced\":{produced},\"consumed\":{consumed},\
         \"groups\":{{\"classic\":{classic},\"consumer\":{newer}}},\"ok\":{},\"error\":\"{error}\"}}",
        error.is_empty()
    );
}

fn round_trip(
    bootstrap: &str,
    topic: &str,
    codec: &str,
    records: usize,
    groups: &mut [usize; 2],
) -> Result<usize, Failure> {
    let admin: AdminClient<DefaultClientContext> = config(bootstrap).create()?;
    let new = NewTopic::new(topic, PARTITIONS as i32, TopicReplication::Fixed(1));
    for result in block_on(admin.create_topics([&new], &AdminOptions::new()))? {
        result.map_err(|(name, code)| format!("{name}: {code}"))?;
    }
    produce(bootstrap, topic, codec, records)?;
    for (count, protocol) in groups.iter_mut().zip(PROTOCOLS) {
        *count += in_group(bootstrap, topic, codec, records, protocol)?;
    }
    consume(bootstrap, topic, codec, records)
}

fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}

fn produce(bootstrap: &str, topic: &str, codec: &str, records: usize) -> Result<(), Failure> {
    let producer: BaseProducer<DefaultProducerContext> = config(bootstrap)
        .set("enable.idempotence", "true")
        .set("compression.codec", codec)
        .set("linger.ms", "20")
        .create()?;
    for number in 0..records {
        let (key, value, text) = (key(number), value(number), number.to_string());
        let headers = OwnedHeaders::new()
            .insert(Header { key: "number", value: Some(&text) })
            .insert(Header { key: "codec", value: Some(codec) });
        let mut record: BaseRecord<'_, String, String> = BaseRecord::to(topic)
            .key(&key)
            .partition((number % PARTITIONS) as i32)
            .headers(headers)
            .timestamp(TIMESTAMP_MS + number as i64);
        if let Some(value) = &value {
            record = record.payload(value);
        }
        producer.send(record).map_err(|(error, _)| error)?;
    }
    producer.flush(WAIT)?;
    Ok(())
}

fn consume(bootstrap: &str, topic: &str, codec: &str, records: usize) -> Result<usize, Failure> {
    let consumer: BaseConsumer = config(bootstrap)
        .set("group.id", "none: partitions are assigned")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "10")
        .create()?;
    let mut assigned = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assigned.add_partition_offset(topic, partition as i32, Offset::Beginning)?;
    }
    consumer.assign(&assigned)?;
    let mut next: Vec<usize> = (0..PARTITIONS).collect();
    read(&consumer, codec, &mut next, records)
}

/// Two members, one after the other, read half each.
fn in_group(bootstrap: &str, topic: &str, codec: &str, records: usize, protocol: &str) -> Result<usize, Failure> {
    let mut next: Vec<usize> = (0..PARTITIONS).collect();
    let half = member(bootstrap, topic, codec, protocol, &mut next, records / 2)?;
    Ok(half + member(bootstrap, topic, codec, protocol, &mut next, records - half)?)
}

/// Leaves the group as it goes out of scope.
fn member(
    bootstrap: &str,
    topic: &str,
    codec: &str,
    protocol: &str,
    next: &mut [usize],
    wanted: usize,
) -> Result<usize, Failure> {
    let consumer: BaseConsumer = config(bootstrap)
        .set("group.id", format!("{topic}-{protocol}"))
        .set("group.protocol", protocol)
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", "10")
        .create()?;
    consumer.subscribe(&[topic])?;
    let consumed = read(&consumer, codec, next, wanted)?;
    let mut offsets = TopicPartitionList::new();
    for (partition, number) in next.iter().enumerate() {
        offsets.add_partition_offset(topic, partition as i32, Offset::Offset((number / PARTITIONS) as i64))?;
    }
    consumer.commit(&offsets, CommitMode::Sync)?;
    Ok(consumed)
}

/// Reads as many as wanted; what comes beyond is left alone.
fn read(consumer: &BaseConsumer, codec: &str, next: &mut [usize], wanted: usize) -> Result<usize, Failure> {
    let mut consumed = 0;
    let end = Instant::now() + WAIT;
    while consumed < wanted {
        if Instant::now() > end {
            return Err(format!("{consumed} of {wanted} records came").into());
        }
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message?;
        let number = &mut next[message.partition() as usize];
        check(&message, *number, codec)?;
        *number += PARTITIONS;
        consumed += 1;
    }
    Ok(consumed)
}

fn check(message: &BorrowedMessage, number: usize, codec: &str) -> Result<(), Failure> {
    let headers: Vec<(String, Vec<u8>)> = message.headers().map_or(vec![], |headers| {
        headers.iter().map(|header| (header.key.to_string(), header.value.unwrap_or(b"").to_vec())).collect()
    });
    let expected = vec![
        ("number".to_string(), number.to_string().into_bytes()),
        ("codec".to_string(), codec.as_bytes().to_vec()),
    ];
    let same = message.offset() as usize == number / PARTITIONS
        && message.key() == Some(key(number).as_bytes())
        && message.payload().map(<[u8]>::to_vec) == value(number).map(String::into_bytes)
        && message.timestamp() == Timestamp::CreateTime(TIMESTAMP_MS + number as i64)
        && headers == expected;
    if same { Ok(()) } else { Err(format!("record {number} came as {message:?}").into()) }
}

fn key(number: usize) -> String {
    format!("key {}", number % 7)
}

/// Every tenth is a tombstone.
fn value(number: usize) -> Option<String> {
    (number % 10 != 7).then(|| format!("value {number} λόγος {}", ".".repeat(number % 300)))
}
