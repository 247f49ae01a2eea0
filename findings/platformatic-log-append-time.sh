#!/usr/bin/env bash
# @platformatic/kafka 2.12.1 gives the producer's time for records of a topic whose message.timestamp.type is LogAppendTime. There
# the broker's time counts, which stands in the head of the batch: the bit that says so is not looked at. The Java client and
# kafkajs give the broker's time.
# Seen, on Kafka 4.4.0: a record that was sent with the time 1000 is read with 1000.
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
async function look() {
  const topic = 'times';
  const configs = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }];
  await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1, configs });
  const producer = new Producer({ ...client, serializers: stringSerializers });
  await producer.send({ messages: [{ topic, key: 'a', value: 'b', timestamp: 1000n }] });
  const consumer = new Consumer({ ...client, groupId: topic, deserializers: stringDeserializers, maxWaitTime: 500 });
  for await (const { timestamp } of await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false })) {
    console.log(`read with the time ${timestamp}`);
    return timestamp === 1000n;
  }
  return false;
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
