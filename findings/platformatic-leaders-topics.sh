#!/usr/bin/env bash
# @platformatic/kafka 2.12.1 leaves the partitions of a topic unassigned that one member of a group subscribes to and its leader
# does not: the leader gives the assigner its own topics, not those of all members. A group whose new version reads one more
# topic does not read it while an old member leads.
# The Java client's leader assigns every topic that a member subscribes to.
# Seen, on Kafka 4.4.0: the first member reads x, the second x and y; no member gets a partition of y.
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
import { Admin, Consumer } from '@platformatic/kafka';
const bootstrapBrokers = [process.argv[2]];
const client = { clientId: 'finding', bootstrapBrokers, retries: 60 };
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const admin = new Admin(client);
async function look() {
  await admin.createTopics({ topics: ['x', 'y'], partitions: 2, replicas: 1 });
  const assigned = {};
  const join = async (name, topics) => {
    const consumer = new Consumer({ ...client, groupId: 'readers', heartbeatInterval: 300, maxWaitTime: 500 });
    consumer.on('consumer:group:join', ({ assignments, generationId, isLeader }) => {
      const partitions = assignments.flatMap((of) => of.partitions.map((partition) => `${of.topic}${partition}`));
      assigned[name] = { generationId, isLeader, partitions: partitions.toSorted().join(' ') };
    });
    const stream = await consumer.consume({ topics, mode: 'latest', autocommit: false });
    stream.on('data', () => undefined);
  };
  await join('old', ['x']);
  await join('new', ['x', 'y']);
  while (assigned.old.generationId !== assigned.new.generationId) await wait(200);
  console.log(assigned);
  return assigned.old.isLeader && `${assigned.old.partitions}${assigned.new.partitions}`.length === 4;
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
