#!/usr/bin/env bash
# @platformatic/kafka 2.12.1 commits for a member that its group has expelled. When the group refuses a commit with
# UNKNOWN_MEMBER_ID or ILLEGAL_GENERATION, Consumer.commit() joins again and repeats the same offsets under its new membership,
# whether or not the partitions still are its own. The refusal is there to keep out a member that was frozen.
# The Java client fails with CommitFailedException.
# Seen, on Kafka 4.4.0, one partition: the first member reads, is stopped (SIGSTOP) until the group has expelled it, the second
# reads and commits 10; the first goes on and commits what it read before, and the group's offset is 1.
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
cat >member.mjs <<'JS'
import { Consumer } from '@platformatic/kafka';
const [, , broker, groupId] = process.argv;
const consumer = new Consumer({
  clientId: 'member',
  groupId,
  bootstrapBrokers: [broker],
  sessionTimeout: 6_000,
  rebalanceTimeout: 6_000,
  heartbeatInterval: 500,
});
const options = { topics: ['work'], mode: 'committed', fallbackMode: 'earliest', autocommit: false, maxWaitTime: 500 };
const stream = await consumer.consume(options);
const records = [];
stream.on('data', (record) => {
  records.push(record);
  process.send({ read: Number(record.offset) });
});
process.on('message', (index) => {
  const { topic, partition, offset, leaderEpoch } = records[index];
  consumer.commit({ offsets: [{ topic, partition, offset: offset + 1n, leaderEpoch }] }).then(
    () => process.send({ commit: 'accepted' }),
    (error) => process.send({ commit: error.message }),
  );
});
JS
cat >look.mjs <<'JS'
import { fork } from 'node:child_process';
import { Admin, Producer, stringSerializers } from '@platformatic/kafka';
const bootstrapBrokers = [process.argv[2]];
const client = { clientId: 'finding', bootstrapBrokers, retries: 60 };
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const admin = new Admin(client);
const start = () => {
  const child = fork('./member.mjs', [process.argv[2], 'readers']);
  const seen = [];
  child.on('message', (message) => seen.push(message));
  const until = async (isWanted) => {
    while (!seen.some(isWanted)) await wait(100);
    return seen.find(isWanted);
  };
  return { child, until };
};
async function committed() {
  const [group] = await admin.listConsumerGroupOffsets({ groups: ['readers'] });
  return Number(group.topics[0].partitions[0].committedOffset);
}
async function look() {
  await admin.createTopics({ topics: ['work'], partitions: 1, replicas: 1 });
  const producer = new Producer({ ...client, serializers: stringSerializers });
  await producer.send({ messages: Array.from({ length: 10 }, (_, at) => ({ topic: 'work', key: 'a', value: `${at}` })) });
  const first = start();
  let other = null;
  try {
    await first.until(({ read }) => read === 0);
    first.child.kill('SIGSTOP');
    other = start();
    await other.until(({ read }) => read === 9);
    other.child.send(9);
    await other.until(({ commit }) => commit === 'accepted');
    const before = await committed();
    first.child.send(0);
    first.child.kill('SIGCONT');
    const { commit } = await first.until((message) => message.commit !== undefined);
    const after = await committed();
    console.log(`committed by the second member: ${before}; the first, expelled, commits 1: ${commit}; now: ${after}`);
    return before === 10 && commit === 'accepted' && after === 1;
  } finally {
    first.child.kill('SIGKILL');
    other?.child.kill('SIGKILL');
  }
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
