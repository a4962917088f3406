import { eventJson, type DomainEvent, type EventType } from '../model/events.ts'
import type { Caller } from './endpoint.ts'

/** What a client may subscribe to. */
export const TOPICS = ['bids', 'routing_decisions', 'calls', 'auctions', 'compliance'] as const
export type Topic = (typeof TOPICS)[number]

const TOPIC_OF: Record<EventType, Topic> = {
  'call.received': 'calls',
  'call.routed': 'calls',
  'call.ringing': 'calls',
  'call.answered': 'calls',
  'call.ended': 'calls',
  'call.tracked': 'calls',
  'ledger.posted': 'calls', // Money follows calls; there is no topic of its own in the contract.
  'trunk.limited': 'calls',
  'account.balance_low': 'calls',
  'account.paused': 'calls',
  'account.resumed': 'calls',
  'routing.decision': 'routing_decisions',
  'campaign.exhausted': 'routing_decisions',
  'reachability.changed': 'routing_decisions',
  'webhook.disabled': 'calls',
  'auction.started': 'auctions',
  'auction.completed': 'auctions',
  'bid.placed': 'bids',
  'bid.won': 'bids',
  'compliance.checked': 'compliance',
  'compliance.violated': 'compliance',
  'fraud.scored': 'compliance',
}

export function topicOf(event: DomainEvent): Topic {
  return TOPIC_OF[event.type]
}

type Reader = Pick<Caller, 'role' | 'accountId'>

/** The payload of an event meant for this reader; null when it is none of its business. */
function payloadFor({ payload, audience }: DomainEvent, { role, accountId }: Reader): object | null {
  if (role === 'admin') return payload
  if (role === 'seller') return audience.sellerId === accountId ? (audience.sellerPayload ?? null) : null
  return audience.buyerPayloads?.get(accountId) ?? null // Named in buyerIds alone, there is nothing to read.
}

/** The messages of one event, each text made once however many listen: for all administrators, and for each account. */
export function createMessages(event: DomainEvent): (reader: Reader) => string | null {
  const texts = new Map<string, string | null>()
  return (reader) => {
    const key = reader.role === 'admin' ? 'admin' : reader.accountId
    const known = texts.get(key)
    if (known !== undefined) return known
    const payload = payloadFor(event, reader)
    const owner = reader.role === 'admin' ? event.audience.sellerId : reader.accountId
    const text = payload && eventJson(event, owner, payload)
    texts.set(key, text)
    return text
  }
}
