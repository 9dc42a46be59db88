#!/usr/bin/env bash
# Makes Kafka's users, and gives each the rights that it needs, and no others. It can be run again: it changes
# passwords, and takes no right away. docker-compose.yml runs it before anything else; for a Kafka of your own:
#   KAFKA_BIN=…/kafka/bin KAFKA_ADMIN=kafka-1:9092 KAFKA_ADMIN_CONFIG=admin.properties deploy/kafka/rights.sh
# A user whose password is not in the environment is not made, and gets its rights all the same.
set -euo pipefail

BIN=${KAFKA_BIN:-/opt/kafka/bin}
TO=(--bootstrap-server "${KAFKA_ADMIN:-127.0.0.1:29092}")
[[ -z ${KAFKA_ADMIN_CONFIG:-} ]] || TO+=(--command-config "$KAFKA_ADMIN_CONFIG")

INPUTS=(
  touchpoints.purchases.v1 touchpoints.tweets.v1 touchpoints.support_calls.v1 touchpoints.survey_answers.v1
  touchpoints.cart_events.v1 touchpoints.case_events.v1 touchpoints.page_views.v1
  business.changes.v1 business.marketing_spend.v1
)
# The topics that TOUCHLINE_TOPICS names besides: KAFKA_INPUTS="shop.orders events".
read -ra MORE_INPUTS <<< "${KAFKA_INPUTS:-}"
INPUTS+=("${MORE_INPUTS[@]}")
FACTS=(
  facts.touchpoints.v1 facts.journeys.v1 facts.sentiment_shifts.v1 facts.abandonments.v1 facts.follow_ups.v1
  facts.superseded.v1
  facts.metric_buckets.v1 facts.currencies.v1 facts.customers.v1 facts.clocks.v1
  facts.business_changes.v1 facts.marketing_spend.v1 facts.identities.v1 facts.identity_conflicts.v1
)
JOURNEYS=(journeys.touchpoints.v1 journeys.state.v1 journeys.watermarks.v1)
# What touchpoints and people say of who is who.
LINKS=identity.links.v1
# Who was erased, by digests.
ERASURES=identity.erasures.v1
# Up to when signals were sent before a rebuild.
EPOCHS=journeys.epochs.v1
SIGNALS=(signals.sentiment_shifts.v1 signals.abandonments.v1 signals.follow_ups.v1)
DEAD_LETTERS=touchpoints.dlq.v1
# Signals that `touchline notify` could not deliver.
NOTIFY_DEAD_LETTERS=signals.notify.dlq.v1
RESUME=touchpoints.resume.v1
# While it is there, a rebuild is under way, and nobody else starts: all have to see it.
REBUILD=journeys.rebuild.v1

make_user() { # USER PASSWORD
  [[ -n $2 ]] || return 0
  # In a file, not among the arguments: any process of the machine can read those.
  "$BIN/kafka-configs.sh" "${TO[@]}" --alter --entity-type users --entity-name "$1" \
    --add-config-file <(printf 'SCRAM-SHA-512=password=%s\n' "$2")
}

allow() { # USER OPERATION,… topic|group|prefix|cluster [NAME …]
  local principal=$1 operations=$2 kind=$3 arguments=() operation name
  shift 3
  for operation in ${operations//,/ }; do arguments+=(--operation "$operation"); done
  case $kind in
    cluster) arguments+=(--cluster) ;;
    prefix) arguments+=(--resource-pattern-type prefixed --group "$1") ;;
    *) for name in "$@"; do arguments+=("--$kind" "$name"); done ;;
  esac
  "$BIN/kafka-acls.sh" "${TO[@]}" --add --allow-principal "User:$principal" "${arguments[@]}"
}

make_user touchline_owner "${KAFKA_OWNER_PASSWORD:-}"
make_user touchline_worker "${KAFKA_WORKER_PASSWORD:-}"
make_user touchline_sink "${KAFKA_SINK_PASSWORD:-}"
make_user touchline_publisher "${KAFKA_PUBLISHER_PASSWORD:-}"
make_user touchline_notify "${KAFKA_NOTIFY_PASSWORD:-}"

# `touchline topics`, `rebuild`, `dlq`, `identity`, `erase` and `doctor`: makes topics, sends refused messages back, writes
# what people decide of who is who, and takes those who are erased out of it.
allow touchline_owner Create,Describe,DescribeConfigs,Alter,Delete topic \
  "${INPUTS[@]}" "${JOURNEYS[@]}" "$EPOCHS" "$LINKS" "$ERASURES" "${FACTS[@]}" "${SIGNALS[@]}" "$DEAD_LETTERS" \
  "$NOTIFY_DEAD_LETTERS" "$RESUME" "$REBUILD"
allow touchline_owner Write topic "${INPUTS[@]}" "$EPOCHS" "$LINKS" "$DEAD_LETTERS" "$RESUME"
# What a dead letter does not hold is read from its input; the id of the workers' key of pseudonyms, and how far they have
# come, from the watermarks.
allow touchline_owner Read topic "${INPUTS[@]}" journeys.watermarks.v1 "$EPOCHS" "$DEAD_LETTERS"
# `touchline notify --dead-letters`.
allow touchline_owner Read topic "$NOTIFY_DEAD_LETTERS"
# What an erasure was decided to be, and what is left of it.
allow touchline_owner Read topic "$LINKS" "$ERASURES" facts.identities.v1 journeys.state.v1
allow touchline_owner Describe,Delete prefix touchline-

# `touchline worker`. It also reads an input's message that collides with another.
allow touchline_worker Read topic "${INPUTS[@]}" "${JOURNEYS[@]}" "$EPOCHS" "$LINKS" "$ERASURES" "$RESUME"
allow touchline_worker Write topic "${JOURNEYS[@]}" "$LINKS" "$ERASURES" "${FACTS[@]}" "${SIGNALS[@]}" "$DEAD_LETTERS"
allow touchline_worker Describe topic "$REBUILD"
allow touchline_worker Read prefix touchline-streams
allow touchline_worker IdempotentWrite cluster

# `touchline sink`.
allow touchline_sink Read topic "${FACTS[@]}" "$DEAD_LETTERS"
allow touchline_sink Describe topic "$REBUILD"
allow touchline_sink Read prefix touchline-sink

# `touchline notify`: it reads signals alone, and writes what it could not deliver.
allow touchline_notify Read topic "${SIGNALS[@]}"
allow touchline_notify Write topic "$NOTIFY_DEAD_LETTERS"
allow touchline_notify Describe topic "$REBUILD"
allow touchline_notify Read prefix touchline-notify

# Your services, and `touchline publish`. Better a user for each service, with the topics that it publishes to.
allow touchline_publisher Write topic "${INPUTS[@]}"
allow touchline_publisher Describe topic "$REBUILD"
# Kafka before 2.8 lets no idempotent producer write without it; later ones take the right to write to a topic for it.
allow touchline_publisher IdempotentWrite cluster
