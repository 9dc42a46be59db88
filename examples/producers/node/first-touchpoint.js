// Publishes a purchase.
const fs = require('node:fs')
const avro = require('avsc')
const { Kafka, Partitioners } = require('kafkajs')

// The schema's CRC-64-AVRO fingerprint, which avsc does not compute: Avro's specification, "Schema Fingerprints".
function fingerprint(type) {
  const empty = 0xc15d213aa4d7a795n
  let value = empty
  for (const byte of Buffer.from(JSON.stringify(type.schema()))) { // the canonical form
    value ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) value = (value >> 1n) ^ (empty & -(value & 1n))
  }
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return bytes
}

async function main() {
  const type = avro.Type.forSchema(JSON.parse(fs.readFileSync('Purchase.avsc', 'utf8')))
  const orderId = 'node-1001'
  const body = type.toBuffer({
    event_id: `shop-${orderId}-placed`, // of your own key: however often it is sent, it stays the same
    occurred_at: Date.now(), // when the order was placed, in ms
    source: 'shop',
    customer_id: 'c-1001',
    identifiers: { email: 'ann@example.com' },
    attributes: { region: 'coast' },
    order_id: orderId,
    amount_minor: 4490, // 44.90
    currency: 'EUR',
    items: [{ sku: 'COFFEE-250', quantity: 2, price_minor: 2245 }]
  })
  const message = Buffer.concat([Buffer.from([0xc3, 0x01]), fingerprint(type), body])

  const kafka = new Kafka({ brokers: (process.env.KAFKA || 'localhost:9092').split(',') })
  const producer = kafka.producer({ idempotent: true, createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  try {
    await producer.send({ topic: 'touchpoints.purchases.v1', acks: -1, messages: [{ key: 'c-1001', value: message }] })
  } finally {
    await producer.disconnect()
  }
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
