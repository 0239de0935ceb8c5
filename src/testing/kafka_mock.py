"""A Kafka broker made of air, for tests: librdkafka's mock cluster in a process of its own.

Prints the address of its brokers as a JSON line, then carries out one command a line from standard input and
answers each with a line: {"do": "produce", "topic": …, "partition": …, "records": [[key, value], …]} says the
offsets. Keys and values are texts, null, or {"hex": …}. It ends with its input.
"""

import json
import sys

from confluent_kafka import Producer

PATIENCE_S = 30


def bytes_of(value):
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return None if value is None else value.encode()


def produce(producer, topic, partition, records):
    """Offsets of the records, in their order."""
    offsets, failures = [None] * len(records), []

    def delivered(at):
        def note(error, message):
            if error is None:
                offsets[at] = message.offset()
            else:
                failures.append(str(error))

        return note

    for at, (key, value) in enumerate(records):
        where = {} if partition is None else {"partition": partition}
        wanted = dict(key=bytes_of(key), value=bytes_of(value), on_delivery=delivered(at))
        while True:
            try:
                producer.produce(topic, **wanted, **where)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    if producer.flush(PATIENCE_S) > 0:
        failures.append("not delivered in time")
    return {"error": failures[0]} if failures else {"offsets": offsets}


def main():
    brokers = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    producer = Producer(
        {
            "bootstrap.servers": "",
            "test.mock.num.brokers": brokers,
            "linger.ms": 0,
            "partitioner": "murmur2_random",
            "topic.metadata.refresh.interval.ms": 1000,
        }
    )
    cluster = producer.list_topics(timeout=PATIENCE_S)
    places = ",".join(f"{it.host}:{it.port}" for it in cluster.brokers.values())
    print(json.dumps({"brokers": places}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        answer = produce(producer, command["topic"], command["partition"], command["records"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
