import type { ExchangeParts } from '../../../gateway/parts.ts'
import type { Call } from '../../../gateway/live-call.ts'
import type { EnginePool } from '../../../media/engine-pool.ts'
import type { DomainEvent } from '../../../model/events.ts'
import type { AccountId, TrunkId } from '../../../model/ids.ts'
import type { ControlLine } from './control-line.ts'
import type { SimulatedWriter } from './simulated-writer.ts'
import type { WireWitness } from './wire-witness.ts'

interface Seen {
  readonly calls: readonly Call[]
  readonly parts: ExchangeParts
  readonly events: readonly DomainEvent[]
  readonly writer: SimulatedWriter
  readonly wire: WireWitness
  readonly line: ControlLine
  readonly market: { readonly accounts: readonly AccountId[]; readonly trunkId: TrunkId }
  readonly media: EnginePool
}

/** What must be true of every call, and of the exchange, when all calls are over. */
export function faultsOfCalls(seen: Seen): string[] {
  return [...seen.calls.flatMap((call) => faultsOfCall(call, seen)), ...faultsOfMoney(seen), ...leftovers(seen)]
}

/** One call, one record, one final answer, and all three agree. */
function faultsOfCall(call: Call, { writer, wire, line, events }: Seen): string[] {
  const faults: string[] = []
  const fault = (text: string): void => void faults.push(`call ${call.id}: ${text}`)
  const record = writer.ended.get(call.id)?.call
  const onWire = wire.statusOf(call.caller.sipCallId)
  if (onWire === null) fault('its INVITE had no final answer')
  const told = events.filter(({ type, callId }) => type === 'call.ended' && callId === call.id).length
  for (const { type, callId, payload } of events)
    if (type === 'call.answered' && callId === call.id && payload['state'] !== 'answered')
      fault(`it was ${String(payload['state'])} when it was answered`)
  const isWritten = call.facts !== null && !call.countOnly
  if (told !== (isWritten ? 1 : 0)) fault(`${told} call.ended were announced`)
  if (!isWritten) {
    if (record) fault('a record of a call that is only counted')
    return faults
  }
  if (!record) {
    fault('no ended record')
    return faults
  }
  if (record.state !== 'ended' || record.outcome === null || record.endReason === null || record.endedAt === null)
    fault(`a record without an end: ${record.state}, ${record.outcome}, ${record.endReason}`)
  // Its CANCEL has met our refusal: the server has answered for us, and the record knows only what we said.
  const hasCrossed = onWire === 487 && record.outcome !== 'answered'
  // Our refusal was lost with the connection it was on: the server has refused the call of an application that is gone.
  const wasLost =
    onWire === 503 && record.outcome !== 'answered' && line.hasLost(call.caller.sipCallId, record.sipStatus ?? 0)
  // Our 200 went out, and the connection broke before the server could say so: it hangs up on the application that is gone.
  const wasCutOff = onWire === 200 && record.endReason === 'interrupted' && record.answeredAt === null
  if (record.sipStatus !== onWire && !hasCrossed && !wasLost && !wasCutOff)
    fault(`its record says ${record.sipStatus}, and on the wire was ${onWire}`)
  if ((record.outcome === 'answered') !== (onWire === 200) && !wasCutOff)
    fault(`${record.outcome} with ${onWire} on the wire`)
  if (/;tag=/.test(call.caller.header('To') ?? '')) fault('a re-INVITE was taken for it')
  for (const leg of record.legs) if (leg.endedAt === null) fault(`its leg to ${leg.uri} never ended`)
  if (record.outcome !== 'answered' && record.priceMicros !== 0n) fault('a price without an answer')
  return faults
}

/** Nothing is held, nothing was made, and the balances are what the records say. */
function faultsOfMoney({ parts: { balances }, writer, market }: Seen): string[] {
  const faults: string[] = []
  if (balances.holdCount !== 0) faults.push(`${balances.holdCount} holds are left`)
  const owned = new Map<AccountId, bigint>(market.accounts.map((id) => [id, 0n]))
  for (const { posting } of writer.ended.values())
    for (const { accountId, amountMicros } of posting?.entries ?? [])
      owned.set(accountId, (owned.get(accountId) ?? 0n) + amountMicros)
  for (const [id, micros] of owned) {
    if (balances.heldMicros(id) !== 0n) faults.push(`${balances.heldMicros(id)} micros of ${id} are held`)
    if (balances.balanceMicros(id) !== micros)
      faults.push(`${id} has ${balances.balanceMicros(id)} micros, and ${micros} by the records`)
  }
  const sum = [...owned.values()].reduce((total, micros) => total + micros, 0n)
  if (sum !== 0n) faults.push(`the balances add up to ${sum}`)
  return faults
}

/** No place is taken, no session open, no call live. */
function leftovers({ parts, media, market }: Seen): string[] {
  const faults: string[] = []
  const { reservations } = parts.routing.stats()
  if (reservations !== 0) faults.push(`${reservations} places of awards are taken`)
  const trunk = parts.trunks.get(market.trunkId)!
  const place = parts.trunks.admit({ ...trunk, maxConcurrentCalls: 1 }, 0)
  if (typeof place === 'string') faults.push('a place of the trunk is taken')
  if (parts.ownDialogs.size !== 0) faults.push(`${parts.ownDialogs.size} dialogs may still be replaced`)
  if (parts.liveCalls.size !== 0) faults.push(`${parts.liveCalls.size} calls are live`)
  if (media.sessionCount !== 0) faults.push(`${media.sessionCount} media sessions are open`)
  return faults
}
