# The pipeline's image is the last stage. The stages before it make the servers of docker-compose.yml that
# need more than their makers' images: Connect its plugins, the others a data folder that they may write.
# ARG before FROM: one place for each version; ops/docker/compose.test.ts compares them with ops/local.
ARG NODE_VERSION=24.21.0
ARG KAFKA_VERSION=4.4.0
ARG REGISTRY_VERSION=2.6.13.Final
ARG OBJECT_STORAGE_VERSION=1.8.0
ARG MAVEN_VERSION=3.9.11

# -- Connect: Debezium and the Avro converter, by the same recipes as the local stack ------------------
FROM maven:${MAVEN_VERSION}-eclipse-temurin-21 AS connect-plugins
ARG DEPENDENCY_PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.8.1
COPY ops/local/servers/connect-plugins /recipes
RUN mvn --batch-mode --strict-checksums --file /recipes/debezium/pom.xml \
      ${DEPENDENCY_PLUGIN}:unpack-dependencies -DincludeScope=runtime -DoutputDirectory=/plugins \
 && mvn --batch-mode --strict-checksums --file /recipes/avro-converter/pom.xml \
      ${DEPENDENCY_PLUGIN}:copy-dependencies -DincludeScope=runtime -DoutputDirectory=/plugins/avro-converter

FROM apache/kafka:${KAFKA_VERSION} AS connect
COPY --from=connect-plugins --chown=appuser:appuser /plugins /opt/connect/plugins
# The converter lacks the manifests that plugin.discovery=service_load needs.
RUN /opt/kafka/bin/connect-plugin-path.sh sync-manifests --plugin-path /opt/connect/plugins
COPY ops/docker/connect.properties /opt/connect/connect.properties
ENV KAFKA_HEAP_OPTS=-Xmx512m
CMD ["/opt/kafka/bin/connect-distributed.sh", "/opt/connect/connect.properties"]

# -- schema registry: a data folder for the user that it runs as ---------------------------------------
FROM quay.io/apicurio/apicurio-registry-mem:${REGISTRY_VERSION} AS registry
USER root
RUN mkdir -p /var/lib/registry && chown 1001:0 /var/lib/registry
USER 1001

# -- S3 server: the same, and its keys from files ------------------------------------------------------
FROM versity/versitygw:v${OBJECT_STORAGE_VERSION} AS object-storage
RUN mkdir -p /var/lib/objects && chown 1000:1000 /var/lib/objects
COPY ops/docker/object-storage.sh /usr/local/bin/object-storage.sh
USER 1000:1000
ENTRYPOINT ["/bin/sh", "/usr/local/bin/object-storage.sh"]

# -- afterbuild ----------------------------------------------------------------------------------------
FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without the optional dependencies: they are Node itself, for machines that have another version.
RUN npm ci --omit=optional
COPY . .
RUN npm run build && npm prune --omit=dev --omit=optional

FROM node:${NODE_VERSION}-bookworm-slim AS afterbuild
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# Schemas, statements and the connector's template are read beside the code.
COPY --from=build /app/schemas ./schemas
COPY --from=build /app/connect ./connect
COPY --from=build /app/lib ./lib
# What a browser loads from the page.
COPY --from=build /app/cli/ui/public ./cli/ui/public
COPY ops/docker/run.sh ./
RUN mkdir /var/lib/afterbuild && chown node:node /var/lib/afterbuild
USER node
ENTRYPOINT ["/bin/sh", "/app/run.sh"]
