#!/usr/bin/env bash
# kafkajs 2.2.4 resolves a send although it has sent nothing: records for a partition that its metadata does not know yet are
# left out, without an error, a warning or an entry in the result. The metadata are up to metadataMaxAge (five minutes) old, so
# that every producer that names partitions itself loses what it writes in that time to partitions that were added.
# The Java client waits for newer metadata and fails after max.block.ms.
# Seen, on Kafka 4.4.0 with a topic that has grown from one partition to two: send() with acks -1 resolves, with no entry for
# partition 1, its log stays empty, and what the same call sent to partition 0 is there.
# Needs Java 17 or newer, Maven and Node; fetches about 50 MB.
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
offsets.topic.replication.factor=1
EOF
java -cp 'libs/*' kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAg -c broker.properties >/dev/null 2>&1
java -Xmx384m -cp 'libs/*' kafka.Kafka broker.properties >broker.log 2>&1 &
broker=$!
npm init --yes >/dev/null
npm install --silent --no-fund --no-audit --save-exact kafkajs@2.2.4
cat >look.js <<'JS'
const { Kafka, Partitioners } = require('kafkajs');
const brokers = [process.argv[2]];
const kafka = new Kafka({ clientId: 'finding', brokers, logLevel: 0, retry: { retries: 20 } });
const topic = 'grows';
async function look() {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const send = (partitions) =>
    producer.send({ topic, acks: -1, messages: partitions.map((partition) => ({ partition, value: 'x' })) });
  await send([0]);
  await admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] });
  let ends = [];
  while (ends.length < 2) ends = await admin.fetchTopicOffsets(topic).catch(() => []);
  const named = (await send([0, 1])).map(({ partition }) => partition);
  ends = await admin.fetchTopicOffsets(topic);
  const lengths = ends.sort((a, b) => a.partition - b.partition).map(({ high }) => Number(high));
  console.log(`the result names partitions [${named}]; records in partition 0 and 1: ${lengths.join(' and ')}`);
  await producer.disconnect();
  await admin.disconnect();
  return String(named) === '0' && String(lengths) === '2,0';
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
node look.js "127.0.0.1:$port"
