#!/usr/bin/env bash
# @platformatic/kafka 2.12.1 writes a record to another partition than the one that it names, without an error: when the named
# partition is not in the metadata, the producer takes the number modulo the number of partitions that it knows. That is so for
# a partition that does not exist, and for one that was added since the metadata were read (they are up to metadataMaxAge old).
# The Java client waits for newer metadata, and fails after max.block.ms.
# Seen, on Kafka 4.4.0: partition 7 of a topic with two becomes 1; partition 1, added to a topic that had one, becomes 0.
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
import { Admin, ProduceAcks, Producer, stringSerializers } from '@platformatic/kafka';
const bootstrapBrokers = [process.argv[2]];
const client = { clientId: 'finding', bootstrapBrokers, retries: 60 };
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const admin = new Admin(client);
async function look() {
  for (const [topic, partitions] of [['two', 2], ['grows', 1]]) {
    await admin.createTopics({ topics: [topic], partitions, replicas: 1 });
  }
  const producer = new Producer({ ...client, serializers: stringSerializers, metadataMaxAge: 300_000 });
  const send = async (topic, partition) => {
    const messages = [{ topic, partition, key: 'a', value: 'b' }];
    const { offsets } = await producer.send({ acks: ProduceAcks.ALL, messages });
    return offsets[0].partition;
  };
  const missing = await send('two', 7);
  console.log(`partition 7 of a topic with two: written to ${missing}`);
  await send('grows', 0);
  await admin.createPartitions({ topics: [{ name: 'grows', count: 2 }] });
  const reader = new Admin(client);
  for (let count = 1; count < 2; await wait(200)) {
    count = (await reader.metadata({ topics: ['grows'], forceUpdate: true })).topics.get('grows').partitionsCount;
  }
  const added = await send('grows', 1);
  console.log(`partition 1, just added: written to ${added}`);
  return missing === 1 && added === 0;
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
