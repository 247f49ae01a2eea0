#!/usr/bin/env bash
# @platformatic/kafka 2.12.1 gives a consumer records of aborted transactions, at its default isolation level, READ_COMMITTED. Its
# filter keeps one range for each producer and answer: when a producer has aborted two transactions in the same answer, the
# records of the earlier one come, and when the marker of an aborted transaction comes in a later answer, its records come.
# The Java client goes through the list of aborted transactions in step with the batches, and gives none of them.
# Seen, on Kafka 4.4.0: of "aborted, first, aborted, last" the first "aborted" comes, and four of an aborted transaction of six
# records when the six do not fit into one fetch. kafkajs 2.2.4 gives only what was committed.
# Needs Java 17 or newer, Maven and Node 24.6 or newer; fetches about 50 MB.
set -euo pipefail
folder=$(mktemp -d)
broker=
trap 'if [ -n "$broker" ]; then kill "$broker" 2>/dev/null; wait "$broker" 2>/dev/null || true; fi; rm -rf "$folder"' EXIT
cd "$folder"
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.4.0</version></dependency>
  </dependencies>
</project>
XML
mvn --batch-mode --quiet org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DincludeScope=runtime -DoutputDirectory=libs
read -r port controller < <(node -e '
  const { createServer } = require("node:net");
  const servers = [createServer(), createServer()];
  Promise.all(servers.map((s) => new Promise((done) => s.listen(0, "127.0.0.1", () => done(s.address().port)))))
    .then((ports) => { console.log(ports.join(" ")); servers.forEach((s) => s.close()); });')
cat >broker.properties <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
log.dirs=$folder/log
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
EOF
java -cp 'libs/*' kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAg -c broker.properties >/dev/null 2>&1
java -Xmx384m -cp 'libs/*' kafka.Kafka broker.properties >broker.log 2>&1 &
broker=$!
npm init --yes >/dev/null
npm install --silent --no-fund --no-audit --save-exact @platformatic/kafka@2.12.1
cat >look.mjs <<'JS'
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
const bootstrapBrokers = [process.argv[2]];
const client = { clientId: 'finding', bootstrapBrokers, retries: 60 };
const admin = new Admin(client);
async function read(transactions, maxBytes) {
  const topic = `aborted-${maxBytes}`;
  await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 });
  const producer = new Producer({ ...client, idempotent: true, transactionalId: topic, serializers: stringSerializers });
  for (const { values, commit } of transactions) {
    const transaction = await producer.beginTransaction();
    for (const value of values) await transaction.send({ messages: [{ topic, key: 'a', value }] });
    await (commit ? transaction.commit() : transaction.abort());
  }
  await producer.close();
  const consumer = new Consumer({ ...client, groupId: topic, deserializers: stringDeserializers, maxBytes, maxWaitTime: 500 });
  const seen = [];
  for await (const { value } of await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false })) {
    seen.push(value.trim());
    if (value === 'last') break;
  }
  await consumer.close(true);
  return seen.join(', ');
}
async function look() {
  const aborted = (...values) => ({ values, commit: false });
  const committed = (...values) => ({ values, commit: true });
  const two = await read([aborted('aborted'), committed('first'), aborted('aborted'), committed('last')], 50_000_000);
  console.log(`two aborted transactions in one fetch: ${two}`);
  const long = Array.from({ length: 6 }, () => 'aborted'.padEnd(100_000));
  const cut = await read([aborted(...long), committed('last')], 250_000);
  console.log(`one that does not fit into a fetch: ${cut}`);
  return two === 'aborted, first, last' && cut.startsWith('aborted, ') && cut.endsWith(', last');
}
look().then(
  (asSeen) => {
    console.log(asSeen ? 'as described' : 'something has changed');
    process.exit(asSeen ? 0 : 1);
  },
  (error) => {
    console.log(`something has changed: ${error.message}`);
    process.exit(1);
  },
);
JS
node look.mjs "127.0.0.1:$port"
