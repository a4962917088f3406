import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type OfferedSecurity } from '../../../media/media-server.ts'
import { isRtcpType, rtpPayloadStart } from '../../../media/relay/rtp-packet.ts'
import { BrowserParty } from '../relay/browser-party.ts'
import { audioPort, rtp } from '../relay/rtp-party.ts'
import { digitHeard } from './tone-party.ts'

import { hear, open, TONES, type Stage } from './stage.ts'

/** How long ICE and DTLS may take on loopback. */
const SECURING_MS = 1500

/** Two calls one behind the other, with secured audio between them and plain phones at both ends: either side of it is offered and answered. */
export async function throughTwo(stage: Stage, security: OfferedSecurity, secured: RegExp): Promise<void> {
  const first = await open(stage, stage.caller.describe({ payloads: '0 101' }))
  const between = await first.offerToBuyer(null, security)
  assert.match(between, secured)
  assert.doesNotMatch(between, /NULL_HMAC/) // No cipher at all.
  const second = await open(stage, between)
  const toBuyer = await second.offerToBuyer(null)
  assert.match(toBuyer, /m=audio \d+ RTP\/AVP 0/)
  assert.doesNotMatch(toBuyer, /crypto|fingerprint|candidate|ice-/)
  const back = await second.answerFromBuyer(stage.buyer.describe({ payloads: '0 101' }))
  assert.match(back, secured)
  const told = await first.answerFromBuyer(back)
  await sleep(SECURING_MS)
  await hear(stage.caller, audioPort(told), TONES.caller, stage.buyer)
  await hear(stage.buyer, audioPort(toBuyer), TONES.buyer, stage.caller)
  assert.deepEqual(await digitHeard(stage.caller, audioPort(told), 3, stage.buyer), [3])
  await first.close()
  await second.close()
}

/** A browser that calls a plain phone: its checks, its handshake, and a packet each way. */
export async function browserCalls(stage: Stage): Promise<void> {
  const browser = await BrowserParty.open()
  const session = await open(stage, browser.describe())
  const toBuyer = await session.offerToBuyer(null)
  const told = await session.answerFromBuyer(stage.buyer.describe({ payloads: '0' }))
  await browser.find(told)
  const srtp = await browser.shakeHands(told)
  const [spoken, answered] = [rtp({ sequence: 1, mark: 5 }), rtp({ sequence: 9, mark: 6 })]
  browser.party.send(srtp.protect(spoken)!, audioPort(told))
  assert.deepEqual(audioOf((await stage.buyer.next()).packet), audioOf(spoken))
  stage.buyer.send(answered, audioPort(toBuyer))
  let packet: Buffer
  do packet = (await browser.party.next()).packet
  while (packet[0]! < 128 || isRtcpType(packet[1]!)) // ICE's or DTLS's, or a report.
  assert.deepEqual(audioOf(srtp.unprotect(packet)!), audioOf(answered))
  browser.party.close()
  await session.close()
}

/** Engines may number a stream anew, and say more of it in a header extension. */
function audioOf(packet: Buffer): Buffer {
  return packet.subarray(rtpPayloadStart(packet))
}
