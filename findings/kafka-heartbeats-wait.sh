#!/usr/bin/env bash
# Kafka's group coordinator answers heartbeats only when what it has written before them is replicated, and it writes for all
# groups of a partition of __consumer_offsets. While that has fewer replicas in sync than min.insync.replicas, one commit of
# one group is enough: from then on the heartbeats of another group, which commits nothing and has connections of its own,
# take 5 s each (offsets.commit.timeout.ms), and fail, where they took milliseconds in the same state of the cluster. A client
# cannot prove meanwhile that it is a member, and a limit below 5 s on its requests takes the coordinator for lost.
# Seen on Kafka 4.4.0, two brokers, one killed, min.insync.replicas=2, classic protocol (kafkajs 2.2.4): at most 8 ms before
# the commit; 5005 5006 5003 5005 5006 5002 ms after it.
# Needs Java 17 or newer, Maven and Node; fetches about 50 MB; takes two minutes.
set -euo pipefail
folder=$(mktemp -d)
brokers=()
trap 'for one in "${brokers[@]}"; do kill -9 "$one" 2>/dev/null || true; wait "$one" 2>/dev/null || true; done; rm -rf "$folder"' EXIT
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
read -r first second controller < <(node -e '
  const { createServer } = require("node:net");
  const servers = [createServer(), createServer(), createServer()];
  Promise.all(servers.map((s) => new Promise((done) => s.listen(0, "127.0.0.1", () => done(s.address().port)))))
    .then((ports) => { console.log(ports.join(" ")); servers.forEach((s) => s.close()); });')
start() { # id, roles, listeners
  cat >"broker$1.properties" <<PROPERTIES
process.roles=$2
node.id=$1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=$3
log.dirs=$folder/log$1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=2
min.insync.replicas=2
default.replication.factor=2
broker.session.timeout.ms=6000
PROPERTIES
  java -cp 'libs/*' kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAg -c "broker$1.properties" >/dev/null 2>&1
  java -Xmx384m -cp 'libs/*' kafka.Kafka "broker$1.properties" >"broker$1.log" 2>&1 &
  brokers+=($!)
}
start 1 broker,controller "PLAINTEXT://127.0.0.1:$first,CONTROLLER://127.0.0.1:$controller"
start 2 broker "PLAINTEXT://127.0.0.1:$second"
npm init --yes >/dev/null
npm install --silent --no-fund --no-audit --save-exact kafkajs@2.2.4
cat >look.js <<'JS'
const { Kafka } = require('kafkajs');
const [, , broker, pid] = process.argv;
const kafka = new Kafka({ clientId: 'finding', brokers: [broker], logLevel: 0, retry: { retries: 60, maxRetryTime: 1_000 } });
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const topic = 'work';
async function look() {
  const admin = kafka.admin();
  await admin.connect();
  for (let made = false; !made; await wait(500)) {
    made = await admin.createTopics({ topics: [{ topic, replicationFactor: 2 }], waitForLeaders: true }).catch(() => false);
  }
  // The group's coordinator has to be the broker that stays.
  await admin.createTopics({
    topics: [
      {
        topic: '__consumer_offsets',
        replicaAssignment: [{ partition: 0, replicas: [1, 2] }],
        configEntries: [{ name: 'cleanup.policy', value: 'compact' }],
      },
    ],
    waitForLeaders: true,
  });
  const heartbeats = [];
  const member = async (groupId) => {
    const consumer = kafka.consumer({ groupId, sessionTimeout: 30_000, heartbeatInterval: 200, maxWaitTimeInMs: 200 });
    const joined = new Promise((done) => consumer.on(consumer.events.GROUP_JOIN, done));
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ autoCommit: false, eachMessage: async () => undefined });
    await joined;
    return consumer;
  };
  const commits = await member('commits');
  const beats = await member('beats');
  beats.on(beats.events.REQUEST, ({ payload }) => {
    if (payload.apiName === 'Heartbeat') heartbeats.push(payload.duration);
  });
  process.kill(Number(pid), 'SIGKILL');
  for (;;) {
    const { topics } = await admin.fetchTopicMetadata({ topics: ['__consumer_offsets'] });
    if (topics[0].partitions[0].isr.length === 1) break;
    await wait(500);
  }
  await wait(5_000);
  heartbeats.length = 0;
  await wait(5_000);
  const before = Math.max(...heartbeats);
  heartbeats.length = 0;
  const committed = await commits
    .commitOffsets([{ topic, partition: 0, offset: '0' }])
    .then(() => 'accepted', (error) => error.type ?? error.name);
  // Those that were on their way when the commit arrived.
  const after = Math.max(...heartbeats);
  console.log({ slowestBeforeMs: before, commit: committed, ofTheOtherGroupAfterMs: heartbeats.join(' ') });
  process.exitCode = before < 1_000 && after > 4_000 ? 0 : 1;
  console.log(process.exitCode === 0 ? 'as described' : 'something has changed');
  process.exit();
}
look().catch((error) => {
  console.log(`something has changed: ${error.message}`);
  process.exit(1);
});
JS
node look.js "127.0.0.1:$first" "${brokers[1]}"
