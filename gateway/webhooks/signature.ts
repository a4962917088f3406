import { createHmac } from 'node:crypto'

/**
 * The headers of Standard Webhooks (standardwebhooks.com, version 1): the message's id, the second of this attempt, and the
 * HMAC-SHA-256 of `id.timestamp.body` by the webhook's secret, which is base64 after its `whsec_`.
 */
export function signedHeaders(
  message: { readonly eventId: string; readonly body: string; readonly secret: string },
  nowMs: number,
): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1000))
  const key = Buffer.from(message.secret, 'base64')
  const signature = createHmac('sha256', key).update(`${message.eventId}.${timestamp}.${message.body}`).digest('base64')
  return {
    'content-type': 'application/json',
    'user-agent': 'DCE-Webhooks/1',
    'webhook-id': message.eventId,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  }
}
