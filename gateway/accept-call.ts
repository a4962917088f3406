import { MediaUnavailable, UnacceptableMedia } from '../media/media-server.ts'
import type { NonBidCode } from '../model/bid.ts'
import { Refusal } from '../model/refusal.ts'
import { Bridge, type LongestCall } from './bridge.ts'
import { buyerTakes, type Taking } from './audio/buyer-accepts.ts'
import { audioOf, type CallAudio } from './audio/call-audio.ts'
import { HoldMusic } from './audio/hold-music.ts'
import { joinAudio } from './audio/join-audio.ts'
import type { Call } from './live-call.ts'
import { Parties } from './parties.ts'
import type { ExchangeParts } from './parts.ts'
import type { AwardResult } from './ring-award.ts'
import { Transfers } from './transfers/transfers.ts'
import { writeEvents, writeSold } from './write-sold.ts'

/** From the buyer's 200 to ours: the media joined, the sale durable, and only then the caller answered. */
export async function accept(
  call: Call,
  answered: Extract<AwardResult, { kind: 'answered' }>,
  parts: ExchangeParts,
): Promise<Bridge | NonBidCode> {
  const { attempt, leg: buyer, sdp } = answered
  const audio = audioOf(call, attempt.award, parts)
  const isAsked = audio !== null && (audio.whisper !== null || audio.accept !== null)
  const isAnnounced = audio !== null && audio.notice !== null
  const sell = (at: Date | null, monotonicMs: number | null): Promise<void> => {
    call.answeredAt = at
    call.aliveAt = at
    call.answeredMonotonicMs = monotonicMs
    call.isJoined = !isAnnounced
    call.state = 'answered'
    return writeSold(call, { caller: call.caller.state(), buyer: buyer.state() }, parts)
  }
  let selling: Promise<void> | null = null
  let answer: string
  try {
    call.isApart ||= (isAsked || isAnnounced) && call.media!.tools !== null
    if (call.isApart) await keepApart(call)
    const joining = answerMedia(call, sdp)
    // Neither waits for the other.
    if (!isAsked) selling = sell(attempt.answeredAt, answered.answeredMonotonicMs)
    selling?.catch(() => {}) // Heard below, unless the media failed first.
    answer = await joining
  } catch (error) {
    void buyer.hangUp()
    forgetAnswer(call)
    if (selling) void writeSold(call, null, parts).catch(() => {}) // A restart must not find it answered.
    if (error instanceof UnacceptableMedia) return 'ring_failed'
    if (error instanceof MediaUnavailable) throw new Refusal('media_failed', error.message)
    throw error
  }
  const taking = isAsked ? await askBuyer(call, answered, audio, parts) : 'taken'
  if (taking !== 'taken') {
    void buyer.hangUp()
    call.throwIfGone()
    return taking === 'gone' ? 'ring_failed' : 'not_accepted'
  }
  try {
    // The buyer pays from when it has taken the call: an agent who listens to a whisper talks to nobody yet.
    await (selling ?? sell(new Date(), parts.clock.monotonicMs()))
  } catch (error) {
    void buyer.hangUp()
    forgetAnswer(call)
    throw new Refusal('storage_unavailable', `the sale could not be written down: ${(error as Error).message}`)
  }
  if (call.gone.aborted) {
    void buyer.hangUp()
    forgetAnswer(call)
    call.throwIfGone()
  }
  if (!buyer.dialog.connected) {
    forgetAnswer(call)
    return 'ring_failed' // Answered and hung up before the caller could be told.
  }
  if (!call.waiting && !(await call.caller.accept(answer))) {
    void buyer.hangUp()
    forgetAnswer(call)
    call.throwIfGone() // Not always by the caller: the SIP server may have lost us with our 200 on its way.
    throw new Refusal('cancelled', 'the caller gave up as the buyer answered')
  }
  call.takenAward?.reservation.answered()
  call.note('answered', `rank ${attempt.award.rank}`)
  parts.announcements.answered(call, attempt.award)
  call.waiting?.joined()
  writeEvents(call, parts)
  call.bridge = new Bridge({
    caller: call.caller,
    buyer,
    media: call.media!,
    longest: longestOf(call, parts.limits),
    sessionExpiresS: parts.policies.sessionExpiresS,
    monotonicMs: () => parts.clock.monotonicMs(),
    holdMusic: audio && holdMusicOf(call, audio),
    callerSaid: call.waiting?.said ?? null,
    note: (step, detail) => call.note(step, detail),
  })
  if (parts.policies.transfers !== 'off') new Transfers(partiesOf(call, call.bridge, parts), parts).listen()
  if (audio !== null || call.isApart) void join(call, audio, parts)
  // Asked for while the 200 was on its way.
  if (call.abandoned) call.bridge.hangUp(call.abandoned.why, call.abandoned.by)
  return call.bridge
}

/** The answer for the caller, once the engine knows both sides. */
async function answerMedia(call: Call, sdp: string): Promise<string> {
  // What an engine still makes of an 18x would be its last word otherwise.
  if (call.earlyAnswers) await call.earlyAnswers
  const { media, waiting } = call
  const answer = await media!.answerFromBuyer(sdp)
  if (waiting?.answer) await media!.answerFrom('caller', waiting.answer) // What it has heard it has answered already.
  return answer
}

/** A timer may be early, and what is up for less than `billable_after` costs nothing. */
const BEYOND_PAID_MS = 50

/**
 * How long it may be up: as the exchange is set, or as its buyer pays for; that from when the sides hear each other, and never so short
 * that nothing would be paid.
 */
export function longestOf(
  { sold, isJoined }: Pick<Call, 'sold' | 'isJoined'>,
  { maxCallDurationMs: ms }: Pick<ExchangeParts['limits'], 'maxCallDurationMs'>,
): LongestCall {
  if (sold?.minutes?.atMax === 'end' && isJoined) {
    const paidMs = Math.max(sold.minutes.maxBillableSeconds, sold.billableAfter) * 1000 + BEYOND_PAID_MS
    if (paidMs < ms) return { ms: paidMs, reason: 'max_billable_duration' }
  }
  return { ms, reason: 'max_duration' }
}

/** Null when neither side would hear any. */
function holdMusicOf(call: Call, { holdMusic }: CallAudio): HoldMusic | null {
  const { tools } = call.media!
  if (!tools || (holdMusic.caller === null && holdMusic.buyer === null)) return null
  return new HoldMusic(tools, holdMusic, (reason) => call.note('no music on hold', reason))
}

/** Whispers, and waits for the key. An engine without tools whispers nothing; no award that needs a key is rung from there. */
async function askBuyer(
  call: Call,
  { attempt, leg }: Extract<AwardResult, { kind: 'answered' }>,
  { whisper, accept: key }: CallAudio,
  parts: ExchangeParts,
): Promise<Taking> {
  const { tools } = call.media!
  const rank = `rank ${attempt.award.rank}`
  if (!tools) {
    call.note('not whispered', `${rank}: the media engine plays nothing`)
    return key === null ? 'taken' : 'declined'
  }
  void writeSold(call, { caller: null, buyer: leg.state() }, parts).catch(() => {}) // A restart hangs up on the agent.
  const onSilent = (reason: string): void => call.note('not whispered', `${rank}: ${reason}`)
  call.ringback?.play()
  try {
    const taking = await buyerTakes({ leg, tools, whisper, accept: key, gone: call.gone, onSilent })
    call.note('agent asked', `${rank}: ${taking}`)
    return taking
  } catch (error) {
    call.note('agent not asked', `${rank}: ${(error as Error).message}`)
    if (error instanceof MediaUnavailable) return 'gone'
    void leg.hangUp() // A fault of ours: nobody else will.
    throw error
  }
}

/** From the first packet on, until the agent has taken the call and the announcement is over, the sides do not hear each other. */
async function keepApart({ media }: Call): Promise<void> {
  // Not every engine can before it has joined them: it is asked again then.
  await media!.tools!.apart(true).catch(() => {})
}

/** Where there is an announcement the call begins with its end, which a restart has to know. */
async function join(call: Call, audio: CallAudio | null, parts: ExchangeParts): Promise<void> {
  const bridge = call.bridge!
  const isAnnounced = audio !== null && audio.notice !== null
  if (isAnnounced) call.answeredMonotonicMs = null
  await bridge.agreed // Whoever left the offer to us says with the ACK what it hears.
  await joinAudio(call, audio, parts)
  if (!isAnnounced || bridge.isEnded) return
  call.answeredAt = new Date()
  call.aliveAt = call.answeredAt
  call.answeredMonotonicMs = parts.clock.monotonicMs()
  call.isJoined = true
  bridge.endAfter(longestOf(call, parts.limits))
  const dialogs = { caller: call.caller.state(), buyer: bridge.legOf('buyer').state() }
  void writeSold(call, dialogs, parts).catch(() => {}) // The sale is written down already.
}

function partiesOf(call: Call, bridge: Bridge, parts: ExchangeParts): Parties {
  return new Parties({
    call,
    bridge,
    register: parts.ownDialogs,
    isBuyerKnownByAddress: parts.registrar.usernameIn(call.soldAttempt!.target.uri) === null,
    // The sale is written down already.
    write: (dialogs) => void writeSold(call, dialogs, parts).catch(() => {}),
  })
}

function forgetAnswer(call: Call): void {
  call.answeredAt = null
  call.aliveAt = null
  call.answeredMonotonicMs = null
  call.state = 'ringing'
}
